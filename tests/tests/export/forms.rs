//! Iterations and forms of keys, beside what OpenSSL writes.

use std::fs;

use rcgen::{KeyPair, PKCS_ED25519};
use strongroom_tests::{
    armour::pem,
    authority::{leaf_params, root},
    command::{fine, refused},
};

use super::Desk;

#[test]
fn iterations_are_those_that_were_asked_for_and_programs_open_them() {
    let desk = Desk::new();
    for (profile, least_and_most) in [("modern", ["1000", "600000"]), ("java8", ["1000", "600000"])] {
        for count in least_and_most {
            let file = format!("{profile}-{count}.p12");
            let more = [&file, "--profile", profile, "--iterations", count, "--pass-out", "env:P"];
            fine(&desk.export(&more));
            let counted = format!("Iteration {count}");
            let info = format!("openssl pkcs12 -in {file} -passin env:P -noout -info");
            if let Some((done, said)) = desk.program(&info) {
                // The MAC, the certificates and the key.
                assert!(done && said.matches(&counted).count() == 3, "{said}");
            }
            desk.opens(&format!("keytool -list -storepass changeit -keystore {file}"), &["PrivateKeyEntry"]);
            desk.opens(
                &format!("certtool --p12-info --inder --password changeit --infile {file}"),
                &["BEGIN CERTIFICATE"],
            );
            desk.opens(&format!("pk12util -l {file} -W changeit"), &["Certificate"]);
        }
    }
    fine(&desk.export(&["www.pem", "--key-pass-out", "env:P", "--iterations", "2048"]));
    let locked = fs::read_to_string(desk.path("www.pem")).unwrap();
    let key = locked.split("-----BEGIN ENCRYPTED").nth(1).unwrap();
    fs::write(desk.path("key.pem"), format!("-----BEGIN ENCRYPTED{key}")).unwrap();
    desk.opens("openssl asn1parse -in key.pem", &["INTEGER           :0800"]);
    assert_eq!(desk.key_of("www.pem"), desk.key_of("in.pem"));
    for count in ["999", "600001", "-1", "many"] {
        let more = format!("--iterations={count}");
        refused(&desk.export(&["x.p12", "--pass-out", "env:P", &more]), 2, "usage");
    }
    refused(&desk.export(&["x.pem", "--iterations", "2048"]), 2, "usage");
    assert!(!desk.path("x.p12").exists());
}

#[test]
fn the_traditional_form_is_what_openssl_writes() {
    let desk = Desk::new();
    fs::write(desk.path("ca.pem"), pem("CERTIFICATE", root("Another Root").file())).unwrap();
    fine(&desk.run(&["generate", "rsa", "--name", "rsa.test", "--key", "rsa2048"]));
    for (alias, label) in [("www", "EC PRIVATE KEY"), ("rsa", "RSA PRIVATE KEY")] {
        let [new, old] = ["new", "old"].map(|age| format!("{age}-{alias}.pem"));
        fine(&desk.run(&["export", alias, "-o", &new]));
        fine(&desk.run(&["export", alias, "-o", &old, "--key-format", "traditional"]));
        let text = fs::read_to_string(desk.path(&old)).unwrap();
        if let Some((done, theirs)) = desk.program(&format!("openssl pkey -in {new} -traditional")) {
            assert!(done && theirs.contains(label), "{theirs}");
            assert!(text.ends_with(&theirs), "{text}\n{theirs}");
        }
        assert_eq!(desk.key_of(&old), desk.key_of(&new));
        let folder = format!("live-{alias}");
        fine(&desk.run(&[
            "export",
            alias,
            "-o",
            &folder,
            "--layout",
            "certbot",
            "--key-format",
            "traditional",
        ]));
        assert!(fs::read_to_string(desk.path(&folder).join("privkey.pem")).unwrap().contains(label));
        let again = desk.run(&["import", "again", &old, "--dry-run"]);
        assert_eq!(fine(&again)["outcome"], "imported");
    }
    // Ed25519 has no other form than PKCS #8, and a password none that is safe.
    let (root, key) = (root("Root of Ed"), KeyPair::generate_for(&PKCS_ED25519).unwrap());
    let leaf = root.issue_leaf_for(&leaf_params("ed.test"), &key);
    let text = pem("CERTIFICATE", leaf.der()) + &pem("PRIVATE KEY", &key.serialize_der());
    fs::write(desk.path("ed.pem"), text).unwrap();
    fs::write(desk.path("ed-root.pem"), pem("CERTIFICATE", root.file())).unwrap();
    fine(&desk.run(&["ca", "import", "ed-root", "ed-root.pem"]));
    fine(&desk.run(&["import", "ed", "ed.pem"]));
    let traditional = ["--key-format", "traditional"];
    let refusal = desk.run(&[&["export", "ed", "-o", "x.pem"], &traditional[..]].concat());
    refused(&refusal, 2, "no_traditional_form");
    assert!(refusal.out.contains("a key of the kind Ed25519 is not written in the traditional form"));
    let locked = desk.export(&["x.pem", "--key-format", "traditional", "--key-pass-out", "env:P"]);
    refused(&locked, 2, "no_traditional_form");
    refused(&desk.export(&["x.p12", "--key-format", "pkcs8", "--pass-out", "env:P"]), 2, "usage");
    refused(&desk.export(&["x.pem", "--key-format", "pkcs8", "--no-key"]), 2, "usage");
    assert!(!desk.path("x.pem").exists());
}

/// Programs that do not run here, by the rules that are written down of them.
#[test]
fn a_dry_run_says_who_opens_each_profile() {
    let desk = Desk::new();
    let old = ["Java before 8u301", "Windows Server 2016", "macOS 14"];
    let current = [
        "Java 8u301 and 11",
        "OpenSSL 3 without -legacy",
        ".NET 9 and newer (default limits)",
        "macOS 15 and newer (security import -f pkcs12)",
    ];
    let with_pbmac1 = ["OpenSSL 3.4 without -legacy", "Java 26", "go-pkcs12"];
    let verdicts = |more: &[&str]| -> Vec<(String, bool, String)> {
        let plan = fine(&desk.export(&[&["x.p12", "--dry-run", "--pass-out"], more].concat()));
        let readers = plan["readers"].as_array().unwrap().iter();
        readers
            .map(|one| {
                let reason = one["reason"].as_str().unwrap_or_default().to_owned();
                (one["name"].as_str().unwrap().to_owned(), one["opens"] == true, reason)
            })
            .collect()
    };
    let opens = |found: &[(String, bool, String)], names: &[&str]| -> Vec<bool> {
        let of =
            |name: &str| found.iter().find(|(known, ..)| known == name).unwrap_or_else(|| panic!("{name}")).1;
        names.iter().map(|name| of(name)).collect()
    };
    for (more, expected) in [
        (&["env:P"][..], [false, true, true]),
        (&["env:LONG", "--profile", "fips"], [false, false, true]),
        (&["env:P", "--profile", "java8"], [true, true, true]),
    ] {
        let found = verdicts(more);
        for (names, expected) in [&old[..], &current, &with_pbmac1].into_iter().zip(expected) {
            assert_eq!(opens(&found, names), vec![expected; names.len()], "{more:?}: {found:?}");
        }
    }
    let many = verdicts(&["env:P", "--iterations", "600000"]);
    let refused = many.iter().find(|(name, ..)| name.starts_with(".NET")).unwrap();
    assert_eq!(refused.2, "a derivation has 600000 iterations; it allows 300000");
    assert_eq!(opens(&many, &current), [true, true, false, true]);
    let empty = verdicts(&["none"]);
    let refused = empty.iter().find(|(name, ..)| name.starts_with("macOS 15")).unwrap();
    assert_eq!(refused.2, "it refuses the empty password");
}
