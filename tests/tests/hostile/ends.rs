//! Where a file begins and ends: versions, cuts, what follows. Class 25.

use libtest_mimic::Trial;
use strongroom::limits::Limits;
use strongroom_tests::forge::der::{integer, null, sequence};

use super::check::{PASSWORD, file, flaw, holds_identity, open, same, tolerated, trial};

pub fn trials() -> Vec<Trial> {
    let mut all = ends();
    all.extend(versions());
    all
}

fn ends() -> Vec<Trial> {
    let class = "25_ends";
    let trailing = |bytes: Vec<u8>| file().trailing(bytes).build();
    let mut all = vec![
        flaw(class, "one_byte_follows", "malformed", (vec![], vec![1]), trailing),
        flaw(class, "text_follows", "malformed", (b"\r\n".to_vec(), b"\r\n ".to_vec()), trailing),
        flaw(class, "two_line_ends_follow", "malformed", (b"\n".to_vec(), b"\n\n".to_vec()), trailing),
        flaw(class, "half_a_line_end_follows", "malformed", (b"\r\n".to_vec(), b"\r".to_vec()), trailing),
        flaw(class, "a_line_end_and_a_zero_follow", "malformed", (vec![0], b"\n\0".to_vec()), trailing),
        flaw(class, "zeros_and_a_byte_follow", "malformed", (vec![0, 0], vec![0, 0, 1]), trailing),
        flaw(class, "a_second_pfx_follows", "malformed", (vec![], file().build()), trailing),
        flaw(class, "a_fourth_field", "malformed", (vec![], null()), |bytes| file().extra(bytes).build()),
        flaw(class, "a_second_mac", "malformed", (vec![], sequence::<&[u8]>(&[])), |bytes| {
            file().extra(bytes).build()
        }),
        flaw(class, "open_end", "truncated", (0, 2), |cut| {
            let file = file().indefinite().build();
            file[..file.len() - cut].to_vec()
        }),
        tolerated(class, "zeros_follow", || file().trailing(vec![0; 4096]).build(), |_| Ok(())),
        tolerated(class, "indefinite_length", || file().indefinite().build(), |_| Ok(())),
    ];
    all.push(trial(class, "every_cut_is_refused", || {
        let whole = file().build();
        holds_identity(&whole, PASSWORD, &Limits::default())?;
        for len in 0..whole.len() {
            let error = open(&whole[..len], PASSWORD, &Limits::default()).unwrap_err();
            // One byte is the digit 0 as well.
            let expected = if len < 2 { "not_pkcs12" } else { "truncated" };
            if error.code() != expected {
                return Err(format!("{len} bytes: {}: {error}", error.code()).into());
            }
        }
        Ok(())
    }));
    // So short, it may be the beginning of anything.
    all.push(trial(class, "a_sequence_of_64_bytes_is_something_else", || {
        for (len, code) in [(63, "truncated"), (64, "not_pkcs12")] {
            let mut bytes = vec![0x30, 0x7f];
            bytes.resize(len, 0x05);
            same("the code", code, open(&bytes, PASSWORD, &Limits::default()).unwrap_err().code())?;
        }
        Ok(())
    }));
    all
}

fn versions() -> Vec<Trial> {
    let versions: [(&str, &[u8]); 10] = [
        ("zero", &[0]),
        ("one", &[1]),
        ("two", &[2]),
        ("four", &[4]),
        ("minus_one", &[0xff]),
        ("minus_3", &[0xfd]),
        ("2_to_32_and_3", &[1, 0, 0, 0, 3]),
        ("128", &[0, 0x80]),
        ("of_100_bytes", &[3; 100]),
        ("2_to_64_and_3", &[1, 0, 0, 0, 0, 0, 0, 0, 3]),
    ];
    versions
        .into_iter()
        .map(|(name, bad)| {
            let name = format!("version_{name}");
            flaw("25_ends", &name, "unsupported_version", (vec![3], bad.to_vec()), |version| {
                file().version(integer(&version)).build()
            })
        })
        .collect()
}
