//! The passwords of files: where the command line says, or else none, and then a question.

use std::io::IsTerminal as _;

use strongroom::{
    Error, Password, certificate::printable, inspect::Passwords, limits::Limits, pkcs12::Pkcs12Error,
};

use crate::{
    args::{Arguments, PassIn},
    failure::Failure,
    hint,
    render::Printer,
    source::PasswordSource,
};

/// The passwords that the command line names, each read once.
pub(super) struct FilePasswords {
    given: Option<Password>,
    none: Password,
    keys: Vec<Password>,
    limits: Limits,
    may_ask: bool,
}

impl FilePasswords {
    pub(super) fn read(arguments: &Arguments, pass_in: &PassIn, printer: &Printer) -> Result<Self, Failure> {
        let sources = pass_in.source.iter().chain(&pass_in.key_sources);
        if let Some(warning) = sources.filter_map(PasswordSource::warning).next() {
            printer.warn(warning);
        }
        let read = |source: &PasswordSource, what| source.read(what, arguments.no_input);
        Ok(Self {
            given: pass_in.source.as_ref().map(|source| read(source, "Password of the file")).transpose()?,
            none: PasswordSource::None.read("", true)?,
            keys: pass_in
                .key_sources
                .iter()
                .map(|source| read(source, "Password of the private key"))
                .collect::<Result<_, _>>()?,
            limits: pass_in.limits(),
            may_ask: !arguments.no_input && std::io::stdin().is_terminal(),
        })
    }

    /// Runs `work` with the passwords. Where none was given, the empty password is tried, then a question that names what
    /// asks for it. `file` is the file, where it is one, for the words about a mistyped password.
    pub(super) fn open<T>(
        &self,
        file: Option<&[u8]>,
        mut work: impl FnMut(Passwords<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let (mut typed, mut typed_key): (Option<Password>, Vec<Password>) = (None, Vec::new());
        // Each is asked for once.
        let was_given = self.given.is_some();
        let (mut ask_file, mut ask_key) = (!was_given, !was_given && self.keys.is_empty());
        loop {
            let password = typed.as_ref().or(self.given.as_ref()).unwrap_or(&self.none);
            let mut passwords = Passwords::new(password);
            passwords.keys = if typed_key.is_empty() { &self.keys } else { &typed_key };
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
            if is_wrong && ask_file && self.may_ask {
                typed = Some(PasswordSource::Prompt.read(&format!("Password of {what}"), false)?);
                (ask_file, ask_key) = (false, false);
            } else if is_wrong && ask_file {
                return Err(Failure::password(format!("{what} has a password, and none was given")));
            } else if is_locked && ask_key && self.may_ask {
                typed_key.push(PasswordSource::Prompt.read("Password of the private key", false)?);
                ask_key = false;
            } else {
                let failure = Failure::from(error);
                return Err(match file {
                    Some(file) if was_given => hint::explain(failure, password, file, self.limits),
                    _ => failure,
                });
            }
        }
    }
}

/// Runs `work` with the passwords of the given sources, as [`FilePasswords::open`] does.
pub(super) fn with_passwords<T>(
    arguments: &Arguments,
    pass_in: &PassIn,
    file: Option<&[u8]>,
    printer: &Printer,
    work: impl FnMut(Passwords<'_>) -> Result<T, Error>,
) -> Result<T, Failure> {
    FilePasswords::read(arguments, pass_in, printer)?.open(file, work)
}
