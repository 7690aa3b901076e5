//! The page for those who come from other programs: every command of it is run, and what comes out is compared.

use std::{
    fs,
    process::{Command, Stdio},
};

use strongroom_tests::{
    armour::pem,
    authority::{ca_params, leaf_params, root},
    command::{Run, Shop, binary, fine},
};

/// The rows of the tables under a heading: what theirs says, and what ours says.
fn rows(page: &str, heading: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let section = page.split(&format!("## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let commands = |cell: &str, program: &str| -> Vec<String> {
        let quoted = cell.split('`').skip(1).step_by(2).map(str::to_owned);
        quoted.filter(|text| text.starts_with(&format!("{program} "))).collect()
    };
    let cells = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    cells
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            (commands(cells[1], &heading.to_lowercase()), commands(cells[2], "strongroom"))
        })
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "the programs of the machine are looked for where it says")]
fn run(shop: &Shop, line: &str) -> Run {
    let folder = binary().parent().unwrap().display().to_string();
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(shop.folder.path())
        .env("PATH", format!("{folder}:{}", std::env::var("PATH").unwrap()))
        .env("STRONGROOM_STORE", shop.store())
        .env("P", "changeit")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    output.into()
}

#[test]
fn every_command_of_the_page_works_and_gives_the_same() {
    let page = fs::read_to_string("../docs/coming-from.md").unwrap();
    for heading in ["keytool", "OpenSSL"] {
        let program = heading.to_lowercase();
        if Command::new(&program).arg("-help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            eprintln!("skipped: {program} is not installed");
            continue;
        }
        let (shop, root) = (Shop::open(), root("Root"));
        let issuing = root.issue_ca(ca_params("Issuing"));
        let credential = issuing.issue(&leaf_params("www.test"), &[]);
        let certificate = |der: &[u8]| pem("CERTIFICATE", der);
        let write = |name: &str, text: String| fs::write(shop.folder.path().join(name), text).unwrap();
        let full = certificate(credential.leaf().der()) + &certificate(issuing.file());
        write("fullchain.pem", full.clone());
        write("privkey.pem", pem("PRIVATE KEY", credential.key().expose_pkcs8_der()));
        write("root.pem", certificate(root.file()));
        let works = |line: &str| {
            let run = run(&shop, line);
            assert_eq!(run.code, 0, "{line}: {}{}", run.out, run.err);
            run
        };
        works("strongroom ca import corp root.pem");
        if heading == "keytool" {
            works(
                "openssl pkcs12 -export -inkey privkey.pem -in fullchain.pem -name www -passout env:P -out in.p12",
            );
            works(
                "keytool -importkeystore -srckeystore in.p12 -srcstorepass:env P -destkeystore store.jks -deststorepass:env P -deststoretype JKS -noprompt",
            );
        }
        let all = rows(&page, heading);
        assert!(all.len() >= 9, "{all:?}");
        let fingerprint = credential.leaf().fingerprint().to_string();
        for (theirs, ours) in all {
            for line in theirs.iter().chain(&ours) {
                // What is removed and made again under another name comes with the rows before it.
                works(line);
            }
            assert!(!ours.is_empty());
            // Whatever was written holds the same leaf.
            for line in theirs.iter().chain(&ours) {
                let words: Vec<&str> = line.split(' ').collect();
                let Some(at) =
                    words.iter().position(|word| matches!(*word, "-o" | "-out" | "-file" | "-destkeystore"))
                else {
                    continue;
                };
                let file = words[at + 1];
                if file.contains("trust")
                    || file.contains("ca.")
                    || file.contains("root")
                    || file.contains("locked")
                {
                    continue;
                }
                if file.ends_with(".csr") {
                    let verified = works(&format!("openssl req -in {file} -noout -verify"));
                    assert!(
                        verified.err.contains("verify OK") || verified.out.contains("verify OK"),
                        "{line}"
                    );
                    continue;
                }
                let shown = run(&shop, &format!("strongroom --json inspect {file} --pass-in env:P"));
                let certificates = fine(&shown)["certificates"].as_array().unwrap().clone();
                assert_eq!(certificates[0]["sha256"], fingerprint, "{line}");
            }
        }
    }
}
