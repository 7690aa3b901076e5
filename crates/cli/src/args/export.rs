//! Arguments of the commands that write files for other programs.

use std::path::PathBuf;

use clap::{Args, ValueEnum, builder::RangedI64ValueParser};
use strongroom::{
    Alias,
    export::{Export as Written, ExportFormat, ExportedChain, KeyForm, Profile},
};

use super::{Reference, word};
use crate::{source::PasswordSource, unlock::UnlockSpec};

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The entry, or one of its versions: www@2
    pub(crate) alias: Reference,
    /// The file to write, a folder for --layout, or - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// The form [default: by the ending of the file]
    #[arg(long, value_enum, conflicts_with = "layout")]
    pub(crate) format: Option<FormatWord>,
    /// Files as other programs expect them: certbot and kubernetes write a folder, haproxy one file. In a folder each new file
    /// takes the place of the old one, the key last: for two renames a key may stand beside the chain of another version
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
    /// The form of a private key in PEM: PKCS #8, or that of its algorithm, as old programs read it [default: pkcs8]
    #[arg(long, value_name = "FORM", value_parser = word::<KeyForm>(KeyForm::ALL.map(KeyForm::as_str)))]
    pub(crate) key_format: Option<KeyForm>,
    /// Iterations of each key derivation, 1000 to 600000 [default: those of the profile]
    #[arg(long, value_name = "N", value_parser = iterations())]
    pub(crate) iterations: Option<u32>,
    /// Which certificates: the leaf, those that a server sends, or the root as well [default: full in PKCS #12, else served]
    #[arg(long, value_enum)]
    pub(crate) chain: Option<ChainWord>,
    /// Leave the private key out
    #[arg(long)]
    pub(crate) no_key: bool,
    /// The friendly name in a PKCS #12 file [default: the alias]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Take the entry out of a backup; the store itself gets a row in its log, and nothing else
    #[arg(long, value_name = "BACKUP")]
    pub(crate) from: Option<PathBuf>,
    /// What opens the backup, where that is not what opens the store: file:PATH env:VAR cred:NAME prompt passphrase:SRC
    #[arg(long, value_name = "SRC", requires = "from")]
    pub(crate) backup_unlock: Option<UnlockSpec>,
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
    /// Say what would be written and which programs open it; write nothing, not even into the log
    #[arg(long)]
    pub(crate) dry_run: bool,
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

fn iterations() -> RangedI64ValueParser<u32> {
    let (least, most) = (*Written::ITERATIONS.start(), *Written::ITERATIONS.end());
    RangedI64ValueParser::new().range(i64::from(least)..=i64::from(most))
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
