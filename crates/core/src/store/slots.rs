//! The wrapped root key.

use rusqlite::{Connection, named_params};

use super::{Read, StoreError, Write, state::toggle};
use crate::seal::{Cost, Digest, Ledger, Slot, UnlockSource};

fn expected(slot: &Slot, ledger: &Ledger) -> Digest {
    let [memory, passes, lanes] = slot.costs();
    ledger.row(&[
        b"slot",
        &slot.number.to_be_bytes(),
        slot.source.kind().as_bytes(),
        slot.source.name().as_bytes(),
        &slot.salt,
        &memory,
        &passes,
        &lanes,
        &slot.wrapped,
        &slot.created_at.to_be_bytes(),
        &slot.checksum,
    ])
}

/// The slots as they stand, whoever wrote them, each with its MAC.
pub(super) fn read(connection: &Connection) -> Result<Vec<(Slot, Digest)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT number, kind, name, salt, memory, passes, lanes, wrapped_root_key, created_at, checksum, mac
         FROM slot ORDER BY number",
    )?;
    let mut rows = statement.query([])?;
    let mut slots = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get("kind")?;
        let cost: (Option<u32>, Option<u32>, Option<u32>) =
            (row.get("memory")?, row.get("passes")?, row.get("lanes")?);
        let slot = Slot {
            number: row.get("number")?,
            source: UnlockSource::from_stored(&kind, row.get("name")?)
                .ok_or(StoreError::Corrupt { detail: "a slot is of an unknown kind" })?,
            salt: row.get("salt")?,
            cost: match cost {
                (Some(memory), Some(passes), Some(lanes)) => Some(Cost { memory, passes, lanes }),
                _ => None,
            },
            wrapped: row.get("wrapped_root_key")?,
            created_at: row.get("created_at")?,
            checksum: row.get("checksum")?,
        };
        slots.push((slot, row.get("mac")?));
    }
    Ok(slots)
}

impl Read<'_> {
    /// All slots, none missing.
    pub(crate) fn slots(&self) -> Result<Vec<Slot>, StoreError> {
        let mut digest = [0; 32];
        let mut slots = Vec::new();
        for (slot, mac) in read(self.connection)? {
            if mac != expected(&slot, self.ledger) {
                return Err(StoreError::Corrupt { detail: "a slot is not authentic" });
            }
            toggle(&mut digest, &mac);
            slots.push(slot);
        }
        if digest != self.state.slots {
            return Err(StoreError::Corrupt { detail: "a slot is missing, or one too many" });
        }
        Ok(slots)
    }
}

impl Write<'_> {
    /// Stores a slot; the one that has its number goes.
    pub(crate) fn put_slot(&self, slot: &Slot) -> Result<(), StoreError> {
        self.remove_slot(slot.number)?;
        let mac = expected(slot, self.ledger);
        self.transaction
            .prepare_cached(
                "INSERT INTO slot (number, kind, name, salt, memory, passes, lanes, wrapped_root_key, created_at,
                     checksum, mac)
                 VALUES (:number, :kind, :name, :salt, :memory, :passes, :lanes, :wrapped, :at, :checksum, :mac)",
            )?
            .execute(named_params! {
                ":number": slot.number, ":kind": slot.source.kind(), ":name": slot.source.name(),
                ":salt": slot.salt, ":memory": slot.cost.map(|cost| cost.memory),
                ":passes": slot.cost.map(|cost| cost.passes), ":lanes": slot.cost.map(|cost| cost.lanes),
                ":wrapped": slot.wrapped, ":at": slot.created_at, ":checksum": slot.checksum, ":mac": mac,
            })?;
        toggle(&mut self.state.borrow_mut().slots, &mac);
        Ok(())
    }

    pub(crate) fn remove_slot(&self, number: u32) -> Result<(), StoreError> {
        let present = read(&self.transaction)?;
        for (_, mac) in present.iter().filter(|(slot, _)| slot.number == number) {
            self.transaction
                .prepare_cached("DELETE FROM slot WHERE number = :number")?
                .execute(named_params! { ":number": number })?;
            toggle(&mut self.state.borrow_mut().slots, mac);
        }
        Ok(())
    }
}
