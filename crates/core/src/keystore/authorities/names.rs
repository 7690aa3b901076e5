//! How imported authorities are called.

use std::collections::HashMap;

use super::AuthorityNames;
use crate::{
    alias::Alias,
    certificate::Certificate,
    error::{AuthorityError, Error},
    store::Write,
};

/// How authorities whose subject makes no alias are called.
const NAMELESS: &str = "ca";
/// The longest alias that is made of a prefix and a subject; a number may follow.
const MAX_LEN: usize = 112;

/// Gives out aliases that are free.
pub(super) struct Names {
    names: AuthorityNames,
    /// The last number that was tried of each name, so that many of one name are not counted through again.
    taken: HashMap<String, u32>,
    /// How many were given out.
    before: u32,
}

impl Names {
    pub(super) fn new(names: AuthorityNames) -> Self {
        Self { names, taken: HashMap::new(), before: 0 }
    }

    pub(super) fn next(&mut self, write: &Write<'_>, certificate: &Certificate) -> Result<Alias, Error> {
        let (base, separated) = match &self.names {
            AuthorityNames::Numbered(alias) => (alias.clone(), false),
            AuthorityNames::FromSubject { prefix } => (from_subject(prefix, certificate)?, true),
        };
        let number = self.taken.entry(base.key()).or_default();
        loop {
            *number = number.saturating_add(1);
            let alias = match (*number, separated) {
                (1, _) => base.clone(),
                (n, true) => base.with_number(n),
                (n, false) => base.with_suffix(&n.to_string()),
            };
            match write.as_read().head(&alias)? {
                None => {
                    self.before += 1;
                    return Ok(alias);
                }
                // The alias that was asked for is not silently another one.
                Some(head) if !separated && self.before == 0 => {
                    return Err(AuthorityError::AliasTaken { alias: head.alias }.into());
                }
                Some(_) => {}
            }
        }
    }
}

/// The alias of an authority by its subject, or by its digest where the subject has no letter for one.
fn from_subject(prefix: &str, certificate: &Certificate) -> Result<Alias, Error> {
    let name = certificate.short_name().and_then(|name| Alias::from_name(&name));
    let digits: String = certificate.fingerprint.to_string().chars().take(8).collect();
    let name = name.map_or_else(|| format!("{NAMELESS}-{digits}"), String::from);
    let whole: String = format!("{prefix}{name}").chars().take(MAX_LEN).collect();
    Ok(whole.parse()?)
}
