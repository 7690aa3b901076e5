//! A newcomer's walk: an import is refused for want of its CA, the help says what to do, that is done, and the import
//! succeeds. The tests run what the help says, word by word.

use serde_json::Value;
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, root},
    command::Shop,
    forge::{Bag, Forge, Hash, Mac, Pbes1, Scheme, Secret},
    server::{Server, has_curl},
};

const PASSWORD: &str = "changeit";
const API_PASSWORD: &str = "a password of the API";

/// A chain of three with its key.
struct Chain {
    root: TestCa,
    issuing: TestCa,
    leaf: Vec<u8>,
    key: Vec<u8>,
}

fn chain() -> Chain {
    let root = root("Walk Root");
    let issuing = root.issue_ca(ca_params("Walk Issuing"));
    let credential = issuing.issue(&leaf_params("www.walk.test"), &[]);
    let (key, leaf, _) = credential.into_parts();
    Chain { root, issuing, leaf: leaf.der().to_vec(), key: key.expose_pkcs8_der().to_vec() }
}

/// The kinds of file that people have: as today's programs write them, as Windows and Java wrote them for twenty years,
/// and with a CA beside that lies on no path.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let Chain { root, issuing, leaf, key } = chain();
    let secret = Secret::of(PASSWORD);
    let certificates =
        [Bag::certificate(&leaf), Bag::certificate(issuing.file()), Bag::certificate(root.file())];
    let modern = Forge::new(secret.clone()).plain(&certificates).plain(&[Bag::key(&key)]).build();
    let (rc2, triple_des) = (Scheme::pbes1(Pbes1::Rc2_40, 2048), Scheme::pbes1(Pbes1::TripleDes3, 2048));
    let legacy = Forge::new(secret.clone())
        .mac(Mac::pkcs12(Hash::Sha1, 2048))
        .encrypted(&certificates, &rc2)
        .plain(&[Bag::shrouded(&key, &triple_des, &secret)])
        .build();
    let stranger = self::root("Stranger");
    let mut more = certificates.to_vec();
    more.push(Bag::certificate(stranger.file()));
    let crowded = Forge::new(secret.clone()).plain(&more).plain(&[Bag::key(&key)]).build();
    vec![("modern", modern), ("legacy", legacy), ("crowded", crowded)]
}

/// The command that stands in a help text behind the words `after`, as a shell would take it apart.
fn command_in(help: &str, after: &str) -> Vec<String> {
    let (_, rest) = help.split_once(after).unwrap_or_else(|| panic!("{after:?} is not in {help:?}"));
    let command = rest.split("; or ").next().unwrap().trim_start_matches(": ");
    command.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

/// Runs a command of a help text, with further arguments, as it stands.
fn run(command: &[String], more: &[&str]) -> strongroom_tests::command::Run {
    assert_eq!(command[0], "strongroom");
    // It says itself which store is meant.
    let mut runs = std::process::Command::new(strongroom_tests::command::binary());
    runs.env_clear().env("PASSWORD", PASSWORD).args(&command[1..]).args(more).output().unwrap().into()
}

#[test]
fn by_the_command_what_the_help_says_is_enough() {
    for (name, bytes) in files() {
        let shop = Shop::open();
        let path = shop.folder.path().join(format!("{name}.p12"));
        std::fs::write(&path, &bytes).unwrap();
        let file = path.to_str().unwrap();
        let import = |more: &[&str]| {
            let arguments = ["--json", "import", "www", file, "--pass-in", "env:PASSWORD"];
            let mut command = shop.command(arguments.iter().chain(more));
            strongroom_tests::command::Run::from(command.env("PASSWORD", PASSWORD).output().unwrap())
        };
        let refused = import(&[]);
        assert_eq!((refused.code, refused.error_code().as_str()), (7, "no_anchor"), "{name}");
        let help = refused.json()["error"]["help"].as_str().unwrap().to_owned();
        let command = command_in(&help, "the file embeds that CA; to see and import it as well");

        // Without anybody to ask it is refused, with the way on; nothing is stored.
        let before = shop.database();
        let unanswered = run(&command, &["--json"]);
        assert_eq!((unanswered.code, unanswered.error_code().as_str()), (2, "confirmation_needed"), "{name}");
        assert_eq!(unanswered.json()["error"]["help"], "if that is meant, add: --yes");
        assert!(before == shop.database());
        let shown = &unanswered.err;
        assert!(shown.contains("CN=Walk Root (root, to be trusted)\n    SHA-256 "), "{name}: {shown}");
        assert!(shown.contains("CN=Walk Issuing (intermediate, stored with the entry)"), "{name}: {shown}");
        assert!(!shown.contains("Stranger"), "{name}: {shown}");
        let dry = run(&command, &["--dry-run", "--json"]);
        assert_eq!((dry.code, &dry.json()["result"]["dry_run"]), (0, &true.into()), "{name}: {}", dry.out);
        assert!(before == shop.database());

        let done = run(&command, &["--yes", "--json"]);
        assert_eq!(done.code, 0, "{name}: {}", done.out);
        let imported = &done.json()["result"]["imported"];
        assert_eq!(*imported, serde_json::json!(["www", "www_intermediate", "www_root"]), "{name}");
        let again = import(&[]);
        assert_eq!(
            (again.code, &again.json()["result"]["outcome"]),
            (0, &"already_present".into()),
            "{name}"
        );
        assert_eq!(shop.json(["show", "www"]).json()["result"]["chain_state"], "complete", "{name}");
        assert_eq!(shop.json(["show", "www_root"]).json()["result"]["trust"], "anchor", "{name}");
        assert_eq!(shop.json(["show", "www_intermediate"]).json()["result"]["trust"], "path", "{name}");
        // With the CA there, the option asks nothing.
        let other = run(&command, &["--replace", "--json"]);
        assert_eq!((other.code, other.err.as_str()), (0, ""), "{name}: {}", other.out);
    }
}

#[test]
fn the_other_way_of_the_help_is_enough_as_well() {
    let (_, bytes) = files().remove(0);
    let shop = Shop::open();
    let path = shop.folder.path().join("www.p12");
    std::fs::write(&path, &bytes).unwrap();
    let import = || shop.json(["import", "www", path.to_str().unwrap(), "--pass-in", "pass:changeit"]);
    let refused = import();
    let help = refused.json()["error"]["help"].as_str().unwrap().to_owned();
    // The password itself is not repeated.
    assert!(!help.contains(PASSWORD) && help.contains(" --pass-in prompt --with-embedded-ca"), "{help}");
    let mut command = command_in(&help, "import the CA certificate first, then retry");
    // The same file holds it; one alias does not do for its certificates, and the help says what does.
    for word in &mut command {
        match word.as_str() {
            "ALIAS" => *word = "root".to_owned(),
            "FILE" => *word = path.to_str().unwrap().to_owned(),
            _ => {}
        }
    }
    let several = run(&command, &["--json", "--pass-in", "env:PASSWORD"]);
    assert_eq!(several.error_code(), "several_certificates", "{}", several.out);
    let help = several.json()["error"]["help"].as_str().unwrap().to_owned();
    let all = command_in(&help, "import every CA certificate of the file with");
    let done = run(&all, &["--json"]);
    assert_eq!(
        (done.code, &done.json()["result"]["imported"]),
        (0, &serde_json::json!(["walk-issuing", "walk-root"])),
        "{}",
        done.out
    );
    let again = import();
    assert_eq!((again.code, &again.json()["result"]["outcome"]), (0, &"imported".into()), "{}", again.out);
}

#[test]
fn an_intermediate_without_its_root_is_called_that_before_it_is_trusted() {
    let Chain { issuing, leaf, key, root } = chain();
    let bags = [Bag::certificate(&leaf), Bag::certificate(issuing.file()), Bag::key(&key)];
    let shop = Shop::open();
    let path = shop.folder.path().join("www.p12");
    std::fs::write(&path, Forge::new(Secret::of(PASSWORD)).plain(&bags).build()).unwrap();
    let import = |more: &[&str]| {
        let arguments = ["import", "www", path.to_str().unwrap(), "--pass-in", "pass:changeit", "--json"];
        shop.run(arguments.iter().chain(more))
    };
    assert_eq!(import(&[]).error_code(), "no_anchor");
    let done = import(&["--with-embedded-ca", "--yes"]);
    assert_eq!(done.code, 0, "{}", done.out);
    assert!(done.err.contains("CN=Walk Issuing (intermediate, to be trusted)"), "{}", done.err);
    assert!(done.err.contains("the root above it, CN=Walk Root, is not in the file"), "{}", done.err);
    assert_eq!(done.json()["result"]["imported"], serde_json::json!(["www", "www_intermediate"]));
    assert_eq!(shop.json(["show", "www_intermediate"]).json()["result"]["trust"], "anchor");
    // One whose chain leads elsewhere, or that has none, is refused as without the option.
    let alone = shop.folder.path().join("alone.p12");
    let bags = [Bag::certificate(&leaf), Bag::certificate(self::root("Other").file()), Bag::key(&key)];
    std::fs::write(&alone, Forge::new(Secret::of(PASSWORD)).plain(&bags).build()).unwrap();
    let other = Shop::open();
    let arguments = [
        "import",
        "www",
        alone.to_str().unwrap(),
        "--pass-in",
        "pass:changeit",
        "--json",
        "--with-embedded-ca",
        "--yes",
    ];
    assert_eq!(other.run(arguments).error_code(), "no_anchor");
    assert_eq!(
        other.run(["ca", "ls"]).out,
        "no CA certificates; import one with: strongroom ca import ALIAS FILE\n"
    );
    let usage = import(&["--with-embedded-ca", "--import-certificate-chain", "false"]);
    assert_eq!((usage.code, usage.error_code().as_str()), (2, "usage"));
    drop(root);
}

#[test]
fn by_the_api_what_the_help_says_is_enough() {
    if !has_curl() {
        return;
    }
    for (name, bytes) in files() {
        let shop = Shop::open();
        let mut add = shop.command(["user", "add", "siteadmin", "--pass-in", "env:P"]);
        assert!(add.env("P", API_PASSWORD).output().unwrap().status.success());
        let path = shop.folder.path().join("www.p12");
        std::fs::write(&path, &bytes).unwrap();
        let server = Server::start(&shop);
        let token = server.token("siteadmin", API_PASSWORD);
        let send = |operation: &str, alias: &str| -> Value {
            let fields = [
                format!("file=@{}", path.display()),
                format!("alias={alias}"),
                format!("password={PASSWORD}"),
                "f=json".to_owned(),
                format!("token={token}"),
            ];
            let fields: Vec<&str> = fields.iter().flat_map(|field| ["-F", field.as_str()]).collect();
            server.json(&format!("/portaladmin/security/sslCertificates/{operation}"), fields)
        };
        let refused = send("importExistingServerCertificate", "www");
        let help = refused["error"]["details"][0].as_str().unwrap();
        assert!(
            help.contains("import the file with importRootOrIntermediate and its password, then retry"),
            "{name}: {refused}"
        );
        let stored = send("importRootOrIntermediate", "walk");
        assert_eq!(stored["status"], "success", "{name}: {stored}");
        let messages: Vec<&str> =
            stored["messages"].as_array().unwrap().iter().map(|message| message.as_str().unwrap()).collect();
        assert!(
            messages.iter().any(|it| it.starts_with("not_a_ca: CN=www.walk.test")),
            "{name}: {messages:?}"
        );
        let told = |alias: &str, subject: &str| {
            let start = format!("imported: {alias}: {subject} (SHA-256 ");
            messages.iter().any(|it| it.starts_with(&start) && it.len() == start.len() + 65)
        };
        assert!(told("walk", "CN=Walk Issuing") && told("walk_2", "CN=Walk Root"), "{name}: {messages:?}");
        let done = send("importExistingServerCertificate", "www");
        assert_eq!(done["status"], "success", "{name}: {done}");
        assert_eq!(shop.json(["show", "www"]).json()["result"]["chain_state"], "complete", "{name}");
        // Again, and with a wrong password, nothing is stored.
        let again = send("importRootOrIntermediate", "walk");
        assert!(
            again["messages"][1].as_str().unwrap().starts_with("already_present: walk: "),
            "{name}: {again}"
        );
    }
}
