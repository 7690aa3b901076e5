//! What a request says beside the fields of its operation: a dry run is never passed over, nor another alias, and a field
//! that is not known is named.

use axum::{body::Body, http::Request};

use super::harness::{
    CERTIFICATES, CHANGEIT, Form, IMPORT, IMPORT_ROOT, ROOT_RSA, Reply, SERVER_CERTIFICATES, Server, encoded,
    fixture,
};

async fn filled() -> (Server, String) {
    let server = Server::new();
    let token = server.token().await;
    server.import_root(&token).await;
    import(&server, &token, "www", &[]).await.is_success();
    (server, token)
}

async fn import(server: &Server, token: &str, alias: &str, more: &[(&str, &str)]) -> Reply {
    let mut form = Form::new().text("f", "json").text("token", token).text("alias", alias);
    for (name, value) in more {
        form = form.text(name, value);
    }
    let name = if alias == "www" { "pkcs12/www.p12" } else { "pkcs12/www-direct.p12" };
    let form = form.text("password", CHANGEIT).file("file", "www.p12", &fixture(name));
    server.send(form.post(IMPORT)).await
}

#[tokio::test]
async fn a_dry_run_that_an_operation_does_not_have_changes_nothing() {
    let (server, token) = filled().await;
    let before = server.aliases();
    let sequence = || server.keystore().generation().unwrap().sequence();
    let since = sequence();
    let subject = "cn=x&org=x";
    for (operation, form) in [
        ("www/delete", "dryRun=true"),
        ("www/delete", "dry_run=1"),
        ("www/delete?DRYRUN=TRUE", ""),
        ("root/delete", "force=true&isDryRun=maybe"),
        ("www/rollBack", "dryRun=true"),
        ("generate", &format!("alias=new&{subject}&dryRun=true")),
        ("importRootOrIntermediate", "alias=new&dryRun=true"),
    ] {
        let form = format!("f=json&token={token}&{form}");
        let reply = server.post(&format!("{CERTIFICATES}/{operation}"), &form).await;
        assert!(reply.text.starts_with("{\"error\":{\"code\":400,"), "{operation}: {}", reply.text);
        reply.has("nothing was changed");
        reply.has("code: no_dry_run");
        let reply = server.post(&format!("{SERVER_CERTIFICATES}/{operation}"), &form).await;
        assert!(
            reply.text.starts_with("{\"status\":\"error\",\"messages\":["),
            "{operation}: {}",
            reply.text
        );
    }
    let form = format!("f=json&token={token}&webServerCertificateAlias=www&dryRun=true");
    server.post(&format!("{CERTIFICATES}/update"), &form).await.is_error(
        400,
        "This operation has no dry run, and the field 'dryrun' asks for one; nothing was changed",
        &["send the request without that field to make the change", "code: no_dry_run"],
    );
    assert_eq!((server.aliases(), sequence()), (before, since));
    // What asks for none is no refusal.
    let form = format!("f=json&token={token}&force=true&dryRun=false");
    server.post(&format!("{CERTIFICATES}/www/delete"), &form).await.has("\"status\":\"success\"");
}

#[tokio::test]
async fn a_misspelt_dry_run_of_an_import_is_refused() {
    let (server, token) = filled().await;
    for name in ["dry_run", "dry-run", "isDryRun"] {
        let reply = import(&server, &token, "new", &[(name, "true")]).await;
        reply.is_error(
            400,
            &format!(
                "The field '{}' is not known; a dry run is asked for with 'dryRun'",
                name.to_lowercase()
            ),
            &["send dryRun=true", "code: no_dry_run"],
        );
    }
    import(&server, &token, "new", &[("DRYRUN", "true")]).await.has("dry_run: the entry would be imported");
    assert!(!server.aliases().contains(&"new".to_owned()));
}

#[tokio::test]
async fn a_field_that_is_not_known_is_named_and_keeps_nobody_from_working() {
    let (server, token) = filled().await;
    let reply = import(&server, &token, "new", &[("importCertificateChian", "false")]).await;
    assert_eq!(
        reply.text,
        "{\"status\":\"success\",\"messages\":[\"unknown_field: the field 'importcertificatechian' is not known to this operation and was not used\"]}"
    );
    assert!(server.aliases().contains(&"new".to_owned()));
    // A client of ArcGIS sends its token so.
    let form = format!("f=json&csrfPreventToken={token}&token={token}");
    server.post(&format!("{SERVER_CERTIFICATES}/new/delete"), &form).await.is_success();
    let many: Vec<String> = (0..10).map(|n| format!("x{n}=%1b[31m")).collect();
    let form = format!("f=json&token={token}&{}", many.join("&"));
    let reply = server.post(&format!("{CERTIFICATES}/www/delete"), &form).await;
    reply.has(
        "unknown_field: the fields 'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7' and 2 more are not known",
    );
}

#[tokio::test]
async fn an_alias_beside_another_one_in_the_address_is_refused() {
    let (server, token) = filled().await;
    import(&server, &token, "short", &[]).await.is_success();
    for operation in ["delete", "rollBack", "importSignedCertificate"] {
        let form = format!("f=json&token={token}&alias={}", encoded("www"));
        server.post(&format!("{CERTIFICATES}/short/{operation}"), &form).await.is_error(
            400,
            "The field 'alias' names 'www', and the address 'short'; nothing was changed",
            &[
                "send the request to the address of the certificate that is meant, and no other alias",
                "code: several_aliases",
            ],
        );
    }
    assert!(server.aliases().contains(&"short".to_owned()));
    let form = format!("f=json&token={token}&alias=SHORT");
    server.post(&format!("{CERTIFICATES}/short/delete"), &form).await.is_success();
}

#[tokio::test]
async fn two_tokens_that_differ_are_refused() {
    let (server, token) = filled().await;
    let ask = |field: &str, header: &str| {
        let path = format!("{CERTIFICATES}?f=json&token={field}");
        let request = Request::get(path).header("authorization", format!("Bearer {header}"));
        server.send(request.body(Body::empty()).unwrap())
    };
    let other = server.token().await;
    ask(&token, &other).await.is_error(400, "The request has two different tokens; send one of them", &[]);
    ask(&token, &token).await.has("\"sslCertificates\":");
}

#[tokio::test]
async fn words_that_are_not_booleans_are_refused() {
    let (server, token) = filled().await;
    let form = Form::new().text("f", "json").text("token", &token).text("alias", "ca2");
    let form = form.text("norestart", "banana").file("file", "root.pem", &fixture(ROOT_RSA));
    server.send(form.post(IMPORT_ROOT)).await.is_error(
        400,
        "The field 'norestart' must be true or false",
        &[],
    );
}

#[tokio::test]
async fn a_password_that_was_not_sent_is_not_a_wrong_one() {
    let (server, token) = filled().await;
    for more in [&[][..], &[("password", ""), ("form", "html")]] {
        let mut form = Form::new().text("f", "json").text("token", &token).text("alias", "new");
        for (name, value) in more {
            form = form.text(name, value);
        }
        let reply =
            server.send(form.file("file", "www.p12", &fixture("pkcs12/www-direct.p12")).post(IMPORT)).await;
        reply.has("{\"error\":{\"code\":400,\"message\":\"Importing CA certificate failed: the file is ");
        reply.has("a PKCS #12 file, and its password was not given\",\"details\":[\"send it in the field 'password'\",");
        reply.has("code: wrong_password");
    }
}

#[tokio::test]
async fn what_was_shown_and_is_deleted_stays_shown_and_the_answer_says_so() {
    let (server, token) = filled().await;
    let form = format!("f=json&token={token}&webServerCertificateAlias=www");
    server.post(&format!("{CERTIFICATES}/update"), &form).await.has("success");
    let form = format!("f=json&token={token}&force=true");
    let reply = server.post(&format!("{CERTIFICATES}/www/delete"), &form).await;
    assert_eq!(
        reply.text,
        "{\"status\":\"success\",\"messages\":[\"still_shown: the web server of this store used it: its last certificate stays shown until that server stops, or another entry is chosen\"]}"
    );
}
