//! What a running server says of itself.

use std::{
    net::SocketAddr,
    sync::{PoisonError, atomic::Ordering},
};

use strongroom::{
    instant::seconds,
    keystore::{ServedEntry, ServerFile, ServerReport},
};

use super::Follows;
use crate::resolver::Shared;

impl Follows {
    /// Tells of certificates that are shown and have expired.
    pub(super) fn tell_expired(&self, shared: &Shared) {
        let at = seconds((shared.clock)());
        let root = shared.root.load();
        let answered = shared.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let default = shared.default_alias().map(|alias| alias.key());
        for alias in answered.aliases.iter().chain(&default) {
            let loaded = root.entry(alias).and_then(|entry| entry.loaded());
            if let Some(loaded) = loaded.filter(|loaded| loaded.not_after < at) {
                shared.events.expired(&loaded.alias, loaded.not_after);
            }
        }
    }

    /// What is served now.
    pub(crate) fn report(&self, shared: &Shared, program: &str) -> ServerReport {
        let mut report = ServerReport::of_this_process(program, self.started);
        report.updated = (shared.clock)();
        report.sequence = self.state().generation.map(|generation| generation.sequence()).unwrap_or_default();
        let root = shared.root.load();
        report.names = u64::try_from(root.names()).unwrap_or(u64::MAX);
        report.default = shared.default_alias().filter(|_| root.default.is_some());
        report.only_default = shared.only_default;
        report.address = self.address.get().copied();
        let mut answered = shared.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.aliases.retain(|alias| root.entry(alias).is_some());
        let served = answered.aliases.iter().filter_map(|alias| root.entry(alias)?.loaded());
        report.served = served
            .map(|loaded| ServedEntry::new(loaded.alias.clone(), loaded.version, loaded.leaf))
            .collect();
        report.more = answered.more;
        report.refused = shared.events.refusals();
        report.failure = shared.events.store_failure();
        report
    }

    /// The server says where it listens.
    pub(crate) fn listens_at(&self, shared: &Shared, address: SocketAddr) {
        if self.address.set(address).is_ok() {
            self.write_report(shared);
        }
    }

    /// The server ends: nobody is to see it any more.
    pub(crate) fn end(&self, shared: &Shared) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        shared.stop.store(true, Ordering::Relaxed);
        *file = None;
    }

    /// Tells those who look at the store from outside. Where the folder cannot be written, nobody is told.
    pub(super) fn write_report(&self, shared: &Shared) {
        let Some((path, program)) = shared.loader.keystore.path().zip(self.program.get()) else {
            return;
        };
        let report = self.report(shared, program);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let written = match &mut *file {
            Some(file) => file.write(&report),
            None => ServerFile::create(path, &report).map(|made| *file = Some(made)),
        };
        if let Err(error) = written {
            tracing::debug!(%error, "nobody is told what is served");
        }
    }
}
