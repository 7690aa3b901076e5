//! What `status` says of a watch that runs.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use strongroom::{
    keystore::{ServerFile, ServerReport},
    store::Generation,
};

use super::super::now;

/// The file that says that this watch runs; gone with it.
pub(super) struct Seen {
    file: Option<ServerFile>,
    report: ServerReport,
}

impl Seen {
    /// Writes a report beside the store, if the store belongs to this user and the folder can be written. Otherwise there is
    /// none: the owner of the store must be able to write there too.
    pub(super) fn begin(store: Option<&Path>, generation: &Generation) -> Self {
        let mut report = ServerReport::of_this_process(ServerReport::WATCH, now());
        report.sequence = generation.sequence();
        let is_own = |store: &&Path| {
            let user = nix::unistd::Uid::effective().as_raw();
            store.metadata().is_ok_and(|found| found.uid() == user)
        };
        let file = store.filter(is_own).and_then(|store| ServerFile::create(store, &report).ok());
        Self { file, report }
    }

    /// Up to where the store was looked at.
    pub(super) fn tell(&mut self, generation: &Generation) {
        (self.report.sequence, self.report.updated) = (generation.sequence(), now());
        if let Some(file) = &mut self.file {
            let _ = file.write(&self.report);
        }
    }
}
