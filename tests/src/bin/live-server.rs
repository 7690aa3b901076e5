//! A server over `strongroom-rustls`, as hosts write one: `live-server STORE KEY_FILE`. It says where it listens, and
//! then each event, a line each.
#![expect(clippy::print_stdout, reason = "its standard output is what the tests read")]

use std::{
    env,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use strongroom::{Keystore, UnlockKey};
use strongroom_rustls::LiveTls;

fn answer(config: Arc<ServerConfig>, stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut request = [0; 1024];
    if stream.read(&mut request).is_ok_and(|read| read > 0) {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nhi\n");
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [store, key] = arguments.as_slice() else { panic!("live-server STORE KEY_FILE") };
    let unlock = UnlockKey::read_file(key.as_ref()).unwrap();
    let keystore = Keystore::options(store).read_only().open(&unlock).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = LiveTls::builder(keystore, provider).default_alias("www").program("shop").build().unwrap();
    let events = tls.events();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening on {}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for event in events {
            println!("{event:?}");
        }
    });
    for stream in listener.incoming().flatten() {
        let config = tls.server_config();
        thread::spawn(move || answer(config, stream));
    }
}
