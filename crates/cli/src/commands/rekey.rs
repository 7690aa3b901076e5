//! `rekey`: a new root key, and which slots it keeps.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Error, Keystore,
    certificate::printable,
    keystore::KeptSlot,
    remedy::Remedy,
    seal::{OwnedUnlock, SealError, SlotReport, UnlockSource},
    store::StoreError,
};

use super::{Purpose, existing_store, key_file_path, now, open_options, open_with_key};
use crate::{
    args::{Arguments, Rekey},
    failure::{Exit, Failure},
    prompt::{Unasked, can_ask, confirm},
    render::Printer,
    source::PasswordSource,
    unlock::{UnlockSpec, described, open_loaded},
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Rekeyed {
    kept: Vec<u32>,
    dropped: Vec<u32>,
    /// Versions that were deleted; the others are sealed under the new root key.
    pruned_versions: u64,
}

/// What opens the slots, as far as it was given.
struct Keys {
    /// With whether one opened a slot.
    given: Vec<(OwnedUnlock, bool)>,
}

pub(super) fn run(arguments: &Arguments, command: &Rekey, printer: &Printer) -> Result<(), Failure> {
    let (keystore, mut keys) = open(arguments)?;
    let (mut kept, mut left_out): (Vec<(SlotReport, OwnedUnlock)>, Vec<String>) = Default::default();
    let mut slots_left_out = Vec::new();
    let listed = keystore.slot_listing()?;
    if command.drop_slot.iter().any(|number| listed.iter().all(|(of, _)| of != number)) {
        return Err(Error::from(SealError::NoSuchSlot).into());
    }
    for (number, slot) in listed {
        if command.drop_slot.contains(&number) {
            keys.note(&keystore, number)?;
            continue;
        }
        let found = match &slot {
            Ok(report) => keys.of(&keystore, arguments, report)?,
            Err(_) => None,
        };
        match (slot, found) {
            (Ok(report), Some(loaded)) => kept.push((report, loaded)),
            (slot, _) => {
                slots_left_out.push(number);
                left_out.push(describe(number, &slot));
            }
        }
    }
    keys.all_used()?;
    if !left_out.is_empty() {
        let message =
            format!("a new root key closes each slot whose key is not given: {}", left_out.join("; "));
        return Err(Failure::new(Exit::Password, "password_missing", "seal", message)
            .with(Remedy::KeepOrDropSlots { slots: slots_left_out }));
    }
    let mut dropped = command.drop_slot.clone();
    dropped.sort_unstable();
    dropped.dedup();
    let mut rekeyed = Rekeyed { kept: Vec::new(), dropped, pruned_versions: 0 };
    let keep: Vec<KeptSlot<'_>> =
        kept.iter().map(|(slot, loaded)| KeptSlot::of(slot, loaded.as_unlock())).collect();
    if keep.is_empty() {
        return Err(Error::from(SealError::NoSuchSlot).into());
    }
    if command.prune {
        let question =
            "Delete all former versions and removed entries, with their keys? This cannot be undone.";
        confirm(arguments, question, Unasked::GoOn)?;
        rekeyed.pruned_versions = keystore.prune(None, now())?.versions;
    }
    keystore.rekey_dropping(&keep, &rekeyed.dropped, now())?;
    rekeyed.kept = kept.iter().map(|(slot, _)| slot.number).collect();
    printer.result(&rekeyed, &[], || text(&rekeyed));
    Ok(())
}

fn text(rekeyed: &Rekeyed) -> String {
    let slots = |numbers: &[u32]| -> String {
        let words: Vec<String> = numbers.iter().map(u32::to_string).collect();
        format!("{} {}", if words.len() == 1 { "slot" } else { "slots" }, words.join(", "))
    };
    let dropped = match rekeyed.dropped.as_slice() {
        [] => String::new(),
        numbers => format!("; dropped {}", slots(numbers)),
    };
    format!(
        "re-keyed: the store has a new root key, and every private key is sealed under it; kept {}{dropped}\n\
         Backups and other copies from before still open with what opened them: delete those that nobody needs.\n",
        slots(&rekeyed.kept)
    )
}

/// Opens the store with the first of what was given that fits.
fn open(arguments: &Arguments) -> Result<(Keystore, Keys), Failure> {
    if arguments.unlock.len() < 2 {
        let (keystore, opened) = open_with_key(arguments, Purpose::Mend)?;
        return Ok((keystore, Keys { given: vec![(opened, true)] }));
    }
    let path = existing_store(arguments)?;
    let mut given = Vec::new();
    for spec in &arguments.unlock {
        let loaded = spec.clone().mounted(arguments.key_file_mounted).load(arguments.no_input)?;
        given.push((loaded, false));
    }
    let options = open_options(arguments, Purpose::Mend, &path);
    let mut refused = Failure::from(Error::from(SealError::WrongUnlockKey));
    for (loaded, _) in &given {
        match open_loaded(&path, loaded, &options) {
            Ok(keystore) => return Ok((keystore, Keys { given })),
            Err(failure) if failure.code == "wrong_unlock_key" => refused = failure,
            Err(other) => return Err(other),
        }
    }
    Err(refused)
}

impl Keys {
    /// What opens a slot: of what was given, or at hand where the store says, or asked for.
    fn of(
        &mut self,
        keystore: &Keystore,
        arguments: &Arguments,
        slot: &SlotReport,
    ) -> Result<Option<OwnedUnlock>, Failure> {
        if let Some(loaded) = self.note(keystore, slot.number)? {
            return Ok(Some(loaded));
        }
        // The slots were proved: who had a key of the store wrote where theirs are kept.
        let spec = UnlockSpec::of(&slot.source, &key_file_path(arguments)?).filter(UnlockSpec::is_at_hand);
        let spec = spec.map(|spec| spec.mounted(arguments.key_file_mounted));
        if let Some(loaded) = spec.and_then(|spec| spec.load(true).ok())
            && keystore.slot_opens(slot.number, loaded.as_unlock())?
        {
            return Ok(Some(loaded));
        }
        if slot.source != UnlockSource::Passphrase || !can_ask(arguments) {
            return Ok(None);
        }
        let question = format!("Passphrase of {}", named(slot.number, slot.label.as_deref()));
        let loaded = OwnedUnlock::from(PasswordSource::Prompt.read(&question, false)?);
        if keystore.slot_opens(slot.number, loaded.as_unlock())? {
            return Ok(Some(loaded));
        }
        let message = format!("the passphrase does not open slot {}", slot.number);
        Err(Failure { message, ..Failure::from(Error::from(SealError::WrongUnlockKey)) })
    }

    /// What was given and opens the slot.
    fn note(&mut self, keystore: &Keystore, slot: u32) -> Result<Option<OwnedUnlock>, Failure> {
        let mut found = None;
        for (loaded, used) in &mut self.given {
            match keystore.slot_opens(slot, loaded.as_unlock()) {
                Ok(true) => {
                    *used = true;
                    found = found.or_else(|| Some(loaded.clone()));
                }
                Ok(false) | Err(Error::Store(StoreError::SlotDamaged { .. })) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Ok(found)
    }

    /// What opens nothing was given by mistake.
    fn all_used(&self) -> Result<(), Failure> {
        match self.given.iter().position(|(_, used)| !used) {
            None => Ok(()),
            Some(at) => {
                let number = at.saturating_add(1);
                let message = format!("number {number} of the --unlock given opens no slot of the store");
                let failure = Failure { message, ..Failure::from(Error::from(SealError::WrongUnlockKey)) };
                Err(failure.with(Remedy::Advice("look at its spelling, or leave it out")))
            }
        }
    }
}

/// `slot 1, "rescue"`
fn named(number: u32, label: Option<&str>) -> String {
    match label {
        Some(label) => format!("slot {number}, \"{}\"", printable(label)),
        None => format!("slot {number}"),
    }
}

/// `slot 1, "rescue" (key-file /media/rescue.key)`
fn describe(number: u32, slot: &Result<SlotReport, StoreError>) -> String {
    match slot {
        Ok(slot) => {
            format!("{} ({})", named(number, slot.label.as_deref()), described(&slot.source))
        }
        Err(_) => format!("{} (damaged)", named(number, None)),
    }
}
