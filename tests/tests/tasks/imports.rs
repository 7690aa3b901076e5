//! Files of all kinds come in.

use std::fs;

use strongroom_tests::command::fine;

use super::Desk;

impl Desk {
    /// A PFX by OpenSSL of what [`issue`](Self::issue) made under a prefix; whether that is installed.
    fn pfx(&self, prefix: &str, file: &str) -> bool {
        let line = format!(
            "openssl pkcs12 -export -inkey {prefix}privkey.pem -in {prefix}fullchain.pem -name www -passout env:P -iter 2048 -out {file}"
        );
        self.peer(&line).is_some()
    }

    /// A JKS by keytool with the keys of two hosts: `www` and `api`; whether it is installed.
    fn jks(&self) -> bool {
        self.issue("api.test", "api-");
        for (prefix, alias) in [("", "www"), ("api-", "api")] {
            let file = format!("{alias}.p12");
            let made = self.peer(&format!(
                "openssl pkcs12 -export -inkey {prefix}privkey.pem -in {prefix}fullchain.pem -name {alias} -passout env:P -out {file}"
            ));
            let into = self.peer(&format!(
                "keytool -importkeystore -srckeystore {file} -srcstorepass:env P -destkeystore store.jks -deststorepass:env P -deststoretype JKS -noprompt"
            ));
            if made.is_none() || into.is_none() {
                return false;
            }
        }
        true
    }
}

#[test]
fn task_04_renew_under_the_same_name() {
    let desk = Desk::new();
    desk.issue("www.test", "new-");
    if !desk.pfx("new-", "new.pfx") {
        return;
    }
    desk.task(4);
    desk.holds("www", "new-cert.pem", "new-privkey.pem");
    // What OpenSSL takes out of the same file.
    desk.peer("openssl pkcs12 -in new.pfx -passin env:P -nodes -out theirs.pem");
    desk.holds("www", "theirs.pem", "theirs.pem");
}

#[test]
fn task_05_back_after_a_bad_renewal() {
    let desk = Desk::new();
    desk.issue("www.test", "new-");
    desk.sh("strongroom import www new-fullchain.pem new-privkey.pem --replace");
    let lines = super::task(5);
    desk.sh(&lines[0].0);
    desk.holds("www", "cert.pem", "privkey.pem");
    desk.sh(&lines[1].0);
    desk.holds("www", "new-cert.pem", "new-privkey.pem");
}

#[test]
fn task_12_fullchain_and_privkey() {
    let desk = Desk::new();
    desk.task(12);
    desk.holds("shop", "cert.pem", "privkey.pem");
    // Any order, and keytool takes neither file.
    desk.sh("strongroom import other privkey.pem chain.pem cert.pem");
    if desk.peer("keytool -help").is_some() {
        let theirs =
            desk.run("keytool -importcert -noprompt -file privkey.pem -keystore x.p12 -storepass:env P");
        assert_ne!(theirs.code, 0);
    }
}

#[test]
fn task_13_the_folder_of_certbot() {
    let desk = Desk::new();
    // As certbot keeps it: links to numbered files in another folder.
    desk.sh("mkdir -p live/www.test archive/www.test");
    for name in ["cert", "chain", "fullchain", "privkey"] {
        desk.sh(&format!("cp {name}.pem archive/www.test/{name}1.pem"));
        desk.sh(&format!("ln -s ../../archive/www.test/{name}1.pem live/www.test/{name}.pem"));
    }
    desk.write("live/www.test/README", "This directory contains your keys and certificates.\n");
    desk.task(13);
    desk.holds("shop", "cert.pem", "privkey.pem");
}

#[test]
fn task_14_the_zip_of_a_ca() {
    let desk = Desk::new();
    let script = "import zipfile\nz = zipfile.ZipFile('ca.zip', 'w')\nz.write('cert.pem', 'www_test/www_test.crt')\nz.write('bundle.p7b', 'www_test/www_test.p7b')\nz.write('ca-bundle.pem', 'www_test/www_test.ca-bundle')\n";
    desk.write("zip.py", script);
    desk.write("ca-bundle.pem", &(desk.read("root.pem") + &desk.read("issuing.pem")));
    let made = desk.peer("openssl crl2pkcs7 -nocrl -certfile ca-bundle.pem -out bundle.p7b");
    if made.is_none() || desk.peer("python3 zip.py").is_none() {
        return;
    }
    desk.task(14);
    desk.holds("shop", "cert.pem", "privkey.pem");
}

#[test]
fn task_15_a_key_with_a_password() {
    let desk = Desk::new();
    if desk
        .peer("openssl pkcs8 -topk8 -in privkey.pem -v2 aes-256-cbc -passout env:P -out locked.pem")
        .is_none()
    {
        return;
    }
    desk.task(15);
    desk.holds("shop", "cert.pem", "locked.pem");
}

#[test]
fn task_16_one_entry_of_a_jks() {
    let desk = Desk::new();
    if !desk.jks() {
        return;
    }
    desk.task(16);
    desk.holds("shop", "cert.pem", "privkey.pem");
    // The way of keytool and OpenSSL ends at the same key.
    desk.peer("keytool -importkeystore -srckeystore store.jks -srcstorepass:env P -srcalias www -destkeystore new.p12 -deststorepass:env P -deststoretype PKCS12 -noprompt");
    desk.peer("openssl pkcs12 -in new.p12 -passin env:P -nodes -out theirs.pem");
    desk.holds("shop", "theirs.pem", "theirs.pem");
}

#[test]
fn task_17_all_entries_of_a_jks() {
    let desk = Desk::new();
    if !desk.jks() {
        return;
    }
    desk.sh("strongroom rm www --yes");
    desk.task(17);
    desk.holds("www", "cert.pem", "privkey.pem");
    desk.holds("api", "api-cert.pem", "api-privkey.pem");
}

/// PFX files of 30 hosts in a folder, by OpenSSL; whether that is installed.
fn thirty(desk: &Desk, age: &str) -> bool {
    (0..30).all(|n| {
        desk.issue(&format!("host{n}.test"), &format!("{age}{n}-"));
        let line = format!(
            "openssl pkcs12 -export -inkey {age}{n}-privkey.pem -in {age}{n}-fullchain.pem -name host{n} -passout env:P -iter 2048 -out in/{n}.pfx"
        );
        desk.peer(&line).is_some()
    })
}

fn hold(desk: &Desk, age: &str) {
    for n in [0, 17, 29] {
        desk.holds(&format!("host{n}"), &format!("{age}{n}-cert.pem"), &format!("{age}{n}-privkey.pem"));
    }
}

#[test]
fn task_18_a_folder_of_30_files() {
    let desk = Desk::new();
    fs::create_dir(desk.path("in")).unwrap();
    if thirty(&desk, "old") {
        let said = &desk.task(18)[0].out;
        assert!(said.contains("30"), "{said}");
        hold(&desk, "old");
    }
}

#[test]
fn task_19_renew_all_from_a_folder() {
    let desk = Desk::new();
    fs::create_dir(desk.path("in")).unwrap();
    if thirty(&desk, "old") {
        desk.task(18);
        assert!(thirty(&desk, "new"));
        desk.task(19);
        hold(&desk, "new");
    }
}

#[test]
fn task_45_programs_that_repeat_themselves() {
    let desk = Desk::new();
    if !desk.pfx("", "www.pfx") {
        return;
    }
    let outcomes: Vec<_> = desk.task(45).iter().map(|run| fine(run)["outcome"].clone()).collect();
    assert_eq!(outcomes, ["imported", "already_present"]);
    desk.holds("shop", "cert.pem", "privkey.pem");
}
