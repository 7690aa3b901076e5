//! Says what is missing where no path was found.

use super::{
    Policy, Subject,
    authority::{Authorities, unusable},
    budget::Budget,
    finding::{Finding, FindingCode},
};
use crate::{certificate::Certificate, remedy::Remedy};

/// The longest chain that is followed to name a missing issuer.
const MAX_CHAIN: usize = 10;
/// The most signatures that are checked for that; a refusal needs no more.
const MAX_CHECKS: u32 = 16;

/// Follows issuers by name and signature as far as `candidates`, and the budget, reach.
pub(super) fn links_above<'c>(
    leaf: &Certificate,
    candidates: &[&'c Certificate],
    budget: &mut Budget,
) -> Vec<&'c Certificate> {
    let mut links: Vec<&Certificate> = Vec::new();
    let most = budget.signatures() + MAX_CHECKS;
    while links.len() < MAX_CHAIN {
        let top = links.last().copied().unwrap_or(leaf);
        if top.is_self_issued() {
            break;
        }
        let next = candidates.iter().copied().find(|candidate| {
            candidate.subject_name == top.issuer_name
                && top.names_key_of(candidate) != Some(false)
                && links.iter().all(|known| known.fingerprint != candidate.fingerprint)
                && budget.signatures() < most
                && budget.charge_signature().is_ok()
                && top.is_signed_by(candidate)
        });
        match next {
            Some(next) => links.push(next),
            None => break,
        }
    }
    links
}

/// Names the issuer that is missing, and where it can be had.
pub(super) fn no_anchor(
    subject: &Subject<'_>,
    authorities: &Authorities,
    reach: &[&Certificate],
    policy: &Policy,
    at: i64,
    budget: &mut Budget,
) -> Finding {
    let leaf = subject.leaf;
    let links = links_above(leaf, reach, budget);
    let top = links.last().copied().unwrap_or(leaf);
    let embedded = |name: &[u8]| subject.others.iter().any(|other| other.subject_name == name);
    if let Some((authority, reason)) = authorities
        .anchors()
        .filter(|ca| ca.subject_name == top.issuer_name || ca.fingerprint == top.fingerprint)
        .find_map(|ca| unusable(ca, at, Some(policy.purpose)).map(|reason| (ca, reason)))
    {
        return Finding::new(
            FindingCode::NoAnchor,
            format!("the imported authority {} cannot be used: {reason}", authority.subject),
        )
        .with_remedies(vec![Remedy::Advice("import the current certificate of this CA, then retry")]);
    }
    if leaf.is_self_issued() && !policy.accept_self_signed {
        return Finding::new(
            FindingCode::NoAnchor,
            "the certificate is self-signed and is not trusted itself",
        )
        .with_remedies(vec![Remedy::Advice(
            "to trust it, give it as an anchor; other clients must be told the same",
        )]);
    }
    let mut message =
        format!("no path to an imported authority: the issuer \"{}\" is not imported", top.issuer);
    if let Some(id) = &top.authority_key_id {
        message.push_str(" (key id ");
        message.extend(id.iter().map(|byte| format!("{byte:02x}")));
        message.push(')');
    }
    let mut remedies = Vec::new();
    if embedded(&top.issuer_name) {
        if !policy.use_embedded && !top.is_self_issued() {
            remedies.push(Remedy::ImportWithChain);
        }
        remedies.push(Remedy::ImportWithEmbeddedCa);
    }
    remedies.push(Remedy::ImportAuthority);
    remedies.extend(top.issuer_urls.first().map(|url| Remedy::FetchAuthority { url: url.clone() }));
    Finding::new(FindingCode::NoAnchor, message).with_remedies(remedies)
}
