//! `update`, `edit` and `security/config` of a running server, seen by openssl and curl: what is chosen is in force on the
//! next handshake, and nobody is locked out.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use strongroom_tests::{
    command::{Run, Shop},
    server::{Server, has_curl},
};

#[path = "live_update/machines.rs"]
mod machines;

const PASSWORD: &str = "a long password";
const CERTIFICATES: &str = "/portaladmin/machines/gis.fixture.test/sslCertificates";

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("skipped: openssl is not installed");
    }
    found
}

/// A store with the CA of the fixtures, the entry `www`, and an administrator.
fn shop() -> Shop {
    let shop = Shop::open();
    shop.import_root();
    let import = ["import", "www", "pkcs12/www.p12", "--pass-in", "pass:changeit"];
    assert_eq!(shop.run(import).code, 0);
    let add: Run = shop
        .command(["user", "add", "siteadmin", "--pass-in", "env:P"])
        .env("P", PASSWORD)
        .output()
        .unwrap()
        .into();
    assert_eq!(add.code, 0, "{}", add.err);
    shop
}

/// A server, and a token for it.
struct Site {
    server: Server,
    token: String,
}

impl Site {
    fn start(shop: &Shop) -> Self {
        let server = Server::start(shop);
        let token = server.token("siteadmin", PASSWORD);
        Self { server, token }
    }

    /// Posts fields, whatever certificate is shown.
    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Value {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let token = format!("token={}", self.token);
        let mut arguments = vec!["-k", "-d", "f=json", "-d", &token];
        for field in &fields {
            arguments.extend(["--data-urlencode", field.as_str()]);
        }
        self.server.json(path, arguments)
    }

    fn get(&self, path: &str) -> Value {
        self.server.json(&format!("{path}?f=json&token={}", self.token), ["-k"])
    }

    fn import(&self, alias: &str, file: &str) {
        let fields = [
            format!("alias={alias}"),
            format!("file=@{file}"),
            "password=changeit".to_owned(),
            "f=json".to_owned(),
        ];
        let token = format!("token={}", self.token);
        let mut arguments = vec!["-k", "-F", token.as_str()];
        for field in &fields {
            arguments.extend(["-F", field.as_str()]);
        }
        let done = self.server.json(&format!("{CERTIFICATES}/importExistingServerCertificate"), arguments);
        assert_eq!(done["status"], "success", "{done}");
    }

    /// What openssl gets: the subject of the leaf, or nothing where there is no handshake.
    fn shown(&self, options: &[&str]) -> Option<String> {
        shown(&self.server.base, options)
    }

    fn hsts(&self) -> Option<String> {
        let headers = self.server.curl("/sharing/rest?f=json", ["-k", "-s", "-D", "-", "-o", "/dev/null"]);
        let line =
            headers.lines().find(|line| line.to_ascii_lowercase().starts_with("strict-transport-security"));
        line.map(|line| line.split_once(": ").unwrap().1.trim().to_owned())
    }
}

fn shown(base: &str, options: &[&str]) -> Option<String> {
    let address = base.strip_prefix("https://").unwrap().split('/').next().unwrap().to_owned();
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &address])
        .args(options)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let subject = text.lines().find_map(|line| line.strip_prefix("subject="));
    subject.map(|subject| subject.replace(" = ", "="))
}

const WWW: &str = "CN=www.fixture.test";
const OWN: &str = "O=SelfSignedCertificate, CN=gis.fixture.test";

#[test]
fn another_certificate_is_shown_on_the_next_handshake_and_the_former_one_is_a_call_away() {
    if !has_curl() || !has_openssl() {
        return;
    }
    let shop = shop();
    let site = Site::start(&shop);
    assert_eq!(site.shown(&[]).as_deref(), Some(OWN));
    let list = site.get(CERTIFICATES);
    assert_eq!(
        (&list["webServerCertificateAlias"], &list["sslProtocols"], &list["HSTSEnabled"]),
        (&json!("selfsignedcertificate"), &json!("TLSv1.2,TLSv1.3"), &json!(false))
    );

    // As the Python client and Chef send it: with what the list said.
    let suites = list["cipherSuites"].as_str().unwrap().to_owned();
    let update = format!("{CERTIFICATES}/update");
    let echoed = [
        ("webServerCertificateAlias", "WWW"),
        ("sslProtocols", "TLSv1.2,TLSv1.3"),
        ("cipherSuites", suites.as_str()),
        ("HSTSEnabled", "false"),
    ];
    let done = site.post(&update, &echoed);
    assert_eq!(done["status"], "success", "{done}");
    assert_eq!(
        done["messages"],
        json!([
            "name_mismatch: the certificate of \"www\" is not for gis.fixture.test: it names www.fixture.test, fixture.test"
        ])
    );
    assert_eq!(site.shown(&[]).as_deref(), Some(WWW));
    for root in [CERTIFICATES, "/portaladmin/security/sslCertificates"] {
        assert_eq!(site.get(root)["webServerCertificateAlias"], "www");
    }
    // It stays, for others as well, and the former one may go.
    assert_eq!(shop.json(["rm", "www"]).error_code(), "alias_in_use");
    assert_eq!(shop.run(["rm", "selfsignedcertificate"]).code, 0);
    assert_eq!(shop.run(["undo", "selfsignedcertificate"]).code, 0);

    let root =
        site.post("/portaladmin/security/sslCertificates/update", &[("webServerCertificateAlias", "root")]);
    let message = root["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "A root or intermediate certificate cannot be used as a Web server's SSL certificate: "
        ),
        "{root}"
    );
    assert_eq!(site.post(&update, &[("webServerCertificateAlias", "none")])["error"]["code"], 404);
    assert_eq!(site.post(&update, &[])["error"]["code"], 400);
    assert_eq!(site.shown(&[]).as_deref(), Some(WWW));

    let back = site.post(&update, &[("webServerCertificateAlias", "selfsignedcertificate")]);
    assert_eq!(back, json!({"status": "success"}));
    assert_eq!(site.shown(&[]).as_deref(), Some(OWN));
    let log = shop.run(["log"]).out;
    assert!(log.contains("web-server") && log.contains("api siteadmin"), "{log}");
}

#[test]
fn protocols_suites_and_hsts_have_effect_and_what_is_not_supported_is_named() {
    if !has_curl() || !has_openssl() {
        return;
    }
    let shop = shop();
    let site = Site::start(&shop);
    let update = format!("{CERTIFICATES}/update");
    let with = |fields: &[(&str, &str)]| {
        let own = [("webServerCertificateAlias", "selfsignedcertificate")];
        site.post(&update, &[&own, fields].concat())
    };
    assert!(site.shown(&["-tls1_2"]).is_some());
    assert_eq!(site.hsts(), None);

    let done = with(&[("sslProtocols", "TLSv1.1,TLSv1.3"), ("HSTSEnabled", "True")]);
    assert_eq!(
        done["messages"],
        json!(["tls_not_offered: the protocol TLSv1.1 is not supported, and is left out"])
    );
    assert_eq!(site.shown(&["-tls1_2"]), None);
    assert!(site.shown(&["-tls1_3"]).is_some());
    assert_eq!(site.hsts().as_deref(), Some("max-age=31536000"));

    let done = with(&[("cipherSuites", "TLS_RSA_WITH_AES_256_CBC_SHA,TLS_AES_128_GCM_SHA256")]);
    assert_eq!(
        done["messages"],
        json!([
            "tls_not_offered: the cipher suite TLS_RSA_WITH_AES_256_CBC_SHA is not supported, and is left out"
        ])
    );
    assert_eq!(site.shown(&["-ciphersuites", "TLS_AES_256_GCM_SHA384"]), None);
    assert!(site.shown(&["-ciphersuites", "TLS_AES_128_GCM_SHA256"]).is_some());
    let list = site.get(CERTIFICATES);
    assert_eq!(
        (&list["sslProtocols"], &list["cipherSuites"], &list["HSTSEnabled"]),
        (&json!("TLSv1.3"), &json!("TLS_AES_128_GCM_SHA256"), &json!(true))
    );

    // What would leave nobody a way in changes nothing.
    for refused in [
        &[("sslProtocols", "SSLv3")][..],
        &[("cipherSuites", "TLS_RSA_WITH_AES_256_CBC_SHA")],
        &[("sslProtocols", "TLSv1.2")],
        &[("HSTSEnabled", "maybe")],
    ] {
        assert_eq!(with(refused)["error"]["code"], 400, "{refused:?}");
    }
    assert_eq!(site.get(CERTIFICATES), list);

    // The same through the server's flavour.
    let config = site.get("/admin/security/config");
    assert_eq!((&config["httpsProtocols"], &config["HSTSEnabled"]), (&json!("TLSv1.3"), &json!(true)));
    let fields = [
        ("Protocol", "HTTPS"),
        ("httpsProtocols", "TLSv1.2,TLSv1.3"),
        ("cipherSuites", "TLS_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        ("HSTSEnabled", "false"),
    ];
    assert_eq!(site.post("/admin/security/config/update", &fields), json!({"status": "success"}));
    assert!(site.shown(&["-tls1_2"]).is_some());
    assert_eq!(site.hsts(), None);
    let plain = site.post("/admin/security/config/update", &[("Protocol", "HTTP")]);
    assert_eq!((&plain["status"], &plain["code"]), (&json!("error"), &json!(400)));
}

#[test]
fn what_another_process_chooses_is_followed_and_kept_over_a_restart() {
    if !has_curl() || !has_openssl() {
        return;
    }
    let shop = shop();
    let site = Site::start(&shop);
    assert_eq!(site.shown(&[]).as_deref(), Some(OWN));
    let chosen = shop.json(["web-server", "--alias", "www", "--protocols", "TLSv1.3", "--hsts", "on"]);
    assert_eq!(chosen.code, 0, "{}{}", chosen.out, chosen.err);
    let mut tries = 0;
    while site.shown(&[]).as_deref() != Some(WWW) {
        tries += 1;
        assert!(tries < 50, "not followed within 5 s");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(site.shown(&["-tls1_2"]), None);
    assert_eq!(site.hsts().as_deref(), Some("max-age=31536000"));
    drop(site);
    let site = Site { server: Server::start(&shop), token: String::new() };
    assert_eq!(site.shown(&[]).as_deref(), Some(WWW));
    drop(site);
    // What was chosen is gone: the server comes up with its own, and says so.
    assert_eq!(shop.run(["rm", "www", "--force"]).code, 0);
    let site = Site { server: Server::start(&shop), token: String::new() };
    assert_eq!(site.shown(&[]).as_deref(), Some(OWN));
    let said = site.server.stop();
    assert!(said.contains("www was chosen for the web server and cannot be shown"), "{said}");
}

/// As the PowerShell DSC module renews: under a temporary alias first, since ArcGIS cannot replace one.
#[test]
fn a_renewal_by_way_of_a_temporary_alias_ends_with_the_new_certificate() {
    if !has_curl() || !has_openssl() {
        return;
    }
    let shop = shop();
    let site = Site::start(&shop);
    let update = |alias: &str| {
        let list = site.get(CERTIFICATES);
        let field = |name: &str| list[name].as_str().map_or_else(|| list[name].to_string(), str::to_owned);
        let (protocols, suites, hsts) = (field("sslProtocols"), field("cipherSuites"), field("HSTSEnabled"));
        let fields = [
            ("webServerCertificateAlias", alias),
            ("sslProtocols", &protocols),
            ("cipherSuites", &suites),
            ("HSTSEnabled", &hsts),
        ];
        let done = site.post(&format!("{CERTIFICATES}/update"), &fields);
        assert_eq!(done["status"], "success", "{done}");
    };
    let delete = |alias: &str| {
        let done = site.post(&format!("{CERTIFICATES}/{alias}/delete"), &[]);
        assert_eq!(done["status"], "success", "{done}");
    };
    update("www");
    let renewed = "pkcs12/www-direct.p12";
    site.import("www-temp", renewed);
    update("www-temp");
    delete("www");
    site.import("www", renewed);
    update("www");
    delete("www-temp");
    assert_eq!(site.shown(&[]).as_deref(), Some("CN=shop.fixture.test"));
    let list = site.get(CERTIFICATES);
    assert_eq!(list["webServerCertificateAlias"], "www");
    let aliases = list["sslCertificates"].as_array().unwrap();
    assert!(aliases.contains(&json!("www")) && !aliases.contains(&json!("www-temp")), "{list}");
}

#[test]
fn edit_takes_every_property_of_the_machine_back() {
    if !has_curl() || !has_openssl() {
        return;
    }
    let shop = shop();
    let site = Site::start(&shop);
    let machine = "/admin/machines/GIS.fixture.test";
    let shown = site.get(machine);
    let properties: Vec<(String, String)> = shown
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "webServerCertificateAlias")
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    let mut fields: Vec<(&str, &str)> =
        properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.push(("webServerCertificateAlias", "www"));
    let edit = format!("{machine}/edit");
    let done = site.post(&edit, &fields);
    assert_eq!(done["status"], "success", "{done}");
    assert_eq!(site.shown(&[]).as_deref(), Some(WWW));
    let done = site.post(&edit, &[("webServerMaxHeapSize", "512")]);
    assert_eq!(
        (&done["status"], &done["messages"][0]),
        (
            &json!("success"),
            &json!("not_changed: webServerMaxHeapSize is -1 on this server and was not changed")
        )
    );
    let refused = site.post(&edit, &[("webServerCertificateAlias", "root")]);
    assert_eq!((&refused["status"], &refused["code"]), (&json!("error"), &json!(400)));
    let said = refused["messages"][0].as_str().unwrap();
    assert!(
        said.starts_with(
            "A root or intermediate certificate cannot be used as a Web server's SSL certificate"
        )
    );
    let unknown = site.post("/admin/machines/other/edit", &fields);
    assert_eq!((&unknown["status"], &unknown["code"]), (&json!("error"), &json!(404)));
}
