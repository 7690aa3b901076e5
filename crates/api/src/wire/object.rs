//! The JSON objects of every other answer, in the order of ArcGIS's documentation.

use serde::Serialize;

use super::{
    certificate::CertificateObject,
    server_object::{
        LocalMachine, LogSettings, RestInfo, SecurityTokens, ServerCertificateList, ServerLogSettings,
        ServerMachine, ServerMachines, ServerRoot,
    },
};

/// Any answer in JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Object {
    AdminRoot(AdminRoot),
    Certificate(Box<CertificateObject>),
    CertificateList(CertificateList),
    CertificateSigningRequest(CertificateSigningRequest),
    LocalMachine(LocalMachine),
    LogSettings(LogSettings),
    Machine(Machine),
    Machines(Machines),
    PortalSelf(PortalSelf),
    PortalServers(PortalServers),
    Resources(Resources),
    RestInfo(RestInfo),
    SecurityConfig(SecurityConfig),
    SecurityTokens(SecurityTokens),
    ServerCertificateList(ServerCertificateList),
    ServerLogSettings(ServerLogSettings),
    ServerMachine(Box<ServerMachine>),
    ServerMachines(ServerMachines),
    ServerRoot(ServerRoot),
    SharingInfo(SharingInfo),
    SharingRoot(SharingRoot),
    Success(Success),
    Token(Token),
    User(User),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateSigningRequest {
    /// In PEM as Java's keytool writes it.
    pub(crate) certificate_signing_request: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Success {
    status: &'static str,
    /// Warnings; absent without any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<String>,
}

impl Success {
    pub(crate) fn new(messages: Vec<String>) -> Self {
        Self { status: "success", messages }
    }

    /// With one more message.
    pub(crate) fn and(mut self, message: String) -> Self {
        self.messages.push(message);
        self
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CertificateList {
    pub(crate) ssl_certificates: Vec<String>,
    pub(crate) web_server_certificate_alias: String,
    pub(crate) ssl_protocols: String,
    pub(crate) cipher_suites: String,
    #[serde(rename = "HSTSEnabled")]
    pub(crate) hsts_enabled: bool,
}

/// How a server speaks TLS. The rest never changes here.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityConfig {
    #[serde(rename = "Protocol")]
    protocol: &'static str,
    ssl_enabled: bool,
    http_enabled: bool,
    https_protocols: String,
    cipher_suites: String,
    #[serde(rename = "HSTSEnabled")]
    hsts_enabled: bool,
}

impl SecurityConfig {
    pub(crate) fn new(https_protocols: String, cipher_suites: String, hsts_enabled: bool) -> Self {
        let protocol = "HTTPS";
        Self {
            protocol,
            ssl_enabled: true,
            http_enabled: false,
            https_protocols,
            cipher_suites,
            hsts_enabled,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdminRoot {
    pub(crate) is_post_upgrade: bool,
    pub(crate) is_license_populated: bool,
    pub(crate) is_portal_licensed: bool,
    pub(crate) resources: Vec<&'static str>,
    pub(crate) version: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resources {
    pub(crate) resources: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Machines {
    pub(crate) machines: Vec<Machine>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) machine_name: String,
    #[serde(rename = "adminURL")]
    pub(crate) admin_url: String,
    pub(crate) role: &'static str,
    pub(crate) platform: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Token {
    pub(crate) token: String,
    /// Milliseconds since 1970.
    pub(crate) expires: u64,
    pub(crate) ssl: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SharingRoot {
    pub(crate) current_version: &'static str,
    pub(crate) enterprise_version: String,
}

/// The version of the sharing API that goes with 11.3.
pub(crate) const SHARING_VERSION: &str = "2024.1";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SharingInfo {
    pub(crate) owning_system_url: String,
    pub(crate) auth_info: AuthInfo,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthInfo {
    pub(crate) token_services_url: String,
    pub(crate) is_token_based_security: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalSelf {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) portal_name: &'static str,
    pub(crate) portal_hostname: String,
    pub(crate) portal_mode: &'static str,
    pub(crate) is_portal: bool,
    #[serde(rename = "allSSL")]
    pub(crate) all_ssl: bool,
    pub(crate) current_version: &'static str,
    pub(crate) user: User,
}

#[derive(Debug, Serialize)]
pub(crate) struct PortalServers {
    pub(crate) servers: Vec<PortalServer>,
}

/// A server that is federated with the portal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalServer {
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) admin_url: String,
    pub(crate) url: String,
    pub(crate) is_hosted: bool,
    pub(crate) server_type: &'static str,
    pub(crate) server_role: &'static str,
    pub(crate) server_function: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct User {
    pub(crate) username: String,
    pub(crate) full_name: String,
    pub(crate) role: &'static str,
    pub(crate) privileges: &'static [&'static str],
}

/// What an administrator may do, by ArcGIS's names; `arcgis` looks for `:admin:`.
pub(crate) const PRIVILEGES: &[&str] = &["portal:admin:manageSecurity", "portal:admin:manageServers"];
