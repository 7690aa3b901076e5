//! A server built on `strongroom-api` as a library: `cargo run --example serve -- FOLDER ADDRESS < PASSWORD`.
//!
//! Makes a keystore in an empty FOLDER with the administrator `siteadmin`, whose password is the first line of the
//! input, and serves the API at ADDRESS with a self-signed certificate.

use std::{error::Error, net::SocketAddr, path::PathBuf};

use axum_server::tls_rustls::RustlsConfig;
use strongroom::{Keystore, Password, UnixTime, UnlockKey};
use strongroom_api::{ApiState, Settings, router};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("FOLDER is missing")?);
    let address: SocketAddr =
        arguments.next().ok_or("ADDRESS is missing, for example 127.0.0.1:7443")?.parse()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;

    let unlock = UnlockKey::generate()?;
    unlock.create_file(&folder.join("keystore.key"))?;
    let keystore = Keystore::create(folder.join("keystore.db"), &unlock, UnixTime::now())?;
    keystore.add_administrator(
        &"siteadmin".parse()?,
        &Password::new(line.trim_end_matches(['\r', '\n']))?,
        UnixTime::now(),
    )?;

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let tls =
        RustlsConfig::from_der(vec![made.cert.der().to_vec()], made.signing_key.serialize_der()).await?;
    let api = router(ApiState::new(keystore, Settings::new("localhost"), UnixTime::now));
    axum_server::bind_rustls(address, tls).serve(api.into_make_service()).await?;
    Ok(())
}
