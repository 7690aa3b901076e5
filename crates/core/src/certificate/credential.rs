//! Chooses the private key and the leaf of a server, and proves that they belong together.

use super::{
    Certificate, Fingerprint,
    algorithm::KeyAlgorithm,
    choice::{Candidate, CredentialError, EntrySelector},
    key_pair::KeyPair,
};
use crate::{
    pkcs12::{CertificateBag, Contents, KeyBag},
    secret::PrivateKey,
};

/// A private key that was proved, by signing and verifying, to belong to its leaf certificate.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerCredential {
    key: PrivateKey,
    /// The end-entity certificate.
    pub leaf: Certificate,
    /// The other certificates that came with it, in the order of the file. Nothing is known of them.
    pub others: Vec<Certificate>,
}

impl ServerCredential {
    /// Pairs `key` with the first of `certificates`; the others follow as they are.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if there is no certificate, or the key does not belong to the first one.
    pub fn pair(key: PrivateKey, mut certificates: Vec<Certificate>) -> Result<Self, CredentialError> {
        if certificates.is_empty() {
            return Err(CredentialError::NoCertificate);
        }
        let leaf = certificates.remove(0);
        let pair = load(&key)?;
        if !pair.proof().is_some_and(|proof| pair.proves(&proof, &leaf.spki_der)) {
            return Err(CredentialError::KeyMismatch);
        }
        Ok(Self { key, leaf, others: certificates })
    }

    /// Pairs the keys and certificates of a file by public key, and takes the only pair or the selected one.
    ///
    /// localKeyId and friendlyName never decide; they only help a person to choose.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] says what is missing, or lists the pairs to choose from.
    pub fn choose(contents: Contents, selector: Option<&EntrySelector>) -> Result<Self, CredentialError> {
        let Contents { keys, certificates: bags, .. } = contents;
        if keys.is_empty() {
            return Err(CredentialError::NoPrivateKey);
        }
        if bags.is_empty() {
            return Err(CredentialError::NoCertificate);
        }
        let certificates = parse_once(&bags)?;
        let (pairs, problem) = find_pairs(&keys, &certificates);
        let chosen = match selector {
            None => match pairs.as_slice() {
                [only] => *only,
                [] => return Err(problem.unwrap_or(CredentialError::KeyMismatch)),
                _ => {
                    return Err(CredentialError::Several {
                        candidates: describe(&pairs, &keys, &certificates),
                    });
                }
            },
            Some(selector) => select(selector, &pairs, &keys, &certificates)?,
        };
        take(chosen, keys, certificates)
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Gives up the private key and the leaf.
    #[must_use]
    pub fn into_parts(self) -> (PrivateKey, Certificate, Vec<Certificate>) {
        (self.key, self.leaf, self.others)
    }
}

/// A key and a certificate by their places in the file.
#[derive(Clone, Copy)]
struct Pair {
    key: usize,
    certificate: usize,
}

/// A parsed certificate with the name that its bag had.
struct Named {
    certificate: Certificate,
    friendly_name: Option<String>,
}

/// Parses the certificates, each only once. A broken one is passed over unless it is all there is.
fn parse_once(bags: &[CertificateBag]) -> Result<Vec<Named>, CredentialError> {
    let mut parsed: Vec<Named> = Vec::new();
    let mut broken = None;
    for bag in bags {
        match Certificate::from_der(&bag.der) {
            Ok(certificate) => {
                if parsed.iter().all(|named| named.certificate.fingerprint != certificate.fingerprint) {
                    parsed.push(Named { certificate, friendly_name: bag.attributes.friendly_name.clone() });
                }
            }
            Err(error) => broken = Some(error),
        }
    }
    match (parsed.is_empty(), broken) {
        (true, Some(error)) => Err(CredentialError::Certificate(error)),
        _ => Ok(parsed),
    }
}

/// All pairs with the same public key, proved; and the reason why a key took no part.
fn find_pairs(keys: &[KeyBag], certificates: &[Named]) -> (Vec<Pair>, Option<CredentialError>) {
    let mut pairs = Vec::new();
    let mut problem = None;
    let mut seen: Vec<Fingerprint> = Vec::new();
    for (index, bag) in keys.iter().enumerate() {
        let pair = match load(&bag.key) {
            Ok(pair) => pair,
            Err(error) => {
                problem = Some(error);
                continue;
            }
        };
        // A key written twice, in whatever encoding, counts once; it signs once for all its certificates.
        let public_key = Fingerprint::of(pair.public_key());
        let has_one = certificates.iter().any(|named| pair.has_public_key(&named.certificate.spki_der));
        if seen.contains(&public_key) || !has_one {
            continue;
        }
        let Some(proof) = pair.proof() else {
            continue;
        };
        let before = pairs.len();
        for (place, named) in certificates.iter().enumerate() {
            if pair.proves(&proof, &named.certificate.spki_der) {
                pairs.push(Pair { key: index, certificate: place });
            }
        }
        if pairs.len() > before {
            seen.push(public_key);
        }
    }
    (pairs, problem)
}

fn load(key: &PrivateKey) -> Result<KeyPair, CredentialError> {
    let algorithm = KeyAlgorithm::of_private(key).ok_or(CredentialError::InvalidKey)?;
    if let Some(pair) = KeyPair::load(key, &algorithm) {
        return Ok(pair);
    }
    Err(match algorithm {
        KeyAlgorithm::Rsa { bits } if bits < 2048 => CredentialError::WeakKey { bits },
        KeyAlgorithm::Rsa { bits } if bits <= 8192 => CredentialError::InvalidKey,
        KeyAlgorithm::Ec { ref curve } if matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => {
            CredentialError::InvalidKey
        }
        KeyAlgorithm::Ed25519 => CredentialError::InvalidKey,
        algorithm => CredentialError::UnsupportedKey { algorithm: algorithm.to_string() },
    })
}

fn describe(pairs: &[Pair], keys: &[KeyBag], certificates: &[Named]) -> Vec<Candidate> {
    pairs
        .iter()
        .enumerate()
        .filter_map(|(n, pair)| {
            let named = certificates.get(pair.certificate)?;
            let key = keys.get(pair.key)?;
            Some(Candidate {
                number: n + 1,
                friendly_name: key.attributes.friendly_name.clone().or_else(|| named.friendly_name.clone()),
                subject: named.certificate.subject.clone(),
                fingerprint: named.certificate.fingerprint,
            })
        })
        .collect()
}

fn select(
    selector: &EntrySelector,
    pairs: &[Pair],
    keys: &[KeyBag],
    certificates: &[Named],
) -> Result<Pair, CredentialError> {
    let candidates = describe(pairs, keys, certificates);
    let matching: Vec<usize> = candidates
        .iter()
        .filter(|candidate| match selector {
            EntrySelector::Number(number) => candidate.number == *number,
            EntrySelector::Fingerprint(fingerprint) => candidate.fingerprint == *fingerprint,
            EntrySelector::FriendlyName(name) => candidate.friendly_name.as_ref() == Some(name),
        })
        .map(|candidate| candidate.number)
        .collect();
    match matching.as_slice() {
        [number] => pairs.get(number - 1).copied().ok_or(CredentialError::KeyMismatch),
        [] => Err(CredentialError::EntryNotFound { candidates }),
        _ => Err(CredentialError::Several {
            candidates: candidates
                .into_iter()
                .filter(|candidate| matching.contains(&candidate.number))
                .collect(),
        }),
    }
}

fn take(
    pair: Pair,
    mut keys: Vec<KeyBag>,
    certificates: Vec<Named>,
) -> Result<ServerCredential, CredentialError> {
    let mut leaf = None;
    let mut others = Vec::new();
    for (place, named) in certificates.into_iter().enumerate() {
        if place == pair.certificate {
            leaf = Some(named.certificate);
        } else {
            others.push(named.certificate);
        }
    }
    if pair.key >= keys.len() {
        return Err(CredentialError::KeyMismatch);
    }
    let key = keys.swap_remove(pair.key).key;
    let leaf = leaf.ok_or(CredentialError::KeyMismatch)?;
    Ok(ServerCredential { key, leaf, others })
}
