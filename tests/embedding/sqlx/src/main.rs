//! A host that keeps its own data in SQLite by sqlx, and its server certificates in Strongroom.
//!
//! Built without the feature `legacy-pfx`: a file of RC2 is refused by name. Ends with an error where something is not as
//! it should be.

use std::{error::Error, fs, path::Path};

use sqlx::{Connection as _, SqliteConnection};
use strongroom::{Keystore, Password, ServerCertificateRequest, UnixTime, UnlockKey, pkcs12::Pkcs12Error};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fixtures");
const RC2: &str = "pkcs12/openssl-3.0.19.rsa2048.rc2-40-3des.chain2.p12";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut own = SqliteConnection::connect("sqlite::memory:").await?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut own).await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("keystore.db");
    // The engine blocks: an asynchronous host calls it on a thread for that.
    let aliases = tokio::task::spawn_blocking(move || aliases(&path)).await??;
    println!("sqlx with SQLite {version}; in the keystore: {}", aliases.join(", "));
    Ok(())
}

fn aliases(path: &Path) -> Outcome<Vec<String>> {
    let unlock = UnlockKey::generate()?;
    let keystore = Keystore::create(path, &unlock, UnixTime::now())?;
    let root = fs::read(Path::new(FIXTURES).join("chains/root-rsa.pem"))?;
    keystore.import_authority(&"root".parse()?, &root, UnixTime::now())?;
    let (file, password) = (fs::read(Path::new(FIXTURES).join("pkcs12/www.p12"))?, Password::new("changeit")?);
    let request = ServerCertificateRequest::new("www".parse()?, &file, &password, UnixTime::now());
    keystore.import_server_certificate(request)?;

    let legacy = fs::read(Path::new(FIXTURES).join(RC2))?;
    let request = ServerCertificateRequest::new("old".parse()?, &legacy, &password, UnixTime::now());
    match keystore.import_server_certificate(request) {
        Err(strongroom::Error::Pkcs12(refused @ Pkcs12Error::LegacyAlgorithm { .. })) => {
            let words = format!("{refused}; {:?}", refused.remedies());
            if !words.contains("RC2") || !words.contains("legacy-pfx") {
                return Err(format!("the refusal names neither algorithm nor feature: {words}").into());
            }
        }
        other => return Err(format!("a file of RC2 without legacy-pfx: {other:?}").into()),
    }
    drop(keystore);
    let keystore = Keystore::open(path, &unlock)?;
    keystore.entries(UnixTime::now()).map(|entry| Ok(entry?.alias.to_string())).collect()
}
