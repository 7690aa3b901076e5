//! The arguments of `import`, and those that say which password opens a file.

use std::path::PathBuf;

use clap::{ArgAction, Args, builder::RangedU64ValueParser};
use strongroom::{
    certificate::EntrySelector,
    diagnostic::{DiagnosticCode, Severity, UnknownCode},
    keystore::AliasFrom,
    limits::Limits,
};

use super::word;
use crate::source::PasswordSource;

#[derive(Debug, Args)]
#[command(
    override_usage = "strongroom import [OPTIONS] ALIAS FILE...\n       strongroom import [OPTIONS] --all [--manifest FILE] FILE|DIR..."
)]
pub(crate) struct Import {
    /// The name under which the certificate is kept; with --all the first file
    #[arg(required_unless_present = "manifest")]
    pub(crate) alias: Option<PathBuf>,
    /// Its key and certificates: PKCS #12, PEM, DER, PKCS #7, JKS, a ZIP or a folder, in any order; - reads standard input
    #[arg(required_unless_present = "all", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Import every key of the files and folders with its certificate, in one transaction, with aliases of their own
    #[arg(long, conflicts_with_all = ["entry", "with_embedded_ca"])]
    pub(crate) all: bool,
    /// A TOML file that names files with their aliases and passwords, each in a table of the name entry
    #[arg(long, value_name = "FILE", requires = "all")]
    pub(crate) manifest: Option<PathBuf>,
    /// What aliases are made of: the name in the file, the first name of the certificate, or the name of the file
    #[arg(long, value_name = "WHAT", requires = "all", default_value = "friendly", value_parser = word::<AliasFrom>(AliasFrom::ALL.map(AliasFrom::as_str)))]
    pub(crate) alias_from: AliasFrom,
    /// Import those that are sound where others are refused; the exit code is that of the first refusal
    #[arg(long, requires = "all")]
    pub(crate) keep_going: bool,
    /// The most files
    #[arg(long, value_name = "N", requires = "all", default_value_t = 1000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) password: PassIn,
    /// Use and store the CA certificates that the file embeds
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub(crate) import_certificate_chain: bool,
    /// Import the CA certificates that the path needs and the file embeds, after showing them and asking
    #[arg(long)]
    pub(crate) with_embedded_ca: bool,
    /// Which key, in a file with several: its friendly name, #n, or a SHA-256 fingerprint
    #[arg(long, value_name = "SEL")]
    pub(crate) entry: Option<EntrySelector>,
    /// Replace an entry of other content; the former version is kept
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do everything but store it, and show what would be stored
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Import in spite of a finding: expired, not_yet_valid, no_anchor, no_server_auth or no_mac
    #[arg(long, value_name = "FINDING", value_parser = overridable)]
    pub(crate) allow: Vec<DiagnosticCode>,
}

#[derive(Debug, Args)]
pub(crate) struct PassIn {
    /// Where the file's password comes from: env:VAR file:PATH fd:N stdin cred:NAME prompt none pass:TEXT
    #[arg(long = "pass-in", value_name = "SRC")]
    pub(crate) source: Option<PasswordSource>,
    /// Where a private key's password comes from, if it has one of its own; may be given several times
    #[arg(long = "key-pass-in", value_name = "SRC")]
    pub(crate) key_sources: Vec<PasswordSource>,
    /// The most key-derivation iterations that the file may cost, up to 320000000 [default: 25000000]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u64>::new().range(1..=Limits::max_work_ceiling()))]
    pub(crate) max_work: Option<u64>,
    /// The largest file, in bytes, up to 16777216 [default: 1048576]
    #[arg(long, value_name = "BYTES", value_parser = max_size)]
    pub(crate) max_size: Option<usize>,
}

impl PassIn {
    /// The limits for the file.
    pub(crate) fn limits(&self) -> Limits {
        let limits = Limits::default().with_max_work(self.max_work.unwrap_or(Limits::COMMAND_WORK));
        self.max_size.map_or(limits, |size| limits.with_max_file_len(size))
    }
}

fn max_size(text: &str) -> Result<usize, String> {
    let ceiling = Limits::max_file_len_ceiling();
    match text.parse() {
        Ok(size) if (1..=ceiling).contains(&size) => Ok(size),
        _ => Err(format!("1 to {ceiling} bytes")),
    }
}

pub(crate) fn overridable(text: &str) -> Result<DiagnosticCode, String> {
    let parsed: Result<DiagnosticCode, UnknownCode> = text.parse();
    let why = match parsed {
        Ok(code) if code.severity() == Severity::Overridable => return Ok(code),
        Ok(code) => format!("{code} cannot be allowed"),
        Err(unknown) => unknown.to_string(),
    };
    Err(format!("{why}; only {} can be allowed", overridable_codes().join(", ")))
}

/// The findings in spite of which an import goes on, where it is asked to.
pub(crate) fn overridable_codes() -> Vec<&'static str> {
    let codes = DiagnosticCode::ALL.iter().filter(|code| code.severity() == Severity::Overridable);
    codes.map(|code| code.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_overridable_findings_can_be_allowed() {
        assert_eq!(overridable("expired"), Ok(DiagnosticCode::Expired));
        let only =
            "only expired, not_yet_valid, no_server_auth, no_client_auth, no_anchor, no_mac can be allowed";
        assert_eq!(overridable("weak_key"), Err(format!("weak_key cannot be allowed; {only}")));
        assert_eq!(overridable("x"), Err(format!("there is no code \"x\"; {only}")));
    }
}
