//! A change: what it puts is gathered, and written with the commit. The tree is brought up to date once, at its end.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::{
    Read, StoreError, UncertainCommit,
    engine::{Change, CommitError, Table, View},
    event::Event,
    key::{self, Tag},
    log::{self, Stored},
    pending::Pending,
    read::{RECORD, blob_digest},
    records::{Content, EntryHead, EntryRow, VersionRow, sealed_to_blob},
    state::{COPIES, Mark, State},
    tree::{Cache, Item, Root, Update, record_hash},
    whole_table::wipe,
};
use crate::{
    alias::Alias,
    certificate::Certificate,
    diagnostic::DiagnosticCode,
    seal::{Digest, EntryId, Ledger, SealedKey},
    validate::{PathCertificate, Trust},
};

/// A version to be stored.
pub(crate) struct NewVersion<'a> {
    pub(crate) number: u32,
    pub(crate) origin: u32,
    pub(crate) sealed: Option<SealedKey>,
    pub(crate) allowed: &'a [DiagnosticCode],
    pub(crate) actor: &'a str,
    pub(crate) at: i64,
    pub(crate) chain: &'a [PathCertificate],
}

/// A write in progress; dropped without [`commit`](Self::commit), it leaves no trace.
pub(crate) struct Write<'s> {
    pub(super) change: Box<dyn Change + 's>,
    pub(super) ledger: &'s Ledger,
    cache: &'s Cache,
    state: State,
    pub(super) pending: RefCell<Pending>,
    /// The root key that is in force from the commit on.
    next: Option<Arc<Ledger>>,
    remote: bool,
}

impl<'s> Write<'s> {
    pub(super) fn new(
        change: Box<dyn Change + 's>,
        ledger: &'s Ledger,
        cache: &'s Cache,
        state: State,
        remote: bool,
    ) -> Self {
        Self { change, ledger, cache, state, pending: RefCell::default(), next: None, remote }
    }

    /// What the write sees.
    pub(crate) fn as_read(&self) -> Read<'_> {
        let view: &dyn View = &*self.change;
        Read::within(view, self.ledger, self.cache, self.state.clone(), &self.pending, self.remote)
    }

    /// The ledger that the change will be vouched for by.
    pub(super) fn ledger(&self) -> &Ledger {
        self.next.as_deref().unwrap_or(self.ledger)
    }

    /// From the commit on another root key is in force.
    pub(super) fn go_over_to(&mut self, ledger: Arc<Ledger>) {
        self.state.epoch = ledger.epoch();
        self.state.check_value = ledger.check_value();
        self.next = Some(ledger);
    }

    /// What stood before goes, whether it was whole or not: all but the log.
    pub(super) fn wipe(&mut self) {
        self.state.root = Root::Empty;
        let events = std::mem::take(&mut self.pending.borrow_mut().events);
        self.pending.replace(Pending { events, wipe: true, ..Pending::default() });
    }

    /// A rollback guard stands outside from now on.
    pub(crate) fn set_guarded(&mut self) {
        self.state.guarded = true;
    }

    pub(super) fn put(&self, key: Vec<u8>, value: Vec<u8>) {
        self.pending.borrow_mut().records.insert(key, Some(Some(value)));
    }

    fn put_member(&self, key: Vec<u8>) {
        self.pending.borrow_mut().records.insert(key, Some(None));
    }

    pub(super) fn delete(&self, key: Vec<u8>) {
        self.pending.borrow_mut().records.insert(key, None);
    }

    /// Appends to the log, within the change that it tells of.
    pub(crate) fn audit(&self, event: Event) {
        self.pending.borrow_mut().events.push(event);
    }

    /// Stores a new entry with its first version; [`StoreError::AliasTaken`] if the alias is.
    pub(crate) fn insert(
        &self,
        id: EntryId,
        alias: &Alias,
        trust: Option<Trust>,
        version: NewVersion<'_>,
    ) -> Result<(), StoreError> {
        if self.as_read().get(&key::text(Tag::Head, &alias.key()))?.is_some() {
            return Err(StoreError::AliasTaken { alias: alias.clone() });
        }
        let leaf = version.chain.first().map(|leaf| leaf.certificate.clone());
        let content = self.content(version)?;
        let (number, first) = (content.number, content.number);
        let head = EntryHead {
            id,
            alias: alias.clone(),
            trust,
            version: number,
            first,
            bound_to: None,
            pruned_at: None,
            removed_at: None,
            content,
        };
        self.put_head(&head, None)?;
        self.index(leaf.as_ref(), &head);
        Ok(())
    }

    /// Stores a further version of an entry, whose leaf was `present` unless that is lost, and makes it current. The
    /// former one stays.
    pub(crate) fn add_version(
        &self,
        former: &EntryHead,
        present: Option<&Certificate>,
        version: NewVersion<'_>,
    ) -> Result<(), StoreError> {
        let leaf = version.chain.first().map(|leaf| leaf.certificate.clone());
        let content = self.content(version)?;
        let head = EntryHead { version: content.number, content, ..former.clone() };
        self.put_former(former, &former.content)?;
        self.put_head(&head, Some(&former.content))?;
        self.unindex(present, former)?;
        self.index(leaf.as_ref(), &head);
        Ok(())
    }

    /// Makes an anchor of a CA certificate that came with a server certificate.
    pub(crate) fn promote(&self, head: &EntryHead) -> Result<(), StoreError> {
        self.put_head(&EntryHead { trust: Some(Trust::Anchor), ..head.clone() }, Some(&head.content))
    }

    /// Says which server uses an entry, or that none does.
    pub(crate) fn bind(&self, head: &EntryHead, server: Option<&str>) -> Result<(), StoreError> {
        let bound_to = server.map(str::to_owned);
        self.put_head(&EntryHead { bound_to, ..head.clone() }, Some(&head.content))
    }

    /// Gives an entry another alias. `versions` are all its versions, sealed under the new one, the current one last.
    pub(crate) fn rename(
        &self,
        present: &EntryRow,
        alias: &Alias,
        versions: Vec<VersionRow>,
    ) -> Result<(), StoreError> {
        let head = &present.head;
        if head.alias != *alias && self.as_read().head(alias)?.is_some() {
            return Err(StoreError::AliasTaken { alias: alias.clone() });
        }
        for number in head.first..head.version {
            let former = self.as_read().former(head, number)?.ok_or(RECORD)?;
            self.drop_record(key::version(&head.alias.key(), &head.id, number), &former);
            self.drop_sealed(&former);
        }
        self.drop_record(key::text(Tag::Head, &head.alias.key()), &head.content);
        self.drop_sealed(&head.content);
        self.unindex(present.content.leaf(), head)?;
        let mut renamed = EntryHead { alias: alias.clone(), ..head.clone() };
        for version in versions {
            let content = self.content_of(&version)?;
            if version.number < head.version {
                self.put_former(&renamed, &content)?;
            } else {
                renamed.content = content;
            }
        }
        self.put_head(&renamed, None)?;
        self.index(present.content.leaf(), &renamed);
        self.rebind(head, alias)?;
        self.show_renamed(head, alias)
    }

    /// Adds the members of an entry.
    pub(super) fn index(&self, leaf: Option<&Certificate>, head: &EntryHead) {
        for key in leaf.iter().flat_map(|leaf| key::members(leaf, head.trust.is_some(), &head.alias.key())) {
            self.put_member(key);
        }
    }

    pub(super) fn unindex(&self, leaf: Option<&Certificate>, head: &EntryHead) -> Result<(), StoreError> {
        let alias = head.alias.key();
        let Some(leaf) = leaf else {
            return self.unindex_by_reading(&alias);
        };
        key::members(leaf, head.trust.is_some(), &alias).into_iter().for_each(|key| self.delete(key));
        Ok(())
    }

    pub(super) fn content(&self, new: NewVersion<'_>) -> Result<Content, StoreError> {
        self.content_of(&VersionRow {
            number: new.number,
            origin: new.origin,
            created_at: new.at,
            actor: new.actor.to_owned(),
            allowed: new.allowed.to_vec(),
            sealed: new.sealed,
            chain: new.chain.to_vec(),
        })
    }

    /// The content of a version, after putting what it names beside the tree.
    pub(super) fn content_of(&self, row: &VersionRow) -> Result<Content, StoreError> {
        let mut digests: Vec<Digest> =
            row.chain.iter().map(|link| *link.certificate.fingerprint.as_bytes()).collect();
        digests.dedup();
        let mut known = self.as_read().blobs(&digests)?;
        if self.pending.borrow().wipe {
            // What stands there goes.
            known.fill(None);
        }
        for (digest, known) in digests.iter().zip(known) {
            let certificate = row.chain.iter().find(|link| link.certificate.fingerprint.as_bytes() == digest);
            if let (None, Some(PathCertificate { certificate, .. })) = (known, certificate) {
                self.pending.borrow_mut().blobs.insert(*digest, Some(certificate.der().to_vec()));
            }
        }
        let sealed = row.sealed.as_ref().map(|sealed| {
            let blob = sealed_to_blob(sealed);
            let digest = blob_digest(&blob);
            self.pending.borrow_mut().blobs.insert(digest, Some(blob));
            digest
        });
        Ok(Content {
            number: row.number,
            origin: row.origin,
            created_at: row.created_at,
            actor: row.actor.clone(),
            allowed: row.allowed.clone(),
            sealed,
            chain: row.chain.iter().map(|link| (link.certificate.fingerprint, link.role)).collect(),
        })
    }

    /// Writes the head of an entry over the one that had `former`.
    pub(super) fn put_head(&self, head: &EntryHead, former: Option<&Content>) -> Result<(), StoreError> {
        let key = key::text(Tag::Head, &head.alias.key());
        self.put_record(key, head.to_record(), former, &head.content)
    }

    /// Writes a former version of an entry.
    pub(super) fn put_former(&self, head: &EntryHead, content: &Content) -> Result<(), StoreError> {
        let key = key::version(&head.alias.key(), &head.id, content.number);
        self.put_record(key, content.to_record(), None, content)
    }

    pub(super) fn put_record(
        &self,
        key: Vec<u8>,
        record: Vec<u8>,
        former: Option<&Content>,
        content: &Content,
    ) -> Result<(), StoreError> {
        let mut pending = self.pending.borrow_mut();
        for digest in former.iter().flat_map(|former| former.certificates()) {
            pending.uses.insert([digest.as_slice(), &key].concat(), false);
        }
        for digest in content.certificates() {
            pending.uses.insert([digest.as_slice(), &key].concat(), true);
        }
        pending.records.insert(key, Some(Some(record)));
        Ok(())
    }

    /// Removes a record, and its claim on what it names.
    pub(super) fn drop_record(&self, key: Vec<u8>, content: &Content) {
        let mut pending = self.pending.borrow_mut();
        for digest in content.certificates() {
            pending.uses.insert([digest.as_slice(), &key].concat(), false);
        }
        pending.records.insert(key, None);
    }

    /// Removes a sealed key, which no other version has.
    pub(super) fn drop_sealed(&self, content: &Content) {
        if let Some(digest) = content.sealed {
            self.pending.borrow_mut().blobs.insert(digest, None);
        }
    }

    /// Makes the write durable, together with its row in the log.
    pub(crate) fn commit(self, event: Event) -> Result<Mark, StoreError> {
        self.sweep()?;
        if self.pending.borrow().orphans {
            self.sweep_orphans()?;
        }
        let puts: Vec<_> = self
            .pending
            .borrow()
            .records
            .iter()
            .map(|(key, put)| {
                let item = put.as_ref().map(|value| {
                    let hash = value.as_ref().map(|value| record_hash(key, value));
                    Item { key: key.clone(), hash }
                });
                (key.clone(), item)
            })
            .collect();
        // What was committed is what the tree is made from, not what this change put.
        let (root, nodes) = if puts.is_empty() {
            (self.state.root.clone(), BTreeMap::new())
        } else {
            self.as_read().tree(|tree| Update::new(tree).apply(&puts))?
        };
        let Self { mut change, ledger, mut state, pending, next, .. } = self;
        let ledger = next.as_deref().unwrap_or(ledger);
        let pending = pending.into_inner();
        let digest = root.digest();
        state.root = root;
        state.seq = state.seq.saturating_add(1);
        for event in pending.events.iter().chain([&event]) {
            state.log_number = state.log_number.saturating_add(1);
            let row = Stored::new(event, state.log_number, state.log_head, &digest, ledger);
            state.log_head = row.hash;
            change.put(Table::Log, &log::key(state.log_number), &row.encode())?;
        }
        if let Some((first, last)) = pending.log_cut {
            for number in first..=last {
                change.delete(Table::Log, &log::key(number))?;
            }
        }
        if pending.wipe {
            for table in [Table::Record, Table::Node, Table::Blob, Table::Use] {
                wipe(&mut *change, table)?;
            }
        }
        for (path, body) in &nodes {
            write(&mut *change, Table::Node, path, body.as_deref())?;
        }
        for (key, put) in &pending.records {
            if !matches!(put, Some(None)) {
                write(&mut *change, Table::Record, key, put.as_ref().and_then(Option::as_deref))?;
            }
        }
        for (digest, blob) in &pending.blobs {
            write(&mut *change, Table::Blob, digest, blob.as_deref())?;
        }
        for (key, added) in &pending.uses {
            write(&mut *change, Table::Use, key, added.then_some(&[]))?;
        }
        let row = state.encode(ledger);
        for copy in &COPIES {
            change.put(Table::State, copy, &row)?;
        }
        match change.commit() {
            Ok(()) => Ok(state.mark()),
            Err(CommitError::Refused(error)) => Err(error),
            Err(CommitError::InDoubt(_)) => {
                Err(StoreError::OutcomeUnknown(UncertainCommit::of_commit(state.log_number, state.log_head)))
            }
        }
    }

    /// Writes one row into each table; without a commit they go without a trace.
    pub(crate) fn rehearse(&mut self) -> Result<(), StoreError> {
        let row = self.state.encode(self.ledger);
        let number = log::key(self.state.log_number.saturating_add(1));
        self.change.put(Table::State, &[0], &row)?;
        self.change.put(Table::State, &[1], &row)?;
        self.change.put(Table::Log, &number, &row)?;
        for table in [Table::Record, Table::Node, Table::Use] {
            self.change.put(table, &[0xff; 40], &row)?;
        }
        self.change.put(Table::Blob, &[0xff; 32], &row)
    }
}

fn write(change: &mut dyn Change, table: Table, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
    match value {
        Some(value) => change.put(table, key, value),
        None => change.delete(table, key),
    }
}
