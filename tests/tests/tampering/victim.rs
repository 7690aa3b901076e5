//! A store with a past, everything that can be asked of it, and hands on its rows.

use std::collections::BTreeMap;

use strongroom::{
    Error, Keystore, Password, UnlockKey,
    engine::{Engine as _, MemoryEngine, Row, Table},
    issuance::CertificateTemplate,
    keystore::{CredentialRequest, LogRetention, RequestOptions},
};
use strongroom_tests::authority::{TestCa, leaf_params, now, root};

const NAMES: [&str; 6] = ["root", "a", "b", "c", "evil-root", "gone"];

/// A store in memory with a past: of each kind of row some, and copies from three moments.
pub(crate) struct Victim {
    pub(crate) engine: MemoryEngine,
    pub(crate) old: Vec<MemoryEngine>,
    pub(crate) unlock: UnlockKey,
}

fn import(keystore: &Keystore, ca: &TestCa, name: &str, replace: bool) {
    let credential = ca.issue(&leaf_params(&format!("{name}.test")), &[]);
    let mut request = CredentialRequest::new(name.parse().unwrap(), credential, now());
    request.options.replace = replace;
    keystore.import_credential(request).unwrap();
}

fn ask_for(keystore: &Keystore, name: &str, replace: bool) {
    let template = CertificateTemplate::new(vec![format!("{name}.test").parse().unwrap()]);
    let mut options = RequestOptions::new(now());
    options.replace = replace;
    keystore.request(&name.parse().unwrap(), &template, options).unwrap();
}

impl Victim {
    pub(crate) fn new() -> Self {
        let engine = MemoryEngine::new(false);
        let unlock = UnlockKey::generate().unwrap();
        let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &unlock, now()).unwrap();
        let ca = root("Root");
        let mut old = Vec::new();
        keystore.import_authority(&"root".parse().unwrap(), ca.file(), now()).unwrap();
        keystore.import_authority(&"evil-root".parse().unwrap(), root("Evil").file(), now()).unwrap();
        // Enough for a tree with inner nodes.
        for n in 0..24 {
            let alias = format!("ca-{n}").parse().unwrap();
            keystore.import_authority(&alias, root(&format!("CA {n}")).file(), now()).unwrap();
        }
        import(&keystore, &ca, "a", false);
        import(&keystore, &ca, "gone", false);
        let password = Password::new("a long password").unwrap();
        keystore.add_administrator(&"mallory".parse().unwrap(), &password, now()).unwrap();
        keystore.add_administrator(&"alice".parse().unwrap(), &password, now()).unwrap();
        let second = UnlockKey::generate().unwrap();
        keystore.add_slot(strongroom::seal::UnlockSource::Environment("X".into()), &second, now()).unwrap();
        let mut shown = strongroom::keystore::WebServerChange::default();
        shown.alias = Some("a".parse().unwrap());
        keystore.set_web_server(&shown, now()).unwrap();
        ask_for(&keystore, "waits", false);
        ask_for(&keystore, "gone", false);
        old.push(engine.copy());
        ask_for(&keystore, "waits", true);
        keystore.remove_request(&"gone".parse().unwrap(), now()).unwrap();
        import(&keystore, &ca, "a", true);
        import(&keystore, &ca, "b", false);
        keystore.remove(&"evil-root".parse().unwrap(), false, now()).unwrap();
        keystore.remove_administrator(&"mallory".parse().unwrap(), now()).unwrap();
        old.push(engine.copy());
        keystore.remove(&"gone".parse().unwrap(), false, now()).unwrap();
        keystore.prune(None, now()).unwrap();
        keystore.remove_slot(1, now()).unwrap();
        // Of the log the first rows are in a file.
        let folder = tempfile::tempdir().unwrap();
        let mut retention = LogRetention::default();
        retention.keep = Some(6);
        keystore.rotate_log(&folder.path().join("log"), retention, now()).unwrap();
        import(&keystore, &ca, "c", false);
        shown.alias = Some("c".parse().unwrap());
        keystore.set_web_server(&shown, now()).unwrap();
        import(&keystore, &ca, "c", true);
        old.push(engine.copy());
        import(&keystore, &ca, "b", true);
        Self { engine, old, unlock }
    }

    pub(crate) fn open(&self, engine: &MemoryEngine) -> Result<Keystore, Error> {
        Keystore::open_on_engine(Box::new(engine.clone()), &self.unlock)
    }
}

/// Each question to a store, with its answer or the code of the refusal.
pub(crate) type Answers = BTreeMap<String, Result<String, &'static str>>;

pub(crate) fn answers(keystore: &Keystore) -> Answers {
    let mut all = Answers::new();
    let mut ask = |question: String, answer: Result<String, Error>| {
        all.insert(question, answer.map_err(|error| error.code()));
    };
    for name in NAMES {
        let alias = name.parse().unwrap();
        ask(format!("show {name}"), keystore.entry(&alias, now()).map(|entry| format!("{entry:?}")));
        let served = keystore.credential(&alias, now());
        let served =
            served.map(|opened| format!("{:?} {:?}", opened.key().expose_pkcs8_der(), opened.chain()));
        ask(format!("serve {name}"), served);
        ask(format!("history {name}"), keystore.history(&alias).map(|versions| format!("{versions:?}")));
        let host = format!("{name}.test");
        ask(format!("who has {host}"), keystore.aliases_named(&host, 10).map(|found| format!("{found:?}")));
        let verified = keystore.verify(&alias, &strongroom::validate::Policy::default(), now());
        ask(format!("verify {name}"), verified.map(|chain| format!("{:?}", chain.path())));
    }
    ask("ls".into(), keystore.page(None, 100, now()).map(|entries| format!("{entries:?}")));
    ask("removed".into(), keystore.removed_entries(100).map(|entries| format!("{entries:?}")));
    ask("requests".into(), keystore.pending_requests().map(|requests| format!("{requests:?}")));
    let waits = keystore.pending_request(&"waits".parse().unwrap());
    ask("request waits".into(), waits.map(|request| format!("{request:?}")));
    ask("log".into(), keystore.log(0, 1_000).map(|log| format!("{log:?}")));
    ask("users".into(), keystore.administrators().map(|users| format!("{users:?}")));
    ask("web server".into(), keystore.web_server().map(|shown| format!("{shown:?}")));
    ask("slots".into(), keystore.slots().map(|slots| format!("{slots:?}")));
    all
}

pub(crate) fn rows(engine: &MemoryEngine, table: Table) -> Vec<Row> {
    engine.view().unwrap().range(table, &[], None, usize::MAX).unwrap()
}

pub(crate) fn set(engine: &MemoryEngine, table: Table, key: &[u8], value: Option<&[u8]>) {
    let mut change = engine.begin().unwrap();
    match value {
        Some(value) => change.put(table, key, value).unwrap(),
        None => change.delete(table, key).unwrap(),
    }
    change.commit().unwrap();
}

/// Puts whole tables of one store into another.
pub(crate) fn put_back(from: &MemoryEngine, to: &MemoryEngine, tables: &[Table]) {
    let mut change = to.begin().unwrap();
    for table in tables {
        for (key, _) in rows(to, *table) {
            change.delete(*table, &key).unwrap();
        }
        for (key, value) in rows(from, *table) {
            change.put(*table, &key, &value).unwrap();
        }
    }
    change.commit().unwrap();
}
