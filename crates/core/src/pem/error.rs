//! Why PEM text cannot be read.

use thiserror::Error;

use crate::remedy::Remedy;

/// JSON and variables have line ends written so.
pub(super) const ESCAPED: &str = "\\n stands in place of line ends";

/// Why PEM text cannot be read. Lines and blocks are counted from 1.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum PemError {
    /// A block that cannot be read.
    #[error("block {number} ({label}, line {line}) cannot be read: {what}{}", at_line(*at, *line))]
    Block {
        /// The number of the block in the file.
        number: usize,
        /// The line where it begins.
        line: usize,
        /// Its label.
        label: String,
        /// The line of the fault.
        at: usize,
        /// The fault.
        what: &'static str,
    },
    /// A line that should be the BEGIN or END of a block.
    #[error("line {line} cannot be read: {what}")]
    Marker {
        /// The line.
        line: usize,
        /// The fault.
        what: &'static str,
    },
    /// Base64 without markers that breaks off.
    #[error("the base64 cannot be read: {what}, in line {line}")]
    Base64 {
        /// The line of the fault.
        line: usize,
        /// The fault.
        what: &'static str,
    },
    /// Text in two encodings, as files joined by hand have.
    #[error("the text changes between UTF-8 and UTF-16, so that a part of it cannot be read")]
    Encodings,
    /// More blocks than are read.
    #[error("the file has more than {limit} blocks")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

fn at_line(at: usize, line: usize) -> String {
    if at == line { String::new() } else { format!(", in line {at}") }
}

impl PemError {
    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![Remedy::Advice(match self {
            Self::Block { what, .. } | Self::Base64 { what, .. } if *what == ESCAPED => {
                "write a line end in place of each \\n"
            }
            Self::Block { .. } | Self::Base64 { .. } => "copy the file again, whole; nothing of it was used",
            Self::Marker { .. } => {
                "a block begins with -----BEGIN CERTIFICATE----- and ends with -----END CERTIFICATE-----, with five hyphens on each side; nothing of the file was used"
            }
            Self::Encodings => "save all of it as UTF-8",
            Self::TooMany { .. } => "split the file",
        })]
    }
}
