//! Resources that clients read: the list, one certificate, and the neighbours.

use axum::{
    body::Body,
    http::{Method, Request},
};

use crate::harness::{CERTIFICATES, IMPORT, PASSWORD, ROOT_RSA, Server, WWW, fixture, json_form, urlencoded};

async fn filled() -> (Server, String) {
    let server = Server::new();
    let token = server.token().await;
    server.import_root(&token).await;
    let form = json_form(&token, "WWW").text("password", PASSWORD).file("file", "w.p12", &fixture(WWW));
    server.send(form.post(IMPORT)).await.is_success();
    (server, token)
}

#[tokio::test]
async fn list_is_the_same_under_both_roots_in_every_spelling_and_context() {
    let (server, token) = filled().await;
    let expected = "{\"sslCertificates\":[\"root\",\"www\",\"www_intermediate\"],\
        \"webServerCertificateAlias\":\"selfsignedcertificate\",\"sslProtocols\":\"TLSv1.2,TLSv1.3\",\
        \"cipherSuites\":\"TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256,TLS_CHACHA20_POLY1305_SHA256,\
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,\
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,\
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256\",\"HSTSEnabled\":false}";
    for path in [
        CERTIFICATES,
        "/arcgis/portaladmin/security/sslCertificates/",
        "/portaladmin/machines/GIS.FIXTURE.TEST/sslcertificates",
        "/a/b/c/PORTALADMIN/Machines/gis%2efixture.test/SSLCertificates//",
    ] {
        let reply = server.get(&format!("{path}?f=json&token={token}")).await;
        assert_eq!(reply.text, expected, "{path}");
        assert_eq!(server.post(path, &format!("f=json&token={token}")).await.text, expected, "{path}");
    }
}

#[tokio::test]
async fn one_certificate_has_the_documented_fields_whatever_the_case_of_its_alias() {
    let (server, token) = filled().await;
    let form = format!("f=json&token={token}");
    for alias in ["www", "WwW"] {
        // Chef sends the token in the body of a GET.
        let reply = server.send(urlencoded(Method::GET, &format!("{CERTIFICATES}/{alias}"), &form)).await;
        assert_eq!(
            reply.text,
            "{\"aliasName\":\"www\",\"entryType\":\"PrivateKeyEntry\",\
             \"issuer\":\"CN=Strongroom Fixture Intermediate R2, O=Strongroom Fixtures\",\
             \"subject\":\"CN=www.fixture.test\",\
             \"subjectAlternativeName\":[\"DNSName: www.fixture.test\",\"DNSName: fixture.test\"],\
             \"subjectAlternativeNames\":[\"DNSName: www.fixture.test\",\"DNSName: fixture.test\"],\
             \"validFrom\":\"Thu Jan 01 00:00:00 UTC 2026\",\"validUntil\":\"Tue Jan 01 00:00:00 UTC 2036\",\
             \"validFromEpoch\":1767225600000,\"validUntilEpoch\":2082758400000,\
             \"keyAlgorithm\":\"RSA\",\"keySize\":2048,\
             \"serialNumber\":\"366197469a6536ec458ae61fc9cd75abaa10c7b8\",\"version\":3,\
             \"signatureAlgorithm\":\"SHA256withRSA\",\"keyUsage\":[\"Digital_Signature\",\"Key_Encipherment\"],\
             \"md5Fingerprint\":\"35b0d7a66e26a74e7b32ff209d74a5db\",\
             \"sha1Fingerprint\":\"2b2ae9ae725017c1044424eadc4953fda726dd64\",\
             \"sha256Fingerprint\":\"49dc80410d014d4fc925e7378fe5ca533a18e917f6a75d1dd74f63935c05743d\"}"
        );
    }
    let root = server.get(&format!("{CERTIFICATES}/root?{form}")).await;
    root.has("{\"aliasName\":\"root\",\"entryType\":\"trustedCertEntry\",");
}

#[tokio::test]
async fn alternative_names_say_their_kind() {
    let (server, token) = filled().await;
    let file = fixture("pkcs12/openssl-3.0.19.p256.pbes2-aes256-sha256.many-names.p12");
    let root = json_form(&token, "root-ec").file("file", "r.pem", &fixture("chains/root-ec.pem"));
    let import_root = "/portaladmin/security/sslCertificates/importRootOrIntermediate";
    server.send(root.post(import_root)).await.is_success();
    let form = json_form(&token, "many").text("password", "changeit").file("file", "m.p12", &file);
    server.send(form.post(IMPORT)).await.has("{\"status\":\"success\"");
    let reply = server.get(&format!("{CERTIFICATES}/many?f=json&token={token}")).await;
    reply.has(
        "\"subjectAlternativeNames\":[\"DNSName: fixture.test\",\"DNSName: *.fixture.test\",\
         \"IPAddress: 192.0.2.10\",\"IPAddress: 2001:db8::10\"]",
    );
}

#[tokio::test]
async fn certificate_that_is_not_there_is_404_in_the_body() {
    let (server, token) = filled().await;
    for alias in ["nothing", "a%2Fb", "-x"] {
        let reply = server.get(&format!("{CERTIFICATES}/{alias}?f=json&token={token}")).await;
        let name = alias.replace("%2F", "/");
        reply.is_error(404, &format!("Certificate with alias '{name}' not found"), &[]);
    }
}

#[tokio::test]
async fn other_machine_is_named_together_with_this_one() {
    let server = Server::new();
    let token = server.token().await;
    let message = "Machine 'other' is not this machine; this is 'gis.fixture.test'";
    for rest in
        ["", "/sslCertificates", "/sslCertificates/www", "/sslCertificates/importExistingServerCertificate"]
    {
        let path = format!("/arcgis/portaladmin/machines/other{rest}");
        server.post(&path, &format!("f=json&token={token}")).await.is_error(404, message, &[]);
    }
    let form = json_form(&token, "root").file("file", "root.pem", &fixture(ROOT_RSA));
    let path = "/arcgis/portaladmin/machines/other/sslCertificates/importRootOrIntermediate";
    server.send(form.post(path)).await.is_error(404, message, &[]);
    assert_eq!(server.aliases(), [""; 0]);
}

#[tokio::test]
async fn resources_that_are_not_offered_say_so() {
    let server = Server::new();
    let token = server.token().await;
    for path in ["/arcgis/portaladmin/logs", "/arcgis/portaladmin/security/sslCertificates/www/other"] {
        let reply = server.get(&format!("{path}?f=json&token={token}")).await;
        let help = "certificates are managed here; the command strongroom does the rest";
        reply.is_error(404, "This server does not offer that resource or operation", &[help]);
    }
}

#[tokio::test]
async fn unknown_format_is_an_error() {
    let server = Server::new();
    let message = "The field 'f' must be html, json or pjson";
    server.get("/arcgis/sharing/rest/info?f=xml").await.is_error(400, message, &[]);
}

#[tokio::test]
async fn host_that_is_none_is_replaced_by_the_machine() {
    let server = Server::new();
    let request =
        Request::get("/arcgis/sharing/rest/info?f=json").header("Host", "a\"<b>").body(Body::empty());
    server.send(request.unwrap()).await.has("\"https://gis.fixture.test/arcgis\"");
}

#[tokio::test]
async fn other_users_are_not_shown() {
    let server = Server::new();
    let token = server.token().await;
    let reply = server.get(&format!("/arcgis/sharing/rest/community/users/joe?f=json&token={token}")).await;
    reply.is_error(404, "User does not exist or is inaccessible", &[]);
}
