//! A host that keeps its own data in SQLite by diesel, and its server certificates in Strongroom.
//!
//! Built with the feature `tracing`: the spans have alias, stage and code, and no secret. Ends with an error where something
//! is not as it should be.

mod spans;

use std::{error::Error, fs, path::Path};

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, dsl::sql, sql_types::Text};
use strongroom::{Keystore, Password, ServerCertificateRequest, UnixTime, UnlockKey, keystore::KeptSlot, seal::UnlockSource, validate::Policy};

use self::spans::Spans;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fixtures");

/// What the spans of this program are, one a line.
const EXPECTED: [&str; 6] = [
    "import alias=root",
    "import alias=www stage=mac code=wrong_password",
    "import alias=www",
    "verify alias=www",
    "rekey",
    "open",
];

fn main() -> Result<(), Box<dyn Error>> {
    let spans = Spans::default();
    tracing::subscriber::set_global_default(spans.clone())?;
    let mut own = SqliteConnection::establish(":memory:")?;
    let version: String = diesel::select(sql::<Text>("sqlite_version()")).get_result(&mut own)?;
    let folder = tempfile::tempdir()?;
    let aliases = aliases(&folder.path().join("keystore.db"))?;
    println!("diesel with SQLite {version}; in the keystore: {}", aliases.join(", "));

    let found = spans.lines();
    if found != EXPECTED {
        return Err(format!("the spans are {found:#?}").into());
    }
    Ok(())
}

fn aliases(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let now = UnixTime::now();
    let unlock = UnlockKey::generate()?;
    let keystore = Keystore::create(path, &unlock, now)?;
    let root = fs::read(Path::new(FIXTURES).join("chains/root-rsa.pem"))?;
    keystore.import_authority(&"root".parse()?, &root, now)?;
    let file = fs::read(Path::new(FIXTURES).join("pkcs12/www.p12"))?;
    let (wrong, password) = (Password::new("not-this-one")?, Password::new("changeit")?);
    let request = ServerCertificateRequest::new("www".parse()?, &file, &wrong, now);
    if keystore.import_server_certificate(request).is_ok() {
        return Err("a wrong password opened the file".into());
    }
    let request = ServerCertificateRequest::new("www".parse()?, &file, &password, now);
    keystore.import_server_certificate(request)?;
    keystore.verify(&"www".parse()?, &Policy::default(), now)?;
    keystore.rekey(&[KeptSlot::new(0, UnlockSource::KeyFile("keystore.key".to_owned()), &unlock)], now)?;
    drop(keystore);
    let keystore = Keystore::open(path, &unlock)?;
    keystore.entries(now).map(|entry| Ok(entry?.alias.to_string())).collect()
}
