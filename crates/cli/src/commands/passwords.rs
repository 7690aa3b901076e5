//! The passwords of files: where the command line says, or else none, and then a question.

use std::io::IsTerminal as _;

use strongroom::{Error, Password, certificate::printable, inspect::Passwords, pkcs12::Pkcs12Error};

use crate::{
    args::{Arguments, PassIn},
    failure::Failure,
    hint,
    render::Printer,
    source::PasswordSource,
};

/// Runs `work` with the passwords of the given sources. Without one, the empty password is tried, then a question that
/// names what asks for it. `file` is the file, where it is one, for the words about a mistyped password.
pub(super) fn with_passwords<T>(
    arguments: &Arguments,
    pass_in: &PassIn,
    file: Option<&[u8]>,
    printer: &Printer,
    mut work: impl FnMut(Passwords<'_>) -> Result<T, Error>,
) -> Result<T, Failure> {
    let sources = pass_in.source.iter().chain(&pass_in.key_sources);
    if let Some(warning) = sources.filter_map(PasswordSource::warning).next() {
        printer.warn(warning);
    }
    let given = match &pass_in.source {
        Some(source) => Some(source.read("Password of the file", arguments.no_input)?),
        None => None,
    };
    let read = |source: &PasswordSource| source.read("Password of the private key", arguments.no_input);
    let mut keys: Vec<Password> = pass_in.key_sources.iter().map(read).collect::<Result<_, _>>()?;
    let may_ask = !arguments.no_input && std::io::stdin().is_terminal();
    let was_given = given.is_some();
    let mut password = match given {
        Some(password) => password,
        None => PasswordSource::None.read("", true)?,
    };
    // Each is asked for once.
    let (mut ask_file, mut ask_key) = (!was_given, !was_given && keys.is_empty());
    loop {
        let mut passwords = Passwords::new(&password);
        passwords.keys = &keys;
        let error = match work(passwords) {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let (asks, what) = match &error {
            Error::InFile { file, error } => (error.as_ref(), printable(file)),
            other => (other, "the file".to_owned()),
        };
        let is_wrong = asks.code() == "wrong_password";
        let is_locked = matches!(asks, Error::Pkcs12(Pkcs12Error::KeyFilePassword { .. }));
        if is_wrong && ask_file && may_ask {
            password = PasswordSource::Prompt.read(&format!("Password of {what}"), false)?;
            (ask_file, ask_key) = (false, false);
        } else if is_wrong && ask_file {
            return Err(Failure::password(format!("{what} has a password, and none was given")));
        } else if is_locked && ask_key && may_ask {
            keys.push(PasswordSource::Prompt.read("Password of the private key", false)?);
            ask_key = false;
        } else {
            let failure = Failure::from(error);
            return Err(match file {
                Some(file) if was_given => hint::explain(failure, &password, file, pass_in.limits()),
                _ => failure,
            });
        }
    }
}
