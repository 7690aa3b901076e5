//! Every command and option that a help text names: it is taken out of the help of a real failure, and run as it stands.

#[path = "advice/damage.rs"]
mod damage;
#[path = "advice/options.rs"]
mod options;
#[path = "advice/requests.rs"]
mod requests;
#[path = "advice/slots.rs"]
mod slots;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use strongroom::remedy::Remedy;
use strongroom_tests::command::{Run, Shop, binary};

/// Which test below runs what a remedy says; `words` where it names no command, and no option that is complete as it
/// stands. A new remedy has to be entered here.
fn covered_by(remedy: &Remedy) -> &'static str {
    match remedy {
        Remedy::Advice(_)
        | Remedy::FetchAuthority { .. }
        | Remedy::GiveStorePath
        | Remedy::GiveKeyFile
        | Remedy::GivePassword
        | Remedy::GivePasswordOut
        | Remedy::GiveAnchor
        | Remedy::GiveListenAddress
        | Remedy::GivePassphrase
        | Remedy::GiveRollbackGuard
        // rotation.rs runs it with a file.
        | Remedy::GiveLogSegment { .. }
        | Remedy::MakeRollbackGuard
        | Remedy::AcceptRollback
        | Remedy::KeyFileMounted
        | Remedy::UseOwnFolder
        | Remedy::RunAsOwner => "words",
        Remedy::Allow(_)
        | Remedy::ChooseEntry
        | Remedy::Replace
        | Remedy::KeepGoing
        | Remedy::RaiseLimit { .. }
        | Remedy::KeyPassword
        | Remedy::RaiseMaxWork { .. }
        | Remedy::RaiseMaxSize { .. }
        | Remedy::ImportWithChain
        | Remedy::Force
        | Remedy::AnswerYes => "options_are_added_as_the_help_says",
        Remedy::ImportAuthority
        | Remedy::ImportAuthorityWithKey { .. }
        | Remedy::ImportAuthorities
        | Remedy::ImportWithEmbeddedCa
        | Remedy::JoinKeyAndCertificate
        | Remedy::ConvertPem
        | Remedy::AddPrivateKey
        | Remedy::ImportServerCertificate => "imports_are_run_as_the_help_says",
        Remedy::ConvertJavaKeystore | Remedy::CutOff { .. } | Remedy::DecodePfx => {
            "files_are_converted_as_the_help_says"
        }
        Remedy::MakeStore { .. }
        | Remedy::MakeStoreForNetwork
        | Remedy::ReadHelp
        | Remedy::ListEntries
        | Remedy::ListAuthorities
        | Remedy::ExportAuthority { .. }
        | Remedy::ListBindings
        | Remedy::ListVersions { .. }
        | Remedy::BringBack { .. }
        | Remedy::FreeAlias { .. }
        | Remedy::ListUsers
        | Remedy::AddUser
        | Remedy::ListSlots
        | Remedy::RemoveSlot
        | Remedy::SlotFromSource
        | Remedy::PasswdFromSource
        | Remedy::ReadLog
        | Remedy::StatusUnproved
        | Remedy::Rekey
        | Remedy::Restore
        | Remedy::VerifyStore => "a_store_is_looked_after_as_the_help_says",
        Remedy::WithoutGuard | Remedy::OtherStore | Remedy::NewStore | Remedy::NameUnlock { .. } => {
            "a_store_is_opened_and_brought_back_as_the_help_says"
        }
        Remedy::EndOldCopies { .. }
        | Remedy::ReplaceByBackup
        | Remedy::GiveBackupUnlock { .. }
        | Remedy::KeepOrDropSlots { .. }
        | Remedy::MendSlot { .. } => "slots_are_kept_dropped_and_mended_as_the_help_says",
        // web_server.rs runs it as it stands.
        Remedy::OfferSuites { .. } => "words",
        Remedy::Unbind { .. }
        | Remedy::GoBackTo { .. }
        | Remedy::RestoreOnly { .. }
        | Remedy::RemoveDamaged { .. }
        | Remedy::RemoveUser { .. }
        | Remedy::Salvage => "what_is_damaged_is_mended_as_the_help_says",
        Remedy::ListRequests
        | Remedy::ShowRequest { .. }
        | Remedy::ReplaceRequest { .. }
        | Remedy::InstallReply { .. }
        | Remedy::GiveSubject => "requests_are_made_and_answered_as_the_help_says",
        Remedy::SetMode { .. } | Remedy::TakeOwnership { .. } | Remedy::FindHardLinks { .. } => {
            "files_are_repaired_as_the_help_says"
        }
    }
}

/// A store, and beside it the files that the commands work on.
struct Desk(Shop);

impl Desk {
    fn new() -> Self {
        let desk = Self(Shop::open());
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
        for (from, to) in [
            ("pkcs12/www.p12", "www.p12"),
            ("pkcs12/openssl-3.0.19.p256.pbes2-aes256.no-mac.p12", "no-mac.p12"),
            ("pkcs12/gnutls-3.7.9.rsa2048-p256.pbes2-aes128-sha256.two-entries.p12", "two.p12"),
            ("chains/root-rsa.pem", "root.pem"),
            ("chains/root-ec.pem", "root-ec.pem"),
            ("chains/intermediate-rsa.pem", "intermediate.pem"),
            ("other/keytool-17.0.15.rsa2048.jks", "java.jks"),
        ] {
            fs::copy(fixtures.join(from), desk.path(to)).unwrap();
        }
        desk
    }

    fn with_roots() -> Self {
        let desk = Self::new();
        desk.works(&["ca", "import", "root", "root.pem"]);
        desk.works(&["ca", "import", "root-ec", "root-ec.pem"]);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.0.command(arguments);
        command.current_dir(self.0.folder.path()).envs([("P", "changeit"), ("NEW", "a new passphrase")]);
        command.output().unwrap().into()
    }

    fn works(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.out, run.err);
        run
    }

    /// The help of a refusal with this code.
    fn help(&self, code: &str, arguments: &[&str]) -> String {
        let run = self.run(&[&["--json"], arguments].concat());
        assert_eq!(run.error_code(), code, "{arguments:?}: {}", run.out);
        run.json()["error"]["help"].as_str().unwrap_or_else(|| panic!("no help: {}", run.out)).to_owned()
    }

    /// Runs the command that begins with `start` in a help text, in a shell, with names for its placeholders.
    #[expect(clippy::disallowed_methods, reason = "the programs of the machine are looked for where it says")]
    fn follow(&self, help: &str, start: &str, names: &[(&str, &str)]) -> Run {
        let at = help.find(start).unwrap_or_else(|| panic!("{start:?} is not in {help:?}"));
        let command = help[at..].split("; ").next().unwrap().split(", or ").next().unwrap();
        let words =
            command.split(' ').map(|word| names.iter().find(|(name, _)| *name == word).map_or(word, |n| n.1));
        let command = words.collect::<Vec<_>>().join(" ");
        let folder = binary().parent().unwrap().display().to_string();
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(self.0.folder.path())
            .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()))
            .env("HOME", self.0.folder.path())
            .envs([("P", "changeit"), ("NEW", "a new passphrase"), ("VAR", "another passphrase")])
            .env_remove("XDG_DATA_HOME")
            .env_remove("STRONGROOM_STORE")
            .env_remove("STRONGROOM_KEY_FILE")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let run = Run::from(output);
        assert_eq!(run.code, 0, "{command}: {}{}", run.out, run.err);
        run
    }

    /// Runs a command again with the option that its help adds.
    fn again(&self, code: &str, arguments: &[&str], names: &[(&str, &str)]) -> Run {
        let help = self.help(code, arguments);
        let (_, rest) = help.split_once("add: ").unwrap_or_else(|| panic!("nothing is added: {help}"));
        let option = rest.split("; or ").next().unwrap();
        let words =
            option.split(' ').map(|word| names.iter().find(|(name, _)| *name == word).map_or(word, |n| n.1));
        let added: Vec<&str> = words.collect();
        // An option that stood there already gives way.
        let kept = arguments
            .iter()
            .position(|word| *word == added[0])
            .map_or_else(|| arguments.to_vec(), |at| [&arguments[..at], &arguments[at + 2..]].concat());
        self.works(&[kept, added].concat())
    }
}

const WWW: [&str; 5] = ["import", "www", "www.p12", "--pass-in", "env:P"];

/// Runs a foreign program in the folder of the desk.
fn program(desk: &Desk, name: &str, arguments: &str) {
    let mut command = Command::new(name);
    command.args(arguments.split(' ')).current_dir(desk.0.folder.path()).env("P", "changeit");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{name} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn imports_are_run_as_the_help_says() {
    let desk = Desk::new();
    let help = desk.help("no_anchor", &WWW);
    desk.follow(&help, "strongroom --store", &[("ALIAS", "root"), ("FILE", "root.pem")]);
    desk.works(&WWW);
    // Both names of the file stand in it: the whole of it is imported, or nothing.
    let bundle =
        [fs::read(desk.path("root-ec.pem")).unwrap(), fs::read(desk.path("intermediate.pem")).unwrap()];
    fs::write(desk.path("two.pem"), bundle.concat()).unwrap();
    let help = desk.help("several_certificates", &["ca", "import", "more", "two.pem"]);
    desk.follow(&help, "strongroom --store", &[]);
    assert_eq!(desk.works(&["--json", "ca", "ls"]).json()["result"]["entries"].as_array().unwrap().len(), 4);
    program(
        &desk,
        "openssl",
        "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -subj /CN=own.test -addext basicConstraints=CA:FALSE",
    );
    let help = desk.help("no_basic_constraints", &["ca", "import", "own", "own.pem"]);
    program(&desk, "openssl", "pkcs12 -export -inkey key.pem -in own.pem -out own.p12 -passout env:P");
    let own = [("ALIAS", "own"), ("FILE", "own.p12 --pass-in env:P")];
    desk.follow(&help, "strongroom --store", &own);
}

#[test]
fn files_are_converted_as_the_help_says() {
    let desk = Desk::with_roots();
    let import = |file: &'static str| ["import", "www", file, "--pass-in", "env:P"];
    let pfx = fs::read(desk.path("www.p12")).unwrap();
    program(&desk, "openssl", "pkcs12 -in www.p12 -passin env:P -nodes -nocerts -out key.pem");
    program(&desk, "openssl", "pkcs12 -in www.p12 -passin env:P -nokeys -out chain.pem");
    let help = desk.help("no_certificate", &import("key.pem"));
    let names = [("ALIAS", "www"), ("CERTIFICATE", "chain.pem"), ("KEY", "key.pem")];
    desk.follow(&help, "strongroom --store", &names);
    desk.works(&["rm", "www", "--yes"]);
    let help = desk.help("no_private_key", &import("chain.pem"));
    desk.follow(&help, "strongroom --store", &[("KEY", "key.pem")]);
    desk.works(&["rm", "www", "--yes"]);
    // Only who takes PKCS #12 alone gives it.
    program(&desk, "openssl", "pkcs12 -in www.p12 -passin env:P -nodes -out all.pem");
    let store = desk.0.store().display().to_string();
    let help = Remedy::ConvertPem.to_string().replace("strongroom ", &format!("strongroom --store {store} "));
    desk.follow(&help, "strongroom --store", &[("ALIAS", "www"), ("FILE", "all.pem")]);
    desk.works(&["rm", "www", "--yes"]);

    fs::write(desk.path("bom.pfx"), [b"\xef\xbb\xbf", pfx.as_slice()].concat()).unwrap();
    let help = desk.help("not_pkcs12", &import("bom.pfx"));
    desk.follow(&help, "tail -c", &[]);
    desk.works(&import("NEW"));
    desk.works(&["rm", "www", "--yes"]);

    program(&desk, "openssl", "base64 -in www.p12 -out body");
    let body = fs::read_to_string(desk.path("body")).unwrap();
    let text = format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n");
    fs::write(desk.path("encoded.pfx"), text).unwrap();
    let help = desk.help("not_pkcs12", &import("encoded.pfx"));
    desk.follow(&help, "grep -v", &[]);
    desk.works(&import("NEW.pfx"));

    if Command::new("keytool").arg("-help").output().is_err() {
        eprintln!("skipped: no keytool");
        return;
    }
    let help = Remedy::ConvertJavaKeystore.to_string();
    let passwords = "PKCS12 -srcstorepass changeit -deststorepass changeit -noprompt";
    desk.follow(&help, "keytool", &[("PKCS12", passwords), ("FILE", "java.jks")]);
    assert!(desk.path("NEW.p12").exists());
}

#[test]
fn a_store_is_looked_after_as_the_help_says() {
    let desk = Desk::with_roots();
    let start = "strongroom --store";
    let help = desk.help("not_found", &["show", "nothing"]);
    desk.follow(&help, start, &[]);
    desk.works(&WWW);
    let help = desk.help("nothing_to_undo", &["undo", "www"]);
    desk.follow(&help, start, &[]);
    desk.works(&["rm", "www", "--yes"]);
    let help = desk.help("not_found", &["show", "www"]);
    desk.follow(&help, start, &[]);
    desk.works(&["show", "www"]);
    // Removed, and the alias taken since: bringing it back begins with a new name for the other.
    desk.works(&["rm", "www", "--yes"]);
    desk.works(&["import", "www", "two.p12", "--pass-in", "env:P", "--entry", "#1"]);

    let help = desk.help("host_not_bound", &["unbind", "www.fixture.test"]);
    assert_eq!(desk.follow(&help, start, &[]).out, "no host is bound to an entry\n");
    for command in [
        &["export", "root", "-o", "x.p12", "--pass-out", "env:P"][..],
        &["verify", "root"],
        &["bind", "www.fixture.test", "root"],
    ] {
        let help = desk.help("no_private_key", command);
        desk.follow(&help, start, &[("FILE.pem", "shown.pem")]);
    }
    let help = desk.help("not_an_authority", &["ca", "export", "www", "-o", "x.pem"]);
    assert!(desk.follow(&help, start, &[]).out.contains("root"));
    let help = desk.help("not_an_authority", &["ca", "rm", "www"]);
    assert!(desk.follow(&help, start, &[]).out.contains("root"));
    let help = desk.help("user_not_found", &["user", "rm", "nobody"]);
    desk.follow(&help, start, &[]);
    let help = desk.help("slot_not_found", &["slot", "rm", "7"]);
    desk.follow(&help, start, &[]);
    let help = desk.help("password_missing", &["slot", "add", "prompt"]);
    desk.follow(&help, start, &[]);
    for number in 2..8 {
        desk.works(&["slot", "add", &format!("file:{number}.key")]);
    }
    let help = desk.help("no_free_slot", &["slot", "add", "passphrase:env:NEW"]);
    desk.follow(&help, start, &[("N", "7")]);
    let elsewhere = Command::new(binary())
        .args(["--json", "--store", "other/keystore.db", "ls"])
        .current_dir(desk.0.folder.path())
        .output()
        .unwrap();
    let missing = Run::from(elsewhere);
    assert_eq!(missing.error_code(), "store_missing");
    desk.follow(missing.json()["error"]["help"].as_str().unwrap(), start, &[]);
    assert!(desk.path("other/keystore.db").exists());
    // These come with faults that no test can wait for; the words are the same.
    desk.works(&["backup", "copy.db"]);
    let store = desk.0.store().display().to_string();
    for remedy in [
        Remedy::StatusUnproved,
        Remedy::ReadLog,
        Remedy::VerifyStore,
        Remedy::Rekey,
        Remedy::AddUser,
        Remedy::Restore,
        // The last one: from then on the key file beside the store opens it no more.
        Remedy::PasswdFromSource,
    ] {
        let help = remedy.to_string().replace("strongroom ", &format!("strongroom --store {store} "));
        let more = match remedy {
            // The key file is at hand; the passphrases of the other slots are not.
            Remedy::Rekey => {
                " --drop-slot 1 --drop-slot 2 --drop-slot 3 --drop-slot 4 --drop-slot 5 --drop-slot 6"
            }
            Remedy::Restore => " --yes",
            _ => "",
        };
        let names = [("NAME", "siteadmin --pass-in env:P"), ("FILE", "copy.db")];
        desk.follow(&format!("{help}{more}"), start, &names);
    }
    for (help, made) in [
        (Remedy::MakeStore { path: None }, ".local/share/strongroom/keystore.db"),
        (Remedy::ReadHelp, "keystore.db"),
    ] {
        desk.follow(&help.to_string(), "strongroom ", &[]);
        assert!(desk.path(made).exists(), "{made}");
    }
    let rollback =
        Remedy::MakeStoreForNetwork.to_string().replace("strongroom ", "strongroom --store net/k.db ");
    desk.follow(&rollback, "strongroom ", &[]);
}

#[cfg(unix)]
#[test]
fn files_are_repaired_as_the_help_says() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    let desk = Desk::new();
    let store = desk.0.store();
    fs::set_permissions(&store, fs::Permissions::from_mode(0o644)).unwrap();
    let help = desk.help("store_permission", &["ls"]);
    desk.follow(&help, "chmod", &[]);
    desk.works(&["ls"]);
    let second = desk.path("second-name");
    fs::hard_link(&store, &second).unwrap();
    let help = desk.help("store_permission", &["ls"]);
    // Not the whole disk.
    let found = desk.follow(&help, "find / -samefile", &[("/", ".")]);
    assert!(found.out.contains("second-name"), "{}", found.out);
    fs::remove_file(&second).unwrap();
    if fs::metadata(&store).unwrap().uid() == 0 {
        chown(&store, Some(1), None).unwrap();
        let help = desk.help("store_permission", &["ls"]);
        desk.follow(&help, "chown", &[]);
        desk.works(&["ls"]);
    }
}

#[test]
fn every_remedy_is_run_or_is_words() {
    let source =
        [include_str!("advice/options.rs"), include_str!("advice.rs"), include_str!("advice/slots.rs")]
            .concat();
    for remedy in [
        Remedy::Replace,
        Remedy::ImportAuthority,
        Remedy::ConvertPem,
        Remedy::Rekey,
        Remedy::MendSlot { slot: 1, foreign: true },
    ] {
        let test = covered_by(&remedy);
        assert!(source.contains(&format!("fn {test}()")), "{test}");
    }
    assert_eq!(covered_by(&Remedy::Advice("renew it")), "words");
}
