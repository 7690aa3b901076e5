//! Clients that nobody here wrote, against every kind of key. One that is missing is skipped, and that is said.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test panics to fail, and says what it saw"
)]

mod common;

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use common::{ED25519, P256, P384, Store, provider, rsa};
use rustls::ServerConfig;
use strongroom_rustls::LiveTls;

/// Answers every request with the version of TLS and the name that the client asked for, as long as the process runs.
fn serve(config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            std::thread::spawn(move || {
                let connection = rustls::ServerConnection::new(config).unwrap();
                let mut stream = rustls::StreamOwned::new(connection, stream);
                let mut request = [0; 1024];
                if stream.read(&mut request).is_ok_and(|read| read > 0) {
                    let version = stream.conn.protocol_version().unwrap();
                    let line = format!("{version:?} {}\n", stream.conn.server_name().unwrap_or("-"));
                    let head = format!(
                        "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}",
                        line.len()
                    );
                    let _ = stream.write_all(format!("{head}\r\n\r\n{line}").as_bytes());
                }
                stream.conn.send_close_notify();
                let _ = stream.flush();
                // What the client says last: with it unread the connection would be reset.
                let _ = stream.sock.set_read_timeout(Some(Duration::from_secs(5)));
                let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
            });
        }
    });
    address
}

const KINDS: [&str; 4] = ["rsa", "p256", "p384", "ed25519"];

/// A server for each kind of key, whose default entry is of that kind, over one store.
struct World {
    _store: Store,
    _tls: Vec<LiveTls>,
    folder: tempfile::TempDir,
    ports: Vec<String>,
}

/// A store with an entry for each kind of key, and one name with two kinds.
fn world() -> World {
    let store = Store::new();
    for (kind, key) in [
        ("rsa", rsa()),
        ("p256", rcgen::KeyPair::generate_for(P256).unwrap()),
        ("p384", rcgen::KeyPair::generate_for(P384).unwrap()),
        ("ed25519", rcgen::KeyPair::generate_for(ED25519).unwrap()),
    ] {
        let name = name_of(kind);
        store.import(kind, &store.ca.issue_for(&[&name, "127.0.0.1"], key, (-1, 90)));
    }
    store.import("both-rsa", &store.ca.issue_for(&["both.example.com"], rsa(), (-1, 90)));
    store.import("both-ecdsa", &store.ca.issue(&["both.example.com"], P256, (-1, 90)));
    let live =
        |kind: &&str| LiveTls::builder(store.reader(), provider()).default_alias(*kind).build().unwrap();
    let tls: Vec<LiveTls> = KINDS.iter().map(live).collect();
    let ports = tls.iter().map(|tls| serve(tls.server_config()).port().to_string()).collect();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root.pem"), store.ca.root.pem()).unwrap();
    World { _store: store, _tls: tls, folder, ports }
}

fn name_of(kind: &str) -> String {
    format!("{kind}.example.com")
}

/// One connection: to the server whose default is of a kind, with the name of the entry or without any.
struct Case<'w> {
    kind: &'static str,
    name: String,
    port: &'w str,
    tls13: bool,
    sni: bool,
}

impl Case<'_> {
    /// What the server answers.
    fn answer(&self) -> String {
        let version = if self.tls13 { "TLSv1_3" } else { "TLSv1_2" };
        format!("{version} {}\n", if self.sni { &self.name } else { "-" })
    }
}

impl World {
    fn root(&self) -> String {
        self.folder.path().join("root.pem").to_str().unwrap().to_owned()
    }

    /// Every kind of key, both versions, with a name and without.
    fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        KINDS.into_iter().zip(&self.ports).flat_map(|(kind, port)| {
            [(true, true), (true, false), (false, true), (false, false)].map(|(tls13, sni)| Case {
                kind,
                name: name_of(kind),
                port,
                tls13,
                sni,
            })
        })
    }
}

/// The output of a program, or nothing where it is not installed.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Option<(bool, String)> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let mut to = child.stdin.take().unwrap();
    let _ = to.write_all(input);
    drop(to);
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[test]
fn openssl_connects_with_every_version_kind_and_name() {
    let world = world();
    let root = world.root();
    let look = |port: &str, more: &[&str]| {
        let address = format!("127.0.0.1:{port}");
        let arguments = ["s_client", "-connect", &address, "-CAfile", &root, "-verify_return_error"];
        run("openssl", &[&arguments, more].concat(), b"")
    };
    for case in world.cases() {
        let version = if case.tls13 { "-tls1_3" } else { "-tls1_2" };
        let asks = if case.sni { ["-servername", &case.name] } else { ["-noservername", "-showcerts"] };
        // Its certificate is the one of the kind that was asked for.
        let Some((done, text)) =
            look(case.port, &[&[version, "-verify_hostname", &case.name], &asks[..]].concat())
        else {
            return;
        };
        assert!(done && text.contains("Verify return code: 0 (ok)"), "{version} {}: {text}", case.kind);
    }
    // Of two kinds under one name each gets what it can use.
    for version in ["-tls1_2", "-tls1_3"] {
        for (schemes, kind) in [
            ("rsa_pss_rsae_sha256:RSA+SHA256", "Peer signature type: RSA-PSS"),
            ("ECDSA+SHA256", "Peer signature type: ECDSA"),
        ] {
            let (done, text) =
                look(&world.ports[1], &[version, "-servername", "both.example.com", "-sigalgs", schemes])
                    .unwrap();
            assert!(done && text.contains(kind), "{version} {schemes}: {text}");
        }
    }
    // One that cannot use the key is told so, and not given the default entry.
    for version in ["-tls1_2", "-tls1_3"] {
        let ed25519 = name_of("ed25519");
        let arguments = [version, "-servername", &ed25519, "-sigalgs", "ECDSA+SHA256"];
        let (done, text) = look(&world.ports[1], &arguments).unwrap();
        assert!(!done && text.contains("alert handshake failure"), "{version}: {text}");
    }
    let old = ["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-servername", "rsa.example.com"];
    let (done, text) = look(&world.ports[0], &old).unwrap();
    assert!(!done && text.contains("alert"), "{text}");
}

#[test]
fn curl_connects_with_every_version_kind_and_name() {
    let world = world();
    let root = world.root();
    for case in world.cases() {
        let (kind, port) = (case.kind, case.port);
        let resolve = format!("{}:{port}:127.0.0.1", case.name);
        // For an address curl sends no name, and the certificate has the address.
        let url = format!("https://{}:{port}/", if case.sni { &case.name } else { "127.0.0.1" });
        let versions =
            if case.tls13 { ["--tlsv1.3", "--tls-max", "1.3"] } else { ["--tlsv1.2", "--tls-max", "1.2"] };
        let arguments = ["-sS", "--cacert", &root, "--resolve", &resolve, &url];
        let Some((done, text)) = run("curl", &[&arguments[..], &versions].concat(), b"") else { return };
        assert!(done && text == case.answer(), "{kind}: {text}");
    }
}

#[test]
fn gnutls_connects_with_every_version_kind_and_name() {
    let world = world();
    let root = world.root();
    for case in world.cases() {
        let priority = format!("--priority=NORMAL:-VERS-ALL:+VERS-TLS1.{}", if case.tls13 { 3 } else { 2 });
        let mut arguments = vec!["--x509cafile", &root, "--verify-hostname", &case.name, "-p", case.port];
        arguments.push(&priority);
        arguments.extend(if case.sni { vec!["--sni-hostname", &case.name] } else { vec!["--disable-sni"] });
        arguments.push("127.0.0.1");
        let Some((done, text)) = run("gnutls-cli", &arguments, b"GET / HTTP/1.0\r\n\r\n") else { return };
        assert!(done && text.contains(&case.answer()), "{}: {text}", case.kind);
    }
}

#[test]
fn python_connects_with_every_version_kind_and_name() {
    let world = world();
    let script = "
import socket, ssl, sys
root = sys.argv[1]
for line in sys.stdin.read().splitlines():
    port, name, version, sni, answer = line.split(' ', 4)
    context = ssl.create_default_context(cafile=root)
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
    context.check_hostname = sni == 'sni'
    with socket.create_connection(('127.0.0.1', int(port))) as plain:
        with context.wrap_socket(plain, server_hostname=name if sni == 'sni' else None) as stream:
            names = [value for _, value in stream.getpeercert()['subjectAltName']]
            assert name in names, names
            stream.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
            text = b''
            while part := stream.recv(4096):
                text += part
            assert text.decode().strip().endswith(answer), text
# By its address as well, which the certificate of the default entry has.
context = ssl.create_default_context(cafile=root)
with socket.create_connection(('127.0.0.1', int(port))) as plain:
    context.wrap_socket(plain, server_hostname='127.0.0.1').close()
print('all of them')
";
    let lines: String = world
        .cases()
        .map(|case| {
            let version = if case.tls13 { "TLSv1_3" } else { "TLSv1_2" };
            let sni = if case.sni { "sni" } else { "none" };
            format!("{} {} {version} {sni} {}", case.port, case.name, case.answer())
        })
        .collect();
    if let Some((done, text)) = run("python3", &["-c", script, &world.root()], lines.as_bytes()) {
        assert!(done && text.contains("all of them"), "{text}");
    }
}

#[test]
fn java_connects_with_every_version_kind_and_name() {
    let world = world();
    let source = r#"
import java.io.*; import java.nio.file.*; import java.security.*; import java.security.cert.*; import java.util.*; import javax.net.ssl.*;
public class Client {
    public static void main(String[] args) throws Exception {
        KeyStore trust = KeyStore.getInstance(KeyStore.getDefaultType());
        trust.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(args[0]))) {
            trust.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trust);
        for (String line; (line = READER.readLine()) != null; ) {
            String[] words = line.split(" ", 5);
            // A context of its own: a session that is resumed brings its name along.
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, factory.getTrustManagers(), null);
            SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", Integer.parseInt(words[0]));
            SSLParameters parameters = socket.getSSLParameters();
            parameters.setServerNames(words[3].equals("sni") ? List.of(new SNIHostName(words[1])) : List.of());
            parameters.setProtocols(new String[] {words[2]});
            socket.setSSLParameters(parameters);
            socket.getOutputStream().write("GET / HTTP/1.0\r\n\r\n".getBytes());
            String answer = new String(socket.getInputStream().readAllBytes()).strip();
            if (!answer.endsWith(words[4])) throw new Exception(line + ": " + answer);
            X509Certificate leaf = (X509Certificate) socket.getSession().getPeerCertificates()[0];
            if (!leaf.getSubjectAlternativeNames().toString().contains(words[1])) throw new Exception(line + " " + leaf);
            socket.close();
        }
        System.out.println("all of them");
    }
    static final BufferedReader READER = new BufferedReader(new InputStreamReader(System.in));
}
"#;
    let file = world.folder.path().join("Client.java");
    std::fs::write(&file, source).unwrap();
    let lines: String = world
        .cases()
        .map(|case| {
            let version = if case.tls13 { "TLSv1.3" } else { "TLSv1.2" };
            let sni = if case.sni { "sni" } else { "none" };
            format!("{} {} {version} {sni} {}", case.port, case.name, case.answer())
        })
        .collect();
    if let Some((done, text)) = run("java", &[file.to_str().unwrap(), &world.root()], lines.as_bytes()) {
        assert!(done && text.contains("all of them"), "{text}");
    }
}

/// Chromium with a profile of its own that trusts the root; `None` where it or NSS's certutil is missing.
struct Chromium {
    program: &'static str,
    home: PathBuf,
}

impl Chromium {
    fn new(world: &World) -> Option<Self> {
        let there = |program: &&str| Command::new(program).arg("--version").output().is_ok();
        let program = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(there);
        let home = world.folder.path().join("home");
        let database = home.join(".pki/nssdb");
        std::fs::create_dir_all(&database).unwrap();
        let database = format!("sql:{}", database.display());
        let Some(program) = program else {
            eprintln!("skipped: Chromium is not installed");
            return None;
        };
        run("certutil", &["-d", &database, "-N", "--empty-password"], b"")?;
        let trusted =
            run("certutil", &["-d", &database, "-A", "-n", "root", "-t", "C,,", "-i", &world.root()], b"")?;
        assert!(trusted.0, "{}", trusted.1);
        Some(Self { program, home })
    }

    /// The page as it is shown, and what Chromium logs.
    fn page(&self, case: &Case<'_>) -> String {
        let host = if case.sni { &case.name } else { "127.0.0.1" };
        let output = Command::new(self.program)
            .env("HOME", &self.home)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args([
                "--enable-logging=stderr",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-proxy-server",
            ])
            .arg(format!("--user-data-dir={}", self.home.join("profile").display()))
            .arg("--host-resolver-rules=MAP *.example.com 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
            .arg(format!("--ssl-version-max=tls1.{}", if case.tls13 { 3 } else { 2 }))
            .args(["--dump-dom", &format!("https://{host}:{}/", case.port)])
            .output()
            .unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

#[test]
fn chromium_connects_to_every_kind_but_ed25519_which_it_does_not_offer() {
    let world = world();
    let Some(chromium) = Chromium::new(&world) else { return };
    for case in world.cases() {
        let page = chromium.page(&case);
        let (kind, answer) = (case.kind, case.answer());
        if kind == "ed25519" {
            assert!(page.contains("net::ERR_SSL_"), "{kind} {answer}: {page}");
            assert!(!page.contains(answer.trim()), "{kind} {answer}: {page}");
        } else {
            assert!(page.contains(answer.trim()), "{kind} {answer}: {page}");
        }
    }
}
