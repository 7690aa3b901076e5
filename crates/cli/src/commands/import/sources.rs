//! The files of an import: read, those in folders as well, and where the parts of an entry came from.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use strongroom::{
    diagnostic::{Diagnostic, DiagnosticCode},
    keystore::{ImportReport, Source, SourceFile, SourcePart},
};
use zeroize::Zeroizing;

use crate::{
    commands::read_file,
    failure::{Exit, Failure},
};

/// The most files of one folder.
const MAX_IN_FOLDER: usize = 256;

/// A file with its name.
pub(in crate::commands) struct Named {
    name: String,
    bytes: Zeroizing<Vec<u8>>,
    named: bool,
}

impl Named {
    pub(in crate::commands) fn source(&self) -> SourceFile<'_> {
        let mut source = SourceFile::new(&self.name, &self.bytes);
        source.named = self.named;
        source
    }
}

/// Reads files, and the files of folders; also gives what is said of the rest.
pub(in crate::commands) fn read_sources(paths: &[PathBuf]) -> Result<(Vec<Named>, Vec<Diagnostic>), Failure> {
    let (mut all, mut remarks) = (Vec::new(), Vec::new());
    for path in paths {
        if path == Path::new("-") || !path.is_dir() {
            all.push(Named { name: path.display().to_string(), bytes: read_file(path)?, named: true });
        } else {
            read_folder(path, &mut all, &mut remarks)?;
        }
    }
    Ok((all, remarks))
}

/// Every file of a folder, links to files followed: that is how ACME clients keep the present one. Hidden files and
/// folders are left out.
fn read_folder(folder: &Path, all: &mut Vec<Named>, remarks: &mut Vec<Diagnostic>) -> Result<(), Failure> {
    let unreadable = |path: &Path, error: io::Error| {
        let message = format!("cannot read {}: {error}", path.display());
        Failure::new(Exit::File, "file_unreadable", "container", message)
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    if paths.len() > MAX_IN_FOLDER {
        let message = format!(
            "{} holds {} files; the limit is {MAX_IN_FOLDER}, so name those that are meant",
            folder.display(),
            paths.len()
        );
        return Err(Failure::new(Exit::File, "too_many", "container", message));
    }
    paths.sort();
    let before = all.len();
    for path in paths {
        let kind = path.metadata().map_err(|error| unreadable(&path, error))?;
        if !kind.is_file() {
            let what = if kind.is_dir() { "a folder" } else { "a pipe or a device" };
            let message = format!("{} is {what}, which was passed over", path.display());
            remarks.push(Diagnostic::new(DiagnosticCode::OtherContent, message).with_remedies(Vec::new()));
            continue;
        }
        all.push(Named { name: path.display().to_string(), bytes: read_file(&path)?, named: false });
    }
    if all.len() == before {
        let message = format!("there is no file in {}", folder.display());
        return Err(Failure::new(Exit::File, "empty", "container", message));
    }
    Ok(())
}

/// `2 of 3 certificates from fullchain.pem, key from privkey.pem`; nothing for one file.
pub(in crate::commands) fn summary(report: &ImportReport, sources: &[Source]) -> Option<String> {
    let leaf = report.chain.first()?.sha256;
    let mut parts = sources.iter().flat_map(|source| &source.parts);
    let spki = parts.find(|part| part.sha256 == Some(leaf))?.spki_sha256;
    let is_used = |part: &&SourcePart| match part.kind {
        "certificate" => report.chain.iter().any(|link| Some(link.sha256) == part.sha256),
        "private_key" => spki.is_some() && part.spki_sha256 == spki,
        _ => false,
    };
    // What stands in several files comes from the first.
    let mut seen = Vec::new();
    let mut of_kind = |source: &Source, kind: &str| {
        let all: Vec<&SourcePart> = source.parts.iter().filter(|part| part.kind == kind).collect();
        let used: Vec<&&SourcePart> = all.iter().filter(|part| is_used(part)).collect();
        let new = used.iter().filter(|part| {
            let known = (part.kind, part.sha256, part.spki_sha256);
            let is_new = !seen.contains(&known);
            seen.push(known);
            is_new
        });
        (new.count(), all.len())
    };
    let mut from = Vec::new();
    for source in sources {
        let certificates = match of_kind(source, "certificate") {
            (0, _) => None,
            (1, 1) => Some("certificate".to_owned()),
            (used, all) if used == all => Some(format!("{all} certificates")),
            (used, all) => Some(format!("{used} of {all} certificates")),
        };
        let key = (of_kind(source, "private_key").0 > 0).then(|| "key".to_owned());
        let what: Vec<String> = certificates.into_iter().chain(key).collect();
        if !what.is_empty() {
            from.push(format!("{} from {}", what.join(" and "), source.file));
        }
    }
    (sources.len() > 1 && !from.is_empty()).then(|| from.join(", "))
}
