//! The request sequences of scripts that people have, to the byte, and what each needs at its end.
//!
//! Chef's cookbooks for a portal and a server, the Ansible collection for a server, PowerShell DSC for a portal and a
//! server, and what scripts with curl look for.

mod clients {
    pub(crate) mod powershell;
    pub(crate) mod raw;
    pub(crate) mod ruby;
}

#[path = "clients/dsc.rs"]
mod dsc;

use clients::{
    powershell,
    raw::{Raw, Reply, form},
    ruby,
};
use serde_json::Value;
use strongroom_tests::{
    command::{Run, Shop},
    manifest,
    server::Server,
};

const USER: &str = "siteadmin";
const PASSWORD: &str = "p@ss wörd&+%!#";
const MACHINE: &str = "gis.fixture.test";
const ROOT: &str = "chains/root-rsa.pem";
const OLD: &str = "pkcs12/www.p12";
const NEW: &str = "pkcs12/www-direct.p12";
const PKCS12: &str = "application/x-pkcs12";

struct Site {
    shop: Shop,
    server: Server,
    raw: Raw,
}

/// A server with an administrator and nothing else.
fn site() -> Site {
    let shop = Shop::open();
    let mut add = shop.command(["user", "add", USER, "--pass-in", "env:P"]);
    let added: Run = add.env("P", PASSWORD).output().unwrap().into();
    assert_eq!(added.code, 0, "{}", added.err);
    let server = Server::start(&shop);
    let raw = Raw::new(&server.base);
    Site { shop, server, raw }
}

impl Site {
    fn sha256(&self, alias: &str) -> String {
        self.shop.json(["show", alias]).json()["result"]["sha256"].as_str().unwrap().to_owned()
    }

    fn aliases(&self) -> Vec<String> {
        let listed = self.shop.json(["ls"]).json();
        let entries = listed["result"]["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| entry["alias"].as_str().unwrap().to_owned()).collect()
    }

    /// Ends the server; nothing that it wrote holds the password.
    fn stop(self) {
        let said = self.server.stop();
        assert!(!said.contains("p@ss"), "{said}");
    }
}

#[track_caller]
fn token_of(reply: &Reply) -> String {
    reply.json()["token"].as_str().unwrap_or_else(|| panic!("{}", reply.json())).to_owned()
}

#[test]
fn chef_configures_a_portal() {
    let site = site();
    let raw = &site.raw;
    let token = || {
        token_of(&ruby::with_form(
            raw,
            "POST",
            "/arcgis/sharing/rest/generateToken",
            &[
                ("username", USER),
                ("password", PASSWORD),
                ("client", "referer"),
                ("referer", "referer"),
                ("expiration", "600"),
                ("f", "json"),
            ],
        ))
    };
    // Whether the site exists: any answer with the code 499 says so.
    assert_eq!(ruby::get(raw, "/arcgis/portaladmin/?f=json").json()["error"]["code"], 499);

    let machines = ruby::get(raw, &format!("/arcgis/portaladmin/machines?token={}&f=json", token())).json();
    let machine = machines["machines"][0]["machineName"].as_str().unwrap();
    let list = format!("/arcgis/portaladmin/machines/{machine}/sslCertificates");
    let listed = ruby::get(raw, &format!("{list}?token={}&f=json", token())).json();
    assert_eq!(listed["sslCertificates"], serde_json::json!(["selfsignedcertificate"]));

    // The certificate is looked for with the token in the body of a GET.
    let exists = |alias: &str| {
        let pairs = [("token", token()), ("f", "json".to_owned())];
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = ruby::with_form(raw, "GET", &format!("{list}/{alias}"), &pairs).json();
        ["PrivateKeyEntry", "trustedCertEntry"].iter().any(|kind| answer["entryType"] == *kind)
    };
    assert!(!exists("root") && !exists("www"));
    let root = ("file", "root-rsa.pem", "application/x-x509-ca-cert", manifest::read(ROOT));
    let token_now = token();
    let fields = [("alias", "root"), ("norestart", "true"), ("token", &token_now), ("f", "json")];
    let path = format!("{list}/importRootOrIntermediate");
    ruby::upload(raw, &path, (root.0, root.1, root.2, &root.3), &fields).is_success();
    let pfx = manifest::read(OLD);
    let import = |password: &str| {
        let token = token();
        let fields = [("password", password), ("alias", "www"), ("token", &token), ("f", "json")];
        let path = format!("{list}/importExistingServerCertificate");
        ruby::upload(raw, &path, ("file", "www", PKCS12, &pfx), &fields)
    };
    // The error is an error where Chef looks: HTTP 200 with `error`.
    let refused = import("wrong");
    assert_eq!(refused.status, 200);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("Importing CA certificate failed: wrong password"), "{message}");
    import("changeit").is_success();
    assert!(exists("root") && exists("www") && exists("WWW"));

    let listed = ruby::get(raw, &format!("{list}?token={}&f=json", token())).json();
    let hsts = listed["HSTSEnabled"].to_string();
    let text = |name: &str| listed[name].as_str().unwrap();
    let token_now = token();
    let fields = [
        ("webServerCertificateAlias", "www"),
        ("sslProtocols", text("sslProtocols")),
        ("cipherSuites", text("cipherSuites")),
        ("HSTSEnabled", &hsts),
        ("token", &token_now),
        ("f", "json"),
    ];
    ruby::with_form(raw, "POST", &format!("{list}/update"), &fields).is_success();
    assert_eq!(raw.shows(), site.sha256("www"));
    assert!(ruby::get(raw, "/arcgis/portaladmin").status < 400);
    let listed = ruby::get(raw, &format!("{list}?token={}&f=json", token())).json();
    assert_eq!(listed["webServerCertificateAlias"], "www");
    site.stop();
}

#[test]
fn chef_configures_a_server() {
    let site = site();
    let raw = &site.raw;
    let fields = [
        ("username", USER),
        ("password", PASSWORD),
        ("client", "referer"),
        ("referer", "referer"),
        ("expiration", "600"),
        ("f", "json"),
    ];
    let token = token_of(&ruby::with_form(raw, "POST", "/arcgis/admin/generateToken", &fields));
    let read = |path: &str| {
        ruby::with_form(raw, "POST", &format!("/arcgis/admin{path}"), &[("token", &token), ("f", "json")])
            .json()
    };
    let machine = read("/local")["machineName"].as_str().unwrap().to_owned();
    let list = format!("/machines/{machine}/sslcertificates");
    // True where entryType is that or nothing, unless the status is an error.
    let exists = |alias: &str, kind: &str| {
        let answer = read(&format!("{list}/{alias}"));
        answer["status"] != "error" && (answer["entryType"].is_null() || answer["entryType"] == kind)
    };
    assert!(!exists("root", "trustedCertEntry"));
    let root = manifest::read(ROOT);
    let pairs = [("alias", "root"), ("token", &token), ("f", "json")];
    let path = format!("/arcgis/admin{list}/importRootOrIntermediate");
    let file = ("rootCACertificate", "root-rsa.pem", "application/x-x509-ca-cert", root.as_slice());
    ruby::upload(raw, &path, file, &pairs).is_success();
    assert!(exists("root", "trustedCertEntry"));

    assert_eq!(read(&format!("/machines/{machine}"))["webServerCertificateAlias"], "selfsignedcertificate");
    assert!(!exists("www", "PrivateKeyEntry"));
    let pfx = manifest::read(OLD);
    let import = |password: &str| {
        let pairs = [("certPassword", password), ("alias", "www"), ("token", &token), ("f", "json")];
        let path = format!("/arcgis/admin{list}/importExistingServerCertificate");
        ruby::upload(raw, &path, ("certFile", "www", PKCS12, &pfx), &pairs)
    };
    let refused = import("wrong").json();
    assert_eq!(refused["status"], "error");
    assert!(refused["messages"][0].as_str().unwrap().starts_with("Importing CA certificate failed: "));
    import("changeit").is_success();
    assert!(exists("www", "PrivateKeyEntry"));

    // Twice: the address, then the certificate.
    let machine_now = read(&format!("/machines/{machine}"));
    assert!(machine_now["ports"].is_object(), "{machine_now}");
    let edit = |alias: &str| {
        let property = |name: &str| machine_now[name].to_string().replace('"', "");
        let (url, heap, soc) =
            (property("adminURL"), property("webServerMaxHeapSize"), property("socMaxHeapSize"));
        let pairs = [
            ("adminURL", url.as_str()),
            ("webServerMaxHeapSize", &heap),
            ("webServerCertificateAlias", alias),
            ("socMaxHeapSize", &soc),
            ("token", &token),
            ("f", "json"),
        ];
        ruby::with_form(raw, "POST", &format!("/arcgis/admin/machines/{machine}/edit"), &pairs)
    };
    edit("selfsignedcertificate").is_success();
    edit("www").is_success();
    assert_eq!(raw.shows(), site.sha256("www"));
    assert_eq!(read(&format!("/machines/{machine}"))["webServerCertificateAlias"], "www");
    site.stop();
}

#[test]
fn ansible_configures_a_server() {
    let site = site();
    let raw = &site.raw;
    let host = &raw.host;
    let request = |method: &str, path: &str, more: &str, body: &[u8]| {
        let mut bytes = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: python-requests/2.32.3\r\n\
             Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\n{more}"
        )
        .into_bytes();
        if method == "POST" {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        raw.send(&bytes)
    };
    let fields = [("username", USER), ("password", PASSWORD), ("client", "referer"), ("f", "json")];
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let token = token_of(&request("POST", "/arcgis/admin/generateToken", kind, form(&fields).as_bytes()));
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let list = format!("/arcgis/admin/machines/{MACHINE}/sslcertificates");
    let look = |alias: &str| request("GET", &format!("{list}/{alias}?f=json"), &bearer, b"").json();
    assert_eq!(look("www")["code"], 404);
    assert_eq!(look("www")["status"], "error");

    let upload = |operation: &str, pairs: &[(&str, &str)], field: &str, content: &[u8]| {
        let boundary = "4f6b1c7d2e8a49b08c5d3e1f6a7b8c9d";
        let mut body = Vec::new();
        for (name, value) in pairs {
            let part =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let part = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{field}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(part.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let more = format!("{bearer}Content-Type: multipart/form-data; boundary={boundary}\r\n");
        request("POST", &format!("{list}/{operation}"), &more, &body)
    };
    let pairs = [("alias", "root"), ("f", "json")];
    upload("importRootOrIntermediate", &pairs, "rootCACertificate", &manifest::read(ROOT)).is_success();
    let pfx = manifest::read(OLD);
    let pairs = [("certPassword", "wrong"), ("alias", "www"), ("f", "json")];
    let refused = upload("importExistingServerCertificate", &pairs, "certFile", &pfx).json();
    assert_eq!((&refused["status"], &refused["code"]), (&"error".into(), &400.into()), "{refused}");
    let pairs = [("certPassword", "changeit"), ("alias", "www"), ("f", "json")];
    upload("importExistingServerCertificate", &pairs, "certFile", &pfx).is_success();
    assert_eq!(look("www")["entryType"], "PrivateKeyEntry");

    let machine = request("GET", &format!("/arcgis/admin/machines/{MACHINE}?f=json"), &bearer, b"").json();
    let property = |name: &str| machine[name].to_string().replace('"', "");
    let (url, heap, soc) =
        (property("adminURL"), property("webServerMaxHeapSize"), property("socMaxHeapSize"));
    let pairs = [
        ("webServerCertificateAlias", "www"),
        ("adminURL", &url),
        ("webServerMaxHeapSize", &heap),
        ("socMaxHeapSize", &soc),
        ("f", "json"),
    ];
    let path = format!("/arcgis/admin/machines/{MACHINE}/edit");
    request("POST", &path, &format!("{bearer}{kind}"), form(&pairs).as_bytes()).is_success();
    assert_eq!(raw.shows(), site.sha256("www"));
    site.stop();
}

/// The token of DSC, which names no client.
fn dsc_token(raw: &Raw, path: &str, referer: &str) -> String {
    let pairs = [
        ("username", USER),
        ("password", PASSWORD),
        ("referer", referer),
        ("expiration", "60"),
        ("f", "json"),
    ];
    token_of(&powershell::post(raw, path, referer, &pairs))
}

#[test]
fn scripts_find_the_success_to_the_letter() {
    let site = site();
    let raw = &site.raw;
    let token = dsc_token(raw, "/arcgis/sharing/rest/generateToken", "https://x");
    let list = "/arcgis/portaladmin/security/sslCertificates";
    let root = manifest::read(ROOT);
    let fields = [("alias", "root"), ("token", token.as_str()), ("f", "json")];
    let file = ("rootCSCertificate", "root", "text/plain", root.as_slice());
    ruby::upload(raw, &format!("{list}/importRootOrIntermediate"), file, &fields).is_success();
    // The names of a server's fields at the address of a portal.
    let fields = [("certPassword", "changeit"), ("alias", "www"), ("token", token.as_str()), ("f", "json")];
    let (pfx, path) = (manifest::read(OLD), format!("{list}/importExistingServerCertificate"));
    let reply = ruby::upload(raw, &path, ("certFile", "www.pfx", PKCS12, &pfx), &fields);
    assert_eq!(String::from_utf8(reply.body).unwrap(), r#"{"status":"success"}"#);
    site.stop();
}
