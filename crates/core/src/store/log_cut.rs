//! What was cut from the log: the record that stays, so that the rows left, a rollback guard and a file of the rows cut
//! can be held against it.
//!
//! It stands in the tree, under the state: the number and the hash of the last row that was cut, the hashes of the last
//! thousand before it, and those at every thousandth row and at the end of each cut. Of the rows themselves only those stay
//! that somebody asks for later: the last export to each path, the last backup, the last change.

use std::collections::BTreeMap;

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder, MALFORMED},
    engine::Row,
    key::{self, Tag},
    log::{BROKEN, LogEntry, Said},
};
use crate::{certificate::Fingerprint, seal::Digest};

/// A head stays at each so many rows.
pub(super) const EVERY: i64 = 1_000;
/// The heads of so many rows before the cut stay: a process that has not looked for so long still knows its store.
const RECENT: usize = 1_000;
/// Rows read at a time.
const PAGE: u32 = 500;

/// Where the log was cut.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Cut {
    /// The last row that was cut.
    pub(crate) number: i64,
    /// Its hash.
    pub(crate) head: Digest,
    /// When, in seconds since 1970.
    pub(crate) at: i64,
    /// The hashes of the rows before it, up to its own.
    recent: Vec<Digest>,
}

/// A row that is asked for after it was cut.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept<'p> {
    /// The last export to a path.
    Export(&'p str),
    /// The last backup.
    Backup,
    /// The last change of what the store holds.
    Change,
}

impl Kept<'_> {
    fn key(self) -> Vec<u8> {
        match self {
            Self::Export(path) => key::log_kept(1, Some(&Fingerprint::of(path.as_bytes()))),
            Self::Backup => key::log_kept(2, None),
            Self::Change => key::log_kept(3, None),
        }
    }

    /// Whether a row is one of these.
    pub(crate) fn is(self, row: &LogEntry) -> bool {
        match self {
            Self::Export(path) => row.exported().is_some_and(|(_, to)| to == path),
            Self::Backup => row.action == "backup" && !row.is_refusal(),
            Self::Change => {
                const NONE: [&str; 4] = ["backup", "sign-in", "refusals", "log-rotate"];
                !NONE.contains(&row.action.as_str()) && !row.is_refusal()
            }
        }
    }
}

impl LogEntry {
    /// Whether the row tells of a refusal: its outcome is the code of an error.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        // What was done is said in words.
        let of_a_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        self.outcome.contains('_') && self.outcome.bytes().all(of_a_code)
    }

    /// The digest and the path of an exported file.
    fn exported(&self) -> Option<(&str, &str)> {
        let is_export = matches!(self.action.as_str(), "export" | "ca-export");
        self.outcome.strip_prefix("sha256 ").filter(|_| is_export)?.split_once(' ')
    }
}

impl Cut {
    fn to_record(&self) -> Vec<u8> {
        let mut encoder = Encoder::new();
        encoder.integer(self.number).integer(self.at).list(self.recent.len());
        for head in &self.recent {
            encoder.bytes(head);
        }
        encoder.done()
    }

    fn from_record(record: &[u8]) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(record)?;
        let (number, at) = (decoder.integer()?, decoder.integer()?);
        let recent = (0..decoder.list()?).map(|_| decoder.fixed()).collect::<Result<Vec<Digest>, _>>()?;
        decoder.end()?;
        let head = *recent.last().ok_or(MALFORMED)?;
        let rows = i64::try_from(recent.len()).map_err(|_| MALFORMED)?;
        if rows > number {
            return Err(MALFORMED);
        }
        Ok(Self { number, head, at, recent })
    }

    /// The hash of one of the last rows before the cut.
    fn recent(&self, number: i64) -> Option<&Digest> {
        let before = usize::try_from(self.number.checked_sub(number)?).ok()?;
        self.recent.get(self.recent.len().checked_sub(before.checked_add(1)?)?)
    }
}

/// What is read of a record is written as the same record.
#[cfg(strongroom_fuzzing)]
pub(super) fn check_record(bytes: &[u8]) {
    if let Ok(cut) = Cut::from_record(bytes) {
        assert_eq!(cut.to_record(), bytes, "two encodings of one cut of the log");
    }
}

impl Read<'_> {
    /// Where the log was cut, if it was.
    pub(crate) fn log_cut(&self) -> Result<Option<Cut>, StoreError> {
        self.get(&key::log_cut())?.map(|record| Cut::from_record(&record)).transpose()
    }

    /// The hash of a row that was cut, where it is still known.
    pub(super) fn cut_head(&self, number: i64) -> Result<Option<Digest>, StoreError> {
        let Some(cut) = self.log_cut()? else {
            return Ok(None);
        };
        if let Some(head) = cut.recent(number) {
            return Ok(Some(*head));
        }
        self.stored_head(number)
    }

    fn stored_head(&self, number: i64) -> Result<Option<Digest>, StoreError> {
        let Some(record) = self.get(&key::log_head(number))? else {
            return Ok(None);
        };
        let mut decoder = Decoder::new(&record)?;
        let head = decoder.fixed()?;
        decoder.end()?;
        Ok(Some(head))
    }

    /// A row that was cut and is asked for still.
    pub(crate) fn kept_row(&self, kept: Kept<'_>) -> Result<Option<LogEntry>, StoreError> {
        let record = self.get(&kept.key())?;
        record.map(|record| Ok(Said::decode(&record)?.into())).transpose()
    }

    /// Everything that is recorded of the cut.
    pub(super) fn log_cut_records(&self) -> Result<Vec<Row>, StoreError> {
        let listed = self.list(&[Tag::LogCut.byte()], &[], usize::MAX)?;
        listed.into_iter().map(|(key, record)| Ok((key, record?))).collect()
    }

    /// Looks at all that is recorded of the cut; gives the number of the last row that was cut.
    pub(super) fn verify_cut(&self) -> Result<i64, StoreError> {
        let records = self.log_cut_records()?;
        let Some(cut) = self.log_cut()? else {
            return if records.is_empty() { Ok(0) } else { Err(BROKEN) };
        };
        let every = (1..=cut.number / EVERY).map(|count| count * EVERY);
        for number in every.chain([cut.number]) {
            let head = self.stored_head(number)?.ok_or(BROKEN)?;
            if cut.recent(number).is_some_and(|recent| *recent != head) {
                return Err(BROKEN);
            }
        }
        for (key, record) in records {
            if key.get(1) == Some(&2) {
                Said::decode(&record)?;
            }
        }
        Ok(cut.number)
    }
}

impl Write<'_> {
    /// Cuts the rows up to number `last`, whose hash must be `head`, at an instant; each of them is looked at first.
    pub(crate) fn cut_log(&self, last: i64, head: &Digest, at: i64) -> Result<(), StoreError> {
        let read = self.as_read();
        let former = read.log_cut()?;
        let first = former.as_ref().map_or(0, |cut| cut.number);
        let mut recent = former.map(|cut| cut.recent).unwrap_or_default();
        let mut kept: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        let mut number = first;
        while number < last {
            let limit = u32::try_from(last - number).unwrap_or(PAGE).min(PAGE);
            let rows = read.log_rows(number, limit)?;
            if rows.is_empty() {
                return Err(BROKEN);
            }
            for (hash, said) in rows {
                number = said.number;
                recent.push(hash);
                if number % EVERY == 0 || number == last {
                    self.put(key::log_head(number), Encoder::new().bytes(&hash).done());
                }
                let body = said.encode();
                let row: LogEntry = said.into();
                let path = row.exported().map(|(_, path)| path.to_owned());
                let kinds = [path.as_deref().map(Kept::Export), Some(Kept::Backup), Some(Kept::Change)];
                for kind in kinds.into_iter().flatten().filter(|kind| kind.is(&row)) {
                    kept.insert(kind.key(), body.clone());
                }
            }
        }
        if number != last || recent.last() != Some(head) {
            return Err(BROKEN);
        }
        recent.drain(..recent.len().saturating_sub(RECENT));
        self.put(key::log_cut(), Cut { number: last, head: *head, at, recent }.to_record());
        kept.into_iter().for_each(|(key, body)| self.put(key, body));
        self.pending.borrow_mut().log_cut = Some((first.saturating_add(1), last));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(action: &str, outcome: &str) -> LogEntry {
        Said {
            number: 1,
            at: 0,
            actor: String::new(),
            action: action.to_owned(),
            alias: String::new(),
            fingerprint: String::new(),
            outcome: outcome.to_owned(),
            root: [0; 32],
        }
        .into()
    }

    #[test]
    fn the_heads_before_a_cut_are_found_by_their_number() {
        let recent: Vec<Digest> = (1..=3).map(|n| [n; 32]).collect();
        let cut = Cut { number: 10, head: [3; 32], at: 7, recent };
        assert_eq!(cut.recent(10), Some(&[3; 32]));
        assert_eq!(cut.recent(8), Some(&[1; 32]));
        assert_eq!((cut.recent(7), cut.recent(11), cut.recent(i64::MIN)), (None, None, None));
        let record = cut.to_record();
        assert_eq!(Cut::from_record(&record).unwrap(), cut);
        for length in 0..record.len() {
            assert!(Cut::from_record(&record[..length]).is_err(), "{length}");
        }
        let none = Cut { recent: Vec::new(), ..cut.clone() };
        let more_than_there_were = Cut { number: 2, ..cut };
        assert!(Cut::from_record(&none.to_record()).is_err());
        assert!(Cut::from_record(&more_than_there_were.to_record()).is_err());
    }

    #[test]
    fn a_path_with_an_underscore_is_no_refusal() {
        let export = row("export", "sha256 ab /srv/my_file.pem");
        assert!(Kept::Export("/srv/my_file.pem").is(&export) && Kept::Change.is(&export));
        assert!(!Kept::Export("/srv/my").is(&export) && !Kept::Backup.is(&export));
        let refused = row("backup", "store_full");
        assert!(refused.is_refusal() && !Kept::Backup.is(&refused) && !Kept::Change.is(&refused));
        assert!(Kept::Backup.is(&row("backup", "written")));
        assert!(!Kept::Change.is(&row("log-rotate", "cut rows 1 to 2, head ab")));
    }
}
