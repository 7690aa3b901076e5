use super::*;

fn only(bytes: &[u8]) -> Result<(u8, Vec<u8>, bool), Pkcs12Error> {
    let limits = Limits::default();
    let walk = Walk::new(&limits);
    let mut reader = Reader::of_file(bytes, &walk);
    let element = reader.next()?.unwrap();
    reader.finish("nothing else")?;
    let octets = element.octets(&walk)?.into_owned();
    Ok((element.tag, octets, walk.saw_ber()))
}

#[test]
fn definite_and_indefinite_strings_read_the_same() {
    assert_eq!(only(b"\x04\x03abc").unwrap(), (0x04, b"abc".to_vec(), false));
    assert_eq!(only(b"\x04\x81\x03abc").unwrap(), (0x04, b"abc".to_vec(), true));
    assert_eq!(only(b"\x24\x07\x04\x01a\x04\x02bc").unwrap(), (0x24, b"abc".to_vec(), true));
    assert_eq!(
        only(b"\x24\x80\x24\x80\x04\x01a\x00\x00\x04\x02bc\x00\x00").unwrap(),
        (0x24, b"abc".to_vec(), true)
    );
}

#[test]
fn missing_bytes_of_the_file_are_a_truncation() {
    for bytes in [
        &b"\x04"[..],
        b"\x04\x03ab",
        b"\x30\x84\xff",
        b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x30\x80\x04\x01a",
    ] {
        assert_eq!(only(bytes).unwrap_err(), Pkcs12Error::Truncated { at: bytes.len() }, "{bytes:?}");
    }
}

#[test]
fn nesting_is_bounded_without_recursion() {
    let deep = [0x30, 0x80].repeat(100_000);
    assert_eq!(only(&deep).unwrap_err(), Pkcs12Error::TooMany { what: "levels of nesting", limit: 32 });
}

#[test]
fn integers_beyond_64_bits_saturate_and_negative_ones_are_refused() {
    let limits = Limits::default();
    let walk = Walk::new(&limits);
    let read = |bytes: &[u8]| Reader::of_file(bytes, &walk).next().unwrap().unwrap().unsigned("iterations");
    assert_eq!(read(b"\x02\x02\x08\x00"), Ok(2048));
    assert_eq!(read(b"\x02\x09\x00\xff\xff\xff\xff\xff\xff\xff\xff"), Ok(u64::MAX));
    assert_eq!(read(b"\x02\x0a\x01\0\0\0\0\0\0\0\0\0"), Ok(u64::MAX));
    assert_eq!(
        read(b"\x02\x01\xff"),
        Err(Pkcs12Error::Parameter {
            what: "iterations",
            found: "negative".to_owned(),
            allowed: "1 or more".to_owned()
        })
    );
}

fn malformed(at: usize, what: &'static str) -> Pkcs12Error {
    Pkcs12Error::Malformed { at, what }
}

#[test]
fn the_shortest_length_is_der_and_any_other_is_ber() {
    let of = |length: &[u8], count: usize| {
        let mut bytes = vec![OCTET_STRING];
        bytes.extend_from_slice(length);
        bytes.resize(bytes.len() + count, b'x');
        only(&bytes).map(|(_, octets, ber)| (octets.len(), ber))
    };
    assert_eq!(of(&[0x7f], 127), Ok((127, false)));
    assert_eq!(of(&[0x81, 0x7f], 127), Ok((127, true)));
    assert_eq!(of(&[0x81, 0x80], 128), Ok((128, false)));
    assert_eq!(of(&[0x82, 0x00, 0x80], 128), Ok((128, true)));
    assert_eq!(of(&[0x82, 0x01, 0x02], 258), Ok((258, false)));
    assert_eq!(of(&[0x88, 0, 0, 0, 0, 0, 0, 1, 2], 258), Ok((258, true)));
    assert_eq!(
        of(&[0x89, 0, 0, 0, 0, 0, 0, 0, 1, 2], 258),
        Err(malformed(0, "a length of more than 8 bytes"))
    );
}

#[test]
fn headers_that_no_file_needs_are_refused_where_they_stand() {
    let second = |bytes: &[u8]| {
        let limits = Limits::default();
        let walk = Walk::new(&limits);
        let mut reader = Reader::of_file(bytes, &walk);
        reader.expect(OCTET_STRING, "a string first").unwrap();
        assert_eq!(reader.position(), 3);
        reader.next().err()
    };
    let after = |rest: &[u8]| second(&[b"\x04\x01a", rest].concat());
    assert_eq!(after(b"\x1f\x01a"), Some(malformed(3, "a tag number above 30")));
    assert_eq!(after(b"\xbf\x21\x00"), Some(malformed(3, "a tag number above 30")));
    assert_eq!(after(b"\x00\x00"), Some(malformed(3, "an end-of-contents outside an indefinite length")));
    assert_eq!(after(b"\x04\x80\x00\x00"), Some(malformed(3, "an indefinite length on a primitive value")));
    assert_eq!(after(b"\x04\x02a"), Some(Pkcs12Error::Truncated { at: 6 }));
    assert_eq!(after(b"\x30\x80\x04\x02a"), Some(Pkcs12Error::Truncated { at: 8 }));
    assert_eq!(after(b"\x30\x80\x04\x01a\x00\x00"), None);
    assert_eq!(after(b"\x30\x80\x04\x01a\x1f\x01a\x00\x00"), Some(malformed(8, "a tag number above 30")));
    assert_eq!(after(b"\x1e\x01a"), None);
}

#[test]
fn what_is_not_there_is_named_where_it_was_expected() {
    let limits = Limits::default();
    let walk = Walk::new(&limits);
    let bytes = b"\x02\x01\x05\x24\x03\x04\x01a\x22\x03\x02\x01\x05";
    let mut reader = Reader::of_file(bytes, &walk);
    assert_eq!(reader.optional(OCTET_STRING).unwrap().map(|element| element.tag), None);
    assert_eq!(reader.expect(INTEGER, "a number").unwrap().raw, &bytes[..3]);
    assert_eq!(reader.expect(OCTET_STRING, "a string").unwrap().raw, &bytes[3..8], "in parts");
    assert_eq!(reader.finish("one too many"), Err(malformed(8, "one too many")));
    assert_eq!(reader.expect(INTEGER, "a number").err(), Some(malformed(8, "a number")), "in parts");
    assert_eq!(reader.expect(INTEGER, "a number").err(), Some(malformed(13, "a number")), "nothing");
    assert_eq!(reader.finish("one too many"), Ok(()));
}

#[test]
fn nesting_is_counted_alike_in_both_forms_of_length() {
    let limits = Limits { max_depth: 3, ..Limits::default() };
    let deep = Pkcs12Error::TooMany { what: "levels of nesting", limit: 3 };
    let walk_down = |bytes: &[u8]| -> Result<usize, Pkcs12Error> {
        let walk = Walk::new(&limits);
        let mut reader = Reader::of_file(bytes, &walk);
        let mut levels = 0;
        while let Some(element) = reader.next()? {
            levels += 1;
            reader = element.children(&walk);
        }
        Ok(levels)
    };
    assert_eq!(walk_down(b"\x30\x04\x30\x02\x30\x00"), Ok(3));
    assert_eq!(walk_down(b"\x30\x06\x30\x04\x30\x02\x30\x00"), Err(deep.clone()));
    let open = |levels| [[0x30, 0x80].repeat(levels), vec![0; 2 * levels]].concat();
    assert_eq!(walk_down(&open(3)), Ok(3));
    assert_eq!(walk_down(&open(4)), Err(deep));
}

#[test]
fn strings_in_parts_are_bounded_in_depth_and_number() {
    let nested =
        |levels: usize| [[0x24, 0x80].repeat(levels), b"\x04\x01a".to_vec(), vec![0; 2 * levels]].concat();
    assert_eq!(only(&nested(4)).unwrap().1, b"a");
    assert_eq!(only(&nested(5)).unwrap_err(), malformed(8, "a string nested too deep"));
    let parts = |count: usize| [vec![0x24, 0x80], b"\x04\x01a".repeat(count), vec![0; 2]].concat();
    assert_eq!(only(&parts(65_536)).unwrap().1.len(), 65_536);
    let limit = 65_536;
    assert_eq!(
        only(&parts(65_537)).unwrap_err(),
        Pkcs12Error::TooMany { what: "segments in a string", limit }
    );
    assert_eq!(only(b"\x24\x03\x02\x01a").unwrap_err(), malformed(2, "an OCTET STRING segment expected"));
}
