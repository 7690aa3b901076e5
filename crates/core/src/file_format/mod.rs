//! What a file or a block is, told from its first bytes before anything is decoded, so that a wrong file gets a fitting
//! answer.

mod sniff;

use std::fmt;

pub use self::sniff::sniff;
pub(crate) use self::sniff::{encoded_len, sniff_der, value};
use crate::{pem::Block, remedy::Remedy};

/// What a file looks like from its first bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FileFormat {
    /// PKCS #12, by its outer structure.
    Pkcs12,
    /// A PKCS #12 file in PEM text that calls it a certificate, as `certutil -encode` writes it.
    Pkcs12AsCertificate,
    /// PEM text with the kinds of block that its markers name.
    Pem {
        /// There is a certificate block, or a PKCS #7 block.
        certificate: bool,
        /// There is a private key block.
        private_key: bool,
    },
    /// The base64 of DER, without the markers of PEM.
    Base64,
    /// One certificate in DER.
    CertificateDer,
    /// A certificate request (PKCS #10, RFC 2986).
    CertificateRequest,
    /// A certificate revocation list (RFC 5280, section 5).
    Crl,
    /// A public key alone.
    PublicKey,
    /// PKCS #7 / CMS SignedData (`.p7b`): certificates without a key.
    Pkcs7,
    /// CMS of another type than SignedData.
    Cms,
    /// A private key in DER (PKCS #8, PKCS #1 or SEC 1), without a certificate.
    PrivateKeyDer,
    /// A private key under a password of its own.
    EncryptedPrivateKey,
    /// A private key of OpenSSH or PuTTY.
    SshKey,
    /// Parameters of a key or of a key agreement.
    Parameters,
    /// A Java keystore of the old kind (JKS).
    Jks,
    /// A Java keystore of the old kind with triple DES (JCEKS).
    Jceks,
    /// A keystore of Bouncy Castle: BKS or UBER.
    Bks,
    /// A keystore of Bouncy Castle for FIPS (BCFKS).
    Bcfks,
    /// An Oracle wallet that opens by itself (`cwallet.sso`).
    OracleWallet,
    /// A ZIP archive.
    Zip,
    /// A file or archive compressed by gzip.
    Gzip,
    /// A web page.
    Html,
    /// DER that a program took for text and converted, so that its bytes are lost.
    Mangled,
    /// DER that begins only after other bytes: a byte order mark or empty lines.
    Displaced {
        /// Where it begins.
        at: usize,
    },
    /// No byte at all.
    Empty,
    /// Plain text of another kind.
    Text,
    /// Nothing known.
    Unknown,
}

impl FileFormat {
    /// What a PEM block holds: its content decides, and its label where the content says nothing.
    pub(crate) fn of_block(block: &Block) -> Self {
        let label = block.label.as_str();
        if label == "OPENSSH PRIVATE KEY" {
            return Self::SshKey;
        }
        if block.encrypted && label.ends_with("PRIVATE KEY") {
            return Self::EncryptedPrivateKey;
        }
        match sniff_der(&block.content) {
            // A CERTIFICATE block is not the armour of a PFX.
            Some(Self::Pkcs12) if label != "PKCS12" && label != "PFX" => Self::Pkcs12AsCertificate,
            Some(found) => found,
            None => match label {
                "ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
                _ if label.ends_with("PRIVATE KEY") => Self::PrivateKeyDer,
                _ if label.ends_with("PUBLIC KEY") => Self::PublicKey,
                _ if label.ends_with("PARAMETERS") => Self::Parameters,
                _ => Self::Unknown,
            },
        }
    }

    /// The word used in JSON: `pkcs12`, `pem`, `der`, `pkcs7`, `key`, `jks` and so on.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs12 => "pkcs12",
            Self::Pem { .. } | Self::Pkcs12AsCertificate => "pem",
            Self::Base64 => "base64",
            Self::CertificateDer => "der",
            Self::CertificateRequest => "request",
            Self::Crl => "crl",
            Self::PublicKey => "public_key",
            Self::Pkcs7 => "pkcs7",
            Self::Cms => "cms",
            Self::PrivateKeyDer => "key",
            Self::EncryptedPrivateKey => "encrypted_key",
            Self::SshKey => "ssh_key",
            Self::Parameters => "parameters",
            Self::Jks => "jks",
            Self::Jceks => "jceks",
            Self::Bks => "bks",
            Self::Bcfks => "bcfks",
            Self::OracleWallet => "wallet",
            Self::Zip => "zip",
            Self::Gzip => "gzip",
            Self::Html => "html",
            Self::Mangled => "mangled",
            Self::Displaced { .. } => "displaced",
            Self::Empty => "empty",
            Self::Text => "text",
            Self::Unknown => "unknown",
        }
    }

    /// What the user can do with such a file where a PKCS #12 file is expected.
    pub(crate) fn remedies(self) -> Vec<Remedy> {
        vec![match self {
            Self::Pkcs12 => return Vec::new(),
            Self::Pem { certificate: true, private_key: true } => Remedy::ConvertPem,
            Self::Pem { certificate: true, .. } | Self::CertificateDer | Self::Pkcs7 => {
                return vec![
                    Remedy::Advice("it has no private key; choose the file that has both"),
                    Remedy::ImportAuthorities,
                ];
            }
            Self::Pem { private_key: true, .. } | Self::PrivateKeyDer | Self::EncryptedPrivateKey => {
                Remedy::JoinKeyAndCertificate
            }
            Self::CertificateRequest => Remedy::Advice(
                "a request is what the CA gets; import the certificate that the CA sent back, together with its key",
            ),
            Self::Zip => Remedy::Advice(
                "unpack the archive, and take the files in it: the certificate, its chain and its key",
            ),
            Self::Pem { .. }
            | Self::Base64
            | Self::Cms
            | Self::Crl
            | Self::Parameters
            | Self::PublicKey
            | Self::Text
            | Self::Unknown => {
                Remedy::Advice("choose the .pfx or .p12 file that holds the certificate with its private key")
            }
            Self::Jks
            | Self::Jceks
            | Self::Bks
            | Self::Bcfks
            | Self::SshKey
            | Self::OracleWallet
            | Self::Gzip
            | Self::Html
            | Self::Mangled
            | Self::Displaced { .. }
            | Self::Pkcs12AsCertificate
            | Self::Empty => return self.repairs(),
        }]
    }

    /// What the user can do with such a file where certificates are expected.
    pub(crate) fn remedies_for_certificates(self) -> Vec<Remedy> {
        vec![Remedy::Advice(match self {
            Self::CertificateRequest => {
                "a request is what the CA gets; give the certificate that the CA sent back"
            }
            Self::Crl => {
                "it lists certificates that were revoked; give the certificate of the CA that issued it"
            }
            Self::PublicKey | Self::Parameters => "give the certificate that holds the public key",
            Self::PrivateKeyDer | Self::EncryptedPrivateKey => {
                "it is secret, and nothing was done with it; give the certificate that belongs to it"
            }
            Self::Zip => "unpack the archive and give the certificate files in it",
            Self::Cms => "give a .p7b file, which holds certificates",
            Self::Pem { .. } | Self::Base64 | Self::CertificateDer | Self::Pkcs7 | Self::Pkcs12 => {
                "give certificates as PEM, DER or PKCS #7"
            }
            Self::Text | Self::Unknown => "give certificates as PEM, DER or PKCS #7, or in a PKCS #12 file",
            _ => return self.repairs(),
        })]
    }

    /// How a file of the right content in a wrong form is made good.
    fn repairs(self) -> Vec<Remedy> {
        vec![match self {
            Self::Jks | Self::Jceks => Remedy::ConvertJavaKeystore,
            Self::Bks => Remedy::Advice(
                "convert it where Bouncy Castle's provider is installed: keytool -importkeystore -srckeystore OLD -srcstoretype BKS -destkeystore NEW.p12 -deststoretype PKCS12 -provider org.bouncycastle.jce.provider.BouncyCastleProvider -providerpath bcprov.jar",
            ),
            Self::Bcfks => Remedy::Advice(
                "convert it where Bouncy Castle's provider for FIPS is installed: keytool -importkeystore -srckeystore OLD -srcstoretype BCFKS -destkeystore NEW.p12 -deststoretype PKCS12 -provider org.bouncycastle.jcajce.provider.BouncyCastleFipsProvider -providerpath bc-fips.jar",
            ),
            Self::SshKey => Remedy::Advice(
                "a key for SSH is not a server's key; take the one that the certificate was requested with",
            ),
            Self::OracleWallet => Remedy::Advice(
                "take the file ewallet.p12 beside it, which is the same wallet as PKCS #12, with its password",
            ),
            Self::Gzip => Remedy::Advice("unpack it first, and use the file in it"),
            Self::Html => Remedy::Advice(
                "the download gave a web page, perhaps one to sign in; download the file itself",
            ),
            Self::Mangled => Remedy::Advice(
                "it cannot be repaired: copy the original again as it is, not as text and not through a text editor",
            ),
            Self::Displaced { at } => Remedy::CutOff { bytes: at },
            Self::Pkcs12AsCertificate => Remedy::DecodePfx,
            Self::Empty => Remedy::Advice("the file is empty; was it copied completely?"),
            _ => return Vec::new(),
        }]
    }
}

impl fmt::Display for FileFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pkcs12 => "a PKCS #12 file",
            Self::Pkcs12AsCertificate => "PEM text that calls a PKCS #12 file a certificate",
            Self::Pem { certificate: true, private_key: true } => {
                "PEM text with a certificate and a private key"
            }
            Self::Pem { certificate: true, .. } => "PEM text with a certificate",
            Self::Pem { private_key: true, .. } => "PEM text with a private key",
            Self::Pem { .. } => "PEM text",
            Self::Base64 => "base64 without the markers of PEM",
            Self::CertificateDer => "a single certificate in DER",
            Self::CertificateRequest => "a certificate request",
            Self::Crl => "a certificate revocation list",
            Self::PublicKey => "a public key",
            Self::Pkcs7 => "a PKCS #7 certificate bundle",
            Self::Cms => "a CMS message that is not SignedData",
            Self::PrivateKeyDer => "a private key",
            Self::EncryptedPrivateKey => "an encrypted private key",
            Self::SshKey => "a private key for SSH, of OpenSSH or PuTTY",
            Self::Parameters => "parameters of a key",
            Self::Jks => "a Java keystore (JKS)",
            Self::Jceks => "a Java keystore (JCEKS)",
            Self::Bks => "a keystore of Bouncy Castle (BKS or UBER)",
            Self::Bcfks => "a keystore of Bouncy Castle for FIPS (BCFKS)",
            Self::OracleWallet => "an Oracle wallet (cwallet.sso)",
            Self::Zip => "a ZIP archive",
            Self::Gzip => "a file compressed by gzip",
            Self::Html => "a web page (HTML)",
            Self::Mangled => "a binary file that was converted as if it were text",
            Self::Displaced { .. } => "DER with other bytes before it: a byte order mark or empty lines",
            Self::Empty => "an empty file",
            Self::Text => "plain text",
            Self::Unknown => "a file of unknown kind",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_its_word_and_says_what_it_is_and_what_to_do() {
        let pem = |certificate, private_key| FileFormat::Pem { certificate, private_key };
        for (format, word, name, help) in [
            (FileFormat::Pkcs12, "pkcs12", "a PKCS #12 file", None),
            (
                pem(true, true),
                "pem",
                "PEM text with a certificate and a private key",
                Some("import it as it is"),
            ),
            (pem(true, false), "pem", "PEM text with a certificate", Some("it has no private key")),
            (pem(false, true), "pem", "PEM text with a private key", Some("import the key together")),
            (pem(false, false), "pem", "PEM text", Some("choose the .pfx")),
            (FileFormat::CertificateDer, "der", "a single certificate in DER", Some("it has no private key")),
            (FileFormat::CertificateRequest, "request", "a certificate request", Some("a request is what")),
            (FileFormat::Crl, "crl", "a certificate revocation list", Some("choose the .pfx")),
            (FileFormat::Pkcs7, "pkcs7", "a PKCS #7 certificate bundle", Some("it has no private key")),
            (FileFormat::PrivateKeyDer, "key", "a private key", Some("import the key together")),
            (
                FileFormat::EncryptedPrivateKey,
                "encrypted_key",
                "an encrypted private key",
                Some("import the key together"),
            ),
            (FileFormat::Jks, "jks", "a Java keystore (JKS)", Some("convert it: keytool")),
            (FileFormat::Jceks, "jceks", "a Java keystore (JCEKS)", Some("convert it: keytool")),
            (FileFormat::OracleWallet, "wallet", "an Oracle wallet (cwallet.sso)", Some("take the file")),
            (FileFormat::Zip, "zip", "a ZIP archive", Some("unpack the archive")),
            (FileFormat::Gzip, "gzip", "a file compressed by gzip", Some("unpack it first")),
            (FileFormat::Html, "html", "a web page (HTML)", Some("the download gave")),
            (FileFormat::Empty, "empty", "an empty file", Some("the file is empty")),
            (FileFormat::Text, "text", "plain text", Some("choose the .pfx")),
            (FileFormat::Unknown, "unknown", "a file of unknown kind", Some("choose the .pfx")),
        ] {
            assert_eq!((format.as_str(), format.to_string().as_str()), (word, name));
            match help {
                Some(start) => assert!(format.remedies()[0].to_string().starts_with(start), "{format}"),
                None => assert_eq!(format.remedies(), []),
            }
            assert_eq!(format.remedies_for_certificates().len(), 1, "{format}");
        }
    }
}
