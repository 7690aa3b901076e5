//! What opening a file costs, in process: beside p12-keystore on the same bytes, OpenSSL by the crate `openssl`, Java's KeyStore
//! in one warm virtual machine, the whole command `openssl pkcs12`, and the bare compressions that its derivations take.
//!
//! `cargo xtask bench open`.

use std::{cell::RefCell, collections::BTreeSet, fs, hint::black_box, path::Path, process::Command};

use p12_keystore::Pkcs12Archive;
use strongroom::{
    Password,
    limits::{KdfBudget, Limits},
    pkcs12::Pfx,
};
use strongroom_tests::{
    authority::{leaf_params, root},
    bare::Chains,
    figures::{Cost, Table, Work, in_process, is_there, of_process},
    forge::{Bag, Cipher, Forge, Hash as ForgedHash, Mac, Scheme, Secret},
    manifest,
    peer::Peer,
};

const PASSWORD: &str = "changeit";
const TURNS: usize = 7;

fn main() {
    let mut table = Table::default();
    table.head();
    let folder = tempfile::tempdir().unwrap();
    let peers = Peers::start(&mut table);
    let openssl = is_there("openssl", "version");
    if openssl {
        written_by_openssl(folder.path(), &peers, &mut table);
    } else {
        table.missing.push("openssl, and the files that it writes".to_owned());
    }
    let twenty = nss(20);
    let file = folder.path().join("nss.p12");
    fs::write(&file, &twenty).unwrap();
    let bare = [Chains::new(40, 1, 600_000)];
    let with = With { peers: &peers, command: openssl, turns: 3, one_key: false };
    compare(&mut table, "as NSS writes it, 20 keys, 600,000", &file, &bare, &with);
    let pbmac1 = folder.path().join("pbmac1.p12");
    fs::write(&pbmac1, forged(1, 2048, Mac::pbmac1(ForgedHash::Sha256, 2048, 32))).unwrap();
    let bare = [Chains::new(3, 0, 2048)];
    // OpenSSL reads it from version 3.4 on.
    let with = With { peers: &peers, command: false, turns: TURNS, one_key: true };
    compare(&mut table, "PBMAC1, 2,048", &pbmac1, &bare, &with);
    fixtures(&mut table);
    table.finish("open");
}

/// Peers that are processes of their own.
struct Peers {
    all: Vec<(&'static str, RefCell<Peer>)>,
}

/// What a file is compared with.
struct With<'p> {
    peers: &'p Peers,
    /// Whether the command `openssl pkcs12` is there, and opens it.
    command: bool,
    turns: usize,
    /// Whether the file has one key: OpenSSL's function for programs opens the first alone.
    one_key: bool,
}

const OPENSSL: &str = "openssl, the crate";

impl Peers {
    fn start(table: &mut Table) -> Self {
        let mut all = Vec::new();
        let found = [
            (OPENSSL, Peer::openssl(), "OpenSSL in process: its headers are missing (libssl-dev)"),
            ("Java's KeyStore", Peer::java(), "Java's KeyStore: there is no Java that runs a source file"),
        ];
        for (name, peer, missing) in found {
            match peer {
                Some(peer) => all.push((name, RefCell::new(peer))),
                None => table.missing.push(missing.to_owned()),
            }
        }
        table.missing.push("Go's go-pkcs12: no row is written for it".to_owned());
        Self { all }
    }
}

/// Files as OpenSSL writes them, and as keytool does, whose files differ in nothing that costs time.
fn written_by_openssl(folder: &Path, peers: &Peers, table: &mut Table) {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=www.bench.test", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for (what, iterations, legacy) in [
        ("OpenSSL's default, 2,048", 2_048, false),
        ("keytool's default, 10,000", 10_000, false),
        ("600,000", 600_000, false),
        ("1,000,000", 1_000_000, false),
        ("3DES and RC2, 2,048", 2_048, true),
    ] {
        let file = folder.join(format!("{iterations}-{legacy}.p12"));
        let mut export = Command::new("openssl");
        export.args(["pkcs12", "-export", "-passout", "pass:changeit", "-iter", &iterations.to_string()]);
        if legacy {
            export.arg("-legacy");
        }
        let made =
            export.arg("-inkey").arg(&key).arg("-in").arg(&certificate).arg("-out").arg(&file).output();
        assert!(made.unwrap().status.success(), "openssl pkcs12 -export");
        // 3DES takes two blocks of SHA-1 for its key and one for its vector, RC2 of 40 bits one for each.
        let bare =
            if legacy { Chains::new(0, 6, iterations).of_sha1() } else { Chains::new(2, 1, iterations) };
        let with = With { peers, command: true, turns: TURNS, one_key: true };
        compare(table, what, &file, &[bare], &with);
    }
}

/// As many keys, each with its certificate in an encrypted safe of its own, as NSS writes them.
fn nss(keys: usize) -> Vec<u8> {
    forged(keys, 600_000, Mac::pkcs12(ForgedHash::Sha256, 600_000))
}

fn forged(keys: usize, iterations: u64, mac: Mac) -> Vec<u8> {
    let (issuer, secret) = (root("Bench Root"), Secret::of(PASSWORD));
    let mut file = Forge::new(secret.clone()).mac(mac);
    for number in 0..keys {
        let credential = issuer.issue(&leaf_params(&format!("www{number}.bench.test")), &[]);
        // Each with a salt of its own.
        let scheme = |part: usize| {
            let salt = u64::try_from(number * 2 + part).unwrap().to_be_bytes();
            Scheme::pbkdf2(Cipher::Aes256, ForgedHash::Sha256, iterations).salt(&salt)
        };
        let id = [u8::try_from(number).unwrap()];
        let certificate = Bag::certificate(credential.leaf().der()).local_key_id(&id);
        let key = Bag::shrouded(credential.key().expose_pkcs8_der(), &scheme(1), &secret).local_key_id(&id);
        file = file.encrypted(&[certificate], &scheme(0)).plain(&[key]);
    }
    file.build()
}

fn opened(bytes: &[u8], password: &Password) {
    let limits = Limits::default().with_max_work(100_000_000);
    let mut budget = KdfBudget::new(&limits);
    let pfx = Pfx::from_bytes(bytes, &limits).unwrap();
    black_box(pfx.verify(password, &mut budget).unwrap().decrypt(None, &mut budget).unwrap());
}

fn compare(table: &mut Table, what: &str, file: &Path, bare: &[Chains], with: &With<'_>) {
    let bytes = fs::read(file).unwrap();
    let password = Password::new(PASSWORD).unwrap();
    // Several milliseconds at the least.
    let iterations = bare.first().map_or(1, |chains| chains.iterations);
    let times = (100_000 / iterations).clamp(1, 50);
    let mut peers: Vec<Work<'_>> =
        vec![("bare compressions", Box::new(|| in_process(times, || bare.iter().for_each(Chains::run))))];
    let theirs = || black_box(Pkcs12Archive::from_pkcs12(&bytes, PASSWORD)).is_ok();
    if theirs() {
        peers.push((
            "p12-keystore",
            Box::new(move || in_process(times, || assert!(theirs(), "it opened before"))),
        ));
    } else {
        table.missing.push(format!("p12-keystore does not open: {what}"));
    }
    let read = || {
        let mut command = Command::new("openssl");
        command.args(["pkcs12", "-noout", "-passin", "pass:changeit"]);
        if bare.iter().any(|chains| chains.sha1) {
            command.arg("-legacy");
        }
        command.arg("-in").arg(file);
        of_process(&mut command)
    };
    if with.command {
        peers.push(("openssl, the command", Box::new(read)));
    }
    for (name, peer) in &with.peers.all {
        if *name == OPENSSL && !with.one_key {
            table.missing.push(format!("{name} opens the first key alone: {what}"));
            continue;
        }
        // A virtual machine is warm when it has run the same for a while.
        let warm = peer.borrow_mut().open(times.max(3) * 3, PASSWORD, file);
        match warm {
            Ok(_) => peers.push((
                name,
                Box::new(move || peer.borrow_mut().open(times, PASSWORD, file).expect("it opened before")),
            )),
            Err(why) => table.missing.push(format!("{name} does not open: {what}: {why}")),
        }
    }
    table.compare(what, with.turns, || in_process(times, || opened(&bytes, &password)), &mut peers);
}

/// Every fixture that both open: how the ratio lies over all of them.
fn fixtures(table: &mut Table) {
    let mut seen = BTreeSet::new();
    for row in manifest::load().fixture {
        let bytes = row.bytes();
        let theirs_opens =
            Pkcs12Archive::from_pkcs12(&bytes, &row.password).is_ok_and(|archive| !archive.keys.is_empty());
        if row.expect != "ok" || !theirs_opens || !seen.insert(row.file.clone()) {
            continue;
        }
        let password = Password::new(row.password.clone()).unwrap();
        let mut theirs = || {
            black_box(Pkcs12Archive::from_pkcs12(&bytes, &row.password).unwrap());
        };
        let once: Cost = in_process(1, &mut theirs);
        let times = u32::try_from(2_000 / once.elapsed.as_micros().max(1)).unwrap().clamp(1, 200);
        let mut peers: [Work<'_>; 1] = [("p12-keystore", Box::new(|| in_process(times, &mut theirs)))];
        let ours = || in_process(times, || opened(&bytes, &password));
        table.compare(&row.file, TURNS, ours, &mut peers);
    }
    let mut ratios: Vec<f64> =
        table.rows.iter().filter(|row| seen.contains(&row.what)).map(|row| row.processor.median).collect();
    ratios.sort_by(f64::total_cmp);
    let (middle, most) = (ratios.get(ratios.len() / 2), ratios.last());
    if let (Some(middle), Some(most)) = (middle, most) {
        println!("{} fixtures beside p12-keystore: median {middle:.2}, at the most {most:.2}", ratios.len());
    }
}
