//! The story by the command: every command says the same before and after `ca import` and `rm`.

use rcgen::KeyPair;
use serde_json::{Value, json};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, self_signed, valid},
    command::{Shop, fine, refused},
};

/// A store with www.p12 and none of its CAs.
fn without_ca(chain: &str) -> Shop {
    let shop = Shop::open();
    let import = [
        "import",
        "www",
        "pkcs12/www.p12",
        "--pass-in",
        "pass:changeit",
        "--allow",
        "no_anchor",
        "--import-certificate-chain",
        chain,
    ];
    fine(&shop.json(import));
    shop
}

/// The roles of the chain, by every command that shows it.
#[track_caller]
fn says(shop: &Shop, state: &str, roles: &[&str]) {
    let listed = fine(&shop.json(["ls"]))["entries"].clone();
    let www = listed.as_array().unwrap().iter().find(|entry| entry["alias"] == "www").unwrap().clone();
    assert_eq!((&www["chain"], &www["chain_state"]), (&json!(state), &json!(state)));
    let of = |result: &Value| -> Vec<String> {
        let chain = result["chain"].as_array().unwrap();
        chain.iter().map(|link| link["role"].as_str().unwrap().to_owned()).collect()
    };
    for command in ["show", "chain"] {
        let result = fine(&shop.json([command, "www"]));
        assert_eq!(
            (&result["chain_state"], of(&result)),
            (&json!(state), roles.iter().map(|role| (*role).to_owned()).collect())
        );
        assert_eq!(result["chain_not_after"], www["chain_not_after"]);
    }
    let verify = shop.json(["verify", "www"]);
    if ["complete", "intermediate"].contains(&state) {
        assert_eq!(of(&fine(&verify)), roles);
        assert_eq!(verify.json()["warnings"].as_array().unwrap().len(), usize::from(state != "complete"));
    } else {
        refused(&verify, 7, state);
    }
}

#[test]
fn every_command_follows_what_is_imported_and_removed() {
    let shop = without_ca("false");
    says(&shop, "no_anchor", &["leaf"]);
    fine(&shop.json(["ca", "import", "issuing", "chains/intermediate-rsa.pem"]));
    says(&shop, "intermediate", &["leaf", "anchor"]);
    shop.import_root();
    says(&shop, "complete", &["leaf", "intermediate", "anchor"]);
    let text = shop.run(["chain", "issuing"]).out;
    assert!(text.starts_with("issuing (intermediate)\n  anchor CN=") && !text.contains("missing"), "{text}");

    refused(&shop.json(["rm", "root"]), 4, "in_use");
    let removed = fine(&shop.json(["rm", "root", "--force"]));
    assert_eq!(removed["chain_lost"], json!(["www"]));
    says(&shop, "intermediate", &["leaf", "anchor"]);
    let text = shop.run(["rm", "issuing", "--force"]).out;
    assert!(text.ends_with("1 entry loses its chain, or its root, with it: www\n"), "{text}");
    says(&shop, "no_anchor", &["leaf"]);
    fine(&shop.json(["undo", "issuing"]));
    fine(&shop.json(["undo", "root"]));
    says(&shop, "complete", &["leaf", "intermediate", "anchor"]);
    let stored = fine(&shop.json(["show", "www@1"]));
    assert_eq!((&stored["chain_state"], stored["chain"].as_array().unwrap().len()), (&json!("no_anchor"), 1));
}

#[test]
fn the_file_again_with_its_chain_says_what_it_stored() {
    let shop = without_ca("false");
    let again = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"];
    let plan = shop.json(again.iter().copied().chain(["--dry-run"]));
    assert_eq!(fine(&plan)["imported"], json!(["www_intermediate"]));
    says(&shop, "no_anchor", &["leaf"]);
    let run = shop.json(again);
    let result = fine(&run);
    assert_eq!(
        (&result["outcome"], &result["imported"]),
        (&json!("already_present"), &json!(["www_intermediate"]))
    );
    assert_eq!(run.json()["warnings"][0]["code"], "chain_stored");
    says(&shop, "no_anchor", &["leaf", "intermediate"]);
    let run = shop.json(again);
    assert_eq!((&fine(&run)["imported"], &run.json()["warnings"]), (&json!([]), &json!([])));
    shop.import_root();
    says(&shop, "complete", &["leaf", "intermediate", "anchor"]);
    let log = shop.json(["log"]).out;
    assert!(log.contains("chain stored"), "{log}");
}

#[test]
fn a_chain_that_ends_before_its_certificate_is_shown() {
    let shop = Shop::open();
    let write = |name: &str, ca: &TestCa| {
        let path = shop.folder.path().join(name);
        std::fs::write(&path, ca.file()).unwrap();
        path
    };
    // By the clock of this machine, whenever that is.
    let lasting = |mut params, days| {
        valid(&mut params, -400, days);
        params
    };
    let root = self_signed(lasting(ca_params("Root"), 30_000), KeyPair::generate().unwrap());
    let issuing = root.issue_ca(lasting(ca_params("Issuing"), 10_000));
    let keystore = strongroom::Keystore::open(
        shop.store(),
        &strongroom::UnlockKey::read_file(&shop.folder.path().join("keystore.key")).unwrap(),
    )
    .unwrap();
    super::import(&keystore, "www", issuing.issue(&lasting(leaf_params("a.test"), 20_000), &[]));
    drop(keystore);
    for (name, ca) in [("root", &root), ("issuing", &issuing)] {
        let file = write(name, ca);
        fine(&shop.json(["ca", "import", name, file.to_str().unwrap()]));
    }
    let shown = fine(&shop.json(["show", "www"]));
    assert_eq!(shown["chain_not_after"], strongroom::instant::rfc3339(issuing.certificate.not_after()));
    let until = &strongroom::instant::rfc3339(issuing.certificate.not_after())[..10];
    for command in [&["ls"][..], &["show", "www"], &["chain", "www"]] {
        let text = shop.run(command).out;
        assert!(text.contains(&format!("complete until {until}")), "{text}");
    }
    // When it has ended, nobody accepts it.
    let later = super::in_days(10_001);
    let later = strongroom::instant::rfc3339(i64::try_from(later.as_secs()).unwrap());
    refused(&shop.json(["verify", "www", "--at", &later]), 7, "path_expired");
}
