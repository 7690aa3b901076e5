//! Many processes write one store at once, and every acknowledged entry is there.

use std::collections::BTreeSet;

use strongroom_tests::command::Shop;

const PROCESSES: usize = 200;

#[test]
fn parallel_imports_are_all_kept() {
    let shop = Shop::open();
    shop.import_root();
    let children: Vec<_> = (0..PROCESSES)
        .map(|n| {
            // Two files in turn, so that the chain's intermediate is claimed by many at the same moment.
            let file = if n % 2 == 0 { "pkcs12/www.p12" } else { "pkcs12/www-direct.p12" };
            let alias = format!("entry-{n}");
            let mut command = shop.command(["--json", "import", &alias, file, "--pass-in", "env:P"]);
            let child = command
                .env("P", "changeit")
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            (alias, child)
        })
        .collect();
    let mut acknowledged = BTreeSet::new();
    for (alias, child) in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{alias}: {text}{}", String::from_utf8_lossy(&output.stderr));
        acknowledged.insert(alias);
    }
    let listing = shop.json(["ls"]).json();
    let entries = listing["result"]["entries"].as_array().unwrap();
    let listed: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry["kind"] == "PrivateKeyEntry")
        .map(|entry| entry["alias"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(acknowledged, listed);
    assert_eq!(listed.len(), PROCESSES);
    // The intermediate was stored by whoever came first, and by nobody else.
    let intermediates = entries.iter().filter(|entry| entry["trust"] == "path").count();
    assert_eq!(intermediates, 1);
}
