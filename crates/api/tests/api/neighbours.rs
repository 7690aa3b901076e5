//! What clients read beside the certificates, in both flavours.

use axum::{body::Body, http::Request};

use crate::harness::{ADMIN, GENERATE_TOKEN, PASSWORD, Server, encoded};

#[tokio::test]
async fn portal_has_what_clients_look_for_beside_certificates() {
    let server = Server::new();
    let token = server.token().await;
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let machine = format!(
        "{{\"machineName\":\"gis.fixture.test\",\"adminURL\":\"https://gis.test:7443/arcgis\",\
         \"role\":\"primary\",\"platform\":\"{platform}\"}}"
    );
    let user = "{\"username\":\"siteadmin\",\"fullName\":\"siteadmin\",\"role\":\"org_admin\",\
                \"privileges\":[\"portal:admin:manageSecurity\",\"portal:admin:manageServers\"]}";
    for (path, expected) in [
        (
            "portaladmin/",
            "{\"isPostUpgrade\":true,\"isLicensePopulated\":true,\"isPortalLicensed\":true,\
             \"resources\":[\"logs\",\"machines\",\"security\",\"system\"],\"version\":\"11.3\"}",
        ),
        ("portaladmin/healthCheck/", "{\"status\":\"success\"}"),
        ("portaladmin/machines", &format!("{{\"machines\":[{machine}]}}")),
        ("portaladmin/machines/gis.fixture.test", &machine),
        ("portaladmin/security", "{\"resources\":[\"config\",\"sslCertificates\",\"tokens\"]}"),
        ("sharing/rest", "{\"currentVersion\":\"2024.1\",\"enterpriseVersion\":\"11.3\"}"),
        (
            "sharing/rest/info",
            "{\"owningSystemUrl\":\"https://gis.test:7443/arcgis\",\"authInfo\":{\"tokenServicesUrl\":\
             \"https://gis.test:7443/arcgis/sharing/rest/generateToken\",\"isTokenBasedSecurity\":true}}",
        ),
        (
            "sharing/rest/portals/self",
            &format!(
                "{{\"id\":\"0123456789ABCDEF\",\"name\":\"Strongroom\",\"portalName\":\"Strongroom\",\
                 \"portalHostname\":\"gis.test:7443\",\"portalMode\":\"singletenant\",\"isPortal\":true,\
                 \"allSSL\":true,\"currentVersion\":\"2024.1\",\"user\":{user}}}"
            ),
        ),
        (
            "sharing/rest/portals/self/servers",
            &format!(
                "{{\"servers\":[{},{}]}}",
                federated("mission", "ARCGIS_MISSION_SERVER", "MissionServer"),
                federated("notebook", "ARCGIS_NOTEBOOK_SERVER", "NotebookServer")
            ),
        ),
        (
            "portaladmin/logs/settings",
            "{\"logDir\":\"\",\"logLevel\":\"INFO\",\"maxErrorReportsCount\":0,\"maxLogFileAge\":0}",
        ),
        (
            "portaladmin/security/tokens",
            "{\"type\":\"BUILTIN\",\"properties\":{\"shortTimeout\":60,\"longTimeout\":1440}}",
        ),
        ("portaladmin/system", "{\"resources\":[]}"),
        ("sharing/rest/community/self", user),
        ("sharing/rest/community/users/SITEADMIN", user),
    ] {
        let request = Request::get(format!("/arcgis/{path}?f=json&token={token}"));
        let request = request.header("Host", "gis.test:7443").header("X-Forwarded-Host", "evil.test");
        let reply = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.text, expected, "{path}");
    }
}

/// A server of the portal, as the arcgis package looks for it.
fn federated(id: &str, kind: &str, function: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"name\":\"gis.test:7443\",\"adminUrl\":\"https://gis.test:7443/arcgis\",\
         \"url\":\"https://gis.test:7443/arcgis\",\"isHosted\":false,\"serverType\":\"{kind}\",\
         \"serverRole\":\"FEDERATED_SERVER\",\"serverFunction\":\"{function}\"}}"
    )
}

#[tokio::test]
async fn server_has_what_clients_look_for_beside_certificates() {
    let server = Server::new();
    let token = server.token().await;
    let platform = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let local = "{\"machineName\":\"gis.fixture.test\",\"adminURL\":\"https://gis.test:6443/arcgis/admin\"}";
    let machine = format!(
        "{{\"machineName\":\"gis.fixture.test\",\"adminURL\":\"https://gis.test:6443/arcgis/admin\",\
         \"platform\":\"{platform}\",\"ports\":{{\"HTTPS\":6443}},\"webServerMaxHeapSize\":-1,\
         \"socMaxHeapSize\":64,\"webServerSSLEnabled\":true,\
         \"webServerCertificateAlias\":\"selfsignedcertificate\",\"configuredState\":\"STARTED\",\
         \"synchronize\":false,\"underMaintenance\":false}}"
    );
    let root = "{\"resources\":[\"logs\",\"machines\",\"security\",\"system\"],\"currentVersion\":11.3,\
                \"fullVersion\":\"11.3\"}";
    for (path, expected) in [
        ("admin", root),
        ("admin/", root),
        ("admin/local", local),
        ("admin/machines", &format!("{{\"machines\":[{local}]}}")),
        ("admin/machines/", &format!("{{\"machines\":[{local}]}}")),
        ("admin/machines/GIS.fixture.test/", &machine),
        ("admin/security", "{\"resources\":[\"config\",\"tokens\"]}"),
        (
            "admin/security/tokens",
            "{\"type\":\"BUILTIN\",\"properties\":{\"shortTimeout\":60,\"longTimeout\":1440}}",
        ),
        (
            "admin/logs/settings",
            "{\"settings\":{\"logDir\":\"\",\"logLevel\":\"INFO\",\"maxErrorReportsCount\":0,\
             \"maxLogFileAge\":0}}",
        ),
        ("admin/system", "{\"resources\":[]}"),
        ("admin/healthCheck", "{\"status\":\"success\"}"),
        (
            "rest/info",
            "{\"currentVersion\":11.3,\"fullVersion\":\"11.3\",\"authInfo\":{\"tokenServicesUrl\":\
             \"https://gis.test:6443/arcgis/tokens/\",\"isTokenBasedSecurity\":true}}",
        ),
    ] {
        // Chef reads resources by POST, others by GET.
        for request in [
            Request::get(format!("/arcgis/{path}?f=json&token={token}")),
            Request::post(format!("/arcgis/{path}?f=json&token={token}")),
        ] {
            let request = request.header("Host", "gis.test:6443");
            let reply = server.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(reply.text, expected, "{path}");
        }
    }
}

#[tokio::test]
async fn tokens_are_made_at_every_address_that_clients_know() {
    let server = Server::new();
    let form = format!("f=json&username={ADMIN}&password={}", encoded(PASSWORD));
    for path in [
        GENERATE_TOKEN,
        "/arcgis/sharing/generateToken",
        "/arcgis/tokens/",
        "/arcgis/tokens",
        "/arcgis/tokens/generateToken",
        "/arcgis/admin/generateToken",
        "/video/admin/GENERATETOKEN",
    ] {
        server.post(path, &form).await.has("{\"token\":\"");
    }
    let wrong = format!("f=json&username={ADMIN}&password=no");
    let reply = server.post("/arcgis/tokens/", &wrong).await;
    reply.is_error(400, "Unable to generate token.", &["Invalid username or password."]);
    let reply = server.post("/arcgis/admin/generateToken", &wrong).await;
    reply.is_server_error(400, &["Unable to generate token.", "Invalid username or password."]);
}

#[tokio::test]
async fn portals_wait_for_the_address_of_tokens_and_read_its_status() {
    let server = Server::new();
    assert!(server.get(GENERATE_TOKEN).await.status.is_success());
}

#[tokio::test]
async fn address_that_is_nothing_is_refused_in_the_form_that_the_body_asks_for() {
    let server = Server::new();
    for path in ["/arcgis/info", "/arcgis/rest/services"] {
        let reply = server.post(path, "f=json").await;
        assert_eq!(reply.status, 404);
        assert_eq!(
            reply.text,
            "{\"error\":{\"code\":404,\"message\":\"There is nothing at this address\",\"details\":[]}}"
        );
        let reply = server.post(path, "f=pjson").await;
        assert!(reply.text.starts_with("{\n  \"error\": {"), "{}", reply.text);
        let reply = server.post(path, "").await;
        assert_eq!(reply.header("content-type"), "text/html;charset=utf-8");
    }
}
