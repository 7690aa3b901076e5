//! Who gets in, and who does not any more: the served API beside the command in processes of its own.

use std::{
    fmt::Write as _,
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use strongroom_tests::{
    command::{Run, Shop, fine},
    server::{Server, has_curl},
};

const PASSWORD: &str = "correct horse battery";
const LIST: &str = "/portaladmin/security/sslCertificates";
const GENERATE_TOKEN: &str = "/sharing/rest/generateToken";

fn user(shop: &Shop, arguments: &[&str]) -> Run {
    let mut command = shop.command(["--json", "user"].iter().chain(arguments));
    command.env("A", PASSWORD).env("B", "another long password").output().unwrap().into()
}

fn list(server: &Server, token: &str) -> Value {
    server.json(LIST, ["-d", &format!("f=json&token={token}")])
}

#[test]
fn tokens_end_with_what_the_command_does_to_their_user() {
    if !has_curl() {
        return;
    }
    let shop = Shop::open();
    fine(&user(&shop, &["add", "siteadmin", "--pass-in", "env:A"]));
    fine(&user(&shop, &["add", "other", "--pass-in", "env:A"]));
    let server = Server::start(&shop);
    let (first, other) = (server.token("siteadmin", PASSWORD), server.token("other", PASSWORD));
    assert!(list(&server, &first)["sslCertificates"].is_array());

    fine(&user(&shop, &["revoke", "siteadmin"]));
    assert_eq!(list(&server, &first)["error"]["code"], 498);
    assert!(list(&server, &other)["sslCertificates"].is_array(), "another user's token is good");

    let second = server.token("siteadmin", PASSWORD);
    assert!(list(&server, &second)["sslCertificates"].is_array(), "who signs in again is in again");
    fine(&user(&shop, &["passwd", "siteadmin", "--pass-in", "env:B"]));
    assert_eq!(list(&server, &second)["error"]["code"], 498);

    let third = server.token("siteadmin", "another long password");
    fine(&user(&shop, &["privileges", "siteadmin", "import,audit"]));
    let denied = list(&server, &third);
    assert_eq!(denied["error"]["code"], 403, "{denied}");
    assert_eq!(
        denied["error"]["details"][0],
        "the privilege 'list' is needed, and 'siteadmin' does not have it"
    );
    fine(&user(&shop, &["privileges", "siteadmin", "all"]));
    assert!(list(&server, &third)["sslCertificates"].is_array());
    fine(&user(&shop, &["rm", "siteadmin"]));
    assert_eq!(list(&server, &third)["error"]["code"], 498);

    let users = fine(&user(&shop, &["ls"]))["users"].clone();
    assert_eq!(users[0]["last_sign_in_from"], "127.0.0.1");
    let log = fine(&shop.json(["log"]))["log"].clone();
    let sign_ins = log.as_array().unwrap().iter().filter(|row| row["action"] == "sign-in");
    let rows: Vec<String> = sign_ins.map(|row| format!("{} {}", row["alias"], row["outcome"])).collect();
    assert_eq!(rows.len(), 4);
    assert!(rows.contains(&"\"siteadmin\" \"from 127.0.0.1\"".to_owned()), "{rows:?}");
}

/// Guesses without end over one connection from an address.
fn attacker(shop: &Shop, server: &Server, number: usize) -> Child {
    let mut config = String::new();
    for guess in 0..400 {
        let name =
            if number.is_multiple_of(2) { "siteadmin".to_owned() } else { format!("u{number}x{guess}") };
        let _ = writeln!(
            config,
            "url = \"{}{GENERATE_TOKEN}\"\ndata = \"f=json&username={name}&password=wrong-{guess}\"\ninterface = \"127.0.1.{number}\"\n\
             cacert = \"{}\"\noutput = \"/dev/null\"\nsilent\nnext",
            server.base,
            server.own_certificate().display()
        );
    }
    let file = shop.folder.path().join(format!("attacker-{number}.conf"));
    fs::write(&file, config).unwrap();
    let mut command = Command::new("curl");
    command.arg("-K").arg(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "how long the attack lasts may be said")]
fn flood_seconds() -> Option<u64> {
    std::env::var("STRONGROOM_FLOOD_SECONDS").ok().and_then(|text| text.parse().ok())
}

#[test]
fn owner_gets_in_within_two_seconds_while_thirty_addresses_guess() {
    if !has_curl() {
        return;
    }
    if !cfg!(target_os = "linux") {
        println!("SKIPPED: other systems have no further addresses on the loopback device");
        return;
    }
    let seconds = flood_seconds();
    let shop = Shop::open();
    for name in ["siteadmin", "other"] {
        fine(&user(&shop, &["add", name, "--pass-in", "env:A"]));
    }
    let server = Server::start(&shop);
    let sign_in_and_list = |user: &str| {
        let begin = Instant::now();
        let token = server.token(user, PASSWORD);
        assert!(list(&server, &token)["sslCertificates"].is_array());
        begin.elapsed()
    };
    sign_in_and_list("siteadmin");
    let mut attackers: Vec<Child> = (2..32).map(|number| attacker(&shop, &server, number)).collect();
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(12));
    let (mut slowest, mut stranger, mut times) = (Duration::ZERO, None, 0);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(500));
        slowest = slowest.max(sign_in_and_list("siteadmin"));
        times += 1;
        // One who never signed in, once the attackers are known as such.
        if times == 6 {
            stranger = Some(sign_in_and_list("other"));
        }
    }
    let still =
        attackers.iter_mut().filter_map(|child| child.try_wait().ok()).filter(Option::is_none).count();
    for child in &mut attackers {
        let _ = child.kill();
        let _ = child.wait();
    }
    let memory = resident(&server);
    // What other work on this machine takes from it, attackers or not.
    let alone = (0..5).map(|_| sign_in_and_list("siteadmin")).max().unwrap_or_default();
    println!(
        "{times} sign-ins and lists, the slowest in {slowest:?}, a newcomer in {stranger:?}, alone in {alone:?}; {still} attackers; {memory} KiB at most"
    );
    assert!(still > 20, "the attackers stopped by themselves: {still}");
    let limit = Duration::from_secs(2) + 2 * alone;
    assert!(slowest < limit, "{slowest:?}, alone {alone:?}");
    assert!(stranger.is_some_and(|took| took < limit), "{stranger:?}, alone {alone:?}");
    assert!(memory < 128 * 1024, "{memory} KiB");
    let _ = server.stop();
    let log = fine(&shop.json(["log"]))["log"].clone();
    let refusals = log.as_array().unwrap().iter().filter(|row| row["action"] == "refusals").count();
    assert!(refusals <= 1 + usize::try_from(seconds.unwrap_or(12) / 60).unwrap(), "{refusals} rows");
}
