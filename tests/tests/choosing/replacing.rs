//! What an import says of the entries that are there: the one that it replaces, and others of the same names or key.

use strongroom::keystore::{ImportReport, Outcome};
use strongroom_tests::{
    authority::{leaf_params, valid},
    forge::Bag,
};

use super::{Shop, forge, key_of, pair};

#[test]
fn a_replacement_says_what_it_takes_away() {
    let mut shop = Shop::open();
    let mut params = leaf_params("www.test");
    params.subject_alt_names.push(rcgen::SanType::DnsName("shop.test".try_into().unwrap()));
    let first = shop.ca.issue(&params, &[]);
    shop.import(&forge().plain(&pair(&first, "www", b"1")).build(), None).unwrap();
    let mut params = leaf_params("WWW.test");
    valid(&mut params, -30, 100);
    let (second, mail) = (shop.ca.issue(&params, &[]), shop.issue("mail.test"));
    let file = forge().plain(&[pair(&second, "www", b"1"), pair(&mail, "mail", b"2")].concat()).build();
    let report = shop.import_as("www", &file, Some("www"), true).unwrap();
    assert_eq!(report.outcome, Outcome::Replaced);
    let said: Vec<_> =
        report.findings.iter().map(|found| (found.code.as_str(), found.message.as_str())).collect();
    let [.., lost, sooner, others] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(*lost, ("names_lost", "the new certificate is no longer for shop.test"));
    assert_eq!(
        *sooner,
        (
            "ends_sooner",
            "the new certificate ends on 2027-03-03, sooner than the one that it replaces, which ends on 2027-10-24"
        )
    );
    assert_eq!(others.0, "other_entries");
    assert!(
        others.1.starts_with("the file holds more than what was chosen: #2 \"mail\" P-256, mail.test"),
        "{}",
        others.1
    );
    // A replacement that takes nothing away says nothing.
    let third = shop.ca.issue(&leaf_params("www.test"), &[]);
    let report =
        shop.import_as("www", &forge().plain(&pair(&third, "www", b"1")).build(), None, true).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn an_import_says_which_entries_have_its_names_or_its_key() {
    let mut shop = Shop::open();
    let www = shop.issue("www.test");
    let file = forge().plain(&pair(&www, "www", b"1")).build();
    assert_eq!(shop.import(&file, None).unwrap().findings, []);
    let codes = |report: ImportReport| {
        report.findings.into_iter().map(|found| (found.code.as_str(), found.message)).collect::<Vec<_>>()
    };
    let again = codes(shop.import_as("copy", &file, None, false).unwrap());
    assert_eq!(
        again,
        [("key_shared", "the entry \"www\" has the same certificate and private key".to_owned())]
    );
    let key = rcgen::KeyPair::try_from(key_of(&www)).unwrap();
    let renewed = shop.ca.issue_leaf_for(&leaf_params("www.test"), &key);
    let file = forge().plain(&[Bag::key(&key_of(&www)), Bag::certificate(renewed.der())]).build();
    let renewed = codes(shop.import_as("renewed", &file, None, false).unwrap());
    assert_eq!(renewed.len(), 4, "{renewed:?}");
    assert!(renewed.contains(&("key_shared", "the entry \"copy\" has the same private key".to_owned())));
    assert!(renewed.contains(&("name_shared", "the entry \"www\" is for www.test as well".to_owned())));
    let other = codes(
        shop.import_as(
            "mail",
            &forge().plain(&pair(&shop.issue("mail.test"), "m", b"1")).build(),
            None,
            false,
        )
        .unwrap(),
    );
    assert_eq!(other, []);
}

#[test]
fn of_many_namesakes_a_few_are_named_and_the_rest_is_said() {
    let mut shop = Shop::open();
    let www = shop.issue("www.test");
    let file = forge().plain(&pair(&www, "www", b"1")).build();
    let mut said = Vec::new();
    for n in 0..6 {
        let report = shop.import_as(&format!("copy{n}"), &file, None, false).unwrap();
        said = report.findings.into_iter().map(|found| found.message).collect();
        assert_eq!(said.len(), n.min(5), "{said:?}");
    }
    assert_eq!(said[3], "the entry \"copy3\" has the same certificate and private key");
    assert_eq!(said[4], "further entries have the same private key");
}
