//! Who may ask what: routes by tokens, and the doors of a token.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use strongroom::Password;

use crate::harness::{
    ADMIN, CERTIFICATES, Form, IMPORT, IMPORT_ROOT, LOGIN, PASSWORD, Server, pass, urlencoded,
};

const PROTECTED: [&str; 16] = [
    "/arcgis/portaladmin",
    "/arcgis/portaladmin/",
    "/arcgis/portaladmin/logs",
    "/arcgis/portaladmin/logout",
    "/arcgis/portaladmin/machines",
    "/arcgis/portaladmin/machines/gis.fixture.test",
    CERTIFICATES,
    "/arcgis/portaladmin/machines/gis.fixture.test/sslCertificates/www",
    IMPORT,
    IMPORT_ROOT,
    "/arcgis/portaladmin/security",
    "/arcgis/portaladmin/security/sslCertificates",
    "/arcgis/portaladmin/security/sslCertificates/importExistingServerCertificate",
    "/arcgis/sharing/rest/portals/self",
    "/arcgis/sharing/rest/community/self",
    "/arcgis/sharing/rest/community/users/siteadmin",
];
const PUBLIC: [&str; 4] = [
    "/arcgis/portaladmin/healthCheck",
    "/arcgis/portaladmin/style.css",
    "/arcgis/sharing/rest",
    "/arcgis/sharing/rest/info",
];

#[tokio::test]
async fn every_protected_route_asks_for_a_good_token() {
    let server = Server::new();
    let token = server.token().await;
    for path in PROTECTED {
        for method in [Method::GET, Method::POST] {
            let none = server.send(urlencoded(method.clone(), path, "f=json")).await;
            none.is_error(499, "Token Required", &[]);
            let bad = server.send(urlencoded(method.clone(), path, "f=json&token=0123")).await;
            bad.is_error(498, "Invalid Token", &[]);
        }
        let good = server.get(&format!("{path}?f=json&token={token}")).await;
        good.has_not("Token");
    }
}

#[tokio::test]
async fn public_routes_answer_the_same_with_and_without_a_token() {
    let server = Server::new();
    for path in PUBLIC {
        let none = server.get(&format!("{path}?f=json")).await;
        let bad = server.get(&format!("{path}?f=json&token=0123")).await;
        assert_eq!(none.status, StatusCode::OK);
        none.has_not("error");
        assert_eq!(none.text, bad.text);
    }
}

#[tokio::test]
async fn pages_without_a_good_token_are_the_sign_in_page_with_the_way_back() {
    let server = Server::new();
    for path in [CERTIFICATES, IMPORT] {
        let reply = server.get(&format!("{path}?after=x")).await;
        reply.is_page("Sign in");
        reply.has(&format!("<input type=\"hidden\" name=\"next\" value=\"{path}\">"));
        reply.has_not("class=\"box");
    }
    let reply = server.get(&format!("{CERTIFICATES}?token=0123")).await;
    reply.is_page("Error: Sign in");
    reply.has("Your session has ended: sign in again");
    reply.has_not("0123");
}

#[tokio::test]
async fn token_comes_in_by_every_door_that_clients_use() {
    let server = Server::new();
    let token = server.token().await;
    let json = format!("{CERTIFICATES}?f=json");
    let bearer = format!("Bearer {token}");
    let cookie = format!("other=1; __Host-strongroom={token}");
    let with = |name: &str, value: &str| Request::get(&json).header(name, value).body(Body::empty()).unwrap();
    let form = format!("f=json&token={token}");
    for request in [
        Request::get(format!("{json}&token={token}")).body(Body::empty()).unwrap(),
        urlencoded(Method::POST, CERTIFICATES, &form),
        urlencoded(Method::GET, CERTIFICATES, &form),
        Form::new().text("TOKEN", &token).text("F", "json").post(CERTIFICATES),
        with("X-Esri-Authorization", &bearer),
        with("Authorization", &bearer),
        with("Authorization", &format!("bearer {token}")),
        with("Cookie", &cookie),
    ] {
        let reply = server.send(request).await;
        reply.has("{\"sslCertificates\":[],\"webServerCertificateAlias\":\"selfsignedcertificate\",");
    }
}

#[tokio::test]
async fn explicit_token_decides_though_the_cookie_is_good() {
    let server = Server::new();
    let token = server.token().await;
    let request = Request::get(format!("{CERTIFICATES}?f=json&token=bad"));
    let request = request.header("Cookie", format!("__Host-strongroom={token}")).body(Body::empty()).unwrap();
    server.send(request).await.is_error(498, "Invalid Token", &[]);
}

#[tokio::test]
async fn token_ends_with_its_time() {
    let server = Server::new();
    let token = server.token().await;
    let path = format!("{CERTIFICATES}?f=json&token={token}");
    pass(3599);
    server.get(&path).await.has("sslCertificates");
    pass(1);
    server.get(&path).await.is_error(498, "Invalid Token", &[]);
}

#[tokio::test]
async fn token_ends_with_its_administrator_for_good() {
    let server = Server::new();
    let path = format!("{CERTIFICATES}?f=json&token={}", server.token().await);
    server.get(&path).await.has("sslCertificates");
    let name = ADMIN.parse().unwrap();
    server.keystore().remove_administrator(&name, strongroom::UnixTime::now()).unwrap();
    // Another account of the same name, made between two requests.
    let later = strongroom::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_795_435_201));
    server.keystore().add_administrator(&name, &Password::new(PASSWORD).unwrap(), later).unwrap();
    server.get(&path).await.is_error(498, "Invalid Token", &[]);
}

#[tokio::test]
async fn every_answer_has_the_protecting_headers() {
    let server = Server::new();
    for path in
        ["/", "/favicon.ico?f=json", LOGIN, CERTIFICATES, "/arcgis/sharing/rest/info?f=json", PUBLIC[1]]
    {
        let reply = server.get(path).await;
        assert_eq!(
            reply.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("referrer-policy"), "no-referrer");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin");
    }
}

#[tokio::test]
async fn other_methods_and_paths_get_a_status_of_http() {
    let server = Server::new();
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE, Method::PATCH] {
        let reply = server.send(urlencoded(method, CERTIFICATES, "")).await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD, POST")
        );
    }
    let reply = server.get("/arcgis/rest/services?f=json").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(
        reply.text,
        "{\"error\":{\"code\":404,\"message\":\"There is nothing at this address\",\"details\":[]}}"
    );
    let reply = server.get("/elsewhere").await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (StatusCode::NOT_FOUND, "text/html;charset=utf-8")
    );
    let reply = server.get("/").await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::FOUND, "/arcgis/portaladmin"));
}

#[tokio::test]
async fn head_is_answered_as_get_without_a_body() {
    let server = Server::new();
    let reply = server.send(urlencoded(Method::HEAD, LOGIN, "")).await;
    assert_eq!((reply.status, reply.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(reply.header("content-type"), "text/html;charset=utf-8");
}
