//! The description of the API for programs (OpenAPI 3.1), made of the table of routes and of the types of its answers.

mod shapes;

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::wire::{
    Flavour, Methods, Operation,
    access::Access,
    field::{Field, Kind, documented},
    table::{ROWS, Root, Row},
};

/// The name of the way in which a token is sent.
const TOKEN: &str = "token";

/// The description as JSON; the same for every request.
pub(crate) fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| serde_json::to_string_pretty(&describe()).unwrap_or_default())
}

fn describe() -> Value {
    let mut paths = Map::new();
    for row in ROWS {
        for root in row.roots {
            if let Some((path, item)) = path(*root, row) {
                paths.insert(path, item);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Strongroom",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The administrator API for server certificates. A failure inside the API has the status \
                200 and a code in the body, as ArcGIS's clients read it.",
        },
        "servers": [{"url": "/arcgis"}],
        "paths": paths,
        "components": {
            "schemas": shapes::all(),
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer"}},
        },
    })
}

/// A row below one of its roots; `None` for what is for browsers alone.
fn path(root: Root, row: &Row) -> Option<(String, Value)> {
    let answer = Answer::of(root, row.operation)?;
    let below = row.paths.first().copied().unwrap_or_default();
    let path = format!("/{}/{below}", root.path());
    let path = path.trim_end_matches('/').to_owned();
    let method = match row.methods {
        Methods::Read => "get",
        Methods::Change => "post",
    };
    let operation = operation(root, row, &path, answer);
    Some((path, json!({method: operation})))
}

fn operation(root: Root, row: &Row, path: &str, answer: Answer) -> Value {
    let flavour = root.flavour();
    let form = json!({"type": "string", "enum": ["json", "pjson"]});
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            let schema = json!({"type": "string", "minLength": 1});
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect();
    let fields = row.fields.iter().map(|field| (documented(field.names, flavour), field));
    let mut operation = json!({
        "operationId": format!("{root:?}{:?}", row.operation),
        "responses": responses(answer),
    });
    if row.methods == Methods::Read {
        let parameter = |name: &str, required: bool, schema: Value| json!({"name": name, "in": "query", "required": required, "schema": schema});
        parameters.push(parameter("f", true, form));
        parameters.extend(fields.map(|(name, field)| parameter(name, field.required, schema(field))));
    } else {
        let mut properties = Map::from_iter([("f".to_owned(), form)]);
        let mut required = vec!["f"];
        for (name, field) in fields {
            properties.insert(name.to_owned(), schema(field));
            if field.required {
                required.push(name);
            }
        }
        let body = json!({"type": "object", "properties": properties, "required": required});
        let kind = if row.takes_file() { "multipart/form-data" } else { "application/x-www-form-urlencoded" };
        set(&mut operation, "requestBody", json!({"required": true, "content": {kind: {"schema": body}}}));
    }
    set(&mut operation, "parameters", parameters.into());
    if row.access != Access::Public {
        set(&mut operation, "security", json!([{TOKEN: []}]));
    }
    if let Access::Needs(privilege) = row.access {
        set(&mut operation, "description", format!("Needs the privilege '{privilege}'.").into());
    }
    operation
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(name.to_owned(), value);
    }
}

fn schema(field: &Field) -> Value {
    match field.kind {
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::File => json!({"type": "string", "format": "binary"}),
        Kind::Number => json!({"type": "integer"}),
        Kind::Password => json!({"type": "string", "format": "password"}),
        Kind::Text => json!({"type": "string"}),
    }
}

/// What an operation answers, beside failures.
#[derive(Clone, Copy)]
enum Answer {
    /// An object of this name.
    Object(&'static str),
    /// A file of this media type.
    File(&'static str),
}

impl Answer {
    /// `None` for pages and what belongs to them.
    fn of(root: Root, operation: Operation) -> Option<Self> {
        let by_flavour = |portal, server| match root.flavour() {
            Flavour::Portal => portal,
            Flavour::Server => server,
        };
        let name = match operation {
            Operation::Certificate => "CertificateObject",
            Operation::Certificates => by_flavour("CertificateList", "ServerCertificateList"),
            Operation::CommunitySelf | Operation::CommunityUser => "User",
            Operation::Directory => by_flavour("AdminRoot", "ServerRoot"),
            Operation::Export => return Some(Self::File("application/x-x509-ca-cert")),
            Operation::ExportPkcs12 => return Some(Self::File("application/x-pkcs12")),
            Operation::GenerateToken => "Token",
            Operation::LocalMachine => "LocalMachine",
            Operation::LogSettings => by_flavour("LogSettings", "ServerLogSettings"),
            Operation::Machine => by_flavour("Machine", "ServerMachine"),
            Operation::Machines => by_flavour("Machines", "ServerMachines"),
            Operation::Metrics => return Some(Self::File("application/openmetrics-text")),
            Operation::PortalSelf => "PortalSelf",
            Operation::PortalServers => "PortalServers",
            Operation::RestInfo => "RestInfo",
            Operation::Security | Operation::System => "Resources",
            Operation::SecurityTokens => "SecurityTokens",
            Operation::SharingInfo => "SharingInfo",
            Operation::SharingRoot => "SharingRoot",
            Operation::Delete
            | Operation::HealthCheck
            | Operation::ImportAuthority
            | Operation::ImportServerCertificate
            | Operation::EditMachine
            | Operation::Generate
            | Operation::ImportSignedCertificate
            | Operation::RollBack
            | Operation::Update
            | Operation::UpdateSecurityConfig => "Success",
            Operation::GenerateCsr => "CertificateRequest",
            Operation::SecurityConfig => "SecurityConfig",
            Operation::NotOffered
            | Operation::OAuthAuthorize
            | Operation::OAuthSignIn
            | Operation::OpenApi
            | Operation::Outside
            | Operation::Script
            | Operation::SignIn
            | Operation::SignOut
            | Operation::Style => return None,
        };
        Some(Self::Object(name))
    }
}

fn responses(answer: Answer) -> Value {
    let of = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    let page = json!({"schema": {"type": "string"}});
    let done = match answer {
        Answer::Object(name) => json!({
            "application/json": {"schema": {"anyOf": [of(name), of("Failure")]}},
            "text/html": page,
        }),
        Answer::File(kind) => json!({
            kind: {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": of("Failure")},
            "text/html": page,
        }),
    };
    let failed = json!({"application/json": {"schema": of("Failure")}, "text/html": page});
    json!({
        "200": {"description": "What was asked for, or a failure with its code", "content": done},
        "404": {"description": "Nothing is at this address", "content": failed},
        "405": {"description": "The method is none that is answered", "content": failed},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_type_is_described_and_every_path_is_there() {
        let described: Value = serde_json::from_str(text()).unwrap();
        let schemas = described["components"]["schemas"].as_object().unwrap();
        let mut references = Vec::new();
        collect(&described, &mut references);
        assert!(references.len() > 50);
        for reference in references {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
        let list = &described["paths"]["/portaladmin/machines/{machine}/sslCertificates"]["get"];
        assert_eq!(list["parameters"][0]["name"], "machine");
        assert_eq!(list["security"], json!([{"token": []}]));
        let import = "/portaladmin/security/sslCertificates/importExistingServerCertificate";
        let body =
            &described["paths"][import]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"];
        assert_eq!(body["required"], json!(["f", "alias", "file"]));
        let server = "/admin/machines/{machine}/sslCertificates/importExistingServerCertificate";
        let body =
            &described["paths"][server]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"];
        assert!(body["properties"]["certFile"].is_object());
    }

    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                references.extend(fields.get("$ref").and_then(|text| text.as_str()).map(str::to_owned));
                fields.values().for_each(|value| collect(value, references));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            _ => {}
        }
    }
}
