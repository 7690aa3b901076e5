//! A store, a server that runs on it, and a client that trusts the fixtures' roots.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;
use strongroom_tests::{
    command::{Run, Shop},
    manifest,
};

/// Two certificates for `www.fixture.test`, and one for `shop.fixture.test`.
pub(crate) const RSA: &str = "pkcs12/www.p12";
pub(crate) const EC: &str = "pkcs12/openssl-3.0.19.p256.pbes2-aes256-sha256.chain2.p12";
const SHOP: &str = "pkcs12/www-direct.p12";

#[track_caller]
pub(crate) fn eventually(seconds: u64, what: &str, mut is: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !is() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        sleep(Duration::from_millis(50));
    }
}

/// A running server. It ends with this value.
pub(crate) struct Live {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<String>>,
}

impl Live {
    fn start(shop: &Shop, user: Option<&str>) -> Self {
        let mut command = as_user(user, env!("CARGO_BIN_EXE_live-server"));
        command.arg(shop.store()).arg(shop.folder.path().join("keystore.key"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let saying = Arc::clone(&said);
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                saying.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        Self { child, address, said }
    }

    /// Its events up to now, a line each.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program, run by another user if one is given by number.
fn as_user(user: Option<&str>, program: &str) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={user}")).args(["--clear-groups", program]);
    command
}

/// All that a test needs.
pub(crate) struct Desk {
    pub(crate) live: Live,
    pub(crate) shop: Shop,
    client: Arc<ClientConfig>,
    user: Option<&'static str>,
    leaves: [CertificateDer<'static>; 3],
}

impl Desk {
    /// A store with `www`, an RSA entry, and `shop`.
    pub(crate) fn store(shop: Shop, journal: &str) -> Shop {
        assert_eq!(shop.run(["init", "--journal", journal]).code, 0);
        shop.import_root();
        assert_eq!(shop.run(["ca", "import", "root-ec", "chains/root-ec.pem"]).code, 0);
        for (alias, file) in [("www", RSA), ("shop", SHOP)] {
            assert_eq!(shop.run(["import", alias, file, "--pass-in", "pass:changeit"]).code, 0);
        }
        shop
    }

    /// The same with a server on it, which is the user's if one is given by number, as the store is then.
    pub(crate) fn new(shop: Shop, journal: &str, user: Option<&'static str>) -> Self {
        let shop = Self::store(shop, journal);
        if let Some(user) = user {
            let folder = shop.folder.path();
            let owned = Command::new("chown").arg("-R").arg(format!("{user}:{user}")).arg(folder).status();
            assert!(owned.unwrap().success());
        }
        let mut roots = RootCertStore::empty();
        for root in ["chains/root-rsa.pem", "chains/root-ec.pem"] {
            roots.add(CertificateDer::from_pem_slice(&manifest::read(root)).unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.resumption = rustls::client::Resumption::disabled();
        let live = Live::start(&shop, user);
        let none = || CertificateDer::from(Vec::new());
        let mut desk = Self { live, shop, client: Arc::new(client), user, leaves: [none(), none(), none()] };
        let of_www = |desk: &Self| desk.leaf("www.fixture.test").unwrap();
        let (rsa, shop) = (of_www(&desk), desk.leaf("shop.fixture.test").unwrap());
        assert_eq!(desk.import(EC).code, 0);
        eventually(5, "the renewal is served", || of_www(&desk) != rsa);
        let ec = of_www(&desk);
        assert_eq!(desk.import(RSA).code, 0);
        desk.leaves = [rsa, ec, shop];
        eventually(5, "the first one is served again", || of_www(&desk) == desk.leaves[0]);
        desk
    }

    /// The command that makes a file the next version of `www`.
    pub(crate) fn importing(&self, file: &str) -> Command {
        self.shop.command(["import", "www", file, "--pass-in", "pass:changeit", "--replace"])
    }

    fn import(&self, file: &str) -> Run {
        self.as_user(self.importing(file))
    }

    pub(crate) fn import_json(&self, file: &str) -> Run {
        self.as_user(self.shop.command([
            "--json",
            "import",
            "www",
            file,
            "--pass-in",
            "pass:changeit",
            "--replace",
        ]))
    }

    /// Runs a command of [`Shop::command`] as the user whose the store is.
    pub(crate) fn as_user(&self, command: Command) -> Run {
        let mut other = as_user(self.user, command.get_program().to_str().unwrap());
        other.args(command.get_args()).env_clear().current_dir(command.get_current_dir().unwrap());
        // Where setpriv is looked for.
        other.env("PATH", "/usr/bin:/bin").output().unwrap().into()
    }

    /// The leaf that the server sends to a client that verifies it.
    pub(crate) fn leaf(&self, name: &str) -> Result<CertificateDer<'static>, String> {
        let text = |error: std::io::Error| format!("{name}: {error}");
        let tcp = TcpStream::connect(self.live.address).map_err(text)?;
        tcp.set_read_timeout(Some(Duration::from_secs(5))).map_err(text)?;
        let server = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.client), server).unwrap();
        let mut stream = StreamOwned::new(connection, tcp);
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").map_err(text)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(text)?;
        assert!(answer.ends_with("hi\n"), "{name}: {answer}");
        Ok(stream.conn.peer_certificates().unwrap()[0].clone().into_owned())
    }

    /// The server serves this file as `www`, and `shop` as ever.
    #[track_caller]
    pub(crate) fn serves(&self, file: &str) {
        let [rsa, ec, shop] = &self.leaves;
        let www = if file == RSA { rsa } else { ec };
        assert_eq!(self.leaf("www.fixture.test").as_ref(), Ok(www));
        assert_eq!(self.leaf("shop.fixture.test").as_ref(), Ok(shop));
    }

    /// Does something while clients connect without a pause: none fails, and each gets a certificate of the name. Gives
    /// how many did.
    #[track_caller]
    pub(crate) fn during<T>(&self, meanwhile: impl FnOnce() -> T) -> (T, usize) {
        let done = AtomicBool::new(false);
        let [rsa, ec, shop] = &self.leaves;
        thread::scope(|scope| {
            let clients = scope.spawn(|| {
                let mut count = 0;
                while !done.load(Ordering::Relaxed) {
                    let www = self.leaf("www.fixture.test").unwrap();
                    assert!(www == *rsa || www == *ec);
                    assert_eq!(self.leaf("shop.fixture.test").as_ref(), Ok(shop));
                    count += 2;
                    // Others want the processor, too.
                    sleep(Duration::from_millis(10));
                }
                count
            });
            let guard = Ends(&done);
            let result = meanwhile();
            drop(guard);
            let count = clients.join().expect("every client was answered");
            assert!(count > 0);
            (result, count)
        })
    }

    /// A renewal by another process is served in time.
    #[track_caller]
    pub(crate) fn follows(&self) {
        for file in [EC, RSA] {
            let run = self.import(file);
            assert_eq!(run.code, 0, "{}", run.err);
            let www = if file == RSA { &self.leaves[0] } else { &self.leaves[1] };
            eventually(5, "what was imported is served", || {
                self.leaf("www.fixture.test").as_ref() == Ok(www)
            });
        }
        self.serves(RSA);
    }

    /// Who looks without opening the store sees that the server cannot read it, and why.
    #[track_caller]
    pub(crate) fn says(&self, why: &str) {
        let mut seen = String::new();
        eventually(3, "the server says why", || {
            let run = self.shop.json(["--unlock", "none", "status"]);
            assert_eq!(run.code, 0, "{}", run.out);
            seen = run.json()["result"]["servers"][0]["failure"].to_string();
            seen != "null"
        });
        assert!(seen.contains(why), "{seen}");
    }

    /// What `status` says of the server.
    #[track_caller]
    pub(crate) fn server(&self) -> Value {
        let run = self.shop.json(["status"]);
        assert_eq!(run.code, 0, "{}", run.out);
        run.json()["result"]["servers"][0].clone()
    }
}

/// Tells clients to end, also where a test panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
