//! The same by the command: the list, what it is numbered by, and advice that works as it stands.

use strongroom_tests::command::Shop;

const TWO: &str = "pkcs12/keytool-17.0.15.rsa2048-p256.pbes2-aes256-sha256.two-entries.p12";
const KEY_PASSWORD: &str = "pkcs12/xtask-0.1.0.p256.sha256.key-password.p12";

#[test]
fn the_list_is_that_of_inspect_and_its_numbers_choose() {
    let shop = Shop::open();
    shop.import_root();
    let import = |more: &[&str]| {
        let call = [&["import", "www", TWO, "--pass-in", "pass:changeit"][..], more].concat();
        (shop.json(call.clone()), shop.run(call))
    };
    let (json, text) = import(&[]);
    assert_eq!((json.code, text.code), (6, 6));
    let shown = shop.json(["inspect", TWO, "--pass-in", "pass:changeit"]).json();
    let entries = &shown["result"]["entries"];
    assert_eq!((entries.as_array().unwrap().len(), &json.json()["error"]["entries"]), (2, entries));
    for (n, entry) in entries.as_array().unwrap().iter().enumerate() {
        assert_eq!(entry["number"], n + 1);
        let sha256 = entry["sha256"].as_str().unwrap();
        let line = text.err.lines().find(|line| line.starts_with(&format!("  #{} ", n + 1))).unwrap();
        assert!(line.ends_with(&format!("SHA-256 {sha256}")), "{line}");
        assert!(line.contains(&entry["not_after"].as_str().unwrap()[..10]), "{line}");
    }
    let (json, _) = import(&["--entry", "#2"]);
    assert_eq!(json.json()["result"]["chain"][0]["sha256"], entries[1]["sha256"]);
}

/// Runs a call, and then with the option that its help says to add.
fn follow(shop: &Shop, call: &[&str], code: &str, option: &str) {
    let refused = shop.json(call.iter().copied());
    assert_eq!(refused.error_code(), code);
    let help = refused.json()["error"]["help"].as_str().unwrap().to_owned();
    let added = help.split("add: ").nth(1).unwrap_or_else(|| panic!("{help}"));
    let added: Vec<&str> = added.split(';').next().unwrap().split(' ').collect();
    assert_eq!(added[0], option, "{help}");
    let done = shop.json([call, &added].concat());
    assert_eq!(done.code, 0, "{added:?}: {}", done.out);
}

#[test]
fn advice_to_allow_more_works_as_it_stands() {
    let shop = Shop::open();
    shop.import_root();
    let import = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"];
    let shortly = |option: &'static str, value: &'static str| [&import[..], &[option, value]].concat();
    let lowered = shortly("--max-work", "5000");
    let refused = shop.json(lowered.iter().copied()).json();
    assert_eq!(refused["error"]["code"], "too_much_work");
    assert_eq!(
        refused["error"]["help"],
        "if you trust the file, add: --max-work 6144; or export the file again with fewer iterations"
    );
    assert_eq!(shop.run(shortly("--max-work", "6144")).code, 0);
    let size = std::fs::metadata(strongroom_tests::manifest::folder().join("pkcs12/www.p12")).unwrap().len();
    let refused = shop.json(shortly("--max-size", "100")).json();
    assert_eq!(refused["error"]["code"], "file_too_large");
    let help = refused["error"]["help"].as_str().unwrap();
    assert!(help.ends_with(&format!("add: --max-size {size}")), "{help}");
    // Beyond what is ever allowed it is a fault of the call.
    assert_eq!(shop.run(shortly("--max-work", "320000001")).code, 2);
    assert_eq!(shop.run(shortly("--max-size", "16777217")).code, 2);
    assert_eq!(shop.run(shortly("--max-work", "320000000")).code, 0);
}

#[test]
fn a_large_file_opens_with_the_size_that_the_help_names() {
    let shop = Shop::open();
    shop.import_root();
    let file = shop.folder.path().join("large.p12");
    let mut bytes = strongroom_tests::manifest::read("pkcs12/www.p12");
    bytes.resize((1 << 20) + 7, 0);
    std::fs::write(&file, bytes).unwrap();
    let call = ["import", "www", file.to_str().unwrap(), "--pass-in", "pass:changeit"];
    follow(&shop, &call, "file_too_large", "--max-size");
}

#[test]
fn a_locked_key_is_shown_and_opens_with_its_own_password() {
    let shop = Shop::open();
    shop.import_root();
    let shown = shop.run(["inspect", KEY_PASSWORD, "--pass-in", "pass:changeit"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.err.contains("warning[locked] private key 1 of the file"), "{}", shown.err);
    assert!(shown.err.contains("--key-pass-in"), "{}", shown.err);
    assert!(shown.out.contains("private key, locked \"shop\" (#1)"), "{}", shown.out);
    let import = ["import", "shop", KEY_PASSWORD, "--pass-in", "pass:changeit"];
    let refused = shop.json(import);
    assert_eq!((refused.code, refused.error_code().as_str()), (5, "key_password"));
    let keys = ["--key-pass-in", "pass:wrong", "--key-pass-in", "pass:another"];
    assert_eq!(shop.run([&import[..], &keys].concat()).code, 0);
}
