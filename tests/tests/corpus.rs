//! Files of other projects, if `STRONGROOM_CORPUS` says where they are: one test a file, which inspects it and, where
//! it should open, imports each of its keys.

use std::{fs, path::PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use strongroom::{
    Error, Password, ServerCertificateRequest,
    certificate::{CredentialError, EntrySelector},
    diagnostic::{DiagnosticCode, Severity},
    inspect::{FileReport, InspectRequest, Passwords, inspect},
    keystore::{ImportReport, Outcome},
    pkcs12::Pkcs12Error,
};
use strongroom_tests::{authority::now, scratch::Scratch};

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
    let verdict = inspect(InspectRequest::new(bytes, Passwords::new(&password), now()));
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
            import(&report, &password, bytes)?;
            wrong_password(row, bytes)
        }
        ("open", Err(error)) if row.firm => Err(format!("{}: {error}", error.code()).into()),
        ("reject", Ok(_)) => Err("opened; it must be refused".into()),
        _ => Ok(()),
    }
}

/// Imports every key of a file. What refuses is never the reader.
fn import(report: &FileReport, password: &Password, bytes: &[u8]) -> Result<(), Failed> {
    let mut scratch = Scratch::new(now());
    match import_one(&mut scratch, password, bytes, None) {
        Err(Error::Credential(CredentialError::Several { candidates, .. })) => {
            let numbers: Vec<usize> = report.entries.iter().map(|entry| entry.number).collect();
            if numbers != candidates.iter().map(|candidate| candidate.number).collect::<Vec<_>>() {
                return Err(format!("inspect numbers {numbers:?}, import others").into());
            }
            for candidate in candidates {
                let selector = EntrySelector::Number(candidate.number);
                let done = import_one(&mut scratch, password, bytes, Some(selector));
                let leaf = candidate.fingerprint.map(|leaf| leaf.to_string());
                match (&candidate.problem, done) {
                    // What is listed as unusable is refused for that reason, and nothing else.
                    (Some(problem), Err(error)) if error.code() == problem.code() => {}
                    (Some(problem), done) => return Err(format!("{problem}, and then {done:?}").into()),
                    (None, done) => {
                        judge(&mut scratch, report, done, Some(candidate.number), leaf.as_deref())?;
                    }
                }
            }
            Ok(())
        }
        other => judge(&mut scratch, report, other, None, None),
    }
}

fn import_one(
    scratch: &mut Scratch,
    password: &Password,
    bytes: &[u8],
    entry: Option<EntrySelector>,
) -> Result<ImportReport, Error> {
    let number = match entry {
        Some(EntrySelector::Number(number)) => number,
        _ => 0,
    };
    let alias = format!("entry{number}").parse()?;
    let mut request = ServerCertificateRequest::new(alias, bytes, password, now());
    request.opening.entry = entry;
    // What an administrator may allow; the rest is refused whatever they say.
    request.options.policy.allow =
        DiagnosticCode::ALL.iter().copied().filter(|code| code.severity() == Severity::Overridable).collect();
    scratch.keystore.import_server_certificate(request)
}

/// Whether the outcome fits what is in the file.
fn judge(
    scratch: &mut Scratch,
    report: &FileReport,
    done: Result<ImportReport, Error>,
    number: Option<usize>,
    leaf: Option<&str>,
) -> Result<(), Failed> {
    let alias = format!("entry{}", number.unwrap_or(0)).parse()?;
    let of_a_key = |fingerprint: &str| {
        report.certificates.iter().any(|certificate| {
            certificate.sha256.to_string() == fingerprint
                && report.keys.iter().any(|key| key.spki_sha256 == certificate.spki_sha256)
        })
    };
    match done {
        Ok(done) => {
            let entry = scratch.keystore.entry(&alias, now())?;
            let found = entry.certificate.fingerprint().to_string();
            let served = scratch.keystore.credential(&alias, now())?;
            let served = served.chain().first().map(|leaf| leaf.fingerprint().to_string());
            let fits = leaf.is_none_or(|leaf| leaf == found) && of_a_key(&found);
            if done.outcome == Outcome::Imported && fits && served.as_deref() == Some(&found) {
                return Ok(());
            }
            Err(format!("{:?} with the leaf {found}", done.outcome).into())
        }
        // A certificate was judged, or a kind of key that TLS does not serve.
        Err(
            Error::Validation(_)
            | Error::Credential(CredentialError::WeakKey { .. } | CredentialError::UnsupportedKey { .. }),
        ) if !report.keys.is_empty() => Ok(()),
        Err(Error::Pkcs12(Pkcs12Error::Nothing { .. }))
            if report.keys.is_empty() && report.certificates.is_empty() =>
        {
            Ok(())
        }
        Err(Error::Credential(CredentialError::NoPrivateKey)) if report.keys.is_empty() => Ok(()),
        Err(Error::Credential(CredentialError::NoCertificate)) if report.certificates.is_empty() => Ok(()),
        Err(Error::Credential(CredentialError::KeyMismatch))
            if !report.certificates.iter().any(|found| of_a_key(&found.sha256.to_string())) =>
        {
            Ok(())
        }
        Err(error) => Err(format!("import: {}: {error}", error.code()).into()),
    }
}

/// A file with a MAC tells a wrong password.
fn wrong_password(row: &Row, bytes: &[u8]) -> Result<(), Failed> {
    let wrong = Password::new(format!("{}-wrong", row.password.clone().unwrap_or_default()))?;
    match inspect(InspectRequest::new(bytes, Passwords::new(&wrong), now())) {
        Err(Error::Pkcs12(Pkcs12Error::WrongPassword)) => Ok(()),
        // Without a MAC only an encrypted part can tell, and without encryption nothing can.
        Ok((report, _)) if report.mac.is_none() => Ok(()),
        Err(Error::Pkcs12(Pkcs12Error::KeyPassword | Pkcs12Error::SafePassword)) => Ok(()),
        Ok(_) => Err("opened with a wrong password".into()),
        Err(error) => Err(format!("wrong password gives {}: {error}", error.code()).into()),
    }
}
