//! Plain TLS with tokio-rustls: `cargo run --bin tokio_rustls -- keystore.db keystore.key 127.0.0.1:8443`.
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{env, error::Error, sync::Arc};

use strongroom::{Keystore, UnlockKey};
use strongroom_rustls::LiveTls;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [_, store, key, address] =
        env::args().collect::<Vec<_>>().try_into().map_err(|_| "STORE KEY ADDRESS")?;
    let unlock = UnlockKey::read_file(key.as_ref())?;
    let keystore = Keystore::options(store).read_only().open(&unlock)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = LiveTls::builder(keystore, provider).default_alias("www").build()?;

    let acceptor = TlsAcceptor::from(tls.server_config());
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let mut stream = acceptor.accept(tcp).await?;
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await?;
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello from tokio-rustls\n").await?;
            stream.shutdown().await
        });
    }
}
