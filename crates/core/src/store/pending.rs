//! What a change has put, before anything of it is written.

use std::collections::BTreeMap;

use super::event::Event;
use crate::seal::Digest;

/// What a change put so far.
#[derive(Default)]
pub(super) struct Pending {
    /// `None` is removed; a member has no value.
    pub(super) records: BTreeMap<Vec<u8>, Option<Option<Vec<u8>>>>,
    pub(super) blobs: BTreeMap<Digest, Option<Vec<u8>>>,
    /// Which record names which certificate: added, or taken away.
    pub(super) uses: BTreeMap<Vec<u8>, bool>,
    /// The first and the last row of the log that are cut.
    pub(super) log_cut: Option<(i64, i64)>,
    /// Rows of the log before the one of the commit.
    pub(super) events: Vec<Event>,
    /// What stood before goes, whether it was whole or not.
    pub(super) wipe: bool,
    /// Something was removed of which it is not known what it named.
    pub(super) orphans: bool,
}
