//! Hashes by object identifier, and the key derivation of PKCS #12 (RFC 7292, appendix B).

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{
    Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256, digest::block_api::BlockSizeUser,
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::oid;
use crate::secret::Password;

/// A hash function, as MACs and key derivations name it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
}

/// Runs `$body` with `$digest` bound to the implementation of `$hash`.
macro_rules! with_digest {
    ($hash:expr, $digest:ident => $body:expr) => {
        match $hash {
            Hash::Sha1 => {
                type $digest = Sha1;
                $body
            }
            Hash::Sha224 => {
                type $digest = Sha224;
                $body
            }
            Hash::Sha256 => {
                type $digest = Sha256;
                $body
            }
            Hash::Sha384 => {
                type $digest = Sha384;
                $body
            }
            Hash::Sha512 => {
                type $digest = Sha512;
                $body
            }
            Hash::Sha512_224 => {
                type $digest = Sha512_224;
                $body
            }
            Hash::Sha512_256 => {
                type $digest = Sha512_256;
                $body
            }
        }
    };
}

const ALL: [(Hash, &[u8], &[u8]); 7] = [
    (Hash::Sha1, oid::SHA1, oid::HMAC_SHA1),
    (Hash::Sha224, oid::SHA224, oid::HMAC_SHA224),
    (Hash::Sha256, oid::SHA256, oid::HMAC_SHA256),
    (Hash::Sha384, oid::SHA384, oid::HMAC_SHA384),
    (Hash::Sha512, oid::SHA512, oid::HMAC_SHA512),
    (Hash::Sha512_224, oid::SHA512_224, oid::HMAC_SHA512_224),
    (Hash::Sha512_256, oid::SHA512_256, oid::HMAC_SHA512_256),
];

impl Hash {
    pub(super) fn from_oid(bytes: &[u8]) -> Option<Self> {
        ALL.iter().find(|(_, hash, _)| *hash == bytes).map(|(hash, ..)| *hash)
    }

    pub(super) fn from_hmac_oid(bytes: &[u8]) -> Option<Self> {
        ALL.iter().find(|(.., hmac)| *hmac == bytes).map(|(hash, ..)| *hash)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
            Self::Sha512_224 => "SHA-512/224",
            Self::Sha512_256 => "SHA-512/256",
        }
    }

    /// The length of the digest, in bytes.
    pub(super) fn output_len(self) -> usize {
        with_digest!(self, D => <D as Digest>::output_size())
    }

    /// How many times the hash runs to fill `len` bytes.
    pub(super) fn blocks(self, len: usize) -> u64 {
        u64::try_from(len.div_ceil(self.output_len())).unwrap_or(u64::MAX)
    }

    /// Whether HMAC over `data` equals `expected` in full length, compared in constant time.
    pub(super) fn hmac_matches(self, key: &[u8], data: &[u8], expected: &[u8]) -> bool {
        // A fuzzer would never get behind the MAC.
        if cfg!(fuzzing) {
            return true;
        }
        with_digest!(self, D => hmac_matches::<D>(key, data, expected))
    }

    /// PBKDF2 (RFC 8018, section 5.2).
    pub(super) fn pbkdf2(
        self,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
        len: usize,
    ) -> Zeroizing<Vec<u8>> {
        let iterations = capped(iterations);
        let mut key = Zeroizing::new(vec![0; len]);
        with_digest!(self, D => pbkdf2::pbkdf2_hmac::<D>(password, salt, iterations, &mut key));
        key
    }

    /// The derivation of RFC 7292, appendix B.2.
    pub(super) fn pkcs12_kdf(
        self,
        purpose: Purpose,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
        len: usize,
    ) -> Zeroizing<Vec<u8>> {
        with_digest!(self, D => pkcs12_kdf::<D>(purpose, password, salt, capped(iterations), len))
    }
}

/// Iterations as they are run: few under a fuzzer, whose time belongs to the parsers.
fn capped(iterations: u32) -> u32 {
    if cfg!(fuzzing) { iterations.min(16) } else { iterations }
}

/// The diversifier of RFC 7292, appendix B.3.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Key,
    Iv,
    Mac,
}

impl Purpose {
    fn id(self) -> u8 {
        match self {
            Self::Key => 1,
            Self::Iv => 2,
            Self::Mac => 3,
        }
    }
}

/// How a password becomes the octets of the PKCS #12 derivation.
///
/// Two readings of the empty password exist: two zero bytes (RFC 7292, appendix B.1, to the letter) and none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PasswordForm {
    /// BMPString with two zero bytes at the end.
    Terminated,
    /// No byte at all; for the empty password only.
    Absent,
}

impl PasswordForm {
    /// UTF-16, big endian, with surrogates beyond the Basic Multilingual Plane.
    pub(super) fn encode(self, password: &Password) -> Zeroizing<Vec<u8>> {
        if self == Self::Absent {
            return Zeroizing::new(Vec::new());
        }
        // EXPOSE: the derivation hashes the password.
        let text = password.expose();
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 2));
        for unit in text.encode_utf16() {
            bytes.extend_from_slice(&unit.to_be_bytes());
        }
        bytes.extend_from_slice(&[0, 0]);
        bytes
    }
}

fn hmac_matches<D: EagerHash>(key: &[u8], data: &[u8], expected: &[u8]) -> bool {
    let Ok(mut mac) = <Hmac<D> as KeyInit>::new_from_slice(key) else {
        return false;
    };
    mac.update(data);
    mac.finalize().into_bytes().as_slice().ct_eq(expected).into()
}

fn pkcs12_kdf<D: Digest + BlockSizeUser>(
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Zeroizing<Vec<u8>> {
    let v = <D as BlockSizeUser>::block_size();
    // Steps 1 to 4: D is v copies of the purpose; I is S and P, each repeated to a multiple of v.
    let diversifier = vec![purpose.id(); v];
    let repeat =
        |bytes: &[u8]| bytes.iter().copied().cycle().take(bytes.len().div_ceil(v) * v).collect::<Vec<u8>>();
    let mut i = Zeroizing::new(Vec::with_capacity((salt.len() + password.len()) + 2 * v));
    i.extend_from_slice(&repeat(salt));
    i.extend_from_slice(&Zeroizing::new(repeat(password)));

    let mut output = Zeroizing::new(Vec::with_capacity(len + v));
    loop {
        // Step 6a: A = H^r(D || I).
        let mut a = D::new().chain_update(&diversifier).chain_update(i.as_slice()).finalize();
        for _ in 1..iterations {
            a = D::digest(&a);
        }
        output.extend_from_slice(&a);
        if output.len() >= len {
            output.truncate(len);
            return output;
        }
        // Steps 6b and 6c: B repeats A to v bytes; each block of I grows by B + 1, modulo 2^(8v).
        let b: Zeroizing<Vec<u8>> = Zeroizing::new(a.iter().copied().cycle().take(v).collect());
        for block in i.chunks_exact_mut(v) {
            let mut sum = 0x0100_u16;
            for (byte, add) in block.iter_mut().zip(b.iter()).rev() {
                sum = (sum >> 8) + u16::from(*byte) + u16::from(*add);
                *byte = sum.to_be_bytes()[1];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn derivation_gives_the_values_of_openssl() {
        // openssl kdf -keylen 60 -kdfopt digest:D -kdfopt id:N -kdfopt iter:100 .. PKCS12KDF; 60 bytes take
        // several blocks of every hash but SHA-512.
        let password = PasswordForm::Terminated.encode(&Password::new("ge@äheim").unwrap());
        let salt = [1, 2, 3, 4, 5, 6, 7, 8];
        for (hash, purpose, expected) in [
            (
                Hash::Sha1,
                Purpose::Key,
                "f681007c3c547572a78d9f8b6abd8d66a418b2d29bc055af5d066da027f1ba15ba928d796fbeaa9b6d62d2cef2a033ad7662c99edef8f473dff6d6ba",
            ),
            (
                Hash::Sha256,
                Purpose::Iv,
                "e5ff813bc6547de5155b14d2fada85b3201a977349db6e26ccc998d9e8f83d6c9c616479e156abbbcd87876c74e49313b2ffe58b03c5e646cd115212",
            ),
            (
                Hash::Sha256,
                Purpose::Mac,
                "136355ed9434516682534f46d63956db5ff06b844702c2c1f3b46321e2524a4d20010bdbf1fb75534734491c9bcc30ad3673e71e9c9256491e85af0c",
            ),
            (
                Hash::Sha512,
                Purpose::Mac,
                "ff1ad3d0b3d71e9be4afa449a3694368400c08c6a58e4bc11ae723808052fbeb6679f88ec9bb13b27b2ca936167676537a4f9d81a5702a522e4fca8a",
            ),
        ] {
            let got = hash.pkcs12_kdf(purpose, &password, &salt, 100, 60);
            assert_eq!(hex(&got), expected, "{hash:?}");
        }
    }

    #[test]
    fn password_forms_follow_appendix_b_1() {
        let smile = Password::new("a😀").unwrap();
        assert_eq!(PasswordForm::Terminated.encode(&smile).as_slice(), b"\0a\xd8\x3d\xde\x00\0\0");
        let empty = Password::new("").unwrap();
        assert_eq!(PasswordForm::Terminated.encode(&empty).as_slice(), b"\0\0");
        assert_eq!(PasswordForm::Absent.encode(&empty).as_slice(), b"");
    }

    #[test]
    fn every_hash_is_found_under_both_identifiers() {
        for (hash, plain, hmac) in ALL {
            assert_eq!(Hash::from_oid(plain), Some(hash));
            assert_eq!(Hash::from_hmac_oid(hmac), Some(hash));
        }
        assert_eq!(Hash::from_oid(oid::MD5), None);
    }
}
