//! Reads entries ahead, so that they are served whatever becomes of the store.

use std::sync::atomic::Ordering;

use strongroom::Alias;

use crate::{
    loader::{NotLoaded, Proof},
    resolver::Shared,
};

/// Entries that are read before anybody asks for them.
const MAX_AHEAD: usize = 20_000;
/// Entries whose keys are opened and proved as well.
const MAX_PROVED: usize = 256;

/// Reads entries before anybody asks for them, as many as are kept: what was read once is served whatever becomes of the
/// store.
pub(super) fn read_ahead(shared: &Shared) {
    let root = shared.root.load_full();
    let few = root.entries().take(MAX_PROVED + 1).count() <= MAX_PROVED;
    let proof = if few { Proof::Now } else { Proof::Later };
    for entry in root.entries().take(MAX_AHEAD) {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        if entry.is_loaded() {
            continue;
        }
        let Ok(alias) = entry.alias.parse::<Alias>() else {
            continue;
        };
        match shared.loader.load(&alias, proof) {
            Ok(served) => {
                // Kept, unless the store has another version by now.
                if !shared.loader.keep(entry, served) {
                    shared.behind.store(true, Ordering::Relaxed);
                }
            }
            Err(NotLoaded::Gone) => shared.behind.store(true, Ordering::Relaxed),
            Err(NotLoaded::Refused(reason)) => shared.events.refused(&alias, &reason, false),
            Err(NotLoaded::Store(reason)) => {
                shared.events.store_failed(&reason);
                return;
            }
        }
    }
}
