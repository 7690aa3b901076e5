//! Recognises what bytes are by their beginning.

use super::FileFormat;
use crate::pem::{self, BYTE_ORDER_MARK, Text};

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// UTCTime and GeneralizedTime.
const TIMES: [u8; 2] = [0x17, 0x18];
/// `[0]`, constructed: the version of a certificate.
const CONTEXT_0: u8 = 0xa0;

/// The whole encoding of `signedData`, by which a PKCS #7 file begins.
const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
/// The encoding of PKCS #7's content types, but for the last arc.
const PKCS7_ARC: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07";
/// The same of the encryption schemes of PKCS #5 (RFC 8018) and PKCS #12 (RFC 7292, appendix C).
const PASSWORD_ARCS: [&[u8]; 2] =
    [b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01"];

/// By their first bytes.
const MAGIC: [(&[u8], FileFormat); 9] = [
    (&[0xfe, 0xed, 0xfe, 0xed], FileFormat::Jks),
    (&[0xce, 0xce, 0xce, 0xce], FileFormat::Jceks),
    (&[0xa1, 0xf8, 0x4e], FileFormat::OracleWallet),
    (b"PK\x03\x04", FileFormat::Zip),
    (b"PK\x05\x06", FileFormat::Zip),
    (&[0x1f, 0x8b], FileFormat::Gzip),
    // A version of four bytes, and the length of a salt of 20.
    (&[0, 0, 0, 1, 0, 0, 0, 20], FileFormat::Bks),
    (&[0, 0, 0, 2, 0, 0, 0, 20], FileFormat::Bks),
    (b"PuTTY-User-Key-File-", FileFormat::SshKey),
];

/// What 0x80 to 0x84, by which the length of any such DER begins, become where it is converted to UTF-8: the
/// replacement character, or what stands for them in Latin-1 and in Windows' Latin-1.
const MANGLED_LENGTHS: [&[u8]; 9] = [
    b"\xef\xbf\xbd",
    b"\xc2\x80",
    b"\xc2\x81",
    b"\xc2\x82",
    b"\xc2\x83",
    b"\xe2\x82\xac",
    b"\xe2\x80\x9a",
    b"\xc6\x92",
    b"\xe2\x80\x9e",
];

/// The most bytes before DER that are looked over.
const MAX_DISPLACED: usize = 16;

/// Recognises the format of `bytes` by its beginning.
#[must_use]
pub fn sniff(bytes: &[u8]) -> FileFormat {
    if bytes.is_empty() {
        return FileFormat::Empty;
    }
    if let Some((_, format)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return *format;
    }
    // Before PEM, whose marks may lie in a name or a certificate of any DER file.
    if let Some(format) = sniff_der(bytes) {
        return format;
    }
    if is_mangled(bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)) {
        return FileFormat::Mangled;
    }
    if let Some(at) = displaced(bytes) {
        return FileFormat::Displaced { at };
    }
    let text = Text::of(bytes);
    match (&text, text.bytes().strip_prefix(BYTE_ORDER_MARK)) {
        // The same in UTF-16.
        (Text::Utf16 { .. }, Some([b'0', 0xff, ..])) => FileFormat::Mangled,
        _ => sniff_text(text.bytes()),
    }
}

fn is_mangled(bytes: &[u8]) -> bool {
    let length = bytes.strip_prefix(b"0").unwrap_or_default();
    MANGLED_LENGTHS.iter().any(|mangled| length.starts_with(mangled))
}

fn sniff_text(text: &[u8]) -> FileFormat {
    if pem::has_marker(text) {
        let has = |end: &[u8]| text.windows(end.len()).any(|window| window.eq_ignore_ascii_case(end));
        let certificates: [&[u8]; 4] =
            [b"CERTIFICATE-----", b"BEGIN PKCS7-----", b"PKCS #7 SIGNED DATA-----", b"BEGIN CMS-----"];
        return FileFormat::Pem {
            certificate: certificates.into_iter().any(has),
            private_key: has(b"PRIVATE KEY-----"),
        };
    }
    if pem::looks_like_base64(text) {
        return FileFormat::Base64;
    }
    let head = text.get(..text.len().min(512)).unwrap_or_default();
    let visible = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head).trim_ascii_start();
    let begins = |word: &[u8]| visible.get(..word.len()).is_some_and(|it| it.eq_ignore_ascii_case(word));
    if begins(b"<!doctype html") || begins(b"<html") || begins(b"<head") {
        return FileFormat::Html;
    }
    let printable = head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..));
    // A character may be cut in two at the end of what is looked at.
    let utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    if printable && utf8 { FileFormat::Text } else { FileFormat::Unknown }
}

/// Where DER begins that has a byte order mark or white space before it.
fn displaced(bytes: &[u8]) -> Option<usize> {
    let marks: [&[u8]; 3] = [BYTE_ORDER_MARK, b"\xff\xfe", b"\xfe\xff"];
    let mut at = marks.iter().find(|mark| bytes.starts_with(mark)).map_or(0, |mark| mark.len());
    while at < MAX_DISPLACED && bytes.get(at).is_some_and(|b| matches!(b, b'\r' | b'\n' | b' ' | b'\t')) {
        at += 1;
    }
    let rest = bytes.get(at..)?;
    (at > 0 && sniff_der(rest).is_some()).then_some(at)
}

/// Looks at the first headers of a SEQUENCE, present or cut off.
pub(crate) fn sniff_der(bytes: &[u8]) -> Option<FileFormat> {
    let (SEQUENCE, inner, _) = value(bytes)? else {
        return None;
    };
    if inner.starts_with(SIGNED_DATA) {
        return Some(FileFormat::Pkcs7);
    }
    if inner.starts_with(PKCS7_ARC) {
        return Some(FileFormat::Cms);
    }
    match inner {
        // PFX: a version (3; others are refused by name later), then a ContentInfo. The file may be cut off here.
        [INTEGER, 1, 3, SEQUENCE, ..] => Some(FileFormat::Pkcs12),
        // The same with another version, of any length.
        [INTEGER, ..] if second_is_content_info(inner) => Some(FileFormat::Pkcs12),
        // PrivateKeyInfo: a version, then an AlgorithmIdentifier.
        [INTEGER, 1, _, SEQUENCE, length, ..] if *length != 0 => Some(FileFormat::PrivateKeyDer),
        // PKCS #1 RSAPrivateKey and SEC 1 ECPrivateKey: version, then INTEGER or OCTET STRING.
        [INTEGER, 1, 0 | 1, INTEGER | OCTET_STRING, ..] => Some(FileFormat::PrivateKeyDer),
        [SEQUENCE, ..] => sniff_signed(inner),
        _ => None,
    }
}

/// What begins with two SEQUENCEs: certificates, requests, lists, and keys under their algorithm.
fn sniff_signed(outer: &[u8]) -> Option<FileFormat> {
    let (_, inner, after) = value(outer)?;
    let begins_with_oid = |bytes: &[u8]| bytes.first() == Some(&0x06);
    match inner.first()? {
        &CONTEXT_0 => Some(FileFormat::CertificateDer),
        0x06 => match after.first() {
            Some(&BIT_STRING) => Some(FileFormat::PublicKey),
            Some(&OCTET_STRING) if PASSWORD_ARCS.iter().any(|arc| inner.starts_with(arc)) => {
                Some(FileFormat::EncryptedPrivateKey)
            }
            _ => None,
        },
        &INTEGER => {
            let (_, number, rest) = value(inner)?;
            match value(rest) {
                // A name in place of an algorithm.
                Some((SEQUENCE, name, _)) if number == [0] && matches!(name.first(), None | Some(&SET)) => {
                    Some(FileFormat::CertificateRequest)
                }
                Some((SEQUENCE, algorithm, rest)) if begins_with_oid(algorithm) && is_issued_at(rest) => {
                    Some(FileFormat::Crl)
                }
                _ => Some(FileFormat::CertificateDer),
            }
        }
        // What is encrypted by a password, and how that is proved, each in a SEQUENCE.
        &SEQUENCE
            if after.first() == Some(&SEQUENCE)
                && value(inner).is_some_and(|(_, algorithm, _)| {
                    PASSWORD_ARCS.iter().any(|arc| algorithm.starts_with(arc))
                }) =>
        {
            Some(FileFormat::Bcfks)
        }
        // A CRL of version 1 begins with its algorithm.
        &SEQUENCE => match value(inner)? {
            (_, algorithm, rest) if begins_with_oid(algorithm) && is_issued_at(rest) => Some(FileFormat::Crl),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a name is followed by a time, as in a CRL; in a certificate two times stand in a SEQUENCE.
fn is_issued_at(bytes: &[u8]) -> bool {
    matches!(value(bytes), Some((SEQUENCE, _, after)) if after.first().is_some_and(|tag| TIMES.contains(tag)))
}

/// Whether an INTEGER of up to 127 bytes is followed by a ContentInfo.
fn second_is_content_info(bytes: &[u8]) -> bool {
    matches!(value(bytes), Some((INTEGER, _, rest))
        if value(rest).is_some_and(|(tag, content, _)| tag == SEQUENCE && content.starts_with(PKCS7_ARC)))
}

/// Tag, content and what follows of the first value, as much of them as is there.
pub(crate) fn value(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (length, body) = length(rest)?;
    match length.and_then(|length| body.split_at_checked(length)) {
        Some((content, after)) => Some((*tag, content, after)),
        // Cut off, or of indefinite length.
        None => Some((*tag, body, &[])),
    }
}

/// The length at the beginning of `bytes`, `None` for the indefinite form, and what follows it.
fn length(bytes: &[u8]) -> Option<(Option<usize>, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..0x80 => Some((Some(usize::from(*first)), rest)),
        0x80 => Some((None, rest)),
        _ => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let fold =
                |length: usize, digit: &u8| length.saturating_mul(256).saturating_add(usize::from(*digit));
            Some((Some(digits.iter().fold(0, fold)), rest))
        }
    }
}

/// The length of the first value of `bytes` with its header; `None` if it is not all there or of indefinite length.
pub(crate) fn encoded_len(bytes: &[u8]) -> Option<usize> {
    let (length, body) = length(bytes.get(1..)?)?;
    let total = (bytes.len() - body.len()).checked_add(length?)?;
    (total <= bytes.len()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        for (bytes, expected) in [
            (&b""[..], FileFormat::Empty),
            (b"\xfe\xed\xfe\xed\0\0\0\x02", FileFormat::Jks),
            (b"\xce\xce\xce\xce\0\0\0\x02", FileFormat::Jceks),
            (b"\xa1\xf8\x4e\x36\0\0\0\x06", FileFormat::OracleWallet),
            (b"PK\x03\x04", FileFormat::Zip),
            (b"\x1f\x8b\x08", FileFormat::Gzip),
            (b"\xef\xbb\xbf\n<!DOCTYPE html>", FileFormat::Html),
            (b"\r\n <HTML lang=en>", FileFormat::Html),
            (b"hello", FileFormat::Text),
            (b"\x00\x01\x02", FileFormat::Unknown),
            (b"\x30\x82", FileFormat::Unknown),
            (b"0\xef\xbf\xbd\x0d7\x02\x01\x03", FileFormat::Mangled),
            (b"\xef\xbb\xbf0\xef\xbf\xbd\x0d7\x02\x01\x03", FileFormat::Mangled),
            (b"\xff\xfe0\0\xfd\xff\x0d\0", FileFormat::Mangled),
            (b"0\xc2\x82\x0d7\x02\x01\x03", FileFormat::Mangled),
            (b"0\xe2\x80\x9a\x0d7\x02\x01\x03", FileFormat::Mangled),
            (b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", FileFormat::Pkcs12),
            (
                b"\xef\xbb\xbf\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
                FileFormat::Displaced { at: 3 },
            ),
            (b"\r\n\x30\x82\x0d\x37\x02\x01\x03\x30", FileFormat::Displaced { at: 2 }),
            (
                b"\x30\x80\x02\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01",
                FileFormat::Pkcs12,
            ),
            (
                b"\x30\x80\x02\x02\x01\x03\x30\x80\x06\x09\x2b\x86\x48\x86\xf7\x0d\x01\x07\x01",
                FileFormat::Unknown,
            ),
            (
                b"\x30\x80\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01",
                FileFormat::PrivateKeyDer,
            ),
            (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80", FileFormat::Pkcs7),
            (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80", FileFormat::Cms),
            (
                b"\x30\x16\x30\x0f\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d\x30\x02\x05\x00\x04\x03abc",
                FileFormat::EncryptedPrivateKey,
            ),
            (b"\x30\x0c\x30\x05\x06\x03\x2b\x65\x70\x03\x03\x00ab", FileFormat::PublicKey),
            (b"\x30\x07\x30\x05\x02\x01\x00\x30\x00", FileFormat::CertificateRequest),
            (b"-----BEGIN CERTIFICATE-----\n", FileFormat::Pem { certificate: true, private_key: false }),
            (b"-----begin pkcs7-----\n", FileFormat::Pem { certificate: true, private_key: false }),
            (
                b"Bag Attributes\n-----BEGIN RSA PRIVATE KEY-----\n",
                FileFormat::Pem { certificate: false, private_key: true },
            ),
        ] {
            assert_eq!(sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn lengths_of_either_form_are_stepped_over() {
        assert_eq!(value(b"\x30\x03abcd"), Some((0x30, &b"abc"[..], &b"d"[..])));
        assert_eq!(value(b"\x30\x80abc"), Some((0x30, &b"abc"[..], &b""[..])));
        assert_eq!(value(b"\x30\x82\x00\x03abc"), Some((0x30, &b"abc"[..], &b""[..])));
        assert_eq!(value(b"\x30\x82\x00"), None);
        assert_eq!(value(b""), None);
        assert_eq!(encoded_len(b"\x30\x03abcd"), Some(5));
        assert_eq!(encoded_len(b"\x30\x88\xff\xff\xff\xff\xff\xff\xff\xffabcd"), None);
        assert_eq!(encoded_len(b"\x30\x80\0\0"), None);
    }
}
