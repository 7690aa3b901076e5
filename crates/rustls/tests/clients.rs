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
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use common::{ED25519, P256, P384, Store, provider, rsa};
use rustls::ServerConfig;
use strongroom_rustls::LiveTls;

/// Answers every request with one line, for as long as the process runs.
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
                    let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nhi\n");
                }
                stream.conn.send_close_notify();
                let _ = stream.flush();
            });
        }
    });
    address
}

struct World {
    _store: Store,
    _tls: LiveTls,
    folder: tempfile::TempDir,
    address: SocketAddr,
}

/// A server with an entry for each kind of key, the default one of P-256, and one name with two kinds.
fn world() -> World {
    let store = Store::new();
    for (alias, algorithm) in [("p256", P256), ("p384", P384), ("ed25519", ED25519)] {
        let name = format!("{alias}.example.com");
        store.import(alias, &store.ca.issue(&[&name, "127.0.0.1"], algorithm, (-1, 90)));
    }
    store.import("rsa", &store.ca.issue_for(&["rsa.example.com"], rsa(), (-1, 90)));
    store.import("both-rsa", &store.ca.issue_for(&["both.example.com"], rsa(), (-1, 90)));
    store.import("both-ecdsa", &store.ca.issue(&["both.example.com"], P256, (-1, 90)));
    let tls = LiveTls::builder(store.reader(), provider()).default_alias("p256").build().unwrap();
    let address = serve(tls.server_config());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root.pem"), store.ca.root.pem()).unwrap();
    World { _store: store, _tls: tls, folder, address }
}

impl World {
    fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
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

const KINDS: [&str; 4] = ["rsa", "p256", "p384", "ed25519"];

#[test]
fn openssl_connects_with_every_version_kind_and_name() {
    let world = world();
    let (address, root) = (world.address.to_string(), world.root());
    let look = |more: &[&str]| {
        let arguments =
            ["s_client", "-connect", &address, "-CAfile", root.to_str().unwrap(), "-verify_return_error"];
        run("openssl", &[&arguments, more].concat(), b"")
    };
    for version in ["-tls1_2", "-tls1_3"] {
        for kind in KINDS {
            let name = format!("{kind}.example.com");
            let Some((done, text)) = look(&[version, "-servername", &name, "-verify_hostname", &name]) else {
                return;
            };
            assert!(done && text.contains("Verify return code: 0 (ok)"), "{version} {kind}: {text}");
        }
        let (done, text) = look(&[version, "-noservername"]).unwrap();
        assert!(done && text.contains("Verify return code: 0 (ok)"), "{version}: {text}");
        // Of two kinds under one name each gets what it can use.
        for (schemes, kind) in [
            ("rsa_pss_rsae_sha256:RSA+SHA256", "Peer signature type: RSA-PSS"),
            ("ECDSA+SHA256", "Peer signature type: ECDSA"),
        ] {
            let (done, text) =
                look(&[version, "-servername", "both.example.com", "-sigalgs", schemes]).unwrap();
            assert!(done && text.contains(kind), "{version} {schemes}: {text}");
        }
    }
    let (done, text) =
        look(&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", "-servername", "rsa.example.com"]).unwrap();
    assert!(!done && text.contains("alert"), "{text}");
}

#[test]
fn curl_and_gnutls_connect_to_every_kind() {
    let world = world();
    let (port, root) = (world.address.port().to_string(), world.root());
    let root = root.to_str().unwrap();
    for kind in KINDS {
        let name = format!("{kind}.example.com");
        let resolve = format!("{name}:{port}:127.0.0.1");
        let url = format!("https://{name}:{port}/");
        if let Some((done, text)) = run("curl", &["-sS", "--cacert", root, "--resolve", &resolve, &url], b"")
        {
            assert!(done && text == "hi\n", "{kind}: {text}");
        }
        let arguments = [
            "--x509cafile",
            root,
            "--sni-hostname",
            &name,
            "--verify-hostname",
            &name,
            "-p",
            &port,
            "127.0.0.1",
        ];
        if let Some((done, text)) = run("gnutls-cli", &arguments, b"GET / HTTP/1.0\r\n\r\n") {
            assert!(done && text.contains("Handshake was completed"), "{kind}: {text}");
        }
    }
}

#[test]
fn python_connects_to_every_kind() {
    let world = world();
    let script = "
import socket, ssl, sys
port, root = int(sys.argv[1]), sys.argv[2]
for name in sys.argv[3:]:
    context = ssl.create_default_context(cafile=root)
    with socket.create_connection(('127.0.0.1', port)) as plain:
        with context.wrap_socket(plain, server_hostname=name) as stream:
            names = [value for _, value in stream.getpeercert()['subjectAltName']]
            assert name in names, names
print('all of them')
";
    let (port, root) = (world.address.port().to_string(), world.root());
    let names: Vec<String> = KINDS.iter().map(|kind| format!("{kind}.example.com")).collect();
    let mut arguments = vec!["-c", script, &port, root.to_str().unwrap()];
    arguments.extend(names.iter().map(String::as_str));
    // By its address as well: the certificate of the default entry has it.
    arguments.push("127.0.0.1");
    let script_of_addresses = script.replace("names = [value", "names = [name] + [value");
    arguments[1] = &script_of_addresses;
    if let Some((done, text)) = run("python3", &arguments, b"") {
        assert!(done && text.contains("all of them"), "{text}");
    }
}

#[test]
fn java_connects_to_every_kind() {
    let world = world();
    let source = r#"
import java.io.*; import java.nio.file.*; import java.security.*; import java.security.cert.*; import java.util.*; import javax.net.ssl.*;
public class Client {
    public static void main(String[] args) throws Exception {
        KeyStore trust = KeyStore.getInstance(KeyStore.getDefaultType());
        trust.load(null, null);
        try (InputStream in = Files.newInputStream(Path.of(args[1]))) {
            trust.setCertificateEntry("root", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(trust);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        for (String name : Arrays.copyOfRange(args, 2, args.length)) {
            for (String version : new String[] {"TLSv1.2", "TLSv1.3"}) {
                SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket("127.0.0.1", Integer.parseInt(args[0]));
                SSLParameters parameters = socket.getSSLParameters();
                parameters.setServerNames(List.of(new SNIHostName(name)));
                parameters.setProtocols(new String[] {version});
                socket.setSSLParameters(parameters);
                socket.startHandshake();
                X509Certificate leaf = (X509Certificate) socket.getSession().getPeerCertificates()[0];
                if (!leaf.getSubjectAlternativeNames().toString().contains(name)) throw new Exception(name + " " + leaf);
                socket.close();
            }
        }
        System.out.println("all of them");
    }
}
"#;
    let file = world.folder.path().join("Client.java");
    std::fs::write(&file, source).unwrap();
    let (port, root) = (world.address.port().to_string(), world.root());
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut arguments = vec![text(&file), port, text(&root)];
    arguments.extend(KINDS.iter().map(|kind| format!("{kind}.example.com")));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Some((done, text)) = run("java", &arguments, b"") {
        assert!(done && text.contains("all of them"), "{text}");
    }
}
