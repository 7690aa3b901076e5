//! Which certificates belong to which private key of a file.
//!
//! Every key counts, whether it can be used or not: else the certificate of another host would be taken in its place.
//! A pair that can be used was proved: its public key was derived from the private one, and is the certificate's.
//! localKeyId, and what a PKCS #8 says of its public key, only tell which certificate belongs to a key that cannot be
//! used.

use super::{
    Certificate, Fingerprint, InvalidCertificate,
    algorithm::KeyAlgorithm,
    choice::{Candidate, CredentialError, EntrySelector},
    der::public_key_info,
    key_pair::KeyPair,
    public_key::WrittenPublicKey,
};
use crate::{
    pkcs12::{Attributes, Contents, KeyBag, LockedKey, Pkcs12Error},
    secret::PrivateKey,
};

/// The keys of a file with their certificates. It is of the contents that it was made of, as they were.
pub(crate) struct Pairing {
    keys: Vec<FileKey>,
    certificates: Vec<FileCertificate>,
    /// What can be chosen, in the order of the keys and then of the certificates.
    pairs: Vec<Pair>,
}

/// A key, and one of its certificates.
struct Pair {
    key: usize,
    certificate: Option<usize>,
    problem: Option<CredentialError>,
}

/// A private key of the file, however often it is written.
struct FileKey {
    places: Vec<usize>,
    /// Its index in [`Contents::keys`], unless it is locked.
    bag: Option<usize>,
    names: Vec<String>,
    local_key_ids: Vec<Vec<u8>>,
    algorithm: Option<KeyAlgorithm>,
    /// The content of subjectPublicKey, where it is known.
    public_key: Option<Vec<u8>>,
    state: State,
}

enum State {
    Usable(KeyPair),
    Unusable(CredentialError),
}

/// A certificate of the file, however often it is written.
struct FileCertificate {
    place: usize,
    names: Vec<String>,
    local_key_ids: Vec<Vec<u8>>,
    fingerprint: Fingerprint,
    content: Content,
}

enum Content {
    Decoded { certificate: Box<Certificate>, public_key: Option<Vec<u8>> },
    Undecodable { der: Vec<u8>, error: InvalidCertificate },
}

/// A certificate by its index, and what is wrong with it for this key.
type Found = (usize, Option<CredentialError>);

impl Pairing {
    /// Pairs the keys of a file with their certificates.
    pub(crate) fn of(contents: &Contents) -> Self {
        let (keys, certificates) = (keys_of(contents), certificates_of(contents));
        let matching: Vec<Vec<Found>> = keys.iter().map(|key| key.matching(&certificates)).collect();
        let taken: Vec<usize> = matching.iter().flatten().map(|(index, _)| *index).collect();
        let mut pairs = Vec::new();
        for (index, (key, mut found)) in keys.iter().zip(matching).enumerate() {
            found.extend(key.hinted(&certificates, found.is_empty(), &taken));
            found.sort_by_key(|(certificate, _)| *certificate);
            if found.is_empty() {
                pairs.push(Pair { key: index, certificate: None, problem: key.problem() });
            }
            pairs.extend(found.into_iter().map(|(certificate, problem)| Pair {
                key: index,
                certificate: Some(certificate),
                problem: key.problem().or(problem),
            }));
        }
        let mut pairing = Self { keys, certificates, pairs };
        let missing = pairing.why_no_certificate(contents.locked_safes().next());
        for pair in pairing.pairs.iter_mut().filter(|pair| pair.certificate.is_none()) {
            pair.problem.get_or_insert_with(|| missing.clone());
        }
        pairing
    }

    /// Why a key that could be used has no certificate.
    fn why_no_certificate(&self, locked_safe: Option<&Pkcs12Error>) -> CredentialError {
        let is_paired = |index: usize| self.pairs.iter().any(|pair| pair.certificate == Some(index));
        let undecodable = self.certificates.iter().enumerate().filter(|(index, _)| !is_paired(*index));
        if let Some(problem) = undecodable.filter_map(|(_, certificate)| certificate.problem()).next() {
            return problem;
        }
        if let Some(reason) = locked_safe {
            return CredentialError::Locked(reason.clone());
        }
        match (self.certificates.len(), self.keys.len()) {
            (0, _) => CredentialError::NoCertificate,
            (_, 1) => CredentialError::KeyMismatch,
            _ => CredentialError::NoCertificateForKey,
        }
    }

    /// What there is to choose from.
    pub(crate) fn every(&self) -> Vec<Candidate> {
        self.candidates(|_| true)
    }

    /// The candidates of these pairs, numbered as in the whole file.
    pub(super) fn candidates(&self, which: impl Fn(usize) -> bool) -> Vec<Candidate> {
        let numbered = self.pairs.iter().enumerate().filter(|(index, _)| which(*index));
        numbered.filter_map(|(index, pair)| self.candidate(index + 1, pair)).collect()
    }

    fn candidate(&self, number: usize, pair: &Pair) -> Option<Candidate> {
        let key = self.keys.get(pair.key)?;
        let certificate = pair.certificate.and_then(|index| self.certificates.get(index));
        let mut friendly_names = key.names.clone();
        merge(&mut friendly_names, certificate.map(|found| found.names.clone()).unwrap_or_default());
        let decoded = certificate.and_then(FileCertificate::decoded);
        Some(Candidate {
            number,
            friendly_names,
            key: key.algorithm.clone(),
            subject: decoded.map(|found| found.subject.clone()),
            hosts: decoded.map(|found| found.hosts().map(str::to_owned).collect()).unwrap_or_default(),
            not_after: decoded.map(|found| found.not_after),
            fingerprint: certificate.map(|found| found.fingerprint),
            problem: pair.problem.clone().map(Box::new),
            key_places: key.places.clone(),
            certificate_place: certificate.map(|found| found.place),
        })
    }

    /// The indices of the pairs that a selector means.
    pub(super) fn selected(&self, selector: &EntrySelector) -> Vec<usize> {
        let certificate = |pair: &Pair| pair.certificate.and_then(|index| self.certificates.get(index));
        let bears = |pair: &Pair, name: &String| {
            let of_certificate = |pair: &Pair| certificate(pair).is_some_and(|c| c.names.contains(name));
            let of_key = self.keys.get(pair.key).is_some_and(|key| key.names.contains(name));
            // The name of the key stands for all of its certificates, unless one of them bears it.
            let borne = self.pairs.iter().any(|other| other.key == pair.key && of_certificate(other));
            of_certificate(pair) || of_key && !borne
        };
        let fits = |index: usize, pair: &Pair| match selector {
            // A friendlyName may look like a number, and then either may be meant.
            EntrySelector::Number(number) => index + 1 == *number || bears(pair, &format!("#{number}")),
            EntrySelector::Fingerprint(fingerprint) => {
                certificate(pair).is_some_and(|found| found.fingerprint == *fingerprint)
            }
            EntrySelector::FriendlyName(name) => bears(pair, name),
        };
        let all = self.pairs.iter().enumerate();
        all.filter(|(index, pair)| fits(*index, pair)).map(|(index, _)| index).collect()
    }

    /// The key of a pair by its index in [`Contents::keys`], its certificate, and all other certificates that can be
    /// decoded.
    ///
    /// # Errors
    ///
    /// Why the pair cannot be used.
    pub(super) fn pair(
        &self,
        index: usize,
    ) -> Result<(usize, &Certificate, Vec<&Certificate>), CredentialError> {
        let pair = self.pairs.get(index).ok_or(CredentialError::KeyMismatch)?;
        if let Some(problem) = &pair.problem {
            return Err(problem.clone());
        }
        let bag = self.keys.get(pair.key).and_then(|key| key.bag).ok_or(CredentialError::KeyMismatch)?;
        let (mut leaf, mut others) = (None, Vec::new());
        for (place, found) in self.certificates.iter().enumerate() {
            match found.decoded() {
                Some(certificate) if pair.certificate == Some(place) => leaf = Some(certificate),
                Some(certificate) => others.push(certificate),
                None => {}
            }
        }
        Ok((bag, leaf.ok_or(CredentialError::KeyMismatch)?, others))
    }
}

impl FileKey {
    fn opened(bag: &KeyBag, index: usize) -> Self {
        let (state, public_key) = match load(&bag.key) {
            Ok(pair) => {
                let public_key = Some(pair.public_key().to_vec());
                let works = pair.works(&bag.key);
                let state =
                    if works { State::Usable(pair) } else { State::Unusable(CredentialError::InvalidKey) };
                (state, public_key)
            }
            Err(problem) => {
                let written = WrittenPublicKey::of(&bag.key).map(|written| written.bits);
                (State::Unusable(problem), written)
            }
        };
        let algorithm = KeyAlgorithm::of_private(&bag.key);
        Self { bag: Some(index), algorithm, public_key, ..Self::new(&bag.attributes, bag.place, state) }
    }

    fn locked(key: &LockedKey) -> Self {
        Self::new(&key.attributes, key.place, State::Unusable(CredentialError::Locked(key.reason.clone())))
    }

    fn new(attributes: &Attributes, place: usize, state: State) -> Self {
        Self {
            places: vec![place],
            bag: None,
            names: attributes.friendly_name.iter().cloned().collect(),
            local_key_ids: attributes.local_key_id.iter().cloned().collect(),
            algorithm: None,
            public_key: None,
            state,
        }
    }

    fn problem(&self) -> Option<CredentialError> {
        match &self.state {
            State::Usable(_) => None,
            State::Unusable(problem) => Some(problem.clone()),
        }
    }

    /// Takes up the same key, written once more, in whatever encoding.
    fn absorb(&mut self, other: Self) {
        self.places.extend(other.places);
        merge(&mut self.names, other.names);
        merge(&mut self.local_key_ids, other.local_key_ids);
        if self.problem().is_some() {
            (self.bag, self.algorithm, self.state) = (other.bag, other.algorithm, other.state);
        }
    }

    /// The certificates with its public key.
    fn matching(&self, certificates: &[FileCertificate]) -> Vec<Found> {
        let mut found = Vec::new();
        for (index, candidate) in certificates.iter().enumerate() {
            let Content::Decoded { certificate, public_key } = &candidate.content else {
                continue;
            };
            if self.public_key.is_none() || *public_key != self.public_key {
                continue;
            }
            let problem = match &self.state {
                State::Usable(pair) if pair.belongs_to(&certificate.spki_der) => None,
                State::Usable(_) if self.algorithm.as_ref() != Some(&certificate.key) => {
                    Some(CredentialError::UnsupportedKey { algorithm: certificate.key.to_string() })
                }
                _ => Some(CredentialError::KeyMismatch),
            };
            found.push((index, problem));
        }
        found
    }

    /// The certificates that seem to be its own: those that cannot be decoded, and, for a key that cannot be used
    /// and has none yet, those of the same localKeyId that are no other key's.
    fn hinted(&self, certificates: &[FileCertificate], has_none: bool, taken: &[usize]) -> Vec<Found> {
        let guess = has_none && self.problem().is_some();
        let mut found = Vec::new();
        for (index, candidate) in certificates.iter().enumerate() {
            let same_id = candidate.local_key_ids.iter().any(|id| self.local_key_ids.contains(id));
            match &candidate.content {
                Content::Decoded { .. } if guess && same_id && !taken.contains(&index) => {
                    found.push((index, None));
                }
                Content::Undecodable { der, .. } if same_id || self.is_in(der) => {
                    found.push((index, candidate.problem()));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether the public key stands somewhere in these bytes.
    fn is_in(&self, bytes: &[u8]) -> bool {
        let wanted = self.public_key.as_deref().filter(|key| !key.is_empty());
        wanted.is_some_and(|wanted| bytes.windows(wanted.len()).any(|window| window == wanted))
    }
}

impl FileCertificate {
    fn decoded(&self) -> Option<&Certificate> {
        match &self.content {
            Content::Decoded { certificate, .. } => Some(certificate),
            Content::Undecodable { .. } => None,
        }
    }

    fn problem(&self) -> Option<CredentialError> {
        match &self.content {
            Content::Decoded { .. } => None,
            Content::Undecodable { error, .. } => Some(CredentialError::Certificate {
                place: self.place,
                name: self.names.first().cloned(),
                error: error.clone(),
            }),
        }
    }
}

/// The keys in the order of the file, each once.
fn keys_of(contents: &Contents) -> Vec<FileKey> {
    let opened = contents.keys.iter().enumerate().map(|(index, bag)| FileKey::opened(bag, index));
    let mut all: Vec<FileKey> = opened.chain(contents.locked.iter().map(FileKey::locked)).collect();
    all.sort_by_key(|key| key.places.first().copied());
    let written = |key: &FileKey| key.bag.and_then(|bag| contents.keys.get(bag)).map(|bag| &bag.key);
    let same = |a: &FileKey, b: &FileKey| match (&a.public_key, &b.public_key) {
        (Some(a), Some(b)) => a == b,
        // EXPOSE: compared, and nothing kept of it.
        (None, None) => {
            written(a).zip(written(b)).is_some_and(|(a, b)| a.expose_pkcs8_der() == b.expose_pkcs8_der())
        }
        _ => false,
    };
    let mut keys: Vec<FileKey> = Vec::new();
    for key in all {
        match keys.iter_mut().find(|known| same(known, &key)) {
            Some(known) => known.absorb(key),
            None => keys.push(key),
        }
    }
    keys
}

/// The certificates in the order of the file, each once.
fn certificates_of(contents: &Contents) -> Vec<FileCertificate> {
    let mut found: Vec<FileCertificate> = Vec::new();
    for (index, bag) in contents.certificates.iter().enumerate() {
        let names = bag.attributes.friendly_name.iter().cloned().collect();
        let local_key_ids = bag.attributes.local_key_id.iter().cloned().collect();
        let fingerprint = Fingerprint::of(&bag.der);
        if let Some(known) = found.iter_mut().find(|known| known.fingerprint == fingerprint) {
            merge(&mut known.names, names);
            merge(&mut known.local_key_ids, local_key_ids);
            continue;
        }
        let content = match Certificate::from_der(&bag.der) {
            Ok(certificate) => Content::Decoded {
                public_key: public_key(&certificate.spki_der),
                certificate: Box::new(certificate),
            },
            Err(error) => Content::Undecodable { der: bag.der.clone(), error },
        };
        found.push(FileCertificate { place: index + 1, names, local_key_ids, fingerprint, content });
    }
    found
}

/// The content of subjectPublicKey.
fn public_key(spki_der: &[u8]) -> Option<Vec<u8>> {
    public_key_info(spki_der).ok().map(|(_, key)| key.to_vec())
}

fn merge<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Loads a key that TLS libraries serve.
pub(crate) fn load(key: &PrivateKey) -> Result<KeyPair, CredentialError> {
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
