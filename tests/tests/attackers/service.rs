//! `serve` as a service: what the manager is told, and how it stops.

use std::{
    io::Write as _,
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use strongroom_tests::https::read;

use super::bystander::{OWNER, PASSWORD, SIGN_IN, Site, USER};

#[test]
fn manager_is_told_when_it_is_ready_and_when_it_stops_and_what_runs_is_finished() {
    let mut manager = None;
    let mut site = Site::with(|shop, command| {
        let path = shop.folder.path().join("notify");
        manager = Some(UnixDatagram::bind(&path).unwrap());
        command.env("NOTIFY_SOCKET", &path);
    });
    let manager = manager.unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let told = || {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(told(), "READY=1");
    let form = format!("username={USER}&password={PASSWORD}&f=json");
    let head = format!(
        "POST {SIGN_IN} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    let mut running = site.https.connect(OWNER).unwrap();
    running.write_all(head.as_bytes()).unwrap();
    let idle = site.https.connect(OWNER).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let https = site.https.clone();
    let code = std::thread::scope(|scope| {
        let stopped = scope.spawn(|| site.server.terminate());
        assert_eq!(told(), "STOPPING=1");
        std::thread::sleep(Duration::from_millis(500));
        assert!(https.tcp(OWNER).is_err(), "nobody new is taken");
        running.write_all(form.as_bytes()).unwrap();
        let reply = read(&mut running).unwrap();
        assert!(reply.body.starts_with("{\"token\":"), "{}", reply.body);
        stopped.join().unwrap()
    });
    assert_eq!(code, Some(0));
    drop(idle);
}

#[test]
fn unit_file_is_one_that_systemd_takes() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/strongroom.service");
    let run =
        Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).stdin(Stdio::null()).output();
    let Ok(run) = run else {
        eprintln!("skipped: systemd-analyze is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&run.stderr);
    // The command is not installed where the tests run; whatever else is said is a fault of the unit.
    let faults: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("strongroom.service") && !line.contains("is not executable"))
        .collect();
    assert!(faults.is_empty(), "{text}");
}
