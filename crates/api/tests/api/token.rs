//! generateToken.

use axum::http::Method;

use crate::harness::{ADMIN, Form, GENERATE_TOKEN, PASSWORD, Reply, Server, WRONG, encoded, urlencoded};

const FAILED: &str = "Unable to generate token.";
const WRONG_DETAIL: &str = "Invalid username or password.";

fn form(username: &str, password: &str) -> String {
    format!("f=json&username={username}&password={}", encoded(password))
}

/// The end of the token's life, in milliseconds; fails unless the answer has the documented shape.
#[track_caller]
fn expires(reply: &Reply) -> u64 {
    let rest = reply.text.strip_prefix("{\"token\":\"").unwrap();
    let (token, rest) = rest.split_once("\",\"expires\":").unwrap();
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    rest.strip_suffix(",\"ssl\":true}").unwrap().parse().unwrap()
}

#[tokio::test]
async fn token_is_given_for_name_and_password_by_every_kind_of_body() {
    let server = Server::new();
    for path in [GENERATE_TOKEN, "/arcgis/sharing/generateToken", "/portal/SHARING/Rest/generatetoken/"] {
        let reply = server.post(path, &form("SiteAdmin", PASSWORD)).await;
        assert_eq!(expires(&reply), 1_795_438_800_000);
    }
    let multipart = Form::new().text("f", "json").text("username", ADMIN).text("password", PASSWORD);
    assert_eq!(expires(&server.send(multipart.post(GENERATE_TOKEN)).await), 1_795_438_800_000);
}

#[tokio::test]
async fn expiration_is_in_minutes_and_capped() {
    let server = Server::new();
    for (asked, minutes) in
        [("5", 5), ("600", 600), ("20160", 1440), ("99999999999999999999", 1440), ("", 60)]
    {
        let reply =
            server.post(GENERATE_TOKEN, &format!("{}&expiration={asked}", form(ADMIN, PASSWORD))).await;
        assert_eq!(expires(&reply), (1_795_435_200 + minutes * 60) * 1000, "{asked}");
    }
    for asked in ["0", "-3", "soon", "1.5"] {
        let reply =
            server.post(GENERATE_TOKEN, &format!("{}&expiration={asked}", form(ADMIN, PASSWORD))).await;
        reply.is_error(400, FAILED, &["'expiration' must be a number of minutes, from 1."]);
    }
}

#[tokio::test]
async fn wrong_password_and_unknown_name_get_the_same_answer() {
    let server = Server::new();
    for (name, password) in
        [(ADMIN, WRONG), ("nobody", PASSWORD), ("%3Cscript%3E", PASSWORD), (ADMIN, &"x".repeat(2000))]
    {
        server.post(GENERATE_TOKEN, &form(name, password)).await.is_error(400, FAILED, &[WRONG_DETAIL]);
    }
    let not_utf8 = format!("f=json&username={ADMIN}&password=%ff");
    server.post(GENERATE_TOKEN, &not_utf8).await.is_error(400, FAILED, &[WRONG_DETAIL]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = Server::new();
    let both = ["'username' must be specified.", "'password' must be specified."];
    server.post(GENERATE_TOKEN, "f=json").await.is_error(400, FAILED, &both);
    server.get(&format!("{GENERATE_TOKEN}?f=json")).await.is_error(400, FAILED, &both);
    server.post(GENERATE_TOKEN, "f=json&username=a&password=").await.is_error(400, FAILED, &both[1..]);
}

#[tokio::test]
async fn credentials_in_the_address_are_refused() {
    let server = Server::new();
    let refused = ["POST request should not contain username and password in the query string"];
    let path = format!("{GENERATE_TOKEN}?{}", form(ADMIN, PASSWORD));
    server.get(&path).await.is_error(400, FAILED, &refused);
    server.post(&path, "").await.is_error(400, FAILED, &refused);
    let half = format!("{GENERATE_TOKEN}?f=json&password={}", encoded(PASSWORD));
    server.post(&half, &format!("username={ADMIN}")).await.is_error(400, FAILED, &refused);
    let body = urlencoded(Method::GET, GENERATE_TOKEN, &form(ADMIN, PASSWORD));
    server.send(body).await.is_error(405, "Use POST for this operation", &[]);
}

#[tokio::test]
async fn page_is_a_form_and_then_the_token() {
    let server = Server::new();
    let page = server.get(GENERATE_TOKEN).await;
    page.is_page("Generate token");
    page.has_not("class=\"box");
    let failed =
        server.post(GENERATE_TOKEN, &format!("username=%22%3E%3Cb%3E&password={}", encoded(WRONG))).await;
    failed.is_page("Generate token");
    failed.has(FAILED);
    failed.has("value=\"&#34;&#62;&#60;b&#62;\"");
    let done = server.post(GENERATE_TOKEN, &format!("username={ADMIN}&password={}", encoded(PASSWORD))).await;
    done.is_page("Token");
    done.has("&#34;expires&#34;: 1795438800000,");
}

#[tokio::test]
async fn pjson_is_the_same_over_several_lines() {
    let server = Server::new();
    let reply = server.post(GENERATE_TOKEN, "f=pjson&username=x").await;
    let expected = "{\n  \"error\": {\n    \"code\": 400,\n    \"message\": \"Unable to generate token.\",\n    \
                    \"details\": [\n      \"'password' must be specified.\"\n    ]\n  }\n}";
    assert_eq!(reply.text, expected);
}
