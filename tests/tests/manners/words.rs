//! What a command line says, and what is said of it.

use std::{fs, process::Command};

use strongroom_tests::command::{Run, binary, refused, shop};

#[test]
fn names_of_files_and_words_of_the_user_move_no_cursor() {
    let shop = shop();
    let odd = shop.folder.path().join("odd\u{1b}[2J\u{7}");
    let odd = odd.to_str().unwrap();
    let folder = shop.folder.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("odd\u{1b}[2J\u{7}.txt"), "nothing").unwrap();
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/pkcs12/www.p12");
    fs::copy(fixture, folder.join("odd\u{1b}[2J\u{7}.p12")).unwrap();
    let folder = folder.to_str().unwrap();
    for arguments in [
        &["inspect", odd][..],
        &["export", "www", "-o", odd, "--format", "pem"],
        &["export", "www", "-o", odd, "--format", "pem"],
        &["csr", "new", "--name", "new.test", "-o", odd],
        &["backup", odd],
        &["find", odd],
        &["import", "x", folder, "--pass-in", "pass:changeit"],
        &["ca", "import", "--all", folder],
        &["log", "verify", odd],
        &["help", odd],
    ] {
        let run = shop.run(arguments.iter().copied());
        let all = format!("{}{}", run.out, run.err);
        assert!(!all.contains(['\u{1b}', '\u{7}']), "{arguments:?}: {all:?}");
        let escaped = all.contains("\\u{1b}[2J\\u{7}") || !arguments.contains(&odd);
        assert!(escaped, "{arguments:?}: {all:?}");
    }
}

#[test]
fn a_source_of_a_password_that_is_missing_is_said_to_be() {
    let shop = shop();
    for (arguments, said) in [
        (
            &["inspect", "x", "--pass-in"][..],
            "a value is required for '--pass-in <SRC>' but none was supplied",
        ),
        (
            &["inspect", "x", "--pass-in", "none", "--pass-in", "stdin"],
            "'--pass-in <SRC>' cannot be used multiple times",
        ),
        (&["inspect", "x", "--pass-in", "env:"], "env: takes the name of a variable"),
        (&["inspect", "x", "--pass-in", "file:"], "file: takes a path"),
    ] {
        let run = shop.run(arguments.iter().copied());
        assert!(run.code == 2 && run.err.contains(said), "{arguments:?}: {}", run.err);
    }
    // What may be a password is not repeated.
    let run = shop.run(["inspect", "x", "--pass-in", "changeit"]);
    assert!(run.code == 2 && !run.err.contains("changeit"), "{}", run.err);
}

#[test]
fn what_opens_the_store_is_said_once_and_an_empty_variable_is_named() {
    let shop = shop();
    let twice = shop.json(["--unlock", "file:a.key", "--key-file", "b.key", "ls"]);
    assert_eq!(refused(&twice, 2, "usage"), "give one of them");
    for variable in ["STRONGROOM_KEY_FILE", "STRONGROOM_ROLLBACK_GUARD", "STRONGROOM_UNLOCK"] {
        let run: Run = shop.command(["ls"]).env(variable, "").output().unwrap().into();
        let said =
            format!("error: the environment variable {variable} is empty: unset it, or give it a value\n");
        assert_eq!((run.code, run.err), (2, said));
    }
}

#[cfg(unix)]
#[test]
fn a_folder_where_a_file_is_meant_and_one_for_everybody_are_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = shop();
    let folder = shop.folder.path().join("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(folder.join("another")).unwrap();
    let backup = shop.run(["backup", folder.join("b.db").to_str().unwrap()]);
    let help = "  help: write the backup into a folder to which nobody else can write\n";
    assert!(backup.code != 0 && backup.err.ends_with(help), "{}", backup.err);
    assert!(backup.err.contains("others can write to the folder "), "{}", backup.err);
    let as_store = Command::new(binary()).arg("--store").arg(&folder).arg("ls").output().unwrap();
    let run: Run = as_store.into();
    assert!(run.err.ends_with("  help: give the path of a file in the folder\n"), "{}", run.err);
}

#[test]
fn advice_names_no_option_that_the_command_lacks_or_that_changes_nothing() {
    let shop = shop();
    for arguments in [
        &["rename", "www", "root"][..],
        &["import", "root", "pkcs12/www.p12", "--pass-in", "pass:changeit"],
        &["generate", "root", "--name", "a.test"],
        &["csr", "root", "--name", "a.test", "-o", "root.csr"],
    ] {
        let help = refused(&shop.json(arguments.iter().copied()), 4, "alias_taken");
        assert_eq!(help, "choose another alias", "{arguments:?}");
    }
}
