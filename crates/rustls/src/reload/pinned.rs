//! Entries that are served although no name leads to them: the default one, and identities of clients.

use std::sync::PoisonError;

use strongroom::Alias;

use super::Follows;
use crate::{
    LiveTlsError,
    loader::{NotLoaded, Proof},
    resolver::Shared,
    snapshot::{Edit, Root},
};

impl Follows {
    /// Holds an entry that need not have a name.
    pub(crate) fn add_identity(&self, shared: &Shared, alias: &Alias) -> Result<(), LiveTlsError> {
        let mut state = self.state();
        let root = shared.root.load_full();
        if root.entry(&alias.key()).is_none_or(|entry| !entry.is_loaded()) {
            let root = with_pinned(shared, Root::clone(&root), alias)?;
            self.swap(shared, root);
        }
        state.pinned.push(alias.clone());
        Ok(())
    }

    /// Another entry is the default from now on. Those who look from outside see that when this returns.
    pub(crate) fn set_default(&self, shared: &Shared, alias: Alias) -> Result<(), LiveTlsError> {
        let state = self.state();
        let root = shared.root.load_full();
        let there = root.entry(&alias.key()).is_some_and(|entry| entry.is_loaded());
        let mut root =
            if there { Root::clone(&root) } else { with_pinned(shared, Root::clone(&root), &alias)? };
        let former = {
            let mut default = shared.default_alias.lock().unwrap_or_else(PoisonError::into_inner);
            default.replace(alias.clone())
        };
        // Where the default alone answers, the former one is read no more, and does not become stale.
        if let Some(former) = former.filter(|former| shared.only_default && *former != alias)
            && !state.pinned.contains(&former)
        {
            root = root.after([Edit::Remove(former.key())]);
        }
        self.swap(shared, root);
        drop(state);
        self.write_report(shared);
        Ok(())
    }
}

/// A snapshot with one entry that must be there.
pub(super) fn with_pinned(shared: &Shared, root: Root, alias: &Alias) -> Result<Root, LiveTlsError> {
    let refused = |reason: String| LiveTlsError::Default { alias: alias.clone(), reason };
    let served = shared.loader.load(alias, Proof::Now).map_err(|error| match error {
        NotLoaded::Gone => refused("there is no such entry, or it has no key".to_owned()),
        NotLoaded::Refused(reason) | NotLoaded::Store(reason) => refused(reason),
    })?;
    Ok(root.after([Edit::Put(shared.loader.entry_of(served))]))
}
