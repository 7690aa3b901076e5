//! Judges a server credential against the imported authorities at one instant (RFC 5280).
//!
//! Takes a credential, authorities, a policy and a time; gives a [`ValidatedChain`], which only this module makes.
//! Knows nothing of files and storage.

mod authority;
mod finding;
mod leaf;
mod path;

use rustls_pki_types::UnixTime;
use thiserror::Error;
use webpki::Error as WebpkiError;

pub(crate) use self::authority::unusable;
use self::path::Search;
pub use self::{
    authority::{Authorities, Trust},
    finding::{Finding, FindingCode, Severity, UnknownFinding},
};
use crate::certificate::{Certificate, Fingerprint, ServerCredential};

/// A server certificate ends soon below this many days.
pub(crate) const EXPIRES_SOON_DAYS: i64 = 30;

/// The longest chain that is followed to name a missing issuer.
const MAX_CHAIN: usize = 10;

/// What the caller asks of validation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Whether certificates that came with the leaf may stand in the path (importCertificateChain).
    pub use_embedded: bool,
    /// Findings of [`Severity::Overridable`] that the caller accepts.
    pub allow: Vec<FindingCode>,
}

impl Default for Policy {
    /// Embedded certificates may be used; nothing is overridden.
    fn default() -> Self {
        Self { use_embedded: true, allow: Vec::new() }
    }
}

impl Policy {
    pub(crate) fn allows(&self, code: FindingCode) -> bool {
        code.severity() == Severity::Overridable && self.allow.contains(&code)
    }
}

/// The place of a certificate in a chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// The server's own certificate.
    Leaf,
    /// Between leaf and anchor.
    Intermediate,
    /// An imported authority in which the path ends.
    Anchor,
}

impl Role {
    /// The word used in the store and in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
            Self::Anchor => "anchor",
        }
    }
}

/// A leaf with the path that was found for it. Only validation makes one.
#[derive(Debug)]
pub struct ValidatedChain {
    path: Vec<(Certificate, Role)>,
    findings: Vec<Finding>,
}

impl ValidatedChain {
    /// The certificates from the leaf to the anchor, inclusive. A self-signed leaf stands alone.
    #[must_use]
    pub fn path(&self) -> &[(Certificate, Role)] {
        &self.path
    }

    /// The fingerprint of the leaf.
    #[must_use]
    pub fn leaf(&self) -> Option<Fingerprint> {
        self.path.first().map(|(leaf, _)| leaf.fingerprint)
    }

    /// Warnings, and errors that the caller allowed.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

/// The credential was refused. The first finding is the reason; others may follow.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[error("{}", .findings.first().map_or("the certificate is not valid", |finding| finding.message.as_str()))]
#[non_exhaustive]
pub struct ValidationError {
    /// What was found, the reason first.
    pub findings: Vec<Finding>,
}

impl ValidationError {
    /// A stable code for programs: that of the first finding.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.findings.first().map_or("invalid", |finding| finding.code.as_str())
    }

    /// What the user can do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        self.findings.first().map(|finding| finding.help.clone())
    }
}

/// Judges `credential` at the instant `at`.
///
/// # Errors
///
/// [`ValidationError`] with every finding that refuses it.
pub fn validate(
    credential: &ServerCredential,
    authorities: &Authorities,
    policy: &Policy,
    at: UnixTime,
) -> Result<ValidatedChain, ValidationError> {
    let leaf = &credential.leaf;
    let at = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let self_signed = leaf.is_self_signed();
    let mut findings = leaf::check(leaf, self_signed, at);
    let mut path = vec![(leaf.clone(), Role::Leaf)];
    let hard = findings.iter().any(|finding| finding.code.severity() == Severity::Error);
    if !self_signed && !hard {
        match find_path(credential, authorities, policy, &findings, at) {
            Ok(above) => path.extend(above),
            Err(finding) if policy.allows(finding.code) => {
                path.extend(
                    links_above(leaf, &candidates(credential, authorities, policy))
                        .into_iter()
                        .map(in_between),
                );
                findings.push(*finding);
            }
            Err(finding) => findings.push(*finding),
        }
        findings.extend(about_path(credential, &path, policy));
    }
    let refused: Vec<Finding> = findings
        .iter()
        .filter(|finding| finding.code.severity() != Severity::Warning && !policy.allows(finding.code))
        .cloned()
        .collect();
    if refused.is_empty() {
        Ok(ValidatedChain { path, findings })
    } else {
        Err(ValidationError { findings: refused })
    }
}

fn in_between(certificate: &Certificate) -> (Certificate, Role) {
    (certificate.clone(), Role::Intermediate)
}

/// Certificates that may stand between the leaf and an anchor.
fn candidates<'c>(
    credential: &'c ServerCredential,
    authorities: &'c Authorities,
    policy: &Policy,
) -> Vec<&'c Certificate> {
    let embedded = credential.others.iter().filter(|_| policy.use_embedded);
    let imported = authorities.iter().map(|(certificate, _)| certificate);
    let mut all: Vec<&Certificate> = Vec::new();
    for certificate in embedded.chain(imported) {
        if all.iter().all(|known| known.fingerprint != certificate.fingerprint) {
            all.push(certificate);
        }
    }
    all
}

/// A path to a root first, so that the whole chain is known; else to any imported authority.
fn find_path(
    credential: &ServerCredential,
    authorities: &Authorities,
    policy: &Policy,
    findings: &[Finding],
    at: i64,
) -> Result<Vec<(Certificate, Role)>, Box<Finding>> {
    let leaf = &credential.leaf;
    // A leaf outside its validity or purpose has a finding of its own; its path is judged at the nearest
    // instant of its validity, and for any purpose.
    let at = at.max(leaf.not_before).min(leaf.not_after);
    let any_purpose = findings.iter().any(|finding| finding.code == FindingCode::NoServerAuth);
    let usable: Vec<&Certificate> = authorities.anchors().filter(|ca| unusable(ca, at).is_none()).collect();
    let between = candidates(credential, authorities, policy);
    let search = |anchors: Vec<&Certificate>, intermediates: Vec<&Certificate>| {
        Search { leaf, anchors, intermediates, at, any_purpose }
            .run()
            .map(|found| found.into_iter().cloned().collect::<Vec<_>>())
    };
    let roots: Vec<&Certificate> = usable.iter().copied().filter(|ca| ca.is_self_issued()).collect();
    let found =
        search(roots, between.iter().copied().filter(|ca| !ca.is_self_issued()).collect()).or_else(|error| {
            // Without an imported intermediate a second search would find the same.
            if usable.iter().all(|ca| ca.is_self_issued()) {
                Err(error)
            } else {
                search(usable.clone(), between.clone())
            }
        });
    match found {
        Ok(path) => {
            let last = path.len().saturating_sub(1);
            let role = |n| if n == last { Role::Anchor } else { Role::Intermediate };
            Ok(path.into_iter().enumerate().map(|(n, certificate)| (certificate, role(n))).collect())
        }
        Err(error) => Err(Box::new(explain(&error, credential, authorities, policy, at))),
    }
}

/// Warnings that depend on the path.
fn about_path(credential: &ServerCredential, path: &[(Certificate, Role)], policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some((anchor, Role::Anchor)) = path.last()
        && !anchor.is_self_issued()
    {
        findings.push(Finding::new(
            FindingCode::AnchoredAtIntermediate,
            format!(
                "the path ends at the imported intermediate {}; its issuer {} is not imported",
                anchor.subject, anchor.issuer
            ),
        ));
    }
    let unused: Vec<&str> = credential
        .others
        .iter()
        .filter(|other| path.iter().all(|(used, _)| used.fingerprint != other.fingerprint))
        .map(|other| other.subject.as_str())
        .collect();
    if policy.use_embedded && path.len() > 1 && !unused.is_empty() {
        findings.push(Finding::new(
            FindingCode::UnusedCertificate,
            format!("{} embedded certificate(s) lie on no path: {}", unused.len(), unused.join("; ")),
        ));
    }
    findings
}

/// Follows issuers by name and signature as far as `candidates` reach.
fn links_above<'c>(leaf: &Certificate, candidates: &[&'c Certificate]) -> Vec<&'c Certificate> {
    let mut links: Vec<&Certificate> = Vec::new();
    while links.len() < MAX_CHAIN {
        let top = links.last().copied().unwrap_or(leaf);
        if top.is_self_issued() {
            break;
        }
        let next = candidates.iter().copied().find(|candidate| {
            candidate.subject_der == top.issuer_der
                && links.iter().all(|known| known.fingerprint != candidate.fingerprint)
                && top.is_signed_by(candidate)
        });
        match next {
            Some(next) => links.push(next),
            None => break,
        }
    }
    links
}

/// Turns rustls-webpki's answer into a finding with names.
fn explain(
    error: &WebpkiError,
    credential: &ServerCredential,
    authorities: &Authorities,
    policy: &Policy,
    at: i64,
) -> Finding {
    let leaf = &credential.leaf;
    let reach = candidates(credential, authorities, policy);
    match error {
        WebpkiError::InvalidSignatureForPublicKey if issuer_is_known(leaf, &reach) => Finding::new(
            FindingCode::BadSignature,
            format!("the signature does not verify under the key of the issuer it names, {}", leaf.issuer),
        ),
        WebpkiError::UnknownIssuer | WebpkiError::InvalidSignatureForPublicKey => {
            no_anchor(credential, authorities, &reach, policy, at)
        }
        WebpkiError::CertExpired { .. } | WebpkiError::CertNotValidYet { .. } => Finding::new(
            FindingCode::PathExpired,
            "a CA certificate between the server certificate and the imported authority is outside its validity",
        ),
        WebpkiError::UnsupportedSignatureAlgorithmContext(_)
        | WebpkiError::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => about_signatures(leaf, &reach),
        WebpkiError::UnsupportedCriticalExtension => Finding::new(
            FindingCode::UnknownCriticalExtension,
            "a CA certificate on the path has a critical extension that is not understood",
        ),
        WebpkiError::MaximumSignatureChecksExceeded
        | WebpkiError::MaximumPathBuildCallsExceeded
        | WebpkiError::MaximumPathDepthExceeded
        | WebpkiError::MaximumNameConstraintComparisonsExceeded => {
            Finding::new(FindingCode::PathTooComplex, format!("no path within the limits of work: {error:?}"))
        }
        other => Finding::new(FindingCode::PathInvalid, format!("no valid path: {other:?}")),
    }
}

/// Whether a candidate has the issuer's name and, where both say so, its key: then the signature is to blame.
fn issuer_is_known(leaf: &Certificate, candidates: &[&Certificate]) -> bool {
    candidates.iter().any(|ca| {
        ca.subject_der == leaf.issuer_der
            && match (&leaf.authority_key_id, &ca.subject_key_id) {
                (Some(wanted), Some(found)) => wanted == found,
                _ => true,
            }
    })
}

fn about_signatures(leaf: &Certificate, reach: &[&Certificate]) -> Finding {
    let weak =
        reach.iter().find(|ca| !ca.is_self_issued() && leaf::is_weak_signature(&ca.signature_algorithm));
    match weak {
        Some(ca) => Finding::new(
            FindingCode::WeakSignature,
            format!("{} is signed with {}, which can be forged", ca.subject, ca.signature_algorithm),
        ),
        None => Finding::new(
            FindingCode::UnsupportedSignature,
            format!(
                "a signature on the path uses an algorithm that is not supported; the leaf has {}",
                leaf.signature_algorithm
            ),
        ),
    }
}

/// Names the issuer that is missing, and where it can be had.
fn no_anchor(
    credential: &ServerCredential,
    authorities: &Authorities,
    reach: &[&Certificate],
    policy: &Policy,
    at: i64,
) -> Finding {
    let leaf = &credential.leaf;
    let links = links_above(leaf, reach);
    let top = links.last().copied().unwrap_or(leaf);
    let embedded = |name: &[u8]| credential.others.iter().any(|other| other.subject_der == name);
    if let Some((authority, reason)) = authorities
        .anchors()
        .filter(|ca| ca.subject_der == top.issuer_der || ca.fingerprint == top.fingerprint)
        .find_map(|ca| unusable(ca, at).map(|reason| (ca, reason)))
    {
        return Finding::new(
            FindingCode::NoAnchor,
            format!("the imported authority {} cannot be used: {reason}", authority.subject),
        )
        .with_help("import the current certificate of this CA, then retry");
    }
    let mut message =
        format!("no path to an imported authority: the issuer \"{}\" is not imported", top.issuer);
    if let Some(id) = &top.authority_key_id {
        message.push_str(" (key id ");
        message.extend(id.iter().map(|byte| format!("{byte:02x}")));
        message.push(')');
    }
    let mut help = FindingCode::NoAnchor.help().to_owned();
    if embedded(&top.issuer_der) {
        help = "the file itself embeds that CA: import it first, then retry (openssl pkcs12 -in FILE -cacerts -nokeys -out CA.pem, then strongroom ca import ALIAS CA.pem)".to_owned();
        if !policy.use_embedded && !top.is_self_issued() {
            help.push_str("; or import with importCertificateChain=true");
        }
    } else if let Some(url) = top.issuer_urls.first() {
        help.push_str("; the CA publishes its certificate at ");
        help.push_str(url);
    }
    Finding::new(FindingCode::NoAnchor, message).with_help(help)
}
