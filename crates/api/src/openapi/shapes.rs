//! The shapes of the answers, read off values of the very types that are sent.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::wire::{
    Flavour,
    certificate::CertificateObject,
    object::{
        AdminRoot, AuthInfo, CertificateList, Machine, Machines, PortalSelf, PortalServer, PortalServers,
        Resources, SecurityConfig, SharingInfo, SharingRoot, Success, Token, User,
    },
    server_object::{
        LocalMachine, LogSettings, Ports, RestInfo, SecurityTokens, ServerCertificateList, ServerLogSettings,
        ServerMachine, ServerMachines, ServerRoot, TokenProperties,
    },
};

/// Fields that are absent where there is nothing to say.
const OPTIONAL: [&str; 1] = ["messages"];

/// Every shape under its name.
pub(super) fn all() -> Map<String, Value> {
    let request = json!({
        "type": "object",
        "properties": {"certificateSigningRequest": {"type": "string"}},
        "required": ["certificateSigningRequest"],
    });
    let others = [
        ("Success", shape(&Success::new(vec![String::new()]))),
        ("Failure", failure()),
        ("CertificateRequest", request),
    ];
    let all = portal().into_iter().chain(server()).chain(others);
    all.map(|(name, shape)| (name.to_owned(), shape)).collect()
}

fn portal() -> Vec<(&'static str, Value)> {
    let user = || User { username: text(), full_name: text(), role: "", privileges: &[""] };
    let machine = || Machine { machine_name: text(), admin_url: text(), role: "", platform: text() };
    vec![
        (
            "AdminRoot",
            shape(&AdminRoot {
                is_post_upgrade: true,
                is_license_populated: true,
                is_portal_licensed: true,
                resources: vec![""],
                version: text(),
            }),
        ),
        ("CertificateObject", shape(&CertificateObject::empty())),
        (
            "CertificateList",
            shape(&CertificateList {
                ssl_certificates: vec![text()],
                web_server_certificate_alias: text(),
                ssl_protocols: text(),
                cipher_suites: text(),
                hsts_enabled: false,
            }),
        ),
        ("Machine", shape(&machine())),
        ("Machines", shape(&Machines { machines: vec![machine()] })),
        (
            "PortalSelf",
            shape(&PortalSelf {
                id: "",
                name: "",
                portal_name: "",
                portal_hostname: text(),
                portal_mode: "",
                is_portal: true,
                all_ssl: true,
                current_version: "",
                user: user(),
            }),
        ),
        ("PortalServers", shape(&PortalServers { servers: vec![federated()] })),
        ("Resources", shape(&Resources { resources: vec![""] })),
        ("SharingInfo", shape(&SharingInfo { owning_system_url: text(), auth_info: auth_info() })),
        ("SharingRoot", shape(&SharingRoot { current_version: "", enterprise_version: text() })),
        ("Token", shape(&Token { token: text(), expires: 0, ssl: true })),
        ("User", shape(&user())),
    ]
}

fn federated() -> PortalServer {
    PortalServer {
        id: "",
        name: text(),
        admin_url: text(),
        url: text(),
        is_hosted: false,
        server_type: "",
        server_role: "",
        server_function: "",
    }
}

fn server() -> Vec<(&'static str, Value)> {
    let local = || LocalMachine { machine_name: text(), admin_url: text() };
    let log = || LogSettings { log_dir: "", log_level: "", max_error_reports_count: 0, max_log_file_age: 0 };
    let properties = TokenProperties { short_timeout: 0, long_timeout: 0 };
    vec![
        ("LocalMachine", shape(&local())),
        ("LogSettings", shape(&log())),
        ("RestInfo", shape(&RestInfo { current_version: 0.5, full_version: text(), auth_info: auth_info() })),
        ("SecurityConfig", shape(&SecurityConfig::new(text(), text(), false))),
        ("SecurityTokens", shape(&SecurityTokens { kind: "", properties })),
        (
            "ServerCertificateList",
            shape(&ServerCertificateList { certificates: vec![text()], ssl_certificates: vec![text()] }),
        ),
        ("ServerLogSettings", shape(&ServerLogSettings { settings: log() })),
        (
            "ServerMachine",
            shape(&ServerMachine {
                machine_name: text(),
                admin_url: text(),
                platform: text(),
                ports: Ports { https: 0 },
                web_server_max_heap_size: 0,
                soc_max_heap_size: 0,
                web_server_ssl_enabled: true,
                web_server_certificate_alias: text(),
                configured_state: "",
                synchronize: false,
                under_maintenance: false,
            }),
        ),
        ("ServerMachines", shape(&ServerMachines { machines: vec![local()] })),
        (
            "ServerRoot",
            shape(&ServerRoot { resources: vec![""], current_version: 0.5, full_version: text() }),
        ),
    ]
}

fn failure() -> Value {
    let details = [text()];
    let of = |flavour: Flavour| shape(&flavour.failure(400, "", &details));
    json!({"anyOf": [of(Flavour::Portal), of(Flavour::Server)]})
}

fn auth_info() -> AuthInfo {
    AuthInfo { token_services_url: text(), is_token_based_security: true }
}

fn text() -> String {
    String::new()
}

fn shape(value: &impl Serialize) -> Value {
    // These types hold nothing that serde_json refuses.
    serde_json::to_value(value).map_or(Value::Bool(true), |value| schema(&value))
}

fn schema(value: &Value) -> Value {
    let plain = |kind: &str| json!({"type": kind});
    match value {
        Value::Null => Value::Bool(true),
        Value::Bool(_) => plain("boolean"),
        Value::Number(number) if number.is_f64() => plain("number"),
        Value::Number(_) => plain("integer"),
        Value::String(_) => plain("string"),
        Value::Array(items) => {
            let item = items.first().map_or(Value::Bool(true), schema);
            json!({"type": "array", "items": item})
        }
        Value::Object(fields) => {
            let properties: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), schema(value))).collect();
            // A failure always has them.
            let is_required =
                |name: &&String| !OPTIONAL.contains(&name.as_str()) || fields.contains_key("code");
            let required: Vec<&String> = fields.keys().filter(is_required).collect();
            json!({"type": "object", "properties": properties, "required": required})
        }
    }
}
