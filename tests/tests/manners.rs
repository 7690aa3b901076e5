//! The command's manners: what it does with its output, its input, advice, and what it was not asked for.

#[path = "manners/words.rs"]
mod words;

use std::{
    fs,
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
};

use strongroom_tests::command::{Run, Shop, binary, fine, refused, shop};

/// Commands that only read, with which every kind of output is tried.
const READING: [&[&str]; 14] = [
    &["ls"],
    &["ls", "--removed"],
    &["ca", "ls"],
    &["show", "www"],
    &["show", "www", "--pem"],
    &["chain", "www"],
    &["verify", "www"],
    &["history", "www"],
    &["diff", "www", "www"],
    &["log"],
    &["inspect", "pkcs12/www.p12", "--pass-in", "pass:changeit"],
    &["slot", "ls"],
    &["user", "ls"],
    &["verify-store"],
];

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_an_error() {
    let shop = shop();
    let full = |arguments: &[&str]| -> Run {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        shop.command(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap().into()
    };
    for arguments in READING.iter().copied().chain([&["--help"][..], &["import", "--help"], &["--version"]]) {
        let run = full(arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.err);
        assert!(run.err.contains("error[output_failed] cannot write to standard output"), "{}", run.err);
    }
    for arguments in READING.iter().filter(|arguments| !arguments.contains(&"--pem")) {
        let json: Vec<&str> = std::iter::once(&"--json").chain(*arguments).copied().collect();
        assert_eq!(full(&json).code, 1, "{arguments:?}");
    }
    // What was refused stays refused, and what was done is said to be done.
    let refused = full(&["--json", "show", "nobody"]);
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("output_failed") && !refused.err.contains("carried out"), "{}", refused.err);
    let done = full(&["rename", "www", "shop"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("the command itself was carried out"), "{}", done.err);
    assert_eq!(shop.run(["show", "shop"]).code, 0);
}

#[cfg(unix)]
#[test]
fn a_reader_that_stops_ends_the_command_quietly() {
    use std::os::unix::process::ExitStatusExt as _;
    let shop = shop();
    for arguments in [&["ls"][..], &["--json", "ls"], &["show", "www"], &["--help"]] {
        let mut child =
            shop.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(said, "", "{arguments:?}");
        // As `ls | head -0` ends; in an unlucky moment all was written before the reader was gone.
        assert!(matches!((status.signal(), status.code()), (Some(13), _) | (_, Some(0))), "{status}");
    }
}

#[test]
fn a_trust_anchor_comes_from_no_variable() {
    let shop = Shop::empty();
    let pem = |name: &str| fs::read_to_string(format!("../fixtures/chains/{name}")).unwrap();
    assert!(pem("root-rsa.pem").contains("BEGIN"));
    let leaf = shop.folder.path().join("leaf.pem");
    let other = self::shop();
    fs::write(&leaf, other.run(["show", "www", "--pem"]).out).unwrap();
    for variable in ["STRONGROOM_ANCHOR", "STRONGROOM_ROLLBACK_GUARD"] {
        let mut command = shop.command(["--json", "verify", "--leaf", leaf.to_str().unwrap()]);
        let run: Run = command.env(variable, "chains/root-rsa.pem").output().unwrap().into();
        assert_eq!((run.code, run.error_code().as_str()), (1, "no_anchor"), "{variable}: {}", run.out);
    }
    let given = ["verify", "--leaf", leaf.to_str().unwrap(), "--anchor", "chains/root-rsa.pem"];
    assert_eq!(shop.run(given).code, 0);
    // To an entry belong the authorities of the store.
    let usage = other.json(["verify", "www", "--anchor", "chains/root-rsa.pem"]);
    refused(&usage, 2, "usage");
    assert!(usage.out.contains("--anchor"), "{}", usage.out);
}

#[test]
fn standard_input_has_one_reader() {
    let shop = shop();
    for arguments in [
        &["import", "x", "-", "--pass-in", "stdin"][..],
        &["import", "x", "-", "--pass-in", "fd:0"],
        &["import", "x", "pkcs12/www.p12", "--pass-in", "stdin", "--key-pass-in", "stdin"],
        &["inspect", "-", "--key-pass-in", "stdin"],
        &["--unlock", "passphrase:stdin", "ca", "import", "x", "-"],
        &["--unlock", "passphrase:stdin", "passwd", "--to", "passphrase:stdin"],
        &["--unlock", "passphrase:stdin", "slot", "add", "passphrase:stdin"],
        &["--unlock", "passphrase:stdin", "user", "add", "x", "--pass-in", "stdin"],
        &["verify", "--leaf", "-", "--anchor", "-"],
    ] {
        let run = shop.json(arguments.iter().copied());
        refused(&run, 2, "stdin_taken");
    }
    let mut by_variable = shop.command(["--json", "inspect", "-"]);
    let run: Run = by_variable.env("STRONGROOM_UNLOCK", "passphrase:stdin").output().unwrap().into();
    refused(&run, 2, "stdin_taken");
}

#[test]
fn what_surrounds_a_password_is_named_and_never_taken_off() {
    let shop = shop();
    let file = shop.folder.path().join("password");
    let source = format!("file:{}", file.display());
    for (content, told) in [
        (&b"\xef\xbb\xbfchangeit"[..], "byte order mark"),
        (b"changeit\r\n\r\n", "line ends"),
        (b" changeit", "spaces"),
    ] {
        fs::write(&file, content).unwrap();
        for arguments in [
            &["import", "x", "pkcs12/www.p12", "--pass-in", &source][..],
            &["inspect", "pkcs12/www.p12", "--pass-in", &source],
        ] {
            let help = refused(&shop.json(arguments.iter().copied()), 5, "wrong_password");
            assert!(help.contains(told), "{arguments:?}: {help}");
        }
    }
    // Nothing is said where it would not help.
    for content in [" wrong", "changeIt"] {
        fs::write(&file, content).unwrap();
        let run = shop.json(["inspect", "pkcs12/www.p12", "--pass-in", &source]);
        let help = refused(&run, 5, "wrong_password");
        assert!(!help.contains("would fit"), "{help}");
    }
    assert_eq!(shop.json(["show", "x"]).error_code(), "not_found");

    let locked = Shop::empty();
    let phrase = |phrase: &str, arguments: &[&str]| -> Run {
        let mut command =
            locked.command(["--json", "--unlock", "passphrase:env:PHRASE"].iter().chain(arguments));
        command.env("PHRASE", phrase).output().unwrap().into()
    };
    fine(&phrase("correct horse battery", &["init"]));
    let help = refused(&phrase("correct horse battery ", &["ls"]), 5, "wrong_unlock_key");
    assert!(help.contains("spaces"), "{help}");
    let seen = locked.run(["--unlock", "passphrase:pass:correct horse battery", "ls"]);
    assert_eq!(seen.code, 0);
    assert!(seen.err.contains("can be read by every process"), "{}", seen.err);
}

#[test]
fn where_nobody_can_be_asked_it_is_said_what_to_pass() {
    let shop = shop();
    let alone = |arguments: &[&str]| -> Run {
        // A session of its own has no terminal.
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(binary()).arg("--json").arg("--store").arg(shop.store());
        let command = command.args(arguments).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").output().unwrap().into()
    };
    for (arguments, told) in [
        (&["slot", "add", "prompt"][..], "slot add passphrase:env:VAR"),
        (&["passwd"], "passwd --to passphrase:env:VAR"),
        (&["user", "add", "admin"], "--pass-in"),
    ] {
        let help = refused(&alone(arguments), 5, "password_missing");
        assert!(help.contains(told), "{arguments:?}: {help}");
    }
    let help = refused(&shop.json(["--unlock", "prompt", "ls"]), 5, "password_missing");
    assert!(help.contains("--unlock passphrase:"), "{help}");
}

#[test]
fn copies_name_the_file_that_is_in_the_way_or_missing() {
    let shop = shop();
    let copy = shop.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    fine(&shop.json(["backup", copy]));
    let help = refused(&shop.json(["backup", copy]), 4, "store_exists");
    assert!(help.contains("another name") && !help.contains("--store"), "{help}");
    let missing = shop.json(["restore", "/no/such/file.db"]);
    refused(&missing, 3, "file_not_found");
    assert!(missing.out.contains("/no/such/file.db"), "{}", missing.out);
    refused(&shop.json(["backup", "/no/such/folder/copy.db"]), 3, "file_not_found");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn is_root() -> bool {
        let id = Command::new("id").arg("-u").output().unwrap();
        id.stdout == b"0\n"
    }

    #[test]
    fn nobody_is_told_to_close_a_folder_of_others() {
        let place = tempfile::tempdir().unwrap();
        let init = |folder: &Path| -> Run {
            let mut command = Command::new(binary());
            command.env_clear().arg("--json").arg("--store").arg(folder.join("keystore.db")).arg("init");
            command.output().unwrap().into()
        };
        // One for many, as /tmp is.
        let shared = place.path().join("shared");
        fs::create_dir(&shared).unwrap();
        mode(&shared, 0o1777);
        let help = refused(&init(&shared), 8, "store_permission");
        assert!(help.contains("a folder of its own") && !help.contains("chmod"), "{help}");
        // A home.
        let home = place.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join(".profile"), b"").unwrap();
        mode(&home, 0o775);
        let help = refused(&init(&home), 8, "store_permission");
        assert!(!help.contains("chmod"), "{help}");
        // The store's own.
        let own = place.path().join("own");
        fs::create_dir(&own).unwrap();
        mode(&own, 0o770);
        let help = refused(&init(&own), 8, "store_permission");
        assert_eq!(help, format!("chmod 0700 {}", own.display()));
        assert!(Command::new("sh").arg("-c").arg(&help).status().unwrap().success());
        fine(&init(&own));
        // A home without anything else in it.
        let mut at_home = Command::new(binary());
        at_home.env_clear().env("HOME", &own).arg("--json").arg("--store").arg(own.join("keystore.db"));
        mode(&own, 0o770);
        let help = refused(&at_home.arg("ls").output().unwrap().into(), 8, "store_permission");
        assert!(!help.contains("chmod"), "{help}");
        if is_root() {
            std::os::unix::fs::chown(&home, Some(12_345), None).unwrap();
            mode(&home, 0o700);
            let help = refused(&init(&home), 8, "store_permission");
            assert!(!help.contains("chown"), "{help}");
        }
    }

    #[test]
    fn a_store_that_may_not_be_looked_at_is_not_missing() {
        let shop = shop();
        let arguments = ["--json", "--store", shop.store().to_str().unwrap(), "ls"].map(str::to_owned);
        mode(shop.folder.path(), 0o700);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary());
            command
        } else {
            mode(shop.folder.path(), 0o000);
            Command::new(binary())
        };
        let output = command.env_clear().env("PATH", "/usr/bin:/bin").args(arguments).output();
        mode(shop.folder.path(), 0o700);
        let run: Run = output.unwrap().into();
        if run.code == 127 || run.err.contains("setpriv") {
            println!("SKIPPED: the binary cannot be run by another user: {}", run.err);
            return;
        }
        refused(&run, 8, "store_permission");
    }

    /// A volume as Kubernetes mounts a secret: links to the present revision, root's or ours, readable by the group.
    #[test]
    fn a_mounted_key_file_is_taken_only_when_asked_for() {
        let shop = shop();
        let mount = tempfile::tempdir().unwrap();
        let revision = mount.path().join("..2026_11_26");
        fs::create_dir(&revision).unwrap();
        mode(&revision, 0o755);
        let key = revision.join("keystore.key");
        fs::rename(shop.folder.path().join("keystore.key"), &key).unwrap();
        mode(&key, 0o440);
        symlink("..2026_11_26", mount.path().join("..data")).unwrap();
        let link = mount.path().join("keystore.key");
        symlink("..data/keystore.key", &link).unwrap();
        let link = link.to_str().unwrap();
        let help = refused(&shop.json(["--key-file", link, "ls"]), 8, "store_permission");
        assert!(help.contains("--key-file-mounted"), "{help}");
        let mounted = ["--key-file", link, "--key-file-mounted", "ls"];
        fine(&shop.json(mounted));
        let unlock = format!("file:{link}");
        fine(&shop.json(["--unlock", &unlock, "--key-file-mounted", "ls"]));
        for (path, wide, narrow) in
            [(key.as_path(), 0o444, 0o440), (&key, 0o460, 0o440), (&revision, 0o775, 0o755)]
        {
            mode(path, wide);
            let run = shop.json(mounted);
            assert_eq!(
                (run.code, run.error_code().as_str()),
                (8, "store_permission"),
                "{wide:o}: {}",
                run.out
            );
            mode(path, narrow);
        }
        fine(&shop.json(mounted));
        if is_root() {
            std::os::unix::fs::chown(&key, None, Some(54_321)).unwrap();
            refused(&shop.json(mounted), 8, "store_permission");
        }
    }

    #[test]
    fn a_store_on_a_medium_that_cannot_be_written_is_read() {
        let shop = shop();
        let folder = shop.folder.path().to_str().unwrap();
        let read_only = |command: &str| -> Option<Run> {
            let script = format!(
                "mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} || exit 77; exec {} --json --store {} {command}",
                binary().display(),
                shop.store().display()
            );
            let mut unshare = Command::new("unshare");
            unshare.args(["--mount", "--map-root-user", "sh", "-c", &script]).current_dir("../fixtures");
            let run: Run = unshare.output().ok()?.into();
            (run.code != 77 && !run.err.contains("unshare")).then_some(run)
        };
        assert!(!shop.folder.path().join("keystore.db-wal").exists());
        let Some(listed) = read_only("ls") else {
            println!("SKIPPED: nothing can be mounted here");
            return;
        };
        assert_eq!(fine(&listed)["entries"].as_array().unwrap().len(), 3);
        fine(&read_only("verify-store").unwrap());
        refused(&read_only("rm www").unwrap(), 8, "store_read_only");
        // With changes that are only in the write-ahead log.
        let mut reader = rusqlite::Connection::open(shop.store()).unwrap();
        let held = reader.transaction().unwrap();
        let _: i64 = held.query_row("SELECT count(*) FROM log", [], |row| row.get(0)).unwrap();
        fine(&shop.json(["rename", "www", "shop"]));
        let saved = tempfile::tempdir().unwrap();
        for name in ["keystore.db", "keystore.db-wal"] {
            fs::copy(shop.folder.path().join(name), saved.path().join(name)).unwrap();
        }
        drop(held);
        drop(reader);
        for name in ["keystore.db", "keystore.db-wal"] {
            fs::copy(saved.path().join(name), shop.folder.path().join(name)).unwrap();
            mode(&shop.folder.path().join(name), 0o600);
        }
        let _ = fs::remove_file(shop.folder.path().join("keystore.db-shm"));
        let run = read_only("ls").unwrap();
        let help = refused(&run, 8, "store_read_only");
        assert!(
            run.out.contains("keystore.db-wal") && help.contains("copy the store together"),
            "{}",
            run.out
        );
        // What the help says works.
        assert_eq!(fine(&shop.json(["show", "shop"]))["subject"], "CN=www.fixture.test");
    }

    #[test]
    fn a_clock_before_1970_is_an_error() {
        let shop = shop();
        let source = shop.folder.path().join("clock.c");
        let library = shop.folder.path().join("clock.so");
        fs::write(
            &source,
            "#include <time.h>\nint clock_gettime(clockid_t c, struct timespec *t) { t->tv_sec = c == CLOCK_REALTIME ? -5 : 5; t->tv_nsec = 0; return 0; }\n",
        )
        .unwrap();
        let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        assert!(built.unwrap().success());
        for arguments in [&["--json", "ls"][..], &["--json", "verify", "www"], &["--json", "rm", "www"]] {
            let run: Run = shop.command(arguments).env("LD_PRELOAD", &library).output().unwrap().into();
            refused(&run, 1, "clock_before_1970");
        }
        assert_eq!(shop.run(["show", "www"]).code, 0);
    }
}
