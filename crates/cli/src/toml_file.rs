//! Files in TOML that a user writes: read within a bound, and what is wrong in one is told with its line.

use std::{fs::File, io::Read as _, path::Path};

use strongroom::certificate::printable;

/// The text of a file of at most `max_len` bytes, or why it cannot be read.
pub(crate) fn read(path: &Path, max_len: u64) -> Result<String, String> {
    let cannot = |why: String| format!("cannot read {}: {why}", printable(&path.to_string_lossy()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| cannot(error.to_string()))?;
    let read = file.take(max_len.saturating_add(1)).read_to_string(&mut text);
    let len = read.map_err(|error| cannot(error.to_string()))?;
    if u64::try_from(len).unwrap_or(u64::MAX) > max_len {
        return Err(cannot(format!("it has more than {max_len} bytes")));
    }
    Ok(text)
}

/// The number of the line of a byte, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// A message about the file, with the line where the place in it is known.
pub(crate) fn message(path: &Path, text: &str, at: Option<usize>, what: &str) -> String {
    let line = at.map(|at| format!(", line {}", line_of(text, at))).unwrap_or_default();
    format!("{}{line}: {what}", printable(&path.to_string_lossy()))
}
