//! What a large store costs, against a small one and against plain SQLite in the same run.
//!
//! Prints ratios: `cargo xtask bench store`. `STRONGROOM_ENTRIES` is the size of the large store, 100,000 without it.
//! With `worker ENTRIES` it does one thing at a time for who asks on standard input, and says how long each took: that
//! is how `cargo xtask bench store --against REV` holds two revisions against each other.

#![allow(unused_mut, reason = "built against other revisions as well")]

use std::{
    fs,
    hint::black_box,
    io::{BufRead as _, Write as _},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use strongroom::{
    Alias, Keystore, Password,
    account::AccountName,
    certificate::ServerCredential,
    keystore::{CredentialRequest, Outcome},
    secret::PrivateKey,
    validate::Policy,
};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root, self_signed},
    scratch::Scratch,
};

/// Pairs of measurements; the median of their ratios is printed.
const PAIRS: usize = 41;
/// Entries of one transaction, when a store is filled.
const BATCH: usize = 2_000;
/// Certificates that the entries take in turn.
const LEAVES: usize = 200;
/// Entries of a batch that is measured: 10,000 records.
const MEASURED: usize = 1_250;

struct Filled {
    scratch: Scratch,
    leaves: Vec<ServerCredential>,
    size: usize,
    next: usize,
    user: AccountName,
}

fn copy(credential: &ServerCredential) -> ServerCredential {
    let key = PrivateKey::from_pkcs8_der(credential.key().expose_pkcs8_der().to_vec());
    ServerCredential::pair(key, vec![credential.leaf().clone()]).unwrap()
}

fn alias(n: usize) -> Alias {
    format!("entry-{n:07}").parse().unwrap()
}

impl Filled {
    fn new(authority: &TestCa, size: usize) -> Self {
        let leaves =
            (0..LEAVES).map(|n| authority.issue(&leaf_params(&format!("host-{n}.test")), &[])).collect();
        let mut scratch = Scratch::new(now());
        scratch.keystore.import_authority(&"root".parse().unwrap(), authority.file(), now()).unwrap();
        let user: AccountName = "siteadmin".parse().unwrap();
        scratch.keystore.add_administrator(&user, &Password::new("a long password").unwrap(), now()).unwrap();
        let mut filled = Self { scratch, leaves, size, next: 0, user };
        while filled.next < size {
            filled.batch(size.min(filled.next + BATCH) - filled.next);
        }
        filled
    }

    fn request(&self, n: usize) -> CredentialRequest {
        CredentialRequest::new(alias(n), copy(&self.leaves[n % self.leaves.len()]), now())
    }

    fn batch(&mut self, count: usize) {
        let batch = (self.next..self.next + count).map(|n| self.request(n)).collect();
        self.scratch.keystore.import_credentials(batch, now()).unwrap();
        self.next += count;
    }

    fn open(&mut self) {
        black_box(Keystore::open(self.scratch.path(), &self.scratch.unlock).unwrap());
    }

    fn import(&mut self) {
        let request = self.request(self.next);
        self.scratch.keystore.import_credential(request).unwrap();
        self.next += 1;
    }

    fn at(&self, n: usize, end: usize) -> Alias {
        alias(n.wrapping_mul(7_919) % (self.size - end))
    }

    fn show(&mut self, n: usize) {
        black_box(self.scratch.keystore.entry(&self.at(n, 0), now()).unwrap());
    }

    /// Judges an entry: what an import does beside the store.
    fn judge(&mut self, n: usize) {
        black_box(self.scratch.keystore.verify(&self.at(n, 0), &Policy::default(), now()).unwrap());
    }

    fn page(&mut self, n: usize) {
        assert_eq!(self.scratch.keystore.page(Some(&self.at(n, 200)), 100, now()).unwrap().len(), 100);
    }

    fn remove(&mut self) {
        self.next -= 1;
        self.scratch.keystore.remove(&alias(self.next), false, now()).unwrap();
    }

    /// Imports a CA certificate under an alias of its own.
    fn import_authority(&mut self, alias: &str, authority: &TestCa) {
        let report = self.scratch.keystore.import_authority(&alias.parse().unwrap(), authority.file(), now());
        assert_eq!(report.unwrap().outcome, Outcome::Imported);
    }

    /// One record that is there, and one that is not.
    fn read(&mut self) {
        assert!(self.scratch.keystore.administrator(&self.user).unwrap().is_some());
    }

    /// Pages that one import writes into the write-ahead log.
    fn frames(&mut self) -> u64 {
        let outside = Connection::open(self.scratch.path()).unwrap();
        let emptied: i64 =
            outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap();
        assert_eq!(emptied, 0);
        self.import();
        let mut log = self.scratch.path().into_os_string();
        log.push("-wal");
        // Each has a header of 24 bytes, the log one of 32.
        (fs::metadata(log).unwrap().len() - 32) / (4096 + 24)
    }

    /// Bytes of the file after a checkpoint.
    fn bytes(&self) -> u64 {
        let outside = Connection::open(self.scratch.path()).unwrap();
        outside.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        fs::metadata(self.scratch.path()).unwrap().len()
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

/// CA certificates that issued no entry, and renewed ones of the CA that issued all of them.
fn authorities(of_all: &TestCa) -> [Vec<TestCa>; 2] {
    let renewed = |n: usize| {
        let mut params = ca_params("Root");
        params.serial_number = Some(u64::try_from(n + 1).unwrap().into());
        self_signed(params, of_all.key())
    };
    [(0..PAIRS).map(|n| root(&format!("Other {n}"))).collect(), (0..PAIRS).map(renewed).collect()]
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn ratio(small: &mut Filled, large: &mut Filled, work: impl Fn(&mut Filled, usize)) -> f64 {
    let pair = |n| {
        let few = time(|| work(small, n));
        time(|| work(large, n)).as_secs_f64() / few.as_secs_f64()
    };
    median((0..PAIRS).map(pair).collect())
}

/// The same records in a database without any proof: a transaction, and one row.
struct Plain {
    connection: Connection,
    key: Vec<u8>,
}

impl Plain {
    fn of(filled: &Filled) -> Self {
        let connection = Connection::open(filled.scratch.path()).unwrap();
        let key = [&[0xa0], filled.user.as_str().as_bytes(), &[0]].concat();
        Self { connection, key }
    }

    fn read(&self) {
        let transaction = self.connection.unchecked_transaction().unwrap();
        let mut statement = transaction.prepare_cached("SELECT value FROM record WHERE key = ?1").unwrap();
        let value: Vec<u8> = statement.query_row([&self.key], |row| row.get(0)).unwrap();
        assert!(!value.is_empty());
    }
}

/// A proved read against a plain one: with what the process knows already, and as the first of a process.
fn against_plain(filled: &mut Filled) {
    const READS: usize = 200;
    let mut plain = Plain::of(filled);
    let many = |work: &mut dyn FnMut()| time(|| (0..READS).for_each(|_| work())).as_secs_f64();
    let warm = (0..PAIRS).map(|_| many(&mut || filled.read()) / many(&mut || plain.read()));
    println!("{:>6.2}  point read, warm : the same row in plain SQLite", median(warm.collect()));
    let cold = (0..PAIRS).map(|n| {
        // Both on a connection that has just been opened, and has read another row.
        let mut opened = Keystore::open(filled.scratch.path(), &filled.scratch.unlock).unwrap();
        opened.entry(&filled.at(n, 0), now()).unwrap();
        let proved = time(|| assert!(opened.administrator(&filled.user).unwrap().is_some()));
        plain = Plain::of(filled);
        plain.connection.query_row("SELECT count(*) FROM state", [], |_| Ok(())).unwrap();
        proved.as_secs_f64() / time(|| plain.read()).as_secs_f64()
    });
    println!("{:>6.2}  point read, cold : the same row in plain SQLite", median(cold.collect()));
}

/// Does what is asked for, and says in nanoseconds how long it took.
fn work_for_others(size: usize) {
    let mut filled = Filled::new(&root("Root"), size);
    println!("ready {} {}", filled.bytes(), filled.scratch.path().display());
    for (n, line) in std::io::stdin().lock().lines().enumerate() {
        let spent = match line.unwrap().as_str() {
            "open" => time(|| filled.open()),
            "import" => time(|| filled.import()),
            "judge" => time(|| filled.judge(n)),
            "show" => time(|| filled.show(n)),
            "page" => time(|| filled.page(n)),
            "remove" => time(|| filled.remove()),
            "batch" => time(|| filled.batch(MEASURED)),
            "frames" => Duration::from_nanos(filled.frames()),
            other => panic!("unknown: {other}"),
        };
        println!("{}", spent.as_nanos());
        std::io::stdout().flush().unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "the only switch of this measurement")]
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, size] = arguments.as_slice()
        && first == "worker"
    {
        return work_for_others(size.parse().unwrap());
    }
    let authority = root("Root");
    let mut small = Filled::new(&authority, 1_000);
    let size = std::env::var("STRONGROOM_ENTRIES").map_or(100_000, |text| text.parse().unwrap());
    let started = Instant::now();
    let mut large = Filled::new(&authority, size);
    let filled = started.elapsed().as_secs();
    println!("{size} entries : 1000 entries, median of {PAIRS} pairs; filled in {filled} s");
    println!("{:>6.2}  open", ratio(&mut small, &mut large, |store, _| store.open()));
    println!("{:>6.2}  import of one", ratio(&mut small, &mut large, |store, _| store.import()));
    println!("{:>6.2}  show of one", ratio(&mut small, &mut large, Filled::show));
    println!("{:>6.2}  a page of 100", ratio(&mut small, &mut large, Filled::page));
    println!(
        "{:>6.2}  point read, warm",
        ratio(&mut small, &mut large, |store, _| (0..50).for_each(|_| store.read()))
    );
    let [others, renewed] = authorities(&authority);
    let import_other =
        |store: &mut Filled, n: usize| store.import_authority(&format!("other-{n}"), &others[n]);
    println!("{:>6.2}  import of a CA certificate", ratio(&mut small, &mut large, import_other));
    let import_renewed =
        |store: &mut Filled, n: usize| store.import_authority(&format!("renewed-{n}"), &renewed[n]);
    println!(
        "{:>6.2}  the same, of the CA that issued every entry",
        ratio(&mut small, &mut large, import_renewed)
    );
    println!("{:>6.2}  removal of one", ratio(&mut small, &mut large, |store, _| store.remove()));
    against_plain(&mut large);
    let frames = large.frames();
    println!(
        "{frames:>6}  pages in the write-ahead log for an import; {} in a store of 1000",
        small.frames()
    );
    println!("{:>6}  bytes on disk for each entry", large.bytes() / u64::try_from(size).unwrap());
}
