//! `user add`, `user rm` and `user ls`.

use std::io::IsTerminal as _;

use serde::Serialize;
use strongroom::{account::AccountName, certificate::printable};

use super::{now, open, open_read_only};
use crate::{
    args::{Arguments, User},
    failure::Failure,
    render::{Printer, UserView},
    source::PasswordSource,
};

#[derive(Serialize)]
struct Changed<'a> {
    name: &'a str,
    outcome: &'static str,
}

#[derive(Serialize)]
struct Users {
    users: Vec<UserView>,
}

pub(super) fn run(arguments: &Arguments, command: &User, printer: &Printer) -> Result<(), Failure> {
    match command {
        User::Add { name, source } => add(arguments, name, source.as_ref(), printer),
        User::Rm { name } => {
            open(arguments)?.remove_administrator(name, now())?;
            let changed = Changed { name: name.as_str(), outcome: "removed" };
            printer.result(&changed, &[], || format!("removed the user {name}\n"));
            Ok(())
        }
        User::Ls => {
            let mut users = Users { users: Vec::new() };
            for (name, user) in open_read_only(arguments, printer)?.listed_administrators()? {
                match user {
                    Ok(user) => users.users.push(UserView::of(&user)),
                    // The others are whole.
                    Err(error) => printer.warn(&format!("\"{}\" cannot be shown: {error}", printable(&name))),
                }
            }
            printer.result(&users, &[], || table(&users, printer));
            Ok(())
        }
    }
}

fn add(
    arguments: &Arguments,
    name: &AccountName,
    source: Option<&PasswordSource>,
    printer: &Printer,
) -> Result<(), Failure> {
    let keystore = open(arguments)?;
    if let Some(warning) = source.and_then(PasswordSource::warning) {
        printer.warn(warning);
    }
    let asked = source.unwrap_or(&PasswordSource::Prompt);
    let no_input = arguments.no_input;
    if source.is_none() && !no_input && !std::io::stdin().is_terminal() {
        return Err(Failure::password("a password is needed, and there is no terminal to ask on".to_owned()));
    }
    let password = asked.read(&format!("New password of {name}"), no_input)?;
    if matches!(asked, PasswordSource::Prompt) {
        let again = asked.read("The same again", no_input)?;
        // EXPOSE: compared with what was typed before, on the owner's terminal.
        if again.expose() != password.expose() {
            return Err(Failure::password("the two passwords differ".to_owned()));
        }
    }
    keystore.add_administrator(name, &password, now())?;
    let changed = Changed { name: name.as_str(), outcome: "added" };
    printer.result(&changed, &[], || format!("added the user {name}\n"));
    Ok(())
}

fn table(users: &Users, printer: &Printer) -> String {
    if users.users.is_empty() {
        return "no users; add one with: strongroom user add NAME\n".to_owned();
    }
    let mut table = printer.table(&["NAME", "ADDED"]).fit(&[0], &[1]);
    for user in &users.users {
        table.row(vec![user.name.as_str().into(), user.created_at.as_str().into()]);
    }
    table.take_text()
}
