//! Chooses the private key and the leaf of a server, and proves that they belong together.

use rustls_pki_types::PrivateKeyDer;

use super::{
    Certificate,
    choice::{Candidate, CredentialError, EntrySelector},
    climb::climb,
    key_digest::KeyDigest,
    key_pair::KeyPair,
    pairing::{Pairing, load},
};
use crate::{pkcs12::Contents, secret::PrivateKey};

/// A private key that was proved to belong to its leaf certificate: the public key was derived from the private one,
/// every part of which was checked, and is the certificate's. Only that proof makes one, and nothing changes it afterwards:
///
/// ```compile_fail,E0616
/// use strongroom::certificate::{Certificate, ServerCredential};
///
/// fn swap(credential: &mut ServerCredential, other: Certificate) {
///     credential.leaf = other;
/// }
/// ```
///
/// ```compile_fail,E0451
/// use strongroom::{certificate::{Certificate, ServerCredential}, secret::PrivateKey};
///
/// fn forge(key: PrivateKey, leaf: Certificate) -> ServerCredential {
///     ServerCredential { key, leaf, others: Vec::new(), not_chosen: Vec::new() }
/// }
/// ```
#[derive(Debug)]
pub struct ServerCredential {
    key: PrivateKey,
    /// Of the key, taken when it was proved.
    digest: KeyDigest,
    pub(crate) leaf: Certificate,
    pub(crate) others: Vec<Certificate>,
    pub(crate) not_chosen: Vec<Candidate>,
}

/// Loads a key that TLS libraries serve, and proves every part of it.
pub(crate) fn prove(key: &PrivateKey) -> Result<KeyPair, CredentialError> {
    let pair = load(key)?;
    if pair.works(key) { Ok(pair) } else { Err(CredentialError::InvalidKey) }
}

/// What a pair of a file is, and its credential, or why it has none.
pub(crate) type ChosenPair = (Candidate, Result<ServerCredential, CredentialError>);

impl ServerCredential {
    /// Pairs `key` with the first of `certificates`; the others follow as they are.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if there is no certificate, or the key does not belong to the first one.
    pub fn pair(key: PrivateKey, certificates: Vec<Certificate>) -> Result<Self, CredentialError> {
        if certificates.is_empty() {
            return Err(CredentialError::NoCertificate);
        }
        Self::of_loaded(&prove(&key)?, key, certificates)
    }

    /// Pairs a key that was proved before it was sealed.
    ///
    /// The seal says that the bytes are those that were sealed, for this public key. What it cannot say is that they were
    /// still those that had been proved: the public key is derived from them once more, and compared. No bit of a key can
    /// change without that being noticed, so that its factors are prime is not proved again.
    pub(crate) fn pair_again(
        key: PrivateKey,
        certificates: Vec<Certificate>,
    ) -> Result<Self, CredentialError> {
        if certificates.is_empty() {
            return Err(CredentialError::NoCertificate);
        }
        Self::of_loaded(&load(&key)?, key, certificates)
    }

    fn of_loaded(
        pair: &KeyPair,
        key: PrivateKey,
        certificates: Vec<Certificate>,
    ) -> Result<Self, CredentialError> {
        let mut certificates = certificates.into_iter();
        let leaf = certificates.next().ok_or(CredentialError::NoCertificate)?;
        let others = certificates.collect();
        if !pair.belongs_to(&leaf.spki_der) {
            return Err(CredentialError::KeyMismatch);
        }
        Ok(Self::proved(key, leaf, others, Vec::new()))
    }

    fn proved(
        key: PrivateKey,
        leaf: Certificate,
        others: Vec<Certificate>,
        not_chosen: Vec<Candidate>,
    ) -> Self {
        Self { digest: KeyDigest::of(&key), key, leaf, others, not_chosen }
    }

    /// Pairs the keys and certificates of a file by public key, and takes the only pair or the selected one.
    ///
    /// Every private key of the file counts, usable or not. localKeyId and friendlyName never decide; they only help
    /// a person to choose.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] says what is missing or why the pair cannot be used, or lists what to choose from.
    pub fn choose(contents: Contents, selector: Option<&EntrySelector>) -> Result<Self, CredentialError> {
        Self::choose_from(&Pairing::of(&contents), contents, selector)
    }

    /// The same of contents that were paired already: to pair them proves every key.
    ///
    /// # Errors
    ///
    /// As for [`choose`](Self::choose).
    pub(crate) fn choose_from(
        pairing: &Pairing,
        contents: Contents,
        selector: Option<&EntrySelector>,
    ) -> Result<Self, CredentialError> {
        if contents.keys.is_empty() && contents.locked.is_empty() {
            return Err(match contents.locked_safes().next() {
                Some(reason) => CredentialError::Locked(reason.clone()),
                None => CredentialError::NoPrivateKey,
            });
        }
        let every = pairing.every();
        let chosen = match selector {
            None => match every.as_slice() {
                // What a locked safe holds is not known: it may be the key that is meant.
                [only] if only.problem.is_some() || contents.locked_safes().next().is_none() => 0,
                _ => {
                    let locked_safes = contents.locked_safes().cloned().collect();
                    return Err(CredentialError::Several { candidates: every, locked_safes });
                }
            },
            Some(selector) => match pairing.selected(selector).as_slice() {
                [only] => *only,
                [] => return Err(CredentialError::EntryNotFound { candidates: every }),
                several => {
                    let candidates = pairing.candidates(|index| several.contains(&index));
                    return Err(CredentialError::Several { candidates, locked_safes: Vec::new() });
                }
            },
        };
        let not_chosen = pairing.candidates(|index| index != chosen);
        let (bag, leaf, others) = pairing.pair(chosen)?;
        let (leaf, others) = (leaf.clone(), others.into_iter().cloned().collect());
        let mut keys = contents.keys;
        if bag >= keys.len() {
            return Err(CredentialError::KeyMismatch);
        }
        Ok(Self::proved(keys.swap_remove(bag).key, leaf, others, not_chosen))
    }

    /// Every pair of contents that were paired: what it is, and its credential, or why it has none. With each go the
    /// certificates that may stand above it.
    ///
    /// # Errors
    ///
    /// [`CredentialError`] if the file has no private key, or a part of it stays locked, in which further keys may be.
    pub(crate) fn choose_all(
        pairing: &Pairing,
        contents: &Contents,
    ) -> Result<Vec<ChosenPair>, CredentialError> {
        if let Some(reason) = contents.locked_safes().next() {
            return Err(CredentialError::Locked(reason.clone()));
        }
        if contents.keys.is_empty() && contents.locked.is_empty() {
            return Err(CredentialError::NoPrivateKey);
        }
        let mut all = Vec::new();
        for (index, candidate) in pairing.every().into_iter().enumerate() {
            let credential = pairing.pair(index).and_then(|(bag, leaf, others)| {
                let key = &contents.keys.get(bag).ok_or(CredentialError::KeyMismatch)?.key;
                // EXPOSE: a key with several certificates stands in several entries.
                let key = PrivateKey::from_pkcs8_der(key.expose_pkcs8_der().to_vec());
                let others = climb(leaf, &others).into_iter().cloned().collect();
                Ok(Self::proved(key, leaf.clone(), others, Vec::new()))
            });
            all.push((candidate, credential));
        }
        Ok(all)
    }

    /// Leaves out the certificates that cannot stand above the leaf.
    pub(crate) fn keep_issuers(&mut self) {
        let others: Vec<&Certificate> = self.others.iter().collect();
        self.others = climb(&self.leaf, &others).into_iter().cloned().collect();
    }

    /// What [`choose`](Self::choose) has to choose from, in a file that is open.
    #[must_use]
    pub fn candidates(contents: &Contents) -> Vec<Candidate> {
        Pairing::of(contents).every()
    }

    /// The private key.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The digest of the key as it was proved.
    pub(crate) fn into_digest(self) -> KeyDigest {
        self.digest
    }

    /// The end-entity certificate.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// The other certificates that came with it, in the order of the file. Nothing is known of them.
    #[must_use]
    pub fn others(&self) -> &[Certificate] {
        &self.others
    }

    /// What else there was to choose from in the file.
    #[must_use]
    pub fn not_chosen(&self) -> &[Candidate] {
        &self.not_chosen
    }

    /// The private key as rustls takes it: moved, not copied. Whoever has it wipes it.
    #[must_use]
    pub fn into_key(self) -> PrivateKeyDer<'static> {
        self.key.into()
    }

    /// Gives up the private key and the leaf.
    #[must_use]
    pub fn into_parts(self) -> (PrivateKey, Certificate, Vec<Certificate>) {
        (self.key, self.leaf, self.others)
    }
}
