//! `passwd` and `slot`: what opens the store.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Keystore,
    certificate::printable,
    diagnostic::{Diagnostic, DiagnosticCode},
    instant::{rfc3339, seconds},
    keystore::ListedSlot,
    remedy::Remedy,
    seal::{OwnedUnlock, SealError, UnlockSource},
};

use super::{Purpose, now, open, open_with_key, store_path};
use crate::{
    args::{Arguments, Slot},
    failure::Failure,
    render::Printer,
    source::PasswordSource,
    unlock::UnlockSpec,
};

#[derive(JsonSchema, Serialize)]
struct SlotView {
    slot: u32,
    /// Whether it does not prove itself, and opens nothing: then nothing else is known of it.
    damaged: bool,
    kind: Option<&'static str>,
    name: Option<String>,
    label: Option<String>,
    created_at: Option<String>,
}

impl SlotView {
    fn of((slot, report): &ListedSlot) -> Self {
        let whole = report.as_ref().ok();
        Self {
            slot: *slot,
            damaged: report.is_err(),
            kind: whole.map(|whole| whole.source.kind()),
            name: whole.map(|whole| whole.source.name().to_owned()),
            label: whole.and_then(|whole| whole.label.clone()),
            created_at: whole.map(|whole| rfc3339(seconds(whole.created_at))),
        }
    }

    fn place(&self) -> String {
        match (self.kind, self.name.as_deref()) {
            (Some("key-file"), Some("")) => "keystore.key beside the store".to_owned(),
            (_, name) => printable(name.unwrap_or_default()),
        }
    }
}

#[derive(JsonSchema, Serialize)]
pub(super) struct Slots {
    slots: Vec<SlotView>,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Changed {
    slot: u32,
    outcome: &'static str,
}

pub(super) fn slot(arguments: &Arguments, command: &Slot, printer: &Printer) -> Result<(), Failure> {
    match command {
        Slot::Add { source, label } => {
            let keystore = open(arguments)?;
            warn_about(source, printer);
            let source = source.clone().mounted(arguments.key_file_mounted);
            let (loaded, _) = source
                .load_new(arguments.no_input, || keystore.generate_key())
                .map_err(|failure| failure.instead_of(&Remedy::GivePassphrase, Remedy::SlotFromSource))?;
            let kept = source.source(&store_path(arguments)?.with_file_name("keystore.key"));
            let number = keystore.add_labelled_slot(kept, label.as_deref(), loaded.as_unlock(), now())?;
            let changed = Changed { slot: number, outcome: "added" };
            printer.result(&changed, &[], || format!("added slot {number}\n"));
        }
        Slot::Rm { number } => {
            let (keystore, opened) = open_with_key(arguments, Purpose::Mend)?;
            let whole = keystore.slot_listing()?.into_iter().any(|(of, slot)| of == *number && slot.is_ok());
            let own = whole && keystore.slot_opens(*number, opened.as_unlock())?;
            keystore
                .remove_slot(*number, now())
                .map_err(|error| the_last(&keystore, *number, error.into()))?;
            let changed = Changed { slot: *number, outcome: "removed" };
            // What opened the store just now may be what was removed.
            let other = if own { Some(option_for_another(&keystore)?) } else { None };
            let remarks: Vec<Diagnostic> = whole.then(|| old_copies(*number, other)).into_iter().collect();
            printer.result(&changed, &remarks, || {
                let how = if own { ", by which this command opened the store" } else { "" };
                format!("removed slot {number}{how}\n")
            });
        }
        Slot::Ls => {
            let slots = open_with_key(arguments, Purpose::Examine)?.0.slot_listing()?;
            for damaged in slots.iter().filter_map(|(_, slot)| slot.as_ref().err()) {
                printer.warn_of(&Failure::of_store(damaged));
            }
            let slots = Slots { slots: slots.iter().map(SlotView::of).collect() };
            printer.result(&slots, &[], || listing(&slots.slots, printer));
        }
    }
    Ok(())
}

/// The option that names what opens one of the slots that are left.
fn option_for_another(keystore: &Keystore) -> Result<String, Failure> {
    // The key file beside the store needs no option.
    let beside = UnlockSource::KeyFile(String::new());
    let left: Vec<UnlockSource> = keystore.slots()?.into_iter().map(|slot| slot.source).collect();
    Ok(match left.iter().find(|source| **source == beside).or_else(|| left.first()) {
        Some(source) if *source != beside => UnlockSpec::Kept(source.clone()).as_option(),
        _ => String::new(),
    })
}

/// Says of a slot that is not removed that it is the last one, where it is.
fn the_last(keystore: &Keystore, number: u32, failure: Failure) -> Failure {
    let is_there = keystore.slot_listing().is_ok_and(|slots| slots.iter().any(|(of, _)| *of == number));
    if failure.code != SealError::NoSuchSlot.code() || !is_there {
        return failure;
    }
    let message = format!("slot {number} is the last one, and without it nothing opens the store");
    Failure { message, ..failure }.with(Remedy::Advice("add another slot first"))
}

fn listing(slots: &[SlotView], printer: &Printer) -> String {
    let mut table = printer.table(&["SLOT", "KIND", "LABEL", "WHERE", "MADE"]).fit(&[2, 3], &[4]);
    for slot in slots {
        table.row(vec![
            slot.slot.to_string().into(),
            slot.kind.unwrap_or("damaged").into(),
            printable(slot.label.as_deref().unwrap_or_default()).into(),
            slot.place().into(),
            slot.created_at.as_deref().unwrap_or_default().into(),
        ]);
    }
    table.take_text()
}

/// What is said whenever something no longer opens the store. `unlock` as in [`Remedy::EndOldCopies`].
fn old_copies(slot: u32, unlock: Option<String>) -> Diagnostic {
    let message = format!(
        "what opened slot {slot} until now still opens older copies of the store, such as backups; with the root key of such a copy this store can be opened as well"
    );
    Diagnostic::new(DiagnosticCode::OldCopiesOpen, message)
        .with_remedies(vec![Remedy::EndOldCopies { unlock }])
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
    let (keystore, opened) = open_with_key(arguments, Purpose::Write)?;
    let passphrase = keystore.slots()?.into_iter().find(|slot| slot.source == UnlockSource::Passphrase);
    let old = match (opened, passphrase) {
        (OwnedUnlock::Key(_), Some(_)) if arguments.unlock.is_empty() => {
            let phrase = PasswordSource::Prompt.read("Present passphrase of the store", arguments.no_input);
            phrase.map_err(|failure| failure.instead(Remedy::GivePassphrase))?.into()
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
    // To the same one nothing would change, and it would seem that what was known is of no use any more.
    if let Some(slot) = keystore.slot_of(new.as_unlock())? {
        return Err(strongroom::Error::from(SealError::AlreadyOpens { slot }).into());
    }
    let kept = to.source(&store_path(arguments)?.with_file_name("keystore.key"));
    let number = keystore.change_unlock(old.as_unlock(), kept, new.as_unlock(), now())?;
    let changed = Changed { slot: number, outcome: "changed" };
    printer.result(&changed, &[old_copies(number, Some(to.as_option()))], || {
        format!("changed slot {number}: what opened it before no longer opens this store\n")
    });
    Ok(())
}
