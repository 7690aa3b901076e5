//! The key derivations: PKCS #12's own (RFC 7292, appendix B), PBKDF1 and PBKDF2 (RFC 8018).
//!
//! Libraries give PBKDF2 in one call that cannot be cancelled; here each derivation asks between its iterations.

use hmac::{KeyInit as _, Mac as _, SimpleHmac};
use sha2::{Digest, digest::block_api::BlockSizeUser};
use zeroize::Zeroizing;

use super::iterated::{Chain, Iterated};
use crate::limits::{Cancelled, KdfBudget};

/// What every derivation takes.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    /// In the encoding that the derivation asks for.
    pub(super) password: &'a [u8],
    pub(super) salt: &'a [u8],
    pub(super) iterations: u32,
}

impl Input<'_> {
    /// The iterations that are run: few under a fuzzer, whose time belongs to the parsers.
    fn repetitions(&self) -> u32 {
        if cfg!(fuzzing) { self.iterations.min(16) } else { self.iterations }
    }
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

/// The derivation of RFC 7292, appendix B.2.
pub(super) fn pkcs12<D: Iterated>(
    purpose: Purpose,
    input: Input<'_>,
    len: usize,
    budget: &mut KdfBudget,
) -> Result<Zeroizing<Vec<u8>>, Cancelled> {
    let v = <D as BlockSizeUser>::block_size();
    // Steps 1 to 4: D is v copies of the purpose; I is S and P, each repeated to a multiple of v.
    let diversifier = vec![purpose.id(); v];
    let repeat =
        |bytes: &[u8]| bytes.iter().copied().cycle().take(bytes.len().div_ceil(v) * v).collect::<Vec<u8>>();
    let mut i = Zeroizing::new(Vec::with_capacity((input.salt.len() + input.password.len()) + 2 * v));
    i.extend_from_slice(&repeat(input.salt));
    i.extend_from_slice(&Zeroizing::new(repeat(input.password)));

    let mut output = Zeroizing::new(Vec::with_capacity(len + v));
    loop {
        // Step 6a: A = H^r(D || I).
        let mut a = D::new().chain_update(&diversifier).chain_update(i.as_slice()).finalize();
        budget.repeat(input.repetitions(), |times| D::iterate(&mut a, times))?;
        output.extend_from_slice(&a);
        if output.len() >= len {
            output.truncate(len);
            return Ok(output);
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
pub(super) fn pbkdf1<D: Iterated>(
    input: Input<'_>,
    len: usize,
    budget: &mut KdfBudget,
) -> Result<Zeroizing<Vec<u8>>, Cancelled> {
    let mut t = D::new().chain_update(input.password).chain_update(input.salt).finalize();
    budget.repeat(input.repetitions(), |times| D::iterate(&mut t, times))?;
    Ok(Zeroizing::new(t.iter().copied().take(len).collect()))
}

/// PBKDF2 with HMAC (RFC 8018, section 5.2).
pub(super) fn pbkdf2<D: Chain>(
    input: Input<'_>,
    len: usize,
    budget: &mut KdfBudget,
) -> Result<Zeroizing<Vec<u8>>, Cancelled> {
    let Input { password, salt, .. } = input;
    let mut output = Zeroizing::new(vec![0; len]);
    // HMAC hashes a key that is longer than a block (RFC 2104, section 2).
    let long = password.len() > <D as BlockSizeUser>::block_size();
    let key = if long { Zeroizing::new(D::digest(password).to_vec()) } else { password.to_vec().into() };
    let keyed = D::keyed(&key);
    for (index, block) in (1_u32..).zip(output.chunks_mut(<D as Digest>::output_size())) {
        // U_1 = PRF(P, S || INT(i)); the others are each the PRF of the one before.
        let Ok(prf) = SimpleHmac::<D>::new_from_slice(&key) else { break };
        let mut u = prf.chain_update(salt).chain_update(index.to_be_bytes()).finalize().into_bytes();
        block.copy_from_slice(u.get(..block.len()).unwrap_or_default());
        budget.repeat(input.repetitions(), |times| D::chain(&keyed, &mut u, block, times))?;
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::Limits, pkcs12::hash::Hash};

    fn budget() -> KdfBudget {
        KdfBudget::new(&Limits::default())
    }

    fn input<'a>(password: &'a [u8], salt: &'a [u8], iterations: u32) -> Input<'a> {
        Input { password, salt, iterations }
    }

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
            let got = hash.pkcs12_kdf(purpose, input(password, &salt, 100), 60, &mut budget());
            assert_eq!(hex(&got.unwrap()), expected, "{hash:?}");
        }
    }

    #[test]
    fn pbkdf1_gives_the_values_of_python() {
        // t = sha1(b"password" + bytes(range(8))); 999 times t = sha1(t); t[:16]
        let salt = [0, 1, 2, 3, 4, 5, 6, 7];
        for (hash, expected) in [
            (Hash::Sha1, "4d53d6526a464af75fb0e300bbf73fa3"),
            (Hash::Md5, "37393a7dccec61c97ff50e194cca8940"),
        ] {
            assert_eq!(
                hex(&hash.pbkdf1(input(b"password", &salt, 1000), 16, &mut budget()).unwrap()),
                expected
            );
        }
    }

    #[test]
    fn pbkdf2_gives_the_values_of_another_implementation() {
        type Pbkdf2 = fn(&[u8], &[u8], u32, &mut [u8]);
        let all: [(Hash, Pbkdf2); 7] = [
            (Hash::Sha1, pbkdf2::pbkdf2_hmac::<sha1::Sha1>),
            (Hash::Sha224, pbkdf2::pbkdf2_hmac::<sha2::Sha224>),
            (Hash::Sha256, pbkdf2::pbkdf2_hmac::<sha2::Sha256>),
            (Hash::Sha384, pbkdf2::pbkdf2_hmac::<sha2::Sha384>),
            (Hash::Sha512, pbkdf2::pbkdf2_hmac::<sha2::Sha512>),
            (Hash::Sha512_224, pbkdf2::pbkdf2_hmac::<sha2::Sha512_224>),
            (Hash::Sha512_256, pbkdf2::pbkdf2_hmac::<sha2::Sha512_256>),
        ];
        for (hash, theirs) in all {
            // Around a block of either size, and around one output block.
            for password_len in [0, 1, 63, 64, 65, 127, 128, 129, 300] {
                let (password, salt) = (vec![b'p'; password_len], vec![b's'; password_len / 3]);
                for (iterations, len) in
                    [(1, 16), (2, hash.output_len()), (5, hash.output_len() + 1), (3, 130)]
                {
                    let mut expected = vec![0; len];
                    theirs(&password, &salt, iterations, &mut expected);
                    let ours = hash.pbkdf2(input(&password, &salt, iterations), len, &mut budget()).unwrap();
                    assert_eq!(hex(&ours), hex(&expected), "{hash:?} {password_len} {iterations} {len}");
                }
            }
        }
    }

    #[test]
    fn pbkdf2_gives_the_value_of_rfc_6070() {
        let key = Hash::Sha1.pbkdf2(input(b"password", b"salt", 4096), 20, &mut budget()).unwrap();
        assert_eq!(hex(&key), "4b007901b765489abead49d926f721d065a429c1");
    }
}
