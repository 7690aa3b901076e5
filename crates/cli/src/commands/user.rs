//! `user add`, `user rm` and `user ls`.

use std::io::IsTerminal as _;

use serde::Serialize;
use strongroom::AccountName;

use super::{now, open, open_read_only};
use crate::{
    args::{Arguments, User},
    failure::Failure,
    render::{Printer, Table, UserView},
    source::PasswordSource,
};

#[derive(Serialize)]
struct Changed<'a> {
    user: &'a str,
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
            let changed = Changed { user: name.as_str(), outcome: "removed" };
            printer.result(&changed, &[], || format!("removed the user {name}\n"));
            Ok(())
        }
        User::Ls => {
            let users = open_read_only(arguments)?.administrators()?;
            let users = Users { users: users.iter().map(UserView::of).collect() };
            printer.result(&users, &[], || table(&users));
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
    let mut keystore = open(arguments)?;
    if let Some(warning) = source.and_then(PasswordSource::warning) {
        printer.warn(warning);
    }
    let asked = source.unwrap_or(&PasswordSource::Prompt);
    let no_input = arguments.no_input || (source.is_none() && !std::io::stdin().is_terminal());
    let password = asked.read(&format!("New password of {name}"), no_input)?;
    if matches!(asked, PasswordSource::Prompt) {
        let again = asked.read("The same again", no_input)?;
        // EXPOSE: compared with what was typed before, on the owner's terminal.
        if again.expose() != password.expose() {
            return Err(Failure::password("the two passwords differ".to_owned()));
        }
    }
    keystore.add_administrator(name, &password, now())?;
    let changed = Changed { user: name.as_str(), outcome: "added" };
    printer.result(&changed, &[], || format!("added the user {name}\n"));
    Ok(())
}

fn table(users: &Users) -> String {
    if users.users.is_empty() {
        return "no users; add one with: strongroom user add NAME\n".to_owned();
    }
    let mut table = Table::new(&["NAME", "ADDED"]);
    for user in &users.users {
        table.row(vec![user.name.clone(), user.created_at.clone()]);
    }
    table.take_text()
}
