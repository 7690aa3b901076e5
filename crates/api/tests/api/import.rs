//! importExistingServerCertificate and importRootOrIntermediate, by programs.

use axum::http::Method;
use strongroom::inspect::{InspectRequest, Passwords, inspect};

use crate::harness::{
    CERTIFICATES, CHANGEIT, Form, IMPORT, IMPORT_ROOT, PASSWORD, ROOT_RSA, Server, WRONG, WWW, clock,
    encoded, fixture, json_form, urlencoded,
};

const PLAIN: &str = "pkcs12/www.p12";
const SHOP: &str = "pkcs12/gnutls-3.7.9.p256.pbes2-aes128-sha256.password-non-ascii.p12";
const TWO_ENTRIES: &str = "pkcs12/keytool-17.0.15.rsa2048-p256.pbes2-aes256-sha256.two-entries.p12";
const NO_ANCHOR: &str = "Importing CA certificate failed: no path to an imported authority: the issuer \
    \"CN=Strongroom Fixture Root R1, O=Strongroom Fixtures\" is not imported \
    (key id 724d2940b4eb17a5d1544d955287b7561ec636cd)";

async fn with_root() -> (Server, String) {
    let server = Server::new();
    let token = server.token().await;
    server.import_root(&token).await;
    (server, token)
}

fn www(token: &str, alias: &str, password: &str) -> Form {
    json_form(token, alias).text("password", password).file("file", "www.pfx", &fixture(WWW))
}

#[tokio::test]
async fn root_then_server_certificate_is_imported_with_its_chain() {
    let (server, token) = with_root().await;
    server.send(www(&token, "Www", PASSWORD).post(IMPORT)).await.is_success();
    assert_eq!(server.aliases(), ["root", "www", "www_intermediate"]);
    assert!(server.keystore().credential(&"www".parse().unwrap(), clock()).is_ok());
}

#[tokio::test]
async fn without_the_root_the_missing_issuer_is_named_and_nothing_is_stored() {
    let server = Server::new();
    let token = server.token().await;
    let reply = server.send(www(&token, "www", PASSWORD).post(IMPORT)).await;
    let help = "import the CA certificate first, with importRootOrIntermediate, then retry";
    reply.is_error(400, NO_ANCHOR, &[help, "code: no_anchor"]);
    assert_eq!(server.aliases(), [""; 0]);
}

#[tokio::test]
async fn both_names_of_each_field_hold_under_both_roots() {
    let (server, token) = with_root().await;
    let roots = [
        "/arcgis/portaladmin/machines/GIS.fixture.test/SSLCertificates",
        "/portaladmin/security/sslcertificates",
    ];
    let mut number = 0;
    for root in roots {
        for (file, password) in [("file", "password"), ("certFile", "certPassword"), ("CERTFILE", "Password")]
        {
            number += 1;
            let alias = format!("www{number}");
            let form = json_form(&token, &alias).text(password, PASSWORD).file(file, "x", &fixture(WWW));
            let reply = server.send(form.post(&format!("{root}/importexistingservercertificate"))).await;
            reply.has("{\"status\":\"success\"");
        }
        for field in ["rootCACertificate", "rootCSCertificate", "file"] {
            number += 1;
            let form = json_form(&token, &format!("root{number}")).text("norestart", "True");
            let form = form.file(field, "x", &fixture("chains/stranger-root.pem"));
            let reply = server.send(form.post(&format!("{root}/ImportRootOrIntermediate/"))).await;
            reply.has("{\"status\":\"success\"");
        }
    }
    assert_eq!(
        server.aliases().iter().filter(|alias| alias.starts_with("www") && !alias.contains('_')).count(),
        6
    );
}

#[tokio::test]
async fn urlencoded_body_carries_file_and_password_too() {
    let (server, token) = with_root().await;
    let form = format!(
        "f=json&token={token}&alias=www&password={}&file={}",
        encoded(PASSWORD),
        encoded(fixture(WWW))
    );
    server.post(IMPORT, &form).await.is_success();
    let pem = encoded(fixture("chains/root-ec.pem"));
    server
        .post(IMPORT_ROOT, &format!("f=json&token={token}&alias=ec&rootCACertificate={pem}"))
        .await
        .is_success();
}

#[tokio::test]
async fn every_producers_file_opens_with_the_special_password() {
    let (server, token) = with_root().await;
    let ec = json_form(&token, "root-ec").file("file", "r.pem", &fixture("chains/root-ec.pem"));
    server.send(ec.post(IMPORT_ROOT)).await.is_success();
    for (alias, file) in [
        ("gnutls", SHOP),
        ("nss", "pkcs12/nss-3.87.rsa2048.pbes2-aes256-aes128-sha256.password-non-ascii.p12"),
        ("pyca", "pkcs12/pyca-48.0.0.p256.pbes2-aes256-sha256.password-non-ascii.p12"),
        ("legacy", "pkcs12/openssl-3.0.19.rsa2048.rc2-40-3des.non-ascii.chain2.p12"),
    ] {
        let form = json_form(&token, alias).text("password", PASSWORD).file("file", "x", &fixture(file));
        server.send(form.post(IMPORT)).await.has("{\"status\":\"success\"");
    }
}

#[tokio::test]
async fn warnings_stand_beside_the_success() {
    let server = Server::new();
    let token = server.token().await;
    let file = fixture("pkcs12/openssl-3.0.19.rsa2048.pbes2-aes256-sha256.self-signed.p12");
    let form = json_form(&token, "self").text("password", CHANGEIT).file("file", "x", &file);
    let reply = server.send(form.post(IMPORT)).await;
    reply.has("{\"status\":\"success\",\"messages\":[\"self_signed: ");
}

#[tokio::test]
async fn absent_password_is_the_empty_one() {
    let (server, token) = with_root().await;
    let file = fixture("pkcs12/openssl-3.0.19.rsa2048.pbes2-aes256-sha256.password-empty.p12");
    server.send(json_form(&token, "a").file("file", "x", &file).post(IMPORT)).await.is_success();
    let form = json_form(&token, "b").text("certPassword", "").file("file", "x", &file);
    server.send(form.post(IMPORT)).await.has(
        "{\"status\":\"success\",\"messages\":[\"key_shared: the entry \\\"a\\\" has the same certificate and private key\"]}",
    );
}

#[tokio::test]
async fn wrong_password_is_said_to_be_that() {
    let (server, token) = with_root().await;
    for wrong in [WRONG, "", &format!("{PASSWORD} "), &format!("{PASSWORD}\n")] {
        let reply = server.send(www(&token, "www", wrong).post(IMPORT)).await;
        reply.is_error(
            400,
            "Importing CA certificate failed: wrong password, or the file was changed after it was made",
            &[
                "check the password; a password file's last line end is not part of it, and case and keyboard \
                 layout matter",
                "code: wrong_password",
            ],
        );
    }
    assert_eq!(server.aliases(), ["root"]);
}

#[tokio::test]
async fn same_content_again_is_a_success_and_other_content_is_refused_unless_replacing() {
    let (server, token) = with_root().await;
    server.send(www(&token, "www", PASSWORD).post(IMPORT)).await.is_success();
    server.send(www(&token, "WWW", PASSWORD).post(IMPORT)).await.is_success();
    let other = |token| json_form(token, "www").text("password", PASSWORD).file("file", "x", &fixture(SHOP));
    server.send(other(&token).post(IMPORT)).await.is_error(
        409,
        "Importing CA certificate failed: the alias \"www\" is taken by another entry",
        &[
            "choose another alias; or send replace=true to replace the entry and keep its former version",
            "code: alias_taken",
        ],
    );
    server.send(other(&token).text("replace", "True").post(IMPORT)).await.has(
        "{\"status\":\"success\",\"messages\":[\"names_lost: the new certificate is no longer for www.fixture.test, fixture.test\"]}",
    );
    let entry = server.keystore().entry(&"www".parse().unwrap(), clock()).unwrap();
    assert_eq!((entry.version, entry.certificate.subject()), (2, "CN=shop.fixture.test"));
}

#[tokio::test]
async fn chain_is_imported_or_not_in_every_spelling() {
    for (word, imported) in [
        ("true", true),
        ("True", true),
        ("1", true),
        ("ON", true),
        ("", true),
        ("false", false),
        ("False", false),
        ("0", false),
        ("no", false),
    ] {
        let (server, token) = with_root().await;
        let reply =
            server.send(www(&token, "www", PASSWORD).text("importCertificateChain", word).post(IMPORT)).await;
        if imported {
            reply.is_success();
        } else {
            reply.has("\"message\":\"Importing CA certificate failed: no path to an imported authority");
        }
        assert_eq!(server.aliases().len(), if imported { 3 } else { 1 }, "{word:?}");
    }
}

#[tokio::test]
async fn invalid_boolean_names_its_field() {
    let (server, token) = with_root().await;
    let reply =
        server.send(www(&token, "www", PASSWORD).text("importCertificateChain", "maybe").post(IMPORT)).await;
    reply.is_error(400, "The field 'importCertificateChain' must be true or false", &[]);
    let reply = server.send(www(&token, "www", PASSWORD).text("replace", "2").post(IMPORT)).await;
    reply.is_error(400, "The field 'replace' must be true or false", &[]);
}

#[tokio::test]
async fn missing_fields_are_named() {
    let server = Server::new();
    let token = server.token().await;
    server.send(json_form(&token, "www").post(IMPORT)).await.is_error(
        400,
        "Importing CA certificate failed: the field 'file' is missing",
        &["send the PKCS #12 file in the field 'file'", "code: missing_field"],
    );
    // A browser sends an empty part for a file that was not chosen.
    server
        .send(json_form(&token, "www").file("rootCACertificate", "", b"").post(IMPORT_ROOT))
        .await
        .is_error(
            400,
            "Importing CA certificate failed: the field 'file' is missing",
            &["send the CA certificate in the field 'file'", "code: missing_field"],
        );
    server.send(www(&token, "", PASSWORD).post(IMPORT)).await.is_error(
        400,
        "Importing CA certificate failed: the field 'alias' is missing",
        &["send the name of the entry in the field 'alias'", "code: missing_field"],
    );
}

#[tokio::test]
async fn alias_that_is_none_is_refused() {
    let server = Server::new();
    let token = server.token().await;
    server.send(www(&token, "a/b", PASSWORD).post(IMPORT)).await.is_error(
        400,
        "Importing CA certificate failed: the alias has the character '/'; use letters, digits, '.', '_' and '-'",
        &["code: invalid_alias"],
    );
}

#[tokio::test]
async fn file_of_another_kind_is_recognised() {
    let server = Server::new();
    let token = server.token().await;
    let form = json_form(&token, "root").text("password", "").file("file", "x", &fixture(ROOT_RSA));
    let reply = server.send(form.post(IMPORT)).await;
    reply.has("\"code\":400,\"message\":\"Importing CA certificate failed: this is ");
    reply.has("\"code: not_pkcs12\"]}}");
    reply.has("importRootOrIntermediate");
    let form = json_form(&token, "root").file("file", "x", &fixture(PLAIN));
    let reply = server.send(form.post(IMPORT_ROOT)).await;
    reply.has(
        "\"code\":400,\"message\":\"Importing CA certificate failed: the file is a PKCS #12 file, and its password was not given",
    );
}

#[tokio::test]
async fn file_with_several_keys_asks_which_and_takes_the_answer() {
    let (server, token) = with_root().await;
    let form = json_form(&token, "shop").text("password", CHANGEIT).file("file", "x", &fixture(TWO_ENTRIES));
    let reply = server.send(form.clone().post(IMPORT)).await;
    reply.has("the file contains 2 private keys: #1 ");
    // As inspect numbers them.
    let (file, password) = (fixture(TWO_ENTRIES), strongroom::Password::new(CHANGEIT).unwrap());
    let looked = InspectRequest::new(&file, Passwords::new(&password), strongroom::UnixTime::now());
    for entry in inspect(looked).unwrap().0.entries {
        reply.has(&entry.to_string().replace('"', "\\\""));
    }
    reply.has("\"choose one with the field entry: its friendly name, #n, or its SHA-256 fingerprint\",\"code: several_entries\"");
    server.send(form.text("entry", "#2").post(IMPORT)).await.has("{\"status\":\"success\"");
    let entry = server.keystore().entry(&"shop".parse().unwrap(), clock()).unwrap();
    assert_eq!(entry.certificate.subject(), "CN=shop.fixture.test");
}

#[tokio::test]
async fn more_work_is_done_only_where_the_operator_says_so() {
    let import = async |server: Server| {
        let token = server.token().await;
        server.import_root(&token).await;
        server.send(www(&token, "www", PASSWORD).post(IMPORT)).await
    };
    let server = Server::with(|settings| *settings = settings.clone().with_max_work(5000));
    let reply = import(server).await;
    reply.has("the file asks for 6144 KDF iterations in all; the limit is 5000");
    reply.has("ask the administrator of the server to import the file there with the option --max-work 6144");
    let server = Server::with(|settings| *settings = settings.clone().with_max_work(6144));
    import(server).await.has("{\"status\":\"success\"");
}

#[tokio::test]
async fn embedded_root_is_trusted_only_if_the_operator_says_so() {
    let file = fixture("pkcs12/openssl-3.0.19.rsa2048.pbes2-aes256-sha256.root-inside.p12");
    let form = |token: &str| json_form(token, "www").text("password", CHANGEIT).file("file", "x", &file);
    let strict = Server::new();
    let token = strict.token().await;
    strict.send(form(&token).post(IMPORT)).await.has("code: no_anchor");
    let lenient = Server::with(|settings| settings.trust_embedded_root = true);
    let token = lenient.token().await;
    lenient.send(form(&token).post(IMPORT)).await.is_success();
    assert_eq!(lenient.aliases(), ["www", "www_intermediate", "www_root"]);
}

#[tokio::test]
async fn password_in_the_address_is_refused() {
    let (server, token) = with_root().await;
    for name in ["password", "certPassword"] {
        let path = format!("{IMPORT}?{name}={}", encoded(PASSWORD));
        let form = json_form(&token, "www").file("file", "x", &fixture(WWW));
        let message = "POST request should not contain username and password in the query string";
        server.send(form.post(&path)).await.is_error(400, message, &[]);
    }
}

#[tokio::test]
async fn field_given_twice_is_refused() {
    let (server, token) = with_root().await;
    let form = www(&token, "www", PASSWORD);
    server.send(form.clone().text("Alias", "x").post(IMPORT)).await.is_error(
        400,
        "The field 'alias' is given twice",
        &[],
    );
    let reply = server.send(form.text("certPassword", "x").post(IMPORT)).await;
    reply.is_error(400, "The field 'certpassword' is given twice", &[]);
    assert_eq!(server.aliases(), ["root"]);
}

#[tokio::test]
async fn get_changes_nothing() {
    let server = Server::new();
    let token = server.token().await;
    let pem = encoded(fixture(ROOT_RSA));
    for path in [IMPORT, IMPORT_ROOT] {
        let form = format!("f=json&token={token}&alias=root&file={pem}");
        let reply = server.send(urlencoded(Method::GET, path, &form)).await;
        reply.is_error(405, "Use POST for this operation", &[]);
    }
    assert_eq!(server.aliases(), [""; 0]);
}

#[tokio::test]
async fn authority_is_taken_once_and_no_other_certificate_is_one() {
    let (server, token) = with_root().await;
    server.import_root(&token).await;
    let form = json_form(&token, "root").file("file", "x", &fixture("chains/root-ec.pem"));
    server.send(form.post(IMPORT_ROOT)).await.is_error(
        409,
        "Importing CA certificate failed: the alias \"root\" is taken by another entry",
        &["choose another alias", "code: alias_taken"],
    );
    let leaf = fixture("other/openssl-3.0.19.rsa2048.certificate.cer");
    server
        .send(json_form(&token, "leaf").file("file", "x", &leaf).post(IMPORT_ROOT))
        .await
        .has("\"code: not_a_ca\"");
}

#[tokio::test]
async fn pretty_success_has_the_same_content() {
    let (server, token) = with_root().await;
    let form =
        Form::new().text("f", "pjson").text("token", &token).text("alias", "w").text("password", PASSWORD);
    let reply = server.send(form.file("file", "x", &fixture(WWW)).post(IMPORT)).await;
    assert_eq!(reply.text, "{\n  \"status\": \"success\"\n}");
    server.get(&format!("{CERTIFICATES}/w?f=pjson&token={token}")).await.has("\n  \"aliasName\": \"w\",\n");
}
