//! PowerShell DSC, for a portal and a server.

use super::*;

#[test]
fn dsc_renews_the_certificate_of_a_portal() {
    let site = site();
    let raw = &site.raw;
    let referer = format!("https://{MACHINE}:7443");
    assert!(powershell::get(raw, "/arcgis/portaladmin/healthCheck/?f=json", &referer).status < 300);
    assert!(powershell::get(raw, "/arcgis/sharing/rest/generateToken", &referer).status < 300);
    let token = dsc_token(raw, "/arcgis/sharing/rest/generateToken", &referer);
    let get = |path: &str| {
        powershell::get(raw, &format!("/arcgis/portaladmin/{path}f=json&token={token}"), &referer).json()
    };
    let version: Vec<u32> =
        get("?")["version"].as_str().unwrap().split('.').map(|part| part.parse().unwrap()).collect();
    assert!(version >= vec![11, 3], "so that importCertificateChain is sent");
    let list = format!("machines/{}/sslCertificates", MACHINE.to_ascii_uppercase());
    let upload = |operation: &str, pairs: &[(&str, &str)], name: &str, content: &[u8]| {
        let all: Vec<(&str, &str)> =
            [("f", "json"), ("token", token.as_str())].iter().chain(pairs).copied().collect();
        let path = format!("/arcgis/portaladmin/{list}/{operation}");
        powershell::upload(raw, &path, &referer, &all, ("file", name, content))
    };
    let import = |alias: &str, file: &str| {
        let pairs = [("alias", alias), ("password", "changeit"), ("importCertificateChain", "True")];
        upload("importExistingServerCertificate", &pairs, "www.pfx", &manifest::read(file)).is_success();
    };
    let post = |operation: &str, pairs: &[(&str, &str)]| {
        let all: Vec<(&str, &str)> =
            [("f", "json"), ("token", token.as_str())].iter().chain(pairs).copied().collect();
        powershell::post(raw, &format!("/arcgis/portaladmin/{list}/{operation}"), &referer, &all)
            .is_success();
    };
    let update = |alias: &str| {
        post(
            "update",
            &[
                ("webServerCertificateAlias", alias),
                ("sslProtocols", "TLSv1.2,TLSv1.3"),
                ("cipherSuites", "TLS_AES_256_GCM_SHA384,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
                ("HSTSEnabled", "False"),
            ],
        );
    };
    let root = manifest::read(ROOT);
    upload("importRootOrIntermediate", &[("alias", "Root"), ("norestart", "True")], "root.cer", &root)
        .is_success();

    // The first time.
    import("WWW", OLD);
    update("WWW");
    assert_eq!(raw.shows(), site.sha256("www"));
    let first = get(&format!("{list}/www?"))["sha1Fingerprint"].clone();

    // The renewal: by way of another alias, since ArcGIS replaces nothing.
    import("www-temp", NEW);
    update("www-temp");
    assert_eq!(raw.shows(), site.sha256("www-temp"));
    post("www/delete", &[]);
    import("www", NEW);
    update("www");
    post("www-temp/delete", &[]);
    assert_ne!(get(&format!("{list}/www?"))["sha1Fingerprint"], first);
    assert_eq!(raw.shows(), site.sha256("www"));
    assert_eq!(get(&format!("{list}?"))["webServerCertificateAlias"], "www");
    let aliases = site.aliases();
    assert!(!aliases.iter().any(|alias| alias == "www-temp"), "{aliases:?}");
    site.stop();
}

#[test]
fn dsc_configures_a_server() {
    let site = site();
    let raw = &site.raw;
    let referer = format!("https://{MACHINE}:6443");
    let token = dsc_token(raw, "/arcgis/admin/generateToken", &referer);
    let list = format!("/arcgis/admin/machines/{MACHINE}/sslcertificates");
    let listed = powershell::get(raw, &format!("{list}?f=json&token={token}"), &referer).json();
    for key in ["certificates", "sslCertificates"] {
        assert_eq!(listed[key], serde_json::json!(["selfsignedcertificate"]));
    }
    let upload = |operation: &str, pairs: &[(&str, &str)], field: &str, content: &[u8]| {
        let all: Vec<(&str, &str)> =
            [("f", "json"), ("token", token.as_str())].iter().chain(pairs).copied().collect();
        powershell::upload(raw, &format!("{list}/{operation}"), &referer, &all, (field, "file.pfx", content))
    };
    upload("importRootOrIntermediate", &[("alias", "root")], "rootCACertificate", &manifest::read(ROOT))
        .is_success();
    let pairs = [("alias", "www"), ("certPassword", "changeit"), ("importCertificateChain", "True")];
    upload("importExistingServerCertificate", &pairs, "certFile", &manifest::read(OLD)).is_success();

    // Every property goes back, and the alias with them.
    let path = format!("/arcgis/admin/machines/{MACHINE}");
    let machine = powershell::get(raw, &format!("{path}?f=json&token={token}"), &referer).json();
    let properties: Vec<(String, String)> = machine
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let alias = Value::String("www".to_owned());
            let value = if name == "webServerCertificateAlias" { &alias } else { value };
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    let mut pairs: Vec<(&str, &str)> =
        properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.extend([("f", "json"), ("token", token.as_str())]);
    powershell::post(raw, &format!("{path}/edit"), &referer, &pairs).is_success();
    assert_eq!(raw.shows(), site.sha256("www"));
    site.stop();
}
