//! Looks at every row of the tree as it stands, past the cache.

use std::sync::Arc;

use super::{
    Child, InnerRef, Item, Node, Root, Tree,
    node::{inner_hash, page_hash, page_path},
    read::Step,
};
use crate::{
    seal::Digest,
    store::{StoreError, engine::Table},
};

/// What is found on the way.
pub(in crate::store) enum Found<'f> {
    /// A row that is there, whatever it says.
    Row,
    /// A row that is missing or wrong.
    LostRow,
    /// What cannot be made again either: nothing below it is seen.
    Unproved,
    /// The records of a page, proved.
    Page(&'f [Item]),
}

type Each<'e> = &'e mut dyn FnMut(Found<'_>) -> Result<(), StoreError>;

impl Tree<'_> {
    /// Walks all of it.
    pub(in crate::store) fn check(&self, each: Each<'_>) -> Result<(), StoreError> {
        match self.root {
            Root::Empty => Ok(()),
            Root::Page { count, hash } => {
                self.stands(&[], &|body| page_hash(&[], body), hash, each)?;
                tell(self.page(&[], *count, hash), each)
            }
            Root::Inner(inner) => self.check_inner(inner, each),
        }
    }

    fn check_inner(&self, inner: &InnerRef, each: Each<'_>) -> Result<(), StoreError> {
        let mut way = Vec::new();
        way.extend(self.enter(inner, each)?);
        while let Some(step) = way.last_mut() {
            let Some((prefix, child)) = step.next_child() else {
                way.pop();
                continue;
            };
            match child {
                Child::Inner { inner, .. } => {
                    let below = self.enter(inner, each)?;
                    way.extend(below);
                }
                Child::Page { first, width, count, hash } => {
                    let path = page_path(prefix, *first, *width);
                    self.stands(&path, &|body| page_hash(&path, body), hash, each)?;
                    tell(self.page(&path, *count, hash), each)?;
                }
            }
        }
        Ok(())
    }

    /// Looks at the row of an inner node; `None` if nothing below it can be seen.
    fn enter(&self, inner: &InnerRef, each: Each<'_>) -> Result<Option<Step>, StoreError> {
        self.stands(&inner.prefix, &|body| inner_hash(&inner.prefix, body), &inner.hash, each)?;
        match Step::into(self, inner) {
            Ok(step) => Ok(Some(step)),
            Err(StoreError::Corrupt { .. }) => each(Found::Unproved).map(|()| None),
            Err(other) => Err(other),
        }
    }

    fn stands(
        &self,
        path: &[u8],
        hash: &dyn Fn(&[u8]) -> Digest,
        expected: &Digest,
        each: Each<'_>,
    ) -> Result<(), StoreError> {
        match self.view.get_many(&[(Table::Node, path)])?.pop().flatten() {
            None => each(Found::LostRow),
            Some(body) => {
                each(Found::Row)?;
                if hash(&body) == *expected { Ok(()) } else { each(Found::LostRow) }
            }
        }
    }
}

fn tell(node: Result<Arc<Node>, StoreError>, each: Each<'_>) -> Result<(), StoreError> {
    match node.as_deref() {
        Ok(Node::Page(items)) => each(Found::Page(items)),
        _ => each(Found::Unproved),
    }
}
