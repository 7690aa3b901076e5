//! The integrity of a PFX: MacData with the PKCS #12 derivation (RFC 7292, section 4) or PBMAC1 (RFC 9879).

use serde::Serialize;

use super::{
    algorithm::{AlgorithmIdentifier, check_len, iterations, salt},
    ber::{INTEGER, OCTET_STRING, Reader, SEQUENCE, Walk},
    error::Pkcs12Error,
    hash::Hash,
    kdf::{Derivation, Keys, Method, Purpose},
    oid,
    password::Octets,
    pbe,
    pbes2::Pbkdf2,
};
use crate::limits::KdfBudget;

/// The key length of PBMAC1, in bytes: at least 20 (RFC 9879, section 6), at most a SHA-512 digest.
const PBMAC1_KEY_LEN: std::ops::RangeInclusive<usize> = 20..=64;

/// The MAC of a PFX as people name it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct MacDescription {
    /// The algorithm, for example `HMAC-SHA-256`.
    pub algorithm: String,
    /// Iterations of its key derivation.
    pub iterations: u64,
    /// Whether the hash is SHA-1.
    pub legacy: bool,
}

/// A MacData, checked but not yet compared.
pub(super) struct MacData {
    scheme: Scheme,
    digest: Vec<u8>,
}

enum Scheme {
    /// HMAC under a key from the PKCS #12 derivation.
    Pkcs12 { hash: Hash, salt: Vec<u8>, iterations: u32 },
    /// HMAC under a key from PBKDF2.
    Pbmac1 { kdf: Pbkdf2, key_len: usize, hash: Hash },
}

impl MacData {
    /// Reads the content of a MacData.
    pub(super) fn parse(mut reader: Reader<'_, '_>, walk: &Walk<'_>) -> Result<Self, Pkcs12Error> {
        let mut info = reader.expect(SEQUENCE, "DigestInfo expected in MacData")?.children(walk);
        let algorithm = AlgorithmIdentifier::parse(&mut info, walk)?;
        let digest = info.expect(OCTET_STRING, "digest expected in DigestInfo")?.octets(walk)?.into_owned();
        info.finish("DigestInfo has more than two fields")?;
        let mac_salt = reader.expect(OCTET_STRING, "macSalt expected in MacData")?;
        let count = reader.optional(INTEGER)?;
        reader.finish("MacData has more than three fields")?;

        let scheme = if algorithm.oid == oid::PBMAC1 {
            // macSalt and iterations are ignored: RFC 9879, section 5.
            Self::pbmac1(&algorithm, walk)?
        } else {
            let hash = Hash::from_oid(algorithm.oid)
                .ok_or_else(|| Pkcs12Error::unsupported("mac", algorithm.oid))?;
            let iterations = match count {
                Some(element) => iterations(&element, "the MAC's iteration count", walk.limits)?,
                None => 1,
            };
            Scheme::Pkcs12 { hash, salt: salt(&mac_salt, walk)?, iterations }
        };
        let expected = scheme.hash().output_len();
        check_len("the MAC", digest.len(), expected, expected)?;
        Ok(Self { scheme, digest })
    }

    fn pbmac1(algorithm: &AlgorithmIdentifier<'_>, walk: &Walk<'_>) -> Result<Scheme, Pkcs12Error> {
        let mut parameters = algorithm.sequence("PBMAC1 parameters expected", walk)?;
        let derivation = AlgorithmIdentifier::parse(&mut parameters, walk)?;
        let mac = AlgorithmIdentifier::parse(&mut parameters, walk)?;
        parameters.finish("PBMAC1 has more than two parameters")?;
        let unsupported = |oid| Pkcs12Error::unsupported("mac", oid);
        if derivation.oid != oid::PBKDF2 {
            return Err(unsupported(derivation.oid));
        }
        let hash = Hash::from_hmac_oid(mac.oid).ok_or_else(|| unsupported(mac.oid))?;
        let kdf = Pbkdf2::parse(&derivation, "mac", walk)?;
        // A short key would verify under a password that it was never made with (RFC 9879, section 6).
        match kdf.key_len {
            Some(key_len) if PBMAC1_KEY_LEN.contains(&key_len) => Ok(Scheme::Pbmac1 { kdf, key_len, hash }),
            found => Err(Pkcs12Error::Parameter {
                what: "the key length of PBMAC1",
                found: found.map_or_else(|| "absent".to_owned(), |len| format!("{len} bytes")),
                allowed: "20 to 64 bytes".to_owned(),
            }),
        }
    }

    /// Compares the MAC over `content` under the readings of a password, the standard one first; gives the one that
    /// matched. Every try is charged.
    ///
    /// What `schemes` ask for under the standard reading is derived with the MAC's key, side by side, and left in `keys`;
    /// nothing is decrypted with it here. It is given up as soon as the MAC does not match.
    pub(super) fn verify(
        &self,
        content: &[u8],
        passwords: Vec<Octets>,
        schemes: &[pbe::Scheme],
        keys: &mut Keys,
        budget: &mut KdfBudget,
    ) -> Result<Octets, Pkcs12Error> {
        let mut passwords = passwords.into_iter();
        let first = passwords.next().ok_or(Pkcs12Error::WrongPassword)?;
        let others: Vec<Octets> = passwords.collect();
        let derivation = self.derivation(&first);
        keys.want(derivation.clone(), budget)?;
        let foreseen: Vec<Derivation> = schemes.iter().flat_map(|scheme| scheme.foreseen(&first)).collect();
        let work = foreseen.iter().map(Derivation::work).fold(0, u64::saturating_add);
        // Should this reading not be the one, the budget has to last for the others, and for as much again under one.
        let in_vain = match u64::try_from(others.len()).unwrap_or(u64::MAX) {
            0 => work,
            count => work.saturating_mul(2).saturating_add(self.work().saturating_mul(count)),
        };
        if budget.foresee(in_vain).is_ok() {
            foreseen.into_iter().try_for_each(|one| keys.want(one, budget))?;
        }
        keys.derive(Some(&|key| self.matches(key, content)), budget)?;
        if keys.get(&derivation).is_some_and(|key| self.matches(key, content)) {
            keys.rewind();
            return Ok(first);
        }
        keys.give_up(budget);
        self.verify_others(content, others, keys, budget)
    }

    /// The same under other readings: side by side, if the budget lasts for all of them.
    fn verify_others(
        &self,
        content: &[u8],
        passwords: Vec<Octets>,
        keys: &mut Keys,
        budget: &mut KdfBudget,
    ) -> Result<Octets, Pkcs12Error> {
        let all: Vec<(Octets, Derivation)> = passwords
            .into_iter()
            .map(|password| {
                let derivation = self.derivation(&password);
                (password, derivation)
            })
            .collect();
        let work = self.work().saturating_mul(u64::try_from(all.len()).unwrap_or(u64::MAX));
        let together = budget.foresee(work).is_ok();
        if together {
            all.iter().try_for_each(|(_, derivation)| keys.want(derivation.clone(), budget))?;
            keys.derive(None, budget)?;
        }
        let mut all = all.into_iter();
        while let Some((password, derivation)) = all.next() {
            if !together {
                keys.want(derivation.clone(), budget)?;
                keys.derive(None, budget)?;
            }
            if keys.get(&derivation).is_some_and(|key| self.matches(key, content)) {
                // Nothing was wanted of those behind it.
                all.filter(|_| together).for_each(|_| budget.give_back(self.work()));
                keys.rewind();
                return Ok(password);
            }
        }
        Err(Pkcs12Error::WrongPassword)
    }

    fn matches(&self, key: &[u8], content: &[u8]) -> bool {
        self.scheme.hash().hmac_matches(key, content, &self.digest)
    }

    fn derivation(&self, password: &Octets) -> Derivation {
        match &self.scheme {
            Scheme::Pkcs12 { hash, salt, iterations } => Derivation {
                salt: salt.clone(),
                method: Method::Pkcs12 { hash: *hash, purpose: Purpose::Mac, iterations: *iterations },
                len: hash.output_len(),
                password: password.bmp.clone(),
            },
            Scheme::Pbmac1 { kdf, key_len, .. } => kdf.derivation(&password.utf8, *key_len),
        }
    }

    /// What one comparison costs, in iterations.
    pub(super) fn work(&self) -> u64 {
        match &self.scheme {
            Scheme::Pkcs12 { iterations, .. } => u64::from(*iterations),
            Scheme::Pbmac1 { kdf, key_len, .. } => kdf.work(*key_len),
        }
    }

    /// The algorithm as people name it.
    pub(super) fn algorithm(&self) -> String {
        match &self.scheme {
            Scheme::Pkcs12 { hash, .. } => format!("HMAC-{}", hash.name()),
            Scheme::Pbmac1 { kdf, hash, .. } => {
                format!("PBMAC1 PBKDF2-HMAC-{} HMAC-{}", kdf.prf.name(), hash.name())
            }
        }
    }

    pub(super) fn iterations(&self) -> u64 {
        match &self.scheme {
            Scheme::Pkcs12 { iterations, .. } => u64::from(*iterations),
            Scheme::Pbmac1 { kdf, .. } => u64::from(kdf.iterations),
        }
    }

    pub(super) fn is_legacy(&self) -> bool {
        self.scheme.hash().is_legacy()
    }
}

impl Scheme {
    fn hash(&self) -> Hash {
        match self {
            Self::Pkcs12 { hash, .. } | Self::Pbmac1 { hash, .. } => *hash,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{limits::Limits, pkcs12::ber::OBJECT_IDENTIFIER};

    fn parse(bytes: &[u8]) -> Result<MacData, Pkcs12Error> {
        let limits = Limits::default();
        let walk = Walk::new(&limits);
        let mut reader = Reader::of_file(bytes, &walk);
        let element = reader.expect(SEQUENCE, "MacData expected")?;
        MacData::parse(element.children(&walk), &walk)
    }

    /// MacData with SHA-1, an 8-byte salt and the given digest and count.
    fn mac_data(digest_len: u8, count: &[u8]) -> Vec<u8> {
        let mut info = vec![0x30, 0x09, 0x06, 0x05];
        info.extend_from_slice(oid::SHA1);
        info.extend_from_slice(&[0x05, 0x00, OCTET_STRING, digest_len]);
        info.extend(std::iter::repeat_n(7, usize::from(digest_len)));
        let mut body = vec![SEQUENCE, u8::try_from(info.len()).unwrap()];
        body.extend(info);
        body.extend([OCTET_STRING, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
        body.extend_from_slice(count);
        let mut whole = vec![SEQUENCE, u8::try_from(body.len()).unwrap()];
        whole.extend(body);
        whole
    }

    #[test]
    fn absent_count_means_one_iteration() {
        assert_eq!(parse(&mac_data(20, b"")).unwrap().iterations(), 1);
        assert_eq!(parse(&mac_data(20, b"\x02\x02\x08\x00")).unwrap().iterations(), 2048);
    }

    #[test]
    fn truncated_or_empty_mac_is_refused() {
        for len in [0, 19, 21] {
            assert_eq!(
                parse(&mac_data(len, b"")).err(),
                Some(Pkcs12Error::Parameter {
                    what: "the MAC",
                    found: format!("{len} bytes long"),
                    allowed: "20 bytes".to_owned()
                })
            );
        }
    }

    #[test]
    fn counts_outside_the_limit_are_refused_before_any_work() {
        for (count, found) in [
            (&b"\x02\x01\x00"[..], "0"),
            (b"\x02\x03\x4c\x4b\x41", "5000001"),
            (b"\x02\x05\x00\x80\x00\x00\x00", "2147483648"),
            (b"\x02\x09\x01\x00\x00\x00\x00\x00\x00\x00\x00", "more than 2^64"),
        ] {
            assert_eq!(
                parse(&mac_data(20, count)).err(),
                Some(Pkcs12Error::Parameter {
                    what: "the MAC's iteration count",
                    found: found.to_owned(),
                    allowed: "1 to 5000000".to_owned()
                })
            );
        }
        assert_eq!(parse(&mac_data(20, b"\x02\x03\x4c\x4b\x40")).unwrap().iterations(), 5_000_000);
    }

    #[test]
    fn object_identifier_is_required() {
        let mut broken = mac_data(20, b"");
        assert_eq!(broken[6], OBJECT_IDENTIFIER);
        broken[6] = OCTET_STRING;
        assert_eq!(
            parse(&broken).err(),
            Some(Pkcs12Error::Malformed { at: 6, what: "an algorithm's object identifier expected" })
        );
    }
}
