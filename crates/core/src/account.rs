//! Administrators of the API: a name and a password hash (Argon2id, RFC 9106).

use std::{fmt, str::FromStr};

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use thiserror::Error;

use crate::secret::Password;

/// The shortest password for an administrator, in characters.
const MIN_PASSWORD_CHARS: usize = 8;
/// The most memory that a stored hash may ask for, in KiB; the store may have been changed by others.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// The most passes that a stored hash may ask for.
const MAX_PASSES: u32 = 16;

/// The name of an administrator: 1 to 128 printable characters without spaces, compared without regard to ASCII case.
#[derive(Clone, Debug)]
pub struct AccountName(String);

impl AccountName {
    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which names are compared.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for AccountName {
    type Err = AccountError;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let length = input.chars().count();
        let plain =
            input.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"<>&\"'/\\?#%".contains(c));
        if length == 0 || length > 128 || !plain {
            return Err(AccountError::Name);
        }
        Ok(Self(input.to_owned()))
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A password hash in PHC form; what is stored.
#[derive(Clone)]
pub(crate) struct AccountHash(String);

impl AccountHash {
    /// Hashes a password with a random salt: Argon2id, 19 MiB, 2 passes, 1 lane (OWASP's minimum).
    pub(crate) fn of(password: &Password) -> Result<Self, AccountError> {
        // EXPOSE: hashed.
        let text = password.expose();
        let length = text.chars().count();
        if length < MIN_PASSWORD_CHARS {
            return Err(AccountError::ShortPassword { found: length, limit: MIN_PASSWORD_CHARS });
        }
        let hash: PasswordHash =
            Argon2::default().hash_password(text.as_bytes()).map_err(|_| AccountError::Hash)?;
        Ok(Self(hash.to_string()))
    }

    pub(crate) fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `password` gives this hash; parameters beyond the bounds match nothing.
    pub(crate) fn matches(&self, password: &Password) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else {
            return false;
        };
        let bounded = Params::try_from(&hash).is_ok_and(|params| {
            params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= 16
        });
        // EXPOSE: hashed and compared in constant time.
        bounded && Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok()
    }

    /// The same work as a comparison, for a name that does not exist.
    pub(crate) fn waste(password: &Password) {
        let mut out = [0_u8; 32];
        // EXPOSE: hashed and thrown away.
        let _ =
            Argon2::default().hash_password_into(password.expose().as_bytes(), b"no such account!", &mut out);
    }
}

/// Why an administrator cannot be added.
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum AccountError {
    /// The name is empty, too long, or has characters that are not allowed.
    #[error("a user name has 1 to 128 printable characters, without spaces and without <>&\"'/\\?#%")]
    Name,
    /// The password is too short.
    #[error("the password has {found} characters; at least {limit} are required")]
    ShortPassword {
        /// Characters found.
        found: usize,
        /// The minimum.
        limit: usize,
    },
    /// Hashing failed: no memory, or no random bytes.
    #[error("the password could not be hashed")]
    Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_matches_only_its_password() {
        let hash = AccountHash::of(&Password::new("p@ss wörd&+%!#").unwrap()).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.matches(&Password::new("p@ss wörd&+%!#").unwrap()));
        assert!(!hash.matches(&Password::new("p@ss wörd&+%!").unwrap()));
        assert!(
            !AccountHash::from_stored("$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$AAAA".into())
                .matches(&Password::new("x").unwrap())
        );
        assert_eq!(
            AccountHash::of(&Password::new("short").unwrap()).err(),
            Some(AccountError::ShortPassword { found: 5, limit: 8 })
        );
    }

    #[test]
    fn names_are_plain() {
        assert!("siteadmin".parse::<AccountName>().is_ok());
        assert!("jörg@example.test".parse::<AccountName>().is_ok());
        for bad in ["", "a b", "<script>", "a\n"] {
            assert_eq!(bad.parse::<AccountName>().err(), Some(AccountError::Name), "{bad:?}");
        }
    }
}
