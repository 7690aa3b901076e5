//! D4: bit flips. D5: truncation, zeroed and swapped pages, pages of another store. Each is a typed error or has no
//! effect on what is read: nothing wrong is ever given.

use std::{fs, path::Path};

use strongroom::{Alias, Error, Keystore, UnlockKey, store::Journal};

use crate::bench::{Bench, Random, scaled, write_private};

/// Everything that a store gives to who reads it, as text.
fn everything(path: &Path, unlock: &UnlockKey, names: &[String]) -> Result<String, Error> {
    let keystore = Keystore::open_read_only(path, unlock)?;
    let mut all = String::new();
    for entry in keystore.page(None, 1_000, strongroom_tests::authority::now())? {
        all.push_str(&format!("{entry:?}\n"));
    }
    for name in names {
        let alias: Alias = name.parse().unwrap();
        all.push_str(&format!("{:?}\n", keystore.entry(&alias, strongroom_tests::authority::now())?));
        if name != "root" {
            let opened = keystore.credential(&alias, strongroom_tests::authority::now())?;
            all.push_str(&format!("{:?} {:?}\n", opened.key().expose_pkcs8_der(), opened.chain()));
        }
        all.push_str(&format!("{:?}\n", keystore.history(&alias)?));
    }
    all.push_str(&format!("{:?} {:?}\n", keystore.log(0, 1_000)?, keystore.administrators()?));
    all.push_str(&format!("{:?}\n", keystore.slots()?));
    Ok(all)
}

struct Damage {
    bench: Bench,
    content: Vec<u8>,
    names: Vec<String>,
    expected: String,
    refused: usize,
    harmless: usize,
    silent: Vec<String>,
}

impl Damage {
    fn new() -> Self {
        // One file, so that damage to it is damage to the store.
        let bench = Bench::new(Journal::Rollback);
        let dir = bench.dir();
        assert!(bench.worker(["import", dir.to_str().unwrap(), "d", "6"]).output().unwrap().status.success());
        let keystore = bench.open();
        let password = strongroom::Password::new("correct horse").unwrap();
        keystore
            .add_administrator(&"siteadmin".parse().unwrap(), &password, strongroom_tests::authority::now())
            .unwrap();
        drop(keystore);
        let names: Vec<String> =
            (0..6).map(|n| format!("d-{n}")).chain(["kept".to_owned(), "root".to_owned()]).collect();
        let expected = everything(&bench.db(), &bench.unlock(), &names).unwrap();
        let content = fs::read(bench.db()).unwrap();
        Self { bench, content, names, expected, refused: 0, harmless: 0, silent: Vec::new() }
    }

    fn try_content(&mut self, content: &[u8], what: impl FnOnce() -> String) {
        write_private(&self.bench.db(), content);
        match everything(&self.bench.db(), &self.bench.unlock(), &self.names) {
            Ok(read) if read == self.expected => self.harmless += 1,
            Ok(_) => self.silent.push(what()),
            Err(error) => {
                assert!(!error.code().is_empty());
                self.refused += 1;
            }
        }
        assert_eq!(fs::read(self.bench.db()).unwrap(), content, "a damaged store is left as it is");
    }

    #[track_caller]
    fn done(self, name: &str) {
        println!(
            "{name}: {} refused, {} without effect, {} silently wrong",
            self.refused,
            self.harmless,
            self.silent.len()
        );
        assert_eq!(self.silent, Vec::<String>::new());
        assert!(self.refused > 0);
    }
}

#[test]
fn d4_flipped_bits_are_refused_or_without_effect() {
    let mut damage = Damage::new();
    let mut random = Random(41);
    let (first_page, whole) = (scaled(200, 4096 * 8), scaled(600, 10_000));
    let mut bits: Vec<usize> = (0..first_page).map(|n| n * (4096 * 8 / first_page)).collect();
    let all = damage.content.len() * 8;
    bits.extend((0..whole).map(|_| random.below(all)));
    for bit in bits {
        let mut content = damage.content.clone();
        content[bit / 8] ^= 1 << (bit % 8);
        damage.try_content(&content, || format!("bit {bit}"));
    }
    damage.done("D4");
}

#[test]
fn d5_cut_zeroed_swapped_and_foreign_pages_are_refused_or_without_effect() {
    let mut damage = Damage::new();
    let other = Damage::new().content;
    let original = damage.content.clone();
    let pages = original.len() / 4096;
    for length in (0..original.len()).step_by(512 * scaled(16, 1)) {
        damage.try_content(&original[..length], || format!("cut at {length}"));
    }
    for page in 0..pages {
        let range = page * 4096..(page + 1) * 4096;
        let mut zeroed = original.clone();
        zeroed[range.clone()].fill(0);
        damage.try_content(&zeroed, || format!("page {page} zeroed"));
        if let Some(foreign) = other.get(range.clone()) {
            let mut mixed = original.clone();
            mixed[range].copy_from_slice(foreign);
            damage.try_content(&mixed, || format!("page {page} of another store"));
        }
    }
    let mut random = Random(51);
    for _ in 0..scaled(60, 500) {
        let (a, b) = (random.below(pages), random.below(pages));
        let mut swapped = original.clone();
        swapped[a * 4096..(a + 1) * 4096].copy_from_slice(&original[b * 4096..(b + 1) * 4096]);
        swapped[b * 4096..(b + 1) * 4096].copy_from_slice(&original[a * 4096..(a + 1) * 4096]);
        damage.try_content(&swapped, || format!("pages {a} and {b} swapped"));
    }
    damage.done("D5");
}
