//! The attributes of bags. They decide nothing, so that an odd one is as if absent, and the file opens.
//! Classes 5, 6, 18, 19, 32 and 34.

use libtest_mimic::Trial;
use strongroom::{
    certificate::{ServerCredential, printable},
    limits::Limits,
    pkcs12::Contents,
};
use strongroom_tests::forge::{
    Bag, Forge,
    bag::{FRIENDLY_NAME, LOCAL_KEY_ID},
    der::{self, bmp, explicit, implicit, integer, null, octets, oid, segmented, sequence, tlv, utf8},
};

use super::check::{
    PASSWORD, certificate_bag, holds_identity, key_bag, open, plain_file, same, tolerated, trial,
};

pub fn trials() -> Vec<Trial> {
    let mut all = round_trips();
    all.extend(types());
    all.extend(broken_text());
    all.extend(repeated());
    all.extend(malformed());
    all.push(trial("34_output_injection", "candidates_are_printed_without_controls", candidates));
    all
}

/// The usual file, whose key has attributes.
fn file_of(key: Bag) -> Vec<u8> {
    plain_file(key, certificate_bag()).build()
}

/// What friendlyName and localKeyId must be read as.
type Expected = (Option<String>, Option<Vec<u8>>);

fn reads(expected: Expected) -> impl Fn(&Contents) -> Result<(), libtest_mimic::Failed> {
    move |contents| {
        let found = &contents.keys[0].attributes;
        same("friendlyName", &expected.0, &found.friendly_name)?;
        same("localKeyId", &expected.1, &found.local_key_id)
    }
}

fn round_trips() -> Vec<Trial> {
    let names = [
        ("05_names", "ends_in_u_07ff", "a\u{7ff}"),
        ("05_names", "ends_in_u_0800", "a\u{800}"),
        ("05_names", "ends_in_cjk", "name 中"),
        ("05_names", "ends_in_u_ffff", "a\u{ffff}"),
        ("05_names", "ends_beyond_the_plane", "a😀"),
        ("05_names", "only_beyond_the_plane", "😀𝕊"),
        ("05_names", "empty", ""),
        ("05_names", "combining", "e\u{301}\u{302}\u{303}"),
        ("34_output_injection", "html", "<script>alert(1)</script>\"'&"),
        ("34_output_injection", "new_line", "a\r\nHTTP/1.1 200 OK\n\n"),
        ("34_output_injection", "right_to_left", "\u{202e}fdp.exe\u{2066}"),
        ("34_output_injection", "path", "../../etc/passwd\\..\\C:"),
        ("34_output_injection", "nul_inside", "admin\0.evil"),
        ("34_output_injection", "terminal", "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m"),
        ("34_output_injection", "json", "\",\"code\":\"ok\\"),
        ("34_output_injection", "format", "{} {0} %s %n $(id) `id`"),
        ("34_output_injection", "pem", "-----BEGIN CERTIFICATE-----"),
    ];
    let mut all = Vec::new();
    for (class, name, text) in names {
        for (kind, value) in [("bmp", bmp(text)), ("utf8", utf8(text))] {
            all.push(tolerated(
                class,
                &format!("{name}_{kind}"),
                move || file_of(key_bag().attribute(FRIENDLY_NAME, std::slice::from_ref(&value))),
                reads((Some(text.to_owned()), None)),
            ));
        }
    }
    // As long as the file has it: 255 characters are usual, each as a pair of surrogates at most.
    for (name, text) in [
        ("of_1020_bytes", "中".repeat(510)),
        ("of_1020_bytes_in_surrogates", "😀".repeat(255)),
        ("of_1022_bytes", "中".repeat(511)),
        ("of_200_000_bytes", "中".repeat(100_000)),
    ] {
        let value = bmp(&text);
        all.push(tolerated(
            "05_names",
            name,
            move || file_of(key_bag().attribute(FRIENDLY_NAME, std::slice::from_ref(&value))),
            reads((Some(text), None)),
        ));
    }
    all
}

/// Values of another type than the attribute has.
fn types() -> Vec<Trial> {
    let values = [
        ("octet_string", octets(b"\0a\0b")),
        ("integer", integer(&[1])),
        ("boolean", tlv(0x01, &[0xff])),
        ("null", null()),
        ("bit_string", tlv(0x03, b"\0\0a")),
        ("printable_string", tlv(0x13, b"name")),
        ("ia5_string", tlv(0x16, b"name")),
        ("universal_string", tlv(0x1c, b"\0\0\0a")),
        ("sequence", sequence(&[bmp("a")])),
        ("constructed_bmp", tlv(0x3e, &bmp("a"))),
        ("context_tag", implicit(0, b"\0a")),
        ("context_tag_constructed", explicit(3, &bmp("a"))),
        ("application_tag", tlv(0x5e, b"\0a")),
    ];
    let mut all = Vec::new();
    for (name, value) in values {
        let class = if name.starts_with("context") { "32_choices" } else { "06_attribute_types" };
        let (copy, good) = (value.clone(), name == "octet_string");
        all.push(tolerated(
            class,
            &format!("friendly_name_{name}"),
            move || {
                file_of(key_bag().attribute(FRIENDLY_NAME, std::slice::from_ref(&value)).local_key_id(b"1"))
            },
            reads((None, Some(b"1".to_vec()))),
        ));
        if !good {
            all.push(tolerated(
                class,
                &format!("local_key_id_{name}"),
                move || {
                    file_of(key_bag().friendly_name("a").attribute(LOCAL_KEY_ID, std::slice::from_ref(&copy)))
                },
                reads((Some("a".to_owned()), None)),
            ));
        }
    }
    all.push(tolerated(
        "06_attribute_types",
        "local_key_id_in_segments",
        || file_of(key_bag().attribute(LOCAL_KEY_ID, &[segmented(b"abcdef", 2)])),
        reads((None, Some(b"abcdef".to_vec()))),
    ));
    all
}

fn broken_text() -> Vec<Trial> {
    let values: [(&str, Vec<u8>); 7] = [
        ("odd_length", tlv(0x1e, b"\0a\0")),
        ("one_byte", tlv(0x1e, b"a")),
        ("high_surrogate_alone", tlv(0x1e, b"\xd8\x3d")),
        ("low_surrogate_alone", tlv(0x1e, b"\xde\x00")),
        ("surrogates_swapped", tlv(0x1e, b"\xde\x00\xd8\x3d")),
        ("surrogate_before_a_letter", tlv(0x1e, b"\xd8\x3d\0a")),
        ("utf8_that_is_none", tlv(0x0c, b"\xff\xfe")),
    ];
    values
        .into_iter()
        .map(|(name, value)| {
            tolerated(
                "18_broken_text",
                name,
                move || file_of(key_bag().attribute(FRIENDLY_NAME, std::slice::from_ref(&value))),
                reads((None, None)),
            )
        })
        .collect()
}

fn repeated() -> Vec<Trial> {
    let class = "19_repeated_attributes";
    vec![
        tolerated(
            class,
            "name_twice",
            || file_of(key_bag().friendly_name("a").friendly_name("b")),
            reads((Some("a".to_owned()), None)),
        ),
        tolerated(
            class,
            "local_key_id_twice",
            || file_of(key_bag().local_key_id(b"1").local_key_id(b"2")),
            reads((None, Some(b"1".to_vec()))),
        ),
        tolerated(
            class,
            "two_values",
            || file_of(key_bag().attribute(FRIENDLY_NAME, &[bmp("a"), bmp("b")])),
            reads((Some("a".to_owned()), None)),
        ),
        tolerated(
            class,
            "no_value",
            || file_of(key_bag().attribute(FRIENDLY_NAME, &[]).attribute(LOCAL_KEY_ID, &[])),
            reads((None, None)),
        ),
        tolerated(
            class,
            "a_name_after_a_broken_one",
            || file_of(key_bag().attribute(FRIENDLY_NAME, &[tlv(0x1e, b"a")]).friendly_name("b")),
            reads((Some("b".to_owned()), None)),
        ),
        tolerated(
            class,
            "ten_thousand_attributes",
            || {
                file_of(
                    (0..10_000)
                        .fold(key_bag(), |bag, _| bag.attribute("1.2.3", &[null()]))
                        .friendly_name("last"),
                )
            },
            reads((Some("last".to_owned()), None)),
        ),
        tolerated(
            class,
            "ten_thousand_values",
            || file_of(key_bag().attribute(FRIENDLY_NAME, &vec![bmp("a"); 10_000])),
            reads((Some("a".to_owned()), None)),
        ),
    ]
}

/// What is no attribute at all spoils the file.
fn malformed() -> Vec<Trial> {
    let value = |attributes: Vec<u8>| {
        let fields = [explicit(0, &super::check::identity().key), attributes].concat();
        file_of(Bag::raw(oid("1.2.840.113549.1.12.10.1.1"), fields))
    };
    let set = |part: Vec<u8>| der::set(&[part]);
    let good = || set(sequence(&[oid(FRIENDLY_NAME), set(bmp("a"))]));
    [
        ("attribute_is_null", set(null())),
        ("attribute_is_empty", set(sequence::<&[u8]>(&[]))),
        ("attribute_without_values", set(sequence(&[oid(FRIENDLY_NAME)]))),
        ("values_are_no_set", set(sequence(&[oid(FRIENDLY_NAME), bmp("a")]))),
        (
            "value_longer_than_its_set",
            set(sequence(&[oid(FRIENDLY_NAME), tlv(0x31, &[0x1e, 0x04, 0, 0x61])])),
        ),
    ]
    .into_iter()
    .map(|(name, bad)| super::check::flaw("32_choices", name, "malformed", (good(), bad), value))
    .collect()
}

/// Names reach a person only through `Candidate`, which escapes them.
fn candidates() -> Result<(), libtest_mimic::Failed> {
    let name = "a\u{1b}[2J\r\n\u{202e}\0b";
    let (key, certificate) = super::check::issue(&super::check::identity().root, "two.hostile.test");
    let bags =
        [key_bag().friendly_name(name), certificate_bag(), Bag::key(&key), Bag::certificate(&certificate)];
    holds_identity(&file_of(key_bag().friendly_name(name)), PASSWORD, &Limits::default())?;
    let file = Forge::new(super::check::secret()).plain(&bags).build();
    let contents = open(&file, PASSWORD, &Limits::default()).map_err(|error| error.to_string())?;
    let error = ServerCredential::choose(contents, None).unwrap_err();
    same("code", "several_entries", error.code())?;
    let message = error.to_string();
    if !message.contains(&printable(name)) || message.chars().any(|c| c.is_control() || c == '\u{202e}') {
        return Err(format!("{message:?}").into());
    }
    Ok(())
}
