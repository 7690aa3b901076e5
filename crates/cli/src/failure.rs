//! Why a command failed, and the exit code that says so.

use std::{fmt, path::Path};

use strongroom::{
    Error, account::AccountError, certificate::Candidate, diagnostic::Diagnostic, error::ErrorKind,
    pkcs12::Pkcs12Error, private_file::FileError, remedy::Remedy, secret::InvalidSecret, store::StoreError,
};

/// The stable exit codes of the command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Exit {
    Other = 1,
    Usage = 2,
    NotFound = 3,
    Exists = 4,
    Password = 5,
    File = 6,
    Validation = 7,
    Store = 8,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Exists => 4,
            Self::Password => 5,
            Self::File => 6,
            Self::Validation => 7,
            Self::Store => 8,
        }
    }
}

/// A failure, as the user sees it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) code: &'static str,
    pub(crate) stage: &'static str,
    pub(crate) message: String,
    /// What to do: one of these is enough, and the best comes first.
    pub(crate) remedies: Vec<Remedy>,
    /// Further reasons, beside the first.
    pub(crate) more: Vec<Diagnostic>,
    /// What there is to choose from, and the message without it.
    pub(crate) choice: Option<Box<Choice>>,
}

/// A choice that the user has to make.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) headline: String,
    pub(crate) candidates: Vec<Candidate>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, code: &'static str, stage: &'static str, message: String) -> Self {
        Self { exit, code, stage, message, remedies: Vec::new(), more: Vec::new(), choice: None }
    }

    /// A password that is missing or cannot be read.
    pub(crate) fn password(message: String) -> Self {
        Self::new(Exit::Password, "password_missing", "password", message).with(Remedy::GivePassword)
    }

    /// Where a password could not be asked for: another remedy than the usual one.
    pub(crate) fn instead(self, remedy: Remedy) -> Self {
        self.instead_of(&Remedy::GivePassword, remedy)
    }

    pub(crate) fn instead_of(self, usual: &Remedy, remedy: Remedy) -> Self {
        if self.remedies.first() == Some(usual) { self.with(remedy) } else { self }
    }

    /// Without advice that the command cannot take.
    pub(crate) fn without(mut self, remedy: &Remedy) -> Self {
        self.remedies.retain(|given| given != remedy);
        self
    }

    /// An error of the engine with the file that it is about.
    pub(crate) fn of_file(path: &Path, error: Error) -> Self {
        let failure = Self::from(error);
        Self { message: format!("{}: {}", path.display(), failure.message), ..failure }
    }

    /// What is wrong with a part of the store, of a command that goes on.
    pub(crate) fn of_store(error: &StoreError) -> Self {
        let mut failure = Self::new(Exit::Store, error.code(), "store", error.to_string());
        failure.remedies = error.remedies();
        failure
    }

    pub(crate) fn with(mut self, remedy: Remedy) -> Self {
        self.remedies = vec![remedy];
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::Exists => Exit::Exists,
            ErrorKind::Password => Exit::Password,
            ErrorKind::File => Exit::File,
            ErrorKind::Validation => Exit::Validation,
            ErrorKind::Store => Exit::Store,
            _ => Exit::Other,
        };
        let more = match &error {
            Error::Validation(refused) => refused.findings.iter().skip(1).cloned().collect(),
            _ => Vec::new(),
        };
        Self {
            exit,
            code: error.code(),
            stage: error.stage(),
            message: error.to_string(),
            remedies: error.remedies(),
            more,
            choice: match &error {
                Error::Credential(several) if !several.candidates().is_empty() => Some(Box::new(Choice {
                    headline: several.headline(),
                    candidates: several.candidates().to_vec(),
                })),
                _ => None,
            },
        }
    }
}

macro_rules! through_error {
    ($($source:ty),*) => {
        $(impl From<$source> for Failure {
            fn from(error: $source) -> Self {
                Error::from(error).into()
            }
        })*
    };
}

through_error!(InvalidSecret, Pkcs12Error, StoreError, FileError, AccountError);
