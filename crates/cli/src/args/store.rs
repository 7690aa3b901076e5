//! Arguments of the commands that look after a store.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand, ValueEnum, builder::RangedU64ValueParser};
use strongroom::{Alias, keystore::ExpiryWindow, store::Journal};

use super::word;
use crate::unlock::UnlockSpec;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// How transactions are kept whole: wal on local disks, rollback on network file systems
    #[arg(long, default_value = "wal", value_parser = word::<Journal>(Journal::ALL.map(Journal::as_str)))]
    pub(crate) journal: Journal,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// List the removed entries, which undo brings back
    #[arg(long, conflicts_with_all = ["within", "issuer", "name", "sort"])]
    pub(crate) removed: bool,
    /// More of each: the issuer, the beginning of the SHA-256 fingerprint, the version, when and by whom it was stored
    #[arg(short, long, conflicts_with = "removed")]
    pub(crate) long: bool,
    /// In which order
    #[arg(long, value_enum, value_name = "ORDER", default_value = "alias")]
    pub(crate) sort: SortOrder,
    /// Those of which something ends within this time, or has ended: 30d, 12h, or 33% of the lifetime
    #[arg(long, value_name = "TIME")]
    pub(crate) within: Option<ExpiryWindow>,
    /// Those whose issuer has this text in its name
    #[arg(long, value_name = "TEXT")]
    pub(crate) issuer: Option<String>,
    /// Those with such a name; * stands for any text: '*.example.test'
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// The order of a listing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum SortOrder {
    Alias,
    /// What ends first comes first
    Expires,
}

#[derive(Debug, Args)]
pub(crate) struct Find {
    /// A name or a part of one, an alias, a serial number, a SHA-256 or SHA-1 fingerprint or its beginning, or a part of a
    /// subject or an issuer
    pub(crate) text: String,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The entry, or one of its versions: www@2
    pub(crate) alias: Reference,
    /// Print the certificates as PEM, leaf first, and nothing else
    #[arg(long)]
    pub(crate) pem: bool,
    /// The same of what a server sends: without a root
    #[arg(long, conflicts_with = "pem")]
    pub(crate) served: bool,
    /// Print every field of the certificate, with all extensions
    #[arg(long, conflicts_with_all = ["pem", "served"])]
    pub(crate) text: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The entry
    pub(crate) alias: Alias,
    /// Remove it also while a server uses it, and a CA also if entries lead to it
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be removed, and which entries would lose their chain, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "strongroom ca rm [OPTIONS] ALIAS\n       strongroom ca rm [OPTIONS] --unused")]
pub(crate) struct CaRemove {
    /// The CA certificate
    #[arg(required_unless_present = "unused", conflicts_with = "unused")]
    pub(crate) alias: Option<Alias>,
    /// Remove the chain certificates that imports stored, and that no version of any entry leads to, former and removed ones
    /// included. What somebody imported with ca import stays, and is named
    #[arg(long, conflicts_with = "force")]
    pub(crate) unused: bool,
    /// Remove it also if entries lead to it
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be removed, and which entries would lose their chain, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The entry
    pub(crate) alias: Alias,
    /// Go back to this version instead
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// The entries whose former versions, and the aliases whose removed entries are deleted [default with --keep or
    /// --older-than: all]
    #[arg(value_name = "ALIAS", required_unless_present_any = ["all", "keep", "older_than"])]
    pub(crate) aliases: Vec<Alias>,
    /// Those of all entries
    #[arg(long, conflicts_with = "aliases")]
    pub(crate) all: bool,
    /// Keep so many of the newest versions of each entry, the current one among them, and every removed entry
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    pub(crate) keep: Option<u32>,
    /// Delete only versions that were replaced, and entries that were removed, longer ago than this: 90d, 12h; with --keep
    /// a version goes only if both say so
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) older_than: Option<u32>,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// So many seconds, as people type them.
pub(crate) fn age(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(ExpiryWindow::Seconds(seconds)) => Ok(seconds),
        _ => Err("a time is a number of days, hours or minutes: 90d, 12h, 30m".to_owned()),
    }
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The first: ALIAS or ALIAS@VERSION
    pub(crate) first: Reference,
    /// The second
    pub(crate) second: Reference,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup
    #[arg(required_unless_present = "from")]
    pub(crate) file: Option<PathBuf>,
    /// The backup, where one entry is taken from it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub(crate) from: Option<PathBuf>,
    /// What opens the backup, where that is not what opens the store: file:PATH env:VAR cred:NAME prompt passphrase:SRC
    #[arg(long, value_name = "SRC")]
    pub(crate) backup_unlock: Option<UnlockSpec>,
    /// Take this entry alone, in place of one that is damaged or missing
    #[arg(long, value_name = "ALIAS", conflicts_with_all = ["with_access", "new_store"])]
    pub(crate) only: Option<Alias>,
    /// With --only: take it also in place of a whole one
    #[arg(long, requires = "only")]
    pub(crate) replace: bool,
    /// Bring back the administrators as well, and let what opens the backup open the store
    #[arg(long)]
    pub(crate) with_access: bool,
    /// Take a backup of another store
    #[arg(long)]
    pub(crate) other_store: bool,
    /// Make a new store of it, where today's cannot be proved; what stands there is kept
    #[arg(long, conflicts_with = "with_access")]
    pub(crate) new_store: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rekey {
    /// Drop this slot, so that nothing opens it any more; may be given several times. A slot that is neither dropped nor
    /// opened by what is given with --unlock, here or on a terminal, stops the command
    #[arg(long, value_name = "N")]
    pub(crate) drop_slot: Vec<u32>,
    /// Delete former versions and removed entries instead of sealing them again
    #[arg(long)]
    pub(crate) prune: bool,
}

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    override_usage = "strongroom log [OPTIONS]\n       strongroom log export [OPTIONS] -o FILE\n       strongroom log rotate [OPTIONS] -o FILE\n       strongroom log verify [OPTIONS] FILE"
)]
pub(crate) struct Log {
    #[command(subcommand)]
    pub(crate) command: Option<LogCommand>,
    #[command(flatten)]
    pub(crate) rows: LogRows,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum LogCommand {
    /// Write the rows to a file, a line of JSON each, with the hashes that chain them
    Export {
        /// The new file
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Write rows to a file, read it back, and cut them from the store, which keeps what proves the cut
    Rotate(LogRotate),
    /// Follow the rows of such a file from the first to the last, hash by hash; needs no store
    Verify {
        /// The file
        file: PathBuf,
        /// Hold it against the store as well
        #[arg(long)]
        against_store: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LogRotate {
    /// Keep so many of the last rows [default: none]
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<u32>,
    /// Keep the rows from this time on: 90d, 24h, or 2026-11-23T12:00:00Z; with --keep a row goes only if both say so
    #[arg(long, value_name = "TIME")]
    pub(crate) keep_since: Option<String>,
    /// The new file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LogRows {
    /// Follow the whole log, hash by hash, and say whether it is whole
    #[arg(long, conflicts_with_all = ["tail", "since", "alias", "follow"])]
    pub(crate) verify: bool,
    /// The last so many rows
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<usize>,
    /// From this time on: 24h, 30d, or 2026-11-23T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// The rows about this alias
    #[arg(long)]
    pub(crate) alias: Option<Alias>,
    /// Go on with each new row, until it is stopped; with --json an object a line
    #[arg(long)]
    pub(crate) follow: bool,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Slot {
    /// Let something else open the store as well
    Add {
        /// prompt passphrase:SRC file:PATH env:VAR cred:NAME
        source: UnlockSpec,
        /// A name by which to know it again, up to 64 characters
        #[arg(long, value_name = "TEXT")]
        label: Option<String>,
    },
    /// Remove a slot
    Rm {
        /// Its number
        number: u32,
    },
    /// List the slots
    Ls,
}

/// An entry, or one of its versions: `www` or `www@2`.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) alias: Alias,
    pub(crate) version: Option<u32>,
}

impl FromStr for Reference {
    type Err = String;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let (alias, version) = match input.split_once('@') {
            None => (input, None),
            Some((alias, number)) => {
                let number =
                    number.parse().map_err(|_| "after @ comes the number of a version".to_owned())?;
                (alias, Some(number))
            }
        };
        let alias = alias.parse().map_err(|error: strongroom::alias::InvalidAlias| error.to_string())?;
        Ok(Self { alias, version })
    }
}
