//! Proved rows by their hash: the row above names the hash, so that nothing here can be stale, whatever was committed or
//! put back.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Child, Node};
use crate::seal::Digest;

/// Bytes of one generation; there are two.
const GENERATION: usize = 16 << 20;

/// Shared by all connections of a process to one store.
#[derive(Default)]
pub(in crate::store) struct Cache(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<Digest, Arc<Node>>,
    old: HashMap<Digest, Arc<Node>>,
    /// About what `young` takes.
    size: usize,
}

impl Cache {
    pub(super) fn get(&self, hash: &Digest) -> Option<Arc<Node>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.young.get(hash) {
            return Some(Arc::clone(found));
        }
        let found = kept.old.remove(hash)?;
        kept.add(*hash, Arc::clone(&found));
        Some(found)
    }

    /// Keeps a row that was proved to have this hash.
    pub(super) fn add(&self, hash: Digest, node: Arc<Node>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(hash, node);
    }
}

impl Generations {
    fn add(&mut self, hash: Digest, node: Arc<Node>) {
        self.size += size_of(&node);
        self.young.insert(hash, node);
        if self.size > GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.size = 0;
        }
    }
}

fn size_of(node: &Node) -> usize {
    let inside: usize = match node {
        Node::Page(items) => items.iter().map(|item| item.key.len() + 72).sum(),
        Node::Inner(children) => children
            .iter()
            .map(|child| match child {
                Child::Page { .. } => 88,
                Child::Inner { inner, .. } => inner.prefix.len() + 88,
            })
            .sum(),
    };
    inside + 120
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache")
    }
}
