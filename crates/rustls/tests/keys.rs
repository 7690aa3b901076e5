//! When keys are opened, how long they stay open, and that they are let go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{Store, client, handshake};
use rustls::{
    Error, SignatureAlgorithm, SignatureScheme,
    crypto::{CryptoProvider, KeyProvider},
    pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer},
    sign::{Signer, SigningKey},
};
use strongroom_rustls::LiveTls;

/// Keys that were opened, and those of them that are open.
static OPENED: AtomicUsize = AtomicUsize::new(0);
static OPEN: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Counting;

#[derive(Debug)]
struct Counted(Arc<dyn SigningKey>);

impl KeyProvider for Counting {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let key = common::provider().key_provider.load_private_key(key)?;
        OPENED.fetch_add(1, Ordering::SeqCst);
        OPEN.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Counted(key)))
    }
}

impl SigningKey for Counted {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_key_is_opened_once_while_there_is_room_and_let_go_when_there_is_none() {
    let store = Store::new();
    let names: Vec<String> = (0..12).map(|n| format!("host{n}.example.com")).collect();
    let leaves: Vec<_> = names.iter().map(|name| store.entry(name, &[name.as_str()])).collect();
    let counting =
        CryptoProvider { key_provider: &Counting, ..rustls::crypto::aws_lc_rs::default_provider() };
    let counting = Arc::new(counting);
    let mut client = client();
    client.resumption = rustls::client::Resumption::disabled();
    let client = Arc::new(client);
    let live = |bytes| {
        let before = OPENED.load(Ordering::SeqCst);
        let tls = LiveTls::builder(store.reader(), Arc::clone(&counting)).memory(1 << 28, bytes).build();
        // Of a small store each key is opened once before anybody asks.
        let until = Instant::now() + Duration::from_secs(20);
        while OPENED.load(Ordering::SeqCst) < before + names.len() {
            assert!(Instant::now() < until, "{OPENED:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
        tls.unwrap()
    };
    let ask = |tls: &LiveTls, place: usize| {
        let met = handshake(&tls.server_config(), &client, names.get(place).unwrap()).unwrap();
        assert_eq!(met.chain.first(), leaves.get(place));
    };
    let roomy = live(1 << 20);
    (0..36).for_each(|n| ask(&roomy, n % 12));
    assert_eq!((OPENED.load(Ordering::SeqCst), OPEN.load(Ordering::SeqCst)), (12, 12));
    drop(roomy);
    // Room for two keys.
    let narrow = live(4_000);
    for n in 0..36 {
        ask(&narrow, n % 12);
        let before = OPENED.load(Ordering::SeqCst);
        ask(&narrow, n % 12);
        assert_eq!(OPENED.load(Ordering::SeqCst), before, "it stays open as long as it is used");
    }
    // The thread of the first one ends in its own time.
    let until = Instant::now() + Duration::from_secs(5);
    while OPEN.load(Ordering::SeqCst) > 2 {
        assert!(Instant::now() < until, "{OPEN:?} are open");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(OPENED.load(Ordering::SeqCst) >= 24 + 34, "{OPENED:?}");
}
