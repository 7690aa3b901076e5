//! Which commit a store is at, and what changed between two of them.

use std::{collections::BTreeSet, time::Duration};

use super::{Mark, Read, Store, StoreError, key::Tag, log::Touched};
use crate::{alias::Alias, seal::Digest};

/// Rows of the log that are read to name single entries. After more it costs less to read all entries again.
const MAX_ROWS: u32 = 10_000;

/// Which commit a store is at: another one after each change, and the same for all who have the store open.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Generation {
    mark: Mark,
    epoch: u32,
    /// Over the members that say which CA certificates there are.
    authorities: Digest,
    /// Over administrators and slots.
    access: Digest,
    /// Over the hosts that are bound to entries.
    bindings: Digest,
    /// Over what the web server shows and offers.
    web_server: Digest,
}

impl Generation {
    /// How many commits there were.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        u64::try_from(self.mark.seq).unwrap_or(0)
    }
}

/// What changed in a store since a generation: all of it out of the proved log and the proved tree.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Changes {
    /// Which commit the store is at now.
    pub generation: Generation,
    /// The entries that may be others than before, or gone, or new: server entries, and CA certificates that were imported,
    /// removed or renamed by themselves.
    pub aliases: BTreeSet<Alias>,
    /// The renamings among them, in their order: the alias that an entry had, and the one that it was given.
    pub renamed: Vec<(Alias, Alias)>,
    /// Any entry may be another: a backup was put back, or more changed than is worth naming.
    pub everything: bool,
    /// Whether CA certificates may be others than before, so that chains may be others.
    pub authorities: bool,
    /// Whether slots, the root key or administrators may be others.
    pub access: bool,
    /// Whether other hosts may be bound to entries, or to others.
    pub bindings: bool,
    /// Whether the web server of the store is to show or offer something else.
    pub web_server: bool,
}

impl Read<'_> {
    /// Which commit this snapshot is of.
    pub(crate) fn generation(&self) -> Result<Generation, StoreError> {
        let digit = |tag: Tag| tag.byte() >> 4;
        self.tree(|tree| {
            Ok(Generation {
                mark: self.state().mark(),
                epoch: self.state().epoch,
                authorities: tree.digest(digit(Tag::Authority), digit(Tag::Authority))?,
                access: tree.digest(digit(Tag::Administrator), digit(Tag::Slot))?,
                bindings: tree.digest(digit(Tag::Binding), digit(Tag::Binding))?,
                web_server: tree.digest(digit(Tag::WebServer), digit(Tag::WebServer))?,
            })
        })
    }

    /// What changed since a generation; `None` if nothing did.
    pub(crate) fn changes_since(&self, since: &Generation) -> Result<Option<Changes>, StoreError> {
        let generation = self.generation()?;
        if generation == *since {
            return Ok(None);
        }
        if generation.mark.seq < since.mark.seq {
            return Err(StoreError::RolledBack { found: generation.mark.seq, known: since.mark.seq });
        }
        let (rows, cut) = self.log_since(&since.mark, MAX_ROWS)?;
        let mut changes = Changes {
            generation,
            aliases: BTreeSet::new(),
            renamed: Vec::new(),
            everything: cut || rows.last().is_none_or(|last| last.number < generation.mark.log_number),
            authorities: generation.authorities != since.authorities,
            access: generation.epoch != since.epoch || generation.access != since.access,
            bindings: generation.bindings != since.bindings,
            web_server: generation.web_server != since.web_server,
        };
        for row in rows {
            match row.touched() {
                Touched::Nothing => {}
                Touched::All => changes.everything = true,
                Touched::Entries(aliases) => changes.aliases.extend(aliases),
            }
            changes.renamed.extend(row.renaming());
            // A certificate that was there is trusted as an anchor from now on.
            changes.authorities |= row.is_authority_import();
        }
        changes.authorities |= changes.everything;
        Ok(Some(changes))
    }
}

impl Store {
    /// Whether the row of the state is another than `known`, which then is that one: a hint, which the next read proves.
    /// A remote engine may wait for it, for at most `max`.
    pub(crate) fn state_moved(&self, known: &mut Option<Vec<u8>>, max: Duration) -> Result<bool, StoreError> {
        self.still_there()?;
        let max = if self.engine.is_remote() && known.is_some() { max } else { Duration::ZERO };
        let now = self.engine.wait_change(known.as_deref().unwrap_or_default(), max)?;
        let moved = known.as_ref() != Some(&now);
        *known = Some(now);
        Ok(moved)
    }
}
