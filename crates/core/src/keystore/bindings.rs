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
    issuance::IssuanceError,
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

/// A host with its binding, or with why that cannot be shown.
pub type ListedBinding = (String, Result<Binding, StoreError>);

impl Keystore {
    /// Binds a host to an entry, in place of what it was bound to. Among entries that are equally exact for the host and
    /// equally valid, this one answers then. Gives the alias that the host was bound to before.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotFound`] if there is no such entry; [`IssuanceError::NoKey`] for a CA certificate;
    /// [`StoreError::HostNotNamed`] if its
    /// certificate is not for the host.
    pub fn bind(&self, host: &PeerName, alias: &Alias, at: UnixTime) -> Result<Option<Alias>, Error> {
        let name = host.to_string();
        let asked = Asked { action: Action::BindHost, about: &name, at: seconds(at) };
        self.change(
            asked,
            |write, by| {
                let row = write.as_read().entry(alias)?;
                let row = row.ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                if row.head.trust.is_some() {
                    return Err(IssuanceError::NoKey { alias: row.head.alias }.into());
                }
                let alias = row.head.alias.clone();
                let leaf = row.content.leaf().ok_or_else(|| StoreError::NotFound { alias: alias.clone() })?;
                if !host.is_named_by(leaf) {
                    let but = host.why_not(leaf);
                    return Err(StoreError::HostNotNamed { alias, host: name.clone(), but }.into());
                }
                let former = match write.as_read().binding(&name) {
                    // The new one stands in its place.
                    Err(StoreError::Corrupt { .. }) => None,
                    other => other?.map(|row| row.alias),
                };
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

    /// Ends the binding of a host; gives the alias that it was bound to, `None` if the binding is damaged.
    ///
    /// # Errors
    ///
    /// [`StoreError::HostNotBound`].
    pub fn unbind(&self, host: &PeerName, at: UnixTime) -> Result<Option<Alias>, Error> {
        let name = host.to_string();
        let asked = Asked { action: Action::UnbindHost, about: &name, at: seconds(at) };
        self.change(
            asked,
            |write, _| {
                let former = match write.as_read().binding(&name) {
                    Err(StoreError::Corrupt { .. }) => None,
                    other => {
                        let row = other?.ok_or_else(|| StoreError::HostNotBound { host: name.clone() })?;
                        Some(row.alias)
                    }
                };
                write.delete_binding(&name);
                Ok(Step::Changed(former, LogNote::plain(name.clone(), Happened::Unbound)))
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
        let listed = self.listed_bindings()?.into_iter().map(|(_, binding)| Ok(binding?));
        listed.collect()
    }

    /// The same with what is damaged in its place, by its host.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn listed_bindings(&self) -> Result<Vec<ListedBinding>, Error> {
        self.reading(|read| {
            let rows = read.listed_bindings()?.into_iter().map(|(host, row)| {
                let shown = row.and_then(|row| {
                    // A damaged entry is not what is asked about.
                    let named = match read.entry(&row.alias) {
                        Err(StoreError::Corrupt { .. }) => None,
                        other => other?.filter(|entry| entry.head.trust.is_none()),
                    };
                    let name: Option<PeerName> = host.parse().ok();
                    let in_force = name.zip(named).is_some_and(|(name, entry)| {
                        entry.content.leaf().is_some_and(|leaf| name.is_named_by(leaf))
                    });
                    Ok(Binding {
                        host: row.host,
                        alias: row.alias,
                        actor: row.actor,
                        created_at: instant::at(row.at),
                        in_force,
                    })
                });
                Ok((host, StoreError::listed(shown)?))
            });
            rows.collect()
        })
    }
}
