//! Where a password comes from: OpenSSL's spelling of `-passin`.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    str::FromStr,
};

use strongroom::{Password, secret::InvalidSecret};
use zeroize::Zeroizing;

use crate::{failure::Failure, prompt};

/// The most that is read of a password file, in bytes: the longest password and its line end.
const MAX_READ: u64 = 4096;

/// A password source as given on the command line.
#[derive(Clone)]
pub(crate) enum PasswordSource {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
    /// A file descriptor.
    Fd(u32),
    /// Standard input.
    Stdin,
    /// A systemd credential.
    Credential(String),
    /// A question on the terminal.
    Prompt,
    /// No password: the empty one.
    None,
    /// The text itself, visible to every process of the machine.
    Text(Zeroizing<String>),
}

impl std::fmt::Debug for PasswordSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordSource([redacted])")
    }
}

impl std::fmt::Display for PasswordSource {
    /// As it is given on the command line, without the text of a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Fd(number) => write!(f, "fd:{number}"),
            Self::Stdin => f.write_str("stdin"),
            Self::Credential(name) => write!(f, "cred:{name}"),
            Self::Prompt | Self::Text(_) => f.write_str("prompt"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for PasswordSource {
    type Err = String;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        match input.split_once(':') {
            Some(("env", "")) => Err("env: takes the name of a variable".to_owned()),
            Some(("file", "")) => Err("file: takes a path".to_owned()),
            Some(("env", name)) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) => Ok(Self::File(PathBuf::from(path))),
            Some(("fd", number)) => number
                .parse()
                .map(Self::Fd)
                .map_err(|_| "fd: takes the number of an open descriptor".to_owned()),
            Some(("cred", name)) if !name.is_empty() && !name.contains('/') && !name.starts_with('.') => {
                Ok(Self::Credential(name.to_owned()))
            }
            Some(("pass", text)) => Ok(Self::Text(Zeroizing::new(text.to_owned()))),
            None if input == "stdin" => Ok(Self::Stdin),
            None if input == "prompt" => Ok(Self::Prompt),
            None if input == "none" => Ok(Self::None),
            // The text is not repeated: it may be a password.
            _ => {
                Err("expected env:VAR, file:PATH, fd:N, stdin, cred:NAME, prompt, none or pass:TEXT"
                    .to_owned())
            }
        }
    }
}

/// The environment, as far as passwords and paths need it; asked for only here and in `main`.
#[expect(clippy::disallowed_methods, reason = "the command may read the environment")]
pub(crate) fn environment(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name)
}

impl PasswordSource {
    /// Reads the password. Exactly one line end is taken off at the end.
    pub(crate) fn read(&self, question: &str, no_input: bool) -> Result<Password, Failure> {
        match self {
            Self::Env(name) => {
                let text = environment(name).ok_or_else(|| {
                    Failure::password(format!("the environment variable {name} is not set"))
                })?;
                let text = text.into_string().map_err(|_| InvalidSecret::NotUtf8)?;
                Ok(Password::new(text)?)
            }
            Self::File(path) => {
                let file = File::open(path)
                    .map_err(|error| Failure::password(format!("cannot read {}: {error}", path.display())))?;
                one_line(file)
            }
            Self::Fd(number) => {
                let path = format!("/dev/fd/{number}");
                let file = File::open(&path).map_err(|error| {
                    Failure::password(format!("cannot read descriptor {number}: {error}"))
                })?;
                one_line(file)
            }
            Self::Stdin => one_line(io::stdin().lock()),
            Self::Credential(name) => {
                let folder = environment("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    Failure::password(
                        "CREDENTIALS_DIRECTORY is not set: this is not a systemd service".to_owned(),
                    )
                })?;
                let path = PathBuf::from(folder).join(name);
                let file = File::open(&path).map_err(|error| {
                    Failure::password(format!("cannot read the credential {name}: {error}"))
                })?;
                one_line(file)
            }
            Self::Prompt if no_input => {
                Err(Failure::password("a password is needed, and --no-input forbids to ask".to_owned()))
            }
            Self::Prompt => {
                let text = prompt::password(question).map_err(|error| {
                    Failure::password(match error.raw_os_error() {
                        // There is no terminal to open, ENXIO or ENOENT.
                        Some(_) => "a password is needed, and there is no terminal to ask on".to_owned(),
                        None => format!("cannot ask for the password: {error}"),
                    })
                })?;
                Ok(Password::new(text.as_str())?)
            }
            Self::None => Ok(Password::new(String::new())?),
            Self::Text(text) => Ok(Password::new(text.as_str())?),
        }
    }

    /// What is wrong with using this source.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        matches!(self, Self::Text(_))
            .then_some("a password on the command line can be read by every process of this machine; better is file:PATH, env:VAR or prompt in place of pass:TEXT")
    }
}

fn one_line(reader: impl io::Read) -> Result<Password, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_READ).unwrap_or(4096)));
    reader
        .take(MAX_READ)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::password(format!("cannot read the password: {error}")))?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").filter(|_| bytes.ends_with(b"\n")).unwrap_or(line);
    Ok(Password::from_utf8(line.to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn reads(bytes: &[u8], expected: &str) {
        assert_eq!(one_line(bytes).unwrap().expose(), expected, "{bytes:?}");
    }

    #[test]
    fn exactly_one_line_end_is_taken_off() {
        reads(b"secret", "secret");
        reads(b"secret\n", "secret");
        reads(b"secret\r\n", "secret");
        reads(b"secret\n\n", "secret\n");
        reads(b"secret\r", "secret\r");
        reads(b" secret ", " secret ");
        reads(b"", "");
    }

    #[test]
    fn sources_are_told_by_their_prefix_and_never_repeated() {
        assert!(matches!("pass:a:b".parse(), Ok(PasswordSource::Text(text)) if *text == "a:b"));
        assert!(matches!("fd:3".parse(), Ok(PasswordSource::Fd(3))));
        assert!(matches!("none".parse(), Ok(PasswordSource::None)));
        let refused = "hunter2".parse::<PasswordSource>().unwrap_err();
        assert!(!refused.contains("hunter2"));
        assert!("cred:../x".parse::<PasswordSource>().is_err());
        let text: PasswordSource = "pass:hunter2".parse().unwrap();
        assert_eq!(format!("{text:?}"), "PasswordSource([redacted])");
    }
}
