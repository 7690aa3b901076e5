//! Serves an entry by axum, and its next version as soon as it is imported: STORE KEY_FILE ALIAS ADDRESS.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example")]
use axum::{Router, routing::get};
use axum_server::{from_tcp_rustls, tls_rustls::RustlsConfig};
use rustls::{ServerConfig, crypto::aws_lc_rs::default_provider};
use std::{error::Error, net::TcpListener, path::Path, sync::Arc, thread, time::Duration};
use strongroom::{Alias, Keystore, UnixTime, UnlockKey};

fn tls(keystore: &Keystore, alias: &Alias) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let credential = keystore.credential(alias, UnixTime::now())?;
    let config = ServerConfig::builder_with_provider(default_provider().into());
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(config.with_single_cert(credential.chain_der(), credential.into_key())?.into())
}

fn watch(keystore: &Keystore, alias: &Alias, live: &RustlsConfig) -> Result<(), Box<dyn Error>> {
    loop {
        let seen = keystore.generation()?;
        live.reload_from_config(tls(keystore, alias)?);
        while keystore.wait_change(&seen, Duration::from_secs(60))?.is_none() {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("STORE KEY_FILE ALIAS ADDRESS");
    let keystore = Keystore::open(next()?, &UnlockKey::read_file(Path::new(&next()?))?)?;
    let (alias, listener) = (next()?.parse::<Alias>()?, TcpListener::bind(next()?)?);
    let live = RustlsConfig::from_config(tls(&keystore, &alias)?);
    println!("https://{}", listener.local_addr()?);
    let server = from_tcp_rustls(listener, live.clone())?;
    thread::spawn(move || {
        while let Err(error) = watch(&keystore, &alias, &live) {
            eprintln!("{error}; the former certificate is served"); // and it is looked for again
            thread::sleep(Duration::from_secs(1));
        }
    });
    Ok(server.serve(Router::new().route("/", get("hello")).into_make_service()).await?)
}
