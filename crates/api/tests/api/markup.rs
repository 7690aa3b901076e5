//! Markup from files and from clients is shown, never obeyed.

use axum::{
    body::Body,
    http::{Request, header},
};

use crate::harness::{
    CERTIFICATES, CHANGEIT, Form, IMPORT, IMPORT_ROOT, LOGIN, ROOT_RSA, Reply, Server, fixture,
};

const PAGES: [&str; 7] = [
    "/arcgis/portaladmin",
    "/arcgis/portaladmin/machines",
    "/arcgis/portaladmin/machines/gis.fixture.test",
    "/arcgis/portaladmin/security",
    CERTIFICATES,
    IMPORT,
    IMPORT_ROOT,
];

/// The page without the element that loads the one script of this server, wherever the directory is.
#[track_caller]
fn without_our_script(text: &str) -> String {
    let Some((before, rest)) = text.split_once("<script src=\"/") else {
        return text.to_owned();
    };
    let (address, after) = rest.split_once("\" defer></script>\n").unwrap();
    assert!(address.ends_with("portaladmin/script.js"), "{address}");
    assert!(address.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.%-".contains(&byte)), "{address}");
    format!("{before}{after}")
}

/// No element, attribute or address that a browser would run or load from elsewhere.
#[track_caller]
fn is_inert(reply: &Reply) {
    let lower = without_our_script(&reply.text).to_ascii_lowercase();
    for active in [
        "<script",
        "<iframe",
        "<img",
        "javascript:",
        " style=",
        " onerror=",
        " onload=",
        "http://",
        "https://evil",
    ] {
        assert!(!lower.contains(active), "{active:?} is in {}", reply.text);
    }
    for tag in lower.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        assert!(!tag.contains(" on"), "<{tag}>");
    }
}

async fn page(server: &Server, cookie: &str, path: &str) -> Reply {
    server.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
}

/// A CA certificate whose names are markup.
fn hostile_authority() -> String {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "<script>alert(1)</script>\" onload=\"x");
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}

#[tokio::test]
async fn pages_run_nothing_and_their_style_is_served() {
    let server = Server::new();
    let cookie = server.sign_in().await;
    for path in PAGES {
        let reply = page(&server, &cookie, path).await;
        assert_eq!(reply.header("content-type"), "text/html;charset=utf-8");
        is_inert(&reply);
        reply.has("<link rel=\"stylesheet\" href=\"/arcgis/portaladmin/style.css\">");
        reply.has("<html lang=\"en\">");
    }
    let style = server.get("/arcgis/portaladmin/style.css").await;
    assert_eq!(style.header("content-type"), "text/css;charset=utf-8");
    style.has("prefers-color-scheme: dark");
    style.has_not("url(");
    let script = server.get("/arcgis/portaladmin/script.js").await;
    assert_eq!(script.header("content-type"), "text/javascript;charset=utf-8");
    for dangerous in ["innerHTML", "outerHTML", "eval(", "fetch(", "document.write", "insertAdjacent"] {
        script.has_not(dangerous);
    }
}

#[tokio::test]
async fn names_of_certificates_are_escaped_in_pages() {
    let server = Server::new();
    let token = server.token().await;
    let cookie = server.sign_in().await;
    let form = Form::new().text("f", "json").text("token", &token).text("alias", "hostile");
    let form = form.file("file", "x", hostile_authority().as_bytes());
    server.send(form.post(IMPORT_ROOT)).await.has("{\"status\":\"success\"");
    for path in [CERTIFICATES.to_owned(), format!("{CERTIFICATES}/hostile")] {
        let reply = page(&server, &cookie, &path).await;
        reply.has("&#60;script\\&#62;alert(1)");
        is_inert_but_for_escapes(&reply);
    }
}

/// As [`is_inert`], for pages that show ` onload=` as text.
#[track_caller]
fn is_inert_but_for_escapes(reply: &Reply) {
    for tag in without_our_script(&reply.text).to_ascii_lowercase().split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        assert!(!tag.starts_with("script") && !tag.contains(" on"), "<{tag}>");
    }
}

#[tokio::test]
async fn friendly_names_are_escaped_in_pages() {
    let server = Server::new();
    let token = server.token().await;
    server.import_root(&token).await;
    let file = fixture("pkcs12/openssl-3.0.19.p256.pbes2-aes256-sha256.friendly-name-markup.p12");
    let form =
        Form::new().text("token", &token).text("form", "html").text("alias", "a").text("password", CHANGEIT);
    let reply =
        server.send(form.text("entry", "\"><script>2</script>").file("file", "x", &file).post(IMPORT)).await;
    reply.is_page("Error: Import existing server certificate");
    reply.has("&#60;script&#62;alert(1)&#60;/script&#62;&#38;amp;");
    reply.has("value=\"&#34;&#62;&#60;script&#62;2&#60;/script&#62;\"");
    is_inert(&reply);
}

#[tokio::test]
async fn what_a_client_sends_is_escaped_where_it_comes_back() {
    let server = Server::new();
    let cookie = server.sign_in().await;
    let token = server.token().await;
    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for path in [
        format!("/{hostile}/portaladmin"),
        format!("/{hostile}"),
        format!("/arcgis/portaladmin/machines/{hostile}"),
        format!("{CERTIFICATES}/{hostile}"),
        format!("/arcgis/portaladmin/{hostile}"),
        format!("{LOGIN}?next={hostile}&username={hostile}"),
        format!("{CERTIFICATES}?f={hostile}"),
        format!("{CERTIFICATES}?after={hostile}"),
        format!("/arcgis/sharing/rest/community/users/{hostile}"),
        format!("{LOGIN}?{hostile}=1&{hostile}=2"),
    ] {
        is_inert(&page(&server, &cookie, &path).await);
        let request = Request::get(&path).header("authorization", format!("Bearer {token}"));
        let request = request.header(header::HOST, "\"><script>").body(Body::empty()).unwrap();
        is_inert(&server.send(request).await);
    }
    let form =
        Form::new().text("token", &token).text("form", "html").text("alias", "\"><script>alert(1)</script>");
    let reply = server.send(form.file("file", "\"><script>", &fixture(ROOT_RSA)).post(IMPORT_ROOT)).await;
    is_inert(&reply);
    reply.has("name=\"alias\" value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;\"");
}
