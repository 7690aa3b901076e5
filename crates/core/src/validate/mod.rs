//! Judges a certificate against the imported authorities at one instant, as RFC 5280, section 6 says.
//!
//! Takes a credential or certificates, authorities, a policy and a time; gives a [`ValidatedChain`], which it alone
//! makes. What rustls-webpki and strict clients think of the path is a finding. Revocation is not checked.

mod authority;
mod budget;
mod chain;
mod constraint;
mod explain;
mod host;
mod leaf;
mod outcome;
mod path_error;
mod policies;
mod purpose;
mod search;
mod signatures;
mod strict_check;
mod webpki_check;

use rustls_pki_types::UnixTime;

pub use self::{
    authority::{Authorities, Trust},
    host::{InvalidPeerName, PeerName},
    outcome::{PathCertificate, Role, ValidatedChain, ValidationError},
    purpose::Purpose,
};
pub(crate) use self::{
    authority::{about_authority, anchors_now},
    chain::{Chain, ChainFinder},
    host::why_unmatchable,
    leaf::about_encoding,
    signatures::{KnownSignatures, SignatureCache},
};
use self::{budget::PathBudget, search::PathBuilder};
use crate::{
    certificate::{Certificate, ServerCredential},
    diagnostic::{Diagnostic, DiagnosticCode, Severity},
    instant::seconds,
};

/// A server certificate ends soon below this many days.
pub(crate) const EXPIRES_SOON_DAYS: i64 = 30;

/// The most CA certificates between leaf and anchor, unless the policy says otherwise; rustls-webpki allows 6.
const MAX_INTERMEDIATES: usize = 10;

/// What the caller asks of validation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// Whether certificates that came with the leaf may stand in the path (importCertificateChain).
    pub use_embedded: bool,
    /// Findings of [`Severity::Overridable`] that the caller accepts.
    pub allow: Vec<DiagnosticCode>,
    /// What the certificate is for.
    pub purpose: Purpose,
    /// Names that the certificate must have, all of them.
    pub names: Vec<PeerName>,
    /// Whether a self-signed certificate is accepted although it is not among the authorities.
    pub accept_self_signed: bool,
    /// Whether a CA certificate may stand as end entity, as RFC 5280 has it.
    pub accept_ca: bool,
    /// The most CA certificates between leaf and anchor; self-issued ones are not counted.
    pub max_intermediates: usize,
}

impl Default for Policy {
    /// For imports: embedded certificates may be used, a self-signed server certificate is taken, a CA certificate is
    /// not; nothing is overridden.
    fn default() -> Self {
        Self {
            use_embedded: true,
            allow: Vec::new(),
            purpose: Purpose::Server,
            names: Vec::new(),
            accept_self_signed: true,
            accept_ca: false,
            max_intermediates: MAX_INTERMEDIATES,
        }
    }
}

impl Policy {
    /// For verification alone: RFC 5280 decides, and a self-signed certificate is accepted only as an anchor.
    #[must_use]
    pub fn verification() -> Self {
        Self { accept_self_signed: false, accept_ca: true, ..Self::default() }
    }

    pub(crate) fn allows(&self, code: DiagnosticCode) -> bool {
        code.severity() == Severity::Overridable && self.allow.contains(&code)
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
    validate_knowing(credential, authorities, policy, at, KnownSignatures::default())
}

/// The same, where signatures may be known.
pub(crate) fn validate_knowing(
    credential: &ServerCredential,
    authorities: &Authorities,
    policy: &Policy,
    at: UnixTime,
    signatures: KnownSignatures<'_>,
) -> Result<ValidatedChain, ValidationError> {
    let end_entity = EndEntity { leaf: &credential.leaf, others: &credential.others };
    Validation { end_entity, authorities, policy, at: seconds(at), signatures }.run()
}

/// Judges the certificate `leaf` at the instant `at`; `others` came with it and are trusted by nobody.
///
/// ```
/// use strongroom::{UnixTime, certificate::Certificate, validate::{Authorities, Policy, Trust, verify}};
/// # use rustls_pki_types::{CertificateDer, pem::PemObject};
///
/// # fn read(path: &str) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
/// #     Ok(CertificateDer::from_pem_slice(&std::fs::read(path)?)?.to_vec())
/// # }
/// let root = Certificate::from_der(&read("../../fixtures/chains/root-rsa.pem")?)?;
/// let mut authorities = Authorities::new();
/// authorities.add(root.clone(), Trust::Anchor);
/// let chain = verify(&root, &[], &authorities, &Policy::verification(), UnixTime::now())?;
/// assert_eq!(chain.path().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ValidationError`] with every finding that refuses it.
pub fn verify(
    leaf: &Certificate,
    others: &[Certificate],
    authorities: &Authorities,
    policy: &Policy,
    at: UnixTime,
) -> Result<ValidatedChain, ValidationError> {
    let at = seconds(at);
    let signatures = KnownSignatures::default();
    Validation { end_entity: EndEntity { leaf, others }, authorities, policy, at, signatures }.run()
}

/// What is judged.
struct EndEntity<'c> {
    leaf: &'c Certificate,
    others: &'c [Certificate],
}

struct Validation<'c> {
    end_entity: EndEntity<'c>,
    authorities: &'c Authorities,
    policy: &'c Policy,
    at: i64,
    signatures: KnownSignatures<'c>,
}

impl Validation<'_> {
    fn run(&self) -> Result<ValidatedChain, ValidationError> {
        let Self { end_entity, policy, .. } = self;
        let leaf = end_entity.leaf;
        let mut budget = PathBudget::new(self.signatures);
        // The first signature of a hundred.
        let self_signed = leaf.is_self_issued() && budget.is_signed_by(leaf, leaf);
        let mut findings = leaf::check(leaf, policy, self_signed, self.at);
        let mut path = vec![PathCertificate::leaf(leaf.clone())];
        let hard = findings.iter().any(|finding| finding.code.severity() == Severity::Error);
        let stands_alone = self_signed && self.takes_self_signed();
        if !stands_alone && !hard {
            match self.find_above(&mut budget) {
                Ok(above) => path.extend(above),
                Err(finding) if policy.allows(finding.code) => {
                    path.extend(self.known_above(&mut budget));
                    findings.push(*finding);
                }
                Err(finding) => findings.push(*finding),
            }
            findings.extend(about_path(end_entity, &path, policy));
        }
        let judged = stands_alone || path.last().is_some_and(|last| last.role == Role::Anchor);
        // Where the purpose is not that of the leaf, its own finding says what clients think.
        if !hard && judged && !lacks_purpose(leaf, policy.purpose) {
            let above: Vec<&Certificate> = path.iter().skip(1).map(|link| &link.certificate).collect();
            let at = self.within_validity();
            findings.extend(self.signatures.rustls_clients(leaf, &above, policy.purpose, at));
            findings.extend(strict_check::strict_clients(leaf, &above));
        }
        let signatures = budget.signatures();
        let refused: Vec<Diagnostic> = findings
            .iter()
            .filter(|finding| finding.code.severity() != Severity::Warning && !policy.allows(finding.code))
            .cloned()
            .collect();
        if refused.is_empty() {
            // What was allowed need not be allowed again.
            findings.iter_mut().for_each(Diagnostic::without_allowing);
            Ok(ValidatedChain { path, findings, signatures })
        } else {
            Err(ValidationError { findings: refused, signatures })
        }
    }

    /// Whether a leaf that its own key signed needs nothing above it.
    fn takes_self_signed(&self) -> bool {
        self.policy.accept_self_signed || self.authorities.is_anchor(self.end_entity.leaf)
    }

    /// A leaf outside its validity has a finding of its own; its path is judged at the nearest instant inside.
    fn within_validity(&self) -> i64 {
        self.at.max(self.end_entity.leaf.not_before).min(self.end_entity.leaf.not_after)
    }

    fn find_above(&self, budget: &mut PathBudget<'_>) -> Result<Vec<PathCertificate>, Box<Diagnostic>> {
        let Self { end_entity, authorities, policy, .. } = self;
        let builder = PathBuilder {
            leaf: end_entity.leaf,
            between: candidates(end_entity, authorities, policy),
            authorities,
            at: self.within_validity(),
            purpose: (!lacks_purpose(end_entity.leaf, policy.purpose)).then_some(policy.purpose),
            max_intermediates: policy.max_intermediates,
        };
        match builder.build(budget) {
            Ok(path) => {
                let last = path.len().saturating_sub(1);
                let role = |n| if n == last { Role::Anchor } else { Role::Intermediate };
                Ok(path
                    .into_iter()
                    .enumerate()
                    .map(|(n, ca)| PathCertificate { certificate: ca.clone(), role: role(n) })
                    .collect())
            }
            Err(errors) => Err(Box::new(errors.into_best().unwrap_or_else(|| {
                explain::no_anchor(end_entity, authorities, &builder.between, policy, builder.at, budget)
            }))),
        }
    }

    /// The certificates above the leaf as far as they are known, where the caller does without an anchor.
    fn known_above(&self, budget: &mut PathBudget<'_>) -> Vec<PathCertificate> {
        let known = candidates(&self.end_entity, self.authorities, self.policy);
        let links = explain::links_above(self.end_entity.leaf, &known, self.within_validity(), budget);
        let link = |ca: &Certificate| PathCertificate { certificate: ca.clone(), role: Role::Intermediate };
        links.into_iter().map(link).collect()
    }
}

/// Whether the leaf is not for the purpose that was asked for.
fn lacks_purpose(leaf: &Certificate, purpose: Purpose) -> bool {
    leaf.extended_key_usage.as_ref().is_some_and(|purposes| !purpose.is_among(purposes))
}

/// Certificates that may stand between the leaf and an anchor.
fn candidates<'c>(
    end_entity: &EndEntity<'c>,
    authorities: &'c Authorities,
    policy: &Policy,
) -> Vec<&'c Certificate> {
    let embedded = end_entity.others.iter().filter(|_| policy.use_embedded);
    let imported = authorities.iter().map(|(certificate, _)| certificate);
    let mut all: Vec<&Certificate> = Vec::new();
    for certificate in embedded.chain(imported) {
        if all.iter().all(|known| known.fingerprint != certificate.fingerprint) {
            all.push(certificate);
        }
    }
    all
}

/// Warnings that depend on the path.
fn about_path(end_entity: &EndEntity<'_>, path: &[PathCertificate], policy: &Policy) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let anchor = path.last().filter(|last| last.role == Role::Anchor).map(|last| &last.certificate);
    if let Some(anchor) = anchor
        && anchor.version < 3
    {
        findings.push(Diagnostic::new(
            DiagnosticCode::VersionOneAnchor,
            format!("the imported authority {} has X.509 version {}", anchor.subject, anchor.version),
        ));
    }
    if let Some(anchor) = anchor
        && !anchor.is_self_issued()
    {
        findings.push(Diagnostic::new(
            DiagnosticCode::AnchoredAtIntermediate,
            format!(
                "the path ends at the imported intermediate {}; its issuer {} is not imported",
                anchor.subject, anchor.issuer
            ),
        ));
    }
    let unused: Vec<&str> = end_entity
        .others
        .iter()
        .filter(|other| path.iter().all(|used| used.certificate.fingerprint != other.fingerprint))
        .map(|other| other.subject.as_str())
        .collect();
    if policy.use_embedded && path.len() > 1 && !unused.is_empty() {
        findings.push(Diagnostic::new(
            DiagnosticCode::UnusedCertificate,
            match unused.as_slice() {
                [one] => format!("an embedded certificate lies on no path: {one}"),
                several => {
                    format!("{} embedded certificates lie on no path: {}", several.len(), several.join("; "))
                }
            },
        ));
    }
    findings
}
