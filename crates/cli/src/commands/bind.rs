//! `bind` and `unbind`: which of several equal entries answers for a host.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Error, Keystore,
    instant::{rfc3339, seconds},
    remedy::Remedy,
    select::ClientKeys,
    store::StoreError,
    validate::PeerName,
};

use super::{list::not_shown, now, open, open_read_only, why::decide};
use crate::{
    args::{Arguments, Bind, Host},
    failure::Failure,
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct BoundView {
    host: String,
    /// The entry; after `unbind` null if the binding was damaged.
    alias: Option<String>,
    outcome: &'static str,
    /// What the host was bound to before.
    former: Option<String>,
    /// The entry that answers for the host now; null if none does.
    answers: Option<String>,
}

#[derive(JsonSchema, Serialize)]
struct BindingView {
    host: String,
    alias: String,
    actor: String,
    created_at: String,
    in_force: bool,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct BindingsView {
    bindings: Vec<BindingView>,
}

pub(super) fn bind(arguments: &Arguments, command: &Bind, printer: &Printer) -> Result<(), Failure> {
    let (Some(host), Some(alias)) = (&command.host, &command.alias) else {
        return list(arguments, printer);
    };
    let keystore = open(arguments)?;
    let damaged = damaged_binding(&keystore, &host.name)?;
    let former = keystore.bind(&host.name, alias, now())?;
    if damaged.is_some() {
        let message =
            format!("what {} was bound to before is not known: that binding was damaged", host.name);
        printer.warn_of_damage(message);
    }
    let same = former.as_ref() == Some(alias);
    let stored = keystore.entry(alias, now())?.alias;
    let answers = winner(&keystore, &host.name)?;
    let view = BoundView {
        host: host.name.to_string(),
        alias: Some(stored.to_string()),
        outcome: if same { "already_bound" } else { "bound" },
        former: former.filter(|_| !same).map(|alias| alias.to_string()),
        answers: answers.as_ref().map(ToString::to_string),
    };
    printer.result(&view, &[], || {
        let done = if same { "is bound already" } else { "is bound" };
        let mut text = format!("{} {done} to {stored}\n", host.name);
        match &answers {
            Some(other) if *other != stored => {
                text.push_str(&format!(
                    "{other} answers all the same; to see why: {} why {}\n",
                    printer.program(),
                    host.name
                ));
            }
            _ => {}
        }
        text
    });
    Ok(())
}

/// Why the binding of a host cannot be read.
pub(super) fn damaged_binding(keystore: &Keystore, host: &PeerName) -> Result<Option<StoreError>, Failure> {
    match keystore.bound_alias(&host.to_string()) {
        Err(Error::Store(damaged @ StoreError::Corrupt { .. })) => Ok(Some(damaged)),
        other => Ok(other.map(|_| None)?),
    }
}

/// Which entry answers for a host now.
fn winner(keystore: &Keystore, host: &PeerName) -> Result<Option<Alias>, Failure> {
    let entries = keystore.entries_for(Some(host), None, u32::MAX, now())?;
    let place = decide(&entries, ClientKeys::ANY, seconds(now()));
    Ok(place.and_then(|place| entries.get(place)).map(|named| named.entry.alias.clone()))
}

pub(super) fn unbind(arguments: &Arguments, host: &Host, printer: &Printer) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    let former = keystore.unbind(&host.name, now())?;
    let answers = winner(&keystore, &host.name)?;
    let view = BoundView {
        host: host.name.to_string(),
        alias: former.as_ref().map(ToString::to_string),
        outcome: "unbound",
        former: None,
        answers: answers.as_ref().map(ToString::to_string),
    };
    printer.result(&view, &[], || {
        let answers = answers.map_or_else(|| "nobody answers".to_owned(), |alias| format!("{alias} answers"));
        match former {
            Some(former) => format!("{} is no longer bound to {former}; {answers}\n", host.name),
            None => format!("{} is no longer bound: the binding was damaged; {answers}\n", host.name),
        }
    });
    Ok(())
}

fn list(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let (mut bindings, mut damaged) = (Vec::new(), false);
    for (host, binding) in keystore.listed_bindings()? {
        match binding {
            Ok(binding) => bindings.push(binding),
            Err(error) => {
                damaged = true;
                let failure = not_shown(&format!("the binding of \"{host}\""), &error);
                printer.warn_of(&failure.with(Remedy::Unbind { host }));
            }
        }
    }
    let views = bindings.iter().map(|binding| BindingView {
        host: binding.host.clone(),
        alias: binding.alias.to_string(),
        actor: binding.actor.clone(),
        created_at: rfc3339(seconds(binding.created_at)),
        in_force: binding.in_force,
    });
    printer.result(&BindingsView { bindings: views.collect() }, &[], || {
        if bindings.is_empty() && damaged {
            return "there is no binding that is whole\n".to_owned();
        }
        if bindings.is_empty() {
            return "no host is bound to an entry\n".to_owned();
        }
        let mut table = printer.table(&["HOST", "ALIAS", "BY", "SINCE", "STATE"]).fit(&[0, 1], &[2, 3]);
        for binding in &bindings {
            let state = if binding.in_force { "in force" } else { "the entry is gone, or not for the host" };
            table.row(vec![
                binding.host.clone().into(),
                binding.alias.to_string().into(),
                binding.actor.clone().into(),
                rfc3339(seconds(binding.created_at)).into(),
                state.into(),
            ]);
        }
        table.take_text()
    });
    Ok(())
}
