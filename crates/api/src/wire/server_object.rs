//! JSON objects of the server flavour, and of the resources that both have beside the certificates.

use serde::Serialize;

use super::object::AuthInfo;

/// The list under both of its keys: a GIS, notebook and mission server document the first, a video server the second,
/// and clients of notebook and mission servers read the second too.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerCertificateList {
    pub(crate) certificates: Vec<String>,
    pub(crate) ssl_certificates: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerRoot {
    pub(crate) resources: Vec<&'static str>,
    pub(crate) current_version: f64,
    pub(crate) full_version: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestInfo {
    pub(crate) current_version: f64,
    pub(crate) full_version: String,
    pub(crate) auth_info: AuthInfo,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LocalMachine {
    pub(crate) machine_name: String,
    #[serde(rename = "adminURL")]
    pub(crate) admin_url: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerMachines {
    pub(crate) machines: Vec<LocalMachine>,
}

/// A machine as a server shows it. DSC sends every field back with `edit`; Chef needs `ports`, and others both heap sizes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerMachine {
    pub(crate) machine_name: String,
    #[serde(rename = "adminURL")]
    pub(crate) admin_url: String,
    pub(crate) platform: String,
    pub(crate) ports: Ports,
    pub(crate) web_server_max_heap_size: i32,
    pub(crate) soc_max_heap_size: i32,
    #[serde(rename = "webServerSSLEnabled")]
    pub(crate) web_server_ssl_enabled: bool,
    pub(crate) web_server_certificate_alias: String,
    pub(crate) configured_state: &'static str,
    pub(crate) synchronize: bool,
    pub(crate) under_maintenance: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) struct Ports {
    pub(crate) https: u16,
}

/// How the server logs. It writes no files of its own: the system's log keeps what it says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogSettings {
    pub(crate) log_dir: &'static str,
    pub(crate) log_level: &'static str,
    pub(crate) max_error_reports_count: u32,
    pub(crate) max_log_file_age: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServerLogSettings {
    pub(crate) settings: LogSettings,
}

/// How tokens are made; never what they are made with.
#[derive(Debug, Serialize)]
pub(crate) struct SecurityTokens {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) properties: TokenProperties,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenProperties {
    /// In minutes: what a client gets that asks for nothing.
    pub(crate) short_timeout: u64,
    /// In minutes: the most that a client gets.
    pub(crate) long_timeout: u64,
}

/// ArcGIS's version as the number that servers give beside it.
pub(crate) fn version_number(version: &str) -> f64 {
    let parts: Vec<&str> = version.split('.').take(2).collect();
    parts.join(".").parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_a_number_of_two_parts() {
        assert_eq!(version_number("11.3").to_string(), "11.3");
        assert_eq!(version_number("11.3.1").to_string(), "11.3");
        assert_eq!(version_number("next").to_string(), "0");
    }
}
