//! D10: a server under load while another process re-keys and restores its store. D11: writers beside a re-key.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::Value;
use strongroom::{Keystore, UnlockKey, store::Journal};
use strongroom_tests::{
    authority::{leaf_params, now, root},
    command::{Run, Shop, fine},
    server::{Server, has_curl},
};

use crate::{
    bench::{Bench, Running, acknowledged, scaled},
    soak::{finish, numbers},
};

const PASSWORD: &str = "a long password";
const SIGN_IN: &str = "/sharing/rest/generateToken";
const LIST: &str = "/portaladmin/security/sslCertificates";
const IMPORT: &str = "/portaladmin/machines/gis.fixture.test/sslCertificates/importExistingServerCertificate";
/// The longest that a client may be without an answer that it can use.
const OUTAGE: Duration = Duration::from_secs(2);

/// What one client saw.
#[derive(Default)]
struct Seen {
    requests: usize,
    failures: Vec<String>,
    /// From the first request of a row that failed to the answer of the first one that did not.
    outage: Duration,
    longest: Duration,
    /// What was acknowledged.
    imported: Vec<String>,
}

impl Seen {
    /// Asks until there is the answer that there should be.
    fn ask<T>(&mut self, request: impl Fn() -> Result<T, String>) -> T {
        let (first, before) = (Instant::now(), self.failures.len());
        loop {
            let started = Instant::now();
            let answer = request();
            self.requests += 1;
            self.longest = self.longest.max(started.elapsed());
            match answer {
                Ok(answer) => {
                    if self.failures.len() > before {
                        self.outage = self.outage.max(first.elapsed());
                    }
                    return answer;
                }
                Err(failure) => self.failures.push(failure),
            }
            assert!(first.elapsed() < Duration::from_secs(30), "{:?}", self.failures);
            sleep(Duration::from_millis(20));
        }
    }
}

fn json(server: &Server, path: &str, arguments: &[&str]) -> Result<Value, String> {
    let body = server.try_curl(path, arguments.iter().copied())?;
    serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))
}

fn sign_in(server: &Server) -> Result<String, String> {
    let password = format!("password={PASSWORD}");
    let fields =
        ["-d", "username=siteadmin", "--data-urlencode", &password, "-d", "client=referer&referer=x&f=json"];
    let answer = json(server, SIGN_IN, &fields)?;
    answer["token"].as_str().map(str::to_owned).ok_or_else(|| answer.to_string())
}

/// The list has the entries of the beginning, whatever comes and goes beside them.
fn list(server: &Server, token: &str) -> Result<(), String> {
    let answer = json(server, &format!("{LIST}?f=json&token={token}"), &[])?;
    let names = answer["sslCertificates"].as_array().ok_or_else(|| answer.to_string())?;
    let missing = ["root", "entry-0", "selfsignedcertificate"]
        .into_iter()
        .find(|name| !names.contains(&(*name).into()));
    missing.map_or(Ok(()), |name| Err(format!("{name} is not in {answer}")))
}

fn import(server: &Server, token: &str, alias: &str) -> Result<(), String> {
    let answer = try_import(server, token, alias, "changeit")?;
    if answer["status"] == "success" { Ok(()) } else { Err(answer.to_string()) }
}

/// Asks for what is refused, after which the server closes its connection to the store.
fn refused_import(server: &Server, token: &str) -> Result<(), String> {
    let answer = try_import(server, token, "refused", "wrong")?;
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    if message.contains("wrong password") { Ok(()) } else { Err(answer.to_string()) }
}

fn try_import(server: &Server, token: &str, alias: &str, password: &str) -> Result<Value, String> {
    let fields = ["file=@pkcs12/www-direct.p12".to_owned(), "f=json".to_owned()];
    let own = [format!("alias={alias}"), format!("token={token}"), format!("password={password}")];
    let form = fields.iter().chain(&own).flat_map(|field| ["-F", field]).collect::<Vec<&str>>();
    json(server, IMPORT, &form)
}

/// A store with an administrator and this many server entries.
fn shop(entries: usize) -> Shop {
    let shop = Shop::open();
    shop.import_root();
    let mut add = shop.command(["user", "add", "siteadmin", "--pass-in", "env:P"]);
    let added: Run = add.env("P", PASSWORD).output().unwrap().into();
    assert_eq!(added.code, 0, "{}", added.err);
    let unlock = UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap();
    let keystore = Keystore::open(shop.store(), &unlock).unwrap();
    let ca = root("Load");
    keystore.import_authority(&"load".parse().unwrap(), ca.file(), now()).unwrap();
    let batch = (0..entries).map(|n| {
        let credential = ca.issue(&leaf_params(&format!("host-{n}.test")), &[]);
        strongroom::keystore::CredentialRequest::new(format!("entry-{n}").parse().unwrap(), credential, now())
    });
    keystore.import_credentials(batch.collect(), now()).unwrap();
    shop
}

/// What all clients saw, and when they are to stop.
#[derive(Default)]
struct Clients {
    stop: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

impl Clients {
    /// One client, until it is to stop.
    fn run(&self, mut request: impl FnMut(&mut Seen, usize)) {
        let mut seen = Seen::default();
        for n in 0_usize.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            request(&mut seen, n);
        }
        self.seen.lock().unwrap().push(seen);
    }
}

/// Re-keys three times and restores twice, by processes of their own.
fn rekey_and_restore(shop: &Shop, pause: Duration) {
    let outside = tempfile::tempdir().unwrap();
    let copy = outside.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    let (rekey, restore) = (&["rekey"][..], &["restore", "--yes", copy][..]);
    for what in [&["backup", copy][..], rekey, restore, rekey, restore, rekey] {
        sleep(pause);
        fine(&shop.json(what.iter().copied()));
    }
    sleep(pause);
}

/// What was imported after the last restore, as the log has it.
fn imported_since_restore(shop: &Shop) -> BTreeSet<String> {
    let log = fine(&shop.json(["log"]));
    let rows = log["log"].as_array().unwrap();
    let last = rows.iter().rposition(|row| row["outcome"] == "restored").unwrap();
    assert_eq!(rows.iter().filter(|row| row["outcome"] == "restored").count(), 2);
    assert_eq!(rows.iter().filter(|row| row["outcome"] == "rekeyed").count(), 3);
    let since =
        rows.iter().skip(last).filter(|row| row["action"] == "import" && row["outcome"] == "imported");
    since.map(|row| row["alias"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn d10_a_server_under_load_goes_on_through_re_keys_and_restores() {
    if !has_curl() {
        return;
    }
    let entries = scaled(50, 1_000);
    let shop = shop(entries);
    let server = &Server::start(&shop);
    let clients = &Clients::default();
    thread::scope(|scope| {
        for who in 0..2 {
            scope.spawn(move || {
                let token = sign_in(server).unwrap();
                clients.run(|seen, _| seen.ask(|| list(server, &token)));
            });
            scope.spawn(move || {
                let token = sign_in(server).unwrap();
                clients.run(|seen, n| {
                    let alias = format!("load-{who}-{n}");
                    seen.ask(|| import(server, &token, &alias));
                    seen.imported.push(alias);
                });
            });
        }
        scope.spawn(move || clients.run(|seen, _| drop(seen.ask(|| sign_in(server)))));
        scope.spawn(move || {
            let token = sign_in(server).unwrap();
            clients.run(|seen, _| seen.ask(|| refused_import(server, &token)));
        });
        rekey_and_restore(&shop, Duration::from_millis(u64::try_from(scaled(300, 3_000)).unwrap()));
        clients.stop.store(true, Ordering::Relaxed);
    });
    let clients = clients.seen.lock().unwrap();
    let listed = fine(&shop.json(["ls"]));
    let names: BTreeSet<&str> =
        listed["entries"].as_array().unwrap().iter().map(|entry| entry["alias"].as_str().unwrap()).collect();
    let since = imported_since_restore(&shop);
    let acknowledged: BTreeSet<&String> = clients.iter().flat_map(|client| &client.imported).collect();
    let kept = acknowledged.iter().filter(|alias| since.contains(**alias)).count();
    for alias in &since {
        assert!(names.contains(alias.as_str()), "{alias} was imported after the restore, and is not there");
    }
    for client in clients.iter().filter(|client| !client.imported.is_empty()) {
        // What is asked for after an answer that came after the restore comes after the restore.
        let mut later = client.imported.iter().skip_while(|alias| !since.contains(*alias));
        assert!(later.all(|alias| since.contains(alias)), "{:?}", client.imported);
    }
    for n in 0..entries {
        assert!(names.contains(format!("entry-{n}").as_str()));
    }
    fine(&shop.json(["verify-store"]));
    let failures: Vec<&String> = clients.iter().flat_map(|client| &client.failures).collect();
    let longest = |of: fn(&Seen) -> Duration| clients.iter().map(of).max().unwrap();
    println!(
        "D10: 6 clients over TLS, {entries} entries, 3 re-keys and 2 restores by other processes: {} requests, {} \
         failed, longest outage {} ms, longest answer {} ms; {kept} changes acknowledged after the last restore, 0 lost",
        clients.iter().map(|client| client.requests).sum::<usize>(),
        failures.len(),
        longest(|seen| seen.outage).as_millis(),
        longest(|seen| seen.longest).as_millis(),
    );
    assert!(longest(|seen| seen.outage) <= OUTAGE, "{failures:?}");
    assert!(kept > 0 && clients.iter().all(|client| client.requests > 3));
    failures.iter().take(5).for_each(|failure| println!("D10 failed: {failure}"));
}

/// Writers that have the store open wait for a re-key as long as it takes, and go on under the new root key.
#[test]
fn d11_eight_writers_beside_a_re_key_all_go_on() {
    let entries = scaled(1_000, 10_000);
    let bench = Bench::new(Journal::Wal);
    let keystore = bench.open();
    for batch in (0..entries).collect::<Vec<_>>().chunks(1_000) {
        let requests = batch.iter().map(|n| bench.request(&format!("e-{n}"), "b")).collect();
        keystore.import_credentials(requests, now()).unwrap();
    }
    drop(keystore);
    let (dir, stop) = (bench.dir(), bench.folder.path().join("stop"));
    let (dir, stop_at) = (dir.to_str().unwrap(), stop.to_str().unwrap());
    let writers: Vec<_> =
        (0..8).map(|n| finish(bench.worker(["import-until", dir, &format!("w{n}"), stop_at]))).collect();
    sleep(Duration::from_millis(500));
    let started = Instant::now();
    Running::start(bench.worker(["rekey", dir])).measure();
    let took = started.elapsed();
    sleep(Duration::from_millis(500));
    fs::write(&stop, "").unwrap();
    let outputs: Vec<String> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let counts: Vec<usize> = outputs.iter().map(|output| acknowledged(output).len()).collect();
    let kept: usize = counts.iter().sum();
    let report = bench.open().verify_store().unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.entries, u64::try_from(entries + kept).unwrap() + 2, "and root and kept");
    assert!(counts.iter().all(|count| *count > 1), "{counts:?}");
    println!(
        "D11: 8 writers beside a re-key of {entries} entries ({} ms): {kept} imports acknowledged and kept, none failed, \
         the longest took {} ms",
        took.as_millis(),
        numbers(&outputs, "longest").into_iter().max().unwrap() / 1000,
    );
}
