//! Hashes and key derivations, written apart from the engine's so that one checks the other.

use hmac::{EagerHash, Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{
    Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256, digest::block_api::BlockSizeUser,
};

/// A hash function.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// SHA-512/224.
    Sha512_224,
    /// SHA-512/256.
    Sha512_256,
}

/// What a derived value is for (RFC 7292, appendix B.3).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Purpose {
    /// An encryption key.
    Key,
    /// An initialisation vector.
    Iv,
    /// The key of a MAC.
    Mac,
}

impl Hash {
    /// The dotted identifier.
    #[must_use]
    pub fn oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha224 => "2.16.840.1.101.3.4.2.4",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
            Self::Sha512_224 => "2.16.840.1.101.3.4.2.5",
            Self::Sha512_256 => "2.16.840.1.101.3.4.2.6",
        }
    }

    /// The dotted identifier of HMAC with it.
    #[must_use]
    pub fn hmac_oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.2.840.113549.2.7",
            Self::Sha224 => "1.2.840.113549.2.8",
            Self::Sha256 => "1.2.840.113549.2.9",
            Self::Sha384 => "1.2.840.113549.2.10",
            Self::Sha512 => "1.2.840.113549.2.11",
            Self::Sha512_224 => "1.2.840.113549.2.12",
            Self::Sha512_256 => "1.2.840.113549.2.13",
        }
    }

    /// The length of a digest.
    #[must_use]
    pub fn output_len(self) -> usize {
        self.hmac(&[], &[]).len()
    }

    /// HMAC (RFC 2104).
    #[must_use]
    pub fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => hmac::<Sha1>(key, data),
            Self::Sha224 => hmac::<Sha224>(key, data),
            Self::Sha256 => hmac::<Sha256>(key, data),
            Self::Sha384 => hmac::<Sha384>(key, data),
            Self::Sha512 => hmac::<Sha512>(key, data),
            Self::Sha512_224 => hmac::<Sha512_224>(key, data),
            Self::Sha512_256 => hmac::<Sha512_256>(key, data),
        }
    }

    /// PBKDF2 (RFC 8018, section 5.2).
    #[must_use]
    pub fn pbkdf2(self, password: &[u8], salt: &[u8], rounds: u64, len: usize) -> Vec<u8> {
        let rounds = u32::try_from(rounds).unwrap();
        let mut key = vec![0; len];
        match self {
            Self::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, rounds, &mut key),
            Self::Sha224 => pbkdf2::pbkdf2_hmac::<Sha224>(password, salt, rounds, &mut key),
            Self::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut key),
            Self::Sha384 => pbkdf2::pbkdf2_hmac::<Sha384>(password, salt, rounds, &mut key),
            Self::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut key),
            Self::Sha512_224 => pbkdf2::pbkdf2_hmac::<Sha512_224>(password, salt, rounds, &mut key),
            Self::Sha512_256 => pbkdf2::pbkdf2_hmac::<Sha512_256>(password, salt, rounds, &mut key),
        }
        key
    }

    /// The derivation of PKCS #12 (RFC 7292, appendix B.2).
    #[must_use]
    pub fn pkcs12(self, purpose: Purpose, password: &[u8], salt: &[u8], rounds: u64, len: usize) -> Vec<u8> {
        let id = match purpose {
            Purpose::Key => 1,
            Purpose::Iv => 2,
            Purpose::Mac => 3,
        };
        match self {
            Self::Sha1 => pkcs12::<Sha1>(id, password, salt, rounds, len),
            Self::Sha224 => pkcs12::<Sha224>(id, password, salt, rounds, len),
            Self::Sha256 => pkcs12::<Sha256>(id, password, salt, rounds, len),
            Self::Sha384 => pkcs12::<Sha384>(id, password, salt, rounds, len),
            Self::Sha512 => pkcs12::<Sha512>(id, password, salt, rounds, len),
            Self::Sha512_224 => pkcs12::<Sha512_224>(id, password, salt, rounds, len),
            Self::Sha512_256 => pkcs12::<Sha512_256>(id, password, salt, rounds, len),
        }
    }
}

fn hmac<D: EagerHash>(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = <Hmac<D> as KeyInit>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn pkcs12<D: Digest + BlockSizeUser>(
    id: u8,
    password: &[u8],
    salt: &[u8],
    rounds: u64,
    len: usize,
) -> Vec<u8> {
    let v = D::block_size();
    // Steps 2 to 4: I = S || P, each stretched to whole blocks.
    let mut input = [stretch(salt, v), stretch(password, v)].concat();
    let mut output = Vec::new();
    while output.len() < len {
        // Step 6A.
        let mut a = D::digest([vec![id; v], input.clone()].concat());
        for _ in 1..rounds {
            a = D::digest(&a);
        }
        output.extend_from_slice(&a);
        // Steps 6B and 6C: each block of I becomes I + B + 1.
        for block in input.chunks_mut(v) {
            let mut carry = 1;
            for place in (0..v).rev() {
                let sum = u16::from(block[place]) + u16::from(a[place % a.len()]) + carry;
                [_, block[place]] = sum.to_be_bytes();
                carry = sum >> 8;
            }
        }
    }
    output.truncate(len);
    output
}

/// Repeats `bytes` to a multiple of `block`; nothing stays nothing.
fn stretch(bytes: &[u8], block: usize) -> Vec<u8> {
    let len = block * bytes.len().div_ceil(block);
    (0..len).map(|place| bytes[place % bytes.len()]).collect()
}
