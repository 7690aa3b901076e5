//! Files about which programs differ: how keys and certificates are linked, what a chain reaches, odd keys.

use std::{fs, path::Path, process::Command};

use strongroom::{
    Password,
    certificate::{Certificate, ServerCredential},
    inspect::{InspectRequest, Passwords, inspect},
};
use strongroom_tests::{
    authority::{ca_params, leaf_params, now, root, valid},
    forge::{
        Bag, Cipher, Forge, Hash, Mac, Scheme, Secret,
        der::{integer, octets, oid, sequence},
    },
};

use super::Sample;

const PASSWORD: &str = "changeit";

fn shrouded(key: &[u8]) -> Bag {
    Bag::shrouded(key, &Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1000), &Secret::of(PASSWORD))
}

fn key(credential: &ServerCredential) -> Bag {
    shrouded(credential.key().expose_pkcs8_der())
}

fn certificate(certificate: &Certificate) -> Bag {
    Bag::certificate(certificate.der())
}

/// The files by name.
fn files() -> Vec<(&'static str, Vec<Bag>)> {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let (first, second) =
        (issuing.issue(&leaf_params("a.test"), &[]), issuing.issue(&leaf_params("b.test"), &[]));
    let stranger = strongroom_tests::authority::root("Stranger");
    let mut later = ca_params("Issuing");
    valid(&mut later, -10, 900);
    let namesake = root.issue_ca(later);
    let [leaf, other] = [&first, &second].map(|credential| certificate(credential.leaf()));
    let [ca, above, foreign, twin] =
        [&issuing, &root, &stranger, &namesake].map(|authority| certificate(&authority.certificate));
    let (one, two) = (key(&first), key(&second));
    let id = |bag: &Bag, id: &[u8]| bag.clone().local_key_id(id);
    let name = |bag: &Bag, name: &str| bag.clone().friendly_name(name);
    let trusted = |bag: &Bag| {
        bag.clone().friendly_name("trusted").attribute("2.16.840.1.113894.746875.1.1", &[oid("2.5.29.37.0")])
    };
    let with_more = Bag::certificate(&[first.leaf().der().as_ref(), &[0x30, 0]].concat());
    let kind = sequence(&[oid("2.16.840.1.114027.80.8.1.21")]);
    let composite = shrouded(&sequence(&[integer(&[0]), kind, octets(&[4, 2, 7, 7])]));
    vec![
        ("no-ids-certificate-first", vec![leaf.clone(), one.clone()]),
        ("no-ids-key-first", vec![one.clone(), leaf.clone()]),
        ("no-ids-two-keys", vec![one.clone(), leaf.clone(), two.clone(), other.clone()]),
        ("names-alone", vec![name(&leaf, "www"), name(&one, "www")]),
        ("names-in-other-case", vec![name(&leaf, "WWW"), name(&one, "www")]),
        ("names-over-other-ids", vec![id(&name(&leaf, "www"), b"2"), id(&name(&one, "www"), b"1")]),
        ("id-of-the-key-alone", vec![leaf.clone(), id(&one, b"1")]),
        (
            "two-keys-of-one-name",
            vec![
                id(&name(&one, "www"), b"1"),
                id(&name(&leaf, "www"), b"1"),
                id(&name(&two, "www"), b"2"),
                id(&name(&other, "www"), b"2"),
            ],
        ),
        ("chain", vec![id(&leaf, b"1"), ca.clone(), above.clone(), id(&one, b"1")]),
        ("chain-in-disorder", vec![above.clone(), id(&one, b"1"), ca.clone(), id(&leaf, b"1")]),
        ("chain-with-a-gap", vec![id(&leaf, b"1"), above.clone(), id(&one, b"1")]),
        ("stranger-beside", vec![id(&leaf, b"1"), ca.clone(), foreign.clone(), id(&one, b"1")]),
        ("trusted-stranger-beside", vec![id(&leaf, b"1"), ca.clone(), trusted(&foreign), id(&one, b"1")]),
        ("two-issuers-of-one-name", vec![id(&leaf, b"1"), ca.clone(), twin.clone(), id(&one, b"1")]),
        ("trailing-bytes-in-a-certificate", vec![id(&with_more, b"1"), id(&one, b"1")]),
        ("composite-key", vec![id(&leaf, b"1"), id(&composite, b"1")]),
    ]
}

/// A pair on a curve whose parameters are written out; `None` without OpenSSL.
fn explicit_curve(folder: &Path) -> Option<Vec<Bag>> {
    let run = |arguments: &[&str]| {
        let done = Command::new("openssl").args(arguments).current_dir(folder).output().ok()?;
        done.status.success().then_some(())
    };
    let curve = ["-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"];
    run(&[&["genpkey", "-algorithm", "EC", "-outform", "DER", "-out", "key.der"][..], &curve].concat())?;
    let subject = ["-subj", "/CN=explicit.test", "-outform", "DER", "-out", "cert.der"];
    run(&[&["req", "-x509", "-new", "-key", "key.der", "-keyform", "DER"][..], &subject].concat())?;
    let [key, certificate] = ["key.der", "cert.der"].map(|name| fs::read(folder.join(name)).unwrap());
    Some([shrouded(&key), Bag::certificate(&certificate)].map(|bag| bag.local_key_id(b"1")).to_vec())
}

/// All of these files, written into a folder.
pub(super) fn samples(folder: &Path) -> Vec<Sample> {
    let explicit = explicit_curve(folder).map(|bags| ("explicit-curve", bags));
    let password = Password::new(PASSWORD).unwrap();
    let sample = |(name, bags): (&str, Vec<Bag>)| {
        let bytes =
            Forge::new(Secret::of(PASSWORD)).plain(&bags).mac(Mac::pkcs12(Hash::Sha256, 1000)).build();
        let path = folder.join(format!("{name}.p12"));
        fs::write(&path, &bytes).unwrap();
        let (report, _) = inspect(InspectRequest::new(&bytes, Passwords::new(&password), now())).unwrap();
        Sample { path, password: PASSWORD.to_owned(), report }
    };
    files().into_iter().chain(explicit).map(sample).collect()
}

#[test]
fn what_java_does_not_reach_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let said = |name: &str| {
        let all = samples(folder.path());
        let sample = all.iter().find(|sample| sample.path.ends_with(format!("{name}.p12"))).unwrap();
        let java = sample.report.readers.iter().find(|reader| reader.name.starts_with("Java 17")).unwrap();
        java.reason.clone()
    };
    let chain = "it passes over certificates that are on no chain of a key, unless they have the attribute trustedKeyUsage";
    assert_eq!(said("names-alone"), None);
    assert_eq!(said("chain-in-disorder"), None);
    assert_eq!(said("trusted-stranger-beside"), None);
    for name in ["chain-with-a-gap", "stranger-beside", "two-issuers-of-one-name"] {
        assert_eq!(said(name).as_deref(), Some(chain), "{name}");
    }
    let linked = "it links keys and certificates by localKeyId, and one has none";
    assert_eq!(said("no-ids-two-keys").as_deref(), Some(linked));
}
