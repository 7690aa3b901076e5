//! What there is to say of a file, a certificate or an entry: a stable code, its weight, a sentence, and what to do.
//!
//! The one list of these codes. Codes of errors stand with the errors.

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
    /// No subjectAltName: current clients match no name.
    NoSan = "no_san", Warning;
    /// No extKeyUsage.
    NoEku = "no_eku", Warning;
    /// No authorityKeyIdentifier.
    MissingAki = "missing_aki", Warning;
    /// No subjectKeyIdentifier.
    MissingSki = "missing_ski", Warning;
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

impl DiagnosticCode {
    /// What a person can do about it: one of these is enough, and the best comes first.
    #[must_use]
    pub fn remedies(self) -> Vec<Remedy> {
        let allow = || Remedy::Allow(self.as_str());
        let advice = match self {
            Self::CaCertificate => {
                let choose = Remedy::Advice("choose the file of the server certificate");
                return vec![choose, Remedy::ImportAuthority];
            }
            Self::KeyMismatch => return vec![Remedy::JoinKeyAndCertificate],
            Self::OldCopiesOpen => return vec![Remedy::EndOldCopies { unlock: None }],
            Self::ExpiresSoon => "renew it in time, and import the new one in its place",
            Self::Expired => return vec![Remedy::Advice("renew the certificate"), allow()],
            Self::NotYetValid => return vec![Remedy::Advice("check the clock of this machine"), allow()],
            Self::NoServerAuth => {
                let ask = Remedy::Advice("ask the CA for a certificate with the purpose serverAuth");
                return vec![ask, allow()];
            }
            Self::NoClientAuth => "ask the CA for a certificate with the purpose clientAuth",
            Self::NoAnchor => return vec![Remedy::ImportAuthority],
            Self::NoMac => return vec![Remedy::Advice("export the file again with a MAC"), allow()],
            Self::WeakKey => "ask for a certificate with an RSA key of 2048 bits or more, or a P-256 key",
            Self::UnsupportedKey => "ask for a certificate with a P-256 or RSA-2048 key",
            Self::WeakSignature | Self::UnsupportedSignature => {
                "ask the CA to issue the certificate again with SHA-256"
            }
            Self::UnsupportedVersion => "ask the CA for an X.509 version 3 certificate",
            Self::UnknownCriticalExtension => {
                "ask the CA to issue the certificate again without that extension, or with it not critical"
            }
            Self::MalformedExtension | Self::MalformedName => {
                "ask the CA to issue the certificate again without that fault"
            }
            Self::NameNotPermitted => {
                "ask for a certificate with names that its CA may certify, or use a CA without that constraint"
            }
            Self::NameMismatch => {
                "ask for a certificate with that name in subjectAltName, or use a name that it has"
            }
            Self::BadSignature => {
                "the certificate was changed, or comes from another CA of the same name; ask the CA that issued it"
            }
            Self::PathInvalid => "ask the CA for a certificate and chain that follow RFC 5280",
            Self::PathExpired => "ask the CA for its renewed certificate and import that",
            Self::PathTooComplex => "import the CA certificates that the path needs, and no others",
            Self::SelfSigned => "clients must be told to trust this certificate; a CA-signed one avoids that",
            Self::NoSan => {
                "ask for a certificate with the host name as subjectAltName; clients ignore the CN"
            }
            Self::NoEku => "ask for a certificate with the purpose serverAuth",
            Self::MissingAki => {
                "Python 3.13 and newer refuse such a chain, as does every client that asks OpenSSL to be strict; ask the CA to issue the certificate again with an authority key identifier"
            }
            Self::MissingSki => "clients accept it; RFC 5280 asks for the key identifiers",
            Self::WildcardPublicSuffix => "ask for a certificate with the names of your own hosts or domain",
            Self::RustlsClientsRefuse => {
                "where clients use rustls, ask the CA for a chain without that; others accept it"
            }
            Self::StrictClientsRefuse => {
                "where clients are strict, ask the CA to issue that certificate again as RFC 5280 has it; others accept it"
            }
            Self::CaAsEndEntity => "servers should have a certificate of their own, issued by this CA",
            Self::VersionOneAnchor => "import the CA's version 3 certificate, if it has one",
            Self::AnchoredAtIntermediate => "import the root above it as well, to have the whole chain",
            Self::LegacyAlgorithms => {
                "export the file again with AES-256 and SHA-256; what is stored is sealed in any case"
            }
            Self::PasswordReading => {
                "other programs may refuse the password; export the file again with a password of ASCII"
            }
            Self::WeakIterations => "export the file again with 100000 iterations or more",
            Self::PemArmour => "nothing; but few other programs read a PFX in that form",
            Self::UnusualForm => "nothing; but not every program reads a file in that form",
            Self::TrustSettings => {
                "nothing, unless the file was made to distrust the certificate; every imported authority is trusted for servers"
            }
            Self::OtherContent => "nothing, if the certificates are all you need",
            Self::RepeatedCertificate => "nothing; it counts once",
            Self::TrailingZeros => "nothing; some Windows programs leave them",
            Self::TrailingLineEnd => "nothing; a text editor, or a transfer as text, leaves one",
            Self::Locked => {
                "give its password, or export the file again with one password for all of its parts"
            }
            Self::Empty | Self::InvalidCertificate => "export the file again from the program that made it",
            Self::OtherEntries => "nothing, if the right one was chosen",
            Self::ReadersRefuse => "nothing, if it is meant for other programs",
            Self::UnusedKey => "nothing, if another file has the key that is meant",
            Self::KeyKept => "nothing, if that is meant; a new certificate had better have a new key",
            Self::RequestAnswered => "nothing; the request is done with that",
            Self::NamesDiffer => "nothing, if that is meant; or ask the CA for the names that you need",
            Self::NamesLost => {
                "nothing, if no client uses those names; or ask for a certificate that has them"
            }
            Self::EndsSooner => "is this the newer certificate?",
            Self::NameShared => {
                "nothing while one replaces the other; a server that chooses by name needs one of them"
            }
            Self::KeyShared => "nothing, if that is meant; a new certificate had better have a new key",
            Self::Skipped => "nothing, if you do not need them",
            Self::UnusedCertificate => "nothing to do: what lies on no path is not stored",
            Self::ChainStored => "nothing; a server sends the chain with them from now on",
            Self::AliasNumbered => "nothing, if both are meant; or give it an alias of your choice",
            Self::DuplicateAuthority => "nothing, or remove one of the two",
            Self::AuthorityNotValid => "import the CA's current certificate",
            Self::TlsNotOffered => "nothing, if every client has one of those that are offered",
            Self::AuthorityNotUsable => {
                "ask the CA for a CA certificate that current TLS clients accept: RSA-2048 or more, P-256, P-384, P-521 or Ed25519"
            }
        };
        vec![Remedy::Advice(advice)]
    }
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
