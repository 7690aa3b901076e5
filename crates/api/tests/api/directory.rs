//! The pages that people look at: what needs attention, the list, one certificate.

use axum::{body::Body, http::Request};
use strongroom::{Keystore, Password, ServerCertificateRequest, diagnostic::DiagnosticCode};

use crate::harness::{
    CERTIFICATES, CHANGEIT, Form, IMPORT, PASSWORD, ROOT_RSA, Reply, Server, WWW, clock, encoded, fixture,
    json_form, pass,
};

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
    one.has(&format!(
        "<a href=\"{CERTIFICATES}/root\">CN=Strongroom Fixture Root R1, O=Strongroom Fixtures</a>"
    ));

    server.keystore().remove(&"root".parse().unwrap(), true, clock()).unwrap();
    let one = page(&server, &cookie, &format!("{CERTIFICATES}/www")).await;
    one.has("CN=Strongroom Fixture Root R1, O=Strongroom Fixtures</span> <span class=\"role\">not an imported authority, until ");
    one.has_not(&format!("href=\"{CERTIFICATES}/root\""));
    one.has("<div class=\"box bad\" role=\"status\">\n<p class=\"message\">no path to an imported authority");
    one.has("<p class=\"code\">no_anchor</p>");
}

async fn post(server: &Server, cookie: &str, path: &str, form: &str) -> Reply {
    let request = Request::post(path).header("cookie", cookie).header("sec-fetch-site", "same-origin");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    server.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

/// The value of a hidden field.
fn hidden(reply: &Reply, name: &str) -> String {
    let (_, rest) = reply.text.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// What the form on the page of an entry sends: another file for `www`.
async fn check_replacement(server: &Server, cookie: &str, secret: &str) -> Reply {
    let form = Form::new().text("csrfPreventToken", secret).text("form", "html").text("alias", "www");
    let form = form.text("replace", "true").file("file", "x.p12", &fixture("pkcs12/www-direct.p12"));
    let form = form.text("password", CHANGEIT).text("importCertificateChain", "true").text("dryRun", "true");
    server.send(form.post_with(IMPORT, &[("cookie", cookie), ("sec-fetch-site", "same-origin")])).await
}

#[tokio::test]
async fn replacement_is_compared_first_and_then_made_without_choosing_the_file_again() {
    let (server, cookie) = stocked().await;
    let one = page(&server, &cookie, &format!("{CERTIFICATES}/www")).await;
    one.has("<button type=\"submit\" name=\"dryRun\" value=\"true\">Check and compare</button>");
    let secret = hidden(&one, "csrfPreventToken");
    let checked = check_replacement(&server, &cookie, &secret).await;
    checked.is_page("Replace www?");
    checked.has("<li>new names: shop.fixture.test</li><li>names lost: www.fixture.test");
    checked.has("<li>another key</li>");
    let www = "www".parse().unwrap();
    assert_eq!(server.keystore().entry(&www, clock()).unwrap().version, 1);

    let held = hidden(&checked, "checked");
    let form = format!("csrfPreventToken={secret}&form=html&alias=www&replace=true&checked={held}");
    let done = post(&server, &cookie, IMPORT, &form).await;
    done.is_page("Imported");
    done.has("was replaced; the former version is kept");
    assert_eq!(server.keystore().entry(&www, clock()).unwrap().version, 2);
    // It was taken.
    let again = post(&server, &cookie, IMPORT, &form).await;
    again.is_page("Error: Replace www");
    again.has("the file that was checked is no longer in memory");
    again.has("<li>choose the file again</li>");
}

#[tokio::test]
async fn what_changed_since_the_check_is_not_replaced_and_no_other_session_has_the_file() {
    let (server, cookie) = stocked().await;
    let secret = hidden(&page(&server, &cookie, &format!("{CERTIFICATES}/www")).await, "csrfPreventToken");
    let held = hidden(&check_replacement(&server, &cookie, &secret).await, "checked");
    let other = server.sign_in().await;
    let others = hidden(&page(&server, &other, &format!("{CERTIFICATES}/www")).await, "csrfPreventToken");
    let form = |secret: &str| format!("csrfPreventToken={secret}&alias=www&replace=true&checked={held}");
    post(&server, &other, IMPORT, &form(&others)).await.has("is no longer in memory");

    import(&server.keystore(), "www", "pkcs12/www-direct.p12", CHANGEIT, true);
    post(&server, &cookie, IMPORT, &form(&secret))
        .await
        .has("the entry has changed since the file was checked");
    assert_eq!(server.keystore().entry(&"www".parse().unwrap(), clock()).unwrap().version, 2);
}

#[tokio::test]
async fn dry_run_of_a_program_stores_nothing_and_says_so() {
    let (server, _) = stocked().await;
    let token = server.token().await;
    let form = json_form(&token, "new").text("dryRun", "true").text("password", CHANGEIT);
    let reply = server.send(form.file("file", "x", &fixture("pkcs12/www-direct.p12")).post(IMPORT)).await;
    reply.has(
        "{\"status\":\"success\",\"messages\":[\"dry_run: the entry would be imported; nothing was stored\"",
    );
    assert_eq!(server.aliases(), ["lost", "root", "www", "www_intermediate"]);
}

#[tokio::test]
async fn delete_asks_first_names_what_suffers_and_is_taken_back() {
    let (server, cookie) = stocked().await;
    let path = format!("{CERTIFICATES}/root/delete");
    let question = page(&server, &cookie, &path).await;
    question.is_page("Delete root?");
    question.has("<li>www loses its chain.</li>");
    question.has("<input id=\"force\" name=\"force\" type=\"checkbox\" value=\"true\" required>");
    let secret = hidden(&question, "csrfPreventToken");
    let refused = post(&server, &cookie, &path, &format!("csrfPreventToken={secret}&form=html")).await;
    refused.is_page("Error: Delete root?");
    refused.has("<li>code: in_use</li>");
    post(&server, &cookie, &path, "force=true").await.has("The request was refused");
    assert_eq!(server.aliases().len(), 4);

    let done = post(&server, &cookie, &path, &format!("csrfPreventToken={secret}&force=true")).await;
    done.is_page("Deleted");
    done.has("root was deleted.");
    let back = format!("{CERTIFICATES}/root/rollBack");
    done.has(&format!("<form method=\"post\" action=\"{back}\">"));
    let done = post(&server, &cookie, &back, &format!("csrfPreventToken={secret}")).await;
    done.has("root is back.");
    assert_eq!(server.aliases().len(), 4);
    page(&server, &cookie, &format!("{CERTIFICATES}/nobody/delete")).await.is_page("Error 404");
}

#[tokio::test]
async fn roll_back_shows_what_it_changes_and_makes_a_new_version() {
    let (server, cookie) = stocked().await;
    import(&server.keystore(), "www", "pkcs12/www-direct.p12", CHANGEIT, true);
    let path = format!("{CERTIFICATES}/www/rollBack");
    page(&server, &cookie, &format!("{CERTIFICATES}/www"))
        .await
        .has(&format!("<a class=\"back\" href=\"{path}?version=1\">"));
    let question = page(&server, &cookie, &format!("{path}?version=1")).await;
    question.is_page("Roll www back to version 1?");
    question.has("<li>names lost: shop.fixture.test</li>");
    let secret = hidden(&question, "csrfPreventToken");
    let done = post(&server, &cookie, &path, &format!("csrfPreventToken={secret}&version=1")).await;
    done.has("www is what it was at version 1 again.");
    done.has("That is version 3 of the entry now.");
    for (version, said) in [("9", "no version 9"), ("x", "must be the number of a version")] {
        let form = format!("csrfPreventToken={secret}&version={version}");
        post(&server, &cookie, &path, &form).await.has(said);
    }
    let token = server.token().await;
    server.post(&path, &format!("f=json&token={token}")).await.is_success();
}

#[tokio::test]
async fn key_leaves_only_where_the_operator_allows_it_and_with_both_passwords() {
    let (server, cookie) = stocked().await;
    let path = format!("{CERTIFICATES}/www/exportPkcs12");
    page(&server, &cookie, &format!("{CERTIFICATES}/www")).await.has_not("exportPkcs12");
    page(&server, &cookie, &path).await.is_page("Error 403");
    let token = server.token().await;
    let form = |own: &str| format!("token={token}&password=zzz&currentPassword={}", encoded(own));
    let refused = server.post(&path, &format!("f=json&{}", form(PASSWORD))).await;
    refused.has("{\"error\":{\"code\":403,\"message\":\"Private keys are not exported by this server\"");

    let server = Server::with(|settings| settings.allow_key_export = true);
    server.keystore().import_authority(&"root".parse().unwrap(), &fixture(ROOT_RSA), clock()).unwrap();
    import(&server.keystore(), "www", WWW, PASSWORD, false);
    let token = server.token().await;
    let form = |own: &str| format!("token={token}&password=zzz&currentPassword={}", encoded(own));
    let cookie = server.sign_in().await;
    page(&server, &cookie, &path).await.is_page("Export www with its private key");
    let refused = server.post(&path, &form("wrong")).await;
    refused.is_page("Error: Export www with its private key");
    refused.has("id=\"currentPassword-problem\"");
    let missing =
        server.post(&path, &format!("f=json&token={token}&currentPassword={}", encoded(PASSWORD))).await;
    missing.has("the field 'password' is missing");
    let query = server.get(&format!("{path}?f=json&token={token}&password=a&currentPassword=b")).await;
    query.is_error(405, "Use POST for this operation", &[]);

    let (headers, bytes) = server.download(&path, &form(PASSWORD)).await;
    assert_eq!(headers.get("content-type").unwrap(), "application/x-pkcs12");
    assert_eq!(headers.get("content-disposition").unwrap(), "attachment; filename=\"www.p12\"");
    let credential = strongroom::open_pfx(&bytes, &Password::new("zzz").unwrap()).unwrap();
    assert_eq!(credential.leaf().subject(), "CN=www.fixture.test");
    let log = server.keystore().log_tail(1).unwrap();
    assert_eq!((log[0].action.as_str(), log[0].actor.as_str()), ("export", "api siteadmin"));

    // A CA certificate is in the list, and has no key to give away.
    let root = format!("{CERTIFICATES}/root/exportPkcs12");
    let refused = server.post(&root, &format!("f=json&{}", form(PASSWORD))).await;
    refused.has("{\"error\":{\"code\":400,\"message\":\"Exporting the certificate failed: \\\"root\\\" is a CA certificate, and has no private key here\"");
    // While nobody looks at passwords, none is called wrong.
    for _ in 0..12 {
        server.post(&path, &format!("f=json&{}", form("wrong"))).await;
    }
    let refused = server.post(&path, &format!("f=json&{}", form(PASSWORD))).await;
    refused.has("\"message\":\"Exporting the certificate failed: your own password was wrong too often and is not looked at for a while\",\"details\":[\"Too many failed attempts: wait ");
}
