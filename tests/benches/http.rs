//! The administrator API under load: imports over HTTPS by 16 clients beside what the key derivations alone take on all
//! cores, how many lists, sign-ins and single certificates are answered, and pages of the directory of 100,000 entries beside
//! those of 1,000.
//!
//! `cargo xtask bench http`; `--files N` for fewer imports than 1,000, `STRONGROOM_ENTRIES` for another number than 100,000.
//! `STRONGROOM_COMMAND` is the command to measure; the
//! task sets it. Clients and server share the machine, so elapsed time has the clients in it; processor time is the
//! server's.

use std::{
    cell::Cell,
    env, fs,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Keystore, UnixTime, UnlockKey, certificate::ServerCredential, keystore::CredentialRequest,
    secret::PrivateKey,
};
use strongroom_tests::{
    armour::pem,
    authority::{TestCa, leaf_params, valid_today},
    bare::Chains,
    command::Shop,
    figures::{Cost, Table, Work, in_process},
    https::{Https, exchange, get, upload},
    many::{PASSWORD, file_of, on_all_cores, on_threads, todays_root},
    server::Server,
};

const CLIENTS: u32 = 16;
/// Entries of the small directory.
const FEW: u32 = 1_000;
/// Entries of one transaction, when a store is filled, and certificates that they take in turn.
const BATCH: u32 = 2_000;
const LEAVES: u32 = 200;
const TURNS: u32 = 3;
const ITERATIONS: u32 = 100_000;
const USER: &str = "siteadmin";
const USER_PASSWORD: &str = "Sitepw-12345";
const CERTIFICATES: &str = "/arcgis/portaladmin/security/sslCertificates";

fn main() {
    #[allow(clippy::disallowed_methods, reason = "the task says what is measured")]
    let [command, files, entries] =
        ["COMMAND", "FILES", "ENTRIES"].map(|name| env::var(format!("STRONGROOM_{name}")).ok());
    if command.is_none() {
        println!("STRONGROOM_COMMAND is not set: run cargo xtask bench http");
        return;
    }
    let files: u32 = files.map_or(1_000, |files| files.parse().expect("a number"));
    let mut table = Table::default();
    table.head();
    load(&mut table, files);
    directory(&mut table, entries.map_or(100_000, |entries| entries.parse().expect("a number")));
    table.finish("http");
}

/// What it can do at once.
fn load(table: &mut Table, files: u32) {
    // One part unmeasured, and one for each turn.
    let part = (files / (TURNS + 1)).max(CLIENTS);
    let site = Site::open(part * (TURNS + 1));
    let (turn, busy) = (Cell::new(0), AtomicU32::new(0));
    let import = || {
        let first = turn.replace(turn.get() + part);
        site.cost(part, |number| site.import(first + number, &busy))
    };
    let chains = Chains::new(2, 1, ITERATIONS);
    let bare = || in_process(1, || on_all_cores(part.min(200), |_| chains.run())).each(part.min(200));
    let mut peers: [Work<'_>; 1] = [("key derivations alone", Box::new(bare))];
    let what = format!("import over HTTPS, {ITERATIONS} iterations");
    table.compare(&what, usize::try_from(TURNS).unwrap(), import, &mut peers);
    let row = table.rows.last().unwrap();
    let (rate, limit) = (1e6 / row.elapsed_us, row.elapsed.median * 1e6 / row.elapsed_us);
    table.figure("imports", rate, "a second", format!("by {CLIENTS} clients; derivations allow {limit:.0}"));
    table.figure("imports refused as busy, and sent again", busy.into_inner().into(), "", "");
    let imported = turn.get();
    assert_eq!(site.entries(), imported, "every import that was acknowledged is there");

    site.rate(table, "sign-ins, each on a connection of its own", 60, |_| {
        let form = format!("username={USER}&password={USER_PASSWORD}&f=json");
        site.expect(site.https.post(OWNER, SIGN_IN, &form), "\"token\":");
    });
    let list = format!("{CERTIFICATES}?f=json&token={}", site.token);
    site.rate(table, "lists, each on a connection of its own", 400, |_| {
        site.expect(site.https.send(OWNER, &get(&list)), "\"sslCertificates\":[");
    });
    let one = |number: u32| format!("{CERTIFICATES}/www{}?f=json&token={}", number % imported, site.token);
    site.rate(table, "one certificate, on a connection of its own", 400, |number| {
        site.expect(site.https.send(OWNER, &get(&one(number))), "\"issuer\":");
    });
    site.rate(table, "50 certificates, on a connection of their own", 4_000 / 50, |number| {
        let mut connection = site.https.connect(OWNER).unwrap();
        for request in 0..50 {
            let reply = exchange(&mut connection, &get(&one(number * 50 + request)));
            site.expect(reply, "\"issuer\":");
        }
    });
}

/// Pages for people, and the list for programs, of many entries beside those of few.
fn directory(table: &mut Table, entries: u32) {
    let [large, small] = [entries, FEW].map(Site::filled);
    let peer = format!("the same of {FEW}");
    let asked = [
        ("the first page", "f=html", 50),
        ("a page in the middle", "f=html&after=entry-0000500", 50),
        ("found by a name", "f=html&q=entry-0000777", 50),
        ("sorted by expiry", "f=html&sort=expires", 50),
        ("the front page", "", 50),
        ("the list as JSON", "f=json", 2),
    ];
    for (what, query, times) in asked {
        let path = if query.is_empty() { "/arcgis/portaladmin?f=html" } else { CERTIFICATES };
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let ask = |site: &Site| {
            let request = get(&format!("{path}&token={}", site.token));
            let begun = (site.processor_time(), Instant::now());
            for _ in 0..times {
                site.expect(
                    site.https.send(OWNER, &request),
                    if query == "f=json" { "entry-" } else { "</html>" },
                );
            }
            Cost::of(site.processor_time() - begun.0, begun.1.elapsed()).each(times)
        };
        let mut peers: [Work<'_>; 1] = [(&peer, Box::new(|| ask(&small)))];
        table.compare(&format!("{what}, {entries} entries"), 5, || ask(&large), &mut peers);
    }
}

const SIGN_IN: &str = "/arcgis/sharing/rest/generateToken";
const OWNER: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A server with an administrator, and what is imported there.
struct Site {
    shop: Shop,
    server: Server,
    https: Https,
    token: String,
    files: Vec<Vec<u8>>,
}

/// A store with a root in it.
fn shop_of(ca: &TestCa) -> Shop {
    let shop = Shop::open();
    let path = shop.folder.path().join("root.pem");
    fs::write(&path, pem("CERTIFICATE", ca.file())).unwrap();
    assert_eq!(shop.run(["ca", "import", "root", path.to_str().unwrap()]).code, 0);
    shop
}

impl Site {
    fn open(files: u32) -> Self {
        let ca = todays_root();
        let shop = shop_of(&ca);
        let made: Vec<_> = (0..files).map(|_| std::sync::OnceLock::new()).collect();
        on_all_cores(files, |number| {
            let place = &made[usize::try_from(number).unwrap()];
            let _ = place.set(file_of(&ca, number, ITERATIONS));
        });
        let files = made.into_iter().filter_map(std::sync::OnceLock::into_inner).collect();
        Self::serve(shop, files)
    }

    /// One with so many entries and no files.
    fn filled(entries: u32) -> Self {
        let ca = todays_root();
        let shop = shop_of(&ca);
        let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
        let keystore = Keystore::open(shop.store(), &unlock).unwrap();
        let leaves: Vec<_> = (0..LEAVES)
            .map(|number| {
                let mut params = leaf_params(&format!("host-{number}.test"));
                valid_today(&mut params);
                ca.issue(&params, &[])
            })
            .collect();
        let request = |number: u32| {
            let leaf = &leaves[usize::try_from(number % LEAVES).unwrap()];
            let key = PrivateKey::from_pkcs8_der(leaf.key().expose_pkcs8_der().to_vec());
            let credential = ServerCredential::pair(key, vec![leaf.leaf().clone()]).unwrap();
            let alias = format!("entry-{number:07}").parse().unwrap();
            CredentialRequest::new(alias, credential, UnixTime::now())
        };
        for first in (0..entries).step_by(usize::try_from(BATCH).unwrap()) {
            let batch = (first..entries.min(first + BATCH)).map(request).collect();
            keystore.import_credentials(batch, UnixTime::now()).unwrap();
        }
        Self::serve(shop, Vec::new())
    }

    /// A server over a store, with an administrator who is signed in.
    fn serve(shop: Shop, files: Vec<Vec<u8>>) -> Self {
        let added =
            shop.command(["user", "add", USER, "--pass-in", "env:P"]).env("P", USER_PASSWORD).output();
        assert!(added.unwrap().status.success(), "user add");
        let server = Server::start(&shop);
        let https = Https::new(server.socket());
        let form = format!("username={USER}&password={USER_PASSWORD}&f=json");
        let reply = https.post(OWNER, SIGN_IN, &form).unwrap();
        let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
        let token = value["token"].as_str().expect("a token").to_owned();
        Self { shop, server, https, token, files }
    }

    fn import(&self, number: u32, busy: &AtomicU32) {
        let alias = format!("www{number}");
        let fields = [("f", "json"), ("token", &*self.token), ("alias", &alias), ("password", PASSWORD)];
        let path = format!("{CERTIFICATES}/importExistingServerCertificate");
        let request = upload(&path, &fields, &self.files[usize::try_from(number).unwrap()]);
        loop {
            let reply = self.https.send(OWNER, &request).unwrap();
            if reply.status != 503 {
                assert!(reply.body.contains("\"status\":\"success\""), "{} {}", reply.status, reply.body);
                return;
            }
            busy.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn expect(&self, reply: std::io::Result<strongroom_tests::https::Reply>, what: &str) {
        let reply = reply.unwrap();
        assert!(reply.status == 200 && reply.body.contains(what), "{} {}", reply.status, reply.body);
    }

    /// What each of `count` requests by all clients takes: of the server's processor time, and by the clock.
    fn cost(&self, count: u32, work: impl Fn(u32) + Sync) -> Cost {
        let (before, begun) = (self.processor_time(), Instant::now());
        on_threads(CLIENTS, count, work);
        Cost::of(self.processor_time() - before, begun.elapsed()).each(count)
    }

    fn rate(&self, table: &mut Table, what: &str, count: u32, work: impl Fn(u32) + Sync) {
        let Cost { processor, elapsed, .. } = self.cost(count, work);
        let of_server = format!("the server's processor: {:.2} ms each", processor.as_secs_f64() * 1e3);
        table.figure(what, 1.0 / elapsed.as_secs_f64(), "a second", of_server);
    }

    /// The processor time of the server until now.
    fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.server.pid())).unwrap();
        // Of user and system, in hundredths of a second; the name before may have spaces.
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        Duration::from_millis(fields.map(|field| field.parse::<u64>().unwrap()).sum::<u64>() * 10)
    }

    /// How many certificates there are that were imported.
    fn entries(&self) -> u32 {
        let listed = self.shop.json(["ls"]).json();
        let aliases = listed["result"]["entries"].as_array().unwrap().iter().map(|entry| &entry["alias"]);
        let imported = aliases.filter(|alias| alias.as_str().is_some_and(|alias| alias.starts_with("www")));
        u32::try_from(imported.count()).unwrap()
    }
}
