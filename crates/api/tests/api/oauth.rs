//! oauth2/authorize and oauth2/signin, as Esri's Python client uses them.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};

use crate::harness::{ADMIN, CERTIFICATES, PASSWORD, Reply, Server, WRONG, encoded, urlencoded};

const AUTHORIZE: &str = "/arcgis/sharing/rest/oauth2/authorize";
const SIGN_IN: &str = "/arcgis/sharing/oauth2/signin";
const HOST: &str = "gis.test:7443";

async fn authorize(server: &Server, redirect_uri: &str, state: &str) -> Reply {
    let query = format!(
        "response_type=token&client_id=pythonapi&redirect_uri={}&state={}&expiration=600&\
         allow_verification=false&style=dark&locale=en-US",
        encoded(redirect_uri),
        encoded(state)
    );
    let request = Request::get(format!("{AUTHORIZE}?{query}")).header("Host", HOST);
    server.send(request.body(Body::empty()).unwrap()).await
}

/// What the client reads: everything between the first brace of the page and the last one of that line.
fn info(reply: &Reply) -> &str {
    let line = reply.text.lines().find(|line| line.contains('{')).unwrap();
    line.get(line.find('{').unwrap()..=line.rfind('}').unwrap()).unwrap()
}

fn state_of(reply: &Reply) -> &str {
    info(reply).strip_prefix("{\"oauth_state\":\"").unwrap().strip_suffix("\"}").unwrap()
}

async fn sign_in(server: &Server, oauth_state: &str, password: &str) -> Reply {
    let form =
        format!("expiration=600&oauth_state={oauth_state}&username={ADMIN}&password={}", encoded(password));
    let mut request = urlencoded(Method::POST, SIGN_IN, &form);
    request.headers_mut().insert("host", HOST.parse().unwrap());
    server.send(request).await
}

#[tokio::test]
async fn client_gets_a_token_at_the_address_of_this_server_with_its_state() {
    let server = Server::new();
    for redirect in ["https://gis.test:7443", "https://GIS.test:7443/", "urn:ietf:wg:oauth:2.0:oob"] {
        let page = authorize(&server, redirect, "s+/&=\u{f6}").await;
        page.is_page("Sign in by a program");
        let reply = sign_in(&server, state_of(&page), PASSWORD).await;
        assert_eq!((reply.status, reply.text.as_str()), (StatusCode::FOUND, ""));
        let location = reply.header("location");
        let rest = location.strip_prefix(&format!("{redirect}#access_token=")).unwrap();
        let (token, rest) = rest.split_once('&').unwrap();
        assert_eq!(rest, "expires_in=36000&username=siteadmin&ssl=true&state=s%2B%2F%26%3D%C3%B6");
        assert!(reply.headers.get("set-cookie").is_none());
        let request = Request::get(format!("{CERTIFICATES}?f=json"));
        let request =
            request.header("X-Esri-Authorization", format!("Bearer {token}")).header("Referer", "http");
        server.send(request.body(Body::empty()).unwrap()).await.has("{\"sslCertificates\":[]");
    }
}

#[tokio::test]
async fn token_is_sent_to_no_other_address() {
    let server = Server::new();
    let good = authorize(&server, "https://gis.test:7443", "s").await;
    for redirect in [
        "https://evil.test",
        "https://gis.test:7443.evil.test",
        "https://gis.test:7443@evil.test",
        "https://gis.test:7443/path",
        "http://gis.test:7443",
        "https://gis.test",
        "javascript:alert(1)",
        "",
    ] {
        let page = authorize(&server, redirect, "s").await;
        page.has("Invalid redirect_uri");
        page.has_not("oauth_state");
        // One who packs it himself gets no further.
        let packed: String = format!("{redirect}\ns").bytes().map(|byte| format!("{byte:02x}")).collect();
        let reply = sign_in(&server, &packed, PASSWORD).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply.has("Invalid redirect_uri");
        assert!(reply.headers.get("location").is_none());
    }
    for broken in ["", "zz", "00", &format!("{}0", state_of(&good))] {
        sign_in(&server, broken, PASSWORD).await.has("Invalid oauth_state");
    }
}

#[tokio::test]
async fn wrong_password_is_what_the_client_shows() {
    let server = Server::new();
    let page = authorize(&server, "https://gis.test:7443", "s").await;
    let reply = sign_in(&server, state_of(&page), WRONG).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(info(&reply), "{'code':'OAUTH_0015','messages':['Invalid username or password.']}");
    reply.is_page("Sign in by a program");
}

#[tokio::test]
async fn other_site_cannot_make_a_browser_sign_in_here() {
    let server = Server::new();
    let page = authorize(&server, "https://gis.test:7443", "s").await;
    let form = format!("oauth_state={}&username={ADMIN}&password={}", state_of(&page), encoded(PASSWORD));
    let mut request = urlencoded(Method::POST, SIGN_IN, &form);
    request.headers_mut().insert("host", HOST.parse().unwrap());
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    let reply = server.send(request).await;
    assert_eq!(reply.status, StatusCode::OK);
    reply.has("The request was refused");
}

#[tokio::test]
async fn other_kinds_of_oauth_are_refused() {
    let server = Server::new();
    let query = "response_type=code&redirect_uri=urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob&f=json";
    let reply = server.get(&format!("{AUTHORIZE}?{query}")).await;
    reply.is_error(
        400,
        "Invalid response_type",
        &["send response_type=token, or sign in with generateToken"],
    );
    let long = authorize(&server, "https://gis.test:7443", &"s".repeat(1025)).await;
    long.has("has more than 1024 bytes");
    let reply = server.get(&format!("{SIGN_IN}?f=json")).await;
    reply.is_error(405, "Use POST for this operation", &[]);
}
