//! What is no certificate, alone and beside certificates: each is named, with what to do.

use std::fs;

use rcgen::{CertificateRevocationListParams, KeyIdMethod, KeyPair, SerialNumber};
use strongroom::file_format::sniff;
use strongroom_tests::{
    armour::{base64, has_openssl, openssl, pem, pkcs7, utf16},
    authority::{TestCa, ca_params, root},
    forge::{
        Bag, Forge, Secret,
        der::{octets, oid, sequence},
    },
};

use super::{read, reads, refuses};

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
        ("BKS", b"\0\0\0\x02\0\0\0\x14".to_vec(), "a keystore of Bouncy Castle (BKS or UBER)"),
        (
            "BCFKS",
            sequence(&[
                sequence(&[sequence(&[oid("1.2.840.113549.1.5.13")]), octets(&[7; 99])]),
                sequence(&[octets(&[7])]),
            ]),
            "a keystore of Bouncy Castle for FIPS (BCFKS)",
        ),
        ("PuTTY", b"PuTTY-User-Key-File-3: ssh-rsa".to_vec(), "a private key for SSH, of OpenSSH or PuTTY"),
        (
            "OpenSSH",
            pem("OPENSSH PRIVATE KEY", b"openssh-key-v1").into(),
            "a private key for SSH, of OpenSSH or PuTTY",
        ),
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
    assert_eq!((found.certificates.len(), found.certificates[0].certificate.version()), (1, 1));
    assert_eq!(sniff(&v1).as_str(), "der");
    // An empty subject is a request all the same.
    let nameless = openssl(&["req", "-new", "-key", &path("key"), "-subj", "/", "-outform", "DER"], b"");
    assert_eq!(sniff(&nameless).as_str(), "request");
}
