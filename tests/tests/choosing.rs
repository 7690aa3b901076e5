//! Which key of a file is meant: every one counts, whether it can be used or not, and none is taken for another.

#[path = "choosing/command.rs"]
mod command;
#[path = "choosing/names.rs"]
mod names;
#[path = "choosing/replacing.rs"]
mod replacing;

use strongroom::{
    Error, Password, ServerCertificateRequest,
    certificate::{CredentialError, EntrySelector, ServerCredential},
    diagnostic::{Diagnostic, DiagnosticCode},
    inspect::{FileReport, InspectRequest, Passwords, inspect},
    keystore::ImportReport,
    remedy::Remedy,
};
use strongroom_tests::{
    authority::{TestCa, leaf_params, now, root, valid},
    forge::{
        Bag, Cipher, Forge, Hash, Mac, Scheme, Secret,
        der::{algorithm, integer, octets, sequence},
        encrypted_safe,
    },
    scratch::Scratch,
};

const PASSWORD: &str = "changeit";

fn scheme() -> Scheme {
    Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1000)
}

fn forge() -> Forge {
    Forge::new(Secret::of(PASSWORD)).mac(Mac::pkcs12(Hash::Sha256, 1000))
}

fn key_of(credential: &ServerCredential) -> Vec<u8> {
    credential.key().expose_pkcs8_der().to_vec()
}

fn certificate_of(credential: &ServerCredential) -> Bag {
    Bag::certificate(credential.leaf().der())
}

/// A host's pair, shrouded under the password of the file.
fn pair(credential: &ServerCredential, name: &str, id: &[u8]) -> [Bag; 2] {
    let key = Bag::shrouded(&key_of(credential), &scheme(), &Secret::of(PASSWORD));
    [key, certificate_of(credential)].map(|bag| bag.friendly_name(name).local_key_id(id))
}

fn look(file: &[u8]) -> (FileReport, Vec<Diagnostic>) {
    let password = Password::new(PASSWORD).unwrap();
    inspect(InspectRequest::new(file, Passwords::new(&password), now())).unwrap()
}

struct Shop {
    scratch: Scratch,
    ca: TestCa,
}

impl Shop {
    fn open() -> Self {
        let (scratch, ca) = (Scratch::new(now()), root("CA"));
        scratch.keystore.import_authority(&"ca".parse().unwrap(), ca.file(), now()).unwrap();
        Self { scratch, ca }
    }

    fn issue(&self, host: &str) -> ServerCredential {
        self.ca.issue(&leaf_params(host), &[])
    }

    fn import_as(
        &mut self,
        alias: &str,
        file: &[u8],
        entry: Option<&str>,
        replace: bool,
    ) -> Result<ImportReport, Error> {
        let password = Password::new(PASSWORD).unwrap();
        let mut request = ServerCertificateRequest::new(alias.parse().unwrap(), file, &password, now());
        request.opening.entry = entry.map(|text| text.parse().unwrap());
        request.options.replace = replace;
        self.scratch.keystore.import_server_certificate(request)
    }

    fn import(&mut self, file: &[u8], entry: Option<&str>) -> Result<ImportReport, Error> {
        self.import_as("www", file, entry, false)
    }

    /// Refuses the file without a choice, whether something is replaced or not; the listing is that of `inspect`.
    #[track_caller]
    fn refuses_without_choice(&mut self, file: &[u8], what: &str) -> Vec<String> {
        let before = self.scratch.bytes();
        let mut listed = Vec::new();
        for replace in [false, true] {
            let error = self.import_as("www", file, None, replace).unwrap_err();
            assert_eq!(error.code(), "several_entries", "{what}: {error}");
            assert_eq!(error.remedies()[0], Remedy::ChooseEntry, "{what}");
            let Error::Credential(CredentialError::Several { candidates, .. }) = error else {
                panic!("{what}: {error}");
            };
            assert_eq!(candidates, look(file).0.entries, "{what}");
            listed = candidates.iter().map(ToString::to_string).collect();
        }
        assert!(before == self.scratch.bytes(), "{what}: the store changed");
        listed
    }
}

/// A name, the bags of the key, those of the certificate, and the code that says why it cannot be used.
type Hidden = (&'static str, Vec<Bag>, Vec<Bag>, &'static str);

/// The key of www in every way in which it cannot be used.
fn hidden(www: &ServerCredential) -> Vec<Hidden> {
    let key = || key_of(www);
    let shrouded = |key: &[u8], secret: &str| Bag::shrouded(key, &scheme(), &Secret::of(secret));
    let mut tampered = key();
    // The scalar of a P-256 key stands in an OCTET STRING of 32 bytes; the point stays as it is.
    let scalar = tampered.windows(2).position(|bytes| bytes == [0x04, 0x20]).unwrap() + 10;
    tampered[scalar] ^= 1;
    let camellia = algorithm("1.2.392.200011.61.1.1.1.4", &octets(&[7; 16]));
    let kdf = algorithm("1.2.840.113549.1.5.12", &sequence(&[octets(b"saltsalt"), integer(&[1])]));
    let camellia = algorithm("1.2.840.113549.1.5.13", &sequence(&[kdf, camellia]));
    let unknown = sequence(&[
        integer(&[0]),
        sequence(&[strongroom_tests::forge::der::oid("2.999.7")]),
        octets(&[4, 0]),
    ]);
    let certificate = || vec![certificate_of(www)];
    let with_trailing_bytes = Bag::certificate(&[www.leaf().der().as_ref(), b"\x30\x00"].concat());
    let cut_short = Bag::certificate(&www.leaf().der()[..www.leaf().der().len() - 3]);
    vec![
        ("locked", vec![shrouded(&key(), "another")], certificate(), "key_password"),
        (
            "of an unknown scheme",
            vec![Bag::of_type(2, &sequence(&[camellia, octets(&[9; 64])]))],
            certificate(),
            "unsupported_algorithm",
        ),
        ("damaged", vec![shrouded(&tampered, PASSWORD)], certificate(), "invalid_key"),
        ("cut off", vec![shrouded(&sequence(&[integer(&[0])]), PASSWORD)], certificate(), "invalid_key"),
        (
            "no PKCS #8, in the clear",
            vec![Bag::key(&sequence(&[octets(b"?")]))],
            certificate(),
            "invalid_key",
        ),
        ("of an unknown kind", vec![shrouded(&unknown, PASSWORD)], certificate(), "unsupported_key"),
        ("without a certificate", vec![shrouded(&key(), PASSWORD)], vec![], "no_certificate"),
        (
            "with trailing bytes",
            vec![shrouded(&key(), PASSWORD)],
            vec![with_trailing_bytes],
            "invalid_certificate",
        ),
        ("with half a certificate", vec![shrouded(&key(), PASSWORD)], vec![cut_short], "invalid_certificate"),
    ]
}

#[test]
fn no_other_host_stands_in_for_a_key_that_cannot_be_used() {
    let mut shop = Shop::open();
    let (www, mail) = (shop.issue("www.test"), shop.issue("mail.test"));
    // An entry that a wrong choice would replace.
    shop.import(&forge().plain(&pair(&www, "www", b"1")).build(), None).unwrap();
    for (what, keys, certificates, code) in hidden(&www) {
        let named = |bags: Vec<Bag>| {
            bags.into_iter().map(|bag| bag.friendly_name("www").local_key_id(b"1")).collect::<Vec<_>>()
        };
        let bags = [named(keys), named(certificates), pair(&mail, "mail", b"2").to_vec()].concat();
        let file = forge().plain(&bags).build();
        let listed = shop.refuses_without_choice(&file, what);
        let [unusable, good] = listed.as_slice() else { panic!("{what}: {listed:?}") };
        assert!(unusable.starts_with("#1 \"www\"") && unusable.contains(": "), "{what}: {unusable}");
        assert!(good.starts_with("#2 \"mail\" P-256, mail.test, until "), "{what}: {good}");
        assert!(good.ends_with(&format!("SHA-256 {}", mail.leaf().fingerprint())), "{what}: {good}");
        for selector in ["#1", "www"] {
            let error = shop.import_as("other", &file, Some(selector), false).unwrap_err();
            assert_eq!(error.code(), code, "{what} by {selector}: {error}");
        }
        if code != "no_certificate" {
            // By what inspect shows of its certificate.
            let shown = look(&file).0.entries[0].fingerprint.unwrap().to_string();
            let error = shop.import_as("other", &file, Some(&shown), false).unwrap_err();
            assert_eq!(error.code(), code, "{what} by its fingerprint: {error}");
        }
        for selector in ["#2", "mail", &mail.leaf().fingerprint().to_string()] {
            let alias = format!("mail-{}", what.replace([' ', ',', '#'], "-"));
            let report = shop.import_as(&alias, &file, Some(selector), false).unwrap();
            assert_eq!(report.chain[0].sha256, mail.leaf().fingerprint(), "{what}");
        }
        assert_eq!(shop.import(&file, Some("#3")).unwrap_err().code(), "entry_not_found", "{what}");
    }
}

#[test]
fn a_key_that_cannot_be_used_says_so_alone_as_well() {
    let mut shop = Shop::open();
    let www = shop.issue("www.test");
    for (what, keys, certificates, code) in hidden(&www) {
        let file = forge().plain(&[keys, certificates].concat()).build();
        let error = shop.import(&file, None).unwrap_err();
        assert_eq!(error.code(), code, "{what}: {error}");
        assert_ne!(error.code(), "key_mismatch", "{what}");
    }
    let alone = shop.import(&forge().plain(&[certificate_of(&www)]).build(), None).unwrap_err();
    assert_eq!(alone.code(), "no_private_key");
}

#[test]
fn a_certificate_that_cannot_be_decoded_is_named_with_its_place() {
    let mut shop = Shop::open();
    let (www, mail) = (shop.issue("www.test"), shop.issue("mail.test"));
    let bad = Bag::certificate(&[www.leaf().der().as_ref(), &[0; 9]].concat()).friendly_name("mine");
    let file = forge().plain(&[certificate_of(&mail), bad.clone(), Bag::key(&key_of(&www))]).build();
    let error = shop.import(&file, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "certificate 2 of the file \"mine\" cannot be used: 9 bytes follow the certificate"
    );
    // Beside a pair it is passed over, and said.
    let file = forge().plain(&[bad, certificate_of(&mail), Bag::key(&key_of(&mail))]).build();
    let report = shop.import(&file, None).unwrap();
    let said: Vec<_> = report.findings.iter().map(|found| (found.code, found.message.as_str())).collect();
    assert_eq!(
        said,
        [(
            DiagnosticCode::InvalidCertificate,
            "certificate 1 of the file \"mine\" cannot be used: 9 bytes follow the certificate"
        )]
    );
    // A renewed certificate that cannot be decoded is not passed over in favour of the old one.
    let new = Bag::certificate(&[www.leaf().der().as_ref(), &[0; 9]].concat());
    let old = Bag::certificate(www.leaf().der());
    let file = forge().plain(&[Bag::key(&key_of(&www)), new, old]).build();
    let listed = shop.refuses_without_choice(&file, "renewed");
    assert_eq!(listed.len(), 2, "{listed:?}");
}

#[test]
fn a_safe_that_stays_locked_may_hold_the_key_that_is_meant() {
    let mut shop = Shop::open();
    let (www, mail) = (shop.issue("www.test"), shop.issue("mail.test"));
    let locked = encrypted_safe(&pair(&www, "www", b"1"), &scheme(), &Secret::of("another"));
    let file = forge().safe(locked.clone()).plain(&pair(&mail, "mail", b"2")).build();
    let listed = shop.refuses_without_choice(&file, "a locked safe");
    assert_eq!(listed.len(), 1, "{listed:?}");
    let error = shop.import(&file, None).unwrap_err().to_string();
    assert!(
        error.starts_with("the file contains one private key that opens, and a safe that stays locked"),
        "{error}"
    );
    let report = shop.import(&file, Some("mail")).unwrap();
    assert_eq!(report.findings.iter().map(|found| found.code).collect::<Vec<_>>(), [DiagnosticCode::Locked]);
    let (shown, remarks) = look(&file);
    assert_eq!(shown.keys.len(), 1);
    assert_eq!(
        remarks.iter().map(|remark| (remark.code.as_str(), remark.message.as_str())).collect::<Vec<_>>(),
        [(
            "locked",
            "safe 1 of the file stays locked: the password opens the file, but not an encrypted part of it"
        )]
    );
    // Nothing opens.
    let file = forge().safe(locked).build();
    assert_eq!(shop.import(&file, None).unwrap_err().code(), "key_password");
    let password = Password::new(PASSWORD).unwrap();
    let error = inspect(InspectRequest::new(&file, Passwords::new(&password), now())).unwrap_err();
    assert_eq!(error.code(), "key_password");
}

#[test]
fn what_is_locked_is_shown_as_locked() {
    let shop = Shop::open();
    let www = shop.issue("www.test");
    let key = Bag::shrouded(&key_of(&www), &scheme(), &Secret::of("another"));
    let bags = [key, certificate_of(&www)].map(|bag| bag.friendly_name("www").local_key_id(b"1"));
    let (shown, remarks) = look(&forge().plain(&bags).build());
    assert_eq!((shown.keys.len(), shown.certificates.len(), shown.locked_keys.len()), (0, 1, 1));
    let json = serde_json::to_value(&shown).unwrap();
    let locked = &json["locked_keys"][0];
    assert_eq!(locked["problem"]["code"], "key_password");
    assert_eq!((&locked["friendly_name"], &locked["local_key_id"]), (&"www".into(), &"31".into()));
    assert_eq!(locked["protection"][0]["algorithm"], "PBES2 PBKDF2-HMAC-SHA-256 AES-256-CBC");
    assert_eq!((&locked["entries"], &json["entries"][0]["number"]), (&[1].as_slice().into(), &1.into()));
    let entry = &json["entries"][0];
    assert_eq!((&entry["key"], &entry["names"][0]), (&serde_json::Value::Null, &"www.test".into()));
    assert_eq!((&entry["sha256"], &entry["certificate"]), (&json["certificates"][0]["sha256"], &1.into()));
    assert_eq!(entry["problem"]["code"], "key_password");
    let [remark] = remarks.as_slice() else { panic!("{remarks:?}") };
    assert_eq!((remark.code.as_str(), &remark.remedies[0]), ("locked", &Remedy::KeyPassword));
    assert_eq!(
        remark.message,
        "private key 1 of the file \"www\" stays locked: the password opens the file, but not the private key in it"
    );
}

#[test]
fn one_key_with_two_certificates_is_told_by_their_dates() {
    let mut shop = Shop::open();
    let mut params = leaf_params("www.test");
    valid(&mut params, -400, -35);
    let old = shop.ca.issue(&params, &[]);
    // The same key, renewed.
    let key = rcgen::KeyPair::try_from(key_of(&old)).unwrap();
    let renewed = shop.ca.issue_leaf_for(&leaf_params("www.test"), &key);
    let bags = [Bag::key(&key_of(&old)), certificate_of(&old), Bag::certificate(renewed.der())];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [2, 1, 0]] {
        let file = forge().plain(&order.map(|place: usize| bags[place].clone().friendly_name("www"))).build();
        let listed = shop.refuses_without_choice(&file, "renewed");
        assert_eq!(listed.len(), 2);
        let error = shop.import(&file, None).unwrap_err().to_string();
        assert!(
            error.starts_with(
                "the file contains one private key with 2 certificates: #1 \"www\" P-256, www.test, until "
            ),
            "{error}"
        );
        let number =
            1 + listed.iter().position(|line| line.contains(&renewed.fingerprint().to_string())).unwrap();
        for selector in [format!("#{number}"), renewed.fingerprint().to_string()] {
            let report = shop.import(&file, Some(&selector)).unwrap();
            assert_eq!(report.chain[0].sha256, renewed.fingerprint());
        }
        let error = shop.import(&file, Some(&old.leaf().fingerprint().to_string())).unwrap_err();
        assert_eq!(error.code(), "alias_taken");
        let error = shop.import(&file, Some("www")).unwrap_err();
        assert_eq!(error.code(), "several_entries");
    }
}

#[test]
fn one_pair_under_two_names_is_one_key_by_each_of_them() {
    let mut shop = Shop::open();
    let www = shop.issue("www.test");
    let bags = [pair(&www, "first", b"1"), pair(&www, "second", b"2")].concat();
    let file = forge().plain(&bags).build();
    let [entry] = &look(&file).0.entries[..] else { panic!("more than one") };
    assert_eq!(
        (entry.friendly_names.as_slice(), entry.key_places.as_slice()),
        (&["first".into(), "second".into()][..], &[1, 2][..])
    );
    for selector in [None, Some("first"), Some("second"), Some("#1")] {
        assert!(shop.import(&file, selector).is_ok(), "{selector:?}");
    }
}

#[test]
fn a_name_means_the_certificate_that_bears_it() {
    let mut shop = Shop::open();
    let old = shop.issue("www.test");
    let key = rcgen::KeyPair::try_from(key_of(&old)).unwrap();
    let renewed = shop.ca.issue_leaf_for(&leaf_params("www.test"), &key);
    let bags = [
        Bag::key(&key_of(&old)).friendly_name("www"),
        certificate_of(&old).friendly_name("www"),
        Bag::certificate(renewed.der()).friendly_name("www-2027"),
    ];
    let file = forge().plain(&bags).build();
    assert_eq!(shop.import(&file, Some("www-2027")).unwrap().chain[0].sha256, renewed.fingerprint());
    let report = shop.import_as("old", &file, Some("www"), false).unwrap();
    assert_eq!(report.chain[0].sha256, old.leaf().fingerprint());
    // A name of the key alone stands for all of its certificates.
    let bags =
        [Bag::key(&key_of(&old)).friendly_name("key"), certificate_of(&old), Bag::certificate(renewed.der())];
    let error = shop.import(&forge().plain(&bags).build(), Some("key")).unwrap_err();
    assert_eq!(error.code(), "several_entries");
}

#[test]
fn selectors_find_nothing_in_a_file_without_keys() {
    let mut shop = Shop::open();
    let www = shop.issue("www.test");
    let file = forge().plain(&[certificate_of(&www)]).build();
    assert_eq!(shop.import(&file, Some("#1")).unwrap_err().code(), "no_private_key");
    let selector: EntrySelector = "#1".parse().unwrap();
    assert_eq!(selector, EntrySelector::Number(1));
}
