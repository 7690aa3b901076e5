//! update, edit and security/config in both flavours, and several machines of one API.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use axum::{body::Body, http::Request};
use strongroom::{Keystore, UnlockKey, web_server::TlsOption as _};
use strongroom_api::{ApiState, Machine, WebServerHost};

use super::harness::{CERTIFICATES, CHANGEIT, MACHINE, ROOT_RSA, Reply, Server, clock, encoded, fixture};

const SITE: &str = "/arcgis/portaladmin/security/sslCertificates";
const EDIT: &str = "/arcgis/admin/machines/gis.fixture.test/edit";
const CONFIG: &str = "/arcgis/admin/security/config";

/// A web server that notes what the store said each time.
#[derive(Debug)]
struct Noted {
    keystore: Keystore,
    shown: Mutex<Vec<String>>,
    fails: AtomicBool,
}

impl Noted {
    fn shown(&self) -> Vec<String> {
        std::mem::take(&mut self.shown.lock().unwrap())
    }
}

impl WebServerHost for Noted {
    fn apply(&self) -> Result<(), String> {
        if self.fails.load(Ordering::Relaxed) {
            return Err("the disk of /srv/secret is gone".to_owned());
        }
        let now = self.keystore.web_server().unwrap();
        let alias = now.alias.as_ref().map(ToString::to_string).unwrap_or_default();
        self.shown.lock().unwrap().push(format!("{alias} {now}"));
        Ok(())
    }

    fn hsts(&self) -> bool {
        self.keystore.web_server().unwrap().hsts
    }
}

fn with_entries(keystore: &Keystore) {
    keystore.import_authority(&"root".parse().unwrap(), &fixture(ROOT_RSA), clock()).unwrap();
    let password = strongroom::Password::new(CHANGEIT).unwrap();
    let file = fixture("pkcs12/www.p12");
    let request =
        strongroom::ServerCertificateRequest::new("Www".parse().unwrap(), &file, &password, clock());
    keystore.import_server_certificate(request).unwrap();
}

/// A server with the entries `root` and `Www`, its web server, and a token.
async fn served() -> (Server, Arc<Noted>, String) {
    let mut noted = None;
    let server = Server::made(|keystore, settings| {
        with_entries(&keystore);
        let host = Arc::new(Noted {
            keystore: keystore.clone(),
            shown: Mutex::default(),
            fails: AtomicBool::new(false),
        });
        noted = Some(Arc::clone(&host));
        let machine = Machine::new(MACHINE, keystore).or("GIS").served_by(host);
        ApiState::of_machines(machine, Vec::new(), settings, clock)
    });
    let token = server.token().await;
    (server, noted.unwrap(), token)
}

async fn post(server: &Server, token: &str, path: &str, form: &str) -> Reply {
    server.post(path, &format!("f=json&token={token}&{form}")).await
}

#[tokio::test]
async fn what_is_chosen_is_in_force_before_it_is_answered() {
    let (server, noted, token) = served().await;
    for (path, form) in [
        (format!("{CERTIFICATES}/update"), "webServerCertificateAlias=WWW"),
        (format!("{SITE}/update"), "webServerCertificateAlias=www&HSTSEnabled=True"),
        (EDIT.to_owned(), "webServerCertificateAlias=www"),
        // Chef edits the address first: nothing of it is changed here.
        (EDIT.to_owned(), "adminURL=https%3A%2F%2Fx%3A6443%2Farcgis%2Fadmin"),
        (format!("{CONFIG}/update"), "Protocol=HTTPS&httpsProtocols=TLSv1.3&HSTSEnabled=false"),
    ] {
        let reply = post(&server, &token, &path, form).await;
        assert!(reply.text.starts_with("{\"status\":\"success\""), "{path}: {}", reply.text);
        assert_eq!(noted.shown().len(), 1, "{path}");
    }
    let list = server.get(&format!("{SITE}?f=json&token={token}")).await;
    list.has("\"webServerCertificateAlias\":\"www\",\"sslProtocols\":\"TLSv1.3\",\"cipherSuites\":\"TLS_AES_256_GCM_SHA384,");
    list.has("\"HSTSEnabled\":false}");
    let machine = server.get(&format!("/arcgis/admin/machines/GIS?f=json&token={token}")).await;
    machine.has("\"webServerCertificateAlias\":\"www\"");
    let config = server.get(&format!("{CONFIG}?f=json&token={token}")).await;
    config.has(
        "\"Protocol\":\"HTTPS\",\"sslEnabled\":true,\"httpEnabled\":false,\"httpsProtocols\":\"TLSv1.3\"",
    );
    // What is shown stays.
    for (path, shape) in [
        (format!("{CERTIFICATES}/www/delete"), "{\"error\":{\"code\":409,\"message\":\""),
        (
            "/arcgis/admin/machines/gis/sslcertificates/WWW/delete".to_owned(),
            "{\"status\":\"error\",\"messages\":[\"",
        ),
    ] {
        let refused = post(&server, &token, &path, "").await;
        refused.has(shape);
        refused.has("the entry \\\"Www\\\" is in use by the web server of this store");
    }
    assert!(server.aliases().contains(&"www".to_owned()));
    let log = server.keystore().log(0, 1_000).unwrap();
    let last = log.into_iter().rfind(|row| row.action == "web-server").unwrap();
    assert_eq!(
        (last.actor.as_str(), last.action.as_str(), last.alias.as_str()),
        ("api siteadmin", "web-server", "Www")
    );
}

#[tokio::test]
async fn refusals_have_the_shape_of_their_flavour_and_change_nothing() {
    let (server, noted, token) = served().await;
    let update = format!("{CERTIFICATES}/update");
    let ca = "A root or intermediate certificate cannot be used as a Web server's SSL certificate: \
              \\\"root\\\" is the certificate of a CA, and has no key to serve with";
    let details = "choose a server certificate";
    let portal = post(&server, &token, &update, "webServerCertificateAlias=root").await;
    assert_eq!(
        portal.text,
        format!(
            "{{\"error\":{{\"code\":400,\"message\":\"{ca}\",\"details\":[\"{details}\",\"code: ca_certificate\"]}}}}"
        )
    );
    let edit = post(&server, &token, EDIT, "webServerCertificateAlias=root").await;
    assert_eq!(
        edit.text,
        format!(
            "{{\"status\":\"error\",\"messages\":[\"{ca}\",\"{details}\",\"code: ca_certificate\"],\"code\":400}}"
        )
    );
    for (path, form, code, text) in [
        (&update, "", 400, "the field 'webServerCertificateAlias' is missing"),
        (&update, "webServerCertificateAlias=none", 404, "there is no entry \\\"none\\\""),
        (&update, "webServerCertificateAlias=a%20b", 400, "code: invalid_alias"),
        (
            &update,
            "webServerCertificateAlias=www&sslProtocols=SSLv3",
            400,
            "no protocol of SSLv3 is supported",
        ),
        (
            &update,
            "webServerCertificateAlias=www&cipherSuites=TLS_RSA_WITH_AES_128_CBC_SHA",
            400,
            "tls_not_offered",
        ),
        (&update, "webServerCertificateAlias=www&HSTSEnabled=2", 400, "must be true or false"),
        (&format!("{CONFIG}/update"), "Protocol=HTTP", 400, "this server speaks HTTPS alone"),
    ] {
        let reply = post(&server, &token, path, form).await;
        reply.has(&format!("\"code\":{code}"));
        reply.has(text);
    }
    assert_eq!(noted.shown(), [""; 0]);
    assert_eq!(server.keystore().web_server().unwrap().alias, None);
    // A web server that cannot follow is a fault, and what it says stays here.
    noted.fails.store(true, Ordering::Relaxed);
    let reply = post(&server, &token, &update, "webServerCertificateAlias=www").await;
    reply.has("\"code\":500");
    reply.has_not("secret");
    assert!(reply.fault.unwrap().cause.contains("/srv/secret"));
}

#[tokio::test]
async fn what_is_left_out_or_does_not_fit_is_named() {
    let (server, _, token) = served().await;
    // What ArcGIS lists as its default, as clients echo it.
    let default =
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,TLS_AES_256_GCM_SHA384";
    let form = format!("webServerCertificateAlias=www&cipherSuites={default}&sslProtocols=TLSv1.2,TLSv1.3");
    let reply = post(&server, &token, &format!("{CERTIFICATES}/update"), &form).await;
    assert_eq!(
        reply.text,
        "{\"status\":\"success\",\"messages\":[\"tls_not_offered: the cipher suite TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 is not supported, and is left out\",\"name_mismatch: the certificate of \\\"Www\\\" is not for gis.fixture.test or gis: it names www.fixture.test, fixture.test\"]}"
    );
    let list = server.get(&format!("{CERTIFICATES}?f=json&token={token}")).await;
    list.has("\"cipherSuites\":\"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,TLS_AES_256_GCM_SHA384\"");
    list.has_not("CBC");
    let edit = post(&server, &token, EDIT, "webServerMaxHeapSize=512&socMaxHeapSize=64").await;
    assert_eq!(
        edit.text,
        "{\"status\":\"success\",\"messages\":[\"not_changed: webServerMaxHeapSize is -1 on this server and was not changed\"]}"
    );
    // Every property, as a client sends back what it read.
    let machine = server.get(&format!("/arcgis/admin/machines/gis?f=json&token={token}")).await;
    let machine: serde_json::Value = serde_json::from_str(&machine.text).unwrap();
    let same: Vec<String> = machine
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .map(|(name, value)| format!("{name}={}", encoded(&value)))
        .collect();
    let reply = post(&server, &token, EDIT, &same.join("&")).await;
    reply.has("\"status\":\"success\"");
    reply.has_not("not_changed");
    reply.has_not("unknown_field");
    let other = "machineName=other&ports=%7B%22HTTPS%22%3A8443%7D&configuredState=STOPPED&underMaintenance=true&synchronize=true&platform=x";
    let reply = post(&server, &token, EDIT, other).await;
    for said in [
        "not_changed: machineName is gis.fixture.test on this server",
        "not_changed: ports is {\\\"HTTPS\\\":443} on this server",
        "not_changed: configuredState is STARTED on this server",
        "not_changed: underMaintenance is false on this server",
        "not_changed: synchronize is false on this server",
        "not_changed: platform is ",
    ] {
        reply.has(said);
    }
}

#[tokio::test]
async fn hsts_is_as_the_store_says() {
    let (server, _, token) = served().await;
    let header = |reply: &Reply| reply.headers.get("strict-transport-security").cloned();
    assert_eq!(header(&server.get("/arcgis/sharing/rest?f=json").await), None);
    let update = format!("{CERTIFICATES}/update");
    let on = post(&server, &token, &update, "webServerCertificateAlias=www&HSTSEnabled=true").await;
    assert_eq!(header(&on).unwrap(), "max-age=31536000");
    // Also where there is nothing.
    assert!(header(&server.get("/nowhere").await).is_some());
    let off = post(&server, &token, &update, "webServerCertificateAlias=www&HSTSEnabled=false").await;
    assert_eq!(header(&off), None);

    // A host of the router without a web server of its own.
    let alone = Server::new();
    let token = alone.token().await;
    with_entries(&alone.keystore());
    post(&alone, &token, &update, "webServerCertificateAlias=www&HSTSEnabled=true").await;
    assert!(header(&alone.get("/arcgis/sharing/rest?f=json").await).is_some());
}

async fn get_as(server: &Server, host: &str, path: &str, token: &str) -> Reply {
    let uri = format!("{path}?f=json&token={token}");
    server.send(Request::get(uri).header("host", host).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn each_machine_has_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let unlock = UnlockKey::generate().unwrap();
    let second = Keystore::create(folder.path().join("keystore.db"), &unlock, clock()).unwrap();
    with_entries(&second);
    let of_second = second.clone();
    let server = Server::made(|keystore, settings| {
        let first = Machine::new(MACHINE, keystore);
        let second = Machine::new("SECOND", of_second).or("second.fixture.test").showing("Www");
        ApiState::of_machines(first, vec![second], settings, clock)
    });
    let token = server.token().await;
    for (root, urls) in [
        (
            "/arcgis/portaladmin/machines",
            ["https://gis.fixture.test:7443/arcgis", "https://SECOND:7443/arcgis"],
        ),
        (
            "/arcgis/admin/machines",
            ["https://gis.fixture.test:7443/arcgis/admin", "https://SECOND:7443/arcgis/admin"],
        ),
    ] {
        let list = get_as(&server, "127.0.0.1:7443", root, &token).await;
        list.has("\"machineName\":\"gis.fixture.test\"");
        list.has("\"machineName\":\"SECOND\"");
        urls.iter().for_each(|url| list.has(&format!("\"adminURL\":\"{url}\"")));
    }
    let both = "\"sslCertificates\":[\"root\",\"www\",\"www_intermediate\"]";
    let none = "\"sslCertificates\":[]";
    for (host, path, has) in [
        ("x", "/arcgis/portaladmin/machines/second/sslCertificates", both),
        ("x", "/arcgis/portaladmin/machines/Second.Fixture.Test/sslcertificates", both),
        ("x", "/arcgis/admin/machines/SECOND/sslcertificates", both),
        ("x", "/arcgis/portaladmin/machines/GIS.fixture.test/sslCertificates", none),
        ("second:7443", SITE, both),
        ("SECOND.fixture.test.", SITE, both),
        ("gis.fixture.test", SITE, none),
        (
            "x",
            SITE,
            "This resource is not accessible for highly available Portals. Please use the sslCertificates API available within the Machines API.",
        ),
        ("x", CONFIG, "\"status\":\"error\""),
        (
            "x",
            "/arcgis/portaladmin/machines/third/sslCertificates",
            "{\"error\":{\"code\":404,\"message\":\"Machine 'third' is none of this site; its machines are 'gis.fixture.test', 'SECOND'\"",
        ),
        (
            "x",
            "/arcgis/admin/machines/third",
            "{\"status\":\"error\",\"messages\":[\"Machine 'third' is none of this site",
        ),
    ] {
        get_as(&server, host, path, &token).await.has(has);
    }
    // What is chosen for one is not chosen for the other.
    let update = "/arcgis/portaladmin/machines/second/sslCertificates/update";
    let reply = post(&server, &token, update, "webServerCertificateAlias=www&sslProtocols=TLSv1.3").await;
    reply.has("\"status\":\"success\"");
    assert_eq!(
        second.web_server().unwrap().versions().iter().map(|version| version.as_str()).collect::<Vec<_>>(),
        ["TLSv1.3"]
    );
    assert_eq!(server.keystore().web_server().unwrap(), strongroom::web_server::WebServer::default());
}

/// A page for a browser that is signed in, and the secret of its forms.
async fn browser(server: &Server) -> (String, String) {
    let cookie = server.sign_in().await;
    let page = page(server, &cookie, &format!("{SITE}/update")).await;
    let (_, rest) = page.text.split_once("name=\"csrfPreventToken\" value=\"").unwrap();
    (cookie.clone(), rest.split('"').next().unwrap().to_owned())
}

async fn page(server: &Server, cookie: &str, path: &str) -> Reply {
    server.send(Request::get(path).header("cookie", cookie).body(Body::empty()).unwrap()).await
}

async fn fill_in(server: &Server, (cookie, secret): &(String, String), path: &str, form: &str) -> Reply {
    let request = Request::post(path)
        .header("cookie", cookie)
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded");
    let body = format!("csrfPreventToken={secret}&{form}");
    server.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_form_ticks_what_is_in_force_and_what_was_ticked() {
    let (server, noted, _) = served().await;
    let browser = browser(&server).await;
    let config = format!("{CONFIG}/update");
    for (path, parts, none) in [
        (
            format!("{SITE}/update"),
            ["webServerCertificateAlias", "id=\"TLSv1.2\"", "HSTSEnabled"].as_slice(),
            "",
        ),
        (EDIT.to_owned(), &["webServerCertificateAlias"], "cipherSuites"),
        (config.clone(), &["id=\"TLSv1.3\""], "webServerCertificateAlias"),
    ] {
        let form = page(&server, &browser.0, &path).await;
        form.is_page("Web server");
        form.has(&format!("action=\"{path}\""));
        parts.iter().for_each(|part| form.has(part));
        assert!(none.is_empty() || !form.text.contains(none), "{path}");
    }
    // No box of a list is ticked.
    let reply = fill_in(&server, &browser, &config, "form=boxes&TLSv1.2=true").await;
    reply.is_page("Error: Web server");
    reply.has("no cipher suite is given");
    reply.has("id=\"TLSv1.2\" name=\"TLSv1.2\" type=\"checkbox\" value=\"true\" checked");
    reply.has_not("id=\"TLSv1.3\" name=\"TLSv1.3\" type=\"checkbox\" value=\"true\" checked");
    assert_eq!(noted.shown(), Vec::<String>::new());
    let boxes = "form=boxes&TLSv1.3=true&TLS_AES_128_GCM_SHA256=true&HSTSEnabled=true";
    fill_in(&server, &browser, &config, boxes).await.is_page("Updated");
    assert_eq!(noted.shown(), [" TLSv1.3, 1 cipher suite, HSTS"]);
    // A box that is not ticked is off, and a button that has no boxes leaves them alone.
    let boxes = "form=boxes&TLSv1.3=true&TLS_AES_128_GCM_SHA256=true";
    fill_in(&server, &browser, &config, boxes).await.is_page("Updated");
    assert_eq!(noted.shown(), [" TLSv1.3, 1 cipher suite"]);
    let reply = fill_in(&server, &browser, EDIT, "form=html&webServerCertificateAlias=www").await;
    reply.is_page("Updated");
    reply.has("Show selfsignedcertificate again");
    assert_eq!(noted.shown(), ["Www TLSv1.3, 1 cipher suite"]);
    let reply = fill_in(&server, &browser, EDIT, "form=boxes&webServerCertificateAlias=nobody").await;
    reply.is_page("Error: Web server");
    reply.has("value=\"nobody\"");
    reply.has(
        "aria-invalid=\"true\" autofocus aria-describedby=\"webServerCertificateAlias-problem alias-help\"",
    );
    assert_eq!(noted.shown(), Vec::<String>::new());
}

#[tokio::test]
async fn a_renewal_that_would_lock_everybody_out_says_what_to_send_first() {
    let (server, _, token) = served().await;
    let update = format!("{CERTIFICATES}/update");
    let generate = |key: &str| format!("alias=key&cn=gis.fixture.test&org=x&replace=true&keyAlg={key}");
    post(&server, &token, &format!("{CERTIFICATES}/generate"), &generate("rsa2048")).await.has("success");
    let narrow = "webServerCertificateAlias=key&sslProtocols=TLSv1.2&cipherSuites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    post(&server, &token, &update, narrow).await.has("success");
    let path = format!("{CERTIFICATES}/generate");
    let refused = post(&server, &token, &path, &generate("p256")).await;
    refused.has("{\"error\":{\"code\":400,\"message\":\"Generating the certificate failed: no connection to the web server would be possible: it shows \\\"key\\\", whose new key, P-256,");
    refused.has("code: tls_not_offered");
    let (_, rest) = refused.text.split_once("then retry: send ").unwrap();
    let (form, _) = rest.split_once(" to update,").unwrap();
    post(&server, &token, &update, form).await.has("success");
    post(&server, &token, &path, &generate("p256")).await.has("success");
    // The same on the other path of a server.
    post(&server, &token, &path, &generate("rsa2048")).await.has("success");
    let (_, suites) = form.split_once('&').unwrap();
    post(&server, &token, &update, narrow).await.has("success");
    post(&server, &token, &path, &generate("p256")).await.has("tls_not_offered");
    post(&server, &token, &format!("{CONFIG}/update"), suites).await.has("success");
    post(&server, &token, &path, &generate("p256")).await.has("success");
}
