//! What opens a store: where it is kept, and how it is read.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use strongroom::{
    Error, Keystore, UnlockKey,
    certificate::printable,
    keystore::OpenOptions,
    private_file::FileError,
    remedy::{Remedy, shell_word},
    seal::{Environment, OwnedUnlock, SealError, UnlockSource},
    store::{LongChange, WaitNotice},
};

use crate::{
    failure::{Exit, Failure},
    hint, render,
    source::{PasswordSource, environment},
};

/// The shortest passphrase, in characters.
const MIN_PASSPHRASE_CHARS: usize = 8;

/// Where an unlock key is kept, as given on the command line.
#[derive(Clone, Debug)]
pub(crate) enum UnlockSpec {
    /// A key file.
    KeyFile(PathBuf),
    /// A key file as a secret manager mounts it.
    MountedKeyFile(PathBuf),
    /// An environment variable or a systemd credential.
    Kept(UnlockSource),
    /// What a person remembers.
    Passphrase(PasswordSource),
    /// Nothing: the store stays closed, and what is shown is not proved.
    Nothing,
}

/// Says on standard error that a change waits for another process.
#[derive(Debug)]
pub(crate) struct WaitsOnScreen;

impl WaitNotice for WaitsOnScreen {
    fn waiting(&self, change: LongChange) {
        let what = match change {
            LongChange::Rekey => "a re-key by another process",
            LongChange::Restore => "a restore by another process",
            LongChange::Rewrite => "another process, which rewrites the file of the store",
        };
        render::log(&format!("waiting for {what}"));
    }
}

/// What the engine may know of the surroundings of the command.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) mounted: bool,
}

impl Environment for Surroundings {
    fn variable(&self, name: &str) -> Option<OsString> {
        environment(name)
    }

    fn takes_mounted_files(&self) -> bool {
        self.mounted
    }
}

impl FromStr for UnlockSpec {
    type Err = String;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        if let Some(source) = input.strip_prefix("passphrase:") {
            return source.parse().map(Self::Passphrase);
        }
        if input == "none" {
            return Ok(Self::Nothing);
        }
        match input.parse() {
            Ok(UnlockSource::KeyFile(path)) if !path.is_empty() => Ok(Self::KeyFile(PathBuf::from(path))),
            Ok(UnlockSource::Passphrase) => Ok(Self::Passphrase(PasswordSource::Prompt)),
            Ok(kept @ (UnlockSource::Environment(_) | UnlockSource::Credential(_))) => Ok(Self::Kept(kept)),
            // The text is not repeated: it may be a passphrase.
            _ => Err(
                "expected file:PATH, env:VAR, cred:NAME, prompt, passphrase: and a password source, or for status none"
                    .to_owned(),
            ),
        }
    }
}

impl UnlockSpec {
    /// Where the store says that a key is kept.
    pub(crate) fn of(source: &UnlockSource, default_key_file: &Path) -> Option<Self> {
        Some(match source {
            UnlockSource::KeyFile(name) if name.is_empty() => Self::KeyFile(default_key_file.to_owned()),
            UnlockSource::KeyFile(name) => Self::KeyFile(PathBuf::from(name)),
            UnlockSource::Environment(_) | UnlockSource::Credential(_) => Self::Kept(source.clone()),
            UnlockSource::Passphrase => Self::Passphrase(PasswordSource::Prompt),
            _ => return None,
        })
    }

    /// What the store writes down of it.
    pub(crate) fn source(&self, default_key_file: &Path) -> UnlockSource {
        match self {
            Self::KeyFile(path) | Self::MountedKeyFile(path) if path == default_key_file => {
                UnlockSource::KeyFile(String::new())
            }
            Self::KeyFile(path) | Self::MountedKeyFile(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                UnlockSource::KeyFile(path.display().to_string())
            }
            Self::Kept(source) => source.clone(),
            // Nothing is refused before.
            Self::Passphrase(_) | Self::Nothing => UnlockSource::Passphrase,
        }
    }

    /// The same, with a key file taken as a secret manager mounts it.
    pub(crate) fn mounted(self, mounted: bool) -> Self {
        match self {
            Self::KeyFile(path) if mounted => Self::MountedKeyFile(path),
            other => other,
        }
    }

    /// The option that names it, quoted for a shell. A passphrase itself is not repeated.
    pub(crate) fn as_option(&self) -> String {
        format!(" --unlock {}", shell_word(&self.as_value()))
    }

    fn as_value(&self) -> String {
        match self {
            Self::KeyFile(path) | Self::MountedKeyFile(path) => format!("file:{}", path.display()),
            Self::Kept(source) => source.to_string(),
            Self::Passphrase(PasswordSource::Prompt | PasswordSource::Text(_)) => "prompt".to_owned(),
            Self::Passphrase(source) => format!("passphrase:{source}"),
            Self::Nothing => "none".to_owned(),
        }
    }

    /// The same for a program that this one runs: nothing where a person was asked, or a stream was read to its end.
    pub(crate) fn for_others(&self) -> Option<String> {
        let can_be_read_again = match self {
            Self::KeyFile(_) | Self::MountedKeyFile(_) | Self::Kept(_) => true,
            Self::Passphrase(source) => {
                matches!(
                    source,
                    PasswordSource::Env(_) | PasswordSource::File(_) | PasswordSource::Credential(_)
                )
            }
            Self::Nothing => false,
        };
        can_be_read_again.then(|| self.as_value())
    }

    /// What is wrong with using this source.
    pub(crate) fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Passphrase(source) => source.warning(),
            _ => None,
        }
    }

    /// Whether it can be read without asking anybody.
    pub(crate) fn is_at_hand(&self) -> bool {
        match self {
            Self::KeyFile(path) | Self::MountedKeyFile(path) => path.symlink_metadata().is_ok(),
            Self::Kept(source) => source.is_at_hand(Path::new(""), &Surroundings { mounted: false }),
            Self::Passphrase(_) | Self::Nothing => false,
        }
    }

    /// Reads it.
    pub(crate) fn load(&self, no_input: bool) -> Result<OwnedUnlock, Failure> {
        match self {
            Self::KeyFile(path) => Ok(UnlockKey::read_file(path).map_err(as_mounted)?.into()),
            Self::MountedKeyFile(path) => Ok(UnlockKey::read_mounted_file(path)?.into()),
            Self::Kept(source) => {
                let read = source.read(Path::new(""), &Surroundings { mounted: false });
                match read.map_err(Error::from)? {
                    Some(unlock) => Ok(unlock),
                    None => Self::Passphrase(PasswordSource::Prompt).load(no_input),
                }
            }
            Self::Passphrase(source) => {
                let passphrase = source.read("Passphrase of the store", no_input);
                Ok(passphrase.map_err(|failure| failure.instead(Remedy::GivePassphrase))?.into())
            }
            Self::Nothing => Err(Failure::new(
                Exit::Usage,
                "unlock_none",
                "seal",
                "none opens no store: check, status and why take it; name what opens this one, or leave --unlock out"
                    .to_owned(),
            )),
        }
    }

    /// Reads a new one: a passphrase is asked for twice, and a key file that is not there is made.
    ///
    /// `generate` makes a key that is for one store alone.
    pub(crate) fn load_new(
        &self,
        no_input: bool,
        generate: impl FnOnce() -> Result<UnlockKey, Error>,
    ) -> Result<(OwnedUnlock, bool), Failure> {
        match self {
            Self::KeyFile(path) if path.symlink_metadata().is_err() => {
                let unlock = generate()?;
                unlock.create_file(path)?;
                Ok((unlock.into(), true))
            }
            Self::Passphrase(source) => {
                let passphrase = source.read("New passphrase of the store", no_input);
                let passphrase = passphrase.map_err(|failure| failure.instead(Remedy::GivePassphrase))?;
                // EXPOSE: measured, and compared with what was typed before, on the owner's terminal.
                let length = passphrase.expose().chars().count();
                if length < MIN_PASSPHRASE_CHARS {
                    let plural = if length == 1 { "" } else { "s" };
                    return Err(Failure::new(
                        Exit::Usage,
                        "invalid_secret",
                        "password",
                        format!(
                            "the passphrase has {length} character{plural}; at least {MIN_PASSPHRASE_CHARS} are required"
                        ),
                    ));
                }
                if matches!(source, PasswordSource::Prompt)
                    && source.read("The same again", no_input)?.expose() != passphrase.expose()
                {
                    let again = Remedy::Advice("run the command again, and type the same passphrase twice");
                    return Err(Failure::password("the two passphrases differ".to_owned()).with(again));
                }
                Ok((passphrase.into(), false))
            }
            other => Ok((other.load(no_input)?, false)),
        }
    }
}

/// A source as people are shown it: `key-file /media/rescue.key`.
pub(crate) fn described(source: &UnlockSource) -> String {
    match source.name() {
        "" => source.kind().to_owned(),
        name => format!("{} {}", source.kind(), printable(name)),
    }
}

/// The refusal of what should open the store, and what is wrong with it if that can be told.
fn wrong_key(error: Error, loaded: &OwnedUnlock, path: &Path) -> Failure {
    let failure = Failure::from(error);
    let OwnedUnlock::Passphrase(passphrase) = loaded else {
        return failure;
    };
    match hint::mistake(passphrase, |other| Keystore::open_read_only(path, other).is_ok()) {
        Some(remedy) => failure.with(remedy),
        None => failure,
    }
}

/// A key file that is a link, or that a group can read, may be one that a secret manager mounts.
pub(crate) fn as_mounted(error: FileError) -> Failure {
    // Such a file cannot be written, not even by its owner.
    let group_reads = |mode: u32| mode & 0o237 == 0;
    let mounted = match &error {
        FileError::WrongKind { path, .. } => path.is_symlink(),
        FileError::OpenToOthers { mode, .. } => group_reads(*mode),
        FileError::ForeignOwner { owner, .. } => *owner == 0,
        _ => false,
    };
    let mut failure = Failure::from(error);
    if mounted {
        failure.remedies.push(Remedy::KeyFileMounted);
    }
    failure
}

/// Opens the store.
pub(crate) fn open_loaded(
    path: &Path,
    loaded: &OwnedUnlock,
    options: &OpenOptions,
) -> Result<Keystore, Failure> {
    match options.clone().key_source(Arc::new(loaded.clone())).open(loaded.as_unlock()) {
        Ok(keystore) => Ok(keystore),
        Err(error @ Error::Seal(SealError::WrongUnlockKey)) => Err(wrong_key(error, loaded, path)),
        Err(other) => Err(other.into()),
    }
}

/// Opens the store with the first of `specs` that fits.
pub(crate) fn open_first(
    path: &Path,
    specs: &[UnlockSpec],
    options: &OpenOptions,
    no_input: bool,
) -> Result<(Keystore, OwnedUnlock), Failure> {
    let mut refused = None;
    for spec in specs {
        let loaded = spec.load(no_input)?;
        match open_loaded(path, &loaded, options) {
            Ok(keystore) => return Ok((keystore, loaded)),
            Err(failure) if failure.code == "wrong_unlock_key" => refused = Some(failure),
            Err(other) => return Err(other),
        }
    }
    Err(refused.unwrap_or_else(|| Error::Seal(SealError::WrongUnlockKey).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_by_their_prefix_and_never_repeated() {
        assert!(matches!("prompt".parse(), Ok(UnlockSpec::Passphrase(PasswordSource::Prompt))));
        assert!(matches!("passphrase:env:P".parse(), Ok(UnlockSpec::Passphrase(PasswordSource::Env(_)))));
        assert!(matches!("env:P".parse(), Ok(UnlockSpec::Kept(kept)) if kept.name() == "P"));
        assert!(matches!("file:/a".parse(), Ok(UnlockSpec::KeyFile(path)) if path == Path::new("/a")));
        assert!(!"hunter2hunter2".parse::<UnlockSpec>().unwrap_err().contains("hunter2"));
        assert!("file:".parse::<UnlockSpec>().is_err());
        assert!("cred:../x".parse::<UnlockSpec>().is_err());
        let refused = "none".parse::<UnlockSpec>().unwrap().load(true).unwrap_err();
        assert_eq!((refused.code, refused.exit), ("unlock_none", Exit::Usage));
    }
}
