//! Several machines of one process, each with a store of its own.

use super::*;

/// Two machines of one process.
#[test]
fn each_machine_has_its_store_and_the_client_says_which_it_means() {
    if !has_curl() || !has_openssl() {
        return;
    }
    let (one, two) = (shop(), Shop::open());
    assert_eq!(two.run(["ca", "import", "root", "chains/root-rsa.pem"]).code, 0);
    let folder = one.folder.path();
    let file = folder.join("machines.toml");
    let text = format!(
        "[[machine]]\nname = \"GIS.fixture.test\"\nstore = \"keystore.db\"\nunlock = \"file:keystore.key\"\n\n[[machine]]\nname = \"second\"\nnames = [\"second.fixture.test\"]\nstore = \"{}\"\n",
        two.store().display()
    );
    fs::write(&file, text).unwrap();
    let mut command = Command::new(strongroom_tests::command::binary());
    command
        .env_clear()
        .args(["--json", "--no-input", "serve", "--listen", "127.0.0.1:0", "--machines"])
        .arg(&file);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    let ended = Ended(child);
    let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(ready["result"]["machines"][1]["machine"], "second", "{ready}");
    let base = ready["result"]["url"].as_str().unwrap().strip_suffix("/portaladmin").unwrap().to_owned();
    let port = base.split([':', '/']).nth(4).unwrap().to_owned();
    assert_eq!(
        shown(&base, &["-servername", "gis.fixture.test"]).as_deref(),
        Some("O=SelfSignedCertificate, CN=GIS.fixture.test")
    );
    assert_eq!(
        shown(&base, &["-servername", "SECOND.fixture.test"]).as_deref(),
        Some("O=SelfSignedCertificate, CN=second")
    );
    let curl = |host: &str, path: &str, fields: &[&str]| -> Value {
        let mut run = Command::new("curl");
        run.args(["-sSk", "--connect-to", &format!("{host}:{port}:127.0.0.1:{port}")]);
        for field in fields {
            run.args(["--data-urlencode", field]);
        }
        let output = run.arg(format!("https://{host}:{port}/arcgis{path}")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    };
    let password = format!("password={PASSWORD}");
    let signed_in =
        curl("second", "/sharing/rest/generateToken", &["username=siteadmin", &password, "f=json"]);
    let token = format!("token={}", signed_in["token"].as_str().unwrap());
    let get = |host: &str, path: &str| curl(host, path, &["f=json", &token]);
    for root in ["/portaladmin/machines", "/admin/machines"] {
        let machines = get("127.0.0.1", root);
        let names: Vec<&str> = machines["machines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|machine| machine["machineName"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["GIS.fixture.test", "second"], "{machines}");
    }
    let aliases = |host: &str, path: &str| get(host, path)["sslCertificates"].clone();
    let second = json!(["root", "selfsignedcertificate"]);
    assert_eq!(aliases("127.0.0.1", "/portaladmin/machines/Second.Fixture.Test/sslCertificates"), second);
    assert_eq!(aliases("second", "/portaladmin/security/sslCertificates"), second);
    assert!(
        aliases("gis.fixture.test", "/portaladmin/security/sslCertificates").as_array().unwrap().len() > 2
    );
    let which = get("127.0.0.1", "/portaladmin/security/sslCertificates");
    assert!(
        which["error"]["message"]
            .as_str()
            .unwrap()
            .starts_with("This resource is not accessible for highly available Portals."),
        "{which}"
    );
    assert_eq!(get("second", "/portaladmin/machines/third/sslCertificates")["error"]["code"], 404);
    let unknown = get("second", "/admin/machines/third/sslcertificates");
    assert_eq!((&unknown["status"], &unknown["code"]), (&json!("error"), &json!(404)));
    // HSTS of one is not that of the other.
    let update = "/portaladmin/machines/second/sslCertificates/update";
    let done = curl(
        "second",
        update,
        &["webServerCertificateAlias=selfsignedcertificate", "HSTSEnabled=true", "f=json", &token],
    );
    assert_eq!(done["status"], "success", "{done}");
    assert_eq!(two.json(["web-server"]).json()["result"]["hsts"], true);
    assert_eq!(one.json(["web-server"]).json()["result"]["hsts"], false);
    drop(ended);
}

struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_wrong_file_of_machines_is_told_with_its_line_and_what_to_write() {
    let shop = Shop::open();
    let file = shop.folder.path().join("machines.toml");
    fs::write(&file, "[[machine]]\nname = \"gis\"\nstor = \"keystore.db\"\n").unwrap();
    let run = shop.json(["serve", "--machines", file.to_str().unwrap()]);
    let error = &run.json()["error"];
    assert_eq!((run.code, run.error_code().as_str()), (2, "invalid_machines_file"), "{}", run.out);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("machines.toml, line 3: unknown field `stor`"), "{message}");
    assert!(error["help"].as_str().unwrap().contains("[[machine]]"));
    let run = shop.json(["serve", "--machines", "none.toml"]);
    assert_eq!((run.code, run.error_code().as_str()), (6, "machines_file_unreadable"));
    fs::write(&file, "[[machine]]\nname = \"gis\"\nstore = \"none.db\"\n").unwrap();
    let run = shop.json(["serve", "--machines", file.to_str().unwrap()]);
    assert_eq!(run.error_code(), "store_missing");
    assert!(run.json()["error"]["message"].as_str().unwrap().starts_with("machine gis: "), "{}", run.out);
}
