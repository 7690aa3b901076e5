//! The "traditional" encryption of PEM: `Proc-Type: 4,ENCRYPTED` (RFC 1421), as OpenSSL derives its key: MD5, once, over
//! the password and the first eight bytes of the initialisation vector. Nothing proves what comes out.

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::{
    pkcs12::{Cipher, Encryption, Pkcs12Error},
    secret::Password,
};

/// Cipher and initialisation vector of a block.
pub(super) struct DekInfo {
    cipher: Cipher,
    name: &'static str,
    key_len: usize,
    iv: Vec<u8>,
}

/// By their names in the header.
const CIPHERS: &[(&str, &str, Cipher, usize)] = &[
    #[cfg(feature = "legacy-pfx")]
    ("des-cbc", "PEM MD5 DES-CBC", Cipher::Des, 8),
    ("des-ede3-cbc", "PEM MD5 3DES-CBC", Cipher::TripleDes3, 24),
    ("aes-128-cbc", "PEM MD5 AES-128-CBC", Cipher::Aes128Cbc, 16),
    ("aes-192-cbc", "PEM MD5 AES-192-CBC", Cipher::Aes192Cbc, 24),
    ("aes-256-cbc", "PEM MD5 AES-256-CBC", Cipher::Aes256Cbc, 32),
];

/// Bytes of the initialisation vector that are a salt as well.
const SALT_LEN: usize = 8;
/// The most characters of a name that are shown.
const MAX_NAME: usize = 40;

impl DekInfo {
    /// Reads `aes-256-cbc,` and hexadecimal digits, in lower case.
    pub(super) fn parse(text: &str) -> Result<Self, Pkcs12Error> {
        let (named, digits) = text.split_once(',').unwrap_or((text, ""));
        let Some((_, name, cipher, key_len)) = CIPHERS.iter().find(|(known, ..)| *known == named) else {
            let name = super::printable(&named.chars().take(MAX_NAME).collect::<String>());
            if name == "des-cbc" {
                // Known, but this build was made without it.
                return Err(Pkcs12Error::LegacyAlgorithm { field: "key", name: "DES-CBC".to_owned() });
            }
            return Err(Pkcs12Error::UnsupportedAlgorithm { field: "key", name: name.to_uppercase() });
        };
        let iv = hexadecimal(digits).filter(|iv| iv.len() == cipher.iv_len());
        let iv = iv.ok_or_else(|| Pkcs12Error::Parameter {
            what: "the initialisation vector in DEK-Info",
            found: format!("{} characters long", digits.len()),
            allowed: format!("{} hexadecimal digits", 2 * cipher.iv_len()),
        })?;
        Ok(Self { cipher: *cipher, name, key_len: *key_len, iv })
    }

    pub(super) fn encryption(&self) -> Encryption {
        Encryption::new(self.name, 1, true)
    }

    /// The plaintext, if its padding is whole.
    pub(super) fn decrypt(&self, data: &[u8], password: &Password) -> Option<Zeroizing<Vec<u8>>> {
        let salt = self.iv.get(..SALT_LEN)?;
        let mut key = Zeroizing::new(Vec::with_capacity(self.key_len + 16));
        let mut last: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::new());
        while key.len() < self.key_len {
            // EXPOSE: input of the derivation.
            let digest = Md5::new()
                .chain_update(last.as_slice())
                .chain_update(password.expose().as_bytes())
                .chain_update(salt)
                .finalize();
            last = Zeroizing::new(digest.to_vec());
            key.extend_from_slice(&last);
        }
        self.cipher.decrypt(key.get(..self.key_len)?, &self.iv, data)
    }
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair =
            std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2)
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_name_a_cipher_and_its_vector() {
        let info = DekInfo::parse("aes-256-cbc,00112233445566778899aabbccddeeff").unwrap();
        assert_eq!((info.name, info.iv.len()), ("PEM MD5 AES-256-CBC", 16));
        for (text, code) in [
            ("camellia-256-cbc,0011", "unsupported_algorithm"),
            ("", "unsupported_algorithm"),
            ("aes-128-cbc", "bad_parameter"),
            ("aes-128-cbc,0011", "bad_parameter"),
            ("aes-128-cbc,0g112233445566778899aabbccddeeff", "bad_parameter"),
            ("des-cbc,+1+2+3+4+5+6+7+8", "bad_parameter"),
        ] {
            assert_eq!(DekInfo::parse(text).err().map(|error| error.code()), Some(code), "{text}");
        }
    }
}
