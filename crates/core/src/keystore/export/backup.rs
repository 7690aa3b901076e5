//! Exports out of a backup: what was lost is had back as a file, while the store stays as it is.

use rustls_pki_types::UnixTime;

use super::{ExportPlan, Exported};
use crate::{
    alias::Alias,
    error::Error,
    export::Export,
    instant::seconds,
    keystore::{Backup, Keystore, protocol::Asked},
    store::{Action, StoreError},
};

impl Backup {
    /// Whether it is a copy of this store.
    #[must_use]
    pub fn is_of(&self, store: &Keystore) -> bool {
        store.is_copied_by(self)
    }

    /// Exports an entry out of the backup, with the chain that it has by what the backup holds. `log` is the store that the
    /// backup was made of, if it can be opened: what goes where is written into its log, and nothing else is. Without it
    /// no log says that the private key left.
    ///
    /// # Errors
    ///
    /// As for [`Keystore::export`]; [`StoreError::OtherStore`] if the backup was made of another store than `log`.
    pub fn export(
        &self,
        alias: &Alias,
        export: &Export<'_>,
        log: Option<&Keystore>,
        at: UnixTime,
    ) -> Result<Exported, Error> {
        let asked = Asked { action: Action::Export, about: alias.as_str(), at: seconds(at) };
        let Some(log) = log else {
            let mut rendered = self.keystore.render_entry(alias, export, at)?;
            let files = std::mem::take(&mut rendered.files);
            let unchanged = self.keystore.weigh(&files, export)?;
            return Ok(rendered.exported(if unchanged { Vec::new() } else { files }));
        };
        let done = self.same(log).and_then(|()| {
            let rendered = self.keystore.render_entry(alias, export, at)?;
            log.log_export(Action::Export, rendered, export, at)
        });
        log.log_refusal(asked, done)
    }

    /// What [`export`](Self::export) would write. Neither it nor its refusal is logged.
    ///
    /// # Errors
    ///
    /// As for [`export`](Self::export).
    pub fn plan_export(
        &self,
        alias: &Alias,
        export: &Export<'_>,
        log: Option<&Keystore>,
        at: UnixTime,
    ) -> Result<ExportPlan, Error> {
        let rendered = self.keystore.render_entry(alias, export, at)?;
        match log {
            Some(log) => self.same(log).and_then(|()| log.planned(rendered, export, at)),
            None => self.keystore.planned(rendered, export, at),
        }
    }

    fn same(&self, log: &Keystore) -> Result<(), Error> {
        if self.is_of(log) { Ok(()) } else { Err(StoreError::OtherStore.into()) }
    }
}
