//! gRPC with mutual TLS, clients under the store's CAs alone: `cargo run --bin tonic -- keystore.db keystore.key 127.0.0.1:8443`.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{env, error::Error, net::TcpListener, sync::Arc};

use axum_server::tls_rustls::RustlsConfig;
use strongroom::{Keystore, UnlockKey};
use strongroom_rustls::{ClientAuth, LiveTls};
use tonic::service::Routes;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, store, key, address] =
        env::args().collect::<Vec<_>>().try_into().map_err(|_| "STORE KEY ADDRESS")?;
    let unlock = UnlockKey::read_file(key.as_ref())?;
    let keystore = Keystore::options(store).read_only().open(&unlock)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = LiveTls::builder(keystore, provider)
        .default_alias("www")
        .alpn(["h2"])
        .client_auth(ClientAuth::Required)
        .build()?;

    // tonic's own TLS takes PEM alone; its services are a router, which axum-server serves.
    let (_reporter, health) = tonic_health::server::health_reporter();
    let app = Routes::new(health).into_axum_router();
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    axum_server::from_tcp_rustls(listener, RustlsConfig::from_config(tls.server_config()))?
        .serve(app.into_make_service())
        .await?;
    Ok(())
}
