//! Writes an entry for other programs: PKCS #12, PEM, DER, PKCS #7, and the folders that servers expect.
//!
//! Takes a key and its chain; gives files in wiped memory, each read back by this crate's own readers before it is given.
//! Writes no file, and knows nothing of the store.

mod error;
mod read_back;
mod render;

use std::fmt;

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

    pub(crate) fn protection(self) -> Protection {
        match self {
            Self::Modern | Self::Fips => Protection {
                scheme: WriteScheme::Aes256,
                mac: if self == Self::Fips { WriteMac::Pbmac1 } else { WriteMac::Sha256 },
                iterations: 100_000,
                mac_iterations: 100_000,
            },
            _ => Protection {
                scheme: WriteScheme::TripleDes,
                mac: WriteMac::Sha1,
                iterations: 50_000,
                mac_iterations: 100_000,
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
    /// The files of certbot: `privkey.pem`, `cert.pem`, `chain.pem`, `fullchain.pem`.
    Certbot,
    /// The keys of a TLS secret of Kubernetes: `tls.crt`, `tls.key`, and `ca.crt` if the root is known.
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
    /// An export with the key, that overwrites nothing.
    #[must_use]
    pub fn new(format: ExportFormat) -> Self {
        Self {
            format,
            chain: None,
            with_key: true,
            password: None,
            key_password: None,
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
