//! `config`: which settings hold, and where each comes from.

use schemars::JsonSchema;
use serde::Serialize;

use super::{key_file_path, store_path};
use crate::{args::Arguments, called::Setting, failure::Failure, render::Printer};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct ConfigView {
    settings: Vec<SettingView>,
}

#[derive(JsonSchema, Serialize)]
struct SettingView {
    name: &'static str,
    /// Null where nothing is set.
    value: Option<String>,
    /// `option`, `environment` or `default`.
    origin: &'static str,
    /// The variable that sets it where no option does.
    variable: Option<&'static str>,
}

pub(super) fn run(arguments: &Arguments, settings: &[Setting], printer: &Printer) -> Result<(), Failure> {
    let path = |path: std::path::PathBuf| Some(path.display().to_string());
    let mut views = Vec::with_capacity(settings.len());
    for setting in settings {
        let value = match (setting.name, &setting.value) {
            ("store", _) => path(store_path(arguments)?),
            ("key-file", _) => path(key_file_path(arguments)?),
            ("unlock", None) => Some("the key file, or else a passphrase that is asked for".to_owned()),
            (_, value) => value.clone(),
        };
        let (name, variable) = (setting.name, setting.variable);
        views.push(SettingView { name, value, origin: setting.origin, variable });
    }
    let view = ConfigView { settings: views };
    printer.result(&view, &[], || {
        // Paths are copied: they stand last, and whole.
        let mut table = printer.table(&["SETTING", "FROM", "VARIABLE", "VALUE"]).fit(&[], &[2]);
        for setting in &view.settings {
            let from = match (setting.origin, setting.variable) {
                ("environment", Some(variable)) => variable.to_owned(),
                ("option", _) => format!("--{}", setting.name),
                (origin, _) => origin.to_owned(),
            };
            let (variable, value) =
                (setting.variable.unwrap_or("-"), setting.value.as_deref().unwrap_or("-"));
            table.row(vec![setting.name.into(), from.into(), variable.into(), value.into()]);
        }
        table.take_text()
    });
    Ok(())
}
