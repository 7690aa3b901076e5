//! What is too much, broken, or the server's own fault.

use std::sync::Arc;

use axum::{
    body::Body,
    http::{Request, header},
};

use crate::harness::{
    CERTIFICATES, Form, IMPORT, IMPORT_ROOT, PASSWORD, ROOT_RSA, Server, WRONG, WWW, clock, fixture,
    json_form,
};

const TOO_LARGE: &str = "The request is larger than 1064960 bytes";
const RIGHT_FILE: &str =
    "a PKCS #12 file with a key and its chain has a few kilobytes; is this the right file?";

#[tokio::test]
async fn too_large_body_is_413_inside_an_answer_of_200() {
    let server = Server::new();
    let token = server.token().await;
    let file = vec![0; 3 << 20];
    server.send(json_form(&token, "www").file("file", "x", &file).post(IMPORT)).await.is_error(
        413,
        TOO_LARGE,
        &[RIGHT_FILE],
    );
    // The form of the answer comes after the file here, and is not read any more.
    let form = Form::new().file("file", "x", &file).text("f", "html");
    server.send(form.post(IMPORT)).await.is_error(413, TOO_LARGE, &[RIGHT_FILE]);
}

#[tokio::test]
async fn declared_length_that_is_absurd_is_refused_unread() {
    let server = Server::new();
    let request = Request::post(format!("{IMPORT}?f=json")).header(header::CONTENT_LENGTH, "99999999999");
    let request = request.body(Body::from_stream(Endless)).unwrap();
    server.send(request).await.is_error(413, TOO_LARGE, &[RIGHT_FILE]);
}

#[tokio::test]
async fn endless_body_is_left_after_a_while() {
    let server = Server::new();
    let request = Request::post(format!("{IMPORT}?f=json")).body(Body::from_stream(Endless)).unwrap();
    server.send(request).await.is_error(413, TOO_LARGE, &[RIGHT_FILE]);
}

/// A body of zeros without an end.
struct Endless;

impl futures_core::Stream for Endless {
    type Item = Result<axum::body::Bytes, std::io::Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(Some(Ok(axum::body::Bytes::from_static(&[0; 65536]))))
    }
}

#[tokio::test]
async fn file_at_the_engines_limit_reaches_the_engine() {
    let server = Server::new();
    let token = server.token().await;
    for (length, code) in [((1 << 20), "not_pkcs12"), ((1 << 20) + 1, "file_too_large")] {
        let form = json_form(&token, "www").file("file", "x", &vec![0; length]);
        server.send(form.post(IMPORT)).await.has(&format!("code: {code}"));
    }
}

#[tokio::test]
async fn too_many_parts_and_fields_are_refused() {
    let server = Server::new();
    let form = (0..17).fold(Form::new().text("f", "json"), |form, n| form.text(&format!("x{n}"), ""));
    server.send(form.post(IMPORT)).await.is_error(400, "The request has more than 16 parts", &[]);
    let pairs: String = (0..65).map(|n| format!("&x{n}=")).collect();
    server.post(&format!("{IMPORT}?f=json"), &pairs).await.is_error(
        400,
        "The request has more than 64 fields",
        &[],
    );
}

#[tokio::test]
async fn broken_bodies_are_refused() {
    let server = Server::new();
    let send = |kind: &'static str, body: &'static str| {
        let request = Request::post(format!("{IMPORT}?f=json")).header(header::CONTENT_TYPE, kind);
        server.send(request.body(Body::from(body)).unwrap())
    };
    let cut = "--b\r\nContent-Disposition: form-data; name=\"alias\"\r\n\r\nww";
    let broken = "The multipart body is broken or cut off";
    send("multipart/form-data; boundary=b", cut).await.is_error(400, broken, &[]);
    send("multipart/form-data; boundary=b", "").await.is_error(400, broken, &[]);
    send("multipart/form-data", cut).await.is_error(400, "The multipart body has no boundary", &[]);
    let help = "send multipart/form-data or application/x-www-form-urlencoded";
    send("application/json", "{}").await.is_error(400, "The content type of the body is not known", &[help]);
    send("application/json", "").await.is_error(499, "Token Required", &[]);
}

#[tokio::test]
async fn fault_of_the_store_gives_the_client_a_number_and_the_host_the_cause() {
    let server = Server::new();
    let token = server.token().await;
    std::fs::rename(server.path(), server.path().with_extension("away")).unwrap();
    let form = json_form(&token, "root").file("file", "root.pem", &fixture(ROOT_RSA));
    let mut replies = vec![server.send(form.post(IMPORT_ROOT)).await];
    for form in ["f=json", "f=html"] {
        replies.push(server.get(&format!("/arcgis/portaladmin/healthCheck?{form}")).await);
    }
    for reply in replies {
        let fault = reply.fault.clone().unwrap();
        assert_eq!(fault.request_id.len(), 16);
        assert!(fault.cause.contains("keystore.db"), "{}", fault.cause);
        reply.has("The server failed; its log has the cause");
        reply.has(&format!("request id: {}", fault.request_id));
        reply.has_not("keystore.db");
    }
}

#[tokio::test]
async fn imports_at_once_wait_for_each_other_and_reads_go_on() {
    let server = Arc::new(Server::new());
    let token = server.token().await;
    server.import_root(&token).await;
    let mut tasks = Vec::new();
    for n in 0..24 {
        let (server, form) = (Arc::clone(&server), json_form(&token, &format!("www{n}")));
        let form = form.text("password", WRONG).file("file", "x", &fixture(WWW));
        tasks.push(tokio::spawn(async move { server.send(form.post(IMPORT)).await.text }));
    }
    let list = server.get(&format!("{CERTIFICATES}?f=json&token={token}")).await;
    list.has("{\"sslCertificates\":[\"root\"],");
    for task in tasks {
        let text = task.await.unwrap();
        assert!(text.contains("code: wrong_password"), "{text}");
    }
    let form = json_form(&token, "www").text("password", PASSWORD).file("file", "x", &fixture(WWW));
    server.send(form.post(IMPORT)).await.is_success();
}

#[tokio::test]
async fn import_that_takes_too_long_is_cancelled() {
    let server = Server::with(|settings| settings.max_import_time = std::time::Duration::ZERO);
    let token = server.token().await;
    let file = fixture(WWW);
    let form = json_form(&token, "www").file("file", "www.p12", &file).text("password", "changeit");
    let reply = server.send(form.post(IMPORT)).await;
    assert!(reply.text.contains("code: cancelled"), "{}", reply.text);
    assert!(server.keystore().page(None, 10, clock()).unwrap().is_empty());
}
