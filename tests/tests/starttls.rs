//! `verify --connect --starttls` against servers that nobody here wrote. Each is left out, and that is said, where it is
//! not installed.
#![cfg(unix)]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use strongroom_tests::{
    command::{Run, Shop},
    machine::{is_root, runs},
};

/// Somebody who is not root, as whom PostgreSQL refuses to run.
const NOBODY: u32 = 65_534;

fn import(shop: &Shop, file: &str) {
    let mut command = shop.command(["import", "www", file, "--pass-in", "env:P", "--replace"]);
    let run: Run = command.env("P", "changeit").output().unwrap().into();
    assert_eq!(run.code, 0, "{}", run.err);
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A cluster of PostgreSQL with the chain and the key of `www`.
struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    /// `None` where something is missing.
    fn new(shop: &Shop) -> Option<Self> {
        let missing = |what: &str| {
            eprintln!("skipped: {what} is not installed");
            None
        };
        for program in ["initdb", "postgres"] {
            if !runs(program, &["--version"]) {
                return missing(program);
            }
        }
        if is_root() && !runs("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", "true"]) {
            return missing("setpriv");
        }
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        let made = Command::new("openssl")
            .args([
                "pkcs12",
                "-in",
                "pkcs12/www.p12",
                "-passin",
                "pass:changeit",
                "-nocerts",
                "-nodes",
                "-out",
            ])
            .arg(&key)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures"))
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|made| made.success()) {
            return missing("openssl");
        }
        let chain = folder.path().join("chain.pem");
        fs::write(&chain, shop.run(["show", "www", "--pem"]).out).unwrap();
        mode(&key, 0o600);
        if is_root() {
            for path in [folder.path(), &key, &chain] {
                chown(path, Some(NOBODY), None).unwrap();
            }
        }
        let cluster = Self { folder };
        let mut made = cluster.as_user("initdb");
        made.args(["--auth=trust", "--username=postgres", "--no-sync", "--locale=C", "--encoding=UTF8"]);
        let made = made.arg("-D").arg(cluster.data()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(cluster)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn as_user(&self, program: &str) -> Command {
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", program]);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }

    /// Starts the server, with TLS or without.
    fn start(&self, ssl: &str) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = self.folder.path().display();
        let mut command = self.as_user("postgres");
        command.arg("-D").arg(self.data());
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "unix_socket_directories=".to_owned(),
            format!("ssl={ssl}"),
            format!("ssl_cert_file={folder}/chain.pem"),
            format!("ssl_key_file={folder}/key.pem"),
        ] {
            command.args(["-c", &setting]);
        }
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Server { child, host: format!("127.0.0.1:{port}") };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&server.host).is_err() {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "PostgreSQL does not start: {log}");
            sleep(Duration::from_millis(50));
        }
        server
    }
}

/// A running server. It ends with this value.
struct Server {
    child: Child,
    host: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // At once, with all of its processes.
        let _ = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
        let _ = self.child.wait();
    }
}

#[test]
fn postgresql_is_asked_for_tls_and_compared_with_what_is_stored() {
    let shop = Shop::open();
    shop.import_root();
    import(&shop, "pkcs12/www.p12");
    let Some(cluster) = Cluster::new(&shop) else {
        return;
    };
    let server = cluster.start("on");
    let verify = || shop.json(["verify", "www", "--connect", &server.host, "--starttls", "postgres"]);
    let run = verify();
    assert_eq!(run.code, 0, "{}", run.out);
    // Without the question it does not answer to TLS.
    let run = shop.json(["verify", "www", "--connect", &server.host]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "cannot_connect"), "{}", run.out);
    import(&shop, "pkcs12/www-direct.p12");
    let run = verify();
    assert_eq!((run.code, run.error_code().as_str()), (7, "not_served"), "{}", run.out);
    assert!(run.out.contains("the server still sends version 1 of www"), "{}", run.out);
    drop(server);
    let server = cluster.start("off");
    let run = shop.json(["verify", "www", "--connect", &server.host, "--starttls", "postgres"]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "cannot_connect"), "{}", run.out);
    assert!(run.out.contains("the server does not offer TLS"), "{}", run.out);
}
