//! What opens a store, and where it is kept.

use std::{
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use thiserror::Error;
use zeroize::Zeroizing;

use super::StoreId;
use crate::{
    private_file::{FileError, KeyText, MAX_KEY_FILE_LEN},
    remedy::Remedy,
    secret::{InvalidSecret, Password, UnlockKey},
};

/// The variable with the folder of a service's credentials: systemd.exec(5).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// What opens a store.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Unlock<'a> {
    /// At least 32 random bytes: a key file, an environment variable, a systemd credential.
    Key(&'a UnlockKey),
    /// What a person remembers; stretched with Argon2id.
    Passphrase(&'a Password),
}

impl Unlock<'_> {
    /// The store that the key says it is for.
    pub(crate) fn store(self) -> Option<StoreId> {
        match self {
            Self::Key(key) => key.store(),
            Self::Passphrase(_) => None,
        }
    }
}

impl<'a> From<&'a UnlockKey> for Unlock<'a> {
    fn from(key: &'a UnlockKey) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a Password> for Unlock<'a> {
    fn from(passphrase: &'a Password) -> Self {
        Self::Passphrase(passphrase)
    }
}

/// What opens a store, kept. A clone shares the secret, and does not copy it.
///
/// It is a [`KeySource`](crate::keystore::KeySource) as well: what opens the store again after another process re-keyed it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OwnedUnlock {
    /// At least 32 random bytes.
    Key(Arc<UnlockKey>),
    /// What a person remembers.
    Passphrase(Arc<Password>),
}

impl OwnedUnlock {
    /// Borrows it.
    #[must_use]
    pub fn as_unlock(&self) -> Unlock<'_> {
        match self {
            Self::Key(key) => Unlock::Key(key),
            Self::Passphrase(passphrase) => Unlock::Passphrase(passphrase),
        }
    }
}

impl From<UnlockKey> for OwnedUnlock {
    fn from(key: UnlockKey) -> Self {
        Self::Key(Arc::new(key))
    }
}

impl From<Password> for OwnedUnlock {
    fn from(passphrase: Password) -> Self {
        Self::Passphrase(Arc::new(passphrase))
    }
}

impl<'a> From<&'a OwnedUnlock> for Unlock<'a> {
    fn from(unlock: &'a OwnedUnlock) -> Self {
        unlock.as_unlock()
    }
}

/// The surroundings of a program, as far as an unlock key may come from them. The engine asks nobody else.
///
/// A function from the name of a variable to its value is one: `|name: &str| std::env::var_os(name)`.
pub trait Environment {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The key file of a store for which nothing else is named: `keystore.key` beside it.
    fn key_file(&self, store: &Path) -> PathBuf {
        store.with_file_name("keystore.key")
    }

    /// Whether key files are taken as a secret manager mounts them: behind links, and readable by a group of this process.
    fn takes_mounted_files(&self) -> bool {
        false
    }
}

impl<F: Fn(&str) -> Option<OsString>> Environment for F {
    fn variable(&self, name: &str) -> Option<OsString> {
        self(name)
    }
}

/// Where an unlock key is kept. What a store says of it is only a hint for whoever opens it: what opens is decided by the key.
///
/// People write it as `file:PATH`, `env:VAR`, `cred:NAME` or `prompt`.
///
/// ```
/// use strongroom::seal::UnlockSource;
///
/// let source: UnlockSource = "cred:keystore".parse()?;
/// assert_eq!(source, UnlockSource::Credential("keystore".to_owned()));
/// assert_eq!(source.to_string(), "cred:keystore");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UnlockSource {
    /// A file; empty for `keystore.key` beside the store.
    KeyFile(String),
    /// An environment variable.
    Environment(String),
    /// A systemd credential.
    Credential(String),
    /// A person.
    Passphrase,
}

impl UnlockSource {
    /// The kind, as it is stored and shown.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::KeyFile(_) => "key-file",
            Self::Environment(_) => "environment",
            Self::Credential(_) => "credential",
            Self::Passphrase => "passphrase",
        }
    }

    /// The path, variable or credential; empty for a passphrase.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::KeyFile(name) | Self::Environment(name) | Self::Credential(name) => name,
            Self::Passphrase => "",
        }
    }

    pub(crate) fn from_stored(kind: &str, name: String) -> Option<Self> {
        Some(match kind {
            "key-file" => Self::KeyFile(name),
            "environment" => Self::Environment(name),
            "credential" => Self::Credential(name),
            "passphrase" => Self::Passphrase,
            _ => return None,
        })
    }

    /// Whether something is there to be read, without asking anybody. It may be no key, or open nothing.
    #[must_use]
    pub fn is_at_hand(&self, store: &Path, environment: &dyn Environment) -> bool {
        match self {
            Self::KeyFile(name) => key_file(name, store, environment).symlink_metadata().is_ok(),
            Self::Environment(name) => environment.variable(name).is_some(),
            Self::Credential(name) => credential(name, environment).is_ok_and(|path| path.exists()),
            Self::Passphrase => false,
        }
    }

    /// Reads what is kept there; `None` for a passphrase, which only a person has.
    ///
    /// # Errors
    ///
    /// [`UnlockError`] if there is nothing, or what is there is no unlock key.
    pub fn read(
        &self,
        store: &Path,
        environment: &dyn Environment,
    ) -> Result<Option<OwnedUnlock>, UnlockError> {
        let key = match self {
            Self::KeyFile(name) => {
                let path = key_file(name, store, environment);
                if environment.takes_mounted_files() {
                    UnlockKey::read_mounted_file(&path)?
                } else {
                    UnlockKey::read_file(&path)?
                }
            }
            Self::Environment(name) => {
                let value = environment.variable(name);
                let value = value.ok_or_else(|| UnlockError::VariableNotSet { name: name.clone() })?;
                let text =
                    Zeroizing::new(value.into_string().map_err(|_| InvalidSecret::NotUtf8)?.into_bytes());
                key_of(&text, name)?
            }
            Self::Credential(name) => {
                let path = credential(name, environment)?;
                let failed = |error: io::Error| UnlockError::Credential {
                    name: name.clone(),
                    detail: error.to_string(),
                    source: error,
                };
                let limit = MAX_KEY_FILE_LEN.saturating_add(1);
                // Full size at once, so that growth leaves no copy behind.
                let mut content = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(0)));
                let file = File::open(path).map_err(failed)?;
                file.take(limit).read_to_end(&mut content).map_err(failed)?;
                if u64::try_from(content.len()).is_ok_and(|length| length > MAX_KEY_FILE_LEN) {
                    return Err(UnlockError::TooLong { name: name.clone(), limit: MAX_KEY_FILE_LEN });
                }
                key_of(&content, name)?
            }
            Self::Passphrase => return Ok(None),
        };
        Ok(Some(key.into()))
    }
}

fn key_file(name: &str, store: &Path, environment: &dyn Environment) -> PathBuf {
    if name.is_empty() { environment.key_file(store) } else { PathBuf::from(name) }
}

fn credential(name: &str, environment: &dyn Environment) -> Result<PathBuf, UnlockError> {
    if !is_credential(name) {
        return Err(UnlockError::NotACredential);
    }
    let folder = environment.variable(CREDENTIALS).ok_or(UnlockError::NotAService)?;
    Ok(PathBuf::from(folder).join(name))
}

/// The key in a variable or a credential: the content of a key file, or random bytes, with or without a line end.
fn key_of(content: &[u8], name: &str) -> Result<UnlockKey, UnlockError> {
    match UnlockKey::from_text(content)? {
        KeyText::Whole(key) => Ok(key),
        KeyText::Damaged => Err(UnlockError::Damaged { name: name.to_owned() }),
    }
}

/// A credential is a file in the folder of credentials, and nowhere else.
fn is_credential(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && !name.starts_with('.')
}

impl fmt::Display for UnlockSource {
    /// As people write it; `file:` alone is `keystore.key` beside the store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyFile(name) => write!(f, "file:{name}"),
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::Credential(name) => write!(f, "cred:{name}"),
            Self::Passphrase => f.write_str("prompt"),
        }
    }
}

impl FromStr for UnlockSource {
    type Err = InvalidUnlockSource;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        match input.split_once(':') {
            Some(("file", path)) => Ok(Self::KeyFile(path.to_owned())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("cred", name)) if is_credential(name) => Ok(Self::Credential(name.to_owned())),
            None if input == "prompt" => Ok(Self::Passphrase),
            _ => Err(InvalidUnlockSource),
        }
    }
}

/// A text that names no source of an unlock key. It is not repeated: it may be a passphrase.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("expected file:PATH, env:VAR, cred:NAME or prompt")]
#[non_exhaustive]
pub struct InvalidUnlockSource;

/// Why what opens a store cannot be found or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UnlockError {
    /// An environment variable is not set.
    #[error("the environment variable {name} is not set")]
    VariableNotSet {
        /// The variable.
        name: String,
    },
    /// There are no credentials.
    #[error("CREDENTIALS_DIRECTORY is not set: this is not a systemd service")]
    NotAService,
    /// A credential is named that cannot be one.
    #[error("the name of a credential has no slash, and does not begin with a dot")]
    NotACredential,
    /// A credential cannot be read.
    #[error("cannot read the credential {name}: {detail}")]
    Credential {
        /// The credential.
        name: String,
        /// What the system says.
        detail: String,
        /// The system's error.
        source: io::Error,
    },
    /// A credential is too long to be a key.
    #[error("the credential {name} has more than {limit} bytes")]
    TooLong {
        /// The credential.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A variable or a credential has a key file in it that is not as it was written.
    #[error("the unlock key in {name} is not as it was written: it was changed or cut")]
    Damaged {
        /// The variable or credential.
        name: String,
    },
    /// The store has no key file beside it, and no passphrase.
    #[error("{} does not exist", path.display())]
    NoKeyFile {
        /// Where it is looked for.
        path: PathBuf,
        /// What the store says opens it. Nothing vouches for that.
        hint: Option<UnlockSource>,
    },
    /// A key file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// What was read is no unlock key.
    #[error(transparent)]
    Key(#[from] InvalidSecret),
}

impl UnlockError {
    /// A stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::VariableNotSet { .. } | Self::NotAService | Self::Credential { .. } => "password_missing",
            Self::NotACredential | Self::TooLong { .. } | Self::Damaged { .. } | Self::Key(_) => {
                "invalid_secret"
            }
            Self::NoKeyFile { .. } => "key_file_missing",
            Self::File(error) => error.code(),
        }
    }

    /// What the user can do.
    #[must_use]
    pub fn remedies(&self) -> Vec<Remedy> {
        vec![match self {
            Self::NoKeyFile { hint: Some(source), .. } => {
                Remedy::NameUnlock { source: crate::certificate::printable(&source.to_string()) }
            }
            Self::NoKeyFile { hint: None, .. } => Remedy::GiveKeyFile,
            Self::File(error) => return error.remedies(),
            Self::Key(_) => return Vec::new(),
            _ => Remedy::Advice("give it the unlock key, or name what else opens the store"),
        }]
    }
}

#[cfg(test)]
mod tests;
