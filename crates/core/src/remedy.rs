//! What a user can do about an error or a finding: advice as a type.
//!
//! The engine chooses the advice that fits; it is worded here for the command, and by `strongroom-api` for its clients.
//! Whoever words remedies has to word every one: the enumeration is closed on purpose.

mod command;

use std::{
    fmt::{self, Write as _},
    path::PathBuf,
};

/// One thing that a user can do. Where several are given, one of them is enough, and the best comes first.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a new remedy must be worded wherever remedies are shown")]
pub enum Remedy {
    /// The same words for everybody. They name no command and no option.
    Advice(&'static str),
    /// Accept a finding of this code by name.
    Allow(&'static str),
    /// Say which of several keys is meant.
    ChooseEntry,
    /// Replace the entry; its former version is kept.
    Replace,
    /// Import what is sound of many.
    KeepGoing,
    /// Allow this many files in one import.
    RaiseLimit {
        /// The files that there are.
        needed: usize,
    },
    /// Take the entry of a backup in place of the present one.
    ReplaceByBackup,
    /// Give the private key's own password.
    KeyPassword,
    /// Allow this many key-derivation iterations.
    RaiseMaxWork {
        /// Iterations that the file asks for.
        needed: u64,
    },
    /// Allow a file of this many bytes.
    RaiseMaxSize {
        /// Bytes of the file.
        needed: usize,
    },
    /// Import the CA certificates that the file embeds, after comparing their fingerprints.
    ImportWithEmbeddedCa,
    /// Let the certificates that the file embeds stand in the path.
    ImportWithChain,
    /// Import one CA certificate.
    ImportAuthority,
    /// Import the certificate of a CA of whose name there is another already, with another key.
    ImportAuthorityWithKey {
        /// The key identifier that is wanted, in hexadecimal, if the certificate names one.
        key_id: Option<String>,
    },
    /// Import every CA certificate of a file.
    ImportAuthorities,
    /// Fetch the CA certificate from where the CA publishes it.
    FetchAuthority {
        /// The address, from authorityInfoAccess (RFC 5280, section 4.2.2.1).
        url: String,
    },
    /// Import a server certificate with its key.
    ImportServerCertificate,
    /// Give the file of the private key as well.
    AddPrivateKey,
    /// Put a key and its certificate into one PKCS #12 file.
    JoinKeyAndCertificate,
    /// Make a PKCS #12 file of a PEM file that holds key and certificate.
    ConvertPem,
    /// Make a PKCS #12 file of a Java keystore.
    ConvertJavaKeystore,
    /// Take off what stands before the file proper.
    CutOff {
        /// How many bytes.
        bytes: usize,
    },
    /// Take a PKCS #12 file out of PEM text that calls it a certificate.
    DecodePfx,
    /// Make a store.
    MakeStore {
        /// Where, if a path was given.
        path: Option<PathBuf>,
    },
    /// Make a store that is safe on a network file system.
    MakeStoreForNetwork,
    /// Give the path of another store.
    GiveStorePath,
    /// Give the key file of the store.
    GiveKeyFile,
    /// Say where the password of a file comes from.
    GivePassword,
    /// Say what the password of an exported file is to be.
    GivePasswordOut,
    /// Read the help of the command.
    ReadHelp,
    /// Give the certificates that a verification of files lacks.
    GiveAnchor,
    /// Say where the server is to listen.
    GiveListenAddress,
    /// List the entries.
    ListEntries,
    /// List the CA certificates.
    ListAuthorities,
    /// Show a CA certificate, or write it into a file.
    ExportAuthority {
        /// Its alias.
        alias: String,
    },
    /// List the hosts that are bound to entries.
    ListBindings,
    /// End the binding of a host, which is damaged.
    Unbind {
        /// The host.
        host: String,
    },
    /// Go back to a version of an entry, past one that is damaged.
    GoBackTo {
        /// The entry.
        alias: String,
        /// The version.
        version: u32,
    },
    /// Take one entry out of a backup.
    RestoreOnly {
        /// The entry.
        alias: String,
    },
    /// Remove a damaged entry with those of its versions that are whole.
    RemoveDamaged {
        /// The entry.
        alias: String,
    },
    /// Remove a damaged user.
    RemoveUser {
        /// Its name.
        name: String,
    },
    /// Write a copy of what is whole of a store, and make a new store of that.
    Salvage,
    /// List the versions of an entry.
    ListVersions {
        /// The entry.
        alias: String,
    },
    /// Make a rollback guard for a store that has none.
    MakeRollbackGuard,
    /// Give the file that is the rollback guard.
    GiveRollbackGuard,
    /// Give the file of the log that has a row which was cut.
    GiveLogSegment {
        /// The row.
        row: i64,
    },
    /// Look at what running servers say, without opening the store.
    StatusUnproved,
    /// Keep the store in a folder of its own.
    UseOwnFolder,
    /// Take a key file as a secret manager mounts it.
    KeyFileMounted,
    /// Say where the passphrase of a store comes from.
    GivePassphrase,
    /// Add a slot whose passphrase is not asked for.
    SlotFromSource,
    /// Change the passphrase to one that is not asked for.
    PasswdFromSource,
    /// Answer a question that nobody can be asked.
    AnswerYes,
    /// Bring a removed entry back.
    BringBack {
        /// The entry.
        alias: String,
    },
    /// Give the entry that has an alias another one, and bring back the removed entry of that alias.
    FreeAlias {
        /// The alias.
        alias: String,
    },
    /// List the pending certificate requests.
    ListRequests,
    /// Show a pending request again.
    ShowRequest {
        /// Its alias.
        alias: String,
    },
    /// Make a second request, and give up the pending one.
    ReplaceRequest {
        /// Its alias.
        alias: String,
    },
    /// Install the reply under the alias whose request it answers.
    InstallReply {
        /// The alias.
        alias: String,
    },
    /// Say what the subject is to be.
    GiveSubject,
    /// Let the web server offer these cipher suites, before its certificate gets another kind of key.
    OfferSuites {
        /// The entry that it shows.
        alias: String,
        /// Their names, with commas between them.
        suites: String,
    },
    /// List the users.
    ListUsers,
    /// Add a user.
    AddUser,
    /// List the slots.
    ListSlots,
    /// Remove a slot.
    RemoveSlot,
    /// Give what opens these slots as well, or drop them.
    KeepOrDropSlots {
        /// Their numbers.
        slots: Vec<u32>,
    },
    /// Remove a slot that is damaged, and add it again; or what was put among the slots.
    MendSlot {
        /// Its number.
        slot: u32,
        /// Whether it was put there, so that there is nothing to add again.
        foreign: bool,
    },
    /// Say what opens a backup that is not opened by what opens the store.
    GiveBackupUnlock {
        /// Whether it is of another store, as the key file says, which was not allowed yet.
        other_store: bool,
    },
    /// Give the store a new root key, after what opens it was changed.
    EndOldCopies {
        /// The option that says what opens the store now, with a space before it; `None` if that is what was given.
        unlock: Option<String>,
    },
    /// Look at the log.
    ReadLog,
    /// Give the store a new root key.
    Rekey,
    /// Put a backup in place of the store.
    Restore,
    /// Check every row of the store.
    VerifyStore,
    /// Take a store that is older than its rollback guard.
    AcceptRollback,
    /// Open a guarded store without its guard.
    WithoutGuard,
    /// Restore a backup of another store.
    OtherStore,
    /// Make a new store of a backup.
    NewStore,
    /// Name what the store says opens it, if that is so.
    NameUnlock {
        /// As the store says, whoever wrote that.
        source: String,
    },
    /// Override the refusal.
    Force,
    /// Run the command as who owns the store.
    RunAsOwner,
    /// Set the mode of a file or folder.
    SetMode {
        /// The file or folder.
        path: PathBuf,
        /// The permission bits.
        mode: u32,
    },
    /// Take over a file or folder.
    TakeOwnership {
        /// The file or folder.
        path: PathBuf,
    },
    /// Find the other names of a file.
    FindHardLinks {
        /// The file.
        path: PathBuf,
    },
}

/// What the command was called with, so that the commands in its advice are complete.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Invocation {
    /// The program with the options that say which store, and what opens it: `strongroom --store /srv/keystore.db`.
    pub program: String,
    /// The same without what opens it.
    pub store: String,
    /// The command that imports: `import`, or `csr install`.
    pub import: String,
    /// The alias that was given, or `ALIAS`.
    pub alias: String,
    /// The file that was given, quoted for a shell, or `FILE`.
    pub file: String,
    /// The options that say where the password of the file comes from, each with a space before it.
    pub password: String,
    /// The other options that were given for the import, each with a space before it.
    pub options: String,
}

impl Default for Invocation {
    fn default() -> Self {
        Self {
            program: "strongroom".to_owned(),
            store: "strongroom".to_owned(),
            import: "import".to_owned(),
            alias: "ALIAS".to_owned(),
            file: "FILE".to_owned(),
            password: String::new(),
            options: String::new(),
        }
    }
}

impl fmt::Display for Remedy {
    /// The words of the command, with `ALIAS` and `FILE` where it would have the names that it was called with.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.for_command(&Invocation::default()))
    }
}

/// A text as one word of a POSIX shell, quoted only where it has to be.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/@%+=:,-".contains(c);
    // It would be taken for an option.
    if text.starts_with('-') && text.len() > 1 {
        return shell_word(&format!("./{text}"));
    }
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut word = String::with_capacity(text.len() + 2);
    word.push('\'');
    for c in text.chars() {
        if c == '\'' {
            word.push_str("'\\''");
        } else {
            let _ = word.write_char(c);
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(shell_word("/srv/www-1.p12"), "/srv/www-1.p12");
        assert_eq!(shell_word("my file.p12"), "'my file.p12'");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(shell_word("$(x)"), "'$(x)'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("-a.p12"), "./-a.p12");
        assert_eq!(shell_word("-"), "-");
    }

    #[test]
    fn commands_in_advice_name_what_the_command_was_called_with() {
        let called = Invocation {
            program: "strongroom --store /srv/k.db".to_owned(),
            store: "strongroom --store /srv/k.db".to_owned(),
            import: "import".to_owned(),
            alias: "www".to_owned(),
            file: shell_word("a b.p12"),
            password: " --pass-in env:P".to_owned(),
            options: " --replace".to_owned(),
        };
        assert_eq!(
            Remedy::ImportWithEmbeddedCa.for_command(&called),
            "the file embeds that CA; to see and import it as well: strongroom --store /srv/k.db import www 'a b.p12' --pass-in env:P --replace --with-embedded-ca"
        );
        assert_eq!(
            Remedy::ImportAuthority.to_string(),
            "import the CA certificate first, then retry: strongroom ca import ALIAS FILE"
        );
    }

    #[test]
    fn several_remedies_are_alternatives() {
        let both = [Remedy::Advice("renew it"), Remedy::Allow("expired")];
        assert_eq!(
            Remedy::sentence(&both, ToString::to_string).as_deref(),
            Some("renew it; or to take it all the same, add: --allow expired")
        );
        assert_eq!(Remedy::sentence(&[], ToString::to_string), None);
    }
}
