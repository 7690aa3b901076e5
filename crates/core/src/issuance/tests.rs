use super::*;
use crate::certificate::ServerCredential;

fn template(names: &[&str]) -> CertificateTemplate {
    CertificateTemplate::new(names.iter().map(|name| name.parse().unwrap()).collect())
}

fn at() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(1_795_435_200))
}

#[test]
fn every_kind_of_key_is_made_whole_and_signs_a_certificate_and_a_request() {
    for kind in KeyKind::ALL {
        let key = kind.generate().unwrap();
        let certificate = self_signed(&key, &template(&["www.a.test", "10.0.0.1"]), 90, at()).unwrap();
        assert_eq!(KeyKind::of(&certificate.key).unwrap(), kind);
        assert_eq!(
            (certificate.not_before, certificate.not_after),
            (1_795_431_600, 1_795_435_200 + 90 * 86_400)
        );
        assert_eq!(certificate.serial.len(), 40, "20 octets: {}", certificate.serial);
        assert_eq!(certificate.is_ca, Some(false));
        assert_eq!(certificate.subject, "CN=www.a.test");
        assert_eq!(certificate.hosts().collect::<Vec<_>>(), ["www.a.test", "10.0.0.1"]);
        assert!(certificate.subject_key_id.is_some());
        let usage = certificate.key_usage.clone().unwrap();
        assert_eq!(usage.names.contains(&"Key_Encipherment"), kind.as_str().starts_with("rsa"), "{kind}");
        let request = signing_request(&key, &template(&["www.a.test", "10.0.0.1"])).unwrap();
        assert_eq!(request.subject(), "CN=www.a.test");
        assert_eq!(request.general_names, certificate.general_names);
        assert_eq!(request.spki_fingerprint, certificate.spki_fingerprint);
        assert_eq!(request.signature_algorithm(), certificate.signature_algorithm);
        // The key is proved whole, its factors too.
        ServerCredential::pair(key, vec![certificate]).unwrap();
    }
}

#[test]
fn rsa_signs_with_the_hash_that_is_asked_for_and_curves_with_their_own() {
    let rsa = KeyKind::Rsa2048.generate().unwrap();
    for (hash, name) in [
        (None, "SHA256withRSA"),
        (Some(SignatureHash::Sha256), "SHA256withRSA"),
        (Some(SignatureHash::Sha384), "SHA384withRSA"),
        (Some(SignatureHash::Sha512), "SHA512withRSA"),
    ] {
        let template = CertificateTemplate { hash, ..template(&["a.test"]) };
        assert_eq!(signing_request(&rsa, &template).unwrap().signature_algorithm(), name);
    }
    let refused = |kind: KeyKind, hash| {
        let template = CertificateTemplate { hash: Some(hash), ..template(&["a.test"]) };
        signing_request(&kind.generate().unwrap(), &template).unwrap_err().to_string()
    };
    assert_eq!(
        refused(KeyKind::P256, SignatureHash::Sha384),
        "a key P-256 does not sign with SHA-384, but with SHA-256"
    );
    assert_eq!(
        refused(KeyKind::Ed25519, SignatureHash::Sha256),
        "a key Ed25519 does not sign with SHA-256, but with a hash of its own"
    );
}

#[test]
fn a_request_whose_bytes_were_changed_is_none() {
    let key = KeyKind::P256.generate().unwrap();
    let der =
        signing_request(&key, &template(&["a.test", "email:a@a.test", "uri:x:y"])).unwrap().der().to_vec();
    for at in 0..der.len() {
        let mut other = der.clone();
        other[at] ^= 1;
        assert!(SigningRequest::from_der(&other).is_err(), "byte {at}");
        assert!(SigningRequest::from_der(&der[..at]).is_err(), "cut at {at}");
    }
    assert!(SigningRequest::from_der(&[der.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn the_subject_of_names_without_a_dns_name_is_empty_in_a_request_alone() {
    let key = KeyKind::P256.generate().unwrap();
    let request = signing_request(&key, &template(&["10.0.0.1"])).unwrap();
    assert_eq!(request.subject(), "");
    let certificate = self_signed(&key, &template(&["10.0.0.1"]), 1, at()).unwrap();
    assert_eq!(certificate.subject, "CN=10.0.0.1");
    let long = format!("{}.test", ["a"; 40].join("."));
    let request = signing_request(&key, &template(&[&long, "short.test"])).unwrap();
    assert_eq!(request.subject(), "CN=short.test");
    assert_eq!(self_signed(&key, &template(&[&long]), 1, at()).err(), Some(IssuanceError::NoSubject));
}

#[test]
fn a_template_like_a_certificate_has_its_subject_and_names() {
    let key = KeyKind::P256.generate().unwrap();
    let mut wanted =
        template(&["*.a.test", "b.test", "2001:db8::1", "email:a@a.test", "uri:https://a.test/"]);
    wanted.subject =
        Some("CN=b.test, OU=Unit, O=Example\\, Inc. \\+ Söhne, L=Köln, ST=NRW, C=DE".parse().unwrap());
    let certificate = self_signed(&key, &wanted, 30, at()).unwrap();
    assert_eq!(certificate.subject, "CN=b.test, OU=Unit, O=Example\\, Inc. \\+ Söhne, L=Köln, ST=NRW, C=DE");
    let like = CertificateTemplate::like(&certificate).unwrap();
    let again = signing_request(&key, &like).unwrap();
    assert_eq!((again.subject, again.general_names), (certificate.subject, certificate.general_names));
    assert_eq!((like.subject, like.names), (wanted.subject, wanted.names));
}

#[test]
fn names_and_subjects_that_are_none_are_refused_with_the_reason() {
    for (text, reason) in [
        ("dns:10.0.0.1", "it is an IP address, which clients compare only as such: write ip:10.0.0.1"),
        ("ip:a.test", "it is no IPv4 or IPv6 address"),
        ("a.*.test", "a wildcard is the whole first label: *.example.test"),
        ("*a.test", "a wildcard is the whole first label: *.example.test"),
        ("", "it is empty"),
        ("10.0.0.256", "it ends in a number, as IP addresses do, and is none"),
        ("https://a.test/", "give the host alone; a URI as a name of its own is written uri:..."),
        ("me@a.test", "a mailbox is written email:..."),
        ("email:a b@a.test", "before the @ stand letters, digits and signs of ASCII, without a space"),
        ("uri:nothing", "a URI has a scheme, a colon and what is behind it, in ASCII and without a space"),
        ("a b.test", "it has a character that no host name has"),
        ("a.test:443", "give the host alone, without the port"),
        ("xn--", "xn-- begins an A-label, and what follows it encodes no name"),
        ("*.xn--zz--zz.test", "xn-- begins an A-label, and what follows it encodes no name"),
        (
            "DNSName:a.test",
            "the kinds of names are dns:, ip:, email: and uri:, and a host needs none: write a.test",
        ),
    ] {
        let expected = IssuanceError::InvalidName { found: text.to_owned(), reason: reason.to_owned() };
        assert_eq!(text.parse::<RequestedName>(), Err(expected));
    }
    assert_eq!("DNS:A.Test.".parse::<RequestedName>().unwrap().to_string(), "a.test");
    assert_eq!("*.Bücher.test".parse::<RequestedName>().unwrap().to_string(), "*.xn--bcher-kva.test");
    for (text, reason) in [
        ("C=Germany", "a country has two letters (ISO 3166), as in C=DE"),
        ("CN=", "it is empty: leave the attribute out"),
        ("OU=a, OU=b", "the attribute stands there already; each is written once"),
        ("CN=a\\", "there is nothing behind the last \\"),
        ("CN=a\\C3", "its octets are not UTF-8"),
        ("CN=a\\C3\\28", "its octets are not UTF-8"),
        ("CN=#0c0141", "write \\# for a number sign; a value in hexadecimal, of BER, is not taken"),
        ("CN=a\\zb", "behind \\ stands one of space \"#+,;<=>\\, or an octet of two hexadecimal digits"),
        ("CN=a\\4", "behind \\ stands one of space \"#+,;<=>\\, or an octet of two hexadecimal digits"),
        ("CN=a\\0Ab", "it has a control character"),
        ("CN=\\20", "it is empty: leave the attribute out"),
        ("CN=a;O=b", "write \\; for a semicolon; between two attributes stands a comma"),
        (
            "O=\"a, b\"",
            "write \\\" for a quotation mark; a value is not put in quotes, but has \\ before a comma",
        ),
    ] {
        match text.parse::<Subject>() {
            Err(IssuanceError::InvalidSubject { reason: found, .. }) => assert_eq!(found, reason, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    let long = format!("CN={}", "x".repeat(65));
    assert!(long.parse::<Subject>().unwrap_err().to_string().ends_with("it has more than 64 characters"));
    assert!("DC=a".parse::<Subject>().unwrap_err().to_string().contains("of CN, OU, O, STREET, L, ST, C"));
}

#[test]
fn bounds_hold_before_any_key_is_made() {
    assert_eq!(CertificateTemplate::default().check(), Err(IssuanceError::NoName));
    let many: Vec<String> = (0..101).map(|n| format!("n{n}.test")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(template(&many).check(), Err(IssuanceError::TooManyNames { found: 101, limit: 100 }));
    assert!(template(&many[..100]).check().is_ok());
    for days in [0, 826, u32::MAX] {
        assert_eq!(check_days(days), Err(IssuanceError::InvalidValidity { found: days, limit: 825 }));
    }
    assert!(check_days(825).is_ok());
    let refused = "rsa1024".parse::<KeyKind>().unwrap_err().to_string();
    assert_eq!(
        refused,
        "a key of the kind \"rsa1024\" is not made: it is p256, p384, rsa2048, rsa3072, rsa4096 or ed25519"
    );
    assert_eq!(KeyKind::rsa(1024), Err(IssuanceError::UnsupportedKey { found: "RSA-1024".to_owned() }));
}

/// The examples of RFC 4514, section 4, as far as their attributes are taken here, and values that begin or end with what
/// has to be escaped.
#[test]
fn a_subject_is_read_as_rfc_4514_writes_it() {
    for (text, value, shown) in [
        ("O=Gr\\C3\\B6\\C3\\9Fe", "Gr\u{f6}\u{df}e", "O=Gr\u{f6}\u{df}e"),
        ("CN=Lu\\C4\\8Di\\C4\\87", "Lu\u{10d}i\u{107}", "CN=Lu\u{10d}i\u{107}"),
        (
            "CN=James \\\"Jim\\\" Smith\\, III",
            "James \"Jim\" Smith, III",
            "CN=James \\\"Jim\\\" Smith\\, III",
        ),
        ("CN=\\41\\42", "AB", "CN=AB"),
        ("CN=a\\2Cb", "a,b", "CN=a\\,b"),
        ("CN= \\ lead and end\\  ", " lead and end ", "CN=\\ lead and end\\ "),
        ("CN=  a b\t", "a b", "CN=a b"),
        ("CN=\\#41", "#41", "CN=\\#41"),
        ("CN=a#=b\\=", "a#=b=", "CN=a#=b="),
    ] {
        let subject: Subject = text.parse().unwrap();
        assert_eq!(subject.attributes().map(|(_, value)| value).collect::<Vec<_>>(), [value], "{text}");
        assert_eq!(subject.to_string(), shown, "{text}");
        assert_eq!(shown.parse::<Subject>(), Ok(subject), "{text}");
    }
}
