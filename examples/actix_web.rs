//! actix-web, which takes a configuration of its own: `cargo run --bin actix_web -- keystore.db keystore.key 127.0.0.1:8443`.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{env, error::Error, net::TcpListener, sync::Arc};

use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;
use strongroom::{Keystore, UnlockKey};
use strongroom_rustls::LiveTls;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, store, key, address] =
        env::args().collect::<Vec<_>>().try_into().map_err(|_| "STORE KEY ADDRESS")?;
    let unlock = UnlockKey::read_file(key.as_ref())?;
    let keystore = Keystore::options(store).read_only().open(&unlock)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = LiveTls::builder(keystore, provider).default_alias("www").build()?;

    let listener = TcpListener::bind(address)?;
    println!("listening on {}", listener.local_addr()?);
    // A clone shares tickets, sessions and all that is live; actix-web puts its own protocols before ours.
    let config = ServerConfig::clone(&tls.server_config());
    HttpServer::new(|| App::new().route("/", web::get().to(|| async { "hello from actix-web\n" })))
        .workers(2)
        .listen_rustls_0_23(listener, config)?
        .run()
        .await?;
    Ok(())
}
