//! What happens to the machine: another one, another program, a full disk, a wrong clock, timers.

use std::{fs, process::Command};

use rusqlite::Connection;
use strongroom_tests::command::{Run, binary};

use super::Drill;

pub(super) fn another_machine() {
    let drill = Drill::usual("To another machine");
    drill.follow();
    drill.is_whole("");
    drill.is_whole("--store /other/keystore.db");
    // The rescue passphrase moved as well.
    drill.is_whole("--store /other/keystore.db --unlock prompt");
}

pub(super) fn upgrade() {
    let drill = Drill::usual("The program is upgraded, and taken back");
    let blocks = drill.blocks("sh");
    drill.follow_block(&blocks[0]);
    // As a later program leaves it.
    Connection::open(drill.shop.store()).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    let before = fs::read(drill.shop.store()).unwrap();
    drill.refused("strongroom ls", "schema_from_future");
    drill.refused("strongroom rm www --yes", "schema_from_future");
    assert!(fs::read(drill.shop.store()).unwrap() == before);
    drill.follow_block(&blocks[1]);
    drill.is_whole("");
}

/// In a file system of one mebibyte, which a namespace of its own has mounted.
pub(super) fn full_disk() {
    let drill = Drill::usual("The disk is full");
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/pkcs12/www-direct.p12");
    fs::copy(fixtures, drill.path("safe/new.p12")).unwrap();
    fs::create_dir(drill.path("small")).unwrap();
    let program = binary().parent().unwrap().display().to_string();
    let unshared = |script: &str| -> Option<Run> {
        let mut shell = Command::new("unshare");
        shell.args(["-rm", "sh", "-c", script]).current_dir(drill.shop.folder.path());
        shell.env("P", "changeit").env("STRONGROOM_STORE", drill.path("small/keystore.db"));
        Some(shell.output().ok()?.into())
    };
    let mount = "mount -t tmpfs -o size=1m,mode=700 tmpfs small";
    if unshared(mount).is_none_or(|run| run.code != 0) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let lines: Vec<String> = drill.blocks("sh")[0]
        .lines()
        .map(|line| {
            format!("{} || exit 9", line.replace("/safe/", &format!("{}/", drill.path("safe").display())))
        })
        .collect();
    let script = format!(
        "PATH={program}:$PATH; {mount} && cp -p keystore.db keystore.key small || exit 7
         dd if=/dev/zero of=small/filler bs=4096 2>/dev/null
         strongroom import www safe/new.p12 --replace --pass-in env:P 2>&1 && exit 8
         strongroom show www 2>&1 || echo refused
         rm small/filler
         {}
         strongroom history www",
        lines.join("\n")
    );
    let run = unshared(&script).unwrap();
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("error[store_full]"), "{}{}", run.out, run.err);
    assert!(run.out.contains("2 (current)"), "{}", run.out);
}

/// Another clock for one process, by the library of C.
const CLOCK: &str = "#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, \"clock_gettime\");
    int done = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec = atol(getenv(\"STANDS_AT\"));
    return done;
}
";

pub(super) fn wrong_clock() {
    let drill = Drill::usual("The clock is wrong");
    fs::write(drill.path("clock.c"), CLOCK).unwrap();
    if drill.run("cc -shared -fPIC -o clock.so clock.c -ldl").code != 0 {
        eprintln!("skipped: no compiler of C that makes a library");
        return;
    }
    // 2020 and 2040, for a certificate of 2026 to 2036.
    for (stands_at, code) in [("1577836800", "not_yet_valid"), ("2208988800", "expired")] {
        let at = format!("LD_PRELOAD=$PWD/clock.so STANDS_AT={stands_at} strongroom");
        let blocks = drill.blocks("sh");
        drill.refused(&format!("{at} verify www"), code);
        drill.follow_block(&blocks[0].replace("strongroom", &at));
        let import = format!("{at} import again ../fixture.p12 --pass-in env:P");
        let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/pkcs12/www.p12");
        drill.refused(&import.replace("../fixture.p12", &fixture.display().to_string()), code);
        drill.follow_block(&blocks[1]);
        let log = drill.works("strongroom log --tail 1").out;
        let year = if stands_at.starts_with('1') { "2020-01-01" } else { "2040-01-01" };
        assert!(log.contains(year) && log.contains(code), "{log}");
    }
    drill.is_whole("");
}

/// The units are such, and the service does what it says; the rules name what the file has.
pub(super) fn timer(drill: &Drill, metrics: &str) {
    let units = drill.blocks("ini");
    for unit in &units {
        let (name, text) = unit.split_once('\n').unwrap();
        // What is run stands elsewhere here.
        let text = text.replace("/usr/bin/strongroom", &binary().display().to_string());
        fs::write(drill.path(name.trim_start_matches("# ")), text).unwrap();
    }
    let verified = drill.run("command -v systemd-analyze > /dev/null && systemd-analyze verify ./strongroom-check.timer ./strongroom-check.service");
    if verified.err.is_empty() && verified.code != 0 {
        eprintln!("skipped: systemd is not installed");
    } else {
        assert_eq!(verified.code, 0, "{}", verified.err);
        assert!(!verified.err.contains("strongroom-check"), "{}", verified.err);
    }
    let line = units[0].lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap();
    fs::remove_file(drill.path("metrics/strongroom.prom")).unwrap();
    drill.works(line);
    assert!(drill.path("metrics/strongroom.prom").exists());
    for rule in drill.blocks("yaml")[0].lines().filter(|line| line.contains("expr:")) {
        let name =
            rule.split([' ', '(']).find(|word| word.starts_with("x509_") || word.starts_with("strongroom_"));
        let name = name.unwrap();
        assert!(metrics.contains(&format!("\n{name}")), "{name}: {metrics}");
    }
}
