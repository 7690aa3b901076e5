//! The pages that people look at: what needs attention, the list, one certificate.

use axum::{body::Body, http::Request};
use strongroom::{Keystore, Password, ServerCertificateRequest, diagnostic::DiagnosticCode};

use crate::harness::{CERTIFICATES, CHANGEIT, PASSWORD, ROOT_RSA, Reply, Server, WWW, clock, fixture, pass};

const HOME: &str = "/arcgis/portaladmin";

async fn page(server: &Server, cookie: &str, path: &str) -> Reply {
    server.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
}

fn import(keystore: &Keystore, alias: &str, file: &str, password: &str, replace: bool) {
    let (file, password) = (fixture(file), Password::new(password).unwrap());
    let mut request = ServerCertificateRequest::new(alias.parse().unwrap(), &file, &password, clock());
    request.options.policy.allow = vec![DiagnosticCode::NoAnchor];
    request.options.replace = replace;
    keystore.import_server_certificate(request).unwrap();
}

/// A root, `www` below it, and `lost`, whose CA is not there.
async fn stocked() -> (Server, String) {
    let server = Server::new();
    let keystore = server.keystore().acting_as("api ann");
    import(&keystore, "lost", "pkcs12/www-direct.p12", CHANGEIT, false);
    keystore.import_authority(&"root".parse().unwrap(), &fixture(ROOT_RSA), clock()).unwrap();
    import(&keystore, "www", WWW, PASSWORD, false);
    let cookie = server.sign_in().await;
    (server, cookie)
}

/// The aliases of the rows, in their order.
fn rows(reply: &Reply) -> Vec<&str> {
    let rows = reply.text.split("<th role=\"rowheader\" scope=\"row\"><a href=\"").skip(1);
    rows.map(|row| row.split_once('>').unwrap().1.split('<').next().unwrap()).collect()
}

#[tokio::test]
async fn first_page_says_that_nothing_is_there_and_what_to_do() {
    let server = Server::new();
    let cookie = server.sign_in().await;
    let home = page(&server, &cookie, HOME).await;
    home.is_page("Overview");
    home.has("There is no certificate here yet.");
    home.has(&format!("href=\"{CERTIFICATES}/importRootOrIntermediate\""));
}

#[tokio::test]
async fn first_page_says_what_ends_what_is_broken_and_what_changed() {
    let (server, cookie) = stocked().await;
    let home = page(&server, &cookie, HOME).await;
    home.has("<b>2</b> server certificates");
    home.has("<b>2</b> CA and chain certificates");
    home.has("Nothing: every certificate is valid");
    home.has(&format!("<span>ann imported <a href=\"{CERTIFICATES}/www\">www</a></span>"));

    let keystore = server.keystore();
    keystore.remove(&"root".parse().unwrap(), true, clock()).unwrap();
    let home = page(&server, &cookie, HOME).await;
    assert_eq!(home.text.matches("<span class=\"badge bad\">Chain broken</span>").count(), 2);
    home.has("deleted <b>root</b>");
    home.has(&format!(
        "<a class=\"do\" href=\"{CERTIFICATES}/importExistingServerCertificate?alias=lost&amp;replace=true\">"
    ));

    pass(10 * 365 * 24 * 60 * 60);
    let cookie = server.sign_in().await;
    let home = page(&server, &cookie, HOME).await;
    home.has("<span class=\"badge bad\">Expired</span>");
}

#[tokio::test]
async fn list_is_filtered_and_sorted_by_the_server() {
    let (server, cookie) = stocked().await;
    let get = |query: &'static str| {
        let (server, cookie) = (&server, &cookie);
        async move { page(server, cookie, &format!("{CERTIFICATES}{query}")).await }
    };
    assert_eq!(rows(&get("").await), ["lost", "root", "www", "www_intermediate"]);
    assert_eq!(rows(&get("?order=down").await), ["www_intermediate", "www", "root", "lost"]);
    assert_eq!(rows(&get("?type=server").await), ["lost", "www"]);
    assert_eq!(rows(&get("?type=ca").await), ["root", "www_intermediate"]);
    let found = get("?q=FIXTURE+root").await;
    assert_eq!(rows(&found), ["root"]);
    found.has("1 certificate</p>");
    found.has("value=\"FIXTURE root\"");
    let none = get("?q=%3Cb%3E").await;
    assert_eq!(rows(&none), [""; 0]);
    none.has("Nothing matches.");
    none.has("value=\"&#60;b&#62;\"");
    // Nonsense is as if it had not been asked.
    assert_eq!(rows(&get("?sort=x&state=y&page=-3&order=z").await).len(), 4);

    server.keystore().remove(&"root".parse().unwrap(), true, clock()).unwrap();
    assert_eq!(rows(&get("?state=broken").await), ["lost", "www"]);
    let sorted = get("?sort=state").await;
    assert_eq!(rows(&sorted).first(), Some(&"lost"));
    sorted.has("aria-sort=\"ascending\"");
    sorted.has(&format!("href=\"{CERTIFICATES}?sort=state&#38;order=down\""));
}

#[tokio::test]
async fn sorted_list_has_pages_with_numbers() {
    let server = Server::new();
    let keystore = server.keystore();
    for n in 0..201 {
        keystore
            .import_authority(&format!("root{n:03}").parse().unwrap(), &fixture(ROOT_RSA), clock())
            .unwrap();
    }
    let cookie = server.sign_in().await;
    let second = page(&server, &cookie, &format!("{CERTIFICATES}?order=down&page=2")).await;
    second.has("101 to 200 of 201 certificates");
    assert_eq!((rows(&second).first(), rows(&second).last()), (Some(&"root100"), Some(&"root001")));
    second.has(&format!("href=\"{CERTIFICATES}?order=down&#38;page=3\" rel=\"next\""));
    second.has(&format!("href=\"{CERTIFICATES}?order=down\" rel=\"prev\""));
    // Beyond the end is the end.
    let last = page(&server, &cookie, &format!("{CERTIFICATES}?order=down&page=999999")).await;
    assert_eq!(rows(&last), ["root000"]);
    last.has_not("rel=\"next\"");
}

#[tokio::test]
async fn page_of_a_certificate_shows_its_chain_and_what_changed() {
    let (server, cookie) = stocked().await;
    import(&server.keystore().acting_as("bob"), "www", "pkcs12/www-direct.p12", CHANGEIT, true);
    let one = page(&server, &cookie, &format!("{CERTIFICATES}/www")).await;
    one.has("<b>Version 2</b> <span class=\"badge good\">current</span>");
    one.has("<span>bob, <time ");
    one.has("<li>another key</li>");
    // The home page has been read: names of the chain lead to their entries.
    page(&server, &cookie, HOME).await;
    let one = page(&server, &cookie, &format!("{CERTIFICATES}/www")).await;
    one.has(&format!("<a href=\"{CERTIFICATES}/root\">CN=Fixture Root, O=Example</a>"));

    server.keystore().remove(&"root".parse().unwrap(), true, clock()).unwrap();
    let one = page(&server, &cookie, &format!("{CERTIFICATES}/www")).await;
    one.has("<li class=\"missing\"><span class=\"subject\">CN=Fixture Root, O=Example</span>");
    one.has("<div class=\"box bad\" role=\"status\">\n<p class=\"message\">no path to an imported authority");
    one.has("<p class=\"code\">no_anchor</p>");
}
