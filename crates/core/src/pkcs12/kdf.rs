//! The key derivations that no library gives: PKCS #12's own (RFC 7292, appendix B) and PBKDF1 (RFC 8018).

use sha2::{Digest, digest::block_api::BlockSizeUser};
use zeroize::Zeroizing;

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

/// The derivation of RFC 7292, appendix B.2.
pub(super) fn pkcs12<D: Digest + BlockSizeUser>(
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

/// PBKDF1 (RFC 8018, section 5.1).
pub(super) fn pbkdf1<D: Digest>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Zeroizing<Vec<u8>> {
    let mut t = D::new().chain_update(password).chain_update(salt).finalize();
    for _ in 1..iterations {
        t = D::digest(&t);
    }
    Zeroizing::new(t.iter().copied().take(len).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkcs12::hash::Hash;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn derivation_gives_the_values_of_openssl() {
        // openssl kdf -keylen 60 -kdfopt digest:D -kdfopt id:N -kdfopt iter:100 .. PKCS12KDF; 60 bytes take
        // several blocks of every hash but SHA-512.
        let password = b"\0g\0e\0@\0\xe4\0h\0e\0i\0m\0\0";
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
            let got = hash.pkcs12_kdf(purpose, password, &salt, 100, 60);
            assert_eq!(hex(&got), expected, "{hash:?}");
        }
    }

    #[test]
    fn pbkdf1_gives_the_values_of_python() {
        // t = sha1(b"password" + bytes(range(8))); 999 times t = sha1(t); t[:16]
        let salt = [0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(hex(&Hash::Sha1.pbkdf1(b"password", &salt, 1000, 16)), "4d53d6526a464af75fb0e300bbf73fa3");
        assert_eq!(hex(&Hash::Md5.pbkdf1(b"password", &salt, 1000, 16)), "37393a7dccec61c97ff50e194cca8940");
    }
}
