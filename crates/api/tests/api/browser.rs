//! People: sign-in, forms, sessions.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};

use crate::harness::{
    ADMIN, CERTIFICATES, CHANGEIT, Form, IMPORT, IMPORT_ROOT, LOGIN, PASSWORD, ROOT_RSA, Reply, Server,
    WRONG, WWW, clock, encoded, fixture, urlencoded,
};

async fn page(server: &Server, cookie: &str, path: &str) -> Reply {
    server.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
}

/// The value that the form of a page sends back.
fn secret(page: &Reply) -> String {
    let (_, rest) = page.text.split_once("name=\"csrfPreventToken\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

async fn signed_in() -> (Server, String, String) {
    let server = Server::new();
    let cookie = server.sign_in().await;
    let secret = secret(&page(&server, &cookie, IMPORT).await);
    (server, cookie, secret)
}

/// What a browser sends of the form of importExistingServerCertificate.
fn filled(secret: &str, alias: &str, password: &str, chain: bool) -> Form {
    let form = Form::new().text("csrfPreventToken", secret).text("form", "html").text("alias", alias);
    let form = form.file("file", "www.p12", &fixture(WWW)).text("password", password);
    let form = if chain { form.text("importCertificateChain", "true") } else { form };
    form.text("entry", "")
}

async fn import_root(server: &Server, cookie: &str, secret: &str) {
    let form = Form::new().text("csrfPreventToken", secret).text("form", "html").text("alias", "root");
    let form = form.file("file", "root.pem", &fixture(ROOT_RSA));
    let reply = server
        .send(form.post_with(IMPORT_ROOT, &[("cookie", cookie), ("sec-fetch-site", "same-origin")]))
        .await;
    reply.is_page("Imported");
    reply.has("<p class=\"message\"><a href=\"/arcgis/portaladmin/machines/gis.fixture.test/sslCertificates/root\">root</a> was imported.</p>");
}

#[tokio::test]
async fn sign_in_sets_a_cookie_and_goes_on_to_where_one_was() {
    let server = Server::new();
    let form = format!("username={ADMIN}&password={}&next={}", encoded(PASSWORD), encoded(IMPORT));
    let reply = server.log_in(&form).await;
    assert_eq!(
        (reply.status, reply.header("location"), reply.text.as_str()),
        (StatusCode::SEE_OTHER, IMPORT, "")
    );
    let cookie = reply.header("set-cookie").to_owned();
    let (pair, flags) = cookie.split_once(';').unwrap();
    assert_eq!(pair.strip_prefix("__Host-strongroom=").unwrap().len(), 64);
    assert_eq!(flags, " Path=/; Secure; HttpOnly; SameSite=Strict");
    page(&server, pair, IMPORT).await.is_page("Import existing server certificate");
}

#[tokio::test]
async fn sign_in_leads_only_to_pages_of_this_server() {
    let server = Server::new();
    for (next, expected) in [
        ("//evil.test/portaladmin", "/evil.test/portaladmin"),
        ("https://evil.test/portaladmin", "/arcgis/portaladmin"),
        ("/\\evil.test/portaladmin", "/%5Cevil.test/portaladmin"),
        ("/elsewhere", "/arcgis/portaladmin"),
        ("/x/portaladmin\r\nSet-Cookie: a=b", "/arcgis/portaladmin"),
        ("javascript:alert(1)", "/arcgis/portaladmin"),
        ("", "/arcgis/portaladmin"),
        ("/arcgis/portaladmin/machines?f=json#x", "/arcgis/portaladmin/machines"),
    ] {
        let form = format!("username={ADMIN}&password={}&next={}", encoded(PASSWORD), encoded(next));
        assert_eq!(server.log_in(&form).await.header("location"), expected, "{next:?}");
    }
}

#[tokio::test]
async fn failed_sign_in_shows_the_page_again_without_the_password() {
    let server = Server::new();
    let reply = server.log_in(&format!("username={ADMIN}&password={}", encoded(WRONG))).await;
    reply.is_page("Error: Sign in");
    reply.has("<p class=\"message\"><a href=\"#password\">You are not signed in</a></p>");
    reply.has("autocomplete=\"current-password\" aria-invalid=\"true\" autofocus aria-describedby=\"password-problem\">");
    reply.has("<li>Invalid username or password.</li>");
    reply.has("value=\"siteadmin\"");
    assert_eq!(reply.headers.get(header::SET_COOKIE), None);
}

#[tokio::test]
async fn only_the_page_that_a_browser_was_given_signs_it_in() {
    let server = Server::new();
    let (cookie, secret) = server.sign_in_form().await;
    let flags = server.get(LOGIN).await.header("set-cookie").split_once(';').unwrap().1.to_owned();
    assert_eq!(flags, " Path=/; Secure; HttpOnly; SameSite=Strict");
    let (other_cookie, other_secret) = server.sign_in_form().await;
    assert!(cookie != other_cookie && secret != other_secret);
    let form = format!("username={ADMIN}&password={}", encoded(PASSWORD));
    let send = async |cookie: &str, secret: &str, headers: &[(&'static str, &str)]| {
        let mut request = urlencoded(Method::POST, LOGIN, &format!("{form}&csrfPreventToken={secret}"));
        for (name, value) in
            headers.iter().chain([&("cookie", cookie)]).filter(|(_, value)| !value.is_empty())
        {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        server.send(request).await
    };
    let host = ("host", "gis.fixture.test:7443");
    for (cookie, secret, headers) in [
        ("", "", &[][..]),
        ("", &*secret, &[]),
        (&*cookie, "", &[]),
        (&*cookie, &*other_secret, &[]),
        ("__Host-strongroom-form=", &*secret, &[]),
        (&*cookie, &*secret, &[("sec-fetch-site", "cross-site")]),
        (&*cookie, &*secret, &[("sec-fetch-site", "same-site")]),
        (&*cookie, &*secret, &[("origin", "https://evil.test"), host]),
        (&*cookie, &*secret, &[("origin", "https://gis.fixture.test"), host]),
        (&*cookie, &*secret, &[("origin", "null"), host]),
    ] {
        let reply = send(cookie, secret, headers).await;
        reply.is_page("Error: Sign in");
        reply.has("The request was refused");
        let cookies = reply.headers.get_all(header::SET_COOKIE).iter();
        assert!(!cookies.into_iter().any(|cookie| cookie.to_str().unwrap().contains("__Host-strongroom=")));
    }
    for headers in
        [&[][..], &[("sec-fetch-site", "same-origin")], &[("origin", "https://GIS.fixture.test:7443"), host]]
    {
        assert_eq!(send(&cookie, &secret, headers).await.status, StatusCode::SEE_OTHER);
    }
    // A browser that has its key keeps it.
    let mut again = Request::get(LOGIN).body(Body::empty()).unwrap();
    again.headers_mut().insert("cookie", cookie.parse().unwrap());
    let again = server.send(again).await;
    assert_eq!(again.headers.get(header::SET_COOKIE), None);
    again.has(&secret);
}

#[tokio::test]
async fn form_of_the_operation_has_the_documented_labels() {
    let (server, cookie, _) = signed_in().await;
    let form = page(&server, &cookie, IMPORT).await;
    form.is_page("Import existing server certificate");
    for label in [
        "<label for=\"alias\">Alias</label>",
        "<label for=\"file\">Certificate file</label>",
        "<label for=\"password\">Certificate password</label>",
        "<label for=\"chain\">Import certificate chain</label>",
        "<button type=\"submit\">Import</button>",
        "<input id=\"chain\" name=\"importCertificateChain\" type=\"checkbox\" value=\"true\" checked>",
        "<form class=\"fields\" method=\"post\" enctype=\"multipart/form-data\">",
    ] {
        form.has(label);
    }
    let form = page(&server, &cookie, IMPORT_ROOT).await;
    form.is_page("Import root or intermediate certificate");
    // For a PKCS #12 file; what only a server certificate has is not there.
    form.has("<label for=\"password\">Certificate password</label>");
    form.has("<small id=\"password-help\">For a PKCS #12 file alone.</small>");
    form.has_not("importCertificateChain");
}

#[tokio::test]
async fn browser_imports_a_root_and_a_server_certificate_and_sees_them() {
    let (server, cookie, secret) = signed_in().await;
    import_root(&server, &cookie, &secret).await;
    let form = filled(&secret, "www", PASSWORD, true);
    let reply =
        server.send(form.post_with(IMPORT, &[("cookie", &cookie), ("sec-fetch-site", "same-origin")])).await;
    reply.is_page("Imported");
    reply.has("<h1>Success</h1>");
    reply.has(">www_intermediate</a>");
    reply.has(
        "<span class=\"subject\">CN=www.fixture.test</span> <span class=\"role\">this certificate</span>",
    );

    let list = page(&server, &cookie, CERTIFICATES).await;
    list.is_page("Certificates");
    list.has("<span class=\"role\">Server certificate</span>");
    list.has("<span class=\"role\">Chain certificate</span>");
    list.has("<span class=\"tone good\">in 9 years</span> <span class=\"date\">2036-01-01</span>");
    list.has("<span class=\"badge good\">Good</span>");
    list.has("<span class=\"tone good\">Complete</span>");
    let one = page(&server, &cookie, &format!("{CERTIFICATES}/www")).await;
    one.is_page("www");
    one.has("<dt>SHA-1</dt><dd><code>2b2ae9ae725017c1044424eadc4953fda726dd64</code></dd>");
    one.has("<span class=\"role\">trust anchor, until ");
}

#[tokio::test]
async fn box_that_is_not_ticked_is_false_and_stays_so() {
    let (server, cookie, secret) = signed_in().await;
    import_root(&server, &cookie, &secret).await;
    let reply =
        server.send(filled(&secret, "www", PASSWORD, false).post_with(IMPORT, &[("cookie", &cookie)])).await;
    reply.is_page("Error: Import existing server certificate");
    reply.has("no path to an imported authority");
    reply.has("<input id=\"chain\" name=\"importCertificateChain\" type=\"checkbox\" value=\"true\">");
    assert_eq!(server.aliases(), ["root"]);
}

#[tokio::test]
async fn failed_import_shows_the_form_again_with_the_alias_and_without_the_password() {
    let (server, cookie, secret) = signed_in().await;
    let reply =
        server.send(filled(&secret, "Www", WRONG, true).post_with(IMPORT, &[("cookie", &cookie)])).await;
    reply.is_page("Error: Import existing server certificate");
    reply.has("<p class=\"message\"><a href=\"#password\">Importing CA certificate failed: wrong password, or the file was changed after it was made</a></p>");
    reply.has("<div class=\"problem\" id=\"password-problem\">");
    reply.has("<li>code: wrong_password</li>");
    reply.has("<p class=\"code\">Error 400</p>");
    reply.has("name=\"alias\" value=\"Www\"");
    reply.has("<input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"off\" aria-invalid=\"true\" autofocus aria-describedby=\"password-problem\">");
    reply.has(" checked>");
}

#[tokio::test]
async fn too_large_file_shows_the_form_again() {
    let (server, cookie, secret) = signed_in().await;
    let form = Form::new().text("csrfPreventToken", &secret).text("form", "html").text("alias", "www");
    let form = form.file("file", "x", &vec![0; 2 << 20]);
    let reply = server.send(form.post_with(IMPORT, &[("cookie", &cookie), ("accept", "text/html")])).await;
    reply.is_page("Error: Import existing server certificate");
    reply.has("<p class=\"code\">Error 413</p>");
}

#[tokio::test]
async fn forms_that_were_not_meant_are_refused() {
    let (server, cookie, secret) = signed_in().await;
    import_root(&server, &cookie, &secret).await;
    let other = "0".repeat(64);
    let same = ("sec-fetch-site", "same-origin");
    for (form, site) in [
        (filled("", "www", PASSWORD, true), same),
        (filled(&other, "www", PASSWORD, true), same),
        (filled(&secret, "www", PASSWORD, true), ("sec-fetch-site", "cross-site")),
        (filled(&secret, "www", PASSWORD, true), ("sec-fetch-site", "same-site")),
    ] {
        let reply = server.send(form.clone().post_with(IMPORT, &[("cookie", &cookie), site])).await;
        reply.is_page("Error: Import existing server certificate");
        reply.has("<p class=\"message\">The request was refused</p>");
        reply.has("<p class=\"code\">Error 403</p>");
        let reply = server.send(form.text("f", "json").post_with(IMPORT, &[("cookie", &cookie), site])).await;
        let help = "the form is not of this session: fill it in and send it again";
        reply.is_error(403, "The request was refused", &[help]);
    }
    assert_eq!(server.aliases(), ["root"]);
}

#[tokio::test]
async fn form_of_a_token_in_the_address_sends_the_token_back_and_needs_no_cookie() {
    let server = Server::new();
    let token = server.token().await;
    let form = server.get(&format!("{IMPORT_ROOT}?token={token}")).await;
    form.has(&format!("<input type=\"hidden\" name=\"token\" value=\"{token}\">"));
    let sent = Form::new().text("token", &token).text("form", "html").text("alias", "root");
    let sent = sent.file("file", "root.pem", &fixture(ROOT_RSA));
    server.send(sent.post_with(IMPORT_ROOT, &[("sec-fetch-site", "cross-site")])).await.is_page("Imported");
}

#[tokio::test]
async fn sign_out_ends_the_session_and_has_to_be_meant() {
    let (server, cookie, secret) = signed_in().await;
    let logout = |secret: &str| {
        let request = Request::post("/arcgis/portaladmin/logout").header("cookie", &cookie);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(Body::from(format!("csrfPreventToken={secret}"))).unwrap()
    };
    server.send(logout("")).await.is_page("Error 403");
    page(&server, &cookie, CERTIFICATES).await.is_page("Certificates");
    let reply = server.send(logout(&secret)).await;
    assert_eq!((reply.status, reply.header("location")), (StatusCode::SEE_OTHER, "/arcgis/portaladmin"));
    assert_eq!(
        reply.header("set-cookie"),
        "__Host-strongroom=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0"
    );
    page(&server, &cookie, CERTIFICATES).await.is_page("Error: Sign in");
}

#[tokio::test]
async fn warnings_of_an_import_are_shown_with_advice() {
    let (server, cookie, secret) = signed_in().await;
    let file = fixture("pkcs12/openssl-3.0.19.rsa2048.pbes2-aes256-sha256.self-signed.p12");
    let form = Form::new().text("csrfPreventToken", &secret).text("alias", "self").text("password", CHANGEIT);
    let reply = server.send(form.file("file", "x", &file).post_with(IMPORT, &[("cookie", &cookie)])).await;
    reply.is_page("Imported");
    reply.has("<div class=\"box warn\" role=\"status\">");
    reply.has("clients must be told to trust this certificate; a CA-signed one avoids that");
    page(&server, &cookie, CERTIFICATES).await.has("<span class=\"tone warn\">Self-signed</span>");
}

#[tokio::test]
async fn long_list_has_pages_for_people() {
    let (server, cookie, _) = signed_in().await;
    let root = fixture(ROOT_RSA);
    let keystore = server.keystore();
    let at = strongroom::UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_795_435_200));
    for n in 0..101 {
        keystore.import_authority(&format!("root{n:03}").parse().unwrap(), &root, at).unwrap();
    }
    let first = page(&server, &cookie, CERTIFICATES).await;
    first.has(">root099</a>");
    first.has_not(">root100</a>");
    first.has(&format!("href=\"{CERTIFICATES}?after=root099\" rel=\"next\">"));
    let second = page(&server, &cookie, &format!("{CERTIFICATES}?after=root099")).await;
    second.has(">root100</a>");
    second.has_not("rel=\"next\"");
}

#[tokio::test]
async fn the_chain_on_the_pages_follows_what_is_imported_and_removed() {
    let (server, cookie, secret) = signed_in().await;
    let keystore = server.keystore();
    let (file, password) = (fixture(WWW), strongroom::Password::new(PASSWORD).unwrap());
    let www = "www".parse().unwrap();
    let mut request = strongroom::ServerCertificateRequest::new(www, &file, &password, clock());
    request.options.policy.allow = vec![strongroom::diagnostic::DiagnosticCode::NoAnchor];
    request.options.policy.use_embedded = false;
    keystore.import_server_certificate(request).unwrap();
    let one = format!("{CERTIFICATES}/www");
    let says = |chain: &'static str, links: usize| {
        let (server, cookie, one) = (&server, &cookie, &one);
        async move {
            for path in [CERTIFICATES, one] {
                page(server, cookie, path).await.has(chain);
            }
            assert_eq!(page(server, cookie, one).await.text.matches("<span class=\"role\">").count(), links);
        }
    };
    says(" bad\">No imported CA</span>", 1).await;
    let intermediate = "issuing".parse().unwrap();
    keystore.import_authority(&intermediate, &fixture("chains/intermediate-rsa.pem"), clock()).unwrap();
    says(" warn\">Ends at an intermediate</span>", 2).await;
    import_root(&server, &cookie, &secret).await;
    says(" good\">Complete</span>", 3).await;
    keystore.remove(&intermediate, true, clock()).unwrap();
    says(" bad\">No imported CA</span>", 1).await;

    // The same file again, with its chain.
    let form = filled(&secret, "www", PASSWORD, true);
    let reply =
        server.send(form.post_with(IMPORT, &[("cookie", &cookie), ("sec-fetch-site", "same-origin")])).await;
    reply.has("is there already; certificates of its chain were stored");
    reply.has(">www_intermediate</a>");
    says(" good\">Complete</span>", 3).await;
}
