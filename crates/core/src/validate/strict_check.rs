//! A third judge: what clients that ask OpenSSL to be strict will think of a path that was found.
//!
//! Python 3.13 and newer do (`VERIFY_X509_STRICT` in `ssl.create_default_context`). These are rules of RFC 5280 for CAs,
//! which its path validation (section 6) does not look at. Anchors are held to them as well.

use crate::{
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode},
};

/// The first thing that such clients refuse in a path, from the leaf to the anchor. A leaf without authority key
/// identifier has a finding of its own.
pub(super) fn strict_clients(leaf: &Certificate, above: &[&Certificate]) -> Option<Diagnostic> {
    let last = above.len().checked_sub(1)?;
    let of_cas = || above.iter().enumerate().find_map(|(n, ca)| Some((*ca, fault_of_ca(ca, n == last)?)));
    let (certificate, what) = fault_of_leaf(leaf).map(|what| (leaf, what)).or_else(of_cas)?;
    let subject = if certificate.subject.is_empty() { "the certificate" } else { &certificate.subject };
    let message = format!(
        "Python 3.13 and newer, and other clients that ask OpenSSL to be strict, refuse this: {subject} {what}"
    );
    Some(Diagnostic::new(DiagnosticCode::StrictClientsRefuse, message))
}

fn fault_of_leaf(leaf: &Certificate) -> Option<&'static str> {
    if leaf.is_ca != Some(true) && leaf.key_usage.as_ref().is_some_and(|usage| usage.key_cert_sign) {
        return Some("may sign certificates by its key usage, and is no CA");
    }
    (leaf.subject_name.is_empty() && !leaf.critical_alternative_names)
        .then_some("has no subject, and its subjectAltName is not critical")
}

fn fault_of_ca(ca: &Certificate, last: bool) -> Option<&'static str> {
    // A version 1 anchor has no extensions to look at.
    if ca.version < 3 {
        None
    } else if !ca.critical_basic_constraints {
        Some("has basic constraints that are not critical")
    } else if ca.key_usage.is_none() {
        Some("is a CA without a key usage")
    } else if ca.subject_key_id.is_none() {
        Some("is a CA without a subject key identifier")
    } else if ca.authority_key_id.is_none() && !last {
        Some("has no authority key identifier")
    } else {
        None
    }
}
