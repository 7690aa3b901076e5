//! Files of other projects, if `STRONGROOM_CORPUS` says where they are: one test a file.

use std::{fs, path::PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use strongroom::{Limits, Password, Passwords, Pkcs12Error, inspect};
use strongroom_tests::authority::NOW;

#[derive(Clone, Debug, Deserialize)]
struct Row {
    file: String,
    password: Option<String>,
    verdict: String,
    firm: bool,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    keys: usize,
}

#[expect(clippy::disallowed_methods, reason = "the place of the corpus comes from the environment")]
fn main() {
    let arguments = Arguments::from_args();
    let Some(folder) = std::env::var_os("STRONGROOM_CORPUS").map(|path| PathBuf::from(path).join("pkcs12"))
    else {
        let skipped =
            Trial::test("skipped_because_STRONGROOM_CORPUS_is_not_set", || Ok(())).with_ignored_flag(true);
        libtest_mimic::run(&arguments, vec![skipped]).exit();
    };
    let manifest = fs::read(folder.join("manifest.json")).expect("the corpus has a manifest");
    let rows: Vec<Row> = serde_json::from_slice(&manifest).expect("the manifest is a list of rows");
    let trials = rows
        .into_iter()
        .map(|row| {
            let path = folder.join(&row.file);
            Trial::test(format!("{}::{}", row.verdict, row.file), move || check(&row, &fs::read(path)?))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(row: &Row, bytes: &[u8]) -> Result<(), Failed> {
    let password = Password::new(row.password.clone().unwrap_or_default())?;
    let verdict = inspect(bytes, Passwords::new(&password), &Limits::default(), NOW);
    match (row.verdict.as_str(), verdict) {
        ("open", Ok((report, _))) => {
            let mut found: Vec<String> = report
                .certificates
                .iter()
                .map(|cert| cert.sha256.to_string().chars().take(12).collect())
                .collect();
            let mut expected = row.certificates.clone();
            found.sort();
            expected.sort();
            if found != expected || report.keys.len() != row.keys {
                return Err(format!(
                    "{} keys and {found:?}; expected {} and {expected:?}",
                    report.keys.len(),
                    row.keys
                )
                .into());
            }
            wrong_password(row, bytes)
        }
        ("open", Err(error)) if row.firm => Err(format!("{}: {error}", error.code()).into()),
        ("reject", Ok(_)) => Err("opened; it must be refused".into()),
        _ => Ok(()),
    }
}

/// A file with a MAC tells a wrong password.
fn wrong_password(row: &Row, bytes: &[u8]) -> Result<(), Failed> {
    let wrong = Password::new(format!("{}-wrong", row.password.clone().unwrap_or_default()))?;
    match inspect(bytes, Passwords::new(&wrong), &Limits::default(), NOW) {
        Err(Pkcs12Error::WrongPassword) => Ok(()),
        // Without a MAC only an encrypted part can tell, and without encryption nothing can.
        Ok((report, _)) if report.mac.is_none() => Ok(()),
        Err(Pkcs12Error::KeyPassword | Pkcs12Error::SafePassword) => Ok(()),
        Ok(_) => Err("opened with a wrong password".into()),
        Err(error) => Err(format!("wrong password gives {}: {error}", error.code()).into()),
    }
}
