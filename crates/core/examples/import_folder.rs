//! Imports every PKCS #12 file of a folder, each under the name of its file:
//! `cargo run --example import_folder -- STORE KEY_FILE FOLDER < PASSWORD`.
//!
//! A file that is refused stops none of the others; its line says why, and what to do.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it found")]

use std::{error::Error, fs, path::Path, process::ExitCode};

use strongroom::{Alias, Keystore, Password, ServerCertificateRequest, UnixTime, UnlockKey};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [store, key, folder] = arguments.as_slice() else {
        return Err("STORE, KEY_FILE and FOLDER are needed".into());
    };
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let password = Password::new(line.trim_end_matches(['\r', '\n']))?;
    let keystore = Keystore::open(store, &UnlockKey::read_file(Path::new(key))?)?;

    let mut paths =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.retain(|path| path.extension().is_some_and(|end| end == "p12" || end == "pfx"));
    paths.sort();
    let mut code = ExitCode::SUCCESS;
    for path in paths {
        match import(&keystore, &path, &password) {
            Ok(line) => println!("{line}"),
            Err(refused) => {
                println!("{}: {refused}", path.display());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn import(keystore: &Keystore, path: &Path, password: &Password) -> Result<String, Box<dyn Error>> {
    let alias: Alias = path.file_stem().unwrap_or_default().to_string_lossy().parse()?;
    let file = fs::read(path)?;
    let request = ServerCertificateRequest::new(alias, &file, password, UnixTime::now());
    let report = keystore.import_server_certificate(request).map_err(|refused| match refused.help() {
        Some(help) => format!("{refused}; {help}"),
        None => refused.to_string(),
    })?;
    Ok(format!("{} {}", report.alias, report.outcome.as_str()))
}
