//! The tasks of docs/guide.md: each of its lines is run, and what comes out is what other programs give.

#[path = "tasks/authorities.rs"]
mod authorities;
#[path = "tasks/exports.rs"]
mod exports;
#[path = "tasks/imports.rs"]
mod imports;
#[path = "tasks/listing.rs"]
mod listing;
#[path = "tasks/requests.rs"]
mod requests;
#[path = "tasks/upkeep.rs"]
mod upkeep;

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use rcgen::KeyPair;
use strongroom_tests::{
    armour::pem,
    authority::{TestCa, ca_params, leaf_params, root},
    command::{Run, Shop, binary},
};

const PASSWORD: &str = "changeit";

/// The lines of a task, each with the code that it ends with.
fn task(number: u32) -> Vec<(String, i32)> {
    let page = fs::read_to_string("../docs/guide.md").unwrap();
    let section = page.split(&format!("\n### {number}. ")).nth(1).unwrap().split("\n##").next().unwrap();
    let block = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    block
        .lines()
        .map(|line| match line.split_once("    # exit ") {
            Some((line, code)) => (line.to_owned(), code.parse().unwrap()),
            None => (line.to_owned(), 0),
        })
        .collect()
}

/// A folder with a store that trusts a root, an entry `www`, and the files that a keeper has.
struct Desk {
    shop: Shop,
    root: TestCa,
    issuing: TestCa,
}

impl Desk {
    fn new() -> Self {
        let root = root("Root");
        let issuing = root.issue_ca(ca_params("Issuing"));
        let desk = Self { shop: Shop::open(), root, issuing };
        let files = [("root.pem", &desk.root), ("issuing.pem", &desk.issuing)];
        for (name, ca) in files {
            desk.write(name, &pem("CERTIFICATE", ca.file()));
        }
        desk.issue("www.test", "");
        desk.sh("strongroom ca import root root.pem");
        desk.sh("strongroom import www fullchain.pem privkey.pem");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.shop.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Issues a certificate for a host: `cert.pem`, `chain.pem`, `fullchain.pem` and `privkey.pem`, each with a prefix.
    fn issue(&self, host: &str, prefix: &str) {
        let key = KeyPair::generate().unwrap();
        let leaf = pem("CERTIFICATE", self.issuing.issue_leaf_for(&leaf_params(host), &key).der());
        let chain = self.read("issuing.pem");
        self.write(&format!("{prefix}cert.pem"), &leaf);
        self.write(&format!("{prefix}chain.pem"), &chain);
        self.write(&format!("{prefix}fullchain.pem"), &(leaf + &chain));
        self.write(&format!("{prefix}privkey.pem"), &pem("PRIVATE KEY", &key.serialize_der()));
    }

    /// Runs a line in a shell, in the folder of the store.
    #[expect(clippy::disallowed_methods, reason = "the programs of the machine are looked for where it says")]
    fn run(&self, line: &str) -> Run {
        let ours = binary().parent().unwrap().display().to_string();
        let folder = self.shop.folder.path();
        let path = format!("{}:{ours}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-c", line])
            .current_dir(folder)
            .env("PATH", path)
            .env("STRONGROOM_STORE", self.shop.store())
            .env("CREDENTIALS_DIRECTORY", folder.join("credentials"))
            .envs([("P", PASSWORD), ("LONG", "fourteen bytes and more"), ("PHRASE", "correct horse battery")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        output.into()
    }

    #[track_caller]
    fn sh(&self, line: &str) -> String {
        let run = self.run(line);
        assert_eq!(run.code, 0, "{line}: {}{}", run.out, run.err);
        run.out
    }

    /// Runs the lines of a task.
    #[track_caller]
    fn task(&self, number: u32) -> Vec<Run> {
        let lines = task(number).into_iter();
        lines
            .map(|(line, code)| {
                let run = self.run(&line);
                assert_eq!(run.code, code, "task {number}: {line}: {}{}", run.out, run.err);
                run
            })
            .collect()
    }

    /// What another program says; `None` where it is not installed.
    #[track_caller]
    fn peer(&self, line: &str) -> Option<String> {
        let program = line.split(' ').next().unwrap();
        if self.run(&format!("command -v {program}")).code != 0 {
            eprintln!("skipped: {program} is not installed");
            return None;
        }
        let run = self.run(line);
        assert_eq!(run.code, 0, "{line}: {}{}", run.out, run.err);
        Some(run.out + &run.err)
    }

    /// The private key and the leaf of an entry are those of two files: read by OpenSSL.
    #[track_caller]
    fn holds(&self, alias: &str, certificate: &str, key: &str) {
        self.sh(&format!("strongroom export {alias} -o held.pem --force"));
        self.same("held.pem", certificate, key);
    }

    /// A file has the key and the leaf of two others.
    #[track_caller]
    fn same(&self, file: &str, certificate: &str, key: &str) {
        let keys = [file, key].map(|name| self.peer(&format!("openssl pkey -in {name} -passin env:P")));
        assert_eq!(keys[0], keys[1], "{file}");
        let leaves = [file, certificate]
            .map(|name| self.peer(&format!("openssl x509 -in {name} -noout -fingerprint -sha256")));
        assert_eq!(leaves[0], leaves[1], "{file}");
    }
}

/// What is tested elsewhere, since it takes servers or terminals: the task, the file, and the test.
const ELSEWHERE: &[(u32, &str, &str)] = &[
    (4, "serving.rs", "a_renewal_is_served_without_a_restart_and_seen_from_outside"),
    (25, "readers.rs", "verdicts_agree_with_the_programs_that_are_here"),
    (26, "serving.rs", "a_server_without_its_intermediate_and_one_with_the_former_version_are_told_apart"),
    (39, "finding.rs", "the_log_is_followed_while_others_write"),
];

#[test]
fn every_task_is_on_the_page_and_has_its_test() {
    let page = fs::read_to_string("../docs/guide.md").unwrap();
    let numbers: Vec<u32> = page
        .split("\n### ")
        .skip(1)
        .map(|section| section.split('.').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers.iter().copied().collect::<BTreeSet<_>>(), (1..=45).collect());
    assert_eq!(numbers.len(), 45);
    let tests: String = fs::read_dir("tests/tasks")
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    for number in numbers {
        assert!(tests.contains(&format!("fn task_{number:02}_")), "task {number} has no test");
        assert!(!task(number).is_empty());
    }
    for (number, file, test) in ELSEWHERE {
        let source = fs::read_to_string(format!("tests/{file}")).unwrap();
        assert!(source.contains(&format!("fn {test}()")), "{number}: {file} {test}");
    }
}
