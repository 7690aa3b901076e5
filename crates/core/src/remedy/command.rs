//! The words of advice for those who use the command.

use super::{Invocation, Remedy, shell_word};

impl Remedy {
    /// The words for those who use the command.
    #[must_use]
    pub fn for_command(&self, called: &Invocation) -> String {
        let Invocation { program, store, import, alias, file, password, options } = called;
        match self {
            Self::Advice(text) => (*text).to_owned(),
            Self::Allow(code) => format!("to take it all the same, add: --allow {code}"),
            Self::ChooseEntry => {
                "choose one with --entry: its friendly name, #n, or its SHA-256 fingerprint".to_owned()
            }
            Self::KeepGoing => "to import the others all the same, add: --keep-going".to_owned(),
            Self::RaiseLimit { needed } => format!("if all of them are meant, add: --limit {needed}"),
            Self::Replace => "to replace the entry and keep its former version, add: --replace".to_owned(),
            Self::ReplaceByBackup => {
                "to take the entry of the backup in its place, with all its versions, add: --replace".to_owned()
            }
            Self::KeyPassword => {
                "give the private key's own password, add: --key-pass-in prompt".to_owned()
            }
            Self::RaiseMaxWork { needed } => format!("if you trust the file, add: --max-work {needed}"),
            Self::RaiseMaxSize { needed } => format!("if this is the right file, add: --max-size {needed}"),
            Self::ImportWithEmbeddedCa => format!(
                "the file embeds that CA; to see and import it as well: {program} {import} {alias} {file}{password}{options} --with-embedded-ca"
            ),
            Self::ImportWithChain => {
                "to use the certificates that the file embeds, add: --import-certificate-chain true".to_owned()
            }
            Self::ImportAuthority => {
                format!("import the CA certificate first, then retry: {program} ca import ALIAS FILE")
            }
            Self::ImportAuthorityWithKey { key_id: Some(id) } => format!(
                "ask the CA for its certificate with the key id {id}, and import that beside the other: {program} ca import ALIAS FILE"
            ),
            Self::ImportAuthorityWithKey { key_id: None } => format!(
                "ask the CA for the certificate of the key that signed this one, and import that beside the other: {program} ca import ALIAS FILE"
            ),
            Self::ImportAuthorities => {
                format!("import every CA certificate of the file with: {program} ca import --all {file}{password}")
            }
            Self::FetchAuthority { url } => format!("the CA publishes its certificate at {url}"),
            Self::ImportServerCertificate => {
                format!("a server certificate is imported with its key: {program} import ALIAS FILE")
            }
            Self::AddPrivateKey => {
                format!("give the file of the private key as well: {program} import {alias} {file}{password}{options} KEY")
            }
            Self::JoinKeyAndCertificate => {
                format!("import the key together with its certificate: {program} import ALIAS CERTIFICATE KEY")
            }
            Self::ConvertPem => format!("import it as it is: {program} import ALIAS {file}"),
            Self::ConvertJavaKeystore => format!("convert it: keytool -importkeystore -srckeystore {file} -destkeystore NEW.p12 -deststoretype PKCS12"),
            Self::CutOff { bytes } => {
                format!("take off what stands before it: tail -c +{} {file} > NEW", bytes.saturating_add(1))
            }
            Self::DecodePfx => format!("take the PKCS #12 file out of it: grep -v -e ----- {file} | openssl base64 -d -out NEW.pfx; on Windows: certutil -decode {file} NEW.pfx"),
            Self::MakeStore { path: Some(path) } => {
                format!("make one first: strongroom --store {} init", shell_word(&path.display().to_string()))
            }
            Self::MakeStore { path: None } => "make one first: strongroom init".to_owned(),
            Self::MakeStoreForNetwork => "keep the store on a local disk, or make it for this file system: strongroom init --journal rollback".to_owned(),
            Self::OfferSuites { suites, .. } => format!(
                "let the web server offer cipher suites that go with both keys first, then retry: {program} web-server --cipher-suites {suites}"
            ),
            Self::GiveStorePath => "give the path of another file with --store".to_owned(),
            Self::GiveKeyFile => {
                "give the key file that was made with the store with --key-file".to_owned()
            }
            Self::GivePassword => {
                "say where it comes from with --pass-in: env:VAR file:PATH fd:N stdin cred:NAME prompt none".to_owned()
            }
            Self::GivePasswordOut => {
                "say what it is to be, add: --pass-out prompt".to_owned()
            }
            Self::ReadHelp => "see how it is used: strongroom --help".to_owned(),
            Self::GiveAnchor => {
                "give the CA certificate with --anchor FILE, and what stands between with --intermediate FILE"
                    .to_owned()
            }
            Self::GiveListenAddress => {
                "choose another address, for example any free port: --listen 127.0.0.1:0".to_owned()
            }
            Self::ListEntries => format!("list the entries with: {program} ls"),
            Self::ListAuthorities => format!("list the CA certificates with: {program} ca ls"),
            Self::ExportAuthority { alias } => format!(
                "to show it: {program} ca show {alias}; to write it into a file: {program} ca export {alias} -o FILE.pem"
            ),
            Self::ListBindings => format!("list what is bound with: {program} bind"),
            Self::Unbind { host } => format!("end it with: {program} unbind {}", shell_word(host)),
            Self::GoBackTo { alias, version } => {
                format!("go back to the version that is whole: {program} undo {alias} --to {version}")
            }
            Self::RestoreOnly { alias } => {
                format!("take it out of a backup: {program} restore --only {alias} --from FILE")
            }
            Self::RemoveDamaged { alias } => {
                format!("to give it up with all its versions: {program} rm {alias} --force")
            }
            Self::RemoveUser { name } => format!(
                "remove the user, and add them again: {program} user rm {}",
                shell_word(name)
            ),
            Self::Salvage => format!(
                "write what is whole to a file, and make a new store of that: {program} backup --salvage FILE; {program} restore --new-store FILE"
            ),
            Self::ListVersions { alias } => format!("list the versions with: {program} history {alias}"),
            Self::MakeRollbackGuard => "look for the one that was made with the store; if there is none, one command with --accept-rollback makes one of what the store is now".to_owned(),
            Self::GiveRollbackGuard => "give the file that was made for this store with --rollback-guard; what verify trusts is given to verify --leaf with --anchor".to_owned(),
            Self::GiveLogSegment { row } => format!(
                "give the file of log rotate that has row {row}, add: --log-segment FILE; if it is lost and nobody has put another store there, run one command with --accept-rollback"
            ),
            Self::UseOwnFolder => "keep the store in a folder of its own, to which nobody else can write: give its path with --store; a folder that is not there yet is made".to_owned(),
            Self::KeyFileMounted => "if a secret manager mounts the key file so, add: --key-file-mounted".to_owned(),
            Self::GivePassphrase => "say where the passphrase comes from: --unlock passphrase:file:PATH, or passphrase: with env:VAR, fd:N, stdin or cred:NAME".to_owned(),
            Self::SlotFromSource => format!("say where the new passphrase comes from: {program} slot add passphrase:env:VAR, or passphrase: with file:PATH, fd:N, stdin or cred:NAME"),
            Self::PasswdFromSource => format!("say where the new passphrase comes from: {program} passwd --to passphrase:env:VAR, or passphrase: with file:PATH, fd:N, stdin or cred:NAME"),
            Self::AnswerYes => "if that is meant, add: --yes".to_owned(),
            Self::BringBack { alias } => format!("bring it back with: {program} undo {alias}"),
            Self::FreeAlias { alias } => format!(
                "to bring that one back, give the present one another alias first: {program} rename {alias} NEW; then: {program} undo {alias}"
            ),
            Self::ListRequests => format!("list the pending requests with: {program} csr ls"),
            Self::ShowRequest { alias } => format!("to have it again: {program} csr show {alias}"),
            Self::ReplaceRequest { alias: _ } => "to give it up with its key, so that no certificate for it can be installed any more, add: --replace".to_owned(),
            Self::InstallReply { alias } => format!("install it there: {program} csr install {alias} {file}"),
            Self::GiveSubject => "say what the subject is to be, and the names, add: --subject CN=NAME --name NAME".to_owned(),
            Self::ListUsers => format!("list the users with: {program} user ls"),
            Self::AddUser => format!("add one with: {program} user add NAME"),
            Self::ListSlots => format!("list the slots with: {program} slot ls"),
            Self::RemoveSlot => format!("remove one first: {program} slot rm N"),
            Self::KeepOrDropSlots { slots } => {
                let drop: Vec<String> = slots.iter().map(|slot| format!("--drop-slot {slot}")).collect();
                format!(
                    "to keep a slot, give what opens it with one more --unlock behind rekey, or on a terminal its passphrase when it is asked for; to drop {}, add: {}",
                    if slots.len() == 1 { "it" } else { "them" },
                    drop.join(" ")
                )
            }
            Self::MendSlot { slot, foreign: true } => format!("remove it with: {program} slot rm {slot}"),
            Self::MendSlot { slot, foreign: false } => format!(
                "remove it with: {program} slot rm {slot}; then add again what opened it: {program} slot add SRC"
            ),
            Self::GiveBackupUnlock { other_store: true } => "if it is the backup of another store, say what opens that, add: --other-store --backup-unlock SRC".to_owned(),
            Self::GiveBackupUnlock { other_store: false } => "a backup is opened by what opened its store when it was made: if that was changed since, by passwd, slot or rekey, add: --backup-unlock SRC".to_owned(),
            Self::EndOldCopies { unlock: None } => format!("to make a new root key, which no copy has: {program} rekey"),
            Self::EndOldCopies { unlock: Some(unlock) } => {
                format!("to make a new root key, which no copy has: {store}{unlock} rekey")
            }
            Self::StatusUnproved => {
                format!("see what the running servers say without opening the store: {program} status --unlock none")
            }
            Self::ReadLog => format!("look at what was done: {program} log"),
            Self::Rekey => format!("free twice the size of the store, then run: {program} rekey"),
            Self::Restore => format!("leave the file where it is, and put a backup in its place: {program} restore FILE"),
            Self::VerifyStore => format!("see all that is wrong with it: {program} verify-store"),
            Self::AcceptRollback => {
                "find out who put it there; if it was you, run one command with --accept-rollback".to_owned()
            }
            Self::WithoutGuard => {
                "to use it without, and not learn whether it is the latest, add: --without-rollback-guard".to_owned()
            }
            Self::NewStore => format!("make a new store of a backup, with a new name: {program} restore --new-store FILE"),
            Self::NameUnlock { source } => format!(
                "the store says that it is opened by {source}; if you know that to be so, add: --unlock {}",
                shell_word(source)
            ),
            Self::OtherStore => "to take it all the same, add: --other-store".to_owned(),
            Self::Force => "to do it all the same, add: --force".to_owned(),
            Self::RunAsOwner => {
                "run the command as the owner of the store, on a medium that can be written".to_owned()
            }
            Self::SetMode { path, mode } => {
                format!("chmod {mode:04o} {}", shell_word(&path.display().to_string()))
            }
            Self::TakeOwnership { path } => format!(
                "run the command as that user, or: chown \"$(id -u)\" {}",
                shell_word(&path.display().to_string())
            ),
            Self::FindHardLinks { path } => {
                format!("keep one name: find / -samefile {}", shell_word(&path.display().to_string()))
            }
        }
    }

    /// Several remedies in one sentence; `None` for none.
    #[must_use]
    pub fn sentence(remedies: &[Self], word: impl Fn(&Self) -> String) -> Option<String> {
        let words: Vec<String> = remedies.iter().map(word).collect();
        (!words.is_empty()).then(|| words.join("; or "))
    }
}
