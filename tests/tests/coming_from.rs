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

/// The sections of the page, with the programs whose commands are run beside ours; none where they are only written down.
const SECTIONS: [(&str, &[&str]); 6] = [
    ("keytool", &["keytool"]),
    ("OpenSSL", &["openssl"]),
    ("NSS", &["certutil", "pk12util"]),
    ("Windows certutil", &[]),
    ("step", &[]),
    ("certbot", &[]),
];

/// The rows of the tables under a heading: what theirs says, and what ours says.
fn rows(page: &str, heading: &str, programs: &[&str]) -> Vec<(Vec<String>, Vec<String>)> {
    let section = page.split(&format!("## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let commands = |cell: &str, of: &[&str]| -> Vec<String> {
        let quoted = cell.split('`').skip(1).step_by(2).map(str::to_owned);
        quoted.filter(|text| of.iter().any(|program| text.starts_with(program))).collect()
    };
    let cells = section.lines().filter(|line| line.starts_with("| ")).skip(2);
    cells
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            (commands(cells[1], programs), commands(cells[2], &["strongroom ", "RENEWED_LINEAGE="]))
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

/// What the lines of a section begin with.
struct Desk {
    shop: Shop,
    fingerprint: String,
}

impl Desk {
    fn new(heading: &str) -> Self {
        let (shop, root) = (Shop::open(), root("Root"));
        let issuing = root.issue_ca(ca_params("Issuing"));
        let credential = issuing.issue(&leaf_params("www.test"), &[]);
        let fingerprint = credential.leaf().fingerprint().to_string();
        let desk = Self { shop, fingerprint };
        let certificate = |der: &[u8]| pem("CERTIFICATE", der);
        let write = |name: &str, text: String| fs::write(desk.shop.folder.path().join(name), text).unwrap();
        write("fullchain.pem", certificate(credential.leaf().der()) + &certificate(issuing.file()));
        write("privkey.pem", pem("PRIVATE KEY", credential.key().expose_pkcs8_der()));
        write("root.pem", certificate(root.file()));
        write("password.txt", "changeit\n".to_owned());
        write("noise.bin", "not so random".repeat(99));
        desk.works("strongroom ca import corp root.pem");
        let pfx = |file: &str| {
            desk.works(&format!(
                "openssl pkcs12 -export -inkey privkey.pem -in fullchain.pem -name www -passout env:P -out {file}"
            ));
        };
        match heading {
            "keytool" => {
                pfx("in.p12");
                desk.works(
                    "keytool -importkeystore -srckeystore in.p12 -srcstorepass:env P -destkeystore store.jks -deststorepass:env P -deststoretype JKS -noprompt",
                );
            }
            "NSS" => {
                pfx("www.pfx");
                desk.works("mkdir nss");
            }
            "Windows certutil" => {
                pfx("www.pfx");
                desk.works("openssl base64 -in www.pfx -out www.txt");
            }
            "certbot" => {
                desk.works("mkdir -p live/www.test archive/www.test");
                for name in ["fullchain", "privkey"] {
                    desk.works(&format!("cp {name}.pem archive/www.test/{name}1.pem"));
                    desk.works(&format!("ln -s ../../archive/www.test/{name}1.pem live/www.test/{name}.pem"));
                }
            }
            _ => {}
        }
        desk
    }

    #[track_caller]
    fn works(&self, line: &str) -> Run {
        let run = run(&self.shop, line);
        assert_eq!(run.code, 0, "{line}: {}{}", run.out, run.err);
        run
    }

    /// What a line wrote holds the same leaf, if it is no CA certificate, and the public key of a request is proved.
    fn compare(&self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let is_output = |word: &&str| matches!(*word, "-o" | "-out" | "-file" | "-destkeystore");
        let Some(at) = words.iter().position(is_output) else { return };
        let file = words[at + 1];
        if ["trust", "ca.", "root", "locked"].iter().any(|part| file.contains(part)) {
            return;
        }
        let path = self.shop.folder.path().join(file);
        if path.is_dir() {
            let held = fs::read_to_string(path.join("fullchain.pem")).unwrap();
            assert_eq!(held, fs::read_to_string(self.shop.folder.path().join("fullchain.pem")).unwrap());
            return;
        }
        if file.ends_with(".csr") {
            let verified = self.works(&format!("openssl req -in {file} -noout -verify"));
            assert!(verified.err.contains("verify OK") || verified.out.contains("verify OK"), "{line}");
            return;
        }
        let shown = run(&self.shop, &format!("strongroom --json inspect {file} --pass-in env:P"));
        let result = fine(&shown);
        let certificates = result["certificates"].as_array().unwrap();
        // NSS writes the root first: the leaf is the one of the key.
        let of_key = certificates.iter().find(|one| one["spki_sha256"] == result["keys"][0]["spki_sha256"]);
        assert_eq!(of_key.unwrap_or(&certificates[0])["sha256"], self.fingerprint, "{line}");
    }
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("-help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

#[test]
fn every_command_of_the_page_works_and_gives_the_same() {
    let page = fs::read_to_string("../docs/coming-from.md").unwrap();
    let headings: Vec<&str> =
        page.split("\n## ").skip(1).map(|section| section.split('\n').next().unwrap()).collect();
    assert_eq!(headings, SECTIONS.map(|(heading, _)| heading));
    for (heading, programs) in SECTIONS {
        if let Some(missing) = ["openssl"].iter().chain(programs).find(|program| !is_installed(program)) {
            eprintln!("skipped: {missing} is not installed");
            continue;
        }
        let desk = Desk::new(heading);
        let all = rows(&page, heading, programs);
        assert!(all.len() >= 6, "{all:?}");
        for (theirs, ours) in all {
            assert!(!ours.is_empty(), "{heading}");
            assert!(programs.is_empty() || !theirs.is_empty(), "{heading}: {ours:?}");
            // What is removed and made again under another name comes with the rows before it.
            for line in theirs.iter().chain(&ours) {
                desk.works(line);
            }
            // Whatever was written holds the same leaf.
            theirs.iter().chain(&ours).for_each(|line| desk.compare(line));
        }
    }
}
