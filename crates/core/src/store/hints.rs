//! What the file of a store says without anything that opens it: hints for who types, which nothing proves.

use std::path::Path;

use super::{
    SqliteEngine, StoreError,
    engine::{Engine as _, Table},
    key::{self, Tag},
    records::EntryHead,
};
use crate::alias::Alias;

/// What an alias stands for, as the file says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum HintKind {
    /// A server certificate with its key.
    Server,
    /// A CA certificate.
    Authority,
    /// A pending certificate request.
    Request,
    /// An entry that was removed, and can be brought back.
    Removed,
}

/// Up to `limit` aliases of each kind of record that begin with a text, whatever its case. Nothing is opened, and nothing
/// proved: whoever can write the file can have it say anything. For the completion of a command line, and nothing else.
///
/// # Errors
///
/// [`StoreError`] if the file cannot be read, or is no store.
pub fn alias_hints(path: &Path, beginning: &str, limit: usize) -> Result<Vec<(Alias, HintKind)>, StoreError> {
    let engine = SqliteEngine::open(path, true)?;
    let view = engine.view()?;
    let mut found = Vec::new();
    for tag in [Tag::Head, Tag::Request, Tag::Removed] {
        let mut from = vec![tag.byte()];
        from.extend(beginning.to_ascii_lowercase().bytes());
        for (row, value) in view.range(Table::Record, &from, key::after(&from).as_deref(), limit)? {
            // A text that is no alias is not shown.
            let Some(alias) = key::alias_of(&row).and_then(|text| text.parse::<Alias>().ok()) else {
                continue;
            };
            let head =
                if tag == Tag::Head { EntryHead::from_record(&alias.key(), &value).ok() } else { None };
            found.push(match (tag, head) {
                (Tag::Head, Some(head)) if head.trust.is_some() => (head.alias, HintKind::Authority),
                (Tag::Head, Some(head)) => (head.alias, HintKind::Server),
                (Tag::Head, None) => (alias, HintKind::Server),
                (Tag::Request, _) => (alias, HintKind::Request),
                _ => (alias, HintKind::Removed),
            });
        }
    }
    Ok(found)
}
