//! Arguments of the commands that write files for other programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use strongroom::{
    Alias,
    export::{ExportFormat, ExportedChain, Profile},
};

use super::word;
use crate::source::PasswordSource;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The entry
    pub(crate) alias: Alias,
    /// The file to write, a folder for --layout, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The form [default: by the ending of the file]
    #[arg(long, value_enum, conflicts_with = "layout")]
    pub(crate) format: Option<FormatWord>,
    /// Files as other programs expect them: certbot and kubernetes write a folder, haproxy one file
    #[arg(long, value_enum)]
    pub(crate) layout: Option<LayoutWord>,
    /// Whose reader a PKCS #12 file is for [default: modern]
    #[arg(long, value_parser = word::<Profile>(Profile::ALL.map(Profile::as_str)))]
    pub(crate) profile: Option<Profile>,
    /// What the password of the PKCS #12 file is to be: env:VAR file:PATH fd:N stdin cred:NAME prompt none pass:TEXT
    #[arg(long = "pass-out", value_name = "SRC")]
    pub(crate) source: Option<PasswordSource>,
    /// What the password of a private key in PEM is to be; it is not encrypted without one
    #[arg(long = "key-pass-out", value_name = "SRC")]
    pub(crate) key_source: Option<PasswordSource>,
    /// Which certificates: the leaf, those that a server sends, or the root as well [default: full in PKCS #12, else served]
    #[arg(long, value_enum)]
    pub(crate) chain: Option<ChainWord>,
    /// Leave the private key out
    #[arg(long)]
    pub(crate) no_key: bool,
    /// The friendly name in a PKCS #12 file [default: the alias]
    #[arg(long)]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) overwrite: OverwriteArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OverwriteArgs {
    /// Write only if the content differs, over files that an earlier export wrote; exit 9 if nothing changed
    #[arg(long)]
    pub(crate) if_changed: bool,
    /// Overwrite what is there
    #[arg(long, conflicts_with = "if_changed")]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CaExport {
    /// The CA certificates [default: every one that paths may end at]
    pub(crate) aliases: Vec<Alias>,
    /// The file to write, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The form [default: by the ending of the file]; p12 is a trust store of Java
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatWord>,
    /// What the password of the trust store is to be: env:VAR file:PATH fd:N stdin cred:NAME prompt none pass:TEXT
    #[arg(long = "pass-out", value_name = "SRC")]
    pub(crate) source: Option<PasswordSource>,
    #[command(flatten)]
    pub(crate) overwrite: OverwriteArgs,
}

/// [`ExportFormat`] of one file, on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FormatWord {
    P12,
    Pem,
    Der,
    P7b,
}

impl FormatWord {
    pub(crate) fn format(self, profile: Profile) -> ExportFormat {
        match self {
            Self::P12 => ExportFormat::Pkcs12(profile),
            Self::Pem => ExportFormat::Pem,
            Self::Der => ExportFormat::Der,
            Self::P7b => ExportFormat::Pkcs7,
        }
    }
}

/// Other programs whose files are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LayoutWord {
    Certbot,
    Kubernetes,
    Haproxy,
}

/// [`ExportedChain`] on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ChainWord {
    Leaf,
    Served,
    Full,
}

impl From<ChainWord> for ExportedChain {
    fn from(word: ChainWord) -> Self {
        match word {
            ChainWord::Leaf => Self::Leaf,
            ChainWord::Served => Self::Served,
            ChainWord::Full => Self::Full,
        }
    }
}
