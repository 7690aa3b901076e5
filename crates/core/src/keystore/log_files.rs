//! The log in files: exported, and rotated out of the store so that the chain stays proved.

use std::{
    fs::{self, OpenOptions},
    io::BufWriter,
    ops::ControlFlow,
    path::Path,
};

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, LogNote, Step},
};
use crate::{
    certificate::Fingerprint,
    error::Error,
    instant::{self, seconds},
    private_file::{self, FileError},
    store::{Action, Happened, Kept, LogEntry, LogSegment, Read, SegmentError, StoreError, free_name},
};

/// Rows read at a time.
const PAGE: u32 = 500;

/// Which rows of the log stay in the store. Where both are given, a row goes only if both say so; without any, all go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LogRetention {
    /// So many of the last rows stay.
    pub keep: Option<u32>,
    /// The rows from this instant on stay.
    pub since: Option<UnixTime>,
}

/// Where the log of a store was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LogCut {
    /// The last row that was cut.
    pub number: i64,
    /// Its hash.
    pub head: Fingerprint,
    /// When.
    pub at: UnixTime,
}

impl Keystore {
    /// Where the log was cut last; `None` if all of it is there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn log_cut(&self) -> Result<Option<LogCut>, Error> {
        let cut = self.reading(|read| read.log_cut())?;
        Ok(cut.map(|cut| LogCut {
            number: cut.number,
            head: Fingerprint::from_bytes(cut.head),
            at: instant::at(cut.at),
        }))
    }

    /// Writes the rows of the log to a new file, 0600, and reads it back before it gets its name; `None` and no file if
    /// there are no rows. The store stays as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::FileExists`]; [`FileError`] if the file cannot be written; [`StoreError::Corrupt`] if a row is not as
    /// it was written.
    pub fn export_log(&self, to: &Path, at: UnixTime) -> Result<Option<LogSegment>, Error> {
        self.write_rows(to, LogRetention::default(), at)
    }

    /// Writes the rows that `retention` does not keep to a new file, reads it back, and cuts them from the store in one
    /// change; `None` and no file if there are none. What proves the cut stays in the store.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let unlock = strongroom::UnlockKey::generate()?;
    /// # let path = folder.path().join("keystore.db");
    /// # let keystore = strongroom::Keystore::create(&path, &unlock, strongroom::UnixTime::now())?;
    /// use strongroom::{UnixTime, keystore::LogRetention};
    ///
    /// let file = folder.path().join("log-1.jsonl");
    /// let cut = keystore.rotate_log(&file, LogRetention::default(), UnixTime::now())?.expect("there are rows");
    /// assert_eq!(keystore.log(0, 10)?[0].number, cut.last + 1);
    /// // The file says by itself that it is whole, and the store that it is of its log.
    /// let segment = strongroom::store::LogSegment::open(&file)?;
    /// assert_eq!(keystore.proven_rows(&segment)?, cut.last);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`export_log`](Self::export_log); [`StoreError::LogCutMeanwhile`] if another process was faster. Where
    /// nothing was cut the file is gone. [`StoreError::NotCompacted`] if the rows are cut, and there was no room to rewrite
    /// the store, or a reader holds what was in it.
    pub fn rotate_log(
        &self,
        to: &Path,
        retention: LogRetention,
        at: UnixTime,
    ) -> Result<Option<LogSegment>, Error> {
        let name: String = to.display().to_string().chars().take(200).collect();
        let asked = Asked { action: Action::LogRotate, about: &name, at: seconds(at) };
        let written = self.write_rows(to, retention, at);
        let Some(segment) = self.log_refusal(asked, written)? else {
            return Ok(None);
        };
        let done = self.cut_rows(asked, &segment);
        if let Err(error) = &done {
            // The change may be there: then the rows are in this file alone.
            if !matches!(error, Error::Store(StoreError::OutcomeUnknown(_))) {
                let _ = fs::remove_file(to);
            }
        }
        done?;
        self.compact()?;
        Ok(Some(segment))
    }

    /// Up to which of its rows a file of the log is proved by the store: each hash stands for all rows before it.
    ///
    /// # Errors
    ///
    /// [`StoreError::LogSegment`] if it is of another store, has another row than the store, or none that the store has a
    /// record of.
    pub fn proven_rows(&self, segment: &LogSegment) -> Result<i64, Error> {
        self.reading(|read| segment.proven_up_to(read))
    }

    /// The row of the last change of what the store holds: no backup, no sign-in, and nothing that was refused.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn last_change(&self) -> Result<Option<LogEntry>, Error> {
        self.last_row(Kept::Change)
    }

    /// The row of the last backup.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn last_backup(&self) -> Result<Option<LogEntry>, Error> {
        self.last_row(Kept::Backup)
    }

    /// The last row of a kind, also where it was cut.
    fn last_row(&self, kept: Kept<'_>) -> Result<Option<LogEntry>, Error> {
        self.reading(|read| {
            let mut last = None;
            read.log_backwards(&mut |row| {
                if kept.is(&row) {
                    last = Some(row);
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            })?;
            last.map_or_else(|| read.kept_row(kept), |row| Ok(Some(row)))
        })
    }

    fn write_rows(
        &self,
        to: &Path,
        retention: LogRetention,
        at: UnixTime,
    ) -> Result<Option<LogSegment>, Error> {
        if to.symlink_metadata().is_ok() {
            return Err(StoreError::FileExists { path: to.to_owned() }.into());
        }
        // Under the root key that is in force now.
        self.generation()?;
        let partial = free_name(to, ".partial");
        let written = self.shared.with_snapshot(|read, _| {
            let (after, last) = bounds(read, retention)?;
            if last <= after {
                return Ok(None);
            }
            private_file::create(&partial, b"")?;
            let failed = |error| FileError::io("write", to, error);
            let file = OpenOptions::new().write(true).open(&partial).map_err(failed)?;
            let mut file = BufWriter::new(file);
            read.write_segment(after, last, at, &mut file).map_err(|error| match error {
                SegmentError::Store(error) => Error::from(error),
                SegmentError::Io(error) => failed(error).into(),
            })?;
            file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
            let segment = LogSegment::open(&partial)?;
            if (segment.first, segment.last) != (after + 1, last) || segment.proven_up_to(read)? != last {
                return Err(StoreError::unread().into());
            }
            // Fails where something has the name by now.
            fs::hard_link(&partial, to).map_err(|error| match FileError::io("create", to, error) {
                FileError::Exists { path } => Error::from(StoreError::FileExists { path }),
                other => other.into(),
            })?;
            let mut segment = segment;
            to.clone_into(&mut segment.path);
            Ok(Some(segment))
        });
        let _ = fs::remove_file(&partial);
        if matches!(written, Ok(Some(_))) {
            private_file::sync(to)?;
        }
        written
    }

    fn cut_rows(&self, asked: Asked<'_>, segment: &LogSegment) -> Result<(), Error> {
        let head = *segment.head.as_bytes();
        self.change(
            asked,
            |write, by| {
                let cut = write.as_read().log_cut()?.map_or(0, |cut| cut.number);
                if cut.saturating_add(1) != segment.first {
                    return Err(StoreError::LogCutMeanwhile.into());
                }
                write.cut_log(segment.last, &head, by.at)?;
                let outcome =
                    Happened::Rotated { first: segment.first, last: segment.last, head: segment.head };
                Ok(Step::Changed((), LogNote::plain(asked.about, outcome)))
            },
            |read, _, ()| {
                let cut = read.log_cut()?;
                // Another process may have cut more since.
                let is_cut = cut.as_ref().is_some_and(|cut| {
                    cut.number > segment.last || (cut.number == segment.last && cut.head == head)
                });
                Ok(is_cut && !read.log(0, 1)?.is_empty())
            },
        )
    }
}

/// The row before the first one that goes, and the last one that does.
fn bounds(read: &Read<'_>, retention: LogRetention) -> Result<(i64, i64), StoreError> {
    let after = read.log_cut()?.map_or(0, |cut| cut.number);
    let end = read.log_length();
    let mut last = end.saturating_sub(retention.keep.unwrap_or_default().into());
    let Some(since) = retention.since else {
        return Ok((after, last));
    };
    let mut number = after;
    while number < last {
        let rows = read.log(number, PAGE)?;
        number = rows.last().map_or(last, |row| row.number);
        // Rows go oldest first: where one stays, those after it do.
        if let Some(first) = rows.iter().find(|row| row.at >= since) {
            last = last.min(first.number.saturating_sub(1));
        }
    }
    Ok((after, last))
}
