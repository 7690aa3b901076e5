//! Builds and checks certification paths (RFC 5280, section 6), going back from every dead end.
//!
//! From the leaf upwards, each certificate that bears the issuer's name is tried, the likeliest first. What a CA says of
//! those below it (dates, path length, purposes, names) is checked as it is added, signatures and policies once the
//! path reaches an anchor, anchor side first. A signature is checked once; one that fails takes its edge out of the
//! graph, and a certificate from which no anchor can be reached any more is not tried again. The order of trying
//! depends on the certificates alone, so that the order in which they came does not change the answer.

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

#[derive(Clone, Copy, Eq, PartialEq)]
enum Edge {
    Unknown,
    Good,
    Bad,
}

struct Search<'q, 'c, 'k> {
    builder: &'q PathBuilder<'c>,
    /// The leaf first.
    pool: Vec<&'c Certificate>,
    /// Whether a certificate may end a path.
    anchors: Vec<bool>,
    /// `edges[n]`: who may have signed `pool[n]`, the likeliest first.
    edges: Vec<Vec<(usize, Edge)>>,
    /// Whether an anchor of the present phase can be reached.
    reach: Vec<bool>,
    /// Whether paths must end at a self-issued anchor: then the whole chain is known.
    roots_only: bool,
    budget: &'q mut PathBudget<'k>,
    errors: PathErrors,
}

impl<'c> PathBuilder<'c> {
    /// The certificates above the leaf, anchor last: a path to a root if there is one, else to any imported authority.
    pub(super) fn build(&self, budget: &mut PathBudget<'_>) -> Result<Vec<&'c Certificate>, PathErrors> {
        let mut search = Search::new(self, budget);
        let found = search.run(true).and_then(|found| match found {
            Some(path) => Ok(Some(path)),
            // Without an imported intermediate a second search would find the same.
            None if search.only_roots() => Ok(None),
            None => search.run(false),
        });
        match found {
            Ok(Some(path)) => Ok(path.iter().skip(1).filter_map(|n| search.pool.get(*n).copied()).collect()),
            Ok(None) => Err(search.errors),
            Err(spent) => {
                search.errors.add(&self.leaf.subject, &spent);
                Err(search.errors)
            }
        }
    }
}

impl<'q, 'c, 'k> Search<'q, 'c, 'k> {
    fn new(builder: &'q PathBuilder<'c>, budget: &'q mut PathBudget<'k>) -> Self {
        let usable =
            builder.authorities.anchors().filter(|ca| unusable(ca, builder.at, builder.purpose).is_none());
        let mut all: Vec<(&Certificate, bool)> = usable.map(|anchor| (anchor, true)).collect();
        all.extend(builder.between.iter().map(|certificate| (*certificate, false)));
        // The order of the input decides nothing; an anchor stands before its like that is none.
        all.sort_by_key(|(certificate, anchor)| (certificate.fingerprint, !anchor));
        all.dedup_by_key(|(certificate, _)| certificate.fingerprint);
        // The leaf may be among the authorities, and is nobody's issuer on its own path.
        all.retain(|(certificate, _)| certificate.fingerprint != builder.leaf.fingerprint);
        let (pool, anchors): (Vec<&Certificate>, Vec<bool>) =
            std::iter::once((builder.leaf, false)).chain(all).unzip();
        let edges = pool.iter().map(|below| issuers(below, &pool, &anchors)).collect();
        let reach = vec![false; pool.len()];
        let errors = PathErrors::default();
        Self { builder, pool, anchors, edges, reach, roots_only: true, budget, errors }
    }

    fn only_roots(&self) -> bool {
        self.pool
            .iter()
            .zip(&self.anchors)
            .all(|(certificate, anchor)| !anchor || certificate.is_self_issued())
    }

    /// The places in the pool from the leaf to an anchor. `Err` if the budget is spent.
    fn run(&mut self, roots_only: bool) -> Result<Option<Vec<usize>>, PathError> {
        self.roots_only = roots_only;
        self.find_reach();
        let mut path = vec![0];
        Ok(self.extend(&mut path)?.then_some(path))
    }

    /// Whether a path may end at this certificate.
    fn ends(&self, n: usize) -> bool {
        self.anchors.get(n) == Some(&true)
            && (!self.roots_only || self.pool.get(n).is_some_and(|ca| ca.is_self_issued()))
    }

    /// From the anchors downwards, over the edges that are not known to be bad.
    fn find_reach(&mut self) {
        let mut reach: Vec<bool> = (0..self.pool.len()).map(|n| self.ends(n)).collect();
        let mut grew = true;
        while grew {
            grew = false;
            for (below, issuers) in self.edges.iter().enumerate() {
                let up =
                    |(above, edge): &(usize, Edge)| *edge != Edge::Bad && reach.get(*above) == Some(&true);
                if reach.get(below) == Some(&false) && issuers.iter().any(up) {
                    if let Some(place) = reach.get_mut(below) {
                        *place = true;
                    }
                    grew = true;
                }
            }
        }
        self.reach = reach;
    }

    /// Adds issuers to `path` until it ends at an anchor; takes them off again if none does. The depth of the recursion
    /// is bounded by `max_intermediates`, and by as many self-issued CAs again.
    fn extend(&mut self, path: &mut Vec<usize>) -> Result<bool, PathError> {
        let top = path.last().copied().unwrap_or(0);
        let mut next = 0;
        while let Some((issuer, edge)) = self.edges.get(top).and_then(|issuers| issuers.get(next)).copied() {
            next += 1;
            if edge == Edge::Bad || self.reach.get(issuer) != Some(&true) || self.is_on(path, issuer) {
                continue;
            }
            self.budget.charge_step()?;
            if let Err(error) = self.check_issuer(path, issuer) {
                self.refuse(issuer, error)?;
                continue;
            }
            path.push(issuer);
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
    fn counted(&self, path: &[usize]) -> usize {
        let between = path.len().saturating_sub(1);
        let on_path = path.iter().skip(1).filter_map(|n| self.pool.get(*n));
        let self_issued = on_path.filter(|ca| ca.is_self_issued()).count();
        between - self_issued.min(self.builder.max_intermediates)
    }

    /// Whether a certificate, or another of its name and key, is on the path already.
    fn is_on(&self, path: &[usize], n: usize) -> bool {
        let Some(new) = self.pool.get(n) else {
            return true;
        };
        path.iter().skip(1).filter_map(|on| self.pool.get(*on)).any(|on| {
            on.subject_name == new.subject_name
                && on.spki_fingerprint == new.spki_fingerprint
                && on.alternative_names == new.alternative_names
        })
    }

    /// Keeps why a path was refused; a spent budget ends the search.
    fn refuse(&mut self, n: usize, error: PathError) -> Result<(), PathError> {
        if matches!(error, PathError::Budget { .. }) {
            return Err(error);
        }
        let subject = self.pool.get(n).map_or("", |certificate| certificate.subject.as_str());
        self.errors.add(subject, &error);
        Ok(())
    }

    /// What can be said of an issuer, and of those below it by its word, without a signature.
    fn check_issuer(&mut self, path: &[usize], n: usize) -> Result<(), PathError> {
        let Some(ca) = self.pool.get(n).copied() else {
            return Ok(());
        };
        // Anchors were held against this when the search began.
        if self.anchors.get(n) != Some(&true) {
            check_intermediate(ca, self.builder.at, self.builder.purpose)?;
        }
        if let Some(what) = &ca.malformed {
            return Err(PathError::Malformed(what.clone()));
        }
        let between = path.iter().skip(1).filter_map(|n| self.pool.get(*n).copied());
        if let Some(limit) = ca.path_len_constraint {
            let counted = between.clone().filter(|below| !below.is_self_issued()).count();
            let found = u32::try_from(counted).unwrap_or(u32::MAX);
            if found > limit {
                return Err(PathError::PathLen { limit, found });
            }
        }
        if let Some(constraints) = &ca.name_constraints {
            // Self-issued certificates are passed over, the leaf never (section 6.1.3, (b) and (c)).
            let leaf = self.pool.first().copied().into_iter();
            let named = between.filter(|below| !below.is_self_issued());
            for below in leaf.chain(named) {
                constraint::check(constraints, below, self.budget)?;
            }
        }
        Ok(())
    }

    /// Signatures and policies, anchor side first. A bad signature is not tried again.
    fn check_whole(&mut self, path: &[usize]) -> Result<bool, PathError> {
        for pair in path.windows(2).rev() {
            let [below, above] = *pair else {
                continue;
            };
            match self.check_edge(below, above)? {
                Ok(()) => {}
                Err(error) => {
                    self.refuse(below, error)?;
                    self.find_reach();
                    return Ok(false);
                }
            }
        }
        let below: Vec<&Certificate> =
            path.iter().rev().skip(1).filter_map(|n| self.pool.get(*n).copied()).collect();
        match policies::check(&below) {
            Ok(()) => Ok(true),
            Err(error) => {
                self.refuse(0, error)?;
                Ok(false)
            }
        }
    }

    fn check_edge(&mut self, below: usize, above: usize) -> Result<Result<(), PathError>, PathError> {
        let known = self.edges.get(below).and_then(|edges| edges.iter().find(|(issuer, _)| *issuer == above));
        if known.is_none_or(|(_, edge)| *edge == Edge::Good) {
            return Ok(Ok(()));
        }
        let (Some(certificate), Some(issuer)) = (self.pool.get(below), self.pool.get(above)) else {
            return Ok(Ok(()));
        };
        let judged = self.budget.check_signature(certificate, issuer)?;
        let algorithm = &certificate.signature_algorithm;
        let verdict = match judged {
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
        let edge = if verdict.is_ok() { Edge::Good } else { Edge::Bad };
        let edges = self.edges.get_mut(below).into_iter().flatten();
        for (_, known) in edges.filter(|(issuer, _)| *issuer == above) {
            *known = edge;
        }
        Ok(verdict)
    }
}

/// Those that bear the name of the issuer of `below`: first by key identifier, then anchors, then the longest valid.
fn issuers(below: &Certificate, pool: &[&Certificate], anchors: &[bool]) -> Vec<(usize, Edge)> {
    let wanted = &below.issuer_name;
    // An empty name names nobody.
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<usize> = pool
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, ca)| ca.subject_name == *wanted)
        .filter(|(_, ca)| ca.fingerprint != below.fingerprint)
        .map(|(n, _)| n)
        .collect();
    found.sort_by_key(|n| {
        let ca = pool.get(*n).copied();
        let by_key = match ca.and_then(|ca| below.names_key_of(ca)) {
            Some(true) => 0,
            None => 1,
            Some(false) => 2,
        };
        (by_key, anchors.get(*n) != Some(&true), std::cmp::Reverse(ca.map(|ca| ca.not_after)), *n)
    });
    found.into_iter().map(|n| (n, Edge::Unknown)).collect()
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
