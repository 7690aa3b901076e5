//! A reverse proxy for a fleet: `cargo run --bin proxy -- keystore.db keystore.key 127.0.0.1:8443 www.example.com=127.0.0.1:8080`
#![expect(clippy::print_stdout, reason = "an example says where it listens")]

use std::{collections::HashMap, env, error::Error, sync::Arc};

use strongroom::{Keystore, UnlockKey};
use strongroom_rustls::LiveTls;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("STORE KEY ADDRESS HOST=BACKEND...");
    let (store, key, address) = (next()?, next()?, next()?);
    let backends: HashMap<String, String> = arguments
        .filter_map(|pair| pair.split_once('=').map(|(host, to)| (host.to_owned(), to.to_owned())))
        .collect();
    let keystore = Keystore::options(store).read_only().open(&UnlockKey::read_file(key.as_ref())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = LiveTls::builder(keystore, provider).strict_sni().alpn(["http/1.1"]).build()?;

    let (acceptor, backends) = (TlsAcceptor::from(tls.server_config()), Arc::new(backends));
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (tcp, _) = listener.accept().await?;
        let (acceptor, backends) = (acceptor.clone(), Arc::clone(&backends));
        tokio::spawn(async move {
            let mut stream = acceptor.accept(tcp).await.ok()?;
            let backend = backends.get(stream.get_ref().1.server_name()?)?;
            let mut backend = TcpStream::connect(backend).await.ok()?;
            copy_bidirectional(&mut stream, &mut backend).await.ok()
        });
    }
}
