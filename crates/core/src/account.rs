//! Administrators of the API: a name and a password hash (Argon2id, RFC 9106).

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{PasswordHasher as _, phc::PasswordHash},
};
use rustls_pki_types::UnixTime;
use subtle::ConstantTimeEq as _;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Password;

/// The shortest password for an administrator, in characters.
const MIN_PASSWORD_CHARS: usize = 8;
/// The longest hash that is compared, in bytes; ours have 32.
const MAX_HASH_LEN: usize = 64;

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

/// A sign-in of an administrator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct SignIn {
    /// From where.
    pub address: IpAddr,
    /// When.
    pub at: UnixTime,
}

/// What one subscriber has: an IPv4 address, or the first 64 bits of an IPv6 address.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What the tokens of an administrator are bound to: drawn at random when the administrator is added, and again by each
/// new password and each revocation. A token that was issued under another stamp is void, whatever the clocks say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TokenStamp([u8; 16]);

impl TokenStamp {
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
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

    /// Whether `password` gives this hash. One that asks for more work than ours do matches nothing, and costs as much.
    pub(crate) fn matches(&self, password: &Password, memory: &mut HashMemory) -> bool {
        let matched = self.derive(password, memory);
        if matched.is_none() {
            Self::waste(password, memory);
        }
        matched.unwrap_or(false)
    }

    fn derive(&self, password: &Password, memory: &mut HashMemory) -> Option<bool> {
        let stored = PasswordHash::new(&self.0).ok()?;
        let params = Params::try_from(&stored).ok()?;
        let version = Version::try_from(stored.version?).ok()?;
        let (salt, expected) = (stored.salt?, stored.hash?);
        let bounded = params.m_cost() <= Params::DEFAULT_M_COST
            && params.t_cost() <= Params::DEFAULT_T_COST
            && params.p_cost() <= Params::DEFAULT_P_COST;
        if !bounded || stored.algorithm != Algorithm::Argon2id.ident() {
            return None;
        }
        let mut room = Zeroizing::new([0_u8; MAX_HASH_LEN]);
        let out = room.get_mut(..expected.as_bytes().len())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, version, params);
        // EXPOSE: hashed.
        let hashed = argon2.hash_password_into_with_memory(
            password.expose().as_bytes(),
            &salt,
            out,
            memory.0.as_mut_slice(),
        );
        memory.wipe();
        hashed.ok()?;
        Some(out.ct_eq(expected.as_bytes()).into())
    }

    /// The same work as a comparison, for a name that does not exist.
    pub(crate) fn waste(password: &Password, memory: &mut HashMemory) {
        let mut out = Zeroizing::new([0_u8; 32]);
        // EXPOSE: hashed and thrown away.
        let _ = Argon2::default().hash_password_into_with_memory(
            password.expose().as_bytes(),
            b"no such account!",
            out.as_mut(),
            memory.0.as_mut_slice(),
        );
        memory.wipe();
    }
}

/// The memory in which one password at a time is hashed: 19 MiB, taken once and wiped after each use. A server keeps as
/// many as it hashes passwords at once, so that a flood of them takes no more.
pub struct HashMemory(Vec<Block>);

impl HashMemory {
    /// Takes the memory.
    ///
    /// # Errors
    ///
    /// [`AccountError::Hash`] if there is not so much.
    pub fn new() -> Result<Self, AccountError> {
        let count = Params::DEFAULT.block_count();
        let mut blocks = Vec::new();
        blocks.try_reserve_exact(count).map_err(|_| AccountError::Hash)?;
        blocks.resize(count, Block::default());
        Ok(Self(blocks))
    }

    /// The first blocks are a fast hash of the password: whoever read them could try passwords without Argon2's work.
    fn wipe(&mut self) {
        self.0.fill(Block::default());
    }
}

impl fmt::Debug for HashMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashMemory").finish_non_exhaustive()
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
    #[error("the password has {found} character{}; at least {limit} are required", if *found == 1 { "" } else { "s" })]
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
        let mut memory = HashMemory::new().unwrap();
        assert!(hash.matches(&Password::new("p@ss wörd&+%!#").unwrap(), &mut memory));
        assert!(memory.0.iter().all(|block| block.as_ref().iter().all(|word| *word == 0)), "wiped");
        assert!(!hash.matches(&Password::new("p@ss wörd&+%!").unwrap(), &mut memory));
        for stored in
            ["", "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$x"]
        {
            let stored = AccountHash::from_stored(stored.into());
            assert!(!stored.matches(&Password::new("x").unwrap(), &mut memory));
        }
        assert_eq!(
            AccountHash::of(&Password::new("short").unwrap()).err(),
            Some(AccountError::ShortPassword { found: 5, limit: 8 })
        );
    }

    #[test]
    fn network_is_what_one_subscriber_has() {
        let network = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
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
