//! The wrapped root key.
//!
//! Slots are read before there is a key to prove them with. They are counted and judged before any work is done for
//! them, and the one that opened the store must be one of its own.

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder, MALFORMED},
    engine::{Table, View},
    key::{self, Tag},
    state::State,
};
use crate::seal::{Cost, MAX_SLOTS, Slot, StoreId, UnlockSource};

/// What the store says before it is unlocked, whoever wrote it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Claim {
    pub(crate) id: StoreId,
    pub(crate) epoch: u32,
    pub(crate) check_value: [u8; 16],
}

impl Claim {
    /// What the copies of the state say; more than one if they differ.
    pub(crate) fn all(view: &dyn View) -> Result<Vec<Self>, StoreError> {
        let mut claims: Vec<Self> = State::claims(view)?
            .into_iter()
            .map(|state| Self { id: state.id, epoch: state.epoch, check_value: state.check_value })
            .collect();
        // What they differ in otherwise does not matter before there is a key.
        claims.dedup();
        if claims.is_empty() { Err(super::state::NOT_AUTHENTIC) } else { Ok(claims) }
    }
}

/// The slots as they stand, whoever wrote them. One that cannot be read opens nothing, and is left out.
pub(crate) fn claimed(view: &dyn View) -> Result<Vec<Slot>, StoreError> {
    let tag = [Tag::Slot.byte()];
    let rows = view.range(Table::Record, &tag, key::after(&tag).as_deref(), MAX_SLOTS + 1)?;
    if rows.len() > MAX_SLOTS {
        return Err(StoreError::Corrupt { detail: "the store has more than eight slots" });
    }
    Ok(rows.iter().filter_map(|(key, record)| decode(key, record).ok()).collect())
}

fn encode(slot: &Slot) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.text(slot.source.kind()).text(slot.source.name()).optional_text(slot.label.as_deref());
    encoder.bytes(&slot.salt);
    match slot.cost {
        None => encoder.list(0),
        Some(cost) => {
            encoder.list(3).integer(cost.memory.into()).integer(cost.passes.into()).integer(cost.lanes.into())
        }
    };
    encoder.bytes(&slot.wrapped).integer(slot.created_at).bytes(&slot.checksum).done()
}

fn decode(key: &[u8], record: &[u8]) -> Result<Slot, StoreError> {
    let number = match key {
        [_, number] if usize::from(*number) < MAX_SLOTS => u32::from(*number),
        _ => return Err(MALFORMED),
    };
    let mut decoder = Decoder::new(record)?;
    let (kind, name) = (decoder.text()?, decoder.text()?.to_owned());
    let source = UnlockSource::from_stored(kind, name).ok_or(MALFORMED)?;
    let label = decoder.optional_text()?.map(str::to_owned);
    let salt = decoder.bytes()?.to_vec();
    let cost = match decoder.list()? {
        0 => None,
        3 => Some(Cost { memory: decoder.number()?, passes: decoder.number()?, lanes: decoder.number()? }),
        _ => return Err(MALFORMED),
    };
    let (wrapped, created_at) = (decoder.bytes()?.to_vec(), decoder.integer()?);
    let checksum = decoder.bytes()?.to_vec();
    decoder.end()?;
    if cost.is_some() != (source == UnlockSource::Passphrase) {
        return Err(MALFORMED);
    }
    Ok(Slot { number, source, label, salt, cost, wrapped, created_at, checksum })
}

impl Read<'_> {
    /// All slots, none missing and none too many.
    pub(crate) fn slots(&self) -> Result<Vec<Slot>, StoreError> {
        let listed = self.list(&[Tag::Slot.byte()], &[], MAX_SLOTS + 1)?;
        let slots = listed.iter().map(|(key, record)| match record {
            Ok(record) => decode(key, record),
            Err(_) => Err(StoreError::Corrupt { detail: "a slot is not authentic" }),
        });
        slots.collect()
    }

    /// Whether the slot that opened the store is one that the store has.
    pub(super) fn require_slot(&self, opened: &Slot) -> Result<(), StoreError> {
        let record = self.get(&key::slot(opened.number));
        match record {
            Ok(Some(record)) if record == encode(opened) => Ok(()),
            _ => Err(StoreError::Corrupt {
                detail: "the slot that opens the store is not one that it has now",
            }),
        }
    }
}

impl Write<'_> {
    /// Writes a slot, over the one of its number.
    pub(crate) fn put_slot(&self, slot: &Slot) {
        self.put(key::slot(slot.number), encode(slot));
    }

    pub(crate) fn remove_slot(&self, number: u32) {
        self.delete(key::slot(number));
    }

    /// Removes all slots.
    pub(super) fn clear_slots(&self) -> Result<(), StoreError> {
        for key in self.as_read().keys(&[Tag::Slot.byte()], &[], usize::MAX)? {
            self.delete(key);
        }
        Ok(())
    }
}
