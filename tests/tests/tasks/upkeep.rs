//! The store itself, and what watches it.

use std::fs;

use strongroom_tests::command::fine;

use super::Desk;

#[test]
fn task_35_another_name() {
    let desk = Desk::new();
    desk.task(35);
    desk.holds("shop", "cert.pem", "privkey.pem");
    assert_eq!(desk.run("strongroom show www").code, 3);
}

#[test]
fn task_36_another_passphrase() {
    let desk = Desk::new();
    let runs = desk.task(36);
    assert!(runs[1].out.contains("www"), "{}", runs[1].out);
    // What opened it before does not any more.
    let former = desk.run("strongroom --no-input --unlock file:keystore.key ls");
    assert!(former.err.contains("error[wrong_unlock_key]"), "{}", former.err);
}

#[test]
fn task_37_to_another_machine() {
    let desk = Desk::new();
    let runs = desk.task(37);
    assert!(runs[2].out.contains("www"), "{}", runs[2].out);
    desk.sh("strongroom --store elsewhere/keystore.db --key-file keystore.key export www -o moved.pem");
    desk.same("moved.pem", "cert.pem", "privkey.pem");
}

#[test]
fn task_40_for_prometheus() {
    let desk = Desk::new();
    desk.task(40);
    let text = desk.read("strongroom.prom");
    let line = text
        .lines()
        .find(|line| {
            line.starts_with("x509_cert_not_after{")
                && line.contains("alias=\"www\"")
                && line.contains("role=\"leaf\"")
        })
        .unwrap_or_else(|| panic!("{text}"));
    assert!(text.ends_with("# EOF\n"), "{text}");
    if let Some(ends) = desk.peer("openssl x509 -in cert.pem -noout -enddate") {
        let ends = ends.trim().trim_start_matches("notAfter=").to_owned();
        let seconds = desk.sh(&format!("date -u -d '{ends}' +%s"));
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert_eq!(format!("{value:.0}"), seconds.trim());
    }
}

#[test]
fn task_41_for_nagios() {
    let desk = Desk::new();
    let said = &desk.task(41)[0].out;
    assert!(said.starts_with("STRONGROOM OK - ") && said.contains(" | soonest="), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn task_42_a_credential_of_systemd() {
    let desk = Desk::new();
    fs::create_dir(desk.path("credentials")).unwrap();
    fs::rename(desk.path("keystore.key"), desk.path("credentials/keystore")).unwrap();
    let said = &desk.task(42)[0].out;
    assert!(said.contains("entr"), "{said}");
    assert_eq!(fine(&desk.run("strongroom --json --unlock cred:keystore verify-store"))["keys"], 1);
}
