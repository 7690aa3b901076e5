//! What is asked of the keystore, and what it answers.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use super::verified::VerifiedAhead;
use crate::{
    account::{SignIn, TokenStamp},
    alias::Alias,
    certificate::{Certificate, EntrySelector, Fingerprint, ServerCredential},
    diagnostic::{Diagnostic, DiagnosticCode},
    limits::{Cancel, Limits},
    privilege::Privileges,
    seal::EntryId,
    secret::{Password, PrivateKey},
    store::Action,
    validate::{Chain, PathCertificate, Policy, Role, Trust},
};

/// How the files of an import are opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opening<'a> {
    /// Opens PKCS #12 files and keystores, and keys that none of `key_passwords` opens.
    pub password: &'a Password,
    /// The passwords of private keys that have one of their own.
    pub key_passwords: &'a [Password],
    /// Which key and certificate is meant, where there are several.
    pub entry: Option<EntrySelector>,
    /// Bounds on the work that the files may ask for together.
    pub limits: Limits,
    /// Whether the key derivations are to be stopped.
    pub cancel: Cancel,
}

impl<'a> Opening<'a> {
    /// With one password, and no choice where there are several entries.
    #[must_use]
    pub fn new(password: &'a Password) -> Self {
        Self {
            password,
            key_passwords: &[],
            entry: None,
            limits: Limits::default(),
            cancel: Cancel::default(),
        }
    }
}

/// The import of a PKCS #12 file under an alias.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerCertificateRequest<'a> {
    /// The alias.
    pub alias: Alias,
    /// The bytes of the file.
    pub file: &'a [u8],
    /// How it is opened.
    pub opening: Opening<'a>,
    /// The rest, which does not depend on the kind of file.
    pub options: ImportOptions,
}

/// How a server credential is imported.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImportOptions {
    /// What validation uses and lets pass. `policy.use_embedded` is importCertificateChain.
    pub policy: Policy,
    /// Whether an entry of other content under the same alias is replaced.
    pub replace: bool,
    /// Whether an embedded self-signed root is imported as `<alias>_root` first, as ArcGIS 11.3 does.
    pub trust_embedded_root: bool,
    /// Embedded CA certificates for which the caller vouches: the path may end at one of them, which is then imported
    /// as an authority.
    pub vouched: Vec<Fingerprint>,
    /// Whether everything is done but the storing: the report says what would be stored.
    pub dry_run: bool,
    /// The instant at which the certificate is judged and the entry dated.
    pub at: UnixTime,
}

impl ImportOptions {
    /// The defaults at the instant `at`: the chain is imported, nothing is overridden or replaced.
    #[must_use]
    pub fn new(at: UnixTime) -> Self {
        Self {
            policy: Policy::default(),
            replace: false,
            trust_embedded_root: false,
            vouched: Vec::new(),
            dry_run: false,
            at,
        }
    }
}

impl<'a> ServerCertificateRequest<'a> {
    /// A request with the defaults.
    #[must_use]
    pub fn new(alias: Alias, file: &'a [u8], password: &'a Password, at: UnixTime) -> Self {
        Self { alias, file, opening: Opening::new(password), options: ImportOptions::new(at) }
    }
}

/// The import of a credential that is open already.
#[derive(Debug)]
#[non_exhaustive]
pub struct CredentialRequest {
    /// The alias.
    pub alias: Alias,
    /// The key with its leaf.
    pub credential: ServerCredential,
    /// Findings about where it came from.
    pub findings: Vec<Diagnostic>,
    /// How it is imported.
    pub options: ImportOptions,
    /// The pending request whose key it is, and which is done with it.
    pub(super) answers: Option<EntryId>,
    /// What the log calls it.
    pub(super) action: Action,
    /// What is known of signatures.
    pub(super) verified: Option<Arc<VerifiedAhead>>,
}

impl CredentialRequest {
    /// A request with the defaults.
    #[must_use]
    pub fn new(alias: Alias, credential: ServerCredential, at: UnixTime) -> Self {
        Self {
            alias,
            credential,
            findings: Vec::new(),
            options: ImportOptions::new(at),
            answers: None,
            action: Action::Import,
            verified: None,
        }
    }
}

/// What an import did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// A new entry was made.
    Imported,
    /// The same certificate and key were there; nothing was written.
    AlreadyPresent,
    /// The entry has a new version.
    Replaced,
}

impl Outcome {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Imported => "imported",
            Self::AlreadyPresent => "already_present",
            Self::Replaced => "replaced",
        }
    }
}

/// The answer to an import. Unless it was a dry run, it is given only after the entry was committed and read back.
#[derive(Debug)]
#[non_exhaustive]
pub struct ImportReport {
    /// The alias as it stands in the store.
    pub alias: Alias,
    /// What was done.
    pub outcome: Outcome,
    /// Whether nothing was stored, and the report says what would be.
    pub dry_run: bool,
    /// Whether a CA certificate was imported; `chain` is then that certificate alone.
    pub authority: bool,
    /// From the leaf to the anchor.
    pub chain: Vec<ChainLink>,
    /// The aliases that were written, the entry's own first.
    pub imported: Vec<Alias>,
    /// Warnings, and errors that the caller allowed.
    pub findings: Vec<Diagnostic>,
}

/// One certificate of a chain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ChainLink {
    /// SHA-256 over its DER.
    pub sha256: Fingerprint,
    /// Its subject.
    pub subject: String,
    /// Its place.
    pub role: Role,
}

impl ChainLink {
    pub(super) fn of(path: &[PathCertificate]) -> Vec<Self> {
        path.iter()
            .map(|PathCertificate { certificate, role }| Self {
                sha256: certificate.fingerprint,
                subject: certificate.subject.clone(),
                role: *role,
            })
            .collect()
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A server credential: Java's `PrivateKeyEntry`.
    Server,
    /// A certificate without a key: Java's `trustedCertEntry`.
    Authority {
        /// Whether paths may end here.
        trust: Trust,
    },
}

/// How far an entry's chain reaches, judged by what the store holds and by the instant that the caller gave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ChainState {
    /// Up to an imported root.
    Complete,
    /// Up to an imported intermediate.
    Intermediate,
    /// The leaf is self-signed.
    SelfSigned,
    /// No imported authority: it was allowed so, or the authority was removed since.
    NoAnchor,
    /// A path is known and refused, by the code that validation gives: [`DiagnosticCode::PathExpired`] where a CA
    /// certificate on it has ended and no other one replaces it.
    Refused(DiagnosticCode),
    /// A CA certificate that is self-signed.
    Root,
}

impl ChainState {
    pub(super) fn of(chain: &Chain) -> Self {
        match (chain.refusal, chain.above().next_back()) {
            (Some(DiagnosticCode::NoAnchor), _) => Self::NoAnchor,
            (Some(code), _) => Self::Refused(code),
            (None, None) => Self::SelfSigned,
            (None, Some(anchor)) if anchor.is_self_issued() => Self::Complete,
            (None, Some(_)) => Self::Intermediate,
        }
    }

    /// Whether it reaches no imported authority, and is not self-signed.
    #[must_use]
    pub fn is_broken(self) -> bool {
        self.finding().is_some()
    }

    /// Why it is [broken](Self::is_broken); `None` if it is not.
    #[must_use]
    pub fn finding(self) -> Option<DiagnosticCode> {
        match self {
            Self::NoAnchor => Some(DiagnosticCode::NoAnchor),
            Self::Refused(code) => Some(code),
            _ => None,
        }
    }

    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused(code) => code.as_str(),
            Self::Complete => "complete",
            Self::Intermediate => "intermediate",
            Self::SelfSigned => "self_signed",
            Self::NoAnchor => "no_anchor",
            Self::Root => "root",
        }
    }
}

/// An entry as the public sees it: no key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its alias, in the case in which it was given.
    pub alias: Alias,
    /// What it is.
    pub kind: EntryKind,
    /// Its current version, from 1.
    pub version: u32,
    /// When that version was stored.
    pub created_at: UnixTime,
    /// Who stored it, as the log names them.
    pub actor: String,
    /// The leaf, or the CA certificate.
    pub certificate: Certificate,
    /// All certificates from the leaf to the anchor, the leaf included; without an anchor, as far as issuers are known.
    /// Of a certain version, asked for by its number: as it was validated when that was stored. A CA certificate stands
    /// alone; [`Keystore::chain`](crate::Keystore::chain) has those above it.
    pub chain: Vec<PathCertificate>,
    /// How far that reaches.
    pub chain_state: ChainState,
    /// When the first of the certificates above the leaf ends, where they reach an authority: before the leaf's own
    /// notAfter, the chain breaks first.
    pub chain_not_after: Option<i64>,
    /// Findings that the importer allowed.
    pub allowed: Vec<DiagnosticCode>,
    /// The server that uses the entry, if one said so.
    pub bound_to: Option<String>,
}

/// A server credential opened for use: its key was proved again to belong to its leaf. Only opening makes one:
///
/// ```compile_fail,E0616
/// fn swap(opened: &mut strongroom::keystore::OpenedCredential, other: strongroom::secret::PrivateKey) {
///     opened.key = other;
/// }
/// ```
#[derive(Debug)]
pub struct OpenedCredential {
    pub(super) key: PrivateKey,
    pub(super) served: Vec<Certificate>,
}

impl OpenedCredential {
    /// What a server sends: the leaf and the certificates above it, without a root.
    #[must_use]
    pub fn chain(&self) -> &[Certificate] {
        &self.served
    }

    /// The same as rustls takes it.
    #[must_use]
    pub fn chain_der(&self) -> Vec<CertificateDer<'static>> {
        self.served.iter().map(|certificate| certificate.der().clone()).collect()
    }

    /// The private key in the clear.
    #[must_use]
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The private key as rustls takes it: moved, not copied. Whoever has it wipes it.
    #[must_use]
    pub fn into_key(self) -> PrivateKeyDer<'static> {
        self.key.into()
    }
}

/// An administrator of the API.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Administrator {
    /// The name as it was given.
    pub name: String,
    /// When it was added.
    pub created_at: UnixTime,
    /// What it may do.
    pub privileges: Privileges,
    /// When its tokens were revoked last, by command or by a new password.
    pub tokens_not_before: Option<UnixTime>,
    /// What its tokens are bound to now.
    pub stamp: TokenStamp,
    /// Its last sign-in from each of up to 16 networks, the latest first.
    pub sign_ins: Vec<SignIn>,
}
