//! Looks at every row of the tree as it stands, past the cache.

use std::sync::Arc;

use super::{
    Child, InnerRef, Item, Node, Root, Tree,
    node::{inner_hash, page_hash, page_path},
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
        self.stands(&inner.prefix, &|body| inner_hash(&inner.prefix, body), &inner.hash, each)?;
        let node = match self.inner(inner) {
            Ok(node) => node,
            Err(StoreError::Corrupt { .. }) => return each(Found::Unproved),
            Err(other) => return Err(other),
        };
        let Node::Inner(children) = &*node else {
            return each(Found::Unproved);
        };
        for child in children {
            match child {
                Child::Inner { inner, .. } => self.check_inner(inner, each)?,
                Child::Page { first, width, count, hash } => {
                    let path = page_path(&inner.prefix, *first, *width);
                    self.stands(&path, &|body| page_hash(&path, body), hash, each)?;
                    tell(self.page(&path, *count, hash), each)?;
                }
            }
        }
        Ok(())
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
