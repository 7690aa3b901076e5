//! `user add`, `passwd`, `privileges`, `revoke`, `rm` and `ls`.

use std::io::IsTerminal as _;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    Error, Keystore, Password,
    account::AccountName,
    privilege::{Privilege, Privileges},
    store::StoreError,
};

use super::{list::not_shown, now, open, open_read_only};
use crate::{
    args::{Arguments, NewPassword, User},
    failure::Failure,
    render::{Printer, UserView},
    source::PasswordSource,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Changed<'a> {
    name: &'a str,
    outcome: &'static str,
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct Users {
    users: Vec<UserView>,
}

pub(super) fn run(arguments: &Arguments, command: &User, printer: &Printer) -> Result<(), Failure> {
    match command {
        User::Add { password, privileges } => {
            let name = &password.name;
            let keystore = open(arguments)?;
            keystore.add_administrator_with(
                name,
                &read(arguments, password, printer)?,
                *privileges,
                now(),
            )?;
            done(
                printer,
                name,
                "added",
                &format!("added the user {name}, who may {}", in_words(*privileges)),
            );
        }
        User::Passwd(password) => {
            let name = &password.name;
            let keystore = open(arguments)?;
            known(&keystore, name)?;
            keystore.set_administrator_password(name, &read(arguments, password, printer)?, now())?;
            done(printer, name, "changed", &format!("changed the password of {name}, and ended all tokens"));
        }
        User::Privileges { name, privileges } => {
            let keystore = open(arguments)?;
            keystore.set_administrator_privileges(name, *privileges, now())?;
            warn_of_nobody(&keystore, printer)?;
            done(printer, name, "changed", &format!("{name} may {}", in_words(*privileges)));
        }
        User::Revoke { name } => {
            open(arguments)?.revoke_tokens(name, now())?;
            done(printer, name, "revoked", &format!("ended all tokens of {name}"));
        }
        User::Rm { name } => {
            let keystore = open(arguments)?;
            keystore.remove_administrator(name, now())?;
            warn_of_nobody(&keystore, printer)?;
            done(printer, name, "removed", &format!("removed the user {name}"));
        }
        User::Ls => {
            let mut users = Users { users: Vec::new() };
            for (name, user) in open_read_only(arguments, printer)?.listed_administrators()? {
                match user {
                    Ok(user) => users.users.push(UserView::of(&user)),
                    // The others are whole.
                    Err(error) => printer.warn_of(&not_shown(&format!("\"{name}\""), &error)),
                }
            }
            printer.result(&users, &[], || table(&users, printer));
        }
    }
    Ok(())
}

fn done(printer: &Printer, name: &AccountName, outcome: &'static str, text: &str) {
    printer.result(&Changed { name: name.as_str(), outcome }, &[], || format!("{text}\n"));
}

/// Says that nobody is left who may do everything over the API, or sign in to it.
fn warn_of_nobody(keystore: &Keystore, printer: &Printer) -> Result<(), Failure> {
    let users = keystore.listed_administrators()?;
    let whole = || users.iter().filter_map(|(_, user)| user.as_ref().ok());
    if whole().any(|user| user.privileges == Privileges::ALL) {
        return Ok(());
    }
    let what = if whole().next().is_none() { "sign in to the API" } else { "do everything over the API" };
    printer.warn(&format!(
        "nobody is left who may {what}; to add somebody: {} user add NAME",
        printer.program()
    ));
    Ok(())
}

/// Nobody types a password for a user who is not there.
fn known(keystore: &Keystore, name: &AccountName) -> Result<(), Failure> {
    match keystore.administrator(name)? {
        Some(_) => Ok(()),
        None => Err(Error::from(StoreError::NoSuchUser { name: name.as_str().to_owned() }).into()),
    }
}

fn read(arguments: &Arguments, password: &NewPassword, printer: &Printer) -> Result<Password, Failure> {
    let NewPassword { name, source } = password;
    if let Some(warning) = source.as_ref().and_then(PasswordSource::warning) {
        printer.warn(warning);
    }
    let asked = source.as_ref().unwrap_or(&PasswordSource::Prompt);
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
    Ok(password)
}

/// `list, import`.
fn in_words(privileges: Privileges) -> String {
    if privileges == Privileges::ALL {
        return "do everything".to_owned();
    }
    privileges.iter().map(Privilege::as_str).collect::<Vec<_>>().join(", ")
}

fn table(users: &Users, printer: &Printer) -> String {
    if users.users.is_empty() {
        return "no users; add one with: strongroom user add NAME\n".to_owned();
    }
    let mut table = printer.table(&["NAME", "MAY", "LAST SIGN-IN", "FROM", "ADDED"]).fit(&[0], &[4]);
    for user in &users.users {
        let (at, from) = (user.last_sign_in.as_deref(), user.last_sign_in_from.as_deref());
        table.row(vec![
            user.name.as_str().into(),
            user.may().into(),
            at.unwrap_or("never").into(),
            from.unwrap_or_default().into(),
            user.created_at.as_str().into(),
        ]);
    }
    table.take_text()
}
