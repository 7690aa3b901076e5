//! Over TCP against nginx, one thread each: 1,000 certificates, renewals beside ours.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rcgen::KeyPair;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use strongroom_rustls::LiveTls;

use crate::{
    common::{self, Issued, P256, Store, provider},
    name, processor,
};

const NAMES: usize = 1_000;
/// Connections of one figure, and how many pairs of figures.
const CONNECTIONS: usize = 1_000;
const PAIRS: usize = 5;
const ANSWER: &[u8] = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nhi\n";

fn pem(label: &str, der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in der.chunks(3) {
        let number =
            three.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS[number >> (18 - 6 * place) & 63];
            text.push(if place <= three.len() { char::from(letter) } else { '=' });
        }
        if text.len() % 65 == 64 {
            text.push('\n');
        }
    }
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

/// nginx with these certificates; it ends with this value.
struct Nginx {
    child: Child,
    worker: u32,
    address: SocketAddr,
}

impl Nginx {
    fn start(folder: &Path, entries: &[(String, Issued)]) -> Option<Self> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut servers = String::new();
        for (number, (name, issued)) in entries.iter().enumerate() {
            let chain: String = issued.chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
            fs::write(folder.join(format!("{number}.pem")), chain).unwrap();
            fs::write(folder.join(format!("{number}.key")), pem("PRIVATE KEY", &issued.key)).unwrap();
            let _ = writeln!(
                servers,
                "server {{ listen {address} ssl; server_name {name}; ssl_certificate {number}.pem; ssl_certificate_key {number}.key; location / {{ return 200 \"hi\\n\"; }} }}"
            );
        }
        let config = folder.join("nginx.conf");
        let folder = folder.display();
        let text = format!(
            "daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; events {{ worker_connections 512; }} \
             http {{ access_log off; server_names_hash_max_size 8192; server_names_hash_bucket_size 128; ssl_session_cache off; \
             ssl_protocols TLSv1.2 TLSv1.3; keepalive_timeout 0; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; \
             fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n{servers} }}"
        );
        fs::write(&config, text).unwrap();
        let child =
            Command::new("nginx").arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            println!("nginx is not installed: left out");
            return None;
        };
        let mut nginx = Self { child, worker: 0, address };
        for _ in 0..200 {
            let children = format!("/proc/{0}/task/{0}/children", nginx.child.id());
            let worker = fs::read_to_string(children).ok().and_then(|text| text.trim().parse().ok());
            if let Some(worker) = worker.filter(|_| TcpStream::connect(address).is_ok()) {
                nginx.worker = worker;
                return Some(nginx);
            }
            thread::sleep(Duration::from_millis(50));
        }
        println!("nginx does not start: left out");
        None
    }

    /// The processor time of the worker up to now.
    fn processor(&self) -> Duration {
        // sched: nanoseconds on the processor.
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.worker)).unwrap();
        Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The worker ends with its master, which has to be asked.
        let _ = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

/// Answers so many connections on one thread; gives its processor time.
fn serve(listener: &TcpListener, config: &Arc<ServerConfig>) -> Duration {
    let begun = processor();
    for _ in 0..CONNECTIONS {
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(config)).unwrap(), tcp);
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        assert!(read > 0);
        stream.write_all(ANSWER).unwrap();
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }
    processor() - begun
}

/// Makes so many connections, one after the other.
fn connect(address: SocketAddr, client: &Arc<ClientConfig>) {
    for n in 0..CONNECTIONS {
        let server = name(n % NAMES).try_into().unwrap();
        let tcp = TcpStream::connect(address).unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(client), server).unwrap(), tcp);
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.ends_with(b"hi\n"));
    }
}

pub(crate) fn compare(client: &Arc<ClientConfig>, kind: &str, mut key: impl FnMut() -> KeyPair) {
    let store = Store::new();
    let mut entries = Vec::new();
    for n in 0..NAMES {
        let issued = store.ca.issue_for(&[&name(n)], key(), (-1, 90));
        common::import(&store.keystore, &format!("entry-{n}"), &issued);
        entries.push((name(n), issued));
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(nginx) = Nginx::start(folder.path(), &entries) else { return };
    let tls = LiveTls::builder(store.reader(), provider()).build().unwrap();
    assert!(tls.wait_ready(Duration::from_secs(60)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = tls.server_config();
    let ours = |renews: bool| {
        let done = AtomicBool::new(!renews);
        thread::scope(|scope| {
            let server = scope.spawn(|| serve(&listener, &config));
            let writer = scope.spawn(|| {
                let writer = store.writer();
                while !done.load(Ordering::Relaxed) {
                    let issued = store.ca.issue(&[&name(7)], P256, (-1, 91));
                    common::import(&writer, "entry-7", &issued);
                    thread::sleep(Duration::from_millis(200));
                }
            });
            connect(address, client);
            done.store(true, Ordering::Relaxed);
            writer.join().unwrap();
            server.join().unwrap()
        })
    };
    let theirs = || {
        let begun = nginx.processor();
        connect(nginx.address, client);
        nginx.processor() - begun
    };
    // Once unmeasured, each.
    ours(false);
    theirs();
    let mut pairs: Vec<(f64, Duration)> = (0..PAIRS)
        .map(|_| {
            let (theirs, ours) = (theirs(), ours(true));
            (theirs.as_secs_f64() / ours.as_secs_f64(), ours)
        })
        .collect();
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, ours) = pairs[PAIRS / 2];
    println!(
        "nginx, {kind} over TCP, {NAMES} certificates, renewals beside ours: {ratio:.2} of its connections for the same processor time ({:.0} us each)",
        ours.as_secs_f64() * 1e6 / 1_000.0
    );
}
