//! "Who can open this file", held against the programs that are installed here.

#[path = "readers/made.rs"]
mod made;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use strongroom::{
    Password,
    certificate::Fingerprint,
    inspect::{FileReport, InspectRequest, Passwords, inspect},
    pkcs12::Encryption,
};
use strongroom_tests::{authority::now, manifest};

/// A file, and what is said of it.
struct Sample {
    path: PathBuf,
    password: String,
    report: FileReport,
}

/// A program: the name in the report, and how it is asked.
struct Program {
    reader: &'static str,
    command: &'static str,
    opens: fn(&Path, &str, &FileReport) -> bool,
}

const PROGRAMS: [Program; 4] = [
    Program { reader: "OpenSSL 3 without -legacy", command: "openssl", opens: openssl },
    Program { reader: "Java 17 and 21", command: "keytool", opens: keytool },
    Program { reader: "NSS 3.87 (Firefox)", command: "pk12util", opens: nss },
    Program { reader: "GnuTLS 3.7", command: "certtool", opens: gnutls },
];

fn run(command: &mut Command) -> Option<Output> {
    // Java and GnuTLS convert a password from the locale's encoding.
    command.env("LC_ALL", "C.UTF-8").stdin(Stdio::null()).output().ok()
}

fn openssl(file: &Path, password: &str, _: &FileReport) -> bool {
    let mut command = Command::new("openssl");
    command.args(["pkcs12", "-nodes", "-passin", "env:P", "-in"]).arg(file).env("P", password);
    run(&mut command).is_some_and(|output| output.status.success())
}

/// Java decrypts keys only when it copies them, and calls a store whose entries it passed over a success: the copy tells
/// what came through.
fn keytool(file: &Path, password: &str, report: &FileReport) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("keytool");
    command
        .args(["-importkeystore", "-noprompt", "-srcstoretype", "PKCS12", "-deststoretype", "PKCS12"])
        // A new store wants six characters of ASCII.
        .args(["-srcstorepass:env", "P", "-deststorepass", "changeit", "-srckeystore"])
        .arg(file)
        .arg("-destkeystore")
        .arg(folder.path().join("copy.p12"))
        .env("P", password);
    if !run(&mut command).is_some_and(|output| output.status.success()) {
        return false;
    }
    let mut list = Command::new("keytool");
    list.args(["-list", "-rfc", "-storepass", "changeit", "-keystore"]).arg(folder.path().join("copy.p12"));
    let listed = run(&mut list).map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let listed = listed.unwrap_or_default();
    let came: BTreeSet<String> = pem::parse_many(&listed)
        .unwrap()
        .iter()
        .map(|block| Fingerprint::of(block.contents()).to_string())
        .collect();
    let keys: BTreeSet<_> = report.keys.iter().map(|key| (key.spki_sha256, &key.local_key_id)).collect();
    report.certificates.iter().all(|certificate| came.contains(&certificate.sha256.to_string()))
        && listed.matches("PrivateKeyEntry").count() == keys.len()
}

/// NSS lists what it would not import.
fn nss(file: &Path, password: &str, _: &FileReport) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("password");
    std::fs::write(&secret, password).unwrap();
    let database = format!("sql:{}", folder.path().display());
    let mut make = Command::new("certutil");
    make.args(["-N", "--empty-password", "-d", &database]);
    let mut command = Command::new("pk12util");
    command.args(["-d", &database, "-K", "", "-i"]).arg(file);
    if password.is_empty() {
        // It takes an empty file for none.
        command.args(["-W", ""]);
    } else {
        command.arg("-w").arg(secret);
    }
    run(&mut make).is_some() && run(&mut command).is_some_and(|output| output.status.success())
}

fn gnutls(file: &Path, password: &str, _: &FileReport) -> bool {
    certtool(file, &["--inder", "--password", password])
        || certtool(file, &["--password", password])
        || password.is_empty() && certtool(file, &["--inder", "--null-password"])
}

fn certtool(file: &Path, password: &[&str]) -> bool {
    let mut command = Command::new("certtool");
    command.arg("--p12-info").args(password).arg("--infile").arg(file);
    // It lists what it can and ends with success where it could not decrypt.
    run(&mut command).is_some_and(|output| {
        let text = [output.stdout, output.stderr].concat();
        output.status.success() && !String::from_utf8_lossy(&text).contains("error")
    })
}

fn names(protection: &[Encryption]) -> String {
    protection.iter().map(|layer| layer.algorithm.clone()).collect::<Vec<_>>().join(",")
}

/// Files, one for each way of protecting them, and each with a password that is more than plain text.
fn files() -> Vec<Sample> {
    let mut seen = BTreeSet::new();
    let mut files = Vec::new();
    for row in manifest::load().fixture {
        // No command takes a password of the key's own.
        if row.key_password.is_some() || !row.file.starts_with("pkcs12/") {
            continue;
        }
        let plain = row.password.chars().all(|c| c.is_ascii_alphanumeric()) && !row.password.is_empty();
        let password = Password::new(row.password.clone()).unwrap();
        let bytes = row.bytes();
        let Ok((report, remarks)) = inspect(InspectRequest::new(&bytes, Passwords::new(&password), now()))
        else {
            continue;
        };
        let mac = report.mac.as_ref().map(|mac| mac.algorithm.clone());
        let keys: Vec<String> = report.keys.iter().map(|key| names(&key.protection)).collect();
        let safes: Vec<String> = report
            .safes
            .iter()
            .map(|safe| format!("{} {:?}", names(safe.encryption.as_slice()), safe.bags))
            .collect();
        // Of what stays locked no rule speaks.
        if !report.locked_keys.is_empty() || report.safes.iter().any(|safe| safe.locked.is_some()) {
            continue;
        }
        // A file with nothing in it is opened by all and none.
        if report.keys.is_empty() && report.certificates.is_empty() {
            continue;
        }
        // Java reads secrets that it wrote itself, and no rule can tell those.
        if report.safes.iter().any(|safe| safe.bags.iter().any(|bag| bag == "secretBag")) {
            continue;
        }
        let password = if plain { String::new() } else { format!("{} {}", row.file, row.password) };
        let kinds: Vec<&str> = report.keys.iter().map(|key| key.algorithm.as_str()).collect();
        let codes: Vec<&str> = remarks.iter().map(|remark| remark.code.as_str()).collect();
        let bags = format!("{keys:?} {safes:?} {:?} {kinds:?}", report.skipped);
        if seen.insert(format!("{mac:?} {:?} {bags} {codes:?} {password}", report.encoding)) {
            let path = manifest::folder().join(&row.file);
            files.push(Sample { path, password: row.password, report });
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
    let mut files = files();
    let folder = tempfile::tempdir().unwrap();
    files.extend(made::samples(folder.path()));
    assert!(files.len() > 100, "only {} files", files.len());
    // Each waits for its program most of the time.
    let wrong: Vec<Vec<String>> = std::thread::scope(|scope| {
        let asked = PROGRAMS.map(|program| scope.spawn(|| disagreements(program, &files)));
        asked.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(wrong.concat(), Vec::<String>::new());
}

fn disagreements(program: Program, files: &[Sample]) -> Vec<String> {
    if run(Command::new(program.command).arg("--version")).is_none() {
        eprintln!("skipped: {} is not installed", program.command);
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for Sample { path, password, report } in files {
        let verdict = report.readers.iter().find(|reader| reader.name == program.reader).unwrap();
        if program.command == "certtool" && is_about_a_key(verdict.reason.as_deref(), report) {
            continue;
        }
        let opens = (program.opens)(path, password, report);
        if opens != verdict.opens {
            let said = verdict.reason.as_deref().unwrap_or("it opens");
            wrong.push(format!("{}: {}: opens {opens}, we say: {said}", program.command, path.display()));
        }
    }
    wrong
}

/// certtool counts keys without decrypting them: whether it could is not seen.
fn is_about_a_key(reason: Option<&str>, report: &FileReport) -> bool {
    let named = |layer: &Encryption| reason.is_some_and(|reason| reason.ends_with(&layer.algorithm));
    report.keys.iter().flat_map(|key| &key.protection).any(named)
        && !report.safes.iter().filter_map(|safe| safe.encryption.as_ref()).any(named)
}

#[test]
fn verdicts_say_what_a_program_makes_of_the_password_and_not_the_password() {
    let ascii = "it takes no password beyond printable ASCII";
    let latin1 = "it does not try the password as Latin-1 in place of UTF-8";
    let old = "it does not try the password as UTF-8 bytes taken for characters, as old OpenSSL versions did";
    let [openssl, java, nss, gnutls] = PROGRAMS.map(|program| program.reader);
    for (name, reader, expected) in [
        ("openssl-password-long", java, None),
        ("openssl-password-non-ascii", java, Some(ascii)),
        ("openssl-password-control-character", java, Some(ascii)),
        ("openssl-password-non-ascii", openssl, None),
        ("forged-password-latin1", openssl, Some(latin1)),
        ("forged-password-latin1", gnutls, Some(latin1)),
        ("forged-password-utf16-ascii", nss, None),
        ("forged-password-utf8-as-latin1", nss, Some(old)),
        ("forged-password-utf8-as-latin1-mac", openssl, Some(old)),
    ] {
        let row = manifest::named(name);
        let (bytes, password) = (row.bytes(), Password::new(row.password.clone()).unwrap());
        let (report, _) = inspect(InspectRequest::new(&bytes, Passwords::new(&password), now())).unwrap();
        let verdict = report.readers.iter().find(|verdict| verdict.name == reader).unwrap();
        assert_eq!(verdict.reason.as_deref(), expected, "{name}: {reader}");
        assert!(!format!("{:?}", report.readers).contains(&row.password), "{name}");
    }
}
