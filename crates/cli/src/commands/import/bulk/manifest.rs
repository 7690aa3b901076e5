//! The file that names what is imported: TOML, a table for each entry.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use strongroom::{Alias, Password, certificate::printable, diagnostic::DiagnosticCode, remedy::Remedy};
use toml::Spanned;

use crate::{
    args::overridable,
    failure::{Exit, Failure},
    source::PasswordSource,
    toml_file,
};

/// The largest file, in bytes.
const MAX_FILE: u64 = 16 << 20;

const SHAPE: &str = "begin each entry with a line [[entry]]; below it stand alias and files, and where needed pass_in, key_pass_in and allow, as in: files = [\"www.crt\", \"www.key\"]";

/// An entry, as the file has it, with its passwords.
pub(super) struct Row {
    pub(super) alias: Alias,
    pub(super) files: Vec<PathBuf>,
    pub(super) password: Option<Arc<Password>>,
    pub(super) key_password: Option<Arc<Password>>,
    pub(super) allow: Vec<DiagnosticCode>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    entry: Vec<Spanned<WrittenEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    alias: String,
    files: Vec<PathBuf>,
    pass_in: Option<String>,
    key_pass_in: Option<String>,
    #[serde(default)]
    allow: Vec<String>,
}

/// Reads the file, and the passwords that it names. Paths in it are those beside it.
pub(super) fn read(path: &Path, no_input: bool) -> Result<Vec<Row>, Failure> {
    let text = toml_file::read(path, MAX_FILE).map_err(|message| {
        Failure::new(Exit::File, "manifest_unreadable", "arguments", message)
            .with(Remedy::Advice("name the file that lists the entries, which this user may read"))
    })?;
    let invalid = |at: Option<usize>, message: String| {
        let message = toml_file::message(path, &text, at, &message);
        Failure::new(Exit::Usage, "invalid_manifest", "arguments", message).with(Remedy::Advice(SHAPE))
    };
    let written: Written = toml::from_str(&text)
        .map_err(|error| invalid(error.span().map(|span| span.start), printable(error.message())))?;
    if written.entry.is_empty() {
        return Err(invalid(None, "it names no entry".to_owned()));
    }
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let (mut rows, mut seen) = (Vec::new(), HashMap::new());
    let mut passwords = Passwords { folder, no_input, known: HashMap::new() };
    for entry in written.entry {
        let at = entry.span().start;
        let WrittenEntry { alias, files, pass_in, key_pass_in, allow } = entry.into_inner();
        let alias: Alias = alias
            .parse()
            .map_err(|error: strongroom::alias::InvalidAlias| invalid(Some(at), error.to_string()))?;
        if let Some(before) = seen.insert(alias.clone(), at) {
            let line = toml_file::line_of(&text, before);
            return Err(invalid(Some(at), format!("the alias \"{alias}\" stands in line {line} already")));
        }
        if files.is_empty() {
            return Err(invalid(Some(at), format!("\"{alias}\" has no files")));
        }
        let allow = allow.iter().map(|code| overridable(code)).collect::<Result<_, _>>();
        let mut password = |source: Option<String>, what: &str| match source {
            None => Ok(None),
            Some(source) => {
                let source = source.parse().map_err(|error| invalid(Some(at), error))?;
                passwords.read(source, &format!("Password of {what}\"{alias}\"")).map(Some)
            }
        };
        rows.push(Row {
            files: files.into_iter().map(|file| folder.join(file)).collect(),
            password: password(pass_in, "")?,
            key_password: password(key_pass_in, "the private key of ")?,
            allow: allow.map_err(|error| invalid(Some(at), error))?,
            alias,
        });
    }
    Ok(rows)
}

/// The passwords that the file names.
struct Passwords<'f> {
    folder: &'f Path,
    no_input: bool,
    /// What was read: standard input and descriptors give theirs only once.
    known: HashMap<String, Arc<Password>>,
}

impl Passwords<'_> {
    fn read(&mut self, source: PasswordSource, question: &str) -> Result<Arc<Password>, Failure> {
        let source = match source {
            PasswordSource::File(path) => PasswordSource::File(self.folder.join(path)),
            other => other,
        };
        if matches!(source, PasswordSource::Prompt | PasswordSource::Text(_)) {
            return source.read(question, self.no_input).map(Arc::new);
        }
        let name = source.to_string();
        if let Some(known) = self.known.get(&name) {
            return Ok(Arc::clone(known));
        }
        let password = Arc::new(source.read(question, self.no_input)?);
        self.known.insert(name, Arc::clone(&password));
        Ok(password)
    }
}
