//! Says what is missing where no path was found.

use std::cmp::Reverse;

use super::{
    EndEntity, Policy,
    authority::{Authorities, unusable},
    budget::PathBudget,
};
use crate::{
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode},
    hexadecimal::hex,
    remedy::Remedy,
};

/// The longest chain that is followed to name a missing issuer.
const MAX_CHAIN: usize = 10;
/// The most signatures that are checked for that; a refusal needs no more.
const MAX_CHECKS: u32 = 16;

/// Follows issuers by name and signature as far as `candidates`, and the budget, reach. Of several, one that is valid at
/// `at` is taken, and of those the one that ends last; the order of the input decides nothing.
pub(super) fn links_above<'c>(
    leaf: &Certificate,
    candidates: &[&'c Certificate],
    at: i64,
    budget: &mut PathBudget<'_>,
) -> Vec<&'c Certificate> {
    let mut links: Vec<&Certificate> = Vec::new();
    let mut candidates = candidates.to_vec();
    let is_valid = |ca: &Certificate| (ca.not_before..=ca.not_after).contains(&at);
    candidates.sort_by_key(|ca| (!is_valid(ca), Reverse(ca.not_after), ca.fingerprint));
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
                && budget.is_signed_by(top, candidate)
        });
        match next {
            Some(next) => links.push(next),
            None => break,
        }
    }
    links
}

/// Says why no path was found: there is no CA of the name that is wanted, one with another key, or one that cannot be
/// used.
pub(super) fn no_anchor(
    end_entity: &EndEntity<'_>,
    authorities: &Authorities,
    reach: &[&Certificate],
    policy: &Policy,
    at: i64,
    budget: &mut PathBudget<'_>,
) -> Diagnostic {
    let leaf = end_entity.leaf;
    let links = links_above(leaf, reach, at, budget);
    let top = links.last().copied().unwrap_or(leaf);
    let is_wanted = |ca: &&Certificate| {
        ca.fingerprint == top.fingerprint || (ca.subject_name == top.issuer_name && !has_other_key(top, ca))
    };
    if let Some((authority, reason)) = authorities
        .anchors()
        .filter(is_wanted)
        .find_map(|ca| unusable(ca, at, Some(policy.purpose)).map(|reason| (ca, reason)))
    {
        let message =
            format!("the imported authority {} cannot be used: {}", authority.subject, reason.of_authority());
        return Diagnostic::new(DiagnosticCode::NoAnchor, message)
            .with_remedies(reason.remedies_of_authority());
    }
    if leaf.is_self_issued() && !policy.accept_self_signed {
        return Diagnostic::new(
            DiagnosticCode::NoAnchor,
            "the certificate is self-signed and is not trusted itself",
        )
        .with_remedies(vec![Remedy::Advice(
            "to trust it, give it as an anchor; other clients must be told the same",
        )]);
    }
    let fetch = top.issuer_urls.first().map(|url| Remedy::FetchAuthority { url: url.clone() });
    if let Some(message) = other_key(top, authorities, reach) {
        let mut remedies = vec![Remedy::ImportAuthorityWithKey { key_id: wanted_key(top).map(hex) }];
        // A root that the file embeds is the one that is wanted.
        if top.is_self_issued() && !links.is_empty() {
            remedies.insert(0, Remedy::ImportWithEmbeddedCa);
        }
        remedies.extend(fetch);
        return Diagnostic::new(DiagnosticCode::NoAnchor, message).with_remedies(remedies);
    }
    let mut message =
        format!("no path to an imported authority: the issuer \"{}\" is not imported", top.issuer);
    if let Some(id) = &top.authority_key_id {
        message.push_str(&format!(" (key id {})", hex(id)));
    }
    if authorities.anchors().any(|ca| ca.malformed.as_ref().is_some_and(|part| !part.in_extension)) {
        message.push_str("; an imported authority has a malformed name, and is therefore nobody's issuer");
    }
    let embedded = end_entity
        .others
        .iter()
        .any(|other| other.subject_name == top.issuer_name && !has_other_key(top, other));
    let mut remedies = Vec::new();
    if embedded {
        if !policy.use_embedded && !top.is_self_issued() {
            remedies.push(Remedy::ImportWithChain);
        }
        remedies.push(Remedy::ImportWithEmbeddedCa);
    }
    remedies.push(Remedy::ImportAuthority);
    remedies.extend(fetch);
    Diagnostic::new(DiagnosticCode::NoAnchor, message).with_remedies(remedies)
}

/// The key identifier of the CA above the last certificate that is known; a root is its own.
fn wanted_key(top: &Certificate) -> Option<&Vec<u8>> {
    let own = top.subject_key_id.as_ref().filter(|_| top.is_self_issued());
    own.or(top.authority_key_id.as_ref())
}

/// Whether a CA of the right name is known to have another key than the one that is wanted.
fn has_other_key(top: &Certificate, ca: &Certificate) -> bool {
    if top.is_self_issued() {
        return top.spki_fingerprint != ca.spki_fingerprint;
    }
    top.names_key_of(ca) == Some(false)
}

/// Where CAs of the right name are there, and all have another key: both key identifiers.
fn other_key(top: &Certificate, authorities: &Authorities, reach: &[&Certificate]) -> Option<String> {
    let named: Vec<&Certificate> = reach
        .iter()
        .copied()
        .filter(|ca| ca.subject_name == top.issuer_name && ca.fingerprint != top.fingerprint)
        .collect();
    let other = named.first().filter(|_| named.iter().all(|ca| has_other_key(top, ca)))?;
    let place = if authorities.iter().any(|(known, _)| known.fingerprint == other.fingerprint) {
        "imported"
    } else {
        "in the file"
    };
    let id = |id: Option<&Vec<u8>>| id.map_or_else(|| "none".to_owned(), hex);
    Some(format!(
        "no path to an imported authority: a CA named \"{}\" is {place}, but it has another key: wanted is the key id {}, and it has the key id {}",
        top.issuer,
        id(wanted_key(top)),
        id(other.subject_key_id.as_ref()),
    ))
}
