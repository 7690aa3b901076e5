//! Builds and checks certification paths (RFC 5280, section 6), going back from every dead end.
//!
//! From the leaf upwards, each certificate that bears the issuer's name is tried, the likeliest first. What a CA says of
//! those below it (dates, path length, purposes, names) is checked as it is added, signatures and policies once the
//! path reaches an anchor, anchor side first. A signature is checked once; one that fails takes its edge out of the
//! graph, and a certificate from which no anchor can be reached any more is not tried again. The order of trying
//! depends on the certificates alone, so that the order in which they came does not change the answer.

use std::cell::{Cell, OnceCell};

use super::{
    Purpose,
    authority::{Authorities, unfit_issuer_key, unusable},
    budget::PathBudget,
    constraint,
    path_error::{PathError, PathErrors},
    policies,
};
use crate::certificate::{Certificate, SignatureCheck};

/// What to search for, and in what.
pub(super) struct PathBuilder<'c> {
    pub(super) leaf: &'c Certificate,
    /// Certificates that may stand between.
    pub(super) between: Vec<&'c Certificate>,
    pub(super) authorities: &'c Authorities,
    pub(super) at: i64,
    /// `None` where the leaf has a finding for its purpose already, and any passes.
    pub(super) purpose: Option<Purpose>,
    /// The most CA certificates between leaf and anchor.
    pub(super) max_intermediates: usize,
}

/// What is known of a signature.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Signature {
    Unknown,
    Good,
    Bad,
}

/// A certificate with those that may have issued it.
struct Node<'n, 'c> {
    certificate: &'c Certificate,
    /// Whether it may end a path.
    anchor: bool,
    /// Whether an anchor of the present phase can be reached from it.
    reaches: Cell<bool>,
    /// Set once the nodes are all there.
    issuers: OnceCell<Vec<Edge<'n, 'c>>>,
}

/// From a certificate to one that may have issued it.
struct Edge<'n, 'c> {
    issuer: &'n Node<'n, 'c>,
    signature: Cell<Signature>,
}

/// The edges of a path above the leaf, anchor last.
type Path<'n, 'c> = Vec<&'n Edge<'n, 'c>>;

struct Search<'n, 'c, 'q, 'k> {
    builder: &'q PathBuilder<'c>,
    leaf: &'n Node<'n, 'c>,
    /// All but the leaf, which is nobody's issuer on its own path.
    above: &'n [Node<'n, 'c>],
    /// Whether paths must end at a self-issued anchor: then the whole chain is known.
    roots_only: bool,
    budget: &'q mut PathBudget<'k>,
    errors: PathErrors,
}

impl<'c> PathBuilder<'c> {
    /// The certificates above the leaf, anchor last: a path to a root if there is one, else to any imported authority.
    pub(super) fn build(&self, budget: &mut PathBudget<'_>) -> Result<Vec<&'c Certificate>, PathErrors> {
        let above = self.nodes();
        let leaf = Node::new(self.leaf, false);
        std::iter::once(&leaf).chain(&above).for_each(|node| node.find_issuers(&above));
        let errors = PathErrors::default();
        let mut search =
            Search { builder: self, leaf: &leaf, above: &above, roots_only: true, budget, errors };
        let found = search.run(true).and_then(|found| match found {
            Some(path) => Ok(Some(path)),
            // Without an imported intermediate a second search would find the same.
            None if search.only_roots() => Ok(None),
            None => search.run(false),
        });
        match found {
            Ok(Some(path)) => Ok(path.iter().map(|edge| edge.issuer.certificate).collect()),
            Ok(None) => Err(search.errors),
            Err(spent) => {
                search.errors.add(&self.leaf.subject, &spent);
                Err(search.errors)
            }
        }
    }

    /// All certificates but the leaf, each once.
    fn nodes<'n>(&self) -> Vec<Node<'n, 'c>> {
        let usable =
            self.authorities.anchors().filter(|anchor| unusable(anchor, self.at, self.purpose).is_none());
        let mut all: Vec<Node<'n, 'c>> = usable.map(|anchor| Node::new(anchor, true)).collect();
        all.extend(self.between.iter().map(|certificate| Node::new(certificate, false)));
        // The order of the input decides nothing; an anchor stands before its like that is none.
        all.sort_by_key(|node| (node.certificate.fingerprint, !node.anchor));
        all.dedup_by_key(|node| node.certificate.fingerprint);
        // The leaf may be among the authorities.
        all.retain(|node| node.certificate.fingerprint != self.leaf.fingerprint);
        all
    }
}

impl<'n, 'c> Node<'n, 'c> {
    fn new(certificate: &'c Certificate, anchor: bool) -> Self {
        Self { certificate, anchor, reaches: Cell::new(false), issuers: OnceCell::new() }
    }

    /// Those that bear the name of its issuer: first by key identifier, then anchors, then the longest valid.
    fn find_issuers(&self, all: &'n [Self]) {
        let below = self.certificate;
        // An empty name names nobody.
        let named = |ca: &Certificate| {
            !below.issuer_name.is_empty()
                && ca.subject_name == below.issuer_name
                && ca.fingerprint != below.fingerprint
        };
        let mut found: Vec<&'n Self> = all.iter().filter(|node| named(node.certificate)).collect();
        found.sort_by_key(|node| {
            let by_key = match below.names_key_of(node.certificate) {
                Some(true) => 0,
                None => 1,
                Some(false) => 2,
            };
            (by_key, !node.anchor, std::cmp::Reverse(node.certificate.not_after))
        });
        let unknown = |issuer| Edge { issuer, signature: Cell::new(Signature::Unknown) };
        self.issuers.get_or_init(|| found.into_iter().map(unknown).collect());
    }

    fn issuers(&self) -> &[Edge<'n, 'c>] {
        self.issuers.get().map_or(&[], Vec::as_slice)
    }
}

impl Edge<'_, '_> {
    fn is_bad(&self) -> bool {
        self.signature.get() == Signature::Bad
    }
}

impl<'n, 'c> Search<'n, 'c, '_, '_> {
    fn only_roots(&self) -> bool {
        self.above.iter().all(|node| !node.anchor || node.certificate.is_self_issued())
    }

    /// The path from the leaf to an anchor. `Err` if the budget is spent.
    fn run(&mut self, roots_only: bool) -> Result<Option<Path<'n, 'c>>, PathError> {
        self.roots_only = roots_only;
        self.find_reach();
        let mut path = Vec::new();
        Ok(self.extend(&mut path)?.then_some(path))
    }

    /// Whether a path may end at this certificate.
    fn ends(&self, node: &Node<'n, 'c>) -> bool {
        node.anchor && (!self.roots_only || node.certificate.is_self_issued())
    }

    /// From the anchors downwards, over the edges that are not known to be bad.
    fn find_reach(&self) {
        let all = || std::iter::once(self.leaf).chain(self.above);
        all().for_each(|node| node.reaches.set(self.ends(node)));
        let mut grew = true;
        while grew {
            grew = false;
            for node in all().filter(|node| !node.reaches.get()) {
                if node.issuers().iter().any(|edge| !edge.is_bad() && edge.issuer.reaches.get()) {
                    node.reaches.set(true);
                    grew = true;
                }
            }
        }
    }

    /// Adds issuers to `path` until it ends at an anchor; takes them off again if none does. The depth of the recursion
    /// is bounded by `max_intermediates`, and by as many self-issued CAs again.
    fn extend(&mut self, path: &mut Path<'n, 'c>) -> Result<bool, PathError> {
        let top = path.last().map_or(self.leaf, |edge| edge.issuer);
        for edge in top.issuers() {
            let issuer = edge.issuer;
            if edge.is_bad() || !issuer.reaches.get() || is_on(path, issuer.certificate) {
                continue;
            }
            self.budget.charge_step()?;
            if let Err(error) = self.check_issuer(path, issuer) {
                self.refuse(issuer, error)?;
                continue;
            }
            path.push(edge);
            if self.ends(issuer) && self.check_whole(path)? {
                return Ok(true);
            }
            if self.counted(path) <= self.builder.max_intermediates {
                if self.extend(path)? {
                    return Ok(true);
                }
            } else if !self.ends(issuer) {
                let limit = self.builder.max_intermediates;
                self.refuse(issuer, PathError::TooLong { limit })?;
            }
            path.pop();
        }
        Ok(false)
    }

    /// How many CA certificates of a path count against its greatest length: as for pathLenConstraint, those that are
    /// self-issued do not (section 6.1.4 (l)), but no more of them than may count.
    fn counted(&self, path: &Path<'n, 'c>) -> usize {
        let self_issued = certificates(path).filter(|ca| ca.is_self_issued()).count();
        path.len() - self_issued.min(self.builder.max_intermediates)
    }

    /// Keeps why a path was refused; a spent budget ends the search.
    fn refuse(&mut self, node: &Node<'n, 'c>, error: PathError) -> Result<(), PathError> {
        if matches!(error, PathError::Budget { .. }) {
            return Err(error);
        }
        self.errors.add(&node.certificate.subject, &error);
        Ok(())
    }

    /// What can be said of an issuer, and of those below it by its word, without a signature.
    fn check_issuer(&mut self, path: &Path<'n, 'c>, issuer: &Node<'n, 'c>) -> Result<(), PathError> {
        let ca = issuer.certificate;
        // Anchors were held against this when the search began.
        if !issuer.anchor {
            check_intermediate(ca, self.builder.at, self.builder.purpose)?;
        }
        if let Some(what) = &ca.malformed {
            return Err(PathError::Malformed(what.clone()));
        }
        // Self-issued certificates are passed over, the leaf never (section 6.1.3, (b) and (c)).
        let named = || certificates(path).filter(|below| !below.is_self_issued());
        if let Some(limit) = ca.path_len_constraint {
            let found = named().count();
            if usize::try_from(limit).is_ok_and(|limit| found > limit) {
                return Err(PathError::PathLen { limit, found });
            }
        }
        if let Some(constraints) = &ca.name_constraints {
            for below in std::iter::once(self.leaf.certificate).chain(named()) {
                constraint::check(constraints, below, self.budget)?;
            }
        }
        Ok(())
    }

    /// Signatures and policies, anchor side first. A bad signature is not tried again.
    fn check_whole(&mut self, path: &Path<'n, 'c>) -> Result<bool, PathError> {
        let mut below = path.iter().rev().skip(1).map(|edge| edge.issuer).chain([self.leaf]);
        let mut judged = Vec::with_capacity(path.len());
        for (edge, below) in path.iter().rev().zip(&mut below) {
            if let Err(error) = self.check_edge(below, edge)? {
                self.refuse(below, error)?;
                self.find_reach();
                return Ok(false);
            }
            judged.push(below.certificate);
        }
        match policies::check(&judged) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.refuse(self.leaf, error)?;
                Ok(false)
            }
        }
    }

    fn check_edge(
        &mut self,
        below: &Node<'n, 'c>,
        edge: &Edge<'n, 'c>,
    ) -> Result<Result<(), PathError>, PathError> {
        if edge.signature.get() == Signature::Good {
            return Ok(Ok(()));
        }
        let (certificate, issuer) = (below.certificate, edge.issuer.certificate);
        let algorithm = &certificate.signature_algorithm;
        let verdict = match self.budget.check_signature(certificate, issuer)? {
            SignatureCheck::Valid => Ok(()),
            SignatureCheck::Unsupported if super::leaf::is_weak_signature(algorithm) => {
                Err(PathError::WeakSignature(algorithm.clone()))
            }
            SignatureCheck::Unsupported => Err(match unfit_issuer_key(&issuer.key) {
                Some(why) => PathError::UnfitKey { issuer: issuer.subject.clone(), why },
                None => PathError::UnsupportedSignature(format!("{algorithm} under a {} key", issuer.key)),
            }),
            SignatureCheck::Invalid if certificate.names_key_of(issuer) == Some(false) => {
                Err(PathError::OtherKey)
            }
            SignatureCheck::Invalid => Err(PathError::BadSignature),
        };
        edge.signature.set(if verdict.is_ok() { Signature::Good } else { Signature::Bad });
        Ok(verdict)
    }
}

/// The certificates of a path above the leaf.
fn certificates<'c>(path: &Path<'_, 'c>) -> impl Iterator<Item = &'c Certificate> {
    path.iter().map(|edge| edge.issuer.certificate)
}

/// Whether a certificate, or another of its name and key, is on the path already.
fn is_on(path: &Path<'_, '_>, new: &Certificate) -> bool {
    certificates(path).any(|on| {
        on.subject_name == new.subject_name
            && on.spki_fingerprint == new.spki_fingerprint
            && on.alternative_names == new.alternative_names
    })
}

/// Section 6.1.3 (a)(2) and 6.1.4 (k), (n) and (o), and the purpose.
fn check_intermediate(certificate: &Certificate, at: i64, purpose: Option<Purpose>) -> Result<(), PathError> {
    if at > certificate.not_after {
        return Err(PathError::Expired);
    }
    if at < certificate.not_before {
        return Err(PathError::NotYetValid);
    }
    if certificate.version != 3 {
        return Err(PathError::NotAnIssuer("its X.509 version cannot say that it is a CA"));
    }
    super::authority::check_issuer(certificate, purpose)
}
