//! generate, generateCsr and importSignedCertificate, in both flavours and all their spellings.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
};
use strongroom::certificate::Certificate;

use crate::harness::{
    CERTIFICATES, Form, IMPORT_ROOT, PORTAL_ROOTS, Reply, SERVER_CERTIFICATES, SERVER_ROOTS, Server, clock,
    encoded, json_form,
};

const REFUSED: &str = "Generating the certificate failed: ";

/// A CA that is not in the store.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A P-256 key, of which only the public half is known.
struct Public(Vec<u8>);

impl PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Reply CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// The certificate for the request in an answer, in PEM.
    fn answer(&self, reply: &Reply, host: &str) -> String {
        let text = reply.text.replace("\\r\\n", "\n").replace("NEW CERTIFICATE", "CERTIFICATE");
        let der = pem::parse(text).unwrap().into_contents();
        let before = [0x03, 0x42, 0x00, 0x04];
        let at = der.windows(4).position(|part| part == before).expect("a P-256 key") + 3;
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.signed_by(&Public(der[at..at + 65].to_vec()), &self.issuer).unwrap().pem()
    }
}

fn stored(server: &Server, alias: &str) -> Certificate {
    server.keystore().entry(&alias.parse().unwrap(), clock()).unwrap().certificate
}

async fn generate(server: &Server, root: &str, fields: &str) -> Reply {
    let token = server.token().await;
    server.post(&format!("{root}/generate"), &format!("f=json&token={token}&{fields}")).await
}

#[tokio::test]
async fn a_self_signed_certificate_is_made_by_the_fields_of_both_flavours() {
    let server = Server::new();
    let token = server.token().await;
    let portal = "keyAlg=RSA&keySize=3072&sigAlg=SHA384withRSA&cn=WWW.A.TEST&orgUnit=GIS&org=Example%2C+Inc.&city=K%C3%B6ln\
                  &state=NRW&country=DE&validity=30&san=DNS%3Aa.test%2CIP%3A10.0.0.1";
    let portal_only = format!("f=json&token={token}&alias=p&{portal}");
    // The Python client posts to the other name of the operation.
    let reply = server.post(&format!("{CERTIFICATES}/generateCertificate"), &portal_only).await;
    reply.has("{\"status\":\"success\",\"messages\":[\"self_signed: ");
    let server_fields = portal
        .replace("keyAlg", "keyalg")
        .replace("keySize", "keysize")
        .replace("sigAlg", "sigalg")
        .replace("cn=", "commonName=")
        .replace("orgUnit", "organizationalUnit")
        .replace("org=", "organization=")
        .replace("san=", "SAN=");
    generate(&server, SERVER_CERTIFICATES, &format!("alias=s&{server_fields}")).await.has("\"success\"");
    for alias in ["p", "s"] {
        let certificate = stored(&server, alias);
        assert_eq!(certificate.subject(), "CN=WWW.A.TEST, OU=GIS, O=Example\\, Inc., L=Köln, ST=NRW, C=DE");
        assert_eq!(certificate.key().to_string(), "RSA-3072");
        assert_eq!(certificate.signature_algorithm(), "SHA384withRSA");
        assert_eq!(certificate.hosts().collect::<Vec<_>>(), ["www.a.test", "a.test", "10.0.0.1"]);
        let now = i64::try_from(clock().as_secs()).unwrap();
        assert_eq!(certificate.not_after() - now, 30 * 86_400);
    }
    for (n, root) in PORTAL_ROOTS.iter().chain(&SERVER_ROOTS).enumerate() {
        let fields = format!("alias=n{n}&keyAlg=EC&cn=n{n}.test&org=x");
        generate(&server, root, &fields).await.has("\"status\":\"success\"");
    }
}

#[tokio::test]
async fn what_is_left_out_is_what_is_safe_today() {
    let server = Server::new();
    generate(&server, CERTIFICATES, "alias=a&cn=a.test&org=x").await.has("\"success\"");
    let certificate = stored(&server, "a");
    assert_eq!(certificate.key().to_string(), "RSA-2048");
    assert_eq!(certificate.signature_algorithm(), "SHA256withRSA");
    let now = i64::try_from(clock().as_secs()).unwrap();
    assert_eq!(certificate.not_after() - now, 90 * 86_400);
}

#[tokio::test]
async fn old_algorithms_are_refused_with_what_is_allowed() {
    let server = Server::new();
    let keys = "send keyAlg=RSA with keySize=2048, 3072 or 4096, keyAlg=EC with keySize=256 or 384, or keyAlg=Ed25519";
    for (fields, what) in [
        ("keyAlg=RSA&keySize=1024", "RSA of 1024 bits"),
        ("keySize=512", "RSA of 512 bits"),
        ("keyAlg=DSA&keySize=2048", "DSA of 2048 bits"),
        ("keyAlg=DSA", "DSA"),
        ("keyAlg=EC&keySize=521", "EC of 521 bits"),
    ] {
        let reply = generate(&server, CERTIFICATES, &format!("alias=a&cn=a.test&org=x&{fields}")).await;
        let message = format!("{REFUSED}a key {what} is not made: it is too weak, or not known here");
        reply.is_error(400, &message, &[keys, "code: unsupported_key"]);
    }
    for (fields, name, allowed) in [
        ("sigAlg=SHA1withRSA", "SHA1withRSA", "SHA256withRSA, SHA384withRSA or SHA512withRSA"),
        ("sigAlg=SHA1withDSA", "SHA1withDSA", "SHA256withRSA, SHA384withRSA or SHA512withRSA"),
        ("sigAlg=MD5withRSA", "MD5withRSA", "SHA256withRSA, SHA384withRSA or SHA512withRSA"),
        ("keyAlg=EC&sigAlg=SHA256withRSA", "SHA256withRSA", "SHA256withECDSA"),
        ("keyAlg=EC&keySize=384&sigAlg=SHA256withECDSA", "SHA256withECDSA", "SHA384withECDSA"),
        ("keyAlg=Ed25519&sigAlg=SHA256withRSA", "SHA256withRSA", "Ed25519"),
    ] {
        let reply = generate(&server, CERTIFICATES, &format!("alias=a&cn=a.test&org=x&{fields}")).await;
        let message = format!(
            "{REFUSED}the signature algorithm {name} is not used with that key: clients refuse it, or it is of another kind"
        );
        let help = format!("send sigAlg={allowed}, or leave it out");
        reply.is_error(400, &message, &[&help, "code: unsupported_signature"]);
    }
    let reply =
        generate(&server, SERVER_CERTIFICATES, "alias=a&commonName=a.test&organization=x&keysize=1024").await;
    reply.is_server_error(
        400,
        &[
            &format!("{REFUSED}a key RSA of 1024 bits is not made: it is too weak, or not known here"),
            keys,
            "code: unsupported_key",
        ],
    );
    assert_eq!(server.aliases(), [""; 0]);
}

#[tokio::test]
async fn fields_that_make_no_certificate_are_named() {
    let server = Server::new();
    for (fields, part) in [
        ("cn=a.test", "the field 'alias' is missing"),
        ("alias=a&org=x", "the field 'cn' is missing"),
        ("alias=a&cn=a.test&country=Germany", "a country has two letters"),
        ("alias=a&cn=a.test&san=DNS%3A10.0.0.1", "write ip:10.0.0.1"),
        ("alias=a&cn=a.test&validity=0", "it is 1 to 825"),
        ("alias=a&cn=a.test&validity=3650", "it is 1 to 825"),
        ("alias=a&cn=a.test&validity=soon", "The field 'validity' must be a whole number"),
    ] {
        let reply = generate(&server, CERTIFICATES, fields).await;
        reply.has("{\"error\":{\"code\":400,");
        reply.has(part);
    }
    assert_eq!(server.aliases(), [""; 0]);
    generate(&server, CERTIFICATES, "alias=a&keyAlg=EC&cn=a.test").await.has("\"success\"");
    let reply = generate(&server, CERTIFICATES, "alias=A&keyAlg=EC&cn=b.test").await;
    reply.is_error(
        409,
        &format!("{REFUSED}the alias \"a\" is taken by another entry"),
        &[
            "choose another alias; or send replace=true to replace the entry and keep its former version",
            "code: alias_taken",
        ],
    );
    generate(&server, CERTIFICATES, "alias=a&keyAlg=EC&cn=b.test&replace=true").await.has("\"success\"");
    assert_eq!(stored(&server, "a").subject(), "CN=b.test");
}

#[tokio::test]
async fn the_whole_way_from_a_self_signed_certificate_to_that_of_a_ca() {
    let ca = Ca::new();
    for (root, csr, import, field) in [
        (CERTIFICATES, "generateCsr", "importSignedCertificate", "file"),
        (SERVER_CERTIFICATES, "generateCSR", "importCASignedCertificate", "caSignedCertificate"),
        (SERVER_ROOTS[1], "generateCSR", "importSignedCertificate", "caSignedCertificate"),
        (SERVER_ROOTS[3], "generatecsr", "importCASignedCertificate", "file"),
    ] {
        let server = Server::new();
        let token = server.token().await;
        let form = json_form(&token, "ca").file("file", "ca.pem", ca.pem.as_bytes());
        server.send(form.post(IMPORT_ROOT)).await.is_success();
        generate(&server, root, "alias=www&keyAlg=EC&cn=www.test").await.has("\"success\"");
        let key = stored(&server, "www").spki_fingerprint();
        let before = server.keystore().generation().unwrap();
        // Documentation has GET, clients POST.
        let by_get = server.get(&format!("{root}/www/{csr}?f=json&token={token}")).await;
        let by_post = server.post(&format!("{root}/WWW/{csr}"), &format!("f=json&token={token}")).await;
        for reply in [&by_get, &by_post] {
            reply.has("{\"certificateSigningRequest\":\"-----BEGIN NEW CERTIFICATE REQUEST-----\\r\\n");
            reply.has("\\r\\n-----END NEW CERTIFICATE REQUEST-----\\r\\n\"}");
        }
        assert_eq!(server.keystore().generation().unwrap(), before, "a request is read, and changes nothing");
        let signed = ca.answer(&by_get, "www.test");
        let form =
            Form::new().text("f", "json").text("token", &token).file(field, "www.cer", signed.as_bytes());
        server.send(form.clone().post(&format!("{root}/www/{import}"))).await.is_success();
        let entry = server.keystore().entry(&"www".parse().unwrap(), clock()).unwrap();
        assert_eq!((entry.version, entry.certificate.spki_fingerprint()), (2, key));
        assert_eq!(entry.certificate.issuer(), "CN=Reply CA");
        server.keystore().credential(&"www".parse().unwrap(), clock()).unwrap();
        // Again is no harm, and without the alias the key says whose it is.
        server.send(form.clone().post(&format!("{root}/www/{import}"))).await.is_success();
        server.send(form.post(&format!("{root}/{import}"))).await.is_success();
    }
}

#[tokio::test]
async fn a_reply_for_another_key_is_refused_with_the_sentence_that_scripts_look_for() {
    let ca = Ca::new();
    let server = Server::new();
    let token = server.token().await;
    for alias in ["www", "shop"] {
        generate(&server, CERTIFICATES, &format!("alias={alias}&keyAlg=EC&cn={alias}.test"))
            .await
            .has("success");
    }
    let csr = server.get(&format!("{CERTIFICATES}/shop/generateCsr?f=json&token={token}")).await;
    let signed = ca.answer(&csr, "shop.test");
    let send = |path: String, content: Vec<u8>| {
        let form = Form::new().text("f", "json").text("token", &token);
        server.send(form.file("file", "x.cer", &content).post(&format!("{CERTIFICATES}/{path}")))
    };
    let reply = send("www/importSignedCertificate".into(), signed.clone().into_bytes()).await;
    reply.has("{\"error\":{\"code\":400,\"message\":\"Importing CA certificate failed: no certificate is for the key of \\\"www\\\"");
    reply.has("code: key_mismatch");
    // Its CA is not imported: the refusal of every import.
    let reply = send("shop/importSignedCertificate".into(), signed.clone().into_bytes()).await;
    reply.has("Importing CA certificate failed: no path to an imported authority");
    let text = csr.text.split('"').nth(3).unwrap().replace("\\r\\n", "\r\n");
    let reply = send("shop/importSignedCertificate".into(), text.into_bytes()).await;
    reply.has("holds a certificate request: it goes to the CA, and what comes back is a certificate");
    let reply = send("nobody/importSignedCertificate".into(), signed.into_bytes()).await;
    reply.has("{\"error\":{\"code\":404,\"message\":\"Importing CA certificate failed: nothing waits");
    let reply = send("importSignedCertificate".into(), ca.pem.clone().into_bytes()).await;
    reply.has("no private key of this server is that of the certificate");
    let reply = server.get(&format!("{CERTIFICATES}/nobody/generateCsr?f=json&token={token}")).await;
    reply.is_error(404, "Certificate with alias 'nobody' not found", &[]);
    let form = json_form(&token, "ca").file("file", "ca.pem", ca.pem.as_bytes());
    server.send(form.post(IMPORT_ROOT)).await.is_success();
    let reply = server.get(&format!("{SERVER_CERTIFICATES}/ca/generateCSR?f=json&token={token}")).await;
    reply.is_server_error(
        400,
        &[
            "Generating the certificate request failed: \"ca\" is a CA certificate, and has no private key here",
            "export on ca gives the certificate",
            "code: no_private_key",
        ],
    );
}

#[tokio::test]
async fn a_pending_request_of_the_command_is_given_and_answered_over_the_api() {
    let ca = Ca::new();
    let server = Server::new();
    let token = server.token().await;
    let form = json_form(&token, "ca").file("file", "ca.pem", ca.pem.as_bytes());
    server.send(form.post(IMPORT_ROOT)).await.is_success();
    let template = strongroom::issuance::CertificateTemplate::new(vec!["new.test".parse().unwrap()]);
    let options = strongroom::keystore::RequestOptions::new(clock());
    server.keystore().request(&"new".parse().unwrap(), &template, options).unwrap();
    let csr = server.get(&format!("{CERTIFICATES}/new/generateCsr?f=json&token={token}")).await;
    let signed = ca.answer(&csr, "new.test");
    let form = Form::new().text("f", "json").text("token", &token).file("file", "x.cer", signed.as_bytes());
    server.send(form.post(&format!("{CERTIFICATES}/new/importSignedCertificate"))).await.is_success();
    assert_eq!(server.aliases(), ["ca", "new"]);
    assert!(server.keystore().pending_requests().unwrap().is_empty());
    let page =
        server.post(&format!("{CERTIFICATES}/new/generateCsr"), &format!("token={}", encoded(&token))).await;
    page.is_page("Certificate signing request for new");
}

#[tokio::test]
async fn a_kind_of_key_has_our_name_too() {
    let server = Server::new();
    for (word, key) in [("p384", "P-384"), ("RSA-3072", "RSA-3072"), ("ed25519", "Ed25519")] {
        let fields = format!("alias={word}&cn=a.test&keyAlg={word}");
        generate(&server, CERTIFICATES, &fields).await.has("\"success\"");
        let entry = server.keystore().entry(&word.parse().unwrap(), clock()).unwrap();
        assert_eq!(entry.certificate.key().to_string(), key);
    }
    let reply = generate(&server, CERTIFICATES, "alias=x&cn=a.test&keyAlg=p384&keySize=256").await;
    reply.has("a key p384 of 256 bits is not made");
}
