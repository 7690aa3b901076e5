//! The files of an import of many: which there are, before any of them is opened.

use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom::{
    Alias, Password,
    certificate::printable,
    diagnostic::{Diagnostic, DiagnosticCode},
    remedy::Remedy,
};

use super::manifest::Row;
use crate::failure::{Exit, Failure};

/// The content of all files together, in bytes, for each thousand of them that is allowed.
const MAX_CONTENT: u64 = 64 << 20;

/// Files that are opened together: one of a folder, or those of an entry of the manifest.
pub(super) struct Unit {
    pub(super) files: Vec<PathBuf>,
    /// Whether they were named; what lies in a folder and is of no use is passed over.
    pub(super) named: bool,
    /// Units of one number lie together: a key of one may belong to a certificate of another.
    pub(super) place: usize,
    /// What the manifest says.
    pub(super) alias: Option<Alias>,
    pub(super) password: Option<Arc<Password>>,
    pub(super) key_password: Option<Arc<Password>>,
    pub(super) allow: Vec<DiagnosticCode>,
}

impl Unit {
    fn one(file: PathBuf, named: bool, place: usize) -> Self {
        Self {
            files: vec![file],
            named,
            place,
            alias: None,
            password: None,
            key_password: None,
            allow: Vec::new(),
        }
    }

    /// Its files, for people.
    pub(super) fn shown(&self) -> String {
        let names: Vec<String> = self.files.iter().map(|file| printable(&file.to_string_lossy())).collect();
        names.join(", ")
    }

    /// The name of its first file without the ending.
    pub(super) fn stem(&self) -> String {
        let stem = self.files.first().and_then(|file| file.file_stem());
        stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// What there is to import.
#[derive(Default)]
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    /// What was passed over.
    pub(super) remarks: Vec<Diagnostic>,
    /// The files that cannot be read.
    pub(super) unreadable: Vec<(String, Failure)>,
    known: HashSet<PathBuf>,
    places: usize,
    content: u64,
}

/// Lists the files of the manifest, those that were named, and those of the folders that were. Nothing is read of them.
pub(super) fn list(manifest: Vec<Row>, operands: &[&PathBuf], limit: usize) -> Result<Units, Failure> {
    let mut units = Units::default();
    for Row { alias, files, password, key_password, allow } in manifest {
        units.places += 1;
        let place = units.places;
        let mut unit = Unit {
            alias: Some(alias),
            password,
            key_password,
            allow,
            ..Unit::one(PathBuf::new(), true, place)
        };
        unit.files = files;
        units.take(unit);
    }
    units.places += 1;
    let named = units.places;
    for operand in operands {
        if operand.as_path() == Path::new("-") {
            let message = "--all takes files and folders; standard input is one file, and needs an alias";
            return Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()));
        }
        if operand.is_dir() {
            units.folder(operand)?;
        } else {
            units.take(Unit::one((*operand).clone(), true, named));
        }
    }
    let files: usize = units.units.iter().map(|unit| unit.files.len()).sum();
    if files > limit {
        let message = format!("there are {files} files; the limit is {limit}");
        return Err(Failure::new(Exit::File, "too_many", "container", message)
            .with(Remedy::RaiseLimit { needed: files }));
    }
    let thousands = u64::try_from(limit).unwrap_or(u64::MAX).div_ceil(1000);
    let most = MAX_CONTENT.saturating_mul(thousands);
    if units.content > most {
        let message = format!("the files have {} bytes together; the limit is {most}", units.content);
        return Err(Failure::new(Exit::File, "files_too_large", "container", message)
            .with(Remedy::Advice("import them in several parts")));
    }
    if units.units.is_empty() && units.unreadable.is_empty() {
        let message = "there is no file to import in what was named".to_owned();
        return Err(Failure::new(Exit::File, "empty", "container", message));
    }
    Ok(units)
}

impl Units {
    /// Takes up files, if they are there and can be read and were not taken up before.
    fn take(&mut self, unit: Unit) {
        let mut lengths = 0_u64;
        for path in &unit.files {
            match length(path) {
                Ok(length) => lengths = lengths.saturating_add(length),
                Err(failure) => {
                    self.unreadable.push((unit.shown(), failure));
                    return;
                }
            }
        }
        let known = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
        // What the manifest names is its own, however often; a folder gives what is left.
        if unit.alias.is_none() && unit.files.iter().any(|path| self.known.contains(&known(path))) {
            return;
        }
        self.known.extend(unit.files.iter().map(known));
        self.content = self.content.saturating_add(lengths);
        self.units.push(unit);
    }

    /// Every file of a folder, but for hidden ones, links out of it, and folders in it.
    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        self.places += 1;
        let place = self.places;
        let unreadable = |error: io::Error| cannot_read(folder, &error);
        let inside = folder.canonicalize().map_err(unreadable)?;
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        for path in paths {
            match in_folder(&path, &inside) {
                Ok(None) => self.take(Unit::one(path, false, place)),
                Ok(Some(what)) => {
                    let message =
                        format!("{} is {what}, and was passed over", printable(&path.to_string_lossy()));
                    let remark = Diagnostic::new(DiagnosticCode::OtherContent, message);
                    self.remarks.push(remark.with_remedies(Vec::new()));
                }
                Err(error) => {
                    self.unreadable.push((printable(&path.to_string_lossy()), cannot_read(&path, &error)));
                }
            }
        }
        Ok(())
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", printable(&path.to_string_lossy()));
    Failure::new(Exit::File, "file_unreadable", "container", message)
}

/// Why what lies in a folder is passed over; `None` if it is not.
fn in_folder(path: &Path, inside: &Path) -> io::Result<Option<&'static str>> {
    if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
        return Ok(Some("hidden"));
    }
    if path.symlink_metadata()?.is_symlink() && path.canonicalize()?.parent() != Some(inside) {
        return Ok(Some("a link out of the folder"));
    }
    let kind = path.metadata()?;
    Ok(if kind.is_dir() {
        Some("a folder")
    } else if kind.is_file() {
        None
    } else {
        // It would be waited for.
        Some("a pipe or a device")
    })
}

/// The length of a file that can be opened.
fn length(path: &Path) -> Result<u64, Failure> {
    let metadata = path.metadata().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let message = format!("there is no file {}", printable(&path.to_string_lossy()));
            Failure::new(Exit::NotFound, "file_not_found", "container", message)
        }
        _ => cannot_read(path, &error),
    })?;
    if !metadata.is_file() {
        let message = format!("{} is no file", printable(&path.to_string_lossy()));
        return Err(Failure::new(Exit::File, "file_unreadable", "container", message));
    }
    File::open(path).map_err(|error| cannot_read(path, &error))?;
    Ok(metadata.len())
}
