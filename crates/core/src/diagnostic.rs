//! What there is to say of a file, a certificate or an entry: a stable code, its weight, a sentence, and what to do.
//!
//! The one list of these codes. Codes of errors stand with the errors.

mod remedies;

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::remedy::Remedy;

/// How much a diagnostic weighs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Severity {
    /// The import is refused, always.
    Error,
    /// The import is refused unless the caller allows this code by name.
    Overridable,
    /// The import goes ahead and reports it.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $severity:ident;)*) => {
        /// The closed list of what a diagnostic can be about.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum DiagnosticCode { $($(#[$doc])* $variant,)* }

        impl DiagnosticCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as text, for programs.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// How much it weighs, as a rule; [`Diagnostic::severity`] says how much in one case.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// RSA below 2,048 bits, on the leaf.
    WeakKey = "weak_key", Error;
    /// A kind of key that TLS libraries do not serve.
    UnsupportedKey = "unsupported_key", Error;
    /// SHA-1 or MD5 in a signature on the path.
    WeakSignature = "weak_signature", Error;
    /// A signature algorithm on the path that cannot be judged.
    UnsupportedSignature = "unsupported_signature", Error;
    /// The leaf is not an X.509 version 3 certificate.
    UnsupportedVersion = "unsupported_version", Error;
    /// A critical extension that is not understood (RFC 5280, section 4.2).
    UnknownCriticalExtension = "unknown_critical_extension", Error;
    /// A CA certificate as server certificate.
    CaCertificate = "ca_certificate", Error;
    /// An extension that must be processed cannot be read, or stands twice.
    MalformedExtension = "malformed_extension", Error;
    /// The subject or issuer cannot be read to its last byte (RFC 5280, section 4.1.2.4).
    MalformedName = "malformed_name", Error;
    /// A name that a CA on the path may not certify (RFC 5280, section 4.2.1.10).
    NameNotPermitted = "name_not_permitted", Error;
    /// The certificate does not have the name that was asked for.
    NameMismatch = "name_mismatch", Error;
    /// A signature on the path does not verify.
    BadSignature = "bad_signature", Error;
    /// A certificate on the path is not a CA, or breaks a constraint of its issuer.
    PathInvalid = "path_invalid", Error;
    /// A certificate between leaf and anchor is outside its validity.
    PathExpired = "path_expired", Error;
    /// Building the path would cost more than the validator allows.
    PathTooComplex = "path_too_complex", Error;
    /// The leaf's notAfter has passed.
    Expired = "expired", Overridable;
    /// The leaf's notBefore has not come.
    NotYetValid = "not_yet_valid", Overridable;
    /// extKeyUsage without serverAuth.
    NoServerAuth = "no_server_auth", Overridable;
    /// extKeyUsage without clientAuth, where a client was asked for.
    NoClientAuth = "no_client_auth", Overridable;
    /// No path to an imported authority.
    NoAnchor = "no_anchor", Overridable;
    /// The file has no MAC.
    NoMac = "no_mac", Overridable;
    /// The certificate is signed by its own key.
    SelfSigned = "self_signed", Warning;
    /// A wildcard directly below a public suffix, such as `*.com`.
    WildcardPublicSuffix = "wildcard_public_suffix", Warning;
    /// A dNSName that no client takes for any host: empty, with a wildcard that is none, or with other characters.
    UnmatchableName = "unmatchable_name", Warning;
    /// No subjectAltName: current clients match no name.
    NoSan = "no_san", Warning;
    /// No extKeyUsage.
    NoEku = "no_eku", Warning;
    /// No authorityKeyIdentifier.
    MissingAki = "missing_aki", Warning;
    /// No subjectKeyIdentifier.
    MissingSki = "missing_ski", Warning;
    /// keyUsage without digitalSignature (RFC 8446, section 4.4.2.2).
    KeyUsage = "key_usage", Warning;
    /// Less than 30 days to notAfter.
    ExpiresSoon = "expires_soon", Warning;
    /// rustls-webpki, and so every client that uses rustls, refuses the path that was found.
    RustlsClientsRefuse = "rustls_clients_refuse", Warning;
    /// Python 3.13 and newer, and others that ask OpenSSL to be strict, refuse the path that was found.
    StrictClientsRefuse = "strict_clients_refuse", Warning;
    /// A CA certificate stands as end entity, in a verification alone.
    CaAsEndEntity = "ca_as_end_entity", Warning;
    /// The path ends at a version 1 root, which cannot say that it is a CA.
    VersionOneAnchor = "version_one_anchor", Warning;
    /// The path ends at an imported intermediate; no imported root continues it.
    AnchoredAtIntermediate = "anchored_at_intermediate", Warning;
    /// The file is protected by algorithms that current programs no longer write.
    LegacyAlgorithms = "legacy_algorithms", Warning;
    /// The password opened the file only in a reading that its standard does not have.
    PasswordReading = "password_reading", Warning;
    /// The file is protected by so few iterations that its password is soon guessed.
    WeakIterations = "weak_iterations", Warning;
    /// The PFX is written as text, in PEM or base64.
    PemArmour = "pem_armour", Warning;
    /// A file of certificates was read although its form is unusual.
    UnusualForm = "unusual_form", Warning;
    /// OpenSSL's trust settings behind a certificate were not used.
    TrustSettings = "trust_settings", Warning;
    /// Something beside certificates, which was not used.
    OtherContent = "other_content", Warning;
    /// A certificate stands more than once in its file.
    RepeatedCertificate = "repeated_certificate", Warning;
    /// Zero bytes follow the PFX.
    TrailingZeros = "trailing_zeros", Warning;
    /// A line end follows the PFX.
    TrailingLineEnd = "trailing_line_end", Warning;
    /// A private key or a safe of the file stays locked.
    Locked = "locked", Warning;
    /// The file holds nothing that can be used.
    Empty = "empty", Warning;
    /// A private key of the file belongs to none of its certificates.
    KeyMismatch = "key_mismatch", Warning;
    /// A private key of the file is damaged.
    InvalidKey = "invalid_key", Warning;
    /// A certificate of the file cannot be decoded, and is passed over.
    InvalidCertificate = "invalid_certificate", Warning;
    /// The file holds another key or certificate than the one that replaces an entry.
    OtherEntries = "other_entries", Warning;
    /// The replacement lacks names that the entry had.
    NamesLost = "names_lost", Warning;
    /// The replacement ends sooner than the entry did.
    EndsSooner = "ends_sooner", Warning;
    /// A private key of the files belongs to none of their certificates.
    UnusedKey = "unused_key", Warning;
    /// A replacement without a private key was given the one that the entry had.
    KeyKept = "key_kept", Warning;
    /// A certificate without a private key was given that of a pending request.
    RequestAnswered = "request_answered", Warning;
    /// A CA certified other names than were asked for.
    NamesDiffer = "names_differ", Warning;
    /// Another entry has a name of the certificate as well.
    NameShared = "name_shared", Warning;
    /// Another entry has the same private key.
    KeyShared = "key_shared", Warning;
    /// A program for which an exported file may be meant does not open it.
    ReadersRefuse = "readers_refuse", Warning;
    /// Bags that were passed over.
    Skipped = "skipped", Warning;
    /// Embedded certificates that lie on no path.
    UnusedCertificate = "unused_certificate", Warning;
    /// The entry was there, and certificates of its chain that the store did not have were stored.
    ChainStored = "chain_stored", Warning;
    /// The version that was replaced is damaged.
    VersionDamaged = "version_damaged", Warning;
    /// The alias that was made for an entry was taken, and it has that with a number.
    AliasNumbered = "alias_numbered", Warning;
    /// The authority is in the store already under another alias.
    DuplicateAuthority = "duplicate_authority", Warning;
    /// The imported authority is outside its validity and anchors nothing now.
    AuthorityNotValid = "authority_not_valid", Warning;
    /// No certificate under the imported authority can ever be accepted.
    AuthorityNotUsable = "authority_not_usable", Warning;
    /// What no longer opens the store still opens older copies of it, and with their root key the store.
    OldCopiesOpen = "old_copies_open", Warning;
    /// A protocol version or cipher suite of TLS that was asked for is not offered.
    TlsNotOffered = "tls_not_offered", Warning;
}

impl fmt::Display for DiagnosticCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DiagnosticCode {
    type Err = UnknownCode;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == input)
            .ok_or_else(|| UnknownCode { found: input.to_owned() })
    }
}

/// A text that is not the code of a diagnostic.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[error("there is no code {found:?}")]
#[non_exhaustive]
pub struct UnknownCode {
    /// The text.
    pub found: String,
}

/// One thing to say of a file, a certificate or an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// Its stable code.
    pub code: DiagnosticCode,
    /// How much it weighs here.
    pub severity: Severity,
    /// A sentence with the facts.
    pub message: String,
    /// What to do: one of these is enough, and the best comes first.
    pub remedies: Vec<Remedy>,
}

impl Diagnostic {
    /// A diagnostic with the weight and the advice that its code has as a rule.
    ///
    /// ```
    /// use strongroom::diagnostic::{Diagnostic, DiagnosticCode, Severity};
    ///
    /// let diagnostic = Diagnostic::new(DiagnosticCode::OtherContent, "keys/ is a folder");
    /// assert_eq!(diagnostic.code.as_str(), "other_content");
    /// assert_eq!(diagnostic.severity, Severity::Warning);
    /// ```
    #[must_use]
    pub fn new(code: DiagnosticCode, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), message: message.into(), remedies: code.remedies() }
    }

    /// The same with other advice.
    #[must_use]
    pub fn with_remedies(mut self, remedies: Vec<Remedy>) -> Self {
        self.remedies = remedies;
        self
    }

    /// Takes away the advice to allow it, where it is allowed.
    pub(crate) fn without_allowing(&mut self) {
        self.remedies.retain(|remedy| !matches!(remedy, Remedy::Allow(_)));
    }

    /// The same where nothing is refused because of it.
    pub(crate) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

impl fmt::Display for Diagnostic {
    /// The sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_advice() {
        for code in DiagnosticCode::ALL {
            assert!(!code.remedies().iter().any(|remedy| remedy.to_string().is_empty()), "{code}");
        }
    }

    #[test]
    fn every_code_reads_back_and_is_unique() {
        for (n, code) in DiagnosticCode::ALL.iter().enumerate() {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(DiagnosticCode::ALL.iter().skip(n + 1).all(|other| other.as_str() != code.as_str()));
        }
        let unknown = "no_such".parse::<DiagnosticCode>();
        assert_eq!(unknown, Err(UnknownCode { found: "no_such".to_owned() }));
    }
}
