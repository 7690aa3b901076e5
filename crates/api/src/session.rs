//! Who is signed in: tokens.
//!
//! A token is 256 random bits; only its SHA-256 is kept, in memory, so that a restart ends every session. Clients
//! may ask for a token bound to a referer or an address; that is accepted and not enforced, since a referer is the
//! client's own word and half of the real clients do not send the one that they asked for.
//!
//! What a token may do stands in the store, and is looked up each time: an administrator who was removed, got another
//! password or whose tokens were revoked, in whichever process, is at once nobody.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use strongroom::{
    UnixTime,
    account::{AccountName, TokenStamp},
    hexadecimal::hex,
    keystore::Administrator,
};
use subtle::ConstantTimeEq as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// How long a token is good if the client asks for nothing, in minutes; ArcGIS's default.
pub(crate) const DEFAULT_MINUTES: u64 = 60;
/// The longest life of a token, in minutes; a request for more gets this.
pub(crate) const MAX_MINUTES: u64 = 24 * 60;
/// A token that is not used for so long ends.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// The most tokens alive; beyond, the oldest ends.
const MAX_TOKENS: usize = 4_000;
/// The most tokens of one administrator; beyond, its oldest ends.
const MAX_OF_ONE: usize = 500;

/// Half of the SHA-256 of a token finds it, ...
type Key = [u8; 16];

/// The live tokens.
#[derive(Default)]
pub(crate) struct Sessions {
    live: Mutex<HashMap<Key, Session>>,
}

/// Whose token it is, and until when.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) account: AccountName,
    /// As names are compared.
    owner: String,
    /// When the account was made: a name that was removed and added again is another account.
    since: UnixTime,
    /// Of the account as it signed in.
    stamp: TokenStamp,
    /// ... and the other half is compared, in constant time.
    rest: [u8; 16],
    issued: Instant,
    used: Instant,
    expires: Instant,
    expires_at: UnixTime,
}

/// A token that was just made.
pub(crate) struct Issued {
    pub(crate) token: Zeroizing<String>,
    pub(crate) expires_at: UnixTime,
}

impl Session {
    /// Whether the administrator is the one who signed in, and its tokens were not revoked since.
    pub(crate) fn is_of(&self, administrator: &Administrator) -> bool {
        self.since == administrator.created_at && self.stamp == administrator.stamp
    }

    /// By whichever clock says so first: one may be set back, the other may stand still while the machine sleeps.
    fn is_over(&self, instant: Instant, now: UnixTime) -> bool {
        self.expires <= instant || self.expires_at <= now || self.used + IDLE <= instant
    }
}

impl Sessions {
    /// Makes a token; `None` if the system gives no random bytes.
    pub(crate) fn issue(
        &self,
        account: AccountName,
        administrator: &Administrator,
        lifetime: Duration,
        now: UnixTime,
    ) -> Option<Issued> {
        let token = random_hex()?;
        let issued = Instant::now();
        let expires_at =
            UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs()).saturating_add(lifetime));
        let (key, rest) = halves(&token);
        let session = Session {
            owner: account.key(),
            account,
            since: administrator.created_at,
            stamp: administrator.stamp,
            rest,
            issued,
            used: issued,
            expires: issued + lifetime,
            expires_at,
        };
        let mut live = lock(&self.live);
        make_room(&mut live, &session, now);
        live.insert(key, session);
        Some(Issued { token, expires_at })
    }

    /// The session of a token, which is used thereby.
    pub(crate) fn find(&self, token: &str, now: UnixTime) -> Option<Session> {
        let ((key, rest), instant) = (halves(token), Instant::now());
        let mut live = lock(&self.live);
        let session = live.get_mut(&key).filter(|session| session.rest.ct_eq(&rest).into())?;
        if session.is_over(instant, now) {
            live.remove(&key);
            return None;
        }
        session.used = instant;
        Some(session.clone())
    }

    pub(crate) fn end(&self, token: &str) {
        lock(&self.live).remove(&halves(token).0);
    }
}

/// 256 random bits; `None` if the system gives none.
pub(crate) fn random_hex() -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut()).ok()?;
    Some(Zeroizing::new(hex(bytes.as_ref())))
}

/// How long a token lives for the `expiration` that the client sent, in minutes; `None` for one that is no such number.
/// ArcGIS has it that more than is allowed gets the most.
pub(crate) fn lifetime(expiration: Option<&str>) -> Option<Duration> {
    let minutes = match expiration.map(str::trim) {
        None => DEFAULT_MINUTES,
        Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // Whatever does not fit is more than is allowed.
            digits.parse::<u64>().unwrap_or(MAX_MINUTES)
        }
        Some(_) => return None,
    };
    (minutes > 0).then(|| Duration::from_secs(60 * minutes.min(MAX_MINUTES)))
}

/// The value that a form of this session has to send back.
pub(crate) fn form_secret(token: &str) -> String {
    let digest = Sha256::new().chain_update("strongroom form\0").chain_update(token).finalize();
    hex(digest)
}

/// Whether a form sent back the value of its session.
pub(crate) fn is_form_secret(token: &str, sent: &[u8]) -> bool {
    form_secret(token).as_bytes().ct_eq(sent).into()
}

fn halves(token: &str) -> (Key, [u8; 16]) {
    let digest: [u8; 32] = Sha256::digest(token).into();
    let (mut key, mut rest) = ([0; 16], [0; 16]);
    let (first, second) = digest.split_at(16);
    key.copy_from_slice(first);
    rest.copy_from_slice(second);
    (key, rest)
}

/// Makes room for one more of an administrator: what is over goes first, then the oldest.
fn make_room(live: &mut HashMap<Key, Session>, next: &Session, now: UnixTime) {
    let own = |session: &&Session| session.owner == next.owner;
    let own_is_full = live.values().filter(own).count() >= MAX_OF_ONE;
    if !own_is_full && live.len() < MAX_TOKENS {
        return;
    }
    live.retain(|_, session| !session.is_over(next.issued, now));
    loop {
        let own_is_full = live.values().filter(own).count() >= MAX_OF_ONE;
        if !own_is_full && live.len() < MAX_TOKENS {
            return;
        }
        let candidates = live.iter().filter(|(_, session)| !own_is_full || own(session));
        let Some(oldest) = candidates.min_by_key(|(_, session)| session.issued).map(|(key, _)| *key) else {
            return;
        };
        live.remove(&oldest);
    }
}

/// The map is whole after every operation, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use strongroom::{Keystore, Password, UnlockKey, engine::MemoryEngine};

    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn name(text: &str) -> AccountName {
        text.parse().unwrap()
    }

    fn store() -> Keystore {
        let unlock = UnlockKey::generate().unwrap();
        let engine = Box::new(MemoryEngine::new(false));
        let keystore = Keystore::create_on_engine(engine, &unlock, at(0)).unwrap();
        keystore
            .add_administrator(&name("siteadmin"), &Password::new("long enough").unwrap(), at(7))
            .unwrap();
        keystore
    }

    fn siteadmin(keystore: &Keystore) -> Administrator {
        keystore.administrator(&name("siteadmin")).unwrap().unwrap()
    }

    /// Of one who is called `account`, though the record is another's.
    fn issue(sessions: &Sessions, account: &str, lifetime: Duration, now: UnixTime) -> Issued {
        sessions.issue(name(account), &siteadmin(&store()), lifetime, now).unwrap()
    }

    #[test]
    fn token_is_256_bits_and_found_until_it_ends() {
        let sessions = Sessions::default();
        let issued = issue(&sessions, "siteadmin", lifetime(None).unwrap(), at(1000));
        assert_eq!(issued.token.len(), 64);
        assert_eq!(issued.expires_at, at(4600));
        assert_eq!(sessions.find(&issued.token, at(4599)).unwrap().account.as_str(), "siteadmin");
        assert!(sessions.find("other", at(1000)).is_none());
        assert!(sessions.find(&issued.token, at(4600)).is_none());
        // Not even when the clock is set back.
        assert!(sessions.find(&issued.token, at(1000)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn token_ends_though_the_clock_stands_still() {
        let sessions = Sessions::default();
        let issued = issue(&sessions, "siteadmin", lifetime(Some("2")).unwrap(), at(0));
        tokio::time::advance(Duration::from_secs(119)).await;
        assert!(sessions.find(&issued.token, at(0)).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(sessions.find(&issued.token, at(0)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn token_that_is_not_used_for_a_quarter_of_an_hour_ends() {
        let sessions = Sessions::default();
        let issued = issue(&sessions, "siteadmin", lifetime(Some("1440")).unwrap(), at(0));
        for _ in 0..5 {
            tokio::time::advance(IDLE - Duration::from_secs(1)).await;
            assert!(sessions.find(&issued.token, at(0)).is_some());
        }
        tokio::time::advance(IDLE).await;
        assert!(sessions.find(&issued.token, at(0)).is_none());
        assert!(lock(&sessions.live).is_empty());
    }

    #[test]
    fn token_is_of_one_account_with_one_password_until_it_is_revoked() {
        let (sessions, keystore) = (Sessions::default(), store());
        let token = |administrator: &Administrator| {
            let issued =
                sessions.issue(name("siteadmin"), administrator, lifetime(None).unwrap(), at(0)).unwrap();
            sessions.find(&issued.token, at(0)).unwrap()
        };
        let (who, password) = (name("siteadmin"), Password::new("another one").unwrap());
        // All within the same second.
        let first = token(&siteadmin(&keystore));
        assert!(first.is_of(&siteadmin(&keystore)));
        keystore.revoke_tokens(&who, at(7)).unwrap();
        assert!(!first.is_of(&siteadmin(&keystore)));
        let second = token(&siteadmin(&keystore));
        keystore.set_administrator_password(&who, &password, at(7)).unwrap();
        assert!(!second.is_of(&siteadmin(&keystore)) && !first.is_of(&siteadmin(&keystore)));
        let third = token(&siteadmin(&keystore));
        keystore.remove_administrator(&who, at(7)).unwrap();
        keystore.add_administrator(&who, &password, at(7)).unwrap();
        assert!(!third.is_of(&siteadmin(&keystore)));
    }

    #[test]
    fn lifetime_is_in_minutes_within_a_day() {
        for (asked, minutes) in [
            (None, Some(60)),
            (Some("5"), Some(5)),
            (Some("20160"), Some(1440)),
            (Some("0"), None),
            (Some("-1"), None),
            (Some("x"), None),
            (Some(" "), None),
        ] {
            assert_eq!(
                lifetime(asked),
                minutes.map(|minutes: u64| Duration::from_secs(60 * minutes)),
                "{asked:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn oldest_token_makes_room_first_that_of_the_same_user() {
        let (sessions, keystore) = (Sessions::default(), store());
        let record = siteadmin(&keystore);
        let issue = |account: &str| {
            sessions.issue(name(account), &record, lifetime(None).unwrap(), at(0)).unwrap().token
        };
        let (other, first) = (issue("other"), issue("siteadmin"));
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..MAX_OF_ONE {
            issue("SiteAdmin");
        }
        assert!(sessions.find(&first, at(0)).is_none());
        assert!(sessions.find(&other, at(0)).is_some());
        assert_eq!(lock(&sessions.live).len(), MAX_OF_ONE + 1);
        for user in 0..MAX_TOKENS {
            issue(&format!("u{}", user % 2_000));
        }
        assert_eq!(lock(&sessions.live).len(), MAX_TOKENS);
        assert!(sessions.find(&other, at(0)).is_none());
    }

    #[test]
    fn form_secret_belongs_to_one_token() {
        assert!(is_form_secret("t", form_secret("t").as_bytes()));
        assert!(!is_form_secret("u", form_secret("t").as_bytes()));
        assert!(!is_form_secret("t", b""));
    }
}
