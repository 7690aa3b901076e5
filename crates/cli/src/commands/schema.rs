//! `schema`: JSON Schemas of what each command prints with `--json`, out of the types that print it.

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema,
    transform::RecursiveTransform, transform::Transform as _,
};
use serde_json::{Value, json};
use strongroom::inspect::FileReport;

use super::{
    bind, ca, chain, check, config, csr, doctor, export, find, generate, history, import, init, inspect,
    list, log, log_files, maintenance, prune, rekey, removal, restore, serve, slots, status, user, verify,
    watch, web_server, why,
};
use crate::{
    failure::{Exit, Failure},
    render::{DiagnosticView, EntryView, ErrorView, ImportView, Printer, SCHEMA, ShowView},
};

/// The dialect.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Fields that are instants, in every command.
const INSTANTS: [&str; 12] = [
    "at",
    "chain_not_after",
    "checked_at",
    "created_at",
    "last_backup",
    "last_sign_in",
    "not_after",
    "not_before",
    "started",
    "tokens_not_before",
    "updated",
    "expires",
];
/// Fields that are digests, in every command; in the log one may be empty.
const DIGESTS: [&str; 4] = ["sha256", "spki_sha256", "request_sha256", "certificate_sha256"];

type Make = fn(&mut SchemaGenerator) -> Schema;

/// Each command that prints JSON, with what its result may be.
const COMMANDS: &[(&str, &[Make])] = &[
    ("init", &[of::<init::Made>]),
    ("import", &[of::<import::FilesView<'_>>, of::<import::bulk::view::BulkView<'_>>]),
    ("export", &[of::<export::view::ExportView<'_>>]),
    ("generate", &[of::<generate::Made>]),
    ("csr", &[of::<csr::MadeView>]),
    ("csr install", &[of::<csr::Installed<'_>>]),
    ("csr ls", &[of::<csr::Listing>]),
    ("csr show", &[of::<csr::MadeView>]),
    ("csr rm", &[of::<csr::Changed>]),
    ("ca import", &[of::<ImportView>, of::<ca::AuthoritiesView<'_>>]),
    ("ca ls", &[listed::<EntryView>]),
    ("ca show", &[of::<ShowView>]),
    ("ca rm", &[of::<removal::Removed>, of::<removal::UnusedRemoved>]),
    ("ca export", &[of::<export::view::ExportView<'_>>]),
    ("ls", &[listed::<EntryView>, of::<list::RemovedListing>]),
    ("find", &[listed::<find::FoundView>]),
    ("show", &[of::<ShowView>, of::<csr::MadeView>]),
    ("inspect", &[of::<FileReport>, of::<inspect::FilesView<'_>>]),
    (
        "verify",
        &[
            of::<verify::VerifyView<'_>>,
            of::<verify::entries::VerdictsView>,
            of::<verify::connect::ConnectView>,
        ],
    ),
    ("chain", &[of::<chain::ChainView>]),
    ("bind", &[of::<bind::BoundView>, of::<bind::BindingsView>]),
    ("unbind", &[of::<bind::BoundView>]),
    ("web-server", &[of::<web_server::WebServerView>]),
    ("why", &[of::<why::WhyView>]),
    ("rm", &[of::<removal::Removed>]),
    ("rename", &[of::<history::Changed>]),
    ("history", &[of::<history::History>]),
    ("diff", &[of::<history::DiffView>]),
    ("undo", &[of::<history::Changed>]),
    ("prune", &[of::<prune::PruneView>]),
    ("log", &[of::<log::Listing<'_>>, of::<log::Whole>, of::<log::LogView>]),
    ("log export", &[of::<log_files::SegmentView>]),
    ("log rotate", &[of::<log_files::SegmentView>]),
    ("log verify", &[of::<log_files::SegmentView>]),
    ("backup", &[of::<maintenance::ReportView>]),
    ("restore", &[of::<maintenance::ReportView>, of::<restore::Mended>]),
    ("verify-store", &[of::<maintenance::ReportView>]),
    ("passwd", &[of::<slots::Changed>]),
    ("rekey", &[of::<rekey::Rekeyed>]),
    ("slot add", &[of::<slots::Changed>]),
    ("slot rm", &[of::<slots::Changed>]),
    ("slot ls", &[of::<slots::Slots>]),
    ("user add", &[of::<user::Changed<'_>>]),
    ("user passwd", &[of::<user::Changed<'_>>]),
    ("user privileges", &[of::<user::Changed<'_>>]),
    ("user revoke", &[of::<user::Changed<'_>>]),
    ("user rm", &[of::<user::Changed<'_>>]),
    ("user ls", &[of::<user::Users>]),
    ("watch", &[of::<watch::event::EventView>]),
    ("serve", &[of::<serve::Serving>]),
    ("status", &[of::<status::StatusView>]),
    ("check", &[of::<check::CheckView<'_>>]),
    ("doctor", &[of::<doctor::finding::DoctorView<'_>>]),
    ("config", &[of::<config::ConfigView>]),
];

pub(super) fn run(words: &[String], printer: &Printer) -> Result<(), Failure> {
    let schema = if words.is_empty() { whole() } else { single(&words.join(" "))? };
    // A map of text has no value that cannot be written.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    printer.data(&text);
    Ok(())
}

/// The schema of one command.
fn single(name: &str) -> Result<Value, Failure> {
    let Some((name, makes)) = COMMANDS.iter().find(|(of, _)| *of == name) else {
        let names: Vec<&str> = COMMANDS.iter().map(|(of, _)| *of).collect();
        let message = format!("\"{name}\" is no command that prints JSON; these do: {}", names.join(", "));
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message));
    };
    let mut schema = printed(name, makes);
    schema.insert("$schema".to_owned(), DIALECT.into());
    Ok(schema.to_value())
}

/// One schema for all of them: what any command prints, and under `$defs` what each does.
fn whole() -> Value {
    let each = COMMANDS.iter().map(|(name, makes)| ((*name).to_owned(), printed(name, makes).to_value()));
    let definitions: serde_json::Map<String, Value> = each.collect();
    let pointers =
        COMMANDS.iter().map(|(name, _)| json!({ "$ref": format!("#/$defs/{}", name.replace(' ', "%20")) }));
    json!({
        "$schema": DIALECT,
        "title": "what strongroom prints with --json",
        "anyOf": pointers.collect::<Vec<_>>(),
        "$defs": definitions,
    })
}

/// What a command prints: its result with warnings, or an error.
fn printed(name: &str, makes: &[Make]) -> Schema {
    let mut generator = generator();
    let mut results: Vec<Schema> = makes.iter().map(|make| make(&mut generator)).collect();
    let result = match results.pop() {
        Some(only) if results.is_empty() => only,
        last => {
            results.extend(last);
            json_schema!({ "anyOf": results })
        }
    };
    let warning = of::<DiagnosticView<'_>>(&mut generator);
    let error = of::<ErrorView<'_>>(&mut generator);
    let mut schema = json_schema!({
        "title": format!("what strongroom {name} prints with --json"),
        "anyOf": [
            {
                "type": "object",
                "properties": {
                    "schema": { "const": SCHEMA },
                    "result": result,
                    "warnings": { "type": "array", "items": warning },
                },
                "required": ["schema", "result", "warnings"],
            },
            {
                "type": "object",
                "properties": { "schema": { "const": SCHEMA }, "error": error },
                "required": ["schema", "error"],
            },
        ],
    });
    RecursiveTransform(narrow).transform(&mut schema);
    schema
}

fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
}

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A list that is written page by page.
fn listed<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let items = of::<T>(generator);
    json_schema!({
        "type": "object",
        "properties": { "entries": { "type": "array", "items": items } },
        "required": ["entries"],
    })
}

/// An object has no other fields than those that are named, and a field of one name has one form everywhere.
fn narrow(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(Value::Object(fields)) = object.get_mut("properties") else { return };
    for (name, field) in fields {
        let Value::Object(field) = field else { continue };
        let is_text = match field.get("type") {
            Some(Value::String(only)) => only == "string",
            Some(Value::Array(types)) => types.iter().any(|one| one == "string"),
            _ => false,
        };
        if is_text && INSTANTS.contains(&name.as_str()) {
            field.insert("format".to_owned(), "date-time".into());
        }
        if is_text && DIGESTS.contains(&name.as_str()) {
            field.insert("pattern".to_owned(), "^([0-9a-f]{64})?$".into());
        }
    }
    object.insert("additionalProperties".to_owned(), false.into());
}
