//! What a person can do about each finding.

use super::DiagnosticCode;
use crate::remedy::Remedy;

impl DiagnosticCode {
    /// What a person can do about it: one of these is enough, and the best comes first.
    #[must_use]
    pub fn remedies(self) -> Vec<Remedy> {
        let allow = || Remedy::Allow(self.as_str());
        let advice = match self {
            Self::CaCertificate => {
                let choose = Remedy::Advice("choose the file of the server certificate");
                return vec![choose, Remedy::ImportAuthorities];
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
            Self::UnmatchableName => "ask for a certificate with the names by which clients reach the server",
            Self::KeyUsage => "ask the CA for a certificate whose key usage has digitalSignature",
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
            Self::Empty | Self::InvalidCertificate | Self::InvalidKey => {
                "export the file again from the program that made it"
            }
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
            Self::VersionDamaged => "nothing, if the new version is what is to be served",
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
