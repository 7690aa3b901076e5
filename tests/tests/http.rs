//! The served API as curl and a browser see it, over TLS, with a store on disk behind it.

use serde_json::{Value, json};
use strongroom_tests::{
    command::{Run, Shop},
    manifest,
    server::{Server, has_curl},
};

const PASSWORD: &str = "p@ss wörd&+%!#";
const IMPORT: &str = "/portaladmin/machines/gis.fixture.test/sslCertificates/importExistingServerCertificate";
const ROOT: &str = "/portaladmin/security/sslCertificates/importRootOrIntermediate";

fn shop_with_user() -> Shop {
    let shop = Shop::open();
    let add: Run = shop
        .command(["user", "add", "siteadmin", "--pass-in", "env:P"])
        .env("P", PASSWORD)
        .output()
        .unwrap()
        .into();
    assert_eq!(add.code, 0, "{}", add.err);
    shop
}

/// A hidden field of a page, as a form sends it.
fn hidden(page: &str, name: &str) -> String {
    let named = format!("name=\"{name}\"");
    let field = page.split("<input").find(|input| input.contains(&named)).unwrap_or_default();
    let value = field.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    format!("{name}={value}")
}

/// The fields of the operation, answered as JSON.
fn import(token: &str, alias: &str, file: &str, password: &str) -> Vec<String> {
    import_as("json", token, alias, file, password)
}

fn import_as(f: &str, token: &str, alias: &str, file: &str, password: &str) -> Vec<String> {
    let form = |text: String| ["-F".to_owned(), text];
    [
        form(format!("file=@{file}")),
        form(format!("alias={alias}")),
        form(format!("password={password}")),
        form(format!("f={f}")),
        form(format!("token={token}")),
    ]
    .concat()
}

fn words(arguments: &[String]) -> impl Iterator<Item = &str> {
    arguments.iter().map(String::as_str)
}

/// A fixture of OpenSSL's that opens under [`PASSWORD`], with the CA that it needs.
fn odd_password() -> (String, String) {
    let row = manifest::load()
        .fixture
        .into_iter()
        .find(|row| row.password == PASSWORD && row.expect == "ok" && row.anchors.len() == 1)
        .unwrap();
    (row.file, row.anchors[0].clone())
}

#[test]
fn curl_imports_with_the_answers_that_arcgis_clients_know() {
    if !has_curl() {
        return;
    }
    let shop = shop_with_user();
    let server = Server::start(&shop);
    let token = server.token("siteadmin", PASSWORD);

    let refused: Value = server.json(IMPORT, words(&import(&token, "www", "pkcs12/www.p12", "changeit")));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("CN=Strongroom Fixture Root R1"), "{refused}");
    assert_eq!(refused["error"]["code"], 400);

    let root = ["-F", "file=@chains/root-rsa.pem", "-F", "alias=root", "-F", "f=json", "-F"];
    let token_field = format!("token={token}");
    assert_eq!(server.curl(ROOT, root.into_iter().chain([token_field.as_str()])), r#"{"status":"success"}"#);
    for _ in 0..2 {
        let answer = server.curl(IMPORT, words(&import(&token, "www", "pkcs12/www.p12", "changeit")));
        assert_eq!(answer, r#"{"status":"success"}"#, "the same again is a success");
    }
    let taken = server.json(IMPORT, words(&import(&token, "WWW", "pkcs12/www-direct.p12", "changeit")));
    assert_eq!(taken["error"]["code"], 409, "{taken}");
    let wrong = server.json(IMPORT, words(&import(&token, "x", "pkcs12/www-direct.p12", "changed")));
    assert!(wrong["error"]["message"].as_str().unwrap().contains("wrong password"), "{wrong}");

    let bearer = format!("X-Esri-Authorization: Bearer {token}");
    for root in
        ["/portaladmin/security/sslcertificates", "/portaladmin/machines/GIS.fixture.test/sslCertificates/"]
    {
        let list = server.json(&format!("{root}?f=pjson"), ["-H", &bearer]);
        assert_eq!(
            list["sslCertificates"],
            json!(["root", "selfsignedcertificate", "www", "www_intermediate"])
        );
    }
    let one = server.json("/portaladmin/security/sslCertificates/www?f=json", ["-H", &bearer]);
    assert_eq!((&one["aliasName"], &one["entryType"]), (&"www".into(), &"PrivateKeyEntry".into()));

    // Another process sees it at once.
    let listed = shop.json(["show", "www"]).json();
    assert_eq!(listed["result"]["sha256"], one["sha256Fingerprint"]);
}

#[test]
fn refusals_have_the_portal_shape() {
    if !has_curl() {
        return;
    }
    let shop = shop_with_user();
    let server = Server::start(&shop);
    let none = server.json("/portaladmin/security/sslCertificates?f=json", []);
    assert_eq!(none["error"]["code"], 499);
    let bad = server.json("/portaladmin/security/sslCertificates?f=json&token=abc", []);
    assert_eq!(bad["error"]["code"], 498);
    let token = server.token("siteadmin", PASSWORD);
    let elsewhere = IMPORT.replace("gis.fixture.test", "other.fixture.test");
    let machine = server.json(&elsewhere, words(&import(&token, "www", "pkcs12/www.p12", "changeit")));
    let message = machine["error"]["message"].as_str().unwrap();
    assert!(message.contains("other.fixture.test") && message.contains("gis.fixture.test"), "{machine}");
    let missing =
        server.json(&format!("/portaladmin/security/sslCertificates/none?f=json&token={token}"), []);
    assert_eq!(missing["error"]["code"], 404);
    let login =
        server.json("/sharing/rest/generateToken", ["-d", "username=siteadmin&password=wrong&f=json"]);
    assert_eq!(
        login,
        json!({"error": {"code": 400, "message": "Unable to generate token.", "details": ["Invalid username or password."]}})
    );
    let status = server.curl("/portaladmin?f=json", ["-o", "/dev/null", "-w", "%{http_code}"]);
    assert_eq!(status, "200", "errors are answered with HTTP 200");
}

#[test]
fn importing_the_chain_follows_its_parameter() {
    if !has_curl() {
        return;
    }
    let shop = shop_with_user();
    shop.import_root();
    let server = Server::start(&shop);
    let token = server.token("siteadmin", PASSWORD);
    let mut without = import(&token, "www", "pkcs12/www.p12", "changeit");
    without.extend(["-F".to_owned(), "importCertificateChain=False".to_owned()]);
    let refused = server.json(IMPORT, words(&without));
    assert!(refused["error"]["message"].as_str().unwrap().contains("Fixture Intermediate R2"), "{refused}");
    assert_eq!(shop.run(["ca", "import", "issuing", "chains/intermediate-rsa.pem"]).code, 0);
    assert_eq!(server.curl(IMPORT, words(&without)), r#"{"status":"success"}"#);
    let listing = shop.json(["ls"]).json();
    let aliases: Vec<&str> = listing["result"]["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["alias"].as_str().unwrap())
        .collect();
    assert_eq!(aliases, ["issuing", "root", "selfsignedcertificate", "www"]);
}

#[test]
fn a_form_in_a_browser_signs_in_and_imports() {
    if !has_curl() {
        return;
    }
    let shop = shop_with_user();
    let server = Server::start(&shop);
    let (file, ca) = odd_password();
    assert_eq!(shop.run(["ca", "import", "ca", &ca]).code, 0);
    let jar = shop.folder.path().join("cookies").display().to_string();
    let (keep, send) = (["-c", &jar], ["-b", &jar]);

    // Without a session the form's address shows the sign-in page.
    let page = server.curl(IMPORT, keep);
    assert!(
        page.contains("<form") && page.contains("type=\"password\"") && !page.contains("type=\"file\""),
        "{page}"
    );
    let password = format!("password={PASSWORD}");
    let csrf = hidden(&page, "csrfPreventToken");
    let fields = ["--data-urlencode", "username=siteadmin", "--data-urlencode", &password, "-d", &csrf];
    server.curl("/portaladmin/login", keep.into_iter().chain(send).chain(fields));
    let form = server.curl(IMPORT, send);
    assert!(form.contains("type=\"file\"") && form.contains("Import certificate chain"), "{form}");
    let csrf = hidden(&form, "csrfPreventToken");
    assert!(csrf.len() > "csrfPreventToken=".len() + 16, "{form}");
    let upload = format!("file=@{file}");
    let fields = ["-F", &upload, "-F", "alias=odd", "-F", &password, "-F", "importCertificateChain=true"];
    let forged = server.curl(IMPORT, send.into_iter().chain(fields));
    assert!(!shop.run(["ls"]).out.contains("odd"), "without the form's token nothing is imported: {forged}");
    let done = server.curl(IMPORT, send.into_iter().chain(fields).chain(["-F", &csrf]));
    assert!(shop.run(["ls"]).out.contains("\nodd "), "{done}");
    assert!(!done.contains(PASSWORD));
}

#[test]
fn no_password_and_no_key_shows_anywhere() {
    if !has_curl() {
        return;
    }
    let shop = shop_with_user();
    let server = Server::start(&shop);
    let token = server.token("siteadmin", PASSWORD);
    let (file, ca) = odd_password();
    assert_eq!(shop.run(["ca", "import", "ca", &ca]).code, 0);
    let mut seen = String::new();
    let doors = ["right", "wrong"]
        .map(|door| if door == "right" { PASSWORD.to_owned() } else { format!("{PASSWORD}-wrong") });
    for (n, password) in doors.iter().enumerate() {
        for f in ["json", "pjson", "html"] {
            let arguments = import_as(f, &token, &format!("odd{n}{f}"), &file, password);
            seen.push_str(&server.curl(IMPORT, words(&arguments)));
        }
        for json in [true, false] {
            let alias = format!("cli{n}{json}");
            let mut command = shop.command(["import", &alias, &file, "--pass-in", "env:P"]);
            if json {
                command.arg("--json");
            }
            let run: Run = command.env("P", password).output().unwrap().into();
            seen.push_str(&run.out);
            seen.push_str(&run.err);
        }
    }
    seen.push_str(&server.curl(&format!("/portaladmin/security/sslCertificates?token={token}"), []));
    seen.push_str(&server.curl(&format!("/portaladmin/security/sslCertificates/odd0json?token={token}"), []));
    seen.push_str(&server.stop());
    // A page that was asked for with a token in its address carries it on in its forms; a password is nowhere.
    for secret in [PASSWORD, "p%40ss", "p@ss w", "p&#64;ss", "w&#246;rd"] {
        assert!(!seen.contains(secret), "{secret} shows");
    }
    // The decrypted key, as OpenSSL would write it, is in no file of the store.
    let key = opened_key(&file);
    for (path, content) in shop.content() {
        for needle in [PASSWORD.as_bytes(), token.as_bytes(), &key] {
            let found = content.windows(needle.len()).any(|window| window == needle);
            assert!(!found, "{}", path.display());
        }
    }
}

/// 24 bytes of the private key, past what public keys share with it.
fn opened_key(file: &str) -> Vec<u8> {
    use strongroom::{
        Password,
        limits::{KdfBudget, Limits},
        pkcs12::Pfx,
    };
    let (limits, password) = (Limits::default(), Password::new(PASSWORD).unwrap());
    let (bytes, mut budget) = (manifest::read(file), KdfBudget::new(&limits));
    let pfx = Pfx::from_bytes(&bytes, &limits).unwrap().verify(&password, &mut budget).unwrap();
    let contents = pfx.decrypt(None, &mut budget).unwrap();
    let der = contents.keys[0].key.expose_pkcs8_der();
    // PKCS #8 of P-256 has its scalar at 36; of RSA-2048 its private exponent begins before the middle.
    let start = if der.len() < 200 { 38 } else { der.len() / 2 };
    der[start..start + 24].to_vec()
}
