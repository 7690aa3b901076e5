//! What an import, a lookup and opening cost in a large store, against a small one in the same run.
//!
//! Prints ratios: `cargo xtask bench store`. `STRONGROOM_ENTRIES` is the size of the large store, 100,000 without it.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use strongroom::{Alias, CredentialRequest, Keystore, PrivateKey, ServerCredential};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root},
    scratch::Scratch,
};

/// Pairs of measurements; the median of their ratios is printed.
const PAIRS: usize = 41;
/// Entries of one transaction, when a store is filled.
const BATCH: usize = 2_000;
/// Certificates that the entries take in turn.
const LEAVES: usize = 200;

struct Filled {
    scratch: Scratch,
    size: usize,
    next: usize,
}

fn copy(credential: &ServerCredential) -> ServerCredential {
    let key = PrivateKey::from_pkcs8_der(credential.key().expose_pkcs8_der().to_vec());
    ServerCredential::pair(key, vec![credential.leaf.clone()]).unwrap()
}

fn alias(n: usize) -> Alias {
    format!("entry-{n:07}").parse().unwrap()
}

impl Filled {
    fn new(authority: &TestCa, leaves: &[ServerCredential], size: usize) -> Self {
        let scratch = Scratch::new(now());
        scratch.keystore.import_authority(&"root".parse().unwrap(), authority.file(), now()).unwrap();
        let mut next = 0;
        while next < size {
            let batch = (next..size.min(next + BATCH))
                .map(|n| CredentialRequest::new(alias(n), copy(&leaves[n % leaves.len()]), now()))
                .collect();
            scratch.keystore.import_credentials(batch, now()).unwrap();
            next = size.min(next + BATCH);
        }
        Self { scratch, size, next }
    }

    fn open(&mut self) {
        black_box(Keystore::open(&self.scratch.path(), &self.scratch.unlock).unwrap());
    }

    fn import(&mut self, leaves: &[ServerCredential]) {
        let credential = copy(&leaves[self.next % leaves.len()]);
        self.scratch
            .keystore
            .import_credential(CredentialRequest::new(alias(self.next), credential, now()))
            .unwrap();
        self.next += 1;
    }

    fn show(&mut self, n: usize) {
        let at = n.wrapping_mul(7_919) % self.size;
        black_box(self.scratch.keystore.entry(&alias(at)).unwrap());
    }

    fn page(&mut self, n: usize) {
        let at = n.wrapping_mul(7_919) % (self.size - 200);
        assert_eq!(self.scratch.keystore.entries(Some(&alias(at)), 100).unwrap().len(), 100);
    }

    fn remove(&mut self) {
        self.next -= 1;
        self.scratch.keystore.remove(&alias(self.next), false, now()).unwrap();
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn ratio(small: &mut Filled, large: &mut Filled, work: impl Fn(&mut Filled, usize)) -> f64 {
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|n| {
            let few = time(|| work(small, n));
            time(|| work(large, n)).as_secs_f64() / few.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

#[expect(clippy::disallowed_methods, reason = "the only switch of this measurement")]
fn main() {
    let authority = root("Root");
    let leaves: Vec<ServerCredential> =
        (0..LEAVES).map(|n| authority.issue(&leaf_params(&format!("host-{n}.test")), &[])).collect();
    let mut small = Filled::new(&authority, &leaves, 1_000);
    let size = std::env::var("STRONGROOM_ENTRIES").map_or(100_000, |text| text.parse().unwrap());
    let mut large = Filled::new(&authority, &leaves, size);
    println!("{size} entries : 1000 entries, median of {PAIRS} pairs");
    println!("{:>6.2}  open", ratio(&mut small, &mut large, |store, _| store.open()));
    println!("{:>6.2}  import of one", ratio(&mut small, &mut large, |store, _| store.import(&leaves)));
    println!("{:>6.2}  show of one", ratio(&mut small, &mut large, Filled::show));
    println!("{:>6.2}  a page of 100", ratio(&mut small, &mut large, Filled::page));
    println!("{:>6.2}  removal of one", ratio(&mut small, &mut large, |store, _| store.remove()));
}
