//! Hash functions by object identifier, with HMAC.

#[cfg(feature = "legacy-pfx")]
use blake2::Blake2b512;
use hmac::{KeyInit, Mac, SimpleHmac};
#[cfg(feature = "legacy-pfx")]
use md5::Md5;
#[cfg(feature = "legacy-pfx")]
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{
    Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256, digest::block_api::BlockSizeUser,
};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use subtle::ConstantTimeEq;
#[cfg(feature = "legacy-pfx")]
use whirlpool::Whirlpool;
use zeroize::Zeroizing;

use super::oid;

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
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    #[cfg(feature = "legacy-pfx")]
    Md5,
    #[cfg(feature = "legacy-pfx")]
    Ripemd160,
    #[cfg(feature = "legacy-pfx")]
    Blake2b512,
    #[cfg(feature = "legacy-pfx")]
    Whirlpool,
}

/// One row a hash: its names, and its identifiers by itself and in HMAC.
const ALL: &[(Hash, &str, &[u8], &[u8])] = &[
    (Hash::Sha1, "SHA-1", oid::SHA1, oid::HMAC_SHA1),
    (Hash::Sha224, "SHA-224", oid::SHA224, oid::HMAC_SHA224),
    (Hash::Sha256, "SHA-256", oid::SHA256, oid::HMAC_SHA256),
    (Hash::Sha384, "SHA-384", oid::SHA384, oid::HMAC_SHA384),
    (Hash::Sha512, "SHA-512", oid::SHA512, oid::HMAC_SHA512),
    (Hash::Sha512_224, "SHA-512/224", oid::SHA512_224, oid::HMAC_SHA512_224),
    (Hash::Sha512_256, "SHA-512/256", oid::SHA512_256, oid::HMAC_SHA512_256),
    (Hash::Sha3_224, "SHA3-224", oid::SHA3_224, oid::NONE),
    (Hash::Sha3_256, "SHA3-256", oid::SHA3_256, oid::NONE),
    (Hash::Sha3_384, "SHA3-384", oid::SHA3_384, oid::NONE),
    (Hash::Sha3_512, "SHA3-512", oid::SHA3_512, oid::NONE),
    #[cfg(feature = "legacy-pfx")]
    (Hash::Md5, "MD5", oid::MD5, oid::NONE),
    #[cfg(feature = "legacy-pfx")]
    (Hash::Ripemd160, "RIPEMD-160", oid::RIPEMD160, oid::NONE),
    #[cfg(feature = "legacy-pfx")]
    (Hash::Blake2b512, "BLAKE2b-512", oid::BLAKE2B_512, oid::NONE),
    #[cfg(feature = "legacy-pfx")]
    (Hash::Whirlpool, "Whirlpool", oid::WHIRLPOOL, oid::NONE),
];

/// Runs `$body` with `$digest` bound to the implementation of `$hash`.
macro_rules! with_digest {
    ($hash:expr, $digest:ident => $body:expr) => {
        with_digest!($hash, $digest => $body, [
            Sha1, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256, Sha3_224, Sha3_256, Sha3_384, Sha3_512
        ], [Md5, Ripemd160, Blake2b512, Whirlpool])
    };
    ($hash:expr, $digest:ident => $body:expr, [$($name:ident),*], [$($legacy:ident),*]) => {
        match $hash {
            $(Hash::$name => {
                type $digest = $name;
                $body
            })*
            $(
                #[cfg(feature = "legacy-pfx")]
                Hash::$legacy => {
                    type $digest = $legacy;
                    $body
                }
            )*
        }
    };
}

impl Hash {
    pub(super) fn from_oid(bytes: &[u8]) -> Option<Self> {
        ALL.iter().find(|(_, _, hash, _)| *hash == bytes).map(|(hash, ..)| *hash)
    }

    /// From the identifier of HMAC with the hash (RFC 8018, appendix B.1).
    pub(super) fn from_hmac_oid(bytes: &[u8]) -> Option<Self> {
        ALL.iter().find(|(.., hmac)| !hmac.is_empty() && *hmac == bytes).map(|(hash, ..)| *hash)
    }

    pub(super) fn name(self) -> &'static str {
        ALL.iter().find(|(hash, ..)| *hash == self).map_or("?", |(_, name, ..)| name)
    }

    /// Hashes that current programs no longer write.
    pub(super) fn is_legacy(self) -> bool {
        match self {
            Self::Sha1 => true,
            #[cfg(feature = "legacy-pfx")]
            Self::Md5 | Self::Ripemd160 => true,
            _ => false,
        }
    }

    /// The length of the digest, in bytes.
    pub(super) fn output_len(self) -> usize {
        with_digest!(self, D => <D as Digest>::output_size())
    }

    /// The length of the block that it compresses, in bytes.
    pub(super) fn block_len(self) -> usize {
        with_digest!(self, D => <D as BlockSizeUser>::block_size())
    }

    /// How many times the hash runs to fill `len` bytes.
    pub(super) fn blocks(self, len: usize) -> u64 {
        u64::try_from(len.div_ceil(self.output_len())).unwrap_or(u64::MAX)
    }

    /// Whether HMAC over `data` equals `expected` in full length, compared in constant time.
    pub(super) fn hmac_matches(self, key: &[u8], data: &[u8], expected: &[u8]) -> bool {
        // A fuzzer would never get behind the MAC.
        if cfg!(strongroom_fuzzing) {
            return true;
        }
        self.hmac(key, &[data]).ct_eq(expected).into()
    }

    /// The digest of all parts, one behind the other.
    pub(super) fn digest(self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        with_digest!(self, D => {
            let hash = parts.iter().fold(D::new(), |hash, part| hash.chain_update(part));
            Zeroizing::new(hash.finalize().to_vec())
        })
    }

    /// HMAC of all parts, one behind the other.
    pub(super) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        with_digest!(self, D => {
            // A key of any length is one (RFC 2104, section 2).
            let mac = <SimpleHmac<D> as KeyInit>::new_from_slice(key).ok();
            let mac = mac.map(|mac| parts.iter().fold(mac, |mac, part| mac.chain_update(part)));
            Zeroizing::new(mac.map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default())
        })
    }

    /// Replaces `digest` by its own digest, `times` over.
    pub(super) fn iterate(self, digest: &mut Zeroizing<Vec<u8>>, times: u32) {
        with_digest!(self, D => {
            for _ in 0..times {
                let next = D::digest(digest.as_slice());
                digest.copy_from_slice(&next);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_is_found_under_its_identifiers() {
        for (hash, name, plain, hmac) in ALL.iter().copied() {
            assert_eq!(Hash::from_oid(plain), Some(hash));
            assert_eq!(hash.name(), name);
            assert_eq!(Hash::from_hmac_oid(hmac), (!hmac.is_empty()).then_some(hash));
        }
        assert_eq!(Hash::from_oid(oid::DATA), None);
    }

    #[test]
    fn digests_have_their_published_lengths() {
        let lengths: Vec<usize> = ALL.iter().map(|(hash, ..)| hash.output_len()).collect();
        assert_eq!(lengths[..11], [20, 28, 32, 48, 64, 28, 32, 28, 32, 48, 64]);
        if cfg!(feature = "legacy-pfx") {
            assert_eq!(lengths[11..], [16, 20, 64, 64]);
        }
    }
}
