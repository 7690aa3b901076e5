//! The chains of entries, judged by what the store holds at the commit that is read, at an instant that the caller gives.
//!
//! One way for all: what is listed, shown, verified and sent. The record of an entry keeps what is timeless, the path that
//! was validated at its import, in which each key verified the certificate before it. Whom the store trusts, and which
//! certificates have ended, is judged again: once for all entries of one issuer, and remembered in memory alone.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use rustls_pki_types::UnixTime;

use crate::{
    certificate::{Certificate, Fingerprint},
    diagnostic::DiagnosticCode,
    instant::seconds,
    store::{EntryRow, Mark, Read, StoreError, VersionRow},
    validate::{
        Authorities, Chain, ChainFinder, KnownSignatures, Policy, SignatureCache, Trust, ValidatedChain,
        ValidationError,
    },
};

/// How many CA certificates of the store one validation looks at.
const MAX_AUTHORITIES: usize = 256;
/// Above this many of one name, only those with the key identifier that is asked for are looked at.
const CROWDED: usize = 16;
/// The most certificates that are remembered, over all issuers.
const MAX_REMEMBERED: usize = 16_384;

/// What is remembered from one read to the next.
#[derive(Debug, Default)]
pub(super) struct Chains {
    signatures: SignatureCache,
    finders: Mutex<Finders>,
}

/// By the issuer, its key identifier, and the certificates that stand beside the leaf.
type Issued = (Vec<u8>, Option<Vec<u8>>, Vec<Fingerprint>);

/// What was loaded from one commit.
#[derive(Debug, Default)]
struct Finders {
    mark: Option<Mark>,
    of: HashMap<Issued, Arc<ChainFinder>>,
    certificates: usize,
}

impl Finders {
    fn keep(&mut self, issued: Issued, finder: Arc<ChainFinder>) {
        if self.certificates >= MAX_REMEMBERED {
            self.of.clear();
            self.certificates = 0;
        }
        // The issuer without a certificate counts as well.
        self.certificates += finder.size() + 1;
        self.of.insert(issued, finder);
    }
}

/// What chains are judged by.
pub(super) trait ChainSource {
    /// The imported CA certificates with a subject, as names are compared, each with its trust.
    fn authorities_named(&self, subject: &[u8]) -> Result<Vec<(Certificate, Trust)>, StoreError>;

    /// The commit that is shown; `None` for what no other read may see.
    fn mark(&self) -> Option<Mark>;

    /// Whether the rows are proved: a path that was validated at the import then needs no signature again.
    fn is_proved(&self) -> bool;
}

impl ChainSource for Read<'_> {
    fn authorities_named(&self, subject: &[u8]) -> Result<Vec<(Certificate, Trust)>, StoreError> {
        self.authorities_named(subject)
    }

    fn mark(&self) -> Option<Mark> {
        self.mark()
    }

    fn is_proved(&self) -> bool {
        true
    }
}

impl Chains {
    /// Judges by what `read` shows.
    pub(super) fn seen_by<'c>(&'c self, read: &'c dyn ChainSource) -> ChainView<'c> {
        ChainView { chains: self, read, own: RefCell::default(), without: None }
    }
}

/// The chains of a store at one commit, or within a change.
pub(super) struct ChainView<'c> {
    chains: &'c Chains,
    read: &'c dyn ChainSource,
    /// What no other read may see.
    own: RefCell<Finders>,
    /// A CA certificate that is judged as if it had this trust, or were not there.
    without: Option<(Fingerprint, Option<Trust>)>,
}

impl<'c> ChainView<'c> {
    /// The same, where the store trusts a CA certificate no more than `left`, or does not have it.
    pub(super) fn without(&self, certificate: Fingerprint, left: Option<Trust>) -> Self {
        let Self { chains, read, .. } = *self;
        Self { chains, read, own: RefCell::default(), without: Some((certificate, left)) }
    }

    /// The chain of an entry at the instant `at`, in seconds since 1970.
    pub(super) fn chain(&self, row: &EntryRow, at: i64) -> Result<Chain, StoreError> {
        let (leaf, known) = (leaf(&row.content)?, self.known(row));
        if known.self_signed && leaf.is_self_issued() {
            return Ok(Chain::of_self_signed(leaf));
        }
        Ok(self.finder(leaf, &row.content)?.chain(leaf, known, at))
    }

    /// Whether entries that were stored with the same certificates above them, one of which signed them, have the same
    /// chain as this one.
    pub(super) fn is_like_others(&self, row: &EntryRow, at: i64) -> Result<bool, StoreError> {
        let leaf = leaf(&row.content)?;
        Ok(self.finder(leaf, &row.content)?.is_like_others(leaf, &Policy::default(), at))
    }

    /// What validation says of an entry, by the same path.
    pub(super) fn verify(
        &self,
        row: &EntryRow,
        policy: &Policy,
        at: UnixTime,
    ) -> Result<Result<ValidatedChain, ValidationError>, StoreError> {
        let leaf = leaf(&row.content)?;
        Ok(self.finder(leaf, &row.content)?.verify(leaf, policy, self.known(row), seconds(at)))
    }

    /// The chain of a credential that is not in the store, with the certificates that came with it.
    pub(super) fn chain_of(
        &self,
        leaf: &Certificate,
        others: &[Certificate],
        authorities: Authorities,
        at: i64,
    ) -> Chain {
        let known = KnownSignatures { cache: Some(&self.chains.signatures), ..KnownSignatures::default() };
        ChainFinder::new(leaf, others.to_vec(), authorities).chain(leaf, known, at)
    }

    fn known<'k>(&'k self, row: &'k EntryRow) -> KnownSignatures<'k> {
        if !self.read.is_proved() {
            return KnownSignatures { cache: Some(&self.chains.signatures), ..KnownSignatures::default() };
        }
        let VersionRow { chain, allowed, .. } = &row.content;
        // A server certificate that stood alone, which nobody had to allow: its own key signed it.
        let self_signed =
            row.head.trust.is_none() && chain.len() == 1 && !allowed.contains(&DiagnosticCode::NoAnchor);
        KnownSignatures { cache: Some(&self.chains.signatures), path: chain, self_signed }
    }

    fn finder(&self, leaf: &Certificate, content: &VersionRow) -> Result<Arc<ChainFinder>, StoreError> {
        let beside = content.chain.iter().skip(1);
        let fingerprints = beside.clone().map(|link| link.certificate.fingerprint).collect();
        let issued = (leaf.issuer_name.clone(), leaf.authority_key_id.clone(), fingerprints);
        if let Some(finder) = self.remembered(|finders| finders.of.get(&issued).cloned()) {
            return Ok(finder);
        }
        let others: Vec<Certificate> = beside.map(|link| link.certificate.clone()).collect();
        let mut authorities = load_authorities(self.read, leaf, &others)?;
        if let Some((certificate, left)) = &self.without {
            authorities.leave(certificate, *left);
        }
        let finder = Arc::new(ChainFinder::new(leaf, others, authorities));
        self.remembered(|finders| finders.keep(issued, Arc::clone(&finder)));
        Ok(finder)
    }

    /// Works on what may be remembered of the commit that is read.
    fn remembered<T>(&self, work: impl FnOnce(&mut Finders) -> T) -> T {
        match self.read.mark().filter(|_| self.without.is_none()) {
            None => work(&mut self.own.borrow_mut()),
            Some(mark) => {
                let mut shared = self.chains.finders.lock().unwrap_or_else(PoisonError::into_inner);
                if shared.mark != Some(mark) {
                    *shared = Finders { mark: Some(mark), ..Finders::default() };
                }
                work(&mut shared)
            }
        }
    }
}

fn leaf(content: &VersionRow) -> Result<&Certificate, StoreError> {
    content.leaf().ok_or(StoreError::Corrupt { detail: "an entry has no certificate" })
}

/// The imported CA certificates that may be on a path from the leaf: names are followed upwards, and key identifiers
/// where many bear one name.
pub(super) fn load_authorities(
    read: &dyn ChainSource,
    leaf: &Certificate,
    others: &[Certificate],
) -> Result<Authorities, StoreError> {
    let mut authorities = Authorities::new();
    let mut loaded = 0_usize;
    let mut seen: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::new();
    let wanted = |below: &Certificate| (below.issuer_name.clone(), below.authority_key_id.clone());
    let mut next: VecDeque<_> = std::iter::once(leaf).chain(others).map(wanted).collect();
    while let Some(issuer) = next.pop_front() {
        if seen.contains(&issuer) {
            continue;
        }
        let mut found = read.authorities_named(&issuer.0)?;
        if found.len() > CROWDED && issuer.1.is_some() {
            found.retain(|(ca, _)| ca.subject_key_id.is_none() || ca.subject_key_id == issuer.1);
        }
        for (certificate, trust) in found {
            loaded += 1;
            if loaded > MAX_AUTHORITIES {
                return Ok(authorities);
            }
            next.push_back(wanted(&certificate));
            authorities.add(certificate, trust);
        }
        seen.push(issuer);
    }
    Ok(authorities)
}
