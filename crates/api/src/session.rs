//! Who is signed in: tokens, and how often a name may be tried.
//!
//! A token is 256 random bits; only its SHA-256 is kept, in memory, so that a restart ends every session. Clients
//! may ask for a token bound to a referer or an address; that is accepted and not enforced, since a referer is the
//! client's own word and half of the real clients do not send the one that they asked for.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use strongroom::{UnixTime, account::AccountName};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::wire::hex;

/// How long a token is good if the client asks for nothing, in minutes; ArcGIS's default.
pub(crate) const DEFAULT_MINUTES: u64 = 60;
/// The longest life of a token, in minutes; who asks for more gets this.
pub(crate) const MAX_MINUTES: u64 = 24 * 60;
/// The most tokens alive; beyond, the oldest ends.
const MAX_TOKENS: usize = 10_000;
/// The most names whose failures are counted.
const MAX_NAMES: usize = 10_000;
/// Failures of a name before it has to wait.
const FREE_FAILURES: u32 = 5;
/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// The longest wait. A name that was left alone for as long again starts anew.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);

type TokenHash = [u8; 32];

/// The live tokens.
#[derive(Default)]
pub(crate) struct Sessions {
    live: Mutex<HashMap<TokenHash, Session>>,
}

/// Whose token it is, and until when.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) account: AccountName,
    /// When the account was made: a name that was removed and added again is another account.
    pub(crate) account_since: i64,
    issued: Instant,
    expires: Instant,
    expires_at: UnixTime,
}

/// A token that was just made.
pub(crate) struct Issued {
    pub(crate) token: Zeroizing<String>,
    pub(crate) expires_at: UnixTime,
}

impl Sessions {
    /// Makes a token; `None` if the system gives no random bytes.
    pub(crate) fn issue(
        &self,
        account: AccountName,
        account_since: i64,
        lifetime: Duration,
        now: UnixTime,
    ) -> Option<Issued> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut()).ok()?;
        let token = Zeroizing::new(hex(bytes.as_ref()));
        let issued = Instant::now();
        let expires_at =
            UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()).saturating_add(lifetime));
        let session = Session { account, account_since, issued, expires: issued + lifetime, expires_at };
        let mut live = lock(&self.live);
        make_room(&mut live, MAX_TOKENS, |session| session.expires <= issued, |session| session.issued);
        live.insert(hash(&token), session);
        Some(Issued { token, expires_at })
    }

    /// The session of a token. It ends by whichever clock says so first: one may be set back, the other may stand
    /// still while the machine sleeps.
    pub(crate) fn find(&self, token: &str, now: UnixTime) -> Option<Session> {
        let hash = hash(token);
        let mut live = lock(&self.live);
        let session = live.get(&hash)?;
        if session.expires <= Instant::now() || session.expires_at <= now {
            live.remove(&hash);
            return None;
        }
        Some(session.clone())
    }

    pub(crate) fn end(&self, token: &str) {
        lock(&self.live).remove(&hash(token));
    }
}

/// How long a token lives for the `expiration` that the client sent, in minutes.
pub(crate) fn lifetime(expiration: Option<&str>) -> Duration {
    let minutes = expiration.and_then(|text| text.trim().parse::<u64>().ok()).filter(|minutes| *minutes > 0);
    Duration::from_secs(60 * minutes.unwrap_or(DEFAULT_MINUTES).min(MAX_MINUTES))
}

/// The value that a form of this session has to send back.
pub(crate) fn form_secret(token: &str) -> String {
    let digest = Sha256::new().chain_update("strongroom form\0").chain_update(token).finalize();
    hex(&digest)
}

/// Whether a form sent back the value of its session.
pub(crate) fn is_form_secret(token: &str, sent: &[u8]) -> bool {
    form_secret(token).as_bytes().ct_eq(sent).into()
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

/// Failed sign-ins, by name.
#[derive(Default)]
pub(crate) struct Failures {
    names: Mutex<HashMap<String, Count>>,
    /// Of all names that no administrator has.
    unknown: Mutex<Option<Count>>,
}

struct Count {
    failures: u32,
    last: Instant,
}

impl Failures {
    /// How long the name has to wait, in whole seconds; `None` if it may try now.
    pub(crate) fn wait(&self, name: &AccountName) -> Option<u64> {
        let mut names = lock(&self.names);
        let count = names.get(&name.key())?;
        if count.last.elapsed() >= MAX_WAIT * 2 {
            names.remove(&name.key());
            return None;
        }
        let left = count.wait().checked_sub(count.last.elapsed()).filter(|left| !left.is_zero())?;
        Some(left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)))
    }

    /// Counts a failure; gives how many there were in a row.
    pub(crate) fn failed(&self, name: &AccountName) -> u32 {
        let now = Instant::now();
        let mut names = lock(&self.names);
        if !names.contains_key(&name.key()) {
            make_room(&mut names, MAX_NAMES, |count| count.last + MAX_WAIT * 2 <= now, |count| count.last);
        }
        let count = names.entry(name.key()).or_insert(Count { failures: 0, last: now });
        count.failures = count.failures.saturating_add(1);
        count.last = now;
        count.failures
    }

    /// Counts a failure of a name that nobody has, whatever the name; gives how many there were in a row.
    pub(crate) fn failed_unknown(&self) -> u32 {
        let now = Instant::now();
        let mut unknown = lock(&self.unknown);
        let failures = match &*unknown {
            Some(count) if count.last + MAX_WAIT * 2 > now => count.failures.saturating_add(1),
            _ => 1,
        };
        *unknown = Some(Count { failures, last: now });
        failures
    }

    pub(crate) fn succeeded(&self, name: &AccountName) {
        lock(&self.names).remove(&name.key());
    }
}

impl Count {
    fn wait(&self) -> Duration {
        match self.failures.checked_sub(FREE_FAILURES) {
            None => Duration::ZERO,
            Some(further) => {
                FIRST_WAIT.saturating_mul(1_u32.checked_shl(further).unwrap_or(u32::MAX)).min(MAX_WAIT)
            }
        }
    }
}

/// Makes room for one more: what is over goes first, then the oldest.
fn make_room<K: Clone + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    limit: usize,
    is_over: impl Fn(&V) -> bool,
    age: impl Fn(&V) -> Instant,
) {
    if map.len() < limit {
        return;
    }
    map.retain(|_, value| !is_over(value));
    while map.len() >= limit {
        let Some(oldest) = map.iter().min_by_key(|(_, value)| age(value)).map(|(key, _)| key.clone()) else {
            return;
        };
        map.remove(&oldest);
    }
}

/// The maps are whole after every operation, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    #[test]
    fn token_is_256_bits_and_found_until_it_ends() {
        let sessions = Sessions::default();
        let issued = sessions.issue(name("siteadmin"), 7, lifetime(None), at(1000)).unwrap();
        assert_eq!(issued.token.len(), 64);
        assert_eq!(issued.expires_at, at(4600));
        assert_eq!(sessions.find(&issued.token, at(4599)).unwrap().account_since, 7);
        assert!(sessions.find("other", at(1000)).is_none());
        assert!(sessions.find(&issued.token, at(4600)).is_none());
        // Not even when the clock is set back.
        assert!(sessions.find(&issued.token, at(1000)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn token_ends_though_the_clock_stands_still() {
        let sessions = Sessions::default();
        let issued = sessions.issue(name("siteadmin"), 0, lifetime(Some("2")), at(0)).unwrap();
        tokio::time::advance(Duration::from_secs(119)).await;
        assert!(sessions.find(&issued.token, at(0)).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(sessions.find(&issued.token, at(0)).is_none());
    }

    #[test]
    fn lifetime_is_in_minutes_within_a_day() {
        for (asked, minutes) in [
            (None, 60),
            (Some("5"), 5),
            (Some("20160"), 1440),
            (Some("0"), 60),
            (Some("-1"), 60),
            (Some("x"), 60),
        ] {
            assert_eq!(lifetime(asked), Duration::from_secs(60 * minutes), "{asked:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn oldest_token_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.issue(name("a"), 0, lifetime(None), at(0)).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..MAX_TOKENS {
            sessions.issue(name("a"), 0, lifetime(None), at(0)).unwrap();
        }
        assert!(sessions.find(&first.token, at(0)).is_none());
        assert_eq!(lock(&sessions.live).len(), MAX_TOKENS);
    }

    #[tokio::test(start_paused = true)]
    async fn name_waits_longer_with_each_failure_after_the_fifth() {
        let failures = Failures::default();
        let siteadmin = name("siteadmin");
        for _ in 0..4 {
            failures.failed(&siteadmin);
            assert_eq!(failures.wait(&siteadmin), None);
        }
        for expected in [15, 30, 60, 120, 240, 480, 900, 900] {
            failures.failed(&name("SiteAdmin"));
            assert_eq!(failures.wait(&siteadmin), Some(expected));
        }
        assert_eq!(failures.wait(&name("other")), None);
        tokio::time::advance(Duration::from_secs(900)).await;
        assert_eq!(failures.wait(&siteadmin), None);
        failures.failed(&siteadmin);
        failures.succeeded(&siteadmin);
        assert_eq!(failures.wait(&siteadmin), None);
    }

    #[test]
    fn form_secret_belongs_to_one_token() {
        assert!(is_form_secret("t", form_secret("t").as_bytes()));
        assert!(!is_form_secret("u", form_secret("t").as_bytes()));
        assert!(!is_form_secret("t", b""));
    }
}
