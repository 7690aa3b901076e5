//! The command line, parsed. No work is done here.

use std::{path::PathBuf, str::FromStr};

mod check;
mod definition;
mod export;
mod import;
mod issuance;
mod serving;
mod store;
mod user;
mod watch;

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use strongroom::{
    Alias,
    limits::Limits,
    validate::{PeerName, Purpose},
};

pub(crate) use self::check::{Check, CheckFormat, Doctor};
pub(crate) use self::definition::{for_words, own_options_first, whole};
pub(crate) use self::export::{CaExport, Export, FormatWord, LayoutWord, OverwriteArgs};
pub(crate) use self::import::{Import, PassIn, overridable, overridable_codes};
pub(crate) use self::issuance::{Csr, CsrCommand, Encoding, Generate, Install, RequestArgs, RequestOutput};
pub(crate) use self::serving::{Bind, Host, Serve, WebServer, Why, machine_name};
pub(crate) use self::store::{
    CaRemove, Diff, Find, Init, Log, LogCommand, LogRotate, LogRows, Ls, Prune, Reference, Rekey, Remove,
    Restore, Show, Slot, SortOrder, Undo,
};
pub(crate) use self::user::{NewPassword, User};
pub(crate) use self::watch::Watch;
use crate::{commands::StartTls, source::PasswordSource, unlock::UnlockSpec};

/// The heading of the options that say which store is meant, and how it is opened.
const STORE: &str = "The store";
/// The heading of the options about output and questions.
const OUTPUT: &str = "Output and questions";

/// A keystore for server certificates.
///
/// Imports server certificates with their keys under an alias, after checking that the key belongs to the certificate and
/// that the certificate leads to an imported CA. Everything is sealed at rest.
#[derive(Debug, Parser)]
#[command(
    name = "strongroom",
    version,
    propagate_version = true,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// The store [default: $XDG_DATA_HOME/strongroom/keystore.db]
    #[arg(long, global = true, value_name = "PATH", env = "STRONGROOM_STORE", help_heading = STORE)]
    pub(crate) store: Option<PathBuf>,
    /// The key file that opens the store [default: keystore.key beside the store]
    #[arg(long, global = true, value_name = "PATH", env = "STRONGROOM_KEY_FILE", help_heading = STORE)]
    pub(crate) key_file: Option<PathBuf>,
    /// Take a key file as a secret manager mounts it: behind links, and readable by a group of this process
    #[arg(long, global = true, help_heading = STORE)]
    pub(crate) key_file_mounted: bool,
    /// What opens the store: file:PATH env:VAR cred:NAME prompt passphrase:SRC [default: the key file, or else a
    /// passphrase that is asked for]; rekey takes several; check, status and why take none, which opens nothing
    #[arg(long, global = true, value_name = "SRC", env = "STRONGROOM_UNLOCK", hide_env_values = true, help_heading = STORE)]
    pub(crate) unlock: Vec<UnlockSpec>,
    /// A file outside the store that says where it stood last; an older copy of the store is then refused
    #[arg(long, global = true, value_name = "PATH", env = "STRONGROOM_ROLLBACK_GUARD", help_heading = STORE)]
    pub(crate) rollback_guard: Option<PathBuf>,
    /// A file of log rotate: where the rollback guard stands at a row that was cut, it proves that row
    #[arg(long, global = true, value_name = "FILE", requires = "rollback_guard", help_heading = STORE)]
    pub(crate) log_segment: Option<PathBuf>,
    /// Open a store that has a rollback guard without it
    #[arg(long, global = true, conflicts_with = "rollback_guard", help_heading = STORE)]
    pub(crate) without_rollback_guard: bool,
    /// Take a store that is older than its rollback guard, and set the guard to what the store is now
    #[arg(long, global = true, requires = "rollback_guard", help_heading = STORE)]
    pub(crate) accept_rollback: bool,
    /// Print one JSON object on standard output
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(crate) json: bool,
    /// Answer every question with yes; a refusal stays one
    #[arg(short = 'y', long, global = true, help_heading = OUTPUT)]
    pub(crate) yes: bool,
    /// Never ask; fail where an answer would be needed
    #[arg(long, global = true, help_heading = OUTPUT)]
    pub(crate) no_input: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = OUTPUT)]
    pub(crate) color: clap::ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Whether the store is to stay closed: what is read then is proved by nothing.
    pub(crate) fn opens_nothing(&self) -> bool {
        self.unlock.iter().any(|spec| matches!(spec, UnlockSpec::Nothing))
    }
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Make a new store, by default with a random key file beside it
    Init(Init),
    /// Import a server certificate with its key under an alias
    Import(Import),
    /// Write an entry for other programs: PKCS #12, PEM, DER, PKCS #7
    Export(Export),
    /// Make a key and a self-signed certificate under an alias
    Generate(Generate),
    /// Make a certificate signing request; install the CA's answer
    Csr(Csr),
    /// CA certificates: import, list, show, export and remove them
    #[command(subcommand)]
    Ca(Ca),
    /// List the entries
    Ls(Ls),
    /// Find entries by name, number, fingerprint, subject or issuer
    Find(Find),
    /// Show one entry
    Show(Show),
    /// Show what is in files, and of several what belongs together
    Inspect(Inspect),
    /// Judge an entry, or certificate files, as an import would
    Verify(Verify),
    /// Show the chain of an entry up to the anchor, and what is missing
    Chain {
        /// The entry
        alias: Alias,
    },
    /// Say which of several equal entries answers for a host, or list
    Bind(Bind),
    /// End what bind said of a host
    Unbind {
        /// The name or address
        host: Host,
    },
    /// Which entry answers a TLS client, and why each other does not
    Why(Why),
    /// Remove an entry; undo brings it back until it is pruned
    Rm(Remove),
    /// Give an entry another alias
    Rename {
        /// The entry
        alias: Alias,
        /// Its new alias
        to: Alias,
    },
    /// List the versions of an entry
    History {
        /// The entry
        alias: Alias,
    },
    /// What differs between two entries, or versions: www@1 www@2
    Diff(Diff),
    /// Take the last change of an entry back, or its removal
    Undo(Undo),
    /// Delete former versions, removed entries and their keys for good
    Prune(Prune),
    /// What was done, by whom, and what was refused
    Log(Log),
    /// Write a consistent copy of the store, while it is used
    Backup {
        /// The new file
        file: PathBuf,
        /// Of a damaged store: write what is whole, and name what is not
        #[arg(long)]
        salvage: bool,
    },
    /// Bring back what a backup holds, or one entry of it
    Restore(Restore),
    /// Check everything in the store, and open every private key
    VerifyStore,
    /// Change the passphrase, or what else opens the store
    Passwd {
        /// The new one: prompt passphrase:SRC file:PATH env:VAR cred:NAME
        #[arg(long, value_name = "SRC")]
        to: Option<UnlockSpec>,
    },
    /// Give the store a new root key, and seal everything under it
    Rekey(Rekey),
    /// What opens the store: up to eight slots
    #[command(subcommand)]
    Slot(Slot),
    /// Administrators of the API
    #[command(subcommand)]
    User(User),
    /// Which entry serve shows, and how it speaks TLS
    WebServer(WebServer),
    /// Say which entries change, and run a command when one does
    Watch(Watch),
    /// Serve the administrator API over TLS
    Serve(Serve),
    /// What the store holds, and which servers run on it
    Status,
    /// What expires, and what clients refuse already; exit 10 or 11
    Check(Check),
    /// What is or will be wrong, and what mends it; exit 7 for errors
    Doctor(Doctor),
    /// Which settings hold, and where each comes from
    Config,
    /// Print the script by which a shell completes commands and aliases
    Completions {
        /// The shell
        shell: clap_complete::Shell,
        /// One that asks nobody, and knows no aliases
        #[arg(long = "static")]
        is_static: bool,
    },
    /// Print the JSON Schema of what commands print with --json
    Schema {
        /// The command [default: all of them]
        #[arg(value_name = "COMMAND")]
        words: Vec<String>,
    },
    /// Print the manual page, or write one for each command to a folder
    Man {
        /// The folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
    /// Help on a command, or on a topic such as passwords
    Help {
        /// The command; or passwords, chains, unlock-keys, exit-codes or retention
        words: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Ca {
    /// Import CA certificates, root or intermediate: PEM, DER, PKCS #7, or PKCS #12 with its password
    Import(CaImport),
    /// List the CA certificates
    Ls {
        /// Only those to which no server certificate leads
        #[arg(long)]
        unused: bool,
        /// More of each, as ls --long has it
        #[arg(short, long)]
        long: bool,
    },
    /// Show one CA certificate
    Show(Show),
    /// Remove a CA certificate, or those that nobody needs; undo brings it back until it is pruned
    Rm(CaRemove),
    /// Write CA certificates as a file: a PEM bundle, PKCS #7, or a trust store of Java
    Export(CaExport),
}

#[derive(Debug, Args)]
#[command(
    override_usage = "strongroom ca import [OPTIONS] ALIAS FILE\n       strongroom ca import [OPTIONS] --all [--prefix P] FILE|DIR..."
)]
pub(crate) struct CaImport {
    /// An alias and the file of one certificate; with --all any number of files and folders. - reads standard input
    #[arg(required = true, value_names = ["ALIAS", "FILE"], num_args = 1..)]
    pub(crate) operands: Vec<PathBuf>,
    /// Import every CA certificate of the files and folders, in one transaction, with aliases from their subjects
    #[arg(long)]
    pub(crate) all: bool,
    /// What stands before each alias
    #[arg(long, value_name = "P", requires = "all", default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
    /// Where the password of a PKCS #12 file comes from: env:VAR file:PATH fd:N stdin cred:NAME prompt none pass:TEXT
    #[arg(long = "pass-in", value_name = "SRC")]
    pub(crate) source: Option<PasswordSource>,
    /// The most key-derivation iterations that a PKCS #12 file may cost, up to 320000000 [default: 25000000]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..=Limits::max_work_ceiling()))]
    pub(crate) max_work: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A .pfx, .p12, .pem, .der, .cer, .p7b, .key, .jks or .jceks file; - reads standard input. Of several it is said what
    /// belongs together; exit 7 if a key belongs to none of the certificates, 5 if one stays locked
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) password: PassIn,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The entry, judged against the CA certificates in the store [default: each of them]
    #[arg(conflicts_with_all = ["leaf", "batch", "anchor", "intermediate"])]
    pub(crate) alias: Option<Alias>,
    /// The certificate to judge, its chain behind it: PEM, DER, PKCS #7 or PKCS #12; needs no store
    #[arg(long, value_name = "FILE", conflicts_with = "batch")]
    pub(crate) leaf: Option<PathBuf>,
    /// Certificates that are trusted; several to a file, and several files
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "leaf")]
    pub(crate) anchor: Vec<PathBuf>,
    /// Certificates that may stand between; several to a file, and several files
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "leaf")]
    pub(crate) intermediate: Vec<PathBuf>,
    /// Where the password of PKCS #12 files comes from, as for import
    #[arg(long = "pass-in", value_name = "SRC", requires = "leaf")]
    pub(crate) source: Option<PasswordSource>,
    /// The instant, as 2026-04-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "batch")]
    pub(crate) at: Option<String>,
    /// What the certificate is for
    #[arg(long, value_name = "WHO", default_value = "server", conflicts_with = "batch", value_parser = word::<Purpose>(Purpose::ALL.map(Purpose::as_str)))]
    pub(crate) purpose: Purpose,
    /// A host name or IP address that the certificate must have
    #[arg(long, value_name = "HOST", conflicts_with = "batch")]
    pub(crate) name: Vec<PeerName>,
    /// Shake hands with a server, and compare what it sends with the entry: HOST or HOST:PORT
    #[arg(long, value_name = "HOST", requires = "alias", conflicts_with_all = ["at", "batch"])]
    pub(crate) connect: Option<Host>,
    /// The protocol in which the server is asked for TLS first
    #[arg(long, value_name = "PROTOCOL", requires = "connect")]
    pub(crate) starttls: Option<StartTls>,
    /// Read cases in x509-limbo's format from standard input, write results in its format
    #[arg(long)]
    pub(crate) batch: bool,
}

/// Words that the engine knows; the help lists them.
fn word<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn definition_is_consistent() {
        Arguments::command().debug_assert();
    }
}
