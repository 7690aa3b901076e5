//! Reads a ZIP archive as a CA sends it: a few small files.
//!
//! Takes bytes; gives names and contents. A name is shown to people and nothing else: nothing is written anywhere. What
//! an archive says of sizes is not believed: reading stops at a limit.

use std::io::{Cursor, Read as _};

use thiserror::Error;
use zeroize::Zeroizing;
use zip::{CompressionMethod, ZipArchive};

use crate::{limits::Limits, remedy::Remedy};

/// The most entries of one archive, folders included. A CA sends three to ten.
const MAX_ENTRIES: usize = 256;
/// How many times as large as the largest file all files of an archive may be together.
const MAX_TOTAL: usize = 4;
/// How many times its packed size a file may have, above [`FREE`]. Certificates pack to about a half.
const MAX_RATIO: u64 = 100;
/// Up to this size the ratio does not matter, in bytes.
const FREE: u64 = 64 * 1024;

/// A file of an archive.
pub(crate) struct ArchivedFile {
    /// As it is written there.
    pub(crate) name: String,
    /// Wiped, for it may be a private key.
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// Why an archive cannot be read.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Its structure, or what is packed in it, is broken.
    #[error("the ZIP archive is broken{}", before(name))]
    Broken {
        /// The file in it that cannot be read; empty for the archive itself.
        name: String,
    },
    /// More files than are read.
    #[error("the ZIP archive has {found} entries; the limit is {limit}")]
    TooMany {
        /// How many it has.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// What is packed is larger than is read.
    #[error("the ZIP archive unpacks to more than {limit} bytes{}", before(name))]
    TooLarge {
        /// The file at which the limit was reached.
        name: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// A file that unpacks to so many times its size that no certificate can be in it.
    #[error("the ZIP archive unpacks to more than {MAX_RATIO} times its size{}", before(name))]
    Ratio {
        /// The file.
        name: String,
    },
    /// A file under a password.
    #[error("the ZIP archive has a password{}", before(name))]
    Encrypted {
        /// The file.
        name: String,
    },
    /// A file that is packed in another way than every program knows.
    #[error("the ZIP archive is packed in a way that is not read{}", before(name))]
    Unsupported {
        /// The file.
        name: String,
    },
}

fn before(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(": {}", crate::certificate::printable(name)) }
}

impl ArchiveError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "malformed",
            Self::TooMany { .. } => "too_many",
            Self::TooLarge { .. } | Self::Ratio { .. } => "file_too_large",
            Self::Encrypted { .. } => "archive_encrypted",
            Self::Unsupported { .. } => "unsupported_algorithm",
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![Remedy::Advice(match self {
            Self::Broken { .. } => "get the archive again, in binary mode",
            Self::TooMany { .. } | Self::TooLarge { .. } | Self::Ratio { .. } => {
                "unpack it, and give the files of the certificate alone"
            }
            Self::Encrypted { .. } | Self::Unsupported { .. } => "unpack it first, and give the files in it",
        })]
    }
}

/// Every file of an archive, in its order. Folders, and what macOS puts beside each file, are left out.
///
/// # Errors
///
/// [`ArchiveError`] if a file of it cannot be read; nothing of it is given then.
pub(crate) fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<ArchivedFile>, ArchiveError> {
    let broken = |name: &str| ArchiveError::Broken { name: name.to_owned() };
    if bytes.len() > limits.max_file_len {
        return Err(ArchiveError::TooLarge { name: String::new(), limit: limits.max_file_len });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| broken(""))?;
    let found = archive.len();
    if found > MAX_ENTRIES {
        return Err(ArchiveError::TooMany { found, limit: MAX_ENTRIES });
    }
    let mut left = limits.max_file_len.saturating_mul(MAX_TOTAL);
    let mut files = Vec::new();
    for index in 0..found {
        let entry = archive.by_index_raw(index).map_err(|_| broken(""))?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let (is_file, encrypted, packed) = (entry.is_file(), entry.encrypted(), entry.compressed_size());
        let is_known = matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated);
        drop(entry);
        if !is_file || is_of_macos(&name) {
            continue;
        }
        if encrypted {
            return Err(ArchiveError::Encrypted { name });
        }
        let limit = limits.max_file_len.min(left);
        if !is_known {
            return Err(ArchiveError::Unsupported { name });
        }
        let mut unpacked = archive.by_index(index).map_err(|_| broken(&name))?;
        let content = read(&mut unpacked, &name, packed, limit)?;
        left -= content.len();
        files.push(ArchivedFile { name, content });
    }
    Ok(files)
}

/// Reads up to a limit, and to the largest size that `packed` bytes may have.
fn read(
    unpacked: &mut impl std::io::Read,
    name: &str,
    packed: u64,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, ArchiveError> {
    let ratio = usize::try_from(packed.saturating_mul(MAX_RATIO).max(FREE)).unwrap_or(usize::MAX);
    let most = limit.min(ratio);
    let mut content = Zeroizing::new(Vec::new());
    let take = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let read = unpacked.take(take).read_to_end(&mut content);
    let name = || name.to_owned();
    if content.len() > most {
        return Err(if ratio < limit {
            ArchiveError::Ratio { name: name() }
        } else {
            ArchiveError::TooLarge { name: name(), limit }
        });
    }
    // The checksum was compared at the end.
    read.map_err(|_| ArchiveError::Broken { name: name() })?;
    Ok(content)
}

/// What macOS adds to an archive for each file, and for each folder.
fn is_of_macos(name: &str) -> bool {
    name.starts_with("__MACOSX/") || name.rsplit('/').next().is_some_and(|last| last == ".DS_Store")
}
