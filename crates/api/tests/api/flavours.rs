//! Every operation in both flavours and all formats.

use axum::http::{Method, StatusCode};
use strongroom::certificate::Certificate;

use crate::harness::{
    CERTIFICATES, Form, PASSWORD, PORTAL_ROOTS, ROOT_RSA, SERVER_ROOTS, Server, WWW, clock, encoded, fixture,
    json_form, urlencoded,
};

/// Below the certificates of either flavour.
const OPERATIONS: [&str; 14] = [
    "",
    "/www",
    "/importExistingServerCertificate",
    "/importExistingServerCertificates",
    "/importRootOrIntermediate",
    "/generate",
    "/generateCertificate",
    "/www/generateCsr",
    "/www/generateCSR",
    "/www/importSignedCertificate",
    "/www/importCASignedCertificate",
    "/importCASignedCertificate",
    "/www/export",
    "/www/delete",
];
const SERVER_NO_TOKEN: &str = "Unauthorized access. Token not found. You can generate a token using the \
    'generateToken' operation.";
const SERVER_BAD_TOKEN: &str = "Could not decrypt token. Token may not be valid.";

/// A server with the root of the fixtures and the entry `www`.
async fn filled() -> (Server, String) {
    let server = Server::new();
    let token = server.token().await;
    server.import_root(&token).await;
    let form = json_form(&token, "WWW").text("password", PASSWORD).file("file", "w.p12", &fixture(WWW));
    server.send(form.post(&format!("{CERTIFICATES}/importExistingServerCertificate"))).await.is_success();
    (server, token)
}

#[tokio::test]
async fn every_operation_asks_for_a_token_in_the_shape_of_its_flavour() {
    let server = Server::new();
    for operation in OPERATIONS {
        for method in [Method::GET, Method::POST] {
            for root in PORTAL_ROOTS {
                let path = format!("{root}{operation}");
                server.send(urlencoded(method.clone(), &path, "f=json")).await.is_error(
                    499,
                    "Token Required",
                    &[],
                );
                let bad = server.send(urlencoded(method.clone(), &path, "f=json&token=0")).await;
                bad.is_error(498, "Invalid Token", &[]);
            }
            for root in SERVER_ROOTS {
                let path = format!("{root}{operation}");
                let none = server.send(urlencoded(method.clone(), &path, "f=json")).await;
                none.is_server_error(499, &[SERVER_NO_TOKEN]);
                let bad = server.send(urlencoded(method.clone(), &path, "f=json&token=0")).await;
                bad.is_server_error(498, &[SERVER_BAD_TOKEN]);
            }
        }
    }
    for path in ["/arcgis/admin", "/arcgis/admin/security/config/update", "/arcgis/admin/machines/m/edit"] {
        server.post(path, "f=json").await.is_server_error(499, &[SERVER_NO_TOKEN]);
    }
    let update = format!("{}/update", PORTAL_ROOTS[1]);
    server.post(&update, "f=json").await.is_error(499, "Token Required", &[]);
}

#[tokio::test]
async fn list_has_the_key_of_its_flavour_and_on_servers_both() {
    let (server, token) = filled().await;
    for root in PORTAL_ROOTS {
        let reply = server.get(&format!("{root}?f=json&token={token}")).await;
        reply.has(
            "{\"sslCertificates\":[\"root\",\"www\",\"www_intermediate\"],\"webServerCertificateAlias\":",
        );
    }
    for root in SERVER_ROOTS {
        for method in [Method::GET, Method::POST] {
            let reply = server.send(urlencoded(method, root, &format!("f=json&token={token}"))).await;
            assert_eq!(
                reply.text,
                "{\"certificates\":[\"root\",\"www\",\"www_intermediate\"],\
                 \"sslCertificates\":[\"root\",\"www\",\"www_intermediate\"]}"
            );
        }
    }
}

#[tokio::test]
async fn certificate_that_is_missing_is_404_for_every_operation_on_it() {
    let (server, token) = filled().await;
    let message = "Certificate with alias 'none' not found";
    for operation in ["", "/export", "/delete"] {
        for root in PORTAL_ROOTS {
            let reply =
                server.post(&format!("{root}/none{operation}"), &format!("f=json&token={token}")).await;
            reply.is_error(404, message, &[]);
        }
        for root in SERVER_ROOTS {
            let reply =
                server.post(&format!("{root}/none{operation}"), &format!("f=json&token={token}")).await;
            reply.is_server_error(404, &[message]);
        }
    }
}

#[tokio::test]
async fn imports_take_the_fields_of_both_flavours_on_every_root() {
    let server = Server::new();
    let token = server.token().await;
    let mut number = 0;
    for root in PORTAL_ROOTS.into_iter().chain(SERVER_ROOTS) {
        for (file, password) in [("file", "password"), ("certFile", "certPassword")] {
            number += 1;
            let authority = json_form(&token, &format!("root{number}"));
            let field = if file == "file" { "file" } else { "rootCACertificate" };
            let form = authority.file(field, "root.cer", &fixture(ROOT_RSA));
            server
                .send(form.post(&format!("{root}/importRootOrIntermediate")))
                .await
                .has("{\"status\":\"success\"");
            let form = json_form(&token, &format!("www{number}")).text(password, PASSWORD);
            let form = form.text("csrfPreventToken", &token).file(file, "w.p12", &fixture(WWW));
            let path = format!("{root}/importExistingServerCertificates");
            server.send(form.post(&path)).await.has("{\"status\":\"success\"");
        }
    }
}

#[tokio::test]
async fn refusals_of_an_import_begin_with_the_sentence_that_scripts_look_for() {
    let (server, token) = filled().await;
    for (operation, field) in
        [("importExistingServerCertificate", "certFile"), ("importRootOrIntermediate", "rootCACertificate")]
    {
        let form = || json_form(&token, "x").file(field, "x", b"nothing that is known");
        let reply = server.send(form().post(&format!("{CERTIFICATES}/{operation}"))).await;
        reply.has("{\"error\":{\"code\":400,\"message\":\"Importing CA certificate failed: ");
        let reply = server.send(form().post(&format!("{}/{operation}", SERVER_ROOTS[0]))).await;
        reply.has("{\"status\":\"error\",\"messages\":[\"Importing CA certificate failed: ");
        reply.has("],\"code\":400}");
    }
    // The field that is missing is named as the flavour documents it.
    let empty = |root: &str, operation: &str| json_form(&token, "x").post(&format!("{root}/{operation}"));
    let names = [
        ("importExistingServerCertificate", "file", "certFile"),
        ("importRootOrIntermediate", "file", "rootCACertificate"),
    ];
    for (operation, portal, on_server) in names {
        let reply = server.send(empty(CERTIFICATES, operation)).await;
        reply.has(&format!("Importing CA certificate failed: the field '{portal}' is missing"));
        let reply = server.send(empty(SERVER_ROOTS[0], operation)).await;
        reply.has(&format!("Importing CA certificate failed: the field '{on_server}' is missing"));
    }
}

#[tokio::test]
async fn export_is_the_certificate_as_a_file_and_never_a_key() {
    let (server, token) = filled().await;
    let wanted = server.keystore().entry(&"www".parse().unwrap(), clock()).unwrap().certificate;
    for root in PORTAL_ROOTS.into_iter().chain(SERVER_ROOTS) {
        for form in ["f=json", "f=pjson", "f=html", ""] {
            let reply = server.get(&format!("{root}/WWW/export?{form}&token={token}")).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert_eq!(reply.header("content-disposition"), "attachment; filename=\"www.cer\"");
            assert_eq!(reply.header("content-type"), "application/x-x509-ca-cert");
            assert_eq!(Certificate::from_der(&reply.bytes).unwrap().fingerprint(), wanted.fingerprint());
            assert_eq!(reply.bytes, wanted.der().as_ref());
        }
    }
    let root = server.get(&format!("{CERTIFICATES}/root/export?token={token}")).await;
    assert_eq!(root.header("content-disposition"), "attachment; filename=\"root.cer\"");
}

#[tokio::test]
async fn delete_removes_by_post_alone_and_says_what_still_needs_the_entry() {
    let (server, token) = filled().await;
    let form = format!("f=json&token={token}");
    let reply = server.get(&format!("{CERTIFICATES}/www/delete?{form}")).await;
    reply.is_error(405, "Use POST for this operation", &[]);
    let reply = server.get(&format!("{}/www/delete?{form}", SERVER_ROOTS[0])).await;
    reply.is_server_error(405, &["Use POST for this operation"]);
    assert_eq!(server.aliases(), ["root", "www", "www_intermediate"]);

    let reply = server.post(&format!("{CERTIFICATES}/root/delete"), &form).await;
    reply.has("Deleting the certificate failed: ");
    reply.has("send force=true to do it all the same");
    reply.has("\"code\":409");
    assert_eq!(server.aliases(), ["root", "www", "www_intermediate"]);

    // The arcgis package sends f alone, as multipart, with the token in a header.
    let multipart = Form::new().text("f", "json").post_with(
        &format!("{CERTIFICATES}/WWW/delete"),
        &[("X-Esri-Authorization", &format!("Bearer {token}"))],
    );
    server.send(multipart).await.is_success();
    assert_eq!(server.aliases(), ["root", "www_intermediate"]);
    let again = server.post(&format!("{CERTIFICATES}/www/delete"), &form).await;
    again.is_error(404, "Certificate with alias 'www' not found", &[]);

    let form = format!("{form}&csrfPreventToken={token}");
    server.post(&format!("{}/www_intermediate/delete", SERVER_ROOTS[1]), &form).await.is_success();
    server.post(&format!("{}/root/delete", SERVER_ROOTS[1]), &form).await.is_success();
    assert_eq!(server.aliases(), [""; 0]);
}

#[tokio::test]
async fn delete_by_force_says_which_entries_lost_their_chain() {
    let (server, token) = filled().await;
    let form = format!("f=json&token={token}&force=true");
    let reply = server.post(&format!("{}/root/delete", SERVER_ROOTS[0]), &form).await;
    reply.has("{\"status\":\"success\",\"messages\":[\"chain_lost: the entry \\\"www\\\" no longer has a complete chain\"");
    assert_eq!(server.aliases(), ["www", "www_intermediate"]);
}

#[tokio::test]
async fn pjson_is_the_same_json_over_several_lines_and_html_a_page() {
    let (server, token) = filled().await;
    for root in [PORTAL_ROOTS[0], SERVER_ROOTS[0]] {
        for path in [root.to_owned(), format!("{root}/www"), format!("{root}/none")] {
            let json = server.get(&format!("{path}?f=json&token={token}")).await;
            let pretty = server.get(&format!("{path}?f=pjson&token={token}")).await;
            assert!(!json.text.contains('\n'), "{}", json.text);
            assert!(pretty.text.starts_with("{\n  \""), "{}", pretty.text);
            let squeezed: String = pretty.text.lines().map(str::trim_start).collect();
            assert_eq!(squeezed.replace("\": ", "\":"), json.text);
            let page = server.get(&format!("{path}?token={token}")).await;
            assert_eq!(page.header("content-type"), "text/html;charset=utf-8");
            assert_eq!(page.status, StatusCode::OK);
        }
    }
}

#[tokio::test]
async fn chain_is_absent_true_and_false_as_each_client_writes_it() {
    for (word, stored) in [
        (None, true),
        (Some("true"), true),
        (Some("True"), true),
        (Some("false"), false),
        (Some("False"), false),
    ] {
        let server = Server::new();
        let token = server.token().await;
        server.import_root(&token).await;
        let form = json_form(&token, "www").text("certPassword", PASSWORD);
        let form = word.into_iter().fold(form, |form, word| form.text("importCertificateChain", word));
        let form = form.file("certFile", "w.p12", &fixture(WWW));
        let reply =
            server.send(form.post(&format!("{}/importExistingServerCertificate", SERVER_ROOTS[0]))).await;
        if stored {
            reply.is_success();
            assert_eq!(server.aliases(), ["root", "www", "www_intermediate"], "{word:?}");
        } else {
            reply.has("\"code: no_anchor\"");
            assert_eq!(server.aliases(), ["root"], "{word:?}");
        }
    }
}

#[tokio::test]
async fn unlisted_path_of_a_server_has_its_shape_too() {
    let (server, token) = filled().await;
    let help = "certificates are managed here; the command strongroom does the rest";
    let reply = server.post("/arcgis/admin/services", &format!("f=json&token={token}")).await;
    reply.is_server_error(404, &["This server does not offer that resource or operation", help]);
    // What only a portal has is on a server the alias of no entry.
    let reply = server.post(&format!("{}/update", SERVER_ROOTS[0]), &format!("f=json&token={token}")).await;
    reply.is_server_error(404, &["Certificate with alias 'update' not found"]);
    let reply = server
        .post(&format!("{}/{}", SERVER_ROOTS[0], encoded("a/b")), &format!("f=json&token={token}"))
        .await;
    reply.is_server_error(404, &["Certificate with alias 'a/b' not found"]);
}

#[tokio::test]
async fn name_of_an_operation_is_no_alias_in_any_case_and_flavour() {
    let (server, token) = filled().await;
    let before = server.aliases();
    for alias in ["update", "GENERATE", "importExistingServerCertificate", "Export", "delete"] {
        let name = alias.to_ascii_lowercase();
        let message = format!(
            "Importing CA certificate failed: \"{name}\" cannot be an alias: it is the name of an operation of the \
             administrator API; choose another"
        );
        for (operation, file, content) in [
            ("importExistingServerCertificate", "file", WWW),
            ("importRootOrIntermediate", "rootCACertificate", ROOT_RSA),
        ] {
            let form =
                || json_form(&token, alias).text("password", PASSWORD).file(file, "x", &fixture(content));
            let reply = server.send(form().post(&format!("{CERTIFICATES}/{operation}"))).await;
            reply.is_error(400, &message, &["code: invalid_alias"]);
            let reply = server.send(form().post(&format!("{}/{operation}", SERVER_ROOTS[0]))).await;
            reply.is_server_error(400, &[&message, "code: invalid_alias"]);
        }
    }
    assert_eq!(server.aliases(), before);
}
