//! Rows of the tree: their encoding, and a parser that takes the canonical form alone.

use super::{InnerRef, Item, Kind, digits, hash};
use crate::seal::Digest;

/// Added to the width in the last digit of a page's path, so that no digit of a key is taken for it.
const WIDTH: u8 = 0x10;

/// What stands below an inner node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) enum Child {
    /// A page over an aligned run of slots.
    Page { first: u8, width: u8, count: u64, hash: Digest },
    /// An inner node in one slot.
    Inner { slot: u8, inner: InnerRef },
}

/// A row, proved and parsed.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::store) enum Node {
    Page(Vec<Item>),
    Inner(Vec<Child>),
}

/// The path of a page below the inner node at `prefix`.
pub(super) fn page_path(prefix: &[u8], first: u8, width: u8) -> Vec<u8> {
    let mut path = Vec::with_capacity(prefix.len() + 2);
    path.extend_from_slice(prefix);
    path.extend([first, WIDTH + width]);
    path
}

/// An aligned run of slots: the first, and how many.
type Run = (u8, u8);

/// The prefix and the run of a page's path; the page of the empty path has neither.
pub(super) fn page_place(path: &[u8]) -> Option<(&[u8], Option<Run>)> {
    match path {
        [] => Some((path, None)),
        [prefix @ .., first, width] => {
            let width = width.checked_sub(WIDTH).filter(|width| matches!(width, 1 | 2 | 4 | 8))?;
            (*first < 16 && first % width == 0).then_some((prefix, Some((*first, width))))
        }
        _ => None,
    }
}

/// Whether a path is one of a page and not of an inner node.
pub(super) fn is_page_path(path: &[u8]) -> bool {
    path.last().is_some_and(|last| *last >= WIDTH)
}

impl Child {
    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Page { count, .. } => *count,
            Self::Inner { inner, .. } => inner.count,
        }
    }

    /// The slots that it stands for: the first, and how many.
    pub(super) fn slots(&self) -> (u8, u8) {
        match self {
            Self::Page { first, width, .. } => (*first, *width),
            Self::Inner { slot, .. } => (*slot, 1),
        }
    }

    pub(super) fn covers(&self, slot: u8) -> bool {
        let (first, width) = self.slots();
        (first..first + width).contains(&slot)
    }
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Takes bytes off the front.
struct Taker<'b>(&'b [u8]);

impl<'b> Taker<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn digest(&mut self) -> Option<Digest> {
        self.take(32)?.try_into().ok()
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // One encoding for each number.
                return (byte != 0 || shift == 0).then_some(number);
            }
        }
        None
    }
}

/// The body of a page below `prefix`.
pub(super) fn page_body(prefix: &[u8], items: &[Item]) -> Vec<u8> {
    let mut body = Vec::with_capacity(items.len() * 80);
    for item in items {
        let rest = item.key.get(prefix.len() / 2..).unwrap_or_default();
        let length = u64::try_from(rest.len()).unwrap_or(u64::MAX);
        put_number(&mut body, length.saturating_mul(2) | u64::from(item.hash.is_some()));
        body.extend_from_slice(rest);
        body.extend(item.hash.iter().flatten());
    }
    body
}

/// The body of an inner node at `prefix`.
pub(super) fn inner_body(prefix: &[u8], children: &[Child]) -> Vec<u8> {
    let mut body = Vec::with_capacity(children.len() * 40 + 1);
    put_number(&mut body, u64::try_from(children.len()).unwrap_or(u64::MAX));
    for child in children {
        let (first, width) = child.slots();
        body.extend([first, width]);
        match child {
            Child::Page { count, hash, .. } => {
                body.push(0);
                put_number(&mut body, *count);
                body.extend(hash);
            }
            Child::Inner { inner, .. } => {
                body.push(1);
                put_number(&mut body, inner.count);
                let label = inner.prefix.get(prefix.len() + 1..).unwrap_or_default();
                put_number(&mut body, u64::try_from(label.len()).unwrap_or(u64::MAX));
                body.extend_from_slice(label);
                body.extend(inner.hash);
            }
        }
    }
    body
}

pub(super) fn page_hash(path: &[u8], body: &[u8]) -> Digest {
    hash(Kind::Page, &[path, body])
}

pub(super) fn inner_hash(prefix: &[u8], body: &[u8]) -> Digest {
    hash(Kind::Inner, &[prefix, body])
}

/// The records of a page; `None` for every form but the canonical one.
pub(super) fn parse_page(path: &[u8], body: &[u8], limit: usize) -> Option<Vec<Item>> {
    let (prefix, run) = page_place(path)?;
    let stem: Vec<u8> = super::floor_key(prefix.get(..prefix.len() / 2 * 2)?);
    let mut rest = Taker(body);
    let mut items: Vec<Item> = Vec::new();
    while !rest.0.is_empty() {
        let head = rest.number()?;
        let length = usize::try_from(head / 2).ok()?;
        let mut key = stem.clone();
        key.extend_from_slice(rest.take(length)?);
        let hash = if head & 1 == 1 { Some(rest.digest()?) } else { None };
        let path = digits(&key);
        if !path.starts_with(prefix) {
            return None;
        }
        if let Some((first, width)) = run {
            let slot = path.get(prefix.len())?;
            if !(first..first + width).contains(slot) {
                return None;
            }
        }
        if items.last().is_some_and(|last| last.key >= key || key.starts_with(&last.key))
            || items.len() == limit
        {
            return None;
        }
        items.push(Item { key, hash });
    }
    (!items.is_empty()).then_some(items)
}

/// The children of an inner node; `None` for every form but the canonical one.
pub(super) fn parse_inner(prefix: &[u8], body: &[u8], limit: usize) -> Option<Vec<Child>> {
    let most = u64::try_from(limit).ok()?;
    let mut rest = Taker(body);
    let number = rest.number().filter(|number| (2..=16).contains(number))?;
    let mut children: Vec<Child> = Vec::with_capacity(16);
    let mut free = 0_u8;
    for _ in 0..number {
        let (first, width, kind, count) = (rest.byte()?, rest.byte()?, rest.byte()?, rest.number()?);
        if !matches!(width, 1 | 2 | 4 | 8) || first < free || first % width != 0 || first > 16 - width {
            return None;
        }
        free = first + width;
        children.push(match kind {
            0 if (1..=most).contains(&count) => Child::Page { first, width, count, hash: rest.digest()? },
            1 if count > most && width == 1 => {
                let length = usize::try_from(rest.number()?).ok()?;
                let label = rest.take(length)?;
                if label.iter().any(|digit| *digit > 15) {
                    return None;
                }
                let inner =
                    InnerRef { prefix: [prefix, &[first], label].concat(), count, hash: rest.digest()? };
                Child::Inner { slot: first, inner }
            }
            _ => return None,
        });
    }
    (rest.0.is_empty() && is_formed(&children, most)).then_some(children)
}

/// Whether no run of pages had to be a longer one.
fn is_formed(children: &[Child], most: u64) -> bool {
    let within = |first: u8, width: u8| -> u64 {
        let inside = children.iter().filter(|child| child.slots().0 / width * width == first);
        inside.fold(0_u64, |sum, child| sum.saturating_add(child.count()))
    };
    let total = children.iter().fold(0_u64, |sum, child| sum.saturating_add(child.count()));
    total > most
        && children.iter().all(|child| match *child {
            Child::Page { first, width, .. } if width < 8 => {
                let wider = width * 2;
                within(first / wider * wider, wider) > most
            }
            _ => true,
        })
}
