//! A store that is rekeyed, restored, locked, or replaced under the watch.

use super::*;

#[test]
fn a_rekey_a_restore_and_a_writer_are_no_end() {
    let shop = shop();
    let copy = shop.folder.path().join("copy.db");
    let copy = copy.to_str().unwrap();
    fine(&shop.json(["backup", copy]));
    let watch = Watch::start(&shop, ["--json", "watch"]);
    assert_eq!(watch.event().0, "present");
    fine(&shop.json(["rekey"]));
    watch.is_quiet(Duration::from_millis(500));
    fine(&shop.json(OTHER));
    assert_eq!(watch.event().0, "replaced");
    let lock = rusqlite::Connection::open(shop.store()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    watch.is_quiet(Duration::from_millis(500));
    drop(lock);
    // What stood in the backup is back, and that is a change.
    fine(&shop.json(["restore", copy, "--yes"]));
    assert_eq!(watch.event().0, "replaced");
    assert_eq!(watch.ends(LONG), ["stopped"]);
}

#[test]
fn a_store_that_is_gone_is_said_and_followed_again_when_it_is_back() {
    let shop = shop();
    let watch = Watch::start(&shop, ["--json", "watch"]);
    assert_eq!(watch.event().0, "present");
    let away = shop.folder.path().join("away.db");
    std::fs::rename(shop.store(), &away).unwrap();
    let (event, told) = watch.event();
    assert_eq!((event.as_str(), &told["alias"]), ("store_unreadable", &Value::Null));
    assert!(!told["message"].as_str().unwrap().is_empty());
    watch.tells("the store cannot be read, and is tried again");
    std::thread::sleep(Duration::from_millis(600));
    std::fs::rename(&away, shop.store()).unwrap();
    // Said once for each reason: that the file went is another one than that it is not there.
    let mut reasons = vec![told["message"].clone()];
    let back = loop {
        match watch.event() {
            (event, told) if event == "store_unreadable" => reasons.push(told["message"].clone()),
            other => break other.0,
        }
    };
    assert_eq!(back, "store_readable");
    assert!(reasons.len() < 3 && reasons.first() != reasons.get(1), "{reasons:?}");
    fine(&shop.json(OTHER));
    assert_eq!(watch.event().0, "replaced");

    // An older copy in its place is not taken for the store.
    let old = shop.folder.path().join("old.db");
    fine(&shop.json(["backup", old.to_str().unwrap()]));
    fine(&shop.json(["undo", "www"]));
    assert_eq!(watch.event().0, "replaced");
    std::fs::rename(&old, shop.store()).unwrap();
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", shop.store().display()));
    }
    assert_eq!(watch.event().0, "store_unreadable");
    assert_eq!(watch.ends(LONG).last().map(String::as_str), Some("stopped"));
}

#[test]
fn an_entry_that_cannot_be_read_is_said_once_and_so_is_its_end() {
    let shop = shop();
    let watch = Watch::start(&shop, ["--json", "watch", "www", "--exec", "echo run"]);
    assert_eq!([watch.event().0, watch.event().0], ["present", "run_done"]);
    let outside = rusqlite::Connection::open(shop.store()).unwrap();
    // The head of the entry.
    let head = [b"\x10www", &[0][..]].concat();
    let sound: Vec<u8> =
        outside.query_row("SELECT value FROM record WHERE key = ?1", [&head], |row| row.get(0)).unwrap();
    let set = |value: &[u8]| {
        let set = outside.execute("UPDATE record SET value = ?1 WHERE key = ?2", (value, &head)).unwrap();
        assert_eq!(set, 1);
    };
    set(&sound[..sound.len() - 1]);
    // Another chain is possible now, and the entry looked at.
    fine(&shop.json(["ca", "import", "other", "chains/root-ec.pem"]));
    let (event, told) = watch.event();
    assert_eq!((event.as_str(), &told["alias"]), ("unreadable", &"www".into()));
    assert!(told["message"].as_str().unwrap().contains("store"), "{told}");
    fine(&shop.json(["ca", "rm", "other"]));
    watch.is_quiet(Duration::from_millis(500));
    set(&sound);
    assert_eq!(watch.event().0, "readable");
    watch.is_quiet(Duration::from_millis(500));
}

#[test]
fn a_watch_that_runs_is_seen_by_status_and_gone_when_it_ends() {
    let shop = shop();
    let watch = Watch::start(&shop, ["watch"]);
    watch.says("www is there");
    let seen = || fine(&shop.json(["status"]))["servers"].as_array().unwrap().clone();
    let servers = seen();
    assert_eq!((servers.len(), &servers[0]["program"]), (1, &"strongroom watch".into()), "{servers:?}");
    assert_eq!(servers[0]["pid"], watch.child.id());
    let text = shop.run(["status"]).out;
    assert!(
        text.contains(", 0 servers, 1 watch\n") && text.contains("\nwatch        strongroom watch (process "),
        "{text}"
    );
    // It follows the store, serves nothing, and no advice is for it.
    assert_eq!(shop.run(["rename", "www", "shop"]).code, 0);
    let now = fine(&shop.json(["status"]))["sequence"].clone();
    let start = Instant::now();
    while seen()[0]["sequence"] != now {
        assert!(start.elapsed() < LONG, "{:?}", seen());
    }
    let found = shop.run(["doctor"]).out;
    assert!(!found.contains("no_default") && !found.contains("strongroom watch"), "{found}");
    assert_eq!(shop.run(["rm", "shop", "--yes"]).code, 0);
    watch.ends(LONG);
    assert_eq!(seen(), Vec::<Value>::new());
}
