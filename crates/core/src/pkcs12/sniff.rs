//! Tells what a file is before anything is decoded, so that a wrong file gets a fitting answer.

use std::fmt;

use super::{ber, oid};
use crate::remedy::Remedy;

/// What a file looks like from its first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FileFormat {
    /// PKCS #12, by its outer structure.
    Pkcs12,
    /// PEM text with the kinds of block that its markers name.
    Pem {
        /// There is a certificate block.
        certificate: bool,
        /// There is a private key block.
        private_key: bool,
    },
    /// One certificate in DER.
    CertificateDer,
    /// PKCS #7 / CMS SignedData (`.p7b`): certificates without a key.
    Pkcs7,
    /// A private key in DER (PKCS #8 or PKCS #1), without a certificate.
    PrivateKeyDer,
    /// A Java keystore of the old kind (JKS).
    Jks,
    /// A Java keystore of the old kind with triple DES (JCEKS).
    Jceks,
    /// A ZIP archive.
    Zip,
    /// No byte at all.
    Empty,
    /// Plain text of another kind.
    Text,
    /// Nothing known.
    Unknown,
}

impl FileFormat {
    /// The word used in JSON: `pkcs12`, `pem`, `der`, `pkcs7`, `key`, `jks`, `jceks`, `zip`, `empty`, `text`, `unknown`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pkcs12 => "pkcs12",
            Self::Pem { .. } => "pem",
            Self::CertificateDer => "der",
            Self::Pkcs7 => "pkcs7",
            Self::PrivateKeyDer => "key",
            Self::Jks => "jks",
            Self::Jceks => "jceks",
            Self::Zip => "zip",
            Self::Empty => "empty",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }

    /// What the user can do with such a file where a PKCS #12 file is expected.
    pub(super) fn remedies(self) -> Vec<Remedy> {
        vec![match self {
            Self::Pkcs12 => return Vec::new(),
            Self::Pem { certificate: true, private_key: true } => Remedy::ConvertPem,
            Self::Pem { certificate: true, .. } | Self::CertificateDer | Self::Pkcs7 => {
                return vec![
                    Remedy::Advice("it has no private key; choose the file that has both"),
                    Remedy::ImportAuthorities,
                ];
            }
            Self::Pem { private_key: true, .. } | Self::PrivateKeyDer => Remedy::JoinKeyAndCertificate,
            Self::Jks | Self::Jceks => Remedy::ConvertJavaKeystore,
            Self::Zip => Remedy::Advice("unpack the archive and import the .pfx or .p12 file in it"),
            Self::Empty => Remedy::Advice("the file is empty; was it copied completely?"),
            Self::Pem { .. } | Self::Text | Self::Unknown => {
                Remedy::Advice("choose the .pfx or .p12 file that holds the certificate with its private key")
            }
        }]
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pkcs12 => "a PKCS #12 file",
            Self::Pem { certificate: true, private_key: true } => {
                "PEM text with a certificate and a private key"
            }
            Self::Pem { certificate: true, .. } => "PEM text with a certificate",
            Self::Pem { private_key: true, .. } => "PEM text with a private key",
            Self::Pem { .. } => "PEM text",
            Self::CertificateDer => "a single certificate in DER",
            Self::Pkcs7 => "a PKCS #7 certificate bundle",
            Self::PrivateKeyDer => "a private key in DER",
            Self::Jks => "a Java keystore (JKS)",
            Self::Jceks => "a Java keystore (JCEKS)",
            Self::Zip => "a ZIP archive",
            Self::Empty => "an empty file",
            Self::Text => "plain text",
            Self::Unknown => "a file of unknown kind",
        })
    }
}

/// Recognises the format of `bytes` by its beginning.
#[must_use]
pub fn sniff(bytes: &[u8]) -> FileFormat {
    if bytes.is_empty() {
        return FileFormat::Empty;
    }
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        return FileFormat::Jks;
    }
    if bytes.starts_with(&[0xce, 0xce, 0xce, 0xce]) {
        return FileFormat::Jceks;
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return FileFormat::Zip;
    }
    // Before PEM, whose marks may lie in a name or a certificate of any DER file.
    if let Some(format) = sniff_der(bytes) {
        return format;
    }
    if contains(bytes, b"-----BEGIN ") {
        return FileFormat::Pem {
            certificate: contains(bytes, b"CERTIFICATE-----"),
            private_key: contains(bytes, b"PRIVATE KEY-----"),
        };
    }
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let text = head.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..));
    if text && std::str::from_utf8(head).is_ok() { FileFormat::Text } else { FileFormat::Unknown }
}

/// Looks at the first two or three headers of a SEQUENCE, present or cut off.
fn sniff_der(bytes: &[u8]) -> Option<FileFormat> {
    let inner = ber::enter(bytes, 0x30)?;
    if inner.starts_with(oid::SIGNED_DATA_TLV) {
        return Some(FileFormat::Pkcs7);
    }
    match inner {
        // PFX: a version (3; others are refused by name later), then a ContentInfo. The file may be cut off here.
        [0x02, 0x01, 3, 0x30, ..] => Some(FileFormat::Pkcs12),
        // The same with another version, of any length.
        [0x02, ..] if second_is_content_info(inner) => Some(FileFormat::Pkcs12),
        // PrivateKeyInfo: a version, then an AlgorithmIdentifier.
        [0x02, 0x01, _, 0x30, rest @ ..] => ber::skip_length(rest).map(|_| FileFormat::PrivateKeyDer),
        // PKCS #1 RSAPrivateKey and SEC 1 ECPrivateKey: version, then INTEGER or OCTET STRING.
        [0x02, 0x01, 0x00 | 0x01, 0x02 | 0x04, ..] => Some(FileFormat::PrivateKeyDer),
        // Certificate: SEQUENCE { SEQUENCE { [0] version | serial INTEGER
        [0x30, rest @ ..] => match ber::skip_length(rest)?.first()? {
            0xa0 | 0x02 => Some(FileFormat::CertificateDer),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an INTEGER, however its length is written, is followed by a ContentInfo.
fn second_is_content_info(integer: &[u8]) -> bool {
    matches!(ber::skip_value(integer), Some([0x30, rest @ ..])
        if ber::skip_length(rest).is_some_and(|content| content.starts_with(oid::PKCS7_ARC_TLV)))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
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
            (b"PK\x03\x04", FileFormat::Zip),
            (b"hello", FileFormat::Text),
            (b"\x00\x01\x02", FileFormat::Unknown),
            (b"\x30\x82", FileFormat::Unknown),
            (b"\x30\x80\x02\x01\x03\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", FileFormat::Pkcs12),
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
            (b"-----BEGIN CERTIFICATE-----\n", FileFormat::Pem { certificate: true, private_key: false }),
            (
                b"Bag Attributes\n-----BEGIN RSA PRIVATE KEY-----\n",
                FileFormat::Pem { certificate: false, private_key: true },
            ),
        ] {
            assert_eq!(sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn every_format_has_its_word_and_says_what_it_is_and_what_to_do() {
        let pem = |certificate, private_key| FileFormat::Pem { certificate, private_key };
        for (format, word, name, help) in [
            (FileFormat::Pkcs12, "pkcs12", "a PKCS #12 file", None),
            (
                pem(true, true),
                "pem",
                "PEM text with a certificate and a private key",
                Some("make a PKCS #12 file of it"),
            ),
            (pem(true, false), "pem", "PEM text with a certificate", Some("it has no private key")),
            (pem(false, true), "pem", "PEM text with a private key", Some("put the key and its certificate")),
            (pem(false, false), "pem", "PEM text", Some("choose the .pfx")),
            (FileFormat::CertificateDer, "der", "a single certificate in DER", Some("it has no private key")),
            (FileFormat::Pkcs7, "pkcs7", "a PKCS #7 certificate bundle", Some("it has no private key")),
            (
                FileFormat::PrivateKeyDer,
                "key",
                "a private key in DER",
                Some("put the key and its certificate"),
            ),
            (FileFormat::Jks, "jks", "a Java keystore (JKS)", Some("convert it: keytool")),
            (FileFormat::Jceks, "jceks", "a Java keystore (JCEKS)", Some("convert it: keytool")),
            (FileFormat::Zip, "zip", "a ZIP archive", Some("unpack the archive")),
            (FileFormat::Empty, "empty", "an empty file", Some("the file is empty")),
            (FileFormat::Text, "text", "plain text", Some("choose the .pfx")),
            (FileFormat::Unknown, "unknown", "a file of unknown kind", Some("choose the .pfx")),
        ] {
            assert_eq!((format.word(), format.to_string().as_str()), (word, name));
            match help {
                Some(start) => assert!(format.remedies()[0].to_string().starts_with(start), "{format}"),
                None => assert_eq!(format.remedies(), []),
            }
        }
    }
}
