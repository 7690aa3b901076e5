//! Arguments of `check` and `doctor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use strongroom::{Alias, keystore::ExpiryWindow};

use super::Host;
use crate::commands::StartTls;

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The entries [default: all server certificates]
    #[arg(value_name = "ALIAS")]
    pub(crate) aliases: Vec<Alias>,
    /// How long before its end a certificate counts as expiring: 30d, 12h, 90m, or 33% of its lifetime [default: 30d, but a
    /// third of the lifetime where that is shorter]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["warning", "critical"])]
    pub(crate) within: Option<ExpiryWindow>,
    /// In which form to answer
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: CheckFormat,
    /// With --format nagios: from when on to warn [default: as for --within]
    #[arg(short, long, value_name = "TIME")]
    pub(crate) warning: Option<ExpiryWindow>,
    /// With --format nagios: from when on it is critical [default: 7d, but a twelfth of the lifetime where that is shorter]
    #[arg(short, long, value_name = "TIME")]
    pub(crate) critical: Option<ExpiryWindow>,
    /// Write the answer to a file that everybody may read, in one step
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// With --format openmetrics: say also how many seconds are left, for programs that cannot subtract
    #[arg(long)]
    pub(crate) relative: bool,
    /// Shake hands with a server as well, and compare what it sends with the entry that is named, or else with the one that
    /// answers for its name: HOST or HOST:PORT; may be given several times
    #[arg(long, value_name = "HOST")]
    pub(crate) connect: Vec<Host>,
    /// The protocol in which the servers of --connect are asked for TLS first
    #[arg(long, value_name = "PROTOCOL", requires = "connect")]
    pub(crate) starttls: Option<StartTls>,
    /// With --unlock none: exit 0 although nothing that was read is proved, where nothing else is wrong
    #[arg(long)]
    pub(crate) accept_unproved: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Mend what can be mended without losing anything: modes of files, and what ended servers left behind
    #[arg(long)]
    pub(crate) fix: bool,
}

/// The form of an answer of `check`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// A table of what needs attention
    Text,
    /// One JSON object with every entry, as --json prints it
    Json,
    /// For Prometheus, with the names of x509-certificate-exporter
    Openmetrics,
    /// One line for Nagios and Icinga, and their exit codes
    Nagios,
}
