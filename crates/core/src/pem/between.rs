//! Text outside blocks, which is passed over: nothing in it may be what is left of a block.

use std::borrow::Cow;

use super::{
    base64,
    error::PemError,
    text::{Part, lines, trim_start},
};

/// Looks at the end of the file, where the first line of a block may be cut off.
pub(super) fn check_end(after: &Part<'_>) -> Result<(), PemError> {
    let lines: Vec<&[u8]> = lines(after.text).collect();
    let last = lines.last().copied().unwrap_or_default();
    let begun = trim_start(last).strip_prefix(super::DASHES).unwrap_or_default();
    let is_cut = !begun.is_empty()
        && super::BEGIN.get(super::DASHES.len()..).is_some_and(|word| {
            word.get(..begun.len()).is_some_and(|start| start.eq_ignore_ascii_case(begun))
        });
    if is_cut {
        let line = after.line + lines.len() - 1;
        return Err(PemError::Marker { line, what: "the file is cut off in the BEGIN of a block" });
    }
    Ok(())
}

/// Looks at text between blocks, which is passed over: it must not be what is left of a block.
pub(super) fn check_between(between: &Part<'_>) -> Result<(), PemError> {
    for (n, line) in lines(between.text).enumerate() {
        let at = between.line + n;
        let text = trim_start(line);
        if is_dash(text) && names_a_marker(text) {
            let what = "it looks like the BEGIN or END of a block, but has not five hyphens on each side";
            return Err(PemError::Marker { line: at, what });
        }
        if base64::looks_like_a_sequence(text) {
            return Err(PemError::Marker { line: at, what: "base64 that stands in no block" });
        }
    }
    Ok(())
}

/// A hyphen, or one of the dashes that word processors put in its place.
fn is_dash(text: &[u8]) -> bool {
    matches!(text, [b'-', ..] | [0xe2, 0x80, 0x90..=0x95, ..] | [0xe2, 0x88, 0x92, ..] | [0x96 | 0x97, ..])
}

fn names_a_marker(text: &[u8]) -> bool {
    let text: Cow<'_, str> = String::from_utf8_lossy(text);
    let text = text.to_ascii_uppercase();
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let armour = ["CERTIFICATE", "CMS", "CRL", "KEY", "PKCS", "PKCS12", "PKCS7", "X509"];
    matches!(words.next(), Some("BEGIN" | "END")) && words.any(|word| armour.contains(&word))
}
