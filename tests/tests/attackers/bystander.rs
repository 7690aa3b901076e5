//! The administrator who goes on working, and what is measured meanwhile.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use strongroom_tests::{
    command::{Run, Shop},
    https::{Https, Reply, get, upload},
    manifest,
    server::Server,
};

pub(crate) const USER: &str = "siteadmin";
pub(crate) const PASSWORD: &str = "Sitepw-12345";
pub(crate) const LIST: &str = "/arcgis/portaladmin/security/sslCertificates";
pub(crate) const IMPORT: &str =
    "/arcgis/portaladmin/security/sslCertificates/importExistingServerCertificate";
pub(crate) const SIGN_IN: &str = "/arcgis/sharing/rest/generateToken";
pub(crate) const OWNER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// How long each of the administrator's requests may take. A machine that builds at the same time is slower: where the
/// short form runs, it may take as much longer as it does without attackers.
const PATIENCE: Duration = Duration::from_secs(2);
const SLOWER: u32 = 10;
/// The most memory of the server, in KiB.
const MEMORY: u64 = 128 * 1_024;

/// The long form or the short one.
#[expect(clippy::disallowed_methods, reason = "which form is run is said by the environment")]
pub(crate) fn scale<T>(full: T, short: T) -> T {
    if std::env::var_os("STRONGROOM_ATTACKERS").is_some_and(|value| value == "full") { full } else { short }
}

/// Where the attackers are.
pub(crate) fn stranger(n: usize) -> IpAddr {
    IpAddr::from([127, 0, u8::try_from(n / 250 % 250).unwrap(), u8::try_from(n % 250 + 2).unwrap()])
}

/// What the administrator does, by name.
type Task<'a> = (&'a str, &'a dyn Fn() -> Result<(), String>);

/// A server with an administrator, to whom the root of the fixtures is trusted.
pub(crate) struct Site {
    pub(crate) shop: Shop,
    pub(crate) server: Server,
    pub(crate) https: Https,
    file: Vec<u8>,
    imports: AtomicUsize,
}

impl Site {
    pub(crate) fn open() -> Self {
        Self::with(|_, _| {})
    }

    pub(crate) fn with(more: impl FnOnce(&Shop, &mut std::process::Command)) -> Self {
        let shop = Shop::open();
        shop.import_root();
        let add: Run = shop
            .command(["user", "add", USER, "--pass-in", "env:P"])
            .env("P", PASSWORD)
            .output()
            .unwrap()
            .into();
        assert_eq!(add.code, 0, "{}", add.err);
        let server = Server::start_with(&shop, |command| more(&shop, command));
        let https = Https::new(server.socket());
        let file = std::fs::read(manifest::folder().join("pkcs12/www.p12")).unwrap();
        Self { shop, server, https, file, imports: AtomicUsize::new(0) }
    }

    /// A token, from an address.
    pub(crate) fn sign_in(&self, from: IpAddr) -> Result<String, String> {
        let form = format!("username={USER}&password={PASSWORD}&f=json");
        let reply = self.https.post(from, SIGN_IN, &form).map_err(|error| error.to_string())?;
        let value: serde_json::Value = serde_json::from_str(&reply.body).unwrap_or_default();
        value["token"].as_str().map(str::to_owned).ok_or_else(|| format!("{} {}", reply.status, reply.body))
    }

    /// An ordinary import; the token stands in the body, as most clients send it.
    pub(crate) fn import(&self, from: IpAddr, token: &str, alias: &str) -> Result<(), String> {
        let fields = [("f", "json"), ("token", token), ("alias", alias), ("password", "changeit")];
        let reply = self.https.send(from, &upload(IMPORT, &fields, &self.file));
        let reply = reply.map_err(|error| error.to_string())?;
        let done = reply.body.contains("\"status\":\"success\"");
        done.then_some(()).ok_or_else(|| format!("{} {}", reply.status, reply.body))
    }

    /// What the administrator does while `attack` goes on; each has to be done in time. Afterwards the memory is looked at.
    pub(crate) fn during(&self, attack: impl FnOnce(&AtomicBool) + Send) {
        let token = self.sign_in(OWNER).unwrap();
        let patience = self.patience(&token);
        let over = AtomicBool::new(false);
        let slowest = std::thread::scope(|scope| {
            let attacking = scope.spawn(|| {
                attack(&over);
                over.store(true, Ordering::Relaxed);
            });
            let mut slowest = [Duration::ZERO; 3];
            while !over.load(Ordering::Relaxed) {
                self.work(&token, &mut slowest, patience);
                std::thread::sleep(Duration::from_millis(100));
            }
            attacking.join().unwrap();
            // Once more, when all attackers are there.
            self.work(&token, &mut slowest, patience);
            slowest
        });
        println!("list, sign-in, import took at most {slowest:?}; {} KiB at most", self.peak());
        assert!(self.peak() < MEMORY, "{} KiB", self.peak());
    }

    /// How long each request may take.
    pub(crate) fn patience(&self, token: &str) -> Duration {
        let mut quiet = [Duration::ZERO; 3];
        self.work(token, &mut quiet, Duration::MAX);
        let quiet = quiet.into_iter().max().unwrap_or_default();
        scale(PATIENCE, PATIENCE.max(quiet * SLOWER))
    }

    fn work(&self, token: &str, slowest: &mut [Duration; 3], patience: Duration) {
        let list = || -> Result<(), String> {
            let reply: Reply = self
                .https
                .send(OWNER, &get(&format!("{LIST}?f=json&token={token}")))
                .map_err(|error| error.to_string())?;
            let listed = reply.body.starts_with("{\"sslCertificates\":[");
            listed.then_some(()).ok_or(reply.body)
        };
        let sign_in = || self.sign_in(OWNER).map(|_| ());
        let alias = format!("owner-{}", self.imports.fetch_add(1, Ordering::Relaxed));
        let import = || self.import(OWNER, token, &alias);
        let tasks: [Task<'_>; 3] = [("list", &list), ("sign-in", &sign_in), ("import", &import)];
        for ((name, task), slowest) in tasks.into_iter().zip(slowest) {
            let begun = Instant::now();
            let done = task();
            let took = begun.elapsed();
            assert_eq!(done, Ok(()), "{name} after {took:?}");
            assert!(took < patience, "{name} took {took:?}");
            *slowest = took.max(*slowest);
        }
    }

    /// How many server certificates have an alias that begins so.
    pub(crate) fn entries(&self, prefix: &str) -> usize {
        let listed = self.shop.json(["ls"]).json();
        let aliases = listed["result"]["entries"].as_array().unwrap().iter().map(|entry| &entry["alias"]);
        // One of them brought the intermediate of all.
        let aliases =
            aliases.filter_map(|alias| alias.as_str()).filter(|alias| !alias.contains("_intermediate"));
        aliases.filter(|alias| alias.starts_with(prefix)).count()
    }

    /// The processor time of the server until now.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server.pid())).unwrap();
        // Of user and system, in hundredths of a second; the name before may have spaces.
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
        let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// The most memory that the server ever had, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}
