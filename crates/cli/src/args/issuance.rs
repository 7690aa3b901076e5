//! Arguments of the commands that make keys, and of those that install what a CA answers.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand, ValueEnum, builder::RangedU64ValueParser};
use strongroom::{
    Alias,
    diagnostic::DiagnosticCode,
    issuance::{KeyKind, MAX_DAYS, RequestedName, SignatureHash, Subject},
};

use super::overridable;

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// The name under which the certificate is kept
    pub(crate) alias: Alias,
    /// A DNS name or IP address of the server, also *.example.test, email:... or uri:...; may be given several times
    #[arg(long = "name", value_name = "NAME", required = true)]
    pub(crate) names: Vec<RequestedName>,
    /// The subject, most specific part first: "CN=www.example.test, O=Example, C=DE" [default: CN= the first name]
    #[arg(long, value_name = "DN")]
    pub(crate) subject: Option<Subject>,
    /// The kind of its key: p256, p384, rsa2048, rsa3072, rsa4096 or ed25519
    #[arg(long, value_name = "KIND", default_value = "p256")]
    pub(crate) key: KeyKind,
    /// The hash that an RSA key signs with [default: sha256]
    #[arg(long, value_enum)]
    pub(crate) hash: Option<HashWord>,
    /// How long it is valid for
    #[arg(long, value_name = "N", default_value = "365", value_parser = RangedU64ValueParser::<u32>::new().range(1..=u64::from(MAX_DAYS)))]
    pub(crate) days: u32,
    /// Replace an entry; the former version is kept
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do everything but store it
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "strongroom csr [OPTIONS] ALIAS --name NAME... [-o FILE]\n       strongroom csr [OPTIONS] ALIAS --like ALIAS [-o FILE]\n       strongroom csr install [OPTIONS] ALIAS FILE...\n       strongroom csr ls|show|rm"
)]
pub(crate) struct Csr {
    #[command(subcommand)]
    pub(crate) command: Option<CsrCommand>,
    #[command(flatten)]
    pub(crate) request: RequestArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    /// The name under which the certificate will be kept; it may have an entry already
    #[arg(required = true)]
    pub(crate) alias: Option<Alias>,
    /// A DNS name or IP address of the server, also *.example.test, email:... or uri:...; may be given several times
    #[arg(long = "name", value_name = "NAME", required_unless_present = "like")]
    pub(crate) names: Vec<RequestedName>,
    /// The subject, most specific part first: "CN=www.example.test, O=Example, C=DE" [default: CN= the first DNS name]
    #[arg(long, value_name = "DN")]
    pub(crate) subject: Option<Subject>,
    /// Take names, subject and kind of key from this entry; what is given beside it counts in their place
    #[arg(long, value_name = "ALIAS")]
    pub(crate) like: Option<Alias>,
    /// The kind of the new key: p256, p384, rsa2048, rsa3072, rsa4096 or ed25519 [default: p256]
    #[arg(long, value_name = "KIND")]
    pub(crate) key: Option<KeyKind>,
    /// Use the key that the entry has now, instead of a new one
    #[arg(long, conflicts_with = "key")]
    pub(crate) reuse_key: bool,
    /// The hash that an RSA key signs with [default: sha256]
    #[arg(long, value_enum)]
    pub(crate) hash: Option<HashWord>,
    /// Give up a pending request of the alias with its key: no certificate for that can be installed any more
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) output: RequestOutput,
}

// Where a request goes. What it is flattened into would take a documentation comment for its own description.
#[derive(Debug, Args)]
pub(crate) struct RequestOutput {
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The form of it
    #[arg(long, value_enum, default_value = "pem")]
    pub(crate) format: Encoding,
    /// Overwrite what is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// The form of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Encoding {
    Pem,
    Der,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum CsrCommand {
    /// Install the certificate that the CA made: PEM, DER or PKCS #7, with its chain or without, in any order
    Install(Install),
    /// List the pending requests
    Ls,
    /// Print a pending request again
    Show {
        /// Its alias
        alias: Alias,
        #[command(flatten)]
        output: RequestOutput,
    },
    /// Give up a pending request with its private key
    Rm {
        /// Its alias
        alias: Alias,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The alias of the request; an entry that has it gets a new version, and keeps the former one
    pub(crate) alias: Alias,
    /// What the CA sent; - reads standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Use and store the CA certificates of the files
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub(crate) import_certificate_chain: bool,
    /// Import the CA certificates that the path needs and the files hold, after showing them and asking
    #[arg(long)]
    pub(crate) with_embedded_ca: bool,
    /// Install in spite of a finding: expired, not_yet_valid, no_anchor or no_server_auth
    #[arg(long, value_name = "FINDING", value_parser = overridable)]
    pub(crate) allow: Vec<DiagnosticCode>,
    /// Do everything but store it, and show what would be stored
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// [`SignatureHash`] on the command line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum HashWord {
    Sha256,
    Sha384,
    Sha512,
}

impl From<HashWord> for SignatureHash {
    fn from(word: HashWord) -> Self {
        match word {
            HashWord::Sha256 => Self::Sha256,
            HashWord::Sha384 => Self::Sha384,
            HashWord::Sha512 => Self::Sha512,
        }
    }
}
