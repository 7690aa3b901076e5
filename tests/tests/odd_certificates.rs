//! Certificates that a lenient reader takes for others, and the words in which odd ones are refused.

use rcgen::SanType;
use strongroom::{
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode},
    remedy::Remedy,
    validate::Policy,
};
use strongroom_tests::{
    authority::{judge, leaf_params, now, root},
    forge::der::{sequence, set, tlv},
    remake::{Extension, Fields, changed_root, content, leaf_of, signed},
};

const NAME_CONSTRAINTS: u8 = 30;
const POLICIES: u8 = 32;
const EXTENDED_KEY_USAGE: u8 = 37;

/// An RDN of one UTF8String.
fn rdn(arc: u8, value: &str) -> Vec<u8> {
    set(&[sequence(&[tlv(6, &[0x55, 4, arc]), tlv(0x0c, value.as_bytes())])])
}

const ORGANISATION: u8 = 10;
const COMMON_NAME: u8 = 3;
const EMPTY_SET: [u8; 2] = [0x31, 0];

#[track_caller]
fn refused(leaf: &Certificate, anchor: &Certificate, code: &str) -> String {
    let error = judge(leaf, &[], anchor, &Policy::verification()).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    error.to_string()
}

#[track_caller]
fn findings(leaf: &Certificate, anchor: &Certificate) -> Vec<Diagnostic> {
    judge(leaf, &[], anchor, &Policy::verification()).unwrap().findings().to_vec()
}

#[test]
fn a_directory_name_is_constrained_whatever_stands_before_it() {
    // Permitted are names below O=Good.
    let base = tlv(0xa4, &sequence(&[rdn(ORGANISATION, "Good")]));
    let constraints = sequence(&[tlv(0xa0, &sequence(&[base]))]);
    let (ca, anchor) = changed_root("NC Root", |fields| {
        fields.extensions.push(Extension::of_arc(NAME_CONSTRAINTS, true, &constraints));
    });
    let with_subject = |rdns: &[Vec<u8>]| leaf_of(&ca, |fields| fields.subject = sequence(rdns));
    let (good, evil) = (rdn(ORGANISATION, "Good"), rdn(ORGANISATION, "Evil"));
    let found = findings(&with_subject(std::slice::from_ref(&good)), &anchor);
    assert!(found.iter().all(|finding| finding.code == DiagnosticCode::RustlsClientsRefuse), "{found:?}");
    refused(&with_subject(std::slice::from_ref(&evil)), &anchor, "name_not_permitted");
    for odd in [EMPTY_SET.to_vec(), vec![5, 0], sequence::<&[u8]>(&[]), set(&[tlv(0x30, &[6, 1, 0x2a])])] {
        for subject in [[odd.clone(), evil.clone()], [good.clone(), odd.clone()]] {
            let message = refused(&with_subject(&subject), &anchor, "malformed_name");
            assert!(
                message.starts_with("the certificate is malformed: the subject cannot be read: "),
                "{message}"
            );
        }
    }
    let message = refused(&with_subject(&[EMPTY_SET.to_vec()]), &anchor, "malformed_name");
    assert!(message.ends_with("it has one attribute or more (RFC 5280, section 4.1.2.4)"), "{message}");
}

#[test]
fn a_file_with_a_malformed_certificate_is_shown_with_a_remark() {
    let odd = leaf_of(&root("Root"), |fields| fields.subject = sequence(&[EMPTY_SET]));
    let password = strongroom::Password::new("").unwrap();
    let request = strongroom::inspect::InspectRequest::new(
        odd.der(),
        strongroom::inspect::Passwords::new(&password),
        now(),
    );
    let (report, remarks) = strongroom::inspect::inspect(request).unwrap();
    assert_eq!(report.certificates[0].subject.as_deref(), Some("a malformed name #30023100"));
    assert_eq!(remarks[0].code, DiagnosticCode::MalformedName);
}

#[test]
fn names_are_equal_by_all_of_them() {
    let longer = sequence(&[rdn(COMMON_NAME, "Root X"), EMPTY_SET.to_vec()]);
    let (ca, anchor) = changed_root("Root X", |fields| {
        fields.subject.clone_from(&longer);
        fields.issuer.clone_from(&longer);
    });
    assert!(anchor.subject().starts_with("a malformed name #30"), "{}", anchor.subject());
    let message = refused(&leaf_of(&ca, |_| {}), &anchor, "no_anchor");
    assert!(
        message.ends_with("; an imported authority has a malformed name, and is therefore nobody's issuer")
    );
    // The same bytes name the same CA, which is malformed all the same.
    let same = leaf_of(&ca, |fields| fields.issuer = longer);
    refused(&same, &anchor, "malformed_name");
}

#[test]
fn extensions_are_read_to_their_last_byte() {
    let base = tlv(0x82, b"a.test");
    for constraints in [
        // Something behind the subtree's base, behind the subtree, behind the list, behind all.
        sequence(&[tlv(0xa0, &sequence(&[base.clone(), vec![5, 0]]))]),
        sequence(&[tlv(0xa0, &[sequence(&[&base]), vec![5, 0]].concat())]),
        sequence(&[tlv(0xa0, &sequence(&[&base])), vec![5, 0]]),
        [sequence(&[tlv(0xa0, &sequence(&[&base]))]), vec![0]].concat(),
        sequence::<&[u8]>(&[]),
        sequence(&[tlv(0xa0, &[])]),
    ] {
        let (ca, anchor) = changed_root("Root", |fields| {
            fields.extensions.push(Extension::of_arc(NAME_CONSTRAINTS, true, &constraints));
        });
        let message = refused(&leaf_of(&ca, |_| {}), &anchor, "malformed_extension");
        assert!(
            message.starts_with(
                "CN=Root on the path is malformed: the extension 2.5.29.30 (nameConstraints) cannot be read: "
            ),
            "{message}"
        );
    }
    let ca = root("Root");
    let server_auth = tlv(6, &[0x2b, 6, 1, 5, 5, 7, 3, 1]);
    for purposes in [
        sequence(&[vec![5, 0], server_auth.clone()]),
        sequence(&[server_auth.clone(), vec![5, 0]]),
        sequence::<&[u8]>(&[]),
    ] {
        let odd = leaf_of(&ca, |fields| fields.extension(EXTENDED_KEY_USAGE).value = purposes);
        refused(&odd, &ca.certificate, "malformed_extension");
    }
    let twice = leaf_of(&ca, |fields| {
        let again = fields.extension(EXTENDED_KEY_USAGE).clone();
        fields.extensions.push(again);
    });
    let message = refused(&twice, &ca.certificate, "malformed_extension");
    assert!(
        message.ends_with("the extension 2.5.29.37 (extKeyUsage) cannot be read: it stands twice"),
        "{message}"
    );
    // A location of the issuer is shown and nothing else; what cannot be read is not.
    let odd = leaf_of(&ca, |fields| {
        let access = [0x2b, 6, 1, 5, 5, 7, 1, 1];
        fields.extensions.push(Extension::new(&access, false, &sequence(&[vec![5, 0]])));
    });
    assert!(findings(&odd, &ca.certificate).is_empty() && odd.issuer_urls().is_empty());
}

#[test]
fn qualifiers_of_critical_policies_have_to_be_understood() {
    let ca = root("Root");
    let cps = sequence(&[tlv(6, &[0x2b, 6, 1, 5, 5, 7, 2, 1]), tlv(0x16, b"https://ca.test/cps")]);
    let notice = sequence(&[tlv(6, &[0x2b, 6, 1, 5, 5, 7, 2, 2]), sequence(&[tlv(0x0c, b"a notice")])]);
    let unknown = sequence(&[tlv(6, &[0x2a, 3, 4]), vec![5, 0]]);
    let with = |critical: bool, qualifiers: &[&Vec<u8>]| {
        let policy = sequence(&[tlv(6, &[0x2a, 3]), sequence(qualifiers)]);
        let extension = Extension::of_arc(POLICIES, critical, &sequence(&[policy]));
        leaf_of(&ca, |fields| fields.extensions.push(extension))
    };
    assert!(findings(&with(false, &[&unknown]), &ca.certificate).is_empty());
    // rustls clients refuse every critical certificatePolicies, and the verdict says so.
    let known = findings(&with(true, &[&cps, &notice]), &ca.certificate);
    assert!(known.iter().all(|finding| finding.code == DiagnosticCode::RustlsClientsRefuse), "{known:?}");
    assert_eq!(
        refused(&with(true, &[&cps, &unknown]), &ca.certificate, "unknown_critical_extension"),
        "the certificate has the critical extension 2.5.29.32 (certificatePolicies) with the policy qualifier 1.2.3.4, which is not understood"
    );
    let application = [0x2b, 6, 1, 4, 1, 0x82, 0x37, 21, 10];
    let microsoft = leaf_of(&ca, |fields| {
        fields.extensions.push(Extension::new(&application, true, &sequence::<&[u8]>(&[])))
    });
    assert_eq!(
        refused(&microsoft, &ca.certificate, "unknown_critical_extension"),
        "the certificate has the critical extension 1.3.6.1.4.1.311.21.10 (Microsoft application policies), which is not understood"
    );
}

#[test]
fn a_missing_authority_key_identifier_is_a_warning_that_names_python() {
    let ca = root("Root");
    let mut params = leaf_params("a.test");
    params.use_authority_key_identifier_extension = false;
    let found = findings(ca.issue(&params, &[]).leaf(), &ca.certificate);
    let [Remedy::Advice(help)] = found[0].remedies.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(found[0].code, DiagnosticCode::MissingAki);
    assert!(help.starts_with("Python 3.13 and newer refuse such a chain"), "{help}");
}

#[test]
fn what_strict_clients_refuse_is_a_warning() {
    const KEY_USAGE: u8 = 15;
    const BASIC_CONSTRAINTS: u8 = 19;
    let strict = |leaf: &Certificate, anchor: &Certificate| -> Vec<String> {
        let found = findings(leaf, anchor).into_iter();
        found
            .filter(|finding| finding.code == DiagnosticCode::StrictClientsRefuse)
            .map(|finding| finding.message.split("refuse this: ").nth(1).unwrap().to_owned())
            .collect()
    };
    let (ca, soft) = changed_root("Root", |fields| fields.extension(BASIC_CONSTRAINTS).critical.clear());
    let plain = leaf_of(&ca, |_| {});
    assert_eq!(strict(&plain, &soft), ["CN=Root has basic constraints that are not critical"]);
    assert!(strict(&plain, &ca.certificate).is_empty());
    let (ca, silent) = changed_root("Root", |fields| {
        fields.extensions.retain(|extension| extension.oid != [0x55, 0x1d, KEY_USAGE]);
    });
    assert_eq!(strict(&leaf_of(&ca, |_| {}), &silent), ["CN=Root is a CA without a key usage"]);
    let signing = leaf_of(&ca, |fields| {
        fields.extensions.push(Extension::of_arc(KEY_USAGE, true, &[3, 2, 2, 0x84]));
    });
    assert_eq!(
        strict(&signing, &ca.certificate),
        ["CN=a.test may sign certificates by its key usage, and is no CA"]
    );
    let nameless = leaf_of(&ca, |fields| fields.subject = sequence::<&[u8]>(&[]));
    assert_eq!(
        strict(&nameless, &ca.certificate),
        ["the certificate has no subject, and its subjectAltName is not critical"]
    );
}

#[test]
fn names_that_are_asked_for_are_explained() {
    let ca = root("Root");
    let mut params = leaf_params("xn--mnchen-3ya.test");
    for name in ["10.1.2.3", "*.com", "*.example.test"] {
        params.subject_alt_names.push(SanType::DnsName(name.try_into().unwrap()));
    }
    let leaf = ca.issue(&params, &[]).leaf().clone();
    let ask = |name: &str| {
        let mut policy = Policy::verification();
        policy.names = vec![name.parse().unwrap()];
        judge(&leaf, &[], &ca.certificate, &policy)
    };
    let codes: Vec<DiagnosticCode> =
        ask("M\u{fc}nchen.test").unwrap().findings().iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [DiagnosticCode::UnmatchableName, DiagnosticCode::WildcardPublicSuffix]);
    for (name, message) in [
        (
            "10.1.2.3",
            "the certificate is not for 10.1.2.3: the certificate names 10.1.2.3 as a DNS name, not as an IP address; clients compare IP addresses only with iPAddress; it names xn--mnchen-3ya.test, 10.1.2.3, *.com, *.example.test",
        ),
        (
            "example.test",
            "the certificate is not for example.test: the wildcard *.example.test does not stand for example.test itself; it names xn--mnchen-3ya.test, 10.1.2.3, *.com, *.example.test",
        ),
        (
            "a.b.example.test",
            "the certificate is not for a.b.example.test: the wildcard *.example.test stands for exactly one label before example.test; it names xn--mnchen-3ya.test, 10.1.2.3, *.com, *.example.test",
        ),
        (
            "other.test",
            "the certificate is not for other.test: it names xn--mnchen-3ya.test, 10.1.2.3, *.com, *.example.test",
        ),
    ] {
        let error = ask(name).unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), ("name_mismatch", message));
    }
}

#[test]
fn strings_of_every_type_are_text() {
    let wide = |value: &str, size: usize| -> Vec<u8> {
        value.chars().flat_map(|c| u32::from(c).to_be_bytes()[4 - size..].to_vec()).collect()
    };
    for (tag, value) in
        [(0x14, b"M\xfcller".to_vec()), (0x1e, wide("M\u{fc}ller", 2)), (0x1c, wide("M\u{fc}ller", 4))]
    {
        let subject = sequence(&[set(&[sequence(&[tlv(6, &[0x55, 4, 3]), tlv(tag, &value)])])]);
        let named = leaf_of(&root("Root"), |fields| fields.subject = subject);
        assert_eq!(named.subject(), "CN=M\u{fc}ller", "{tag:#x}");
    }
}

#[test]
fn what_is_in_no_place_of_a_certificate_makes_it_none() {
    let ca = root("Root");
    let fields = Fields::of(ca.issue(&leaf_params("a.test"), &[]).leaf().der());
    let tbs = fields.tbs();
    let read = |tbs: &[u8]| {
        Certificate::from_der(&signed(tbs, &fields.algorithm, &ca.key()))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    assert_eq!(read(&tbs), Ok(()));
    let left_over =
        |part: &str| Err(format!("the certificate cannot be decoded: bytes are left over in {part}"));
    assert_eq!(
        read(&sequence(&[content(&tbs), &[5, 0]])),
        left_over("the certificate, behind its extensions")
    );
    let with = |change: &dyn Fn(&mut Fields)| {
        let mut fields = fields.clone();
        change(&mut fields);
        read(&fields.tbs())
    };
    let append = |der: &mut Vec<u8>| *der = sequence(&[content(der), &[5, 0]]);
    assert_eq!(with(&|fields| append(&mut fields.validity)), left_over("its validity"));
    assert_eq!(with(&|fields| append(&mut fields.spki)), left_over("its public key"));
    assert_eq!(
        with(&|fields| fields.extensions[0].critical = vec![1, 1, 1]),
        Err("the certificate cannot be decoded: a BOOLEAN is neither 00 nor ff in its extensions".to_owned())
    );
    // Many CAs write FALSE although it is the default.
    assert_eq!(with(&|fields| fields.extensions[0].critical = vec![1, 1, 0]), Ok(()));
}
