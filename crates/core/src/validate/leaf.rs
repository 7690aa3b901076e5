//! What can be said of a server certificate by itself.

use super::{
    EXPIRES_SOON_DAYS, Policy, Purpose,
    host::{public_suffix_of_wildcard, why_unmatchable},
};
use crate::{
    certificate::{AlternativeName, Certificate, GeneralName, KeyAlgorithm, Malformed, in_quotes},
    diagnostic::{Diagnostic, DiagnosticCode},
};

const DAY: i64 = 86_400;

/// Errors first, then warnings.
pub(super) fn check(leaf: &Certificate, policy: &Policy, self_signed: bool, at: i64) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut find = |code, message: String| findings.push(Diagnostic::new(code, message));
    if let Some(message) = unfit_key(&leaf.key, policy.purpose) {
        find(message.0, message.1);
    }
    if is_weak_signature(&leaf.signature_algorithm) {
        find(
            DiagnosticCode::WeakSignature,
            format!("the certificate is signed with {}, which can be forged", leaf.signature_algorithm),
        );
    }
    if leaf.version != 3 {
        find(
            DiagnosticCode::UnsupportedVersion,
            format!("the certificate has X.509 version {}, not 3", leaf.version),
        );
    }
    if let Some(oid) = leaf.unknown_critical.first() {
        find(
            DiagnosticCode::UnknownCriticalExtension,
            format!("the certificate has the critical extension {oid}, which is not understood"),
        );
    }
    if let Some((code, message)) = encoding(leaf) {
        find(code, message);
    }
    for name in &policy.names {
        if !name.is_named_by(leaf) {
            let message = format!("the certificate is not for {name}: {}", name.why_not(leaf));
            find(DiagnosticCode::NameMismatch, message);
        }
    }
    if leaf.is_ca == Some(true) && policy.accept_ca {
        find(DiagnosticCode::CaAsEndEntity, "a CA certificate stands as end entity".to_owned());
    } else if leaf.is_ca == Some(true) && !self_signed {
        find(
            DiagnosticCode::CaCertificate,
            format!("{} is an intermediate CA: its certificate cannot be used as a server's", leaf.subject),
        );
    }
    if at > leaf.not_after {
        find(DiagnosticCode::Expired, format!("the certificate expired {} ago", days(at - leaf.not_after)));
    }
    if at < leaf.not_before {
        find(
            DiagnosticCode::NotYetValid,
            format!("the certificate becomes valid only in {}", days(leaf.not_before - at)),
        );
    }
    warn(leaf, policy.purpose, self_signed, at, &mut find);
    findings
}

/// The part of a certificate that cannot be read.
pub(crate) fn about_encoding(certificate: &Certificate) -> Option<Diagnostic> {
    encoding(certificate).map(|(code, message)| Diagnostic::new(code, message))
}

fn encoding(certificate: &Certificate) -> Option<(DiagnosticCode, String)> {
    let malformed = certificate.malformed.as_ref()?;
    Some((malformed_code(malformed), format!("the certificate is malformed: {malformed}")))
}

/// The code of a part that cannot be read.
pub(super) fn malformed_code(malformed: &Malformed) -> DiagnosticCode {
    if malformed.in_extension { DiagnosticCode::MalformedExtension } else { DiagnosticCode::MalformedName }
}

/// What is wrong with the key of the leaf.
fn unfit_key(key: &KeyAlgorithm, purpose: Purpose) -> Option<(DiagnosticCode, String)> {
    match key {
        KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } if *bits < 2048 => Some((
            DiagnosticCode::WeakKey,
            format!("the RSA key has {bits} bits; at least 2048 are required"),
        )),
        KeyAlgorithm::RsaPss { .. } if purpose == Purpose::Server => Some((
            DiagnosticCode::UnsupportedKey,
            "the key is one for RSASSA-PSS alone (id-RSASSA-PSS), with which no server here can sign; an RSA key (rsaEncryption) signs with PSS as well".to_owned(),
        )),
        KeyAlgorithm::Rsa { .. }
        | KeyAlgorithm::RsaPss { .. }
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::MlDsa { .. } => None,
        KeyAlgorithm::Ec { curve } if matches!(curve.as_str(), "P-256" | "P-384" | "P-521") => None,
        other => {
            Some((DiagnosticCode::UnsupportedKey, format!("a key of the kind {other} cannot serve TLS")))
        }
    }
}

/// Why the key usage does not let the key sign a handshake.
fn key_usage(leaf: &Certificate) -> Option<String> {
    let usage = leaf.key_usage.as_ref().filter(|usage| !usage.digital_signature)?;
    let only = match usage.names.as_slice() {
        [] => "it is empty".to_owned(),
        names => format!("it is {} alone", names.join(", ")),
    };
    let clients = match leaf.key {
        KeyAlgorithm::Rsa { .. } => "GnuTLS and other clients refuse it",
        _ => "clients refuse it",
    };
    Some(format!("the key usage of the certificate lacks Digital_Signature ({only}): {clients}"))
}

/// The DNS names that no client takes for any host, the first few of them, each with the reason.
fn unmatchable_names(leaf: &Certificate) -> Option<String> {
    let odd: Vec<String> = leaf
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::Dns(text) => why_unmatchable(text)
                .map(|reason| format!("{} ({reason})", in_quotes(Some(text)).trim_start())),
            _ => None,
        })
        .collect();
    let (few, more) = (odd.get(..MAX_ODD_NAMES).unwrap_or(&odd), odd.len().saturating_sub(MAX_ODD_NAMES));
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    match few {
        [] => None,
        [one] => Some(format!("no client matches a host with the name {one}")),
        several => Some(format!("no client matches a host with the names {}{more}", several.join(", "))),
    }
}

/// Names that one finding tells of.
const MAX_ODD_NAMES: usize = 8;

fn warn(
    leaf: &Certificate,
    purpose: Purpose,
    self_signed: bool,
    at: i64,
    find: &mut impl FnMut(DiagnosticCode, String),
) {
    match &leaf.extended_key_usage {
        Some(purposes) if !purpose.is_among(purposes) => match purpose {
            Purpose::Client => find(
                DiagnosticCode::NoClientAuth,
                "the certificate is not meant for clients: its extended key usage lacks clientAuth"
                    .to_owned(),
            ),
            Purpose::Server => find(
                DiagnosticCode::NoServerAuth,
                "the certificate is not meant for servers: its extended key usage lacks serverAuth"
                    .to_owned(),
            ),
        },
        Some(_) => {}
        None => find(DiagnosticCode::NoEku, "the certificate has no extended key usage".to_owned()),
    }
    if let Some(message) = key_usage(leaf) {
        find(DiagnosticCode::KeyUsage, message);
    }
    if self_signed {
        find(DiagnosticCode::SelfSigned, "the certificate is self-signed".to_owned());
    }
    if leaf.hosts().next().is_none() && purpose == Purpose::Server {
        find(
            DiagnosticCode::NoSan,
            "the certificate names no host in subjectAltName; current clients will match no name".to_owned(),
        );
    }
    if let Some(message) = unmatchable_names(leaf).filter(|_| purpose == Purpose::Server) {
        find(DiagnosticCode::UnmatchableName, message);
    }
    for name in leaf.alternative_names.iter().filter_map(AlternativeName::host) {
        if let Some(suffix) = public_suffix_of_wildcard(name) {
            find(
                DiagnosticCode::WildcardPublicSuffix,
                format!(
                    "the wildcard {name} stands for names of many owners, for {suffix} is a public suffix; most clients match no host with it"
                ),
            );
        }
    }
    if leaf.authority_key_id.is_none() && !self_signed {
        find(DiagnosticCode::MissingAki, "the certificate has no authority key identifier".to_owned());
    }
    if leaf.subject_key_id.is_none() {
        find(DiagnosticCode::MissingSki, "the certificate has no subject key identifier".to_owned());
    }
    let left = leaf.not_after - at;
    if (0..EXPIRES_SOON_DAYS * DAY).contains(&left) {
        find(DiagnosticCode::ExpiresSoon, format!("the certificate expires in {}", days(left)));
    }
}

/// `12 days`, `less than a day`.
fn days(seconds: i64) -> String {
    match seconds / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// SHA-1 and MD5.
pub(super) fn is_weak_signature(algorithm: &str) -> bool {
    algorithm.starts_with("SHA1") || algorithm.starts_with("MD5")
}
