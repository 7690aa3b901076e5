//! Every kind of file of certificates through the one reader: what is read, what is refused, and in which words.

use std::fs;

use rcgen::{CertificateRevocationListParams, KeyIdMethod, KeyPair, SerialNumber};
use strongroom::{
    Certificate, CertificateFile, CertificateFileError, CertificateFileRequest, Error, Limits, Password,
    read_certificates, sniff,
};
use strongroom_tests::{
    armour::{base64, has_openssl, openssl, pem, pkcs7, pkcs7_ber, utf16},
    authority::{TestCa, ca_params, leaf_params, now, root},
    forge::{
        Bag, Forge, Secret,
        der::{octets, oid, sequence},
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
    let got: Vec<_> = found.certificates.iter().map(|found| found.certificate.fingerprint).collect();
    let expected: Vec<_> = certificates.iter().map(|certificate| certificate.fingerprint).collect();
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
    let mut scratch = Scratch::new(now());
    let kept = scratch.keystore.import_authority(&"x".parse().unwrap(), file.as_ref(), now()).unwrap_err();
    assert_eq!((kept.code(), kept.to_string()), (code, told), "{what}");
    assert!(scratch.keystore.entries(None, 10).unwrap().is_empty(), "{what}");
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

/// A request, a revocation list, a key and its public key.
struct Others {
    request: Vec<u8>,
    crl: Vec<u8>,
    key: Vec<u8>,
    public_key: Vec<u8>,
}

fn others(ca: &TestCa) -> Others {
    let key = KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new(["www.test".to_owned()])
        .unwrap()
        .serialize_request(&key)
        .unwrap()
        .der()
        .to_vec();
    let crl = CertificateRevocationListParams {
        this_update: time::OffsetDateTime::UNIX_EPOCH,
        next_update: time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let issuer = rcgen::Issuer::new(ca_params("Root"), ca.key());
    let crl = crl.signed_by(&issuer).unwrap().der().to_vec();
    let public_key = rcgen::PublicKeyData::subject_public_key_info(&key);
    Others { request, crl, key: key.serialize_der(), public_key }
}

#[test]
fn other_things_are_named_with_what_to_do() {
    let ca = root("Root");
    let Others { request, crl, key, public_key } = others(&ca);
    let pfx = Forge::new(Secret::of("p")).plain(&[Bag::certificate(ca.file())]).build();
    let encrypted =
        sequence(&[sequence(&[oid("1.2.840.113549.1.5.13"), sequence(&[oid("1.2.3")])]), octets(&[7; 200])]);
    let lossy = |der: &[u8]| String::from_utf8_lossy(der).into_owned().into_bytes();
    let latin = |der: &[u8]| der.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes();
    let legacy_key = pem("RSA PRIVATE KEY", &[7; 64]).replacen(
        "-----\n",
        "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0011\n\n",
        1,
    );
    for (what, file, is) in [
        ("request", request.clone(), "a certificate request"),
        ("request in PEM", pem("CERTIFICATE REQUEST", &request).into(), "a certificate request"),
        ("as keytool labels it", pem("NEW CERTIFICATE REQUEST", &request).into(), "a certificate request"),
        ("request called a certificate", pem("CERTIFICATE", &request).into(), "a certificate request"),
        ("request in base64", base64(&request).into(), "a certificate request"),
        ("CRL", crl.clone(), "a certificate revocation list"),
        ("CRL in PEM", pem("X509 CRL", &crl).into(), "a certificate revocation list"),
        ("public key", public_key.clone(), "a public key"),
        ("public key in PEM", pem("PUBLIC KEY", &public_key).into(), "a public key"),
        ("key", key.clone(), "a private key"),
        ("key in PEM", pem("PRIVATE KEY", &key).into(), "a private key"),
        ("encrypted key", encrypted.clone(), "an encrypted private key"),
        ("encrypted key in PEM", pem("ENCRYPTED PRIVATE KEY", &encrypted).into(), "an encrypted private key"),
        ("traditional encrypted key", legacy_key.into(), "an encrypted private key"),
        ("parameters", pem("EC PARAMETERS", &oid("1.2.840.10045.3.1.7")).into(), "parameters of a key"),
        ("JKS", b"\xfe\xed\xfe\xed\0\0\0\x02".to_vec(), "a Java keystore (JKS)"),
        ("JCEKS", b"\xce\xce\xce\xce\0\0\0\x02".to_vec(), "a Java keystore (JCEKS)"),
        ("Oracle wallet", b"\xa1\xf8\x4e\x38\0\0\0\x06".to_vec(), "an Oracle wallet (cwallet.sso)"),
        ("gzip", b"\x1f\x8b\x08\0".to_vec(), "a file compressed by gzip"),
        ("ZIP", b"PK\x03\x04\x14\0".to_vec(), "a ZIP archive"),
        ("HTML", b"<!DOCTYPE html>\n<html><body>Sign in".to_vec(), "a web page (HTML)"),
        ("text", b"see the other file".to_vec(), "plain text"),
        ("nothing", Vec::new(), "an empty file"),
        (
            "PFX as certutil -encode has it",
            pem("CERTIFICATE", &pfx).into(),
            "PEM text that calls a PKCS #12 file a certificate",
        ),
        ("mangled", lossy(ca.file()), "a binary file that was converted as if it were text"),
        ("mangled PFX", lossy(&pfx), "a binary file that was converted as if it were text"),
        ("mangled by Latin-1", latin(ca.file()), "a binary file that was converted as if it were text"),
        (
            "mangled into UTF-16",
            utf16(&String::from_utf8_lossy(ca.file()), false),
            "a binary file that was converted as if it were text",
        ),
        (
            "a mark before DER",
            [b"\xef\xbb\xbf", ca.file()].concat(),
            "DER with other bytes before it: a byte order mark or empty lines",
        ),
        (
            "a line end before DER",
            [b"\r\n", ca.file()].concat(),
            "DER with other bytes before it: a byte order mark or empty lines",
        ),
    ] {
        refuses(what, file, "not_a_certificate", &format!("the file holds no certificate: it is {is}"));
    }
    let two = [pem("PRIVATE KEY", &key), pem("CERTIFICATE REQUEST", &request)].concat();
    refuses(
        "key and request",
        two,
        "not_a_certificate",
        "the file holds no certificate: it holds a private key, a certificate request",
    );
}

#[test]
fn what_lies_beside_certificates_is_said() {
    let ca = root("Root");
    let Others { request, crl, key, .. } = others(&ca);
    let certificate = pem("CERTIFICATE", ca.file());
    let one = [&ca.certificate];
    let message = |file: &[u8]| read(file).unwrap().findings.remove(0).message;
    let with_key = format!("{}{certificate}", pem("PRIVATE KEY", &key));
    reads("key first", &with_key, &one, &["other_content"]);
    assert_eq!(message(with_key.as_bytes()), "a private key in block 1 (PRIVATE KEY, line 1) was not used");
    let all = format!(
        "{certificate}{}{}{}",
        pem("X509 CRL", &crl),
        pem("X509 CRL", &crl),
        pem("CERTIFICATE REQUEST", &request)
    );
    reads("request and CRLs", &all, &one, &["other_content", "other_content"]);
    let p7 = pkcs7(&[ca.file()], &[&crl, &crl]);
    reads("CRLs in PKCS #7", &p7, &one, &["other_content"]);
    assert_eq!(message(&p7), "a certificate revocation list in the file, and 1 more, were not used");
    let unknown = format!("{certificate}{}", pem("SOMETHING ELSE", b"abc"));
    reads("an unknown block", &unknown, &one, &["other_content"]);
}

#[test]
fn trust_settings_of_openssl_are_read_past_and_said() {
    if !has_openssl() {
        return;
    }
    let ca = root("Root");
    let input = pem("CERTIFICATE", ca.file());
    for (option, middle) in
        [("-addtrust", "not used: "), ("-addreject", "not used, although they reject uses of it: ")]
    {
        let file = openssl(&["x509", "-trustout", option, "serverAuth", "-setalias", "x"], input.as_bytes());
        assert!(file.starts_with(b"-----BEGIN TRUSTED CERTIFICATE-----"));
        reads(option, &file, &[&ca.certificate], &["trust_settings"]);
        let message = format!("OpenSSL's trust settings were {middle}block 1 (TRUSTED CERTIFICATE, line 1)");
        assert_eq!(read(&file).unwrap().findings[0].message, message);
    }
    let odd = pem("TRUSTED CERTIFICATE", &[ca.file(), b"\x05\x00"].concat());
    refuses(
        "other bytes behind it",
        odd,
        "malformed",
        "the last 2 bytes of block 1 (TRUSTED CERTIFICATE, line 1) are no certificate",
    );
}

#[test]
fn keys_of_openssl_are_told_in_every_form() {
    if !has_openssl() {
        return;
    }
    let key = openssl(&["genrsa", "2048"], b"");
    let ec = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b"");
    let convert = |arguments: &[&str], key: &[u8]| openssl(arguments, key);
    for (what, file, is) in [
        ("PKCS #8", convert(&["pkcs8", "-topk8", "-nocrypt"], &key), "a private key"),
        (
            "PKCS #8 in DER",
            convert(&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], &key),
            "a private key",
        ),
        ("PKCS #1", convert(&["rsa", "-traditional"], &key), "a private key"),
        ("PKCS #1 in DER", convert(&["rsa", "-traditional", "-outform", "DER"], &key), "a private key"),
        ("SEC 1", convert(&["ec"], &ec), "a private key"),
        ("SEC 1 in DER", convert(&["ec", "-outform", "DER"], &ec), "a private key"),
        ("PBES2", convert(&["pkcs8", "-topk8", "-passout", "pass:p"], &key), "an encrypted private key"),
        (
            "PBES2 in DER",
            convert(&["pkcs8", "-topk8", "-passout", "pass:p", "-outform", "DER"], &key),
            "an encrypted private key",
        ),
        (
            "scrypt in DER",
            convert(&["pkcs8", "-topk8", "-scrypt", "-passout", "pass:p", "-outform", "DER"], &key),
            "an encrypted private key",
        ),
        (
            "PBES1 in DER",
            convert(
                &["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:p", "-outform", "DER"],
                &key,
            ),
            "an encrypted private key",
        ),
        (
            "traditional",
            convert(&["rsa", "-traditional", "-aes256", "-passout", "pass:p"], &key),
            "an encrypted private key",
        ),
        ("public", convert(&["rsa", "-pubout", "-outform", "DER"], &key), "a public key"),
        ("public of PKCS #1", convert(&["rsa", "-RSAPublicKey_out"], &key), "a public key"),
    ] {
        refuses(what, file, "not_a_certificate", &format!("the file holds no certificate: it is {is}"));
    }
    refuses(
        "key with parameters",
        &ec,
        "not_a_certificate",
        "the file holds no certificate: it holds parameters of a key, a private key",
    );
}

#[test]
fn version_1_certificates_and_lists_are_told_apart() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("key"), openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout"], b"")).unwrap();
    let request = openssl(&["req", "-new", "-key", &path("key"), "-subj", "/CN=Version 1"], b"");
    // Without extensions OpenSSL 3 writes version 1.
    let v1 = openssl(&["x509", "-req", "-signkey", &path("key"), "-days", "30", "-outform", "DER"], &request);
    let found = read(&v1).unwrap();
    assert_eq!((found.certificates.len(), found.certificates[0].certificate.version), (1, 1));
    assert_eq!(sniff(&v1).word(), "der");
    // An empty subject is a request all the same.
    let nameless = openssl(&["req", "-new", "-key", &path("key"), "-subj", "/", "-outform", "DER"], b"");
    assert_eq!(sniff(&nameless).word(), "request");
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
fn bounds_hold_at_their_last_value() {
    let ca = root("Root");
    let mut limits = Limits::default();
    limits.max_bundle = 3;
    let text = pem("CERTIFICATE", ca.file());
    let read = |file: &[u8]| {
        let mut request = CertificateFileRequest::new(file);
        request.limits = limits;
        read_certificates(request).map(|found| found.certificates.len()).map_err(|error| error.code())
    };
    let p7 = |count: usize| pkcs7(&vec![ca.file(); count], &[]);
    for (count, expected) in [(3, Ok(1)), (4, Err("too_many"))] {
        assert_eq!(read(text.repeat(count).as_bytes()), expected);
        assert_eq!(read(&ca.file().repeat(count)), expected);
        let expected = if count == 4 { Err("malformed") } else { expected };
        assert_eq!(read(&p7(count)), expected);
    }
    let mut limits = Limits::default();
    limits.max_file_len = text.len();
    let mut request = CertificateFileRequest::new(text.as_bytes());
    request.limits = limits;
    assert!(read_certificates(request).is_ok());
    let longer = format!("{text}\n");
    let mut request = CertificateFileRequest::new(longer.as_bytes());
    request.limits = limits;
    let too_large = CertificateFileError::TooLarge { found: text.len() + 1, limit: text.len() };
    assert_eq!(read_certificates(request).unwrap_err(), too_large);
    // Half a million empty values, within the size of a file.
    let many = b"\x30\x07\x30\x05\x02\x01\x00\x30\x00".repeat(100_000);
    assert_eq!(read_certificates(CertificateFileRequest::new(&many)).unwrap_err().code(), "too_many");
}

#[test]
fn the_leaf_is_the_first_or_the_only_one_of_a_set() {
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let leaf = issuing.issue(&leaf_params("www.test"), &[]).leaf;
    let [a, b] = [&issuing.certificate, &leaf];
    let subject = |file: Vec<u8>| {
        read(&file)
            .unwrap()
            .into_leaf_and_others()
            .map(|(leaf, others)| (leaf.subject, others.len()))
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
    let other = issuing.issue(&leaf_params("other.test"), &[]).leaf;
    assert_eq!(subject(pkcs7(&ders(&[b, &other]), &[])), Err("several_certificates"));
}

/// Each byte of `file` replaced, taken out, and something put before it; and each of its beginnings but those that end
/// between two certificates: all is read, or it is an error or a remark.
#[track_caller]
fn no_mutant_loses_in_silence(what: &str, file: &[u8], between: std::ops::Range<usize>) {
    let count = 2;
    let mut read_whole = 0;
    let mut check = |mutant: Vec<u8>, change: &str| {
        let Ok(found) = read(&mutant) else { return };
        let said = found
            .findings
            .iter()
            .any(|finding| matches!(finding.code.as_str(), "other_content" | "repeated_certificate"));
        assert!(found.certificates.len() == count || said, "{what}, {change}: {}", found.certificates.len());
        read_whole += 1;
    };
    for at in 0..file.len() {
        for byte in *b"-A\n\r #:=\\\0\xff" {
            let mut replaced = file.to_vec();
            replaced[at] = byte;
            check(replaced, &format!("byte {at} is {byte:#04x}"));
            let mut inserted = file.to_vec();
            inserted.insert(at, byte);
            check(inserted, &format!("{byte:#04x} before byte {at}"));
        }
        let mut cut = file.to_vec();
        cut.remove(at);
        check(cut, &format!("without byte {at}"));
        if !between.contains(&at) {
            check(file[..at].to_vec(), &format!("the first {at} bytes"));
        }
    }
    assert!(read_whole > 0, "{what}");
}

#[test]
fn no_mutant_of_a_bundle_loses_a_certificate_in_silence() {
    let (first, second) = (root("First"), root("Second"));
    let (a, b) = (first.file(), second.file());
    let one = format!("# first\n{}", pem("CERTIFICATE", a));
    let text = format!("{one}\n# second\n{}", pem("X509 CERTIFICATE", b));
    let second = text.find("-----BEGIN X509").unwrap();
    // Five hyphens alone may be anything.
    no_mutant_loses_in_silence("PEM", text.as_bytes(), one.trim_end().len()..second + 6);
    no_mutant_loses_in_silence("DER", &[a, b].concat(), a.len()..a.len() + 1);
    let p7 = pem("PKCS7", &pkcs7(&[a, b], &[]));
    no_mutant_loses_in_silence("PKCS #7 in PEM", p7.as_bytes(), 0..0);
}
