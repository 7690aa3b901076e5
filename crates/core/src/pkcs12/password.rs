//! The octets that programs made of a password before they derived keys from it.
//!
//! RFC 7292, appendix B.1 asks for a BMPString with two zero bytes, RFC 8018 for UTF-8. Other readings are tried only
//! where those fail, and whichever worked is reported.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::secret::Password;

/// How a password was read, other than as the standards say.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum PasswordReading {
    /// As the standards say.
    Standard,
    /// The empty password as no byte at all, in place of two zero bytes.
    NoBytes,
    /// In Unicode's composed form (NFC).
    Composed,
    /// In Unicode's decomposed form (NFD), as macOS writes names.
    Decomposed,
    /// The UTF-8 bytes taken for characters one by one, as OpenSSL did before version 1.1.
    Utf8AsLatin1,
    /// As Latin-1, where the standard asks for UTF-8.
    Latin1,
    /// As UTF-16, where the standard asks for UTF-8.
    Utf16,
    /// As the low byte of each unit of UTF-16, where the standard asks for UTF-8; pki.js did so.
    LowBytes,
}

impl PasswordReading {
    /// For people: "the password was read ...".
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Standard => "as the standards say",
            Self::NoBytes => "as no byte at all",
            Self::Composed => "in Unicode's composed form (NFC)",
            Self::Decomposed => "in Unicode's decomposed form (NFD)",
            Self::Utf8AsLatin1 => "as UTF-8 bytes taken for characters, as old OpenSSL versions did",
            Self::Latin1 => "as Latin-1 in place of UTF-8",
            Self::Utf16 => "as UTF-16 in place of UTF-8",
            Self::LowBytes => "as the low byte of each UTF-16 unit in place of UTF-8, as pki.js did",
        }
    }
}

/// One reading of a password: its octets for the two families of derivations.
pub(super) struct Octets {
    pub(super) reading: PasswordReading,
    /// For the derivation of PKCS #12: UTF-16, big endian, with two zero bytes at the end.
    pub(super) bmp: Zeroizing<Vec<u8>>,
    /// For PBKDF1, PBKDF2 and scrypt: UTF-8.
    pub(super) utf8: Zeroizing<Vec<u8>>,
}

impl Octets {
    fn of(reading: PasswordReading, text: &str) -> Self {
        Self { reading, bmp: bmp(text.encode_utf16()), utf8: Zeroizing::new(text.as_bytes().to_vec()) }
    }

    /// The readings of a password, the standard one first; readings that give the same octets are left out.
    pub(super) fn all(password: &Password) -> Vec<Self> {
        // EXPOSE: input of key derivations.
        let text = password.expose();
        let mut all = vec![Self::of(PasswordReading::Standard, text)];
        if text.is_empty() {
            let empty = || Zeroizing::new(Vec::new());
            all.push(Self { reading: PasswordReading::NoBytes, bmp: empty(), utf8: empty() });
        }
        if text.is_ascii() {
            return all;
        }
        let composed = Zeroizing::new(text.nfc().collect::<String>());
        let decomposed = Zeroizing::new(text.nfd().collect::<String>());
        all.push(Self::of(PasswordReading::Composed, &composed));
        all.push(Self::of(PasswordReading::Decomposed, &decomposed));
        all.push(Self {
            reading: PasswordReading::Utf8AsLatin1,
            bmp: bmp(text.bytes().map(u16::from)),
            utf8: Zeroizing::new(text.as_bytes().to_vec()),
        });
        let mut known: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        all.retain(|octets| {
            let new = !known.contains(&octets.bmp);
            known.push(octets.bmp.clone());
            new
        });
        all
    }

    /// What the derivations of PKCS #5 may have been given in place of UTF-8.
    pub(super) fn in_place_of_utf8(&self) -> Vec<(PasswordReading, Zeroizing<Vec<u8>>)> {
        let mut others = Vec::new();
        let units = || self.bmp.chunks_exact(2).map(|pair| (pair.first().copied(), pair.last().copied()));
        let is_latin1 = units().all(|(high, _)| high == Some(0));
        let low = || {
            let low: Zeroizing<Vec<u8>> = Zeroizing::new(units().filter_map(|(_, low)| low).collect());
            Zeroizing::new(low.strip_suffix(&[0]).unwrap_or(&low).to_vec())
        };
        let beyond_ascii = !self.utf8.is_ascii();
        if is_latin1 && beyond_ascii {
            others.push((PasswordReading::Latin1, low()));
        }
        if !self.bmp.is_empty() {
            others.push((PasswordReading::Utf16, self.bmp.clone()));
        }
        if !is_latin1 && beyond_ascii {
            others.push((PasswordReading::LowBytes, low()));
        }
        others
    }
}

/// Big endian, with two zero bytes at the end. Surrogates stand for characters beyond the Basic Multilingual Plane.
fn bmp(units: impl Iterator<Item = u16>) -> Zeroizing<Vec<u8>> {
    // Full size at once, so that growth leaves no copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * crate::secret::MAX_PASSWORD_LEN + 2));
    for unit in units {
        bytes.extend_from_slice(&unit.to_be_bytes());
    }
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(text: &str) -> Vec<(PasswordReading, Vec<u8>, Vec<u8>)> {
        let all = Octets::all(&Password::new(text).unwrap());
        all.into_iter().map(|octets| (octets.reading, octets.bmp.to_vec(), octets.utf8.to_vec())).collect()
    }

    #[test]
    fn ascii_has_one_reading_and_the_empty_password_two() {
        use PasswordReading::{NoBytes, Standard};
        assert_eq!(readings("ab"), [(Standard, b"\0a\0b\0\0".to_vec(), b"ab".to_vec())]);
        assert_eq!(readings(""), [(Standard, b"\0\0".to_vec(), vec![]), (NoBytes, vec![], vec![])]);
    }

    #[test]
    fn surrogates_stand_for_characters_beyond_the_plane() {
        let [(_, bmp, utf8), ..] = &readings("a😀")[..] else { panic!("no reading") };
        assert_eq!(bmp.as_slice(), b"\0a\xd8\x3d\xde\x00\0\0");
        assert_eq!(utf8.as_slice(), "a😀".as_bytes());
    }

    #[test]
    fn composed_and_decomposed_forms_are_tried_once_each() {
        let names = |text| readings(text).into_iter().map(|(reading, ..)| reading).collect::<Vec<_>>();
        use PasswordReading::{Composed, Decomposed, Standard, Utf8AsLatin1};
        assert_eq!(names("\u{e9}"), [Standard, Decomposed, Utf8AsLatin1]);
        assert_eq!(names("e\u{301}"), [Standard, Composed, Utf8AsLatin1]);
        assert_eq!(names("ж"), [Standard, Utf8AsLatin1]);
        assert_eq!(readings("ж")[1].1, b"\0\xd0\0\xb6\0\0");
    }

    #[test]
    fn latin1_is_offered_only_where_it_can_hold_the_password() {
        let others = |text: &str| {
            let all = Octets::all(&Password::new(text).unwrap());
            all[0]
                .in_place_of_utf8()
                .into_iter()
                .map(|(reading, bytes)| (reading, bytes.to_vec()))
                .collect::<Vec<_>>()
        };
        use PasswordReading::{Latin1, LowBytes, Utf16};
        assert_eq!(others("é"), [(Latin1, b"\xe9".to_vec()), (Utf16, b"\0\xe9\0\0".to_vec())]);
        assert_eq!(others("€"), [(Utf16, b"\x20\xac\0\0".to_vec()), (LowBytes, b"\xac".to_vec())]);
        assert_eq!(others("a"), [(Utf16, b"\0a\0\0".to_vec())]);
    }
}
