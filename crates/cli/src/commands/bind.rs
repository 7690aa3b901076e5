//! `bind` and `unbind`: which of several equal entries answers for a host.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Alias, Keystore,
    instant::{rfc3339, seconds},
    select::ClientKeys,
    validate::PeerName,
};

use super::{now, open, open_read_only, why::decide};
use crate::{
    args::{Arguments, Bind, Host},
    failure::Failure,
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct BoundView {
    host: String,
    alias: String,
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
    let former = keystore.bind(&host.name, alias, now())?;
    let same = former.as_ref() == Some(alias);
    let stored = keystore.entry(alias, now())?.alias;
    let answers = winner(&keystore, &host.name)?;
    let view = BoundView {
        host: host.name.to_string(),
        alias: stored.to_string(),
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
        alias: former.to_string(),
        outcome: "unbound",
        former: None,
        answers: answers.as_ref().map(ToString::to_string),
    };
    printer.result(&view, &[], || {
        let answers = answers.map_or_else(|| "nobody answers".to_owned(), |alias| format!("{alias} answers"));
        format!("{} is no longer bound to {former}; {answers}\n", host.name)
    });
    Ok(())
}

fn list(arguments: &Arguments, printer: &Printer) -> Result<(), Failure> {
    let bindings = open_read_only(arguments, printer)?.bindings()?;
    let views = bindings.iter().map(|binding| BindingView {
        host: binding.host.clone(),
        alias: binding.alias.to_string(),
        actor: binding.actor.clone(),
        created_at: rfc3339(seconds(binding.created_at)),
        in_force: binding.in_force,
    });
    printer.result(&BindingsView { bindings: views.collect() }, &[], || {
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
