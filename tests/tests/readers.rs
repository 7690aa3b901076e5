//! "Who can open this file", held against the programs that are installed here.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output, Stdio},
};

use strongroom::{Encryption, FileReport, InspectRequest, Password, Passwords, inspect};
use strongroom_tests::{
    authority::NOW,
    manifest::{self, Fixture},
};

/// A program: the name in the report, and how it is asked.
struct Program {
    reader: &'static str,
    command: &'static str,
    opens: fn(&Path, &str) -> bool,
}

const PROGRAMS: [Program; 4] = [
    Program { reader: "OpenSSL 3 without -legacy", command: "openssl", opens: openssl },
    Program { reader: "Java 17 and 21", command: "keytool", opens: keytool },
    Program { reader: "NSS 3.87 (Firefox)", command: "pk12util", opens: nss },
    Program { reader: "GnuTLS 3.7", command: "certtool", opens: gnutls },
];

fn run(command: &mut Command) -> Option<Output> {
    command.stdin(Stdio::null()).output().ok()
}

fn openssl(file: &Path, password: &str) -> bool {
    let mut command = Command::new("openssl");
    command.args(["pkcs12", "-nodes", "-passin", "env:P", "-in"]).arg(file).env("P", password);
    run(&mut command).is_some_and(|output| output.status.success())
}

/// Java decrypts keys only when it copies them; `-list` would look at certificates alone.
fn keytool(file: &Path, password: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("keytool");
    command
        .args(["-importkeystore", "-noprompt", "-srcstoretype", "PKCS12", "-deststoretype", "PKCS12"])
        .args(["-srcstorepass:env", "P", "-deststorepass:env", "P", "-srckeystore"])
        .arg(file)
        .arg("-destkeystore")
        .arg(folder.path().join("copy.p12"))
        .env("P", password);
    // It calls a store whose entries it passed over a success.
    run(&mut command).is_some_and(|output| {
        output.status.success()
            && !String::from_utf8_lossy(&output.stderr).contains(" 0 entries successfully")
    })
}

fn nss(file: &Path, password: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("password");
    std::fs::write(&secret, password).unwrap();
    let database = format!("sql:{}", folder.path().display());
    let mut make = Command::new("certutil");
    make.args(["-N", "--empty-password", "-d", &database]);
    let mut command = Command::new("pk12util");
    command.args(["-d", &database, "-w"]).arg(secret).arg("-l").arg(file);
    run(&mut make).is_some() && run(&mut command).is_some_and(|output| output.status.success())
}

fn gnutls(file: &Path, password: &str) -> bool {
    let mut command = Command::new("certtool");
    command.args(["--p12-info", "--inder", "--password", password, "--infile"]).arg(file);
    // It lists what it can and ends with success where it could not decrypt.
    run(&mut command).is_some_and(|output| {
        let text = [output.stdout, output.stderr].concat();
        output.status.success() && !String::from_utf8_lossy(&text).contains("error")
    })
}

fn names(protection: &[Encryption]) -> String {
    protection.iter().map(|layer| layer.algorithm.clone()).collect::<Vec<_>>().join(",")
}

/// Files with a plain password, one for each way of protecting them: the rules speak of algorithms only.
fn files() -> Vec<(Fixture, FileReport)> {
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for row in manifest::load().fixture {
        let plain = row.password.is_ascii() && row.password.len() >= 6 && !row.password.ends_with(' ');
        if !plain || !row.file.starts_with("pkcs12/") {
            continue;
        }
        let password = Password::new(row.password.clone()).unwrap();
        let bytes = row.bytes();
        let Ok((report, _)) = inspect(InspectRequest::new(&bytes, Passwords::new(&password), NOW)) else {
            continue;
        };
        let mac = report.mac.as_ref().map(|mac| mac.algorithm.clone());
        let keys: Vec<String> = report.keys.iter().map(|key| names(&key.protection)).collect();
        let safes: Vec<String> = report
            .safes
            .iter()
            .map(|safe| format!("{} {:?}", names(safe.encryption.as_slice()), safe.bags))
            .collect();
        // Java reads secrets that it wrote itself, and no rule can tell those.
        if report.safes.iter().any(|safe| safe.bags.iter().any(|bag| bag == "secretBag")) {
            continue;
        }
        if seen.insert(format!("{mac:?} {:?} {keys:?} {safes:?}", report.encoding)) {
            files.push((row, report));
        }
    }
    files
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whether to run it comes from the environment")]
fn verdicts_agree_with_the_programs_that_are_here() {
    if std::env::var_os("STRONGROOM_PEERS").is_none() {
        eprintln!("skipped: it takes a minute; set STRONGROOM_PEERS to run it");
        return;
    }
    let files = files();
    assert!(files.len() > 30, "only {} files", files.len());
    for program in PROGRAMS {
        if run(Command::new(program.command).arg("--version")).is_none() {
            eprintln!("skipped: {} is not installed", program.command);
            continue;
        }
        let mut wrong = Vec::new();
        for (row, report) in &files {
            let verdict = report.readers.iter().find(|reader| reader.name == program.reader).unwrap();
            // certtool counts keys without decrypting them.
            let by_key_alone = report.keys.iter().any(|key| names(&key.protection).contains("2-key"));
            if program.command == "certtool" && by_key_alone {
                continue;
            }
            let opens = (program.opens)(&manifest::folder().join(&row.file), &row.password);
            if opens != verdict.opens {
                wrong.push(format!("{}: opens {opens}, we say {:?}", row.file, verdict.reason));
            }
        }
        assert_eq!(wrong, Vec::<String>::new(), "{}", program.reader);
    }
}
