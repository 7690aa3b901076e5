//! Rows of the log in a file: a line of JSON each, so that whoever has it can follow the chain without the store.
//!
//! The first line says what follows: the store, the first and the last row, the hash of the row before and of the last one.
//! What is read of a file was hashed row by row; a line that would be written in another way is refused.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read as _, Write},
    path::{Path, PathBuf},
};

use rustls_pki_types::UnixTime;
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Read, StoreError, log::Said, log_cut::EVERY};
use crate::{
    certificate::Fingerprint,
    hexadecimal::hex,
    instant::{rfc3339, seconds},
    private_file::FileError,
    seal::{Digest, StoreId, audit_hash},
};

const FORMAT: u32 = 1;
/// The longest line that is read. The longest row that is written has a path of 4,096 bytes, each escaped.
const MAX_LINE: u64 = 64 << 10;
/// Rows read at a time.
const PAGE: u32 = 500;

/// The first line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Head {
    strongroom_log: u32,
    store: String,
    first: i64,
    last: i64,
    former: String,
    head: String,
    exported_at: String,
}

/// A row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Line {
    number: i64,
    at: String,
    actor: String,
    action: String,
    alias: String,
    sha256: String,
    outcome: String,
    root: String,
    hash: String,
}

/// A file of rows of the log, of which each was followed from the one before.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LogSegment {
    /// The file.
    pub path: PathBuf,
    /// The name of the store, in hexadecimal.
    pub store: String,
    /// The number of its first row.
    pub first: i64,
    /// The number of its last row.
    pub last: i64,
    /// The hash of its last row.
    pub head: Fingerprint,
    /// Hashes of rows: of the one before the first, of each thousandth, of the last and of those that were asked for.
    hashes: BTreeMap<i64, Digest>,
}

fn digest(text: &str) -> Option<Digest> {
    let digest: Fingerprint = text.parse().ok()?;
    // One digest, one text.
    (digest.to_string() == text).then(|| *digest.as_bytes())
}

impl Line {
    fn of(hash: &Digest, said: Said) -> Self {
        Self {
            number: said.number,
            at: rfc3339(said.at),
            actor: said.actor,
            action: said.action,
            alias: said.alias,
            sha256: said.fingerprint,
            outcome: said.outcome,
            root: hex(said.root),
            hash: hex(hash),
        }
    }

    /// What the row says, as it is hashed.
    fn said(self) -> Option<(Said, Digest)> {
        let at = OffsetDateTime::parse(&self.at, &Rfc3339).ok()?.unix_timestamp();
        let hash = digest(&self.hash)?;
        let said = Said {
            number: self.number,
            at,
            actor: self.actor,
            action: self.action,
            alias: self.alias,
            fingerprint: self.sha256,
            outcome: self.outcome,
            root: digest(&self.root)?,
        };
        (rfc3339(at) == self.at).then_some((said, hash))
    }
}

impl Read<'_> {
    /// Writes the rows after number `after` up to number `last` as lines.
    pub(crate) fn write_segment(
        &self,
        after: i64,
        last: i64,
        at: UnixTime,
        to: &mut dyn Write,
    ) -> Result<(), SegmentError> {
        let former = if after == 0 { Some([0; 32]) } else { self.log_hash(after)? };
        let (former, head) = former.zip(self.log_hash(last)?).ok_or(super::log::BROKEN)?;
        let head = Head {
            strongroom_log: FORMAT,
            store: hex(self.ledger.store()),
            first: after.saturating_add(1),
            last,
            former: hex(former),
            head: hex(head),
            exported_at: rfc3339(seconds(at)),
        };
        line(to, &head)?;
        let mut number = after;
        while number < last {
            let limit = u32::try_from(last - number).unwrap_or(PAGE).min(PAGE);
            let rows = self.log_rows(number, limit)?;
            number = rows.last().map(|(_, said)| said.number).ok_or(super::log::BROKEN)?;
            for (hash, said) in rows {
                line(to, &Line::of(&hash, said))?;
            }
        }
        Ok(())
    }
}

/// Why a file of rows was not written.
#[derive(Debug)]
pub(crate) enum SegmentError {
    Store(StoreError),
    Io(io::Error),
}

impl From<StoreError> for SegmentError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn line<T: Serialize>(to: &mut dyn Write, value: &T) -> Result<(), SegmentError> {
    let text = serde_json::to_string(value).map_err(|error| SegmentError::Io(error.into()))?;
    writeln!(to, "{text}").map_err(SegmentError::Io)
}

impl LogSegment {
    /// Reads a file, and follows its rows from the first to the last.
    ///
    /// # Errors
    ///
    /// [`StoreError::LogSegment`] with what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::open_with(path, None)
    }

    /// The same, and notes the hash of one row.
    pub(super) fn open_with(path: &Path, wanted: Option<i64>) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|error| FileError::io("open", path, error))?;
        let bad = |problem: String| StoreError::LogSegment { path: path.to_owned(), problem };
        Self::read(&mut BufReader::new(file), path, wanted).map_err(bad)
    }

    fn read(from: &mut dyn BufRead, path: &Path, wanted: Option<i64>) -> Result<Self, String> {
        let no_head = || "its first line is not that of a log that was exported".to_owned();
        let first = next_line(from, 1)?.ok_or_else(no_head)?;
        let head: Head = serde_json::from_slice(&first).map_err(|_| no_head())?;
        if head.strongroom_log != FORMAT {
            return Err(format!("it has format {}, and this program knows {FORMAT}", head.strongroom_log));
        }
        let (mut former, last) = digest(&head.former).zip(digest(&head.head)).ok_or_else(no_head)?;
        if head.first < 1 || head.last < head.first || (head.first == 1 && former != [0; 32]) {
            return Err(no_head());
        }
        let mut hashes = BTreeMap::from([(head.first - 1, former)]);
        for number in head.first..=head.last {
            // Behind the first line.
            let at = number - head.first + 2;
            let line = next_line(from, at)?.ok_or_else(|| {
                format!("it ends before row {number}, and should have rows up to {}", head.last)
            })?;
            let line: Line =
                serde_json::from_slice(&line).map_err(|_| format!("line {at} is no row of a log"))?;
            let (said, hash) = line.said().ok_or_else(|| format!("line {at} is no row of a log"))?;
            if said.number != number {
                return Err(format!("line {at} has row {}, and row {number} comes there", said.number));
            }
            if audit_hash(&former, &said.encode()) != hash {
                return Err(format!("row {number} was changed, or does not follow the row before it"));
            }
            former = hash;
            if number % EVERY == 0 || number == head.last || wanted == Some(number) {
                hashes.insert(number, hash);
            }
        }
        if former != last {
            return Err("its last row is not the one that its first line names".to_owned());
        }
        if next_line(from, head.last - head.first + 3)?.is_some() {
            return Err(format!("something stands behind row {}", head.last));
        }
        let Head { store, first, last: number, .. } = head;
        let head = Fingerprint::from_bytes(last);
        Ok(Self { path: path.to_owned(), store, first, last: number, head, hashes })
    }

    /// Up to which of its rows the log of a store has the same; the hash of each row stands for those before it.
    pub(crate) fn proven_up_to(&self, read: &Read<'_>) -> Result<i64, StoreError> {
        self.of_store(read.ledger.store())?;
        for (number, hash) in self.hashes.range(self.first..).rev() {
            match read.log_hash(*number)? {
                Some(known) if known == *hash => return Ok(*number),
                Some(_) => return Err(self.is_another(*number)),
                None => {}
            }
        }
        Err(self.bad("the store has no record of any of its rows".to_owned()))
    }

    /// The hash of a row, if it leads on to one that the store has a record of.
    pub(super) fn leads_from(&self, number: i64, read: &Read<'_>) -> Result<Link, StoreError> {
        self.of_store(read.ledger.store())?;
        let Some(hash) = self.hashes.get(&number) else {
            return Err(self.bad(format!(
                "it has rows {} to {}, and the row that is to be proved is {number}",
                self.first, self.last
            )));
        };
        for (number, head) in self.hashes.range(number..) {
            match read.cut_head(*number)? {
                Some(known) if known == *head => {
                    return Ok(Link { hash: *hash, number: *number, head: *head });
                }
                Some(_) => return Err(self.is_another(*number)),
                None => {}
            }
        }
        Err(self.bad("the store has no record of the rows at its end".to_owned()))
    }

    fn of_store(&self, store: &StoreId) -> Result<(), StoreError> {
        if self.store == hex(store) { Ok(()) } else { Err(self.bad("it is of another store".to_owned())) }
    }

    fn is_another(&self, number: i64) -> StoreError {
        self.bad(format!("the store has another row {number} than it"))
    }

    fn bad(&self, problem: String) -> StoreError {
        StoreError::LogSegment { path: self.path.clone(), problem }
    }
}

/// A row of a file that leads on to one that a store has a record of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Link {
    /// Of the row itself.
    pub(super) hash: Digest,
    /// The row of the store.
    pub(super) number: i64,
    pub(super) head: Digest,
}

/// A line without its end; `None` at the end of the file.
fn next_line(from: &mut dyn BufRead, number: i64) -> Result<Option<Vec<u8>>, String> {
    let mut line = Vec::new();
    let read = from.take(MAX_LINE).read_until(b'\n', &mut line);
    read.map_err(|error| format!("line {number} cannot be read: {error}"))?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => Err(format!("line {number} has no end, or is longer than {MAX_LINE} bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(number: i64) -> Said {
        Said {
            number,
            at: 1_795_000_000 + number,
            actor: "an \"owner\"\n".to_owned(),
            action: "import".to_owned(),
            alias: format!("www-{number}"),
            fingerprint: hex([1; 32]),
            outcome: "imported \u{2028} ü".to_owned(),
            root: [7; 32],
        }
    }

    fn file(first: i64, last: i64, mut former: Digest) -> Vec<u8> {
        let (mut lines, before) = (Vec::new(), former);
        for number in first..=last {
            former = audit_hash(&former, &said(number).encode());
            line(&mut lines, &Line::of(&former, said(number))).unwrap();
        }
        let head = Head {
            strongroom_log: FORMAT,
            store: hex([9; 16]),
            first,
            last,
            former: hex(before),
            head: hex(former),
            exported_at: rfc3339(0),
        };
        let mut all = Vec::new();
        line(&mut all, &head).unwrap();
        all.extend(lines);
        all
    }

    fn read(bytes: &[u8]) -> Result<LogSegment, String> {
        LogSegment::read(&mut &*bytes, Path::new("file"), Some(3))
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_in_no_other_form() {
        let whole = file(1, 4, [0; 32]);
        let segment = read(&whole).unwrap();
        assert_eq!((segment.first, segment.last), (1, 4));
        assert_eq!(segment.hashes.keys().copied().collect::<Vec<_>>(), [0, 3, 4]);
        assert_eq!(read(&file(7, 9, [5; 32])).unwrap().first, 7);
        // No byte of a row can be another, nor of what the first line says of the rows.
        let end = whole.iter().position(|byte| *byte == b',').unwrap();
        let end = end + whole[end..].windows(14).position(|at| at == b"\"exported_at\":").unwrap();
        let rows = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let store = whole.windows(9).position(|at| at == b"\"store\":\"").unwrap() + 9;
        for at in (0..end).chain(rows..whole.len()).filter(|at| !(store..store + 32).contains(at)) {
            let mut other = whole.clone();
            other[at] ^= 1;
            assert!(read(&other).is_err(), "byte {at}");
        }
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut at {length}");
        }
        assert!(read(&[whole.as_slice(), b"x\n"].concat()).unwrap_err().contains("behind row 4"));
        assert!(read(&[whole.as_slice(), &[b'x'; 70_000]].concat()).unwrap_err().contains("longer than"));
        // The first row follows nothing.
        assert!(read(&file(1, 2, [5; 32])).is_err());
    }

    #[test]
    fn a_row_that_is_left_out_doubled_or_moved_is_named() {
        let whole = file(1, 4, [0; 32]);
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let of = |order: &[usize]| order.iter().flat_map(|at| lines[*at].to_vec()).collect::<Vec<u8>>();
        assert!(read(&of(&[0, 1, 2, 3, 4])).is_ok());
        assert_eq!(read(&of(&[0, 1, 3, 4])).unwrap_err(), "line 3 has row 3, and row 2 comes there");
        assert_eq!(read(&of(&[0, 1, 1, 2, 3, 4])).unwrap_err(), "line 3 has row 1, and row 2 comes there");
        assert_eq!(
            read(&of(&[0, 1, 2, 3])).unwrap_err(),
            "it ends before row 4, and should have rows up to 4"
        );
        assert_eq!(read(b"{}\n").unwrap_err(), "its first line is not that of a log that was exported");
        assert_eq!(read(b"").unwrap_err(), "its first line is not that of a log that was exported");
    }
}
