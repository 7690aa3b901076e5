//! The load of those who may.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use strongroom_tests::https::upload;

use super::bystander::{IMPORT, OWNER, Site, scale};

#[test]
fn imports_and_sign_ins_at_once_are_all_done() {
    let site = Site::open();
    let token = site.sign_in(OWNER).unwrap();
    std::thread::scope(|scope| {
        let imports: Vec<_> = (0..200)
            .map(|n| {
                let (site, token) = (&site, &token);
                scope.spawn(move || site.import(OWNER, token, &format!("at-once-{n}")))
            })
            .collect();
        let sign_ins: Vec<_> = (0..100).map(|_| scope.spawn(|| site.sign_in(OWNER).map(|_| ()))).collect();
        for done in imports.into_iter().chain(sign_ins) {
            assert_eq!(done.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(site.entries("at-once-"), 200);
}

#[test]
fn imports_by_sixteen_clients_are_all_there() {
    let count = scale(1_000, 100);
    let site = Site::open();
    let token = site.sign_in(OWNER).unwrap();
    let (next, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (begun, before) = (Instant::now(), site.processor_time());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        return;
                    }
                    while let Err(refused) = site.import(OWNER, &token, &format!("one-of-many-{n}")) {
                        assert!(refused.starts_with("503 "), "{refused}");
                        busy.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_secs(1));
                    }
                }
            });
        }
    });
    let took = begun.elapsed();
    let worked = site.processor_time() - before;
    println!("{count} imports in {took:?}, {worked:?} of the processor, {} busy first", busy.into_inner());
    assert_eq!(site.entries("one-of-many-"), count);
}

#[test]
fn slow_files_do_not_hold_quick_ones() {
    let site = Site::open();
    let folder = site.shop.folder.path();
    let openssl = |arguments: &[&str]| {
        let run = Command::new("openssl").args(arguments).current_dir(folder).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    };
    let made = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "k.pem",
        "-out",
        "c.pem",
        "-subj",
        "/CN=slow.test",
        "-addext",
        "subjectAltName=DNS:slow.test",
        "-days",
        "30",
    ]) && openssl(&[
        "pkcs12",
        "-export",
        "-inkey",
        "k.pem",
        "-in",
        "c.pem",
        "-passout",
        "pass:changeit",
        "-out",
        "slow.p12",
        "-iter",
        "3000000",
    ]);
    if !made {
        eprintln!("skipped: openssl is not installed, or cannot make such a file");
        return;
    }
    let slow = std::fs::read(folder.join("slow.p12")).unwrap();
    let token = site.sign_in(OWNER).unwrap();
    let patience = site.patience(&token);
    std::thread::scope(|scope| {
        let slow: Vec<_> = (0..3)
            .map(|n| {
                let (alias, slow, site, token) = (format!("slow-{n}"), &slow, &site, &token);
                scope.spawn(move || {
                    let fields =
                        [("f", "json"), ("token", token), ("alias", &alias), ("password", "changeit")];
                    let begun = Instant::now();
                    let reply = site.https.send(OWNER, &upload(IMPORT, &fields, slow)).unwrap();
                    (reply.body, begun.elapsed())
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(500));
        let mut slowest = Duration::ZERO;
        for n in 0..10 {
            let begun = Instant::now();
            assert_eq!(site.import(OWNER, &token, &format!("quick-{n}")), Ok(()));
            slowest = slowest.max(begun.elapsed());
        }
        let mut took = Vec::new();
        for slow in slow {
            let (body, time) = slow.join().unwrap();
            assert!(body.contains("\"status\":\"success\""), "{body}");
            took.push(time);
        }
        println!("quick ones took at most {slowest:?} beside slow ones of {took:?}");
        assert!(slowest < took.iter().copied().max().unwrap(), "{slowest:?} of {took:?}");
        assert!(slowest < patience, "{slowest:?}");
    });
}
