//! Files that hold something else than a key with its certificate: what they are is said, and what to do about that.

use std::{fs, path::Path};

use rcgen::KeyPair;
use serde_json::Value;
use strongroom_tests::{
    armour::{pem, pkcs7},
    authority::{ca_params, leaf_params, root, valid_today},
    command::{Run, Shop, fine, refused},
    forge::der::{integer, sequence},
};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn run(shop: &Shop, arguments: &[&str]) -> Run {
    let mut command = shop.command(["--json"]);
    command.args(arguments).current_dir(shop.folder.path()).output().unwrap().into()
}

fn message(run: &Run) -> String {
    run.json()["error"]["message"].as_str().unwrap().to_owned()
}

fn warnings(run: &Run) -> Vec<(String, String)> {
    let json = run.json();
    let text = |warning: &Value, field: &str| warning[field].as_str().unwrap().to_owned();
    let all = json["warnings"].as_array().unwrap().iter();
    all.map(|warning| (text(warning, "code"), text(warning, "message"))).collect()
}

#[test]
fn an_import_without_a_private_key_says_what_the_file_has_instead() {
    let shop = Shop::open();
    let leaf = root("Root").issue_leaf_for(&leaf_params("www.test"), &KeyPair::generate().unwrap());
    let ssh = pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0none");
    let as_key = pem("PRIVATE KEY", leaf.der());
    write(
        shop.folder.path(),
        &[
            ("ssh", &ssh),
            ("as.key", &as_key),
            ("both.pem", &(pem("CERTIFICATE", leaf.der()) + &ssh)),
            ("crt.pem", &pem("CERTIFICATE", leaf.der())),
        ],
    );
    let of_ssh = "a private key for SSH, of OpenSSH or PuTTY in block";
    let begin = "the file contains no private key for a server: ";
    for (files, instead, help) in [
        (
            &["ssh"][..],
            format!("{of_ssh} 1 (OPENSSH PRIVATE KEY, line 1) was not used"),
            "a key for SSH is not",
        ),
        (
            &["both.pem"],
            format!("{of_ssh} 2 (OPENSSH PRIVATE KEY, line 11) was not used"),
            "give the file of the private key as well: ",
        ),
        (
            &["as.key"],
            "certificates were read although the label says something else: block 1 (PRIVATE KEY, line 1)"
                .to_owned(),
            "give the file of the private key as well: ",
        ),
        (
            &["crt.pem", "ssh"],
            format!("ssh: {of_ssh} 1 (OPENSSH PRIVATE KEY, line 1) was not used"),
            "give the file of the private key as well: ",
        ),
    ] {
        let refusal = run(&shop, &[&["import", "www"], files].concat());
        assert!(refused(&refusal, 6, "no_private_key").starts_with(help), "{}", refusal.out);
        let said = message(&refusal);
        let rest = said.strip_prefix(begin).unwrap_or_else(|| panic!("{said}"));
        // Where a block begins depends on what stands before it.
        let cut = |text: &str| text.split(", line ").next().unwrap().to_owned();
        assert_eq!(cut(rest), cut(&instead));
    }
    let plain = run(&shop, &["import", "www", "crt.pem"]);
    refused(&plain, 6, "no_private_key");
    assert_eq!(message(&plain), "the file contains no private key");
}

#[test]
fn an_import_of_many_says_what_each_file_that_it_did_not_use_is() {
    let shop = Shop::open();
    let folder = shop.folder.path().join("in");
    fs::create_dir(&folder).unwrap();
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let key = KeyPair::generate().unwrap();
    let mut params = leaf_params("www.test");
    valid_today(&mut params);
    let leaf = issuing.issue_leaf_for(&params, &key);
    let stranger = issuing.issue_leaf_for(&leaf_params("other.test"), &KeyPair::generate().unwrap());
    let certificate = |one: &strongroom::certificate::Certificate| pem("CERTIFICATE", one.der());
    write(
        &folder,
        &[
            ("www.key", &key.serialize_pem()),
            ("www.crt", &certificate(&leaf)),
            ("chain.pem", &certificate(&issuing.certificate)),
            ("other.crt", &certificate(&stranger)),
            ("notes.txt", "to do\n"),
            ("id_ed25519", &pem("OPENSSH PRIVATE KEY", b"openssh-key-v1\0none")),
        ],
    );
    fs::write(folder.join("noise.bin"), [0x9e_u8, 0, 1, 0xff, 0x80, 7]).unwrap();
    let many = run(&shop, &["import", "--all", "in", "--allow", "no_anchor"]);
    fine(&many);
    let said: Vec<String> =
        warnings(&many).into_iter().filter(|(code, _)| code == "other_content").map(|w| w.1).collect();
    for (file, what) in [
        ("chain.pem", " holds CA certificates and no private key: it served the chains of the others"),
        ("other.crt", " was not used: its private key is in none of the files, for CN=other.test"),
        ("notes.txt", " was not used: the file holds no certificate: it is plain text"),
        ("noise.bin", " was not used: the file holds no certificate: it is a file of unknown kind"),
        (
            "id_ed25519",
            " was not used: the file holds no certificate: it is a private key for SSH, of OpenSSH or PuTTY",
        ),
    ] {
        assert!(said.contains(&format!("in/{file}{what}")), "{file}: {said:#?}");
    }
}

#[test]
fn a_bundle_without_certificates_is_said_to_be_one() {
    let shop = Shop::open();
    write(shop.folder.path(), &[("none.p7b", &pem("PKCS7", &pkcs7(&[], &[])))]);
    let run = run(&shop, &["inspect", "none.p7b"]);
    fine(&run);
    assert_eq!(warnings(&run).into_iter().map(|one| one.0).collect::<Vec<_>>(), ["empty"]);
    let refusal = shop.json(["ca", "import", "--all", shop.folder.path().join("none.p7b").to_str().unwrap()]);
    refused(&refusal, 6, "not_a_certificate");
    assert!(message(&refusal).ends_with("the file holds no certificate: it is a PKCS #7 bundle without any"));
}

#[test]
fn what_a_label_hides_is_said() {
    let shop = Shop::open();
    let key = KeyPair::generate().unwrap();
    let dh = pem("DH PARAMETERS", &sequence(&[integer(&[0x7f; 32]), integer(&[2])]));
    write(
        shop.folder.path(),
        &[("crt.pem", &pem("CERTIFICATE", &key.serialize_der())), ("dh.pem", &(dh + &key.serialize_pem()))],
    );
    let hidden = run(&shop, &["inspect", "crt.pem"]);
    assert_eq!(fine(&hidden)["keys"].as_array().unwrap().len(), 1);
    let said = "a private key was read although the label says that it is a certificate: block 1 (CERTIFICATE, line 1)";
    assert_eq!(warnings(&hidden), [("unusual_form".to_owned(), said.to_owned())]);
    let beside = run(&shop, &["inspect", "dh.pem"]);
    fine(&beside);
    let said = "block 1 (DH PARAMETERS, line 1) holds parameters of a key";
    assert_eq!(warnings(&beside), [("other_content".to_owned(), said.to_owned())]);
}
