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

/// Which slots have to prove themselves when a store is opened.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum SlotCheck {
    /// All of them.
    #[default]
    All,
    /// The one that opens the store alone: the others are to be mended.
    Opener,
}

/// The slots as they stand, whoever wrote them.
pub(crate) struct Claimed {
    pub(crate) slots: Vec<Slot>,
    /// Whether there are others, which cannot be read and open nothing.
    pub(crate) unreadable: bool,
}

pub(crate) fn claimed(view: &dyn View, check: SlotCheck) -> Result<Claimed, StoreError> {
    let tag = [Tag::Slot.byte()];
    let mut rows = view.range(Table::Record, &tag, key::after(&tag).as_deref(), MAX_SLOTS + 1)?;
    if rows.len() > MAX_SLOTS {
        if check == SlotCheck::All {
            return Err(StoreError::Corrupt { detail: "the store has more than eight slots" });
        }
        // Whatever was put among them, eight keys are looked at.
        let keys: Vec<Vec<u8>> =
            (0..MAX_SLOTS).filter_map(|number| u32::try_from(number).ok()).map(key::slot).collect();
        let wanted: Vec<(Table, &[u8])> = keys.iter().map(|key| (Table::Record, key.as_slice())).collect();
        let found = view.get_many(&wanted)?;
        rows = keys.into_iter().zip(found).filter_map(|(key, record)| Some((key, record?))).collect();
    }
    let mut slots: Vec<Slot> = rows.iter().filter_map(|(key, record)| decode(key, record).ok()).collect();
    if check == SlotCheck::Opener {
        // Nor is work done that we never ask for.
        slots.retain(|slot| slot.cost.is_none_or(Cost::is_default));
    }
    Ok(Claimed { unreadable: slots.len() < rows.len(), slots })
}

/// A slot by its number, or [`StoreError::SlotDamaged`].
pub(crate) type SlotRow = (u32, Result<Slot, StoreError>);

/// The most rows that are looked at among the slots.
const MOST_ROWS: usize = 1_000;

pub(super) fn encode(slot: &Slot) -> Vec<u8> {
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

pub(super) fn decode(key: &[u8], record: &[u8]) -> Result<Slot, StoreError> {
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
        self.slot_rows()?.into_iter().map(|(_, slot)| slot).collect()
    }

    /// The same with those that do not prove themselves, and with what stands among them and was put there.
    pub(crate) fn slot_rows(&self) -> Result<Vec<SlotRow>, StoreError> {
        let tag = [Tag::Slot.byte()];
        let listed = self.list(&tag, &[], MAX_SLOTS + 1)?;
        let mut slots: Vec<SlotRow> = Vec::new();
        for (key, record) in &listed {
            let number = key::slot_number(key).ok_or(MALFORMED)?;
            let slot = record.as_ref().ok().and_then(|record| decode(key, record).ok());
            slots.push((number, slot.ok_or(StoreError::SlotDamaged { slot: number, foreign: false })));
        }
        for (key, _) in self.view().range(Table::Record, &tag, key::after(&tag).as_deref(), MOST_ROWS)? {
            let known = listed.iter().any(|(of, _)| *of == key) || self.is_put(&key);
            if let Some(number) = key::slot_number(&key).filter(|_| !known) {
                slots.push((number, Err(StoreError::SlotDamaged { slot: number, foreign: true })));
            }
        }
        slots.sort_by_key(|(number, _)| *number);
        Ok(slots)
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

    /// Removes all slots, and what was put among them.
    pub(super) fn clear_slots(&self) -> Result<(), StoreError> {
        for (number, _) in self.as_read().slot_rows()? {
            self.remove_slot(number);
        }
        Ok(())
    }
}
