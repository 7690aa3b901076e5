//! The authenticated map: a radix trie over ordered keys, 16 ways, edges compressed, runs of few records on one page.
//!
//! Its form follows from its content alone, so that one content has one root on every engine. An accepted row is the row
//! of the commit whose root is known: rows are hashed with their path before they are parsed.
//!
//! - A map of at most [`PAGE`] records is one page. Otherwise an inner node stands at the longest common prefix of all.
//! - In an inner node an aligned run of 8, 4, 2 or 1 slots with at most [`PAGE`] records is one page, the longest run
//!   wins; a single slot with more is an inner node at the longest common prefix of what is in it.

mod cache;
mod check;
mod mend;
mod node;
mod read;
mod slots;
#[cfg(test)]
mod tests;
mod update;

use sha2::{Digest as _, Sha256};

pub(super) use self::{
    cache::Cache,
    check::Found,
    node::{Child, Node},
    read::Tree,
    update::Update,
};
use crate::seal::Digest;

/// The most records of a page: a row of theirs stays below the quarter page at which SQLite spills.
pub(super) const PAGE: usize = 12;

const FORMAT: &[u8] = b"strongroom-tree-1";

/// What is hashed. No two kinds share an input.
#[derive(Clone, Copy)]
enum Kind {
    Page = 0,
    Inner = 1,
    Record = 2,
    Root = 3,
}

fn hash(kind: Kind, parts: &[&[u8]]) -> Digest {
    let mut digest = Sha256::new_with_prefix(FORMAT);
    let kind: u8 = match kind {
        Kind::Page => 0,
        Kind::Inner => 1,
        Kind::Record => 2,
        Kind::Root => 3,
    };
    digest.update([kind]);
    for part in parts {
        digest.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// The hash of a record: its page holds it.
pub(super) fn record_hash(key: &[u8], value: &[u8]) -> Digest {
    hash(Kind::Record, &[key, value])
}

/// One record as its page names it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Item {
    pub(super) key: Vec<u8>,
    /// `None` for a member, which is nothing but its key.
    pub(super) hash: Option<Digest>,
}

/// An inner node as whoever stands above it names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct InnerRef {
    pub(super) prefix: Vec<u8>,
    pub(super) count: u64,
    pub(super) hash: Digest,
}

/// Where the tree begins. Stands in the state of the store, under its MAC.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Root {
    #[default]
    Empty,
    /// The page of the empty path.
    Page {
        count: u64,
        hash: Digest,
    },
    Inner(InnerRef),
}

impl Root {
    /// How many records there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Page { count, .. } => *count,
            Self::Inner(inner) => inner.count,
        }
    }

    /// The one value that stands for the whole content.
    pub(super) fn digest(&self) -> Digest {
        match self {
            Self::Empty => hash(Kind::Root, &[]),
            Self::Page { count, hash: of } => hash(Kind::Root, &[&[0], &count.to_be_bytes(), &[], of]),
            Self::Inner(inner) => {
                hash(Kind::Root, &[&[1], &inner.count.to_be_bytes(), &inner.prefix, &inner.hash])
            }
        }
    }
}

/// What is read of a body is written as the same body.
#[cfg(strongroom_fuzzing)]
pub(super) fn check_body(path: &[u8], body: &[u8]) {
    let prefix = path.get(..path.len().saturating_sub(2)).unwrap_or_default();
    if node::is_page_path(path) {
        if let Some(items) = node::parse_page(path, body, PAGE) {
            assert_eq!(node::page_body(prefix, &items), body, "two forms of one page");
        }
    } else if let Some(children) = node::parse_inner(path, body, PAGE) {
        assert_eq!(node::inner_body(path, &children), body, "two forms of one node");
    }
}

/// The digits of a key: two a byte, the high one first.
pub(super) fn digits(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

/// The least key that is not before any key under these digits: an odd last digit is filled with zero.
fn floor_key(digits: &[u8]) -> Vec<u8> {
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit) << (4 * (2 - pair.len())))
        .collect()
}

/// The first digits after all that begin with `prefix`; `None` if nothing comes after.
pub(super) fn after(prefix: &[u8], last: u8) -> Option<Vec<u8>> {
    let mut next = prefix.to_vec();
    loop {
        match next.pop()? {
            digit if digit == last => {}
            digit => {
                next.push(digit + 1);
                return Some(next);
            }
        }
    }
}

/// How many digits two texts have in common.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
