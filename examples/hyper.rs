//! hyper over tokio-rustls: `cargo run --bin hyper -- keystore.db keystore.key 127.0.0.1:8443`.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{convert::Infallible, env, error::Error, sync::Arc};

use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use strongroom::{Keystore, UnlockKey};
use strongroom_rustls::LiveTls;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, store, key, address] =
        env::args().collect::<Vec<_>>().try_into().map_err(|_| "STORE KEY ADDRESS")?;
    let unlock = UnlockKey::read_file(key.as_ref())?;
    let keystore = Keystore::options(store).read_only().open(&unlock)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = LiveTls::builder(keystore, provider).default_alias("www").alpn(["http/1.1"]).build()?;

    let acceptor = TlsAcceptor::from(tls.server_config());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(tcp).await else { return };
            let hello =
                service_fn(|_| async { Ok::<_, Infallible>(Response::new("hello from hyper\n".to_owned())) });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), hello).await;
        });
    }
}
