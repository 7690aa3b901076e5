//! importRootOrIntermediate: bundles, PKCS #12, and what is refused.

use crate::harness::{
    CHANGEIT, Form, IMPORT, IMPORT_ROOT, ROOT_RSA, Reply, Server, clock, fixture, json_form,
};

const INTERMEDIATE: &str = "chains/intermediate-rsa.pem";
/// A leaf and its intermediate, with the key; opens with [`CHANGEIT`].
const PFX: &str = "pkcs12/www.p12";
const REFUSED: &str = "Importing CA certificate failed: ";

async fn signed_in() -> (Server, String) {
    let server = Server::new();
    let token = server.token().await;
    (server, token)
}

async fn send(server: &Server, token: &str, alias: &str, password: Option<&str>, file: &[u8]) -> Reply {
    let form = json_form(token, alias);
    let form = match password {
        Some(password) => form.text("password", password),
        None => form,
    };
    server.send(form.file("rootCACertificate", "ca.pem", file).post(IMPORT_ROOT)).await
}

fn bundle() -> Vec<u8> {
    [fixture(ROOT_RSA), fixture(INTERMEDIATE)].concat()
}

/// Subject and SHA-256 of an entry, as the answer has them.
fn told(server: &Server, alias: &str) -> String {
    let entry = server.keystore().entry(&alias.parse().unwrap(), clock()).unwrap();
    format!("{alias}: {} (SHA-256 {})", entry.certificate.subject(), entry.certificate.fingerprint())
}

#[tokio::test]
async fn every_certificate_of_a_bundle_is_stored() {
    let (server, token) = signed_in().await;
    let reply = send(&server, &token, "ca", None, &bundle()).await;
    assert_eq!(server.aliases(), ["ca", "ca_2"]);
    let messages = format!("[\"imported: {}\",\"imported: {}\"]", told(&server, "ca"), told(&server, "ca_2"));
    assert_eq!(reply.text, format!("{{\"status\":\"success\",\"messages\":{messages}}}"));
    let again = send(&server, &token, "ca", None, &bundle()).await;
    assert_eq!(again.text, reply.text.replace("imported", "already_present"));
    assert_eq!(server.aliases(), ["ca", "ca_2"]);
}

#[tokio::test]
async fn a_bundle_that_cannot_be_stored_whole_is_refused() {
    let (server, token) = signed_in().await;
    let broken = String::from_utf8(bundle()).unwrap();
    let second = broken.rfind("-----BEGIN").unwrap();
    let (first, rest) = broken.split_at(second);
    let line = first.lines().count() + 1;
    let broken = format!("{first}{}", rest.replacen("MII", "M*I", 1));
    send(&server, &token, "ca", None, broken.as_bytes()).await.is_error(
        400,
        &format!(
            "{REFUSED}block 2 (CERTIFICATE, line {line}) cannot be read: a character that is not base64, in line {}",
            line + 1
        ),
        &["copy the file again, whole; nothing of it was used", "code: broken_text"],
    );
    let leaf = fixture("other/openssl-3.0.19.rsa2048.certificate.cer");
    let reply = send(&server, &token, "ca", None, &[leaf.as_slice(), leaf.as_slice()].concat()).await;
    reply.has("\"code: not_a_ca\"");
    assert_eq!(server.aliases(), [""; 0]);
    // One alias among those it would take is another's: the next number is free.
    send(&server, &token, "ca_2", None, &fixture("chains/root-ec.pem")).await.is_success();
    send(&server, &token, "ca", None, &bundle()).await.has("imported: ca_3: ");
    // The alias itself is.
    let other = [fixture("chains/root-ed25519.pem"), fixture("chains/stranger-root.pem")].concat();
    send(&server, &token, "ca", None, &other).await.is_error(
        409,
        &format!("{REFUSED}the alias \"ca\" is taken by another entry"),
        &["choose another alias", "code: alias_taken"],
    );
    assert_eq!(server.aliases(), ["ca", "ca_2", "ca_3"]);
}

#[tokio::test]
async fn of_a_pkcs12_file_the_ca_certificates_alone_are_stored() {
    let (server, token) = signed_in().await;
    send(&server, &token, "ca", None, &fixture(PFX)).await.is_error(
        400,
        &format!("{REFUSED}the file is a PKCS #12 file, and its password was not given"),
        &["give its password, or the certificates alone as PEM, DER or PKCS #7", "code: wrong_password"],
    );
    send(&server, &token, "ca", Some(""), &fixture(PFX)).await.has("its password was not given");
    send(&server, &token, "ca", Some("wrong"), &fixture(PFX)).await.has("code: wrong_password");
    assert_eq!(server.aliases(), [""; 0]);
    let reply = send(&server, &token, "ca", Some(CHANGEIT), &fixture(PFX)).await;
    assert_eq!(server.aliases(), ["ca"]);
    reply.has("\"not_a_ca: ");
    reply.has(&format!("\"imported: {}\"", told(&server, "ca")));
    reply.has("\"other_content: 1 private key was not used\"");
    // What the help of the refused import promises.
    let form = json_form(&token, "www").text("password", CHANGEIT).file("file", "x", &fixture(PFX));
    server.send(form.post(IMPORT)).await.has("{\"status\":\"success\"");
    assert_eq!(server.aliases(), ["ca", "www"]);
}

#[tokio::test]
async fn the_page_shows_subjects_and_digests() {
    let (server, token) = signed_in().await;
    let form = Form::new().text("token", &token).text("form", "html").text("alias", "ca");
    let form = form.text("password", CHANGEIT).file("file", "www.p12", &fixture(PFX));
    let reply = server.send(form.post(IMPORT_ROOT)).await;
    reply.is_page("Imported");
    let entry = server.keystore().entry(&"ca".parse().unwrap(), clock()).unwrap();
    reply.has(&entry.certificate.fingerprint().to_string());
    reply.has("/sslCertificates/ca\">ca</a> was imported");
    reply.has("1 imported, 0 already present, 1 not imported.");
    reply.has_not(CHANGEIT);
}
