//! Every kind of file of certificates through the one reader: what is read, what is refused, and in which words.

#[path = "certificate_files/bounds.rs"]
mod bounds;
#[path = "certificate_files/others.rs"]
mod others;

use rcgen::KeyPair;
use strongroom::{
    Error, Password,
    certificate::Certificate,
    certificate_file::{CertificateFile, CertificateFileError, CertificateFileRequest, read_certificates},
};
use strongroom_tests::{
    armour::{base64, pem, pkcs7, pkcs7_ber, utf16},
    authority::{ca_params, leaf_params, now, root},
    forge::{
        Bag, Forge, Secret,
        der::{oid, sequence},
    },
    scratch::Scratch,
};

fn read(file: &[u8]) -> Result<CertificateFile, CertificateFileError> {
    read_certificates(CertificateFileRequest::new(file))
}

fn ders<'c>(certificates: &[&'c Certificate]) -> Vec<&'c [u8]> {
    certificates.iter().map(|certificate| certificate.der().as_ref()).collect()
}

/// Reads `file` as exactly `certificates`, with remarks of these codes.
#[track_caller]
fn reads(what: &str, file: impl AsRef<[u8]>, certificates: &[&Certificate], codes: &[&str]) {
    let found = read(file.as_ref()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let got: Vec<_> = found.certificates.iter().map(|found| found.certificate.fingerprint()).collect();
    let expected: Vec<_> = certificates.iter().map(|certificate| certificate.fingerprint()).collect();
    assert_eq!(got, expected, "{what}");
    let remarks: Vec<&str> = found.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(remarks, codes, "{what}: {:?}", found.findings);
}

/// Refuses `file` with this code and this message, and with advice; nothing of it is kept.
#[track_caller]
fn refuses(what: &str, file: impl AsRef<[u8]>, code: &str, message: &str) {
    let error = Error::from(read(file.as_ref()).map(|found| found.certificates.len()).expect_err(what));
    let told = error.to_string();
    // What is wrong inside a certificate is said behind a colon, and not held here.
    let exact = !message.ends_with("the certificate cannot be decoded");
    let fits = if exact { told == message } else { told.starts_with(message) };
    assert!(error.code() == code && fits, "{what}: {}: {told}", error.code());
    assert!(error.help().is_some(), "{what}");
    let scratch = Scratch::new(now());
    let kept = scratch.keystore.import_authority(&"x".parse().unwrap(), file.as_ref(), now()).unwrap_err();
    assert_eq!((kept.code(), kept.to_string()), (code, told), "{what}");
    assert!(scratch.keystore.page(None, 10, now()).unwrap().is_empty(), "{what}");
}

#[test]
fn one_certificate_is_read_in_every_form() {
    let root = root("Root");
    let (der, certificate) = (root.file(), &root.certificate);
    let text = pem("CERTIFICATE", der);
    let crlf = text.replace('\n', "\r\n");
    for (what, file, codes) in [
        ("PEM", text.clone().into_bytes(), &[][..]),
        ("CRLF", crlf.clone().into_bytes(), &[]),
        ("without the last line end", text.trim_end().into(), &[]),
        ("spaces behind the markers", text.replace("-----\n", "-----  \t\n").into(), &[]),
        ("text around it", format!("Bag Attributes\n    localKeyID: 54 69\n{text}\n# end\n").into(), &[]),
        ("spaces in the base64", text.replace("MII", "M I\tI").into(), &[]),
        ("X509", pem("X509 CERTIFICATE", der).into(), &[]),
        ("trusted without settings", pem("TRUSTED CERTIFICATE", der).into(), &[]),
        ("PKCS7", pem("PKCS7", &pkcs7(&[der], &[])).into(), &[]),
        ("PKCS #7 SIGNED DATA", pem("PKCS #7 SIGNED DATA", &pkcs7(&[der], &[])).into(), &[]),
        ("CMS", pem("CMS", &pkcs7(&[der], &[])).into(), &[]),
        ("BER in CMS", pem("CMS", &pkcs7_ber(&[der])).into(), &[]),
        ("DER", der.to_vec(), &[]),
        ("PKCS #7 in DER", pkcs7(&[der], &[]), &[]),
        ("PKCS #7 in BER", pkcs7_ber(&[der]), &[]),
        ("a byte order mark", format!("\u{feff}{text}").into(), &["unusual_form"]),
        ("UTF-16 little endian", utf16(&crlf, false), &["unusual_form"]),
        ("UTF-16 big endian", utf16(&text, true), &["unusual_form"]),
        ("UTF-16 without a mark", utf16(&text, true)[2..].to_vec(), &["unusual_form"]),
        ("CR", text.replace('\n', "\r").into(), &["unusual_form"]),
        ("indented", format!("  {}", text.replace('\n', "\n\t")).into(), &["unusual_form"]),
        ("one line", text.replace('\n', " ").into(), &["unusual_form"]),
        ("lower-case label", text.replace("CERTIFICATE", "certificate").into(), &["unusual_form"]),
        ("zeros behind text", format!("{text}\0\0").into(), &["unusual_form"]),
        ("base64 on lines", base64(der).into(), &["unusual_form"]),
        ("base64 on one line", base64(der).replace('\n', "").into(), &["unusual_form"]),
        ("base64 of PKCS #7", base64(&pkcs7(&[der], &[])).into(), &["unusual_form"]),
        ("base64 in UTF-16", utf16(&base64(der), false), &["unusual_form"]),
        ("PKCS #7 called a certificate", pem("CERTIFICATE", &pkcs7(&[der], &[])).into(), &["unusual_form"]),
        ("a certificate called PKCS #7", pem("PKCS7", der).into(), &["unusual_form"]),
        ("a line end behind DER", [der, b"\n"].concat(), &["unusual_form"]),
        ("CRLF behind DER", [der, b"\r\n"].concat(), &["unusual_form"]),
        ("zeros behind DER", [der, &[0; 512]].concat(), &["unusual_form"]),
        ("the end of a DOS file behind DER", [der, b"\r\n\x1a"].concat(), &["unusual_form"]),
        ("a line end behind PKCS #7", [pkcs7_ber(&[der]).as_slice(), b"\r\n"].concat(), &["unusual_form"]),
        ("twice", text.repeat(2).into(), &["repeated_certificate"]),
    ] {
        reads(what, file, &[certificate], codes);
    }
}

#[test]
fn several_certificates_are_read_in_their_order() {
    let (first, second) = (root("First"), root("Second"));
    let (a, b) = (first.file(), second.file());
    let both = [&first.certificate, &second.certificate];
    let text = [pem("CERTIFICATE", a), pem("X509 CERTIFICATE", b)].concat();
    reads("PEM", &text, &both, &[]);
    reads("glued", text.replace("-----\n-----", "----------"), &both, &["unusual_form"]);
    let marked = format!("\u{feff}{}\u{feff}{}", pem("CERTIFICATE", a), pem("CERTIFICATE", b));
    reads("files with a mark each", &marked, &both, &["unusual_form"]);
    reads("DER in a row", [a, b].concat(), &both, &[]);
    reads("DER with line ends", [a, b"\r\n", b, b"\r\n"].concat(), &both, &["unusual_form"]);
    reads("base64 of DER in a row", base64(&[a, b].concat()), &both, &["unusual_form"]);
    reads("PKCS #7", pkcs7(&[a, b], &[]), &both, &[]);
    reads("PKCS #7 in PEM", pem("PKCS7", &pkcs7_ber(&[a, b])), &both, &[]);
    let mixed = [pem("PKCS7", &pkcs7(&[a], &[])), pem("CERTIFICATE", b)].concat();
    reads("PKCS #7 and a certificate", &mixed, &both, &[]);
    reads("PKCS #7 and DER", [pkcs7(&[a], &[]).as_slice(), b].concat(), &both, &[]);
}

#[test]
fn what_cannot_be_read_is_an_error_with_block_and_line() {
    let (first, second) = (root("First"), root("Second"));
    let (a, b) = (pem("CERTIFICATE", first.file()), pem("CERTIFICATE", second.file()));
    let lines = a.lines().count();
    let broken = |text: &str| text.replacen("\nMII", "\nM*I", 1);
    refuses(
        "the first is broken",
        format!("{}{b}", broken(&a)),
        "broken_text",
        "block 1 (CERTIFICATE, line 1) cannot be read: a character that is not base64, in line 2",
    );
    let at = lines + 1;
    refuses(
        "the second is broken",
        format!("{a}{}", broken(&b)),
        "broken_text",
        &format!(
            "block 2 (CERTIFICATE, line {at}) cannot be read: a character that is not base64, in line {}",
            at + 1
        ),
    );
    refuses(
        "the second is cut off",
        format!("{a}{}", &b[..200]),
        "broken_text",
        &format!(
            "block 2 (CERTIFICATE, line {at}) cannot be read: the file is cut off before the END of the block, in line {}",
            at + b[..200].lines().count() - 1
        ),
    );
    // Whole base64 of half a certificate.
    let half = pem("CERTIFICATE", &second.file()[..150]);
    refuses(
        "half of the second",
        format!("{a}{half}"),
        "invalid_certificate",
        &format!("block 2 (CERTIFICATE, line {at}): the certificate cannot be decoded"),
    );
    refuses(
        "no certificate at all",
        pem("CERTIFICATE", b"hello, world"),
        "invalid_certificate",
        "block 1 (CERTIFICATE, line 1): the certificate cannot be decoded",
    );
    let trailing = pem("CERTIFICATE", &[second.file(), b"\x05\x00"].concat());
    refuses(
        "two bytes behind the second",
        format!("{a}{trailing}"),
        "invalid_certificate",
        &format!("block 2 (CERTIFICATE, line {at}): 2 bytes follow the certificate"),
    );
    refuses("half of DER", &first.file()[..100], "invalid_certificate", "the certificate cannot be decoded");
    refuses(
        "half of the second DER",
        [first.file(), &second.file()[..100]].concat(),
        "invalid_certificate",
        "certificate 2: the certificate cannot be decoded",
    );
    refuses(
        "other bytes behind DER",
        [first.file(), b"hello"].concat(),
        "malformed",
        "the last 5 bytes of the file are no certificate",
    );
    let p7 = pkcs7(&[first.file(), second.file()], &[]);
    refuses(
        "half of PKCS #7",
        &p7[..p7.len() - 9],
        "malformed",
        &format!(
            "the PKCS #7 cannot be read: the file is cut off: it ends at byte {} inside a value that is longer",
            p7.len() - 9
        ),
    );
    let flawed = pkcs7(&[first.file(), &sequence(&[sequence(&[oid("1.2.3")])])], &[]);
    refuses(
        "the second of PKCS #7",
        pem("PKCS7", &flawed),
        "invalid_certificate",
        "block 1 (PKCS7, line 1), certificate 2: the certificate cannot be decoded",
    );
    refuses(
        "PKCS #7 without any",
        pkcs7(&[], &[]),
        "not_a_certificate",
        "the file holds no certificate: it is a PKCS #7 bundle without any",
    );
    refuses(
        "base64 that breaks off",
        &base64(first.file())[..301],
        "broken_text",
        "the base64 cannot be read: characters are missing at the end of the base64, in line 5",
    );
}

#[test]
fn a_pkcs12_file_gives_its_certificates_with_its_password() {
    let (ca, other) = (root("Root"), root("Other"));
    let key = KeyPair::generate().unwrap();
    let bags = [Bag::certificate(ca.file()), Bag::certificate(other.file()), Bag::key(&key.serialize_der())];
    let forge = Forge::new(Secret::of("secret")).plain(&bags);
    let pfx = forge.build();
    let password = Password::new("secret").unwrap();
    for file in [pfx.clone(), pem("PKCS12", &pfx).into_bytes(), base64(&pfx).into_bytes()] {
        let mut request = CertificateFileRequest::new(&file);
        request.password = Some(&password);
        let found = read_certificates(request).unwrap();
        assert_eq!(found.certificates.len(), 2);
        assert!(found.holds_pkcs12());
        let messages: Vec<&str> = found.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages.last(), Some(&"1 private key was not used"));
    }
    refuses(
        "without it",
        &pfx,
        "wrong_password",
        "the file is a PKCS #12 file, and its password was not given",
    );
    let wrong = Password::new("wrong").unwrap();
    let mut request = CertificateFileRequest::new(&pfx);
    request.password = Some(&wrong);
    assert_eq!(read_certificates(request).unwrap_err().code(), "wrong_password");
    let unproved = Forge::new(Secret::of("")).without_mac().plain(&[Bag::certificate(ca.file())]).build();
    refuses(
        "without a MAC",
        unproved,
        "no_mac",
        "the PKCS #12 file has no MAC, so changes to it cannot be detected",
    );
    let keys = Forge::new(Secret::of("")).plain(&[Bag::key(&key.serialize_der())]).build();
    refuses("a key alone", keys, "not_a_certificate", "the file holds no certificate: it is a PKCS #12 file");
}

#[test]
fn the_leaf_is_the_first_or_the_only_one_of_a_set() {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let leaf = issuing.issue(&leaf_params("www.test"), &[]).leaf().clone();
    let [a, b] = [&issuing.certificate, &leaf];
    let subject = |file: Vec<u8>| {
        read(&file)
            .unwrap()
            .into_leaf_and_others()
            .map(|(leaf, others)| (leaf.subject().to_owned(), others.len()))
            .map_err(|e| e.code())
    };
    let text = |order: &[&Certificate]| {
        ders(order).iter().map(|der| pem("CERTIFICATE", der)).collect::<String>().into_bytes()
    };
    assert_eq!(subject(text(&[b, a])), Ok(("CN=www.test".to_owned(), 1)));
    // In PEM the order is the file's own, and nothing is guessed.
    assert_eq!(subject(text(&[a, b])), Ok(("CN=Issuing".to_owned(), 1)));
    assert_eq!(subject(pkcs7(&ders(&[a, b]), &[])), Ok(("CN=www.test".to_owned(), 1)));
    assert_eq!(subject(pkcs7(&ders(&[&root.certificate]), &[])), Ok(("CN=Root".to_owned(), 0)));
    let other = issuing.issue(&leaf_params("other.test"), &[]).leaf().clone();
    assert_eq!(subject(pkcs7(&ders(&[b, &other]), &[])), Err("several_certificates"));
}
