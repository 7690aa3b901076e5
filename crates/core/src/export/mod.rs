//! Writes an entry for other programs: PKCS #12, PEM, DER, PKCS #7, and the folders that servers expect.
//!
//! Takes a key and its chain; gives files in wiped memory, each read back by this crate's own readers before it is given.
//! Writes no file, and knows nothing of the store.

mod error;
mod read_back;
mod render;

use std::{fmt, ops::RangeInclusive};

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

pub use self::error::ExportError;
pub(crate) use self::{
    read_back::{check, same_content},
    render::{Material, authorities, render},
};
use crate::{
    certificate::Fingerprint,
    pkcs12::{Protection, WriteMac, WriteScheme},
    secret::Password,
    word::words,
};

/// The readers that a PKCS #12 file is written for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// AES-256 and HMAC-SHA-256: OpenSSL 1.1 and newer, Java 8u301 and newer, Windows Server 2019 and newer.
    #[default]
    Modern,
    /// The same with PBMAC1 (RFC 9879): OpenSSL 3.4, Java 26, and what runs in FIPS mode.
    Fips,
    /// Triple DES and HMAC-SHA-1, for Java before 8u301.
    Java8,
    /// The same for Windows Server 2016.
    Windows2016,
    /// The same for the keychain of macOS.
    Macos,
}

words!(Profile, "modern, fips, java8, windows-2016 or macos");

impl Profile {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Modern, Self::Fips, Self::Java8, Self::Windows2016, Self::Macos];

    /// The word of the command line and of JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modern => "modern",
            Self::Fips => "fips",
            Self::Java8 => "java8",
            Self::Windows2016 => "windows-2016",
            Self::Macos => "macos",
        }
    }

    /// Whether it is the set of algorithms of twenty years ago.
    #[must_use]
    pub fn is_legacy(self) -> bool {
        !matches!(self, Self::Modern | Self::Fips)
    }

    /// How a file of this profile is protected, with the usual iterations or these.
    pub(crate) fn protection(self, iterations: Option<u32>) -> Protection {
        let usual = |count: u32| iterations.unwrap_or(count);
        match self {
            Self::Modern | Self::Fips => Protection {
                scheme: WriteScheme::Aes256,
                mac: if self == Self::Fips { WriteMac::Pbmac1 } else { WriteMac::Sha256 },
                iterations: usual(100_000),
                mac_iterations: usual(100_000),
            },
            _ => Protection {
                scheme: WriteScheme::TripleDes,
                mac: WriteMac::Sha1,
                iterations: usual(50_000),
                mac_iterations: usual(100_000),
            },
        }
    }
}

/// The form of an export.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// One PKCS #12 file.
    Pkcs12(Profile),
    /// One PEM file: certificates leaf first, then the key. HAProxy reads it as it is.
    Pem,
    /// The leaf in DER.
    Der,
    /// The certificates in PKCS #7, in DER.
    Pkcs7,
    /// The files of certbot: `chain.pem`, `cert.pem`, `fullchain.pem`, `privkey.pem`.
    Certbot,
    /// The keys of a TLS secret of Kubernetes: `ca.crt` if the root is known, `tls.crt`, `tls.key`.
    Kubernetes,
}

impl ExportFormat {
    /// The word of JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs12(_) => "pkcs12",
            Self::Pem => "pem",
            Self::Der => "der",
            Self::Pkcs7 => "pkcs7",
            Self::Certbot => "certbot",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Whether a private key fits into it.
    #[must_use]
    pub fn takes_key(self) -> bool {
        !matches!(self, Self::Der | Self::Pkcs7)
    }
}

/// Which certificates are exported.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExportedChain {
    /// The leaf alone.
    Leaf,
    /// What a server sends: the leaf and the certificates between, no root.
    Served,
    /// All of the path, the root with it.
    Full,
}

/// The form of a private key in PEM.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyForm {
    /// PKCS #8, `PRIVATE KEY`, for every kind of key.
    #[default]
    Pkcs8,
    /// The form of the algorithm: PKCS #1, `RSA PRIVATE KEY`, or SEC 1, `EC PRIVATE KEY`. Never encrypted: what was used
    /// for that is one round of MD5.
    Traditional,
}

words!(KeyForm, "pkcs8 or traditional");

impl KeyForm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Pkcs8, Self::Traditional];

    /// The word of the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pkcs8 => "pkcs8",
            Self::Traditional => "traditional",
        }
    }
}

/// What may happen to a file that is there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Overwrite {
    /// It is left, and the export refused.
    #[default]
    Never,
    /// It is left if it has the same content; it gives way if it is as an earlier export to its path wrote it.
    IfChanged,
    /// It gives way.
    Always,
}

/// A file that is there where one is to be written.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PresentFile<'a> {
    /// Its path, as the log has it.
    pub path: &'a str,
    /// Its content.
    pub bytes: &'a [u8],
}

impl<'a> PresentFile<'a> {
    /// A file with its content.
    #[must_use]
    pub fn new(path: &'a str, bytes: &'a [u8]) -> Self {
        Self { path, bytes }
    }
}

impl fmt::Debug for PresentFile<'_> {
    /// Without the content, which may be a private key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// How an entry is exported.
#[derive(Debug)]
#[non_exhaustive]
pub struct Export<'a> {
    /// The form.
    pub format: ExportFormat,
    /// Which certificates; by default all in PKCS #12, and what a server sends elsewhere.
    pub chain: Option<ExportedChain>,
    /// Whether the private key goes with them, where the form takes one.
    pub with_key: bool,
    /// The password of a PKCS #12 file.
    pub password: Option<&'a Password>,
    /// The password of a private key in PEM, which is not encrypted without one.
    pub key_password: Option<&'a Password>,
    /// The form of a private key in PEM.
    pub key_form: KeyForm,
    /// Iterations of each derivation, within [`ITERATIONS`](Self::ITERATIONS); those of the profile, unless they are given.
    pub iterations: Option<u32>,
    /// The version of the entry; the current one, unless it is given.
    pub version: Option<u32>,
    /// The friendlyName; the alias, unless it is given.
    pub name: Option<String>,
    /// Where it goes, for the log: a file, or a folder where the form has several files.
    pub target: String,
    /// The files that are there already.
    pub present: &'a [PresentFile<'a>],
    /// What may happen to those.
    pub overwrite: Overwrite,
}

impl<'a> Export<'a> {
    /// How many iterations may be asked for: below, a password is soon guessed; beyond, programs refuse the file.
    pub const ITERATIONS: RangeInclusive<u32> = 1_000..=600_000;

    /// An export with the key, that overwrites nothing.
    #[must_use]
    pub fn new(format: ExportFormat) -> Self {
        Self {
            format,
            chain: None,
            with_key: true,
            password: None,
            key_password: None,
            key_form: KeyForm::default(),
            iterations: None,
            version: None,
            name: None,
            target: "-".to_owned(),
            present: &[],
            overwrite: Overwrite::default(),
        }
    }

    pub(crate) fn certificates(&self) -> ExportedChain {
        let usual = match self.format {
            ExportFormat::Pkcs12(_) => ExportedChain::Full,
            _ => ExportedChain::Served,
        };
        self.chain.unwrap_or(usual)
    }

    pub(crate) fn has_key(&self) -> bool {
        self.with_key && self.format.takes_key()
    }
}

/// A file of an export.
#[non_exhaustive]
pub struct ExportedFile {
    /// Its name in the folder; empty where the export is one file.
    pub name: &'static str,
    /// Its content, wiped when it goes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether there is a private key in it.
    pub secret: bool,
    /// What is in it, for people.
    pub contains: Vec<String>,
}

impl ExportedFile {
    /// SHA-256 over its content.
    #[must_use]
    pub fn sha256(&self) -> Fingerprint {
        Fingerprint::from_bytes(Sha256::digest(self.bytes.as_slice()).into())
    }
}

impl fmt::Debug for ExportedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportedFile")
            .field("name", &self.name)
            .field("contains", &self.contains)
            .finish_non_exhaustive()
    }
}

/// The path of a file of an export, as the log has it.
#[must_use]
pub(crate) fn path_of(target: &str, name: &str) -> String {
    if name.is_empty() { target.to_owned() } else { format!("{}/{name}", target.trim_end_matches('/')) }
}
