//! Hosts that an administrator bound to an entry: which of several equal entries answers for a name.

use rustls_pki_types::UnixTime;

use super::{
    Keystore,
    protocol::{Asked, LogNote, Step},
    seconds,
};
use crate::{
    alias::Alias,
    error::Error,
    instant,
    store::{Action, BindingRow, Happened, StoreError},
    validate::PeerName,
};

/// A host that an administrator bound to an entry.
///
/// It decides only among entries that are equally exact and equally valid; see [`Contender`](crate::select::Contender).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Binding {
    /// The host, in lower case, without a final dot.
    pub host: String,
    /// The entry. Removed by now, perhaps: the binding counts again when it comes back.
    pub alias: Alias,
    /// Who bound it.
    pub actor: String,
    /// When.
    pub created_at: UnixTime,
    /// Whether the entry is there, and its certificate is for the host.
    pub in_force: bool,
}

impl Keystore {
    /// Binds a host to an entry, in place of what it was bound to. Among entries that are equally exact for the host and
    /// equally valid, this one answers then. Gives the alias that the host was bound to before.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such entry or it has no key; [`StoreError::HostNotNamed`] if its
    /// certificate is not for the host.
    pub fn bind(&self, host: &PeerName, alias: &Alias, at: UnixTime) -> Result<Option<Alias>, Error> {
        let name = host.to_string();
        let asked = Asked { action: Action::BindHost, about: &name, at: seconds(at) };
        self.change(
            asked,
            |write, by| {
                let row = write.as_read().entry(alias)?.filter(|row| row.head.trust.is_none());
                let row = row.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                let alias = row.head.alias.clone();
                let leaf = row.content.leaf().ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                if !host.is_named_by(leaf) {
                    let but = host.why_not(leaf);
                    return Err(StoreError::HostNotNamed { alias, host: name.clone(), but }.into());
                }
                let former = write.as_read().binding(&name)?.map(|row| row.alias);
                if former.as_ref() == Some(&alias) {
                    return Ok(Step::Same(former));
                }
                let note = LogNote::plain(name.clone(), Happened::HostBoundTo(alias.to_string()));
                write.put_binding(&BindingRow {
                    host: name.clone(),
                    alias,
                    actor: by.actor.to_owned(),
                    at: by.at,
                });
                Ok(Step::Changed(former, note))
            },
            |read, _, _| Ok(read.binding(&name)?.is_some_and(|row| row.alias == *alias)),
        )
    }

    /// Ends the binding of a host; gives the alias that it was bound to.
    ///
    /// # Errors
    ///
    /// [`StoreError::HostNotBound`].
    pub fn unbind(&self, host: &PeerName, at: UnixTime) -> Result<Alias, Error> {
        let name = host.to_string();
        let asked = Asked { action: Action::UnbindHost, about: &name, at: seconds(at) };
        self.change(
            asked,
            |write, _| {
                let row = write.as_read().binding(&name)?;
                let row = row.ok_or_else(|| StoreError::HostNotBound { host: name.clone() })?;
                write.delete_binding(&name);
                Ok(Step::Changed(row.alias, LogNote::plain(name.clone(), Happened::Unbound)))
            },
            |read, _, _| Ok(read.binding(&name)?.is_none()),
        )
    }

    /// All bindings in the order of their hosts.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn bindings(&self) -> Result<Vec<Binding>, Error> {
        self.reading(|read| {
            let rows = read.bindings()?.into_iter().map(|row| {
                let named = read.entry(&row.alias)?.filter(|entry| entry.head.trust.is_none());
                let host: Option<PeerName> = row.host.parse().ok();
                let in_force = host.zip(named).is_some_and(|(host, entry)| {
                    entry.content.leaf().is_some_and(|leaf| host.is_named_by(leaf))
                });
                Ok(Binding {
                    host: row.host,
                    alias: row.alias,
                    actor: row.actor,
                    created_at: instant::at(row.at),
                    in_force,
                })
            });
            rows.collect()
        })
    }
}
