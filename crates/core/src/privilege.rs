//! What an administrator of the API may do.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// One of the things that an administrator may be allowed; whatever is not allowed is denied.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Privilege {
    /// See the entries, their certificates and what is wrong with them.
    List,
    /// Import certificates, make requests for them, replace entries and bring former versions back.
    Import,
    /// Remove entries.
    Delete,
    /// Take private keys out of the store.
    Export,
    /// Change what the servers use: the certificate of the web server, protocols, settings.
    Administer,
    /// Read the log.
    Audit,
}

impl Privilege {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] =
        [Self::List, Self::Import, Self::Delete, Self::Export, Self::Administer, Self::Audit];

    /// The word for it, for example `list`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Import => "import",
            Self::Delete => "delete",
            Self::Export => "export",
            Self::Administer => "administer",
            Self::Audit => "audit",
        }
    }

    /// Its bit in the record of the store.
    fn bit(self) -> u8 {
        match self {
            Self::List => 1,
            Self::Import => 1 << 1,
            Self::Delete => 1 << 2,
            Self::Export => 1 << 3,
            Self::Administer => 1 << 4,
            Self::Audit => 1 << 5,
        }
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Privilege {
    type Err = UnknownPrivilege;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|privilege| privilege.as_str() == word);
        known.ok_or_else(|| UnknownPrivilege { found: word.to_owned() })
    }
}

/// What an administrator may do, all in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Privileges(u8);

impl Privileges {
    /// Everything.
    pub const ALL: Self = Self(0b11_1111);
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// Whether `privilege` is among them.
    #[must_use]
    pub fn contains(self, privilege: Privilege) -> bool {
        self.0 & privilege.bit() != 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.into_iter().filter(move |privilege| self.contains(*privilege))
    }

    pub(crate) fn to_bits(self) -> u8 {
        self.0
    }

    /// `None` if there is a bit that means nothing.
    pub(crate) fn from_bits(bits: u8) -> Option<Self> {
        (bits & !Self::ALL.0 == 0).then_some(Self(bits))
    }
}

impl FromIterator<Privilege> for Privileges {
    fn from_iter<I: IntoIterator<Item = Privilege>>(privileges: I) -> Self {
        Self(privileges.into_iter().fold(0, |bits, privilege| bits | privilege.bit()))
    }
}

/// The words with commas between, in the order of [`Privilege::ALL`].
impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, privilege) in self.iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            f.write_str(privilege.as_str())?;
        }
        Ok(())
    }
}

/// A word that names no privilege.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "there is no privilege \"{found}\"; the privileges are list, import, delete, export, administer and audit"
)]
#[non_exhaustive]
pub struct UnknownPrivilege {
    /// The word.
    pub found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_bits_come_back() {
        for privilege in Privilege::ALL {
            assert_eq!(privilege.as_str().parse(), Ok(privilege));
            let one: Privileges = [privilege].into_iter().collect();
            assert_eq!(Privileges::from_bits(one.to_bits()), Some(one));
            assert!(one.iter().eq([privilege]) && !Privileges::NONE.contains(privilege));
        }
        let all: Privileges = Privilege::ALL.into_iter().collect();
        assert_eq!(all, Privileges::ALL);
        assert_eq!(all.to_string(), "list,import,delete,export,administer,audit");
        assert_eq!(Privileges::from_bits(1 << 6), None);
        assert!("List".parse::<Privilege>().is_err() && "".parse::<Privilege>().is_err());
    }
}
