//! Every row of `fixtures/manifest.toml` is two tests: the file is imported at its instant, and inspected, and the
//! outcomes compared.

use std::{collections::BTreeSet, fs};

use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest as _, Sha256};
use strongroom::{
    Alias, Error, Password, ServerCertificateRequest,
    inspect::{FileReport, InspectRequest, Passwords, inspect},
    keystore::{EntryKind, ImportReport, Outcome},
};
use strongroom_tests::{
    manifest::{self, Fixture, Inspect, Manifest, Shown},
    scratch::Scratch,
};

fn main() {
    let arguments = Arguments::from_args();
    let manifest = manifest::load();
    let mut trials: Vec<Trial> = manifest
        .fixture
        .iter()
        .cloned()
        .map(|row| Trial::test(format!("import::{}", row.name), move || import(&row)))
        .collect();
    let inspections = manifest.fixture.iter().cloned();
    trials.extend(
        inspections.map(|row| Trial::test(format!("inspect::{}", row.name), move || inspected(&row))),
    );
    trials
        .push(Trial::test("manifest::lists_every_file_with_its_digest", move || lists_every_file(&manifest)));
    libtest_mimic::run(&arguments, trials).exit();
}

fn import(row: &Fixture) -> Result<(), Failed> {
    let mut scratch = Scratch::new(row.at());
    for (n, anchor) in row.anchors.iter().enumerate() {
        let alias: Alias = format!("ca{n}").parse().unwrap();
        scratch.keystore.import_authority(&alias, &manifest::read(anchor), row.at())?;
    }
    let before = (scratch.bytes(), aliases(&mut scratch));
    let outcome = run(&mut scratch, row);
    match (outcome, row.expect.as_str()) {
        (Ok(report), "ok") => accepted(&mut scratch, row, &report),
        (Err(error), expected) if expected == error.code() => {
            same("the listing", &before.1, &aliases(&mut scratch))?;
            if before.0 != scratch.bytes() {
                return Err("a refused import changed the store's bytes".into());
            }
            Ok(())
        }
        (Ok(_), expected) => Err(format!("imported; expected {expected}").into()),
        (Err(error), expected) => Err(format!("{}: {error}; expected {expected}", error.code()).into()),
    }
}

fn inspected(row: &Fixture) -> Result<(), Failed> {
    let password = Password::new(row.password.clone()).unwrap();
    let key_password = row.key_password.clone().map(|text| Password::new(text).unwrap());
    let mut passwords = Passwords::new(&password);
    passwords.keys = key_password.as_slice();
    let bytes = row.bytes();
    let outcome = inspect(InspectRequest::new(&bytes, passwords, row.at()));
    match (outcome, &row.inspect) {
        (Err(error), Some(Inspect::Refused(expected))) => same("code", &expected.as_str(), &error.code()),
        (Ok(_), Some(Inspect::Refused(expected))) => Err(format!("opened; expected {expected}").into()),
        (Err(error), _) => Err(format!("{}: {error}", error.code()).into()),
        (Ok((report, remarks)), expected) => {
            if let Some(Inspect::Shows(shown)) = expected {
                let mut found = Shown::of(&report, &remarks);
                if shown.attributes.is_none() {
                    found.attributes = None;
                }
                same("inspect", shown, &found)?;
            }
            shows_the_leaf(row, &report)
        }
    }
}

/// What was imported is in the file: the leaf, with its key.
fn shows_the_leaf(row: &Fixture, report: &FileReport) -> Result<(), Failed> {
    let Some(leaf) = &row.leaf else { return Ok(()) };
    let Some(found) = report.certificates.iter().find(|found| found.sha256.to_string() == *leaf) else {
        return Err(format!("{leaf} is not among the certificates").into());
    };
    same("key", &row.key, &found.key)?;
    let has_key = report.keys.iter().any(|key| key.spki_sha256 == found.spki_sha256);
    same("the key of the leaf", &true, &has_key)
}

fn run(scratch: &mut Scratch, row: &Fixture) -> Result<ImportReport, Error> {
    let file = row.bytes();
    let password = Password::new(row.password.clone()).unwrap();
    let mut request = ServerCertificateRequest::new("www".parse().unwrap(), &file, &password, row.at());
    request.opening.entry = row.entry.as_deref().map(|text| text.parse().expect("a selector"));
    request.options.policy.use_embedded = row.import_chain;
    let key_password = row.key_password.clone().map(|text| Password::new(text).unwrap());
    request.opening.key_passwords = key_password.as_slice();
    scratch.keystore.import_server_certificate(request)
}

fn accepted(scratch: &mut Scratch, row: &Fixture, report: &ImportReport) -> Result<(), Failed> {
    let entry = scratch.keystore.entry(&"www".parse().unwrap(), strongroom_tests::authority::now())?;
    same("kind", &EntryKind::Server, &entry.kind)?;
    same("outcome", &Outcome::Imported, &report.outcome)?;
    same("leaf", &row.leaf, &Some(entry.certificate.fingerprint().to_string()))?;
    same("key", &row.key, &Some(entry.certificate.key().to_string()))?;
    let names = entry.certificate.hosts().map(str::to_owned).collect::<Vec<_>>();
    same("names", &row.names, &Some(names))?;
    same("chain", &row.chain, &Some(report.chain.len()))?;
    same("imported", &row.imported, &Some(report.imported.len() - 1))?;
    let warnings: BTreeSet<String> = report.findings.iter().map(|finding| finding.code.to_string()).collect();
    same("warnings", &row.warnings, &Some(warnings.into_iter().collect()))?;

    // What a server would use, and nothing new the second time.
    let opened = scratch.keystore.credential(&"WWW".parse().unwrap(), strongroom_tests::authority::now())?;
    same("served leaf", &opened.chain()[0].fingerprint(), &entry.certificate.fingerprint())?;
    let again = run(scratch, row)?;
    same("second outcome", &Outcome::AlreadyPresent, &again.outcome)?;
    same("second import", &0, &again.imported.len())
}

fn aliases(scratch: &mut Scratch) -> Vec<String> {
    scratch
        .keystore
        .page(None, 1000, strongroom_tests::authority::now())
        .unwrap()
        .iter()
        .map(|entry| entry.alias.to_string())
        .collect()
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), Failed> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}").into())
}

fn lists_every_file(manifest: &Manifest) -> Result<(), Failed> {
    let listed: BTreeSet<(&str, &str)> = manifest
        .fixture
        .iter()
        .map(|row| (row.file.as_str(), row.sha256.as_str()))
        .chain(manifest.chain.iter().map(|row| (row.file.as_str(), row.sha256.as_str())))
        .collect();
    let mut found = BTreeSet::new();
    for folder in ["pkcs12", "chains", "other"] {
        for file in fs::read_dir(manifest::folder().join(folder))? {
            let path = format!("{folder}/{}", file?.file_name().to_string_lossy());
            let digest = Sha256::digest(manifest::read(&path));
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            found.insert((path, digest));
        }
    }
    let found: BTreeSet<(&str, &str)> =
        found.iter().map(|(path, digest)| (path.as_str(), digest.as_str())).collect();
    same("files", &listed, &found)
}
