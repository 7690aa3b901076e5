//! friendlyNames: several of one bag, and one that looks like a number.

use super::*;

#[test]
fn a_name_that_looks_like_a_number_is_not_passed_over_for_the_number() {
    let mut shop = Shop::open();
    let (www, mail) = (shop.issue("www.test"), shop.issue("mail.test"));
    let file = forge().plain(&[pair(&www, "#2", b"1"), pair(&mail, "mail", b"2")].concat()).build();
    let error = shop.import(&file, Some("#2")).unwrap_err();
    assert_eq!(error.code(), "several_entries", "{error}");
    assert!(error.to_string().starts_with("the file contains 2 private keys: #1 \"#2\" P-256, "), "{error}");
    let report = shop.import(&file, Some("#1")).unwrap();
    assert_eq!(report.chain[0].sha256, www.leaf().fingerprint());
    let by_digest = mail.leaf().fingerprint().to_string();
    assert_eq!(
        shop.import_as("mail", &file, Some(&by_digest), false).unwrap().chain[0].sha256,
        mail.leaf().fingerprint()
    );
}

#[test]
fn a_second_friendly_name_is_said() {
    let mut shop = Shop::open();
    let www = shop.issue("www.test");
    let key = Bag::key(&key_of(&www)).friendly_name("one").friendly_name("two").friendly_name("three");
    let file = forge().plain(&[key, certificate_of(&www)]).build();
    let said = "private key 1 of the file \"one\" has further friendly names, which are not used: \"two\", \"three\"";
    let remarks = look(&file).1;
    assert_eq!(
        remarks.iter().map(|remark| (remark.code.as_str(), remark.message.as_str())).collect::<Vec<_>>(),
        [("skipped", said)]
    );
    let report = shop.import(&file, None).unwrap();
    assert_eq!(report.findings.iter().map(|found| found.message.as_str()).collect::<Vec<_>>(), [said]);
}
