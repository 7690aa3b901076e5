//! What befalls a store while a server runs on it: the server goes on with what it read last, says what is wrong, and
//! follows the store again afterwards. Server, writer and whoever looks are processes of their own.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "figures, and what is skipped")]

#[path = "outages/live.rs"]
mod live;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use serde_json::json;
use strongroom_tests::{
    command::{Shop, binary},
    machine::{is_root, may_mount, mount, runs, scaled},
};

use self::live::{Desk, EC, RSA};

#[test]
fn a_writer_that_is_killed_in_the_middle_of_an_import_is_not_noticed() {
    let desk = Desk::new(Shop::empty(), "wal", None);
    let import =
        |file: &str| desk.importing(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    assert!(import(EC).wait().unwrap().success());
    let whole = begun.elapsed();
    let kills = scaled(24, 500);
    let (killed, handshakes) = desk.during(|| {
        let mut killed = 0;
        for n in 0..kills {
            let mut writer = import([RSA, EC][n % 2]);
            // From its start to its end, in even steps.
            sleep(whole.mul_f64(f64::from(u32::try_from(n % 24).unwrap()) / 24.0));
            let _ = writer.kill();
            killed += usize::from(!writer.wait().unwrap().success());
        }
        killed
    });
    println!("{handshakes} handshakes while {killed} of {kills} writers were killed");
    // How many handshakes that was is the machine's affair; `during` saw each of them answered.
    assert!(killed > kills / 4, "{killed} of {kills}");
    assert_eq!(desk.shop.run(["verify-store"]).code, 0);
    desk.follows();
    // A killed writer is nothing that a reader has to say.
    assert!(!desk.live.said().contains("StoreFailed"), "{}", desk.live.said());
    assert_eq!(desk.server()["failure"], json!(null));
}

#[test]
fn a_full_disk_stops_the_writer_alone() {
    let name = "a_full_disk_stops_the_writer_alone";
    if !may_mount(name) {
        return;
    }
    let shop = Shop::empty();
    let folder = shop.folder.path().to_owned();
    mount(&["-t", "tmpfs", "-o", "size=3m,mode=700", "none", folder.to_str().unwrap()]);
    let desk = Desk::new(shop, "wal", None);
    let ballast = folder.join("ballast");
    // Blocks of one page, until not even one is left.
    let mut file = fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut file, &[1; 4_096]).is_ok() {}
    let told = desk.server()["updated"].clone();
    desk.during(|| {
        let run = desk.import_json(EC);
        assert_eq!((run.code, run.error_code().as_str()), (8, "store_full"), "{}", run.out);
        // What the server says of itself is on the full disk, too.
        live::eventually(15, "it says once more what it serves", || desk.server()["updated"] != told);
    });
    let server = desk.server();
    assert_eq!((&server["failure"], &server["refused_entries"]), (&json!(null), &json!([])));
    assert!(server["served"].as_array().unwrap().iter().all(|served| served["current"] == true), "{server}");
    desk.serves(RSA);
    drop(file);
    fs::remove_file(ballast).unwrap();
    desk.follows();
}

/// Holds the database so that nobody else gets in, if that is what the journal allows, for so many seconds.
fn locked<T>(desk: &Desk, seconds: usize, meanwhile: impl FnOnce() -> T) -> T {
    let connection = Connection::open(desk.shop.store()).unwrap();
    connection.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let begun = Instant::now();
    let done = meanwhile();
    let whole = Duration::from_secs(u64::try_from(seconds).unwrap());
    sleep(whole.saturating_sub(begun.elapsed()));
    connection.execute_batch("ROLLBACK").unwrap();
    done
}

#[test]
fn a_store_that_stays_locked_is_told_after_ten_seconds_and_served_on() {
    let desk = Desk::new(Shop::empty(), "rollback", None);
    let seconds = scaled(14, 30);
    let (_, handshakes) = desk.during(|| {
        locked(&desk, seconds, || {
            live::eventually(13, "the server says so", || desk.live.said().contains("StoreFailed"));
            desk.says("locked by another");
        });
    });
    println!("{handshakes} handshakes while the store was locked for {seconds} s");
    live::eventually(5, "it says that it reads again", || desk.live.said().contains("StoreBack"));
    desk.serves(RSA);
    desk.follows();
    assert_eq!(desk.server()["failure"], json!(null));
}

#[test]
fn a_lock_keeps_no_reader_out_where_there_is_a_write_ahead_log() {
    let desk = Desk::new(Shop::empty(), "wal", None);
    let seconds = scaled(3, 30);
    desk.during(|| locked(&desk, seconds, || assert_eq!(desk.shop.run(["status"]).code, 0)));
    assert!(!desk.live.said().contains("StoreFailed"), "{}", desk.live.said());
    desk.follows();
}

#[test]
fn another_file_at_the_path_is_not_served() {
    let desk = Desk::new(Shop::empty(), "wal", None);
    let other = Desk::store(Shop::empty(), "wal");
    let aside = desk.shop.folder.path().join("aside");
    fs::create_dir(&aside).unwrap();
    let files = ["keystore.db", "keystore.db-wal", "keystore.db-shm"];
    let moved = |from: &Path, to: &Path| {
        for file in files {
            let _ = fs::rename(from.join(file), to.join(file));
        }
    };
    desk.during(|| {
        moved(desk.shop.folder.path(), &aside);
        // Another store of the same user, with entries of the same names.
        fs::copy(other.store(), desk.shop.store()).unwrap();
        live::eventually(5, "the server says so", || desk.live.said().contains("StoreFailed"));
        desk.says("moved or replaced");
        let run = desk.shop.json(["status"]);
        assert_eq!(run.error_code(), "key_of_another_store", "{}", run.out);
        let help = run.json()["error"]["help"].clone();
        assert!(help.as_str().is_some_and(|help| help.contains("status --unlock none")), "{help}");
    });
    desk.serves(RSA);
    let _ = fs::remove_file(desk.shop.store());
    moved(&aside, desk.shop.folder.path());
    live::eventually(5, "it says that it reads again", || desk.live.said().contains("StoreBack"));
    desk.follows();
}

#[test]
fn permissions_that_are_taken_are_told_and_end_nothing() {
    // Root passes every permission: the server is somebody else's then.
    let user = is_root().then_some("65534");
    if user.is_some() && !runs("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", "true"]) {
        println!("skipped: setpriv is not installed");
        return;
    }
    if user.is_some()
        && !runs("setpriv", &["--reuid=65534", "--clear-groups", binary().to_str().unwrap(), "--version"])
    {
        println!("skipped: the user nobody cannot run the programs of this build");
        return;
    }
    let desk = Desk::new(Shop::empty(), "wal", user);
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let folder = desk.shop.folder.path().to_owned();
    // A process keeps the file that it has open: it reads on, and a new one cannot.
    mode(&desk.shop.store(), 0);
    desk.during(|| {
        let run = desk.as_user(desk.shop.command(["--json", "status"]));
        assert_eq!(run.code, 8, "{}", run.out);
        sleep(Duration::from_secs(1));
    });
    mode(&desk.shop.store(), 0o600);
    desk.follows();
    // Without the folder it sees no file at the path.
    mode(&folder, 0);
    desk.during(|| {
        live::eventually(5, "the server says so", || desk.live.said().contains("StoreFailed"));
        sleep(Duration::from_millis(500));
    });
    mode(&folder, 0o700);
    live::eventually(5, "it says that it reads again", || desk.live.said().contains("StoreBack"));
    desk.follows();
}
