//! What a change says of itself in the log.

use std::{fmt, net::IpAddr};

use super::action::Action;
use crate::{certificate::Fingerprint, privilege::Privileges};

/// What happened, before it has a number.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) action: Action,
    pub(crate) alias: String,
    /// Of the leaf; empty where there is none.
    pub(crate) fingerprint: String,
    pub(crate) outcome: Happened,
}

/// What comes before the new alias.
pub(super) const RENAMED_TO: &str = "renamed to ";

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Happened {
    Made,
    Imported,
    Replaced,
    /// A request was made, which is named where a certificate would be.
    Requested,
    /// Chain certificates of an entry that was there.
    ChainStored,
    Several,
    Removed,
    Restored,
    BroughtBack,
    RenamedTo(String),
    BoundTo(String),
    /// A host is bound to this alias.
    HostBoundTo(String),
    /// The web server offers this from now on.
    Offered(String),
    Unbound,
    /// These rows of the log were written to a file, and cut.
    Rotated {
        first: i64,
        last: i64,
        head: Fingerprint,
    },
    /// These versions of an entry were deleted; `whole` if it was a removed entry, with all that it had.
    Pruned {
        first: u32,
        last: u32,
        whole: bool,
    },
    Added,
    /// A slot opens under a key of this kind now.
    Opens(&'static str),
    Rekeyed,
    Written,
    /// A file of this digest was given for this path.
    Exported {
        sha256: String,
        path: String,
    },
    Changed,
    Revoked,
    /// An administrator has these privileges now.
    Allowed(Privileges),
    SignedIn(IpAddr),
    /// Requests that were refused in some time, from the first address and the last.
    RefusedMany {
        count: u64,
        first: IpAddr,
        last: IpAddr,
    },
    /// The code of the error that refused it.
    Refused(&'static str),
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Made => "made",
            Self::Imported => "imported",
            Self::Replaced => "replaced",
            Self::Requested => "requested",
            Self::ChainStored => "chain stored",
            Self::Several => "",
            Self::Removed => "removed",
            Self::Restored => "restored",
            Self::BroughtBack => "brought back",
            Self::RenamedTo(alias) => return write!(f, "{RENAMED_TO}{alias}"),
            Self::BoundTo(server) => server,
            Self::HostBoundTo(alias) => return write!(f, "bound to {alias}"),
            Self::Offered(what) => what,
            Self::Unbound => "unbound",
            Self::Rotated { first, last, head } => {
                return write!(f, "cut rows {first} to {last}, head {head}");
            }
            Self::Pruned { first, last, whole } => {
                f.write_str(if *whole { "pruned the removed entry: " } else { "pruned " })?;
                return if first == last {
                    write!(f, "version {first}")
                } else {
                    write!(f, "versions {first} to {last}")
                };
            }
            Self::Added => "added",
            Self::Opens(kind) => kind,
            Self::Rekeyed => "rekeyed",
            Self::Written => "written",
            Self::Exported { sha256, path } => return write!(f, "sha256 {sha256} {path}"),
            Self::Changed => "changed",
            Self::Revoked => "revoked",
            Self::Allowed(privileges) => return write!(f, "{privileges}"),
            Self::SignedIn(address) => return write!(f, "from {address}"),
            Self::RefusedMany { count: 1, first, .. } => return write!(f, "1 refused, from {first}"),
            Self::RefusedMany { count, first, last } => {
                return write!(f, "{count} refused: the first from {first}, the last from {last}");
            }
            Self::Refused(code) => code,
        })
    }
}
