//! A private key that waits for its certificate, and what is said when the two have met.

use crate::{
    certificate::{Certificate, SigningRequest},
    diagnostic::{Diagnostic, DiagnosticCode},
    issuance::shown,
    seal::EntryId,
    secret::PrivateKey,
};

/// Requests and certificates that a message names, of each.
const MAX_NAMED: usize = 8;

/// A private key that waited for one of the certificates.
pub(super) struct Waiting {
    pub(super) key: PrivateKey,
    /// The pending request; `None` where it is the key that the entry has.
    pub(super) answers: Option<EntryId>,
    pub(super) request: Option<SigningRequest>,
    /// Where it was, for people.
    pub(super) place: String,
}

/// Where the CA certified other names than those that were asked for.
pub(super) fn about_names(request: &SigningRequest, leaf: &Certificate) -> Option<Diagnostic> {
    let fold = |name: &str| name.to_ascii_lowercase();
    let asked: Vec<String> = request.general_names.iter().map(|name| fold(&shown(name))).collect();
    let given: Vec<String> = leaf.general_names.iter().map(|name| fold(&shown(name))).collect();
    let lacking: Vec<String> = asked.iter().filter(|name| !given.contains(name)).cloned().collect();
    let further: Vec<String> = given.iter().filter(|name| !asked.contains(name)).cloned().collect();
    let parts = [("lacks", lacking), ("also has", further)];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} {}", named(names)))
        .collect();
    let message = format!("of the names that were asked for the certificate {}", parts.join(", and "));
    (!parts.is_empty()).then(|| Diagnostic::new(DiagnosticCode::NamesDiffer, message))
}

/// The first of what a message names, and how many more there are.
pub(super) fn named(mut all: Vec<String>) -> String {
    let more = all.len().saturating_sub(MAX_NAMED);
    all.truncate(MAX_NAMED);
    if more > 0 {
        all.push(format!("{more} more"));
    }
    all.join(", ")
}
