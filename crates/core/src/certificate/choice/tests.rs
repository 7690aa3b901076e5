use super::*;

fn candidate(number: usize) -> Candidate {
    Candidate {
        number,
        friendly_names: vec!["a\u{1b}[2Jb".to_owned()],
        key: Some(KeyAlgorithm::Ed25519),
        subject: Some("CN=x".to_owned()),
        hosts: Vec::new(),
        not_after: Some(0),
        fingerprint: Some(Fingerprint::from_bytes([0; 32])),
        problem: None,
        key_places: vec![number],
        certificate_place: Some(number),
    }
}

#[test]
fn selectors_are_told_apart_by_form() {
    let parse = |text: &str| text.parse::<EntrySelector>().unwrap();
    assert_eq!(parse("#2"), EntrySelector::Number(2));
    assert_eq!(parse("#two"), EntrySelector::FriendlyName("#two".to_owned()));
    let hex = "ab".repeat(32);
    assert_eq!(parse(&hex), EntrySelector::Fingerprint(Fingerprint::from_bytes([0xab; 32])));
    let colons = ["AB"; 32].join(":");
    assert_eq!(parse(&colons), EntrySelector::Fingerprint(Fingerprint::from_bytes([0xab; 32])));
    assert_eq!(parse("www"), EntrySelector::FriendlyName("www".to_owned()));
    assert_eq!(parse(&"é".repeat(32)), EntrySelector::FriendlyName("é".repeat(32)));
}

#[test]
fn candidates_show_names_without_control_characters() {
    assert_eq!(
        candidate(1).to_string(),
        format!("#1 \"a\\u{{1b}}[2Jb\" Ed25519, CN=x, until 1970-01-01, SHA-256 {}", "0".repeat(64))
    );
    let mut locked = candidate(2);
    (locked.key, locked.problem) = (None, Some(Box::new(Pkcs12Error::KeyPassword.into())));
    (locked.friendly_names, locked.hosts) = (vec!["n".repeat(70)], vec!["a.test".to_owned(); 5]);
    (locked.not_after, locked.fingerprint) = (None, None);
    assert_eq!(
        locked.to_string(),
        format!(
            "#2 \"{}...\" private key, a.test, a.test, a.test and 2 more: the password opens the file, but not the private key in it",
            "n".repeat(64)
        )
    );
}

#[test]
fn the_first_words_say_what_there_is_to_choose_from() {
    let several = |candidates, locked_safes| CredentialError::Several { candidates, locked_safes };
    let mut renewed = candidate(2);
    renewed.key_places = vec![1];
    let same = several(vec![candidate(1), renewed], vec![]);
    assert_eq!(same.headline(), "the file contains one private key with 2 certificates");
    let two = several(vec![candidate(1), candidate(2)], vec![]);
    assert_eq!(two.headline(), "the file contains 2 private keys");
    let one = several(vec![candidate(1)], vec![Pkcs12Error::SafePassword]);
    assert_eq!(
        one.headline(),
        "the file contains one private key that opens, and a safe that stays locked and may hold others (the password opens the file, but not an encrypted part of it)"
    );
    let many = several((1..=256).map(candidate).collect(), vec![]).to_string();
    assert!(many.len() < 4096 && many.ends_with(" more"), "{}", many.len());
}
