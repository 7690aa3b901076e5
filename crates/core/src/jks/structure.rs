//! The structure of a keystore, read before anything of it is believed: big-endian numbers, each length and count held
//! against what is there.

use super::{error::JksError, text};
use crate::limits::Limits;

/// The most entries of one keystore. Java's own trust store has about 150.
const MAX_ENTRIES: usize = 4096;
/// The most certificates of one chain.
const MAX_CHAIN: usize = 64;
/// The length of the digest at the end.
const DIGEST_LEN: usize = 20;

/// A keystore, taken apart.
pub(super) struct Structure<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// The alias of a secret key, and how many entries stand behind it.
    pub(super) secret: Option<(String, usize)>,
    /// What the digest is made over.
    pub(super) signed: &'a [u8],
    pub(super) digest: &'a [u8],
}

pub(super) struct Entry<'a> {
    pub(super) alias: String,
    pub(super) kind: Kind<'a>,
}

pub(super) enum Kind<'a> {
    /// EncryptedPrivateKeyInfo, and the chain in DER, leaf first.
    Key { encrypted: &'a [u8], chain: Vec<&'a [u8]> },
    /// A trusted certificate in DER.
    Certificate(&'a [u8]),
    /// A trusted certificate that is not X.509, by its type.
    Foreign(String),
}

impl<'a> Structure<'a> {
    pub(super) fn read(bytes: &'a [u8], limits: &Limits) -> Result<Self, JksError> {
        let mut cursor = Cursor { bytes, at: 0 };
        cursor.take(4)?;
        let version = cursor.number()?;
        if !matches!(version, 1 | 2) {
            return Err(JksError::Version { found: version });
        }
        let count = at_most(cursor.number()?, "entries", MAX_ENTRIES)?;
        let mut found = Found { version, limits, keys: 0, certificates: 0 };
        let mut entries = Vec::new();
        let mut secret = None;
        for number in 0..count {
            let at = cursor.at;
            let tag = cursor.number()?;
            if !matches!(tag, 1..=3) {
                return Err(JksError::Malformed { at, what: "an entry of an unknown kind" });
            }
            let alias = cursor.text()?;
            // When it was made.
            cursor.take(8)?;
            let kind = match tag {
                1 => found.key(&mut cursor)?,
                2 => found.trusted(&mut cursor)?,
                // An object of Java, whose length is nowhere.
                _ => {
                    secret = Some((alias, count - number - 1));
                    break;
                }
            };
            entries.push(Entry { alias, kind });
        }
        let end = match secret {
            Some(_) => bytes.len().checked_sub(DIGEST_LEN).filter(|end| *end >= cursor.at),
            None => Some(cursor.at),
        };
        let end = end.ok_or(JksError::Truncated { at: bytes.len() })?;
        let (signed, digest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        match digest.len() {
            DIGEST_LEN => Ok(Self { entries, secret, signed, digest }),
            0..DIGEST_LEN => Err(JksError::Truncated { at: bytes.len() }),
            _ => Err(JksError::Malformed { at: end + DIGEST_LEN, what: "bytes follow its digest" }),
        }
    }
}

/// What was found so far, for the limits.
struct Found<'l> {
    version: u32,
    limits: &'l Limits,
    keys: usize,
    certificates: usize,
}

impl Found<'_> {
    fn key<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Kind<'a>, JksError> {
        self.keys += 1;
        check(self.keys, "private keys", self.limits.max_keys)?;
        let encrypted = cursor.sized()?;
        let count = at_most(cursor.number()?, "certificates in a chain", MAX_CHAIN)?;
        let mut chain = Vec::new();
        for _ in 0..count {
            let at = cursor.at;
            match self.certificate(cursor)? {
                Ok(der) => chain.push(der),
                Err(_) => {
                    return Err(JksError::Malformed {
                        at,
                        what: "a chain has a certificate that is not X.509",
                    });
                }
            }
        }
        Ok(Kind::Key { encrypted, chain })
    }

    fn trusted<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Kind<'a>, JksError> {
        Ok(match self.certificate(cursor)? {
            Ok(der) => Kind::Certificate(der),
            Err(other) => Kind::Foreign(other),
        })
    }

    /// A certificate in DER, or the type of one that is not X.509.
    fn certificate<'a>(&mut self, cursor: &mut Cursor<'a>) -> Result<Result<&'a [u8], String>, JksError> {
        self.certificates += 1;
        check(self.certificates, "certificates", self.limits.max_bundle)?;
        // Version 1 has no other.
        let kind = if self.version == 1 { "X.509".to_owned() } else { cursor.text()? };
        let der = cursor.sized()?;
        check(der.len(), "bytes in a certificate", self.limits.max_certificate_len)?;
        Ok(if kind == "X.509" || kind == "X509" { Ok(der) } else { Err(kind) })
    }
}

/// A count of the file, which is unsigned here: Java takes FFFFFFFF for less than none.
fn at_most(found: u32, what: &'static str, limit: usize) -> Result<usize, JksError> {
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    check(found, what, limit)?;
    Ok(found)
}

fn check(found: usize, what: &'static str, limit: usize) -> Result<(), JksError> {
    if found <= limit {
        return Ok(());
    }
    Err(JksError::TooMany { what, found: u64::try_from(found).unwrap_or(u64::MAX), limit })
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], JksError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(JksError::Truncated { at: self.bytes.len() })?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], JksError> {
        self.take(N)?.try_into().map_err(|_| JksError::Truncated { at: self.bytes.len() })
    }

    fn number(&mut self) -> Result<u32, JksError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes behind a length of four.
    fn sized(&mut self) -> Result<&'a [u8], JksError> {
        let length = self.number()?;
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// Text behind a length of two bytes.
    fn text(&mut self) -> Result<String, JksError> {
        let length = u16::from_be_bytes(self.array()?);
        let at = self.at;
        let bytes = self.take(usize::from(length))?;
        text::decode(bytes).ok_or(JksError::Malformed { at, what: "a text is not in Java's UTF-8" })
    }
}
