//! Ciphers by object identifier, and their modes.

use aes::{Aes128, Aes192, Aes256};
use aes_gcm::{AesGcm, aead::Payload, aes::cipher::consts::U12};
#[cfg(feature = "legacy-pfx")]
use cast5::Cast5;
#[cfg(feature = "legacy-pfx")]
use cbc::cipher::StreamCipher;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, block_padding::Pkcs7};
#[cfg(feature = "legacy-pfx")]
use des::Des;
use des::{TdesEde2, TdesEde3};
#[cfg(feature = "legacy-pfx")]
use rc2::Rc2;
#[cfg(feature = "legacy-pfx")]
use rc4::Rc4;
use zeroize::Zeroizing;

/// Plaintext, or `None` where padding or tag say that the key is not the one.
pub(crate) type Plain = Option<Zeroizing<Vec<u8>>>;

/// A cipher with its mode.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cipher {
    Aes128Cbc,
    Aes192Cbc,
    Aes256Cbc,
    Aes128Gcm,
    Aes192Gcm,
    Aes256Gcm,
    TripleDes3,
    TripleDes2,
    #[cfg(feature = "legacy-pfx")]
    Des,
    /// RC2 with its effective key length in bits.
    #[cfg(feature = "legacy-pfx")]
    Rc2 {
        bits: usize,
    },
    #[cfg(feature = "legacy-pfx")]
    Rc4,
    #[cfg(feature = "legacy-pfx")]
    Cast5,
}

/// The length of the tag of GCM that is read, in bytes: the default of RFC 5084 is 12, all writers use 16.
pub(super) const GCM_TAG_LEN: usize = 16;

impl Cipher {
    /// The length of the initialisation vector or nonce, in bytes.
    pub(crate) fn iv_len(self) -> usize {
        match self {
            Self::Aes128Cbc | Self::Aes192Cbc | Self::Aes256Cbc => 16,
            Self::Aes128Gcm | Self::Aes192Gcm | Self::Aes256Gcm => 12,
            #[cfg(feature = "legacy-pfx")]
            Self::Rc4 => 0,
            _ => 8,
        }
    }

    /// Whether current programs no longer write it.
    pub(super) fn is_legacy(self) -> bool {
        !matches!(
            self,
            Self::Aes128Cbc
                | Self::Aes192Cbc
                | Self::Aes256Cbc
                | Self::Aes128Gcm
                | Self::Aes192Gcm
                | Self::Aes256Gcm
        )
    }

    pub(crate) fn decrypt(self, key: &[u8], iv: &[u8], data: &[u8]) -> Plain {
        // The fuzzer writes the plaintext itself.
        if cfg!(strongroom_fuzzing) {
            return Some(Zeroizing::new(data.to_vec()));
        }
        match self {
            Self::Aes128Cbc => keyed::<Aes128>(key, iv, data),
            Self::Aes192Cbc => keyed::<Aes192>(key, iv, data),
            Self::Aes256Cbc => keyed::<Aes256>(key, iv, data),
            Self::Aes128Gcm => gcm::<AesGcm<Aes128, U12>>(key, iv, data),
            Self::Aes192Gcm => gcm::<AesGcm<Aes192, U12>>(key, iv, data),
            Self::Aes256Gcm => gcm::<AesGcm<Aes256, U12>>(key, iv, data),
            Self::TripleDes3 => keyed::<TdesEde3>(key, iv, data),
            Self::TripleDes2 => keyed::<TdesEde2>(key, iv, data),
            #[cfg(feature = "legacy-pfx")]
            Self::Des => keyed::<Des>(key, iv, data),
            #[cfg(feature = "legacy-pfx")]
            Self::Cast5 => keyed::<Cast5>(key, iv, data),
            #[cfg(feature = "legacy-pfx")]
            Self::Rc2 { bits } if (1..=128).contains(&key.len()) => {
                cbc(Rc2::new_with_eff_key_len(key, bits), iv, data)
            }
            #[cfg(feature = "legacy-pfx")]
            Self::Rc2 { .. } => None,
            #[cfg(feature = "legacy-pfx")]
            Self::Rc4 => {
                let mut buffer = Zeroizing::new(data.to_vec());
                Rc4::new_from_slice(key).ok()?.apply_keystream(&mut buffer);
                Some(buffer)
            }
        }
    }
}

fn keyed<C: BlockCipherDecrypt + KeyInit>(key: &[u8], iv: &[u8], data: &[u8]) -> Plain {
    cbc(C::new_from_slice(key).ok()?, iv, data)
}

/// CBC with the padding of RFC 8018, section 6.1.1.
fn cbc<C: BlockCipherDecrypt>(cipher: C, iv: &[u8], data: &[u8]) -> Plain {
    let mut buffer = Zeroizing::new(data.to_vec());
    let mode = cbc::Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    let len = mode.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
    buffer.truncate(len);
    Some(buffer)
}

/// GCM with a nonce of 96 bits and the tag at the end (RFC 5084).
fn gcm<A: KeyInit + aes_gcm::aead::Aead>(key: &[u8], nonce: &[u8], data: &[u8]) -> Plain {
    let nonce = aes_gcm::aead::Nonce::<A>::try_from(nonce).ok()?;
    A::new_from_slice(key).ok()?.decrypt(&nonce, Payload { msg: data, aad: b"" }).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_vectors_of_another_length_decrypt_nothing() {
        let data = [0; 16];
        for (cipher, key_len) in [
            (Cipher::Aes128Cbc, 15),
            (Cipher::Aes192Cbc, 16),
            (Cipher::Aes256Cbc, 24),
            (Cipher::Aes256Gcm, 16),
            (Cipher::TripleDes3, 16),
            (Cipher::TripleDes2, 24),
            #[cfg(feature = "legacy-pfx")]
            (Cipher::Des, 7),
            #[cfg(feature = "legacy-pfx")]
            (Cipher::Cast5, 4),
            #[cfg(feature = "legacy-pfx")]
            (Cipher::Rc2 { bits: 128 }, 0),
            #[cfg(feature = "legacy-pfx")]
            (Cipher::Rc2 { bits: 128 }, 129),
            #[cfg(feature = "legacy-pfx")]
            (Cipher::Rc4, 0),
        ] {
            let key = vec![0; key_len];
            assert_eq!(cipher.decrypt(&key, &vec![0; cipher.iv_len()], &data), None, "{cipher:?} {key_len}");
        }
        assert_eq!(Cipher::Aes128Cbc.decrypt(&[0; 16], &[0; 15], &data), None);
        assert_eq!(Cipher::Aes128Gcm.decrypt(&[0; 16], &[0; 11], &data), None);
    }

    #[test]
    fn only_aes_is_of_this_age() {
        for cipher in [Cipher::TripleDes3, Cipher::TripleDes2] {
            assert!(cipher.is_legacy(), "{cipher:?}");
        }
        #[cfg(feature = "legacy-pfx")]
        for cipher in [Cipher::Des, Cipher::Rc4, Cipher::Cast5, Cipher::Rc2 { bits: 128 }] {
            assert!(cipher.is_legacy(), "{cipher:?}");
        }
        for cipher in [Cipher::Aes128Cbc, Cipher::Aes192Cbc, Cipher::Aes256Cbc] {
            assert!(!cipher.is_legacy(), "{cipher:?}");
        }
        for cipher in [Cipher::Aes128Gcm, Cipher::Aes192Gcm, Cipher::Aes256Gcm] {
            assert!(!cipher.is_legacy(), "{cipher:?}");
        }
    }
}
