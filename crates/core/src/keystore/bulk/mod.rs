//! The import of many credentials in one transaction: all of them, or those that are sound.

mod ahead;
mod names;
mod request;

use self::names::{Chosen, Names};
pub use self::request::{AliasFrom, BulkAlias, BulkEntry, BulkItem, BulkReport, BulkRequest, BulkResult};
use super::{
    Keystore,
    commit_credential::{Committed, Stored, commit_credential},
    import::comes_back,
    protocol::{Asked, By, LogNote, Step},
    request::{CredentialRequest, ImportReport},
};
use crate::{
    alias::Alias,
    diagnostic::{Diagnostic, DiagnosticCode},
    error::{Error, ErrorKind},
    instant::seconds,
    store::{Action, Happened, Write},
    trace::{Operation, traced},
};

impl Keystore {
    /// Imports many credentials in one transaction, each read back, with a row of the log for each. Where one is refused,
    /// nothing is stored, unless [`BulkRequest::keep_going`] says to go on; all the same each is judged.
    ///
    /// A credential that is in the store already, under its alias or that with a number, stays as it is.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{
    ///     Password, UnixTime,
    ///     keystore::{BulkAlias, BulkItem, BulkRequest, BulkResult, FilesRequest, SourceFile, open_every},
    /// };
    ///
    /// let file = std::fs::read("../../fixtures/pkcs12/www.p12")?;
    /// let files = [SourceFile::new("www.p12", &file)];
    /// let (password, alias) = (Password::new("changeit")?, "www".parse()?);
    /// let opened = open_every(FilesRequest::new(alias, &files, &password, UnixTime::now()))?;
    /// let items = opened.credentials.into_iter().map(|one| {
    ///     BulkItem::new("www.p12".to_owned(), BulkAlias::Made("www".parse().unwrap()), one.opened)
    /// });
    /// let report = keystore.import_all(BulkRequest::new(items.collect(), UnixTime::now()))?;
    /// // Its CA was not imported.
    /// assert_eq!(report.refusal().unwrap().code(), "no_anchor");
    /// assert!(matches!(report.entries[0].result, BulkResult::Refused(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error`] of the store; it is then as it was. What is refused stands in the report.
    pub fn import_all(&self, request: BulkRequest) -> Result<BulkReport, Error> {
        traced(Operation::Import, None, || self.import_bulk(request))
    }

    fn import_bulk(&self, request: BulkRequest) -> Result<BulkReport, Error> {
        let BulkRequest { items, keep_going, dry_run, at } = request;
        let asked = Asked { action: Action::ImportMany, about: "", at: seconds(at) };
        let Applied { mut entries, written, .. } = self.attempt(
            asked,
            |write, by| {
                let applied = apply(write, by, items)?;
                let stored = !dry_run && (keep_going || !applied.refused);
                if !stored || applied.written.is_empty() {
                    let written = Vec::new();
                    return Ok(Step::Same(Applied { written, ..applied }));
                }
                applied.refusals().for_each(|note| write.audit(note.event(Action::Import, by)));
                Ok(Step::Changed(applied, LogNote::plain("", Happened::Several)))
            },
            |read, root, applied| {
                for (alias, stored) in &applied.written {
                    if !comes_back(read, root, alias, Some(stored))? {
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        )?;
        let refused = entries.iter().any(|entry| matches!(entry.result, BulkResult::Refused(_)));
        if refused && !keep_going {
            for entry in &mut entries {
                if matches!(&entry.result, BulkResult::Done(report) if !report.imported.is_empty()) {
                    entry.result = BulkResult::NotStored;
                }
            }
        }
        let report = BulkReport { entries };
        // Who only asks what would happen leaves no trace; with what was stored the refusals are logged already.
        if refused && !dry_run && written.is_empty() {
            self.log_refused(asked, &report);
        }
        Ok(report)
    }

    /// Writes into the log what was refused, where nothing else is written.
    fn log_refused(&self, asked: Asked<'_>, report: &BulkReport) {
        let Some(first) = report.refusal() else { return };
        let holds = self.holds();
        // The refusals are what the caller must learn.
        let _ = self.shared.write(|writer| {
            let by = By {
                root: &writer.root,
                actor: &self.actor,
                at: asked.at,
                holds: &holds,
                chains: &self.shared.chains,
            };
            let together = LogNote::plain("", Happened::Refused(first.code())).event(asked.action, &by);
            let each: Vec<_> = report.entries.iter().filter_map(refusal_note).collect();
            let logged = writer.store.write().and_then(|write| {
                each.into_iter().for_each(|note| write.audit(note.event(Action::Import, &by)));
                write.commit(together)
            });
            writer.finish_commit(logged)
        });
    }
}

fn refusal_note(entry: &BulkEntry) -> Option<LogNote> {
    match &entry.result {
        BulkResult::Refused(error) => {
            Some(LogNote::plain(entry.alias.as_str(), Happened::Refused(error.code())))
        }
        _ => None,
    }
}

/// What a transaction would write.
struct Applied {
    entries: Vec<BulkEntry>,
    /// The aliases that were written, with what each is known by when it is read back.
    written: Vec<(Alias, Stored)>,
    refused: bool,
}

impl Applied {
    fn refusals(&self) -> impl Iterator<Item = LogNote> + '_ {
        self.entries.iter().filter_map(refusal_note)
    }
}

/// Judges each, and writes what is sound.
fn apply(write: &Write<'_>, by: &By<'_>, items: Vec<BulkItem>) -> Result<Applied, Error> {
    let mut names = Names::new(write, &items)?;
    let mut applied =
        Applied { entries: Vec::with_capacity(items.len()), written: Vec::new(), refused: false };
    for BulkItem { file, alias, opened } in items {
        let (alias, result) = match opened {
            Err(error) => (alias.into_alias(), BulkResult::Refused(error)),
            Ok(request) => {
                let chosen = names.choose(write, &alias, &request)?;
                match import_one(write, by, &chosen, request) {
                    Ok((report, stored)) => {
                        if let Some(stored) = stored {
                            applied.written.push((report.alias.clone(), stored));
                        }
                        (report.alias.clone(), BulkResult::Done(Box::new(report)))
                    }
                    // Half of it may be written.
                    Err(error) if chosen.damaged || error.kind() == ErrorKind::Store => return Err(error),
                    Err(error) => (chosen.alias, BulkResult::Refused(error)),
                }
            }
        };
        applied.refused |= matches!(result, BulkResult::Refused(_));
        applied.entries.push(BulkEntry { file, alias, result });
    }
    Ok(applied)
}

fn import_one(
    write: &Write<'_>,
    by: &By<'_>,
    chosen: &Chosen,
    mut request: CredentialRequest,
) -> Result<(ImportReport, Option<Stored>), Error> {
    request.alias = chosen.alias.clone();
    if chosen.repeated {
        // It was written a moment ago.
        request.options.replace = false;
    }
    if let Some(wanted) = &chosen.instead_of {
        let message =
            format!("the alias \"{wanted}\" stands for something else, so it has \"{}\"", chosen.alias);
        request.findings.push(Diagnostic::new(DiagnosticCode::AliasNumbered, message));
    }
    match commit_credential(write, by, request)? {
        Committed::AlreadyPresent(report) => Ok((report, None)),
        Committed::Written(written) => {
            write.audit(written.log_note().event(Action::Import, by));
            Ok((written.report, Some(written.stored)))
        }
    }
}
