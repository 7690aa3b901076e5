//! Files of certificates in the forms in which they are found: PEM, PKCS #7, encodings of text.

use crate::forge::der::{explicit, indefinite, integer, oid, sequence, set, tlv};

/// A block of PEM text with LF line ends.
#[must_use]
pub fn pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// Base64 on lines, without markers.
#[must_use]
pub fn base64(der: &[u8]) -> String {
    pem("X", der).lines().filter(|line| !line.starts_with('-')).map(|line| format!("{line}\n")).collect()
}

/// Text in UTF-16 with a byte order mark.
#[must_use]
pub fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = if big { u16::to_be_bytes } else { u16::to_le_bytes };
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// PKCS #7 SignedData without signatures (RFC 5652, section 5.1) of certificates and revocation lists.
#[must_use]
pub fn pkcs7(certificates: &[&[u8]], crls: &[&[u8]]) -> Vec<u8> {
    signed_data(certificates, crls, tlv)
}

/// The same with indefinite lengths.
#[must_use]
pub fn pkcs7_ber(certificates: &[&[u8]]) -> Vec<u8> {
    signed_data(certificates, &[], indefinite)
}

fn signed_data(certificates: &[&[u8]], crls: &[&[u8]], tlv: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
    let optional = |tag, values: &[&[u8]]| match values {
        [] => Vec::new(),
        values => tlv(tag, &values.concat()),
    };
    let none: [&[u8]; 0] = [];
    let fields = [
        integer(&[1]),
        set(&none),
        sequence(&[oid("1.2.840.113549.1.7.1")]),
        optional(0xa0, certificates),
        optional(0xa1, crls),
        set(&none),
    ];
    let content = tlv(0x30, &fields.concat());
    let content = if tlv(0, &[]).len() == 2 { explicit(0, &content) } else { tlv(0xa0, &content) };
    tlv(0x30, &[oid("1.2.840.113549.1.7.2"), content].concat())
}

/// Whether OpenSSL is installed; says so if it is not, and the test is skipped.
#[must_use]
pub fn has_openssl() -> bool {
    let found = std::process::Command::new("openssl").arg("version").output().is_ok();
    if !found {
        eprintln!("skipped: openssl is not installed");
    }
    found
}

/// What OpenSSL writes, given its arguments and standard input.
///
/// # Panics
///
/// If it fails.
#[must_use]
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
    };
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("openssl runs");
    let mut stdin = child.stdin.take().unwrap();
    // Apart, so that neither pipe waits for the other.
    let done = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    });
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}
