//! `passwd`, `rekey` and `slot`: what opens the store.

use std::sync::Arc;

use serde::Serialize;
use strongroom::{KeptSlot, Remedy, SlotReport, UnlockSource, rfc3339};

use super::{key_file_path, now, open, open_read_only, open_with_key, store_path};
use crate::{
    args::{Arguments, Slot},
    failure::{Exit, Failure},
    prompt::{Unasked, confirm},
    render::Printer,
    source::PasswordSource,
    unlock::{Loaded, UnlockSpec},
};

#[derive(Serialize)]
struct SlotView {
    slot: u32,
    kind: &'static str,
    name: String,
    created_at: String,
}

impl SlotView {
    fn of(slot: &SlotReport) -> Self {
        Self {
            slot: slot.number,
            kind: slot.source.kind(),
            name: slot.source.name().to_owned(),
            created_at: rfc3339(slot.created_at),
        }
    }
}

#[derive(Serialize)]
struct Changed {
    slot: u32,
    outcome: &'static str,
}

pub(super) fn slot(arguments: &Arguments, command: &Slot, printer: &Printer) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Slots {
        slots: Vec<SlotView>,
    }
    match command {
        Slot::Add { source } => {
            let keystore = open(arguments)?;
            warn_about(source, printer);
            let source = source.clone().mounted(arguments.key_file_mounted);
            let (loaded, _) = source
                .load_new(arguments.no_input, || keystore.generate_key())
                .map_err(|failure| failure.instead_of(&Remedy::GivePassphrase, Remedy::SlotFromSource))?;
            let kept = source.source(&store_path(arguments)?.with_file_name("keystore.key"));
            let number = keystore.add_slot(kept, loaded.unlock(), now())?;
            let changed = Changed { slot: number, outcome: "added" };
            printer.result(&changed, &[], || format!("added slot {number}\n"));
        }
        Slot::Rm { number } => {
            open(arguments)?.remove_slot(*number, now())?;
            let changed = Changed { slot: *number, outcome: "removed" };
            printer.result(&changed, &[], || {
                format!(
                    "removed slot {number}\nOlder copies of the store still open with it, until: strongroom rekey\n"
                )
            });
        }
        Slot::Ls => {
            let slots = open_read_only(arguments)?.slots()?;
            let slots = Slots { slots: slots.iter().map(SlotView::of).collect() };
            printer.result(&slots, &[], || {
                let mut table = printer.table(&["SLOT", "KIND", "WHERE", "MADE"]).fit(&[2], &[3]);
                for slot in &slots.slots {
                    let place = match (slot.kind, slot.name.as_str()) {
                        ("key-file", "") => "keystore.key beside the store",
                        (_, name) => name,
                    };
                    table.row(vec![
                        slot.slot.to_string().into(),
                        slot.kind.into(),
                        strongroom::printable(place).into(),
                        slot.created_at.as_str().into(),
                    ]);
                }
                table.take_text()
            });
        }
    }
    Ok(())
}

fn warn_about(source: &UnlockSpec, printer: &Printer) {
    if let Some(warning) = source.warning() {
        printer.warn(warning);
    }
}

/// Changes what opens the store: the passphrase, if it has one, else the slot that opened it.
pub(super) fn passwd(
    arguments: &Arguments,
    to: Option<&UnlockSpec>,
    printer: &Printer,
) -> Result<(), Failure> {
    let (keystore, opened) = open_with_key(arguments, false)?;
    let passphrase = keystore.slots()?.into_iter().find(|slot| slot.source == UnlockSource::Passphrase);
    let old = match (opened, passphrase) {
        (Loaded::Key(_), Some(_)) if arguments.unlock.is_none() => {
            let phrase = PasswordSource::Prompt.read("Present passphrase of the store", arguments.no_input);
            Loaded::Passphrase(Arc::new(phrase.map_err(|failure| failure.instead(Remedy::GivePassphrase))?))
        }
        (opened, _) => opened,
    };
    let prompt = UnlockSpec::Passphrase(PasswordSource::Prompt);
    let to = to.unwrap_or(&prompt);
    warn_about(to, printer);
    let to = to.clone().mounted(arguments.key_file_mounted);
    let (new, _) = to
        .load_new(arguments.no_input, || keystore.generate_key())
        .map_err(|failure| failure.instead_of(&Remedy::GivePassphrase, Remedy::PasswdFromSource))?;
    let kept = to.source(&store_path(arguments)?.with_file_name("keystore.key"));
    let number = keystore.change_unlock(old.unlock(), kept, new.unlock(), now())?;
    let changed = Changed { slot: number, outcome: "changed" };
    printer.result(&changed, &[], || {
        format!(
            "changed slot {number}: what opened it before no longer opens this store\n\
             Older copies of the store still open with it, until: strongroom rekey\n"
        )
    });
    Ok(())
}

pub(super) fn rekey(
    arguments: &Arguments,
    drop_others: bool,
    prune: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Rekeyed {
        kept: Vec<u32>,
        dropped: Vec<u32>,
        /// Versions that were deleted; the others are sealed anew.
        pruned_versions: u64,
    }
    let (keystore, opened) = open_with_key(arguments, false)?;
    let key_file = key_file_path(arguments)?;
    let mut kept: Vec<(SlotReport, Option<Loaded>)> = Vec::new();
    let mut rekeyed = Rekeyed { kept: Vec::new(), dropped: Vec::new(), pruned_versions: 0 };
    for slot in keystore.slots()? {
        if keystore.slot_opens(slot.number, opened.unlock())? {
            kept.push((slot, None));
            continue;
        }
        let spec = UnlockSpec::of(&slot.source, &key_file).filter(UnlockSpec::is_at_hand);
        let spec = spec.map(|spec| spec.mounted(arguments.key_file_mounted));
        let loaded = spec.and_then(|spec| spec.load(true).ok());
        match loaded {
            Some(loaded) if keystore.slot_opens(slot.number, loaded.unlock())? => {
                kept.push((slot, Some(loaded)));
            }
            _ => rekeyed.dropped.push(slot.number),
        }
    }
    if !rekeyed.dropped.is_empty() && !drop_others {
        let numbers: Vec<String> = rekeyed.dropped.iter().map(u32::to_string).collect();
        let message =
            format!("what opens slot {} is not at hand; a new root key would close it", numbers.join(", "));
        return Err(
            Failure::new(Exit::Password, "password_missing", "seal", message).with(Remedy::DropOtherSlots)
        );
    }
    let keep: Vec<KeptSlot<'_>> = kept
        .iter()
        .map(|(slot, loaded)| KeptSlot::of(slot, loaded.as_ref().unwrap_or(&opened).unlock()))
        .collect();
    if prune {
        let question =
            "Delete all former versions and removed entries, with their keys? This cannot be undone.";
        confirm(arguments, question, Unasked::GoOn)?;
        rekeyed.pruned_versions = keystore.prune(None, now())?.versions;
    }
    keystore.rekey(&keep, now())?;
    rekeyed.kept = kept.iter().map(|(slot, _)| slot.number).collect();
    printer.result(&rekeyed, &[], || "re-keyed: every private key is sealed anew\n".to_owned());
    Ok(())
}
