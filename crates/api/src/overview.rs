//! Every entry at a glance: what the pages sort, search and count.
//!
//! Takes a keystore; gives one line for each entry, as of one scan. No key is opened for it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use strongroom::{
    Alias, Entry, Error, Keystore, UnixTime,
    certificate::Fingerprint,
    instant::seconds,
    keystore::{ChainState, EntryKind},
    store::Generation,
};

/// Fewer days than these before its end, an entry wants attention.
pub(crate) const SOON_DAYS: i64 = 30;
pub(crate) const DAY: i64 = 24 * 60 * 60;
/// Entries that are kept in memory: some 60 MB of them.
const MAX_ENTRIES: usize = 250_000;
/// Chains depend on the time as well; after so long they are judged again.
const MAX_AGE: i64 = 300;
/// A scan that took longer is not made again at once, however often the store changes.
const LONG: Duration = Duration::from_millis(500);
/// Of the time at most a tenth goes into scans.
const SHARE: u32 = 10;

/// One entry.
pub(crate) struct Glance {
    pub(crate) alias: Alias,
    pub(crate) kind: EntryKind,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) chain_state: ChainState,
    pub(crate) chain_not_after: Option<i64>,
    pub(crate) sha256: Fingerprint,
    /// Alias, subject and names, in lower case.
    text: Box<str>,
}

/// How an entry stands, the worst first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Standing {
    Expired,
    /// No server can use it as it is: its chain is refused, or reaches no imported authority.
    Broken,
    NotYetValid,
    /// It, or a certificate above it, ends within [`SOON_DAYS`].
    Soon,
    Good,
}

impl Standing {
    /// What no query names.
    pub(crate) const ALL: [Self; 5] =
        [Self::Expired, Self::Broken, Self::NotYetValid, Self::Soon, Self::Good];

    /// The word of a query.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Broken => "broken",
            Self::NotYetValid => "not-yet-valid",
            Self::Soon => "soon",
            Self::Good => "good",
        }
    }
}

impl Glance {
    pub(crate) fn of(entry: &Entry) -> Self {
        let certificate = &entry.certificate;
        let mut text = format!("{}\n{}", entry.alias.as_str(), certificate.subject());
        for host in certificate.hosts() {
            text.push('\n');
            text.push_str(host);
        }
        Self {
            alias: entry.alias.clone(),
            kind: entry.kind,
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            chain_state: entry.chain_state,
            chain_not_after: entry.chain_not_after,
            sha256: certificate.fingerprint(),
            text: text.to_lowercase().into(),
        }
    }

    pub(crate) fn is_server(&self) -> bool {
        self.kind == EntryKind::Server
    }

    /// When a client first refuses it: its own end, or that of a certificate above.
    pub(crate) fn ends(&self) -> i64 {
        self.chain_not_after.map_or(self.not_after, |chain| chain.min(self.not_after))
    }

    pub(crate) fn standing(&self, now: i64) -> Standing {
        if self.not_after < now {
            Standing::Expired
        } else if self.not_before > now {
            Standing::NotYetValid
        } else if self.chain_state.is_broken() {
            Standing::Broken
        } else if self.ends() < now.saturating_add(SOON_DAYS * DAY) {
            Standing::Soon
        } else {
            Standing::Good
        }
    }

    /// Whether alias, subject or a name has this text, which is in lower case.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// All entries, in the order of their aliases.
pub(crate) struct Overview {
    pub(crate) entries: Vec<Glance>,
    /// What cannot be read.
    pub(crate) damaged: Vec<Alias>,
    /// Whether every entry is there; a store may hold more than memory is meant for.
    pub(crate) is_whole: bool,
    /// When it was read, in seconds since 1970.
    pub(crate) taken_at: i64,
    generation: Generation,
    finished: Instant,
    took: Duration,
}

impl Overview {
    fn scan(keystore: &Keystore, at: UnixTime) -> Result<Self, Error> {
        let started = Instant::now();
        let generation = keystore.generation()?;
        let (mut entries, mut damaged) = (Vec::new(), Vec::new());
        let mut is_whole = true;
        for listed in keystore.listed_entries(at) {
            if entries.len() >= MAX_ENTRIES {
                is_whole = false;
                break;
            }
            match listed? {
                (_, Ok(entry)) => entries.push(Glance::of(&entry)),
                (alias, Err(_)) => damaged.push(alias),
            }
        }
        let (finished, took) = (Instant::now(), started.elapsed());
        Ok(Self { entries, damaged, is_whole, taken_at: seconds(at), generation, finished, took })
    }

    /// Whether it still says what the store holds, or is too dear to be made again now.
    fn serves(&self, keystore: &Keystore, at: UnixTime) -> Result<bool, Error> {
        if self.took > LONG && self.finished.elapsed() < self.took.saturating_mul(SHARE) {
            return Ok(true);
        }
        let age = seconds(at).saturating_sub(self.taken_at);
        Ok((0..MAX_AGE).contains(&age) && keystore.generation()? == self.generation)
    }
}

/// The latest overview of a store.
#[derive(Default)]
pub(crate) struct Overviews {
    latest: Mutex<Option<Arc<Overview>>>,
    /// Held by the one who scans.
    scan: Mutex<()>,
}

impl Overviews {
    /// The overview, made again if the store has changed. While another makes it, the former one is given, if there is one.
    pub(crate) fn get(&self, keystore: &Keystore, at: UnixTime) -> Result<Arc<Overview>, Error> {
        let former = self.peek();
        if let Some(former) = &former
            && former.serves(keystore, at)?
        {
            return Ok(Arc::clone(former));
        }
        let _scan = match (self.scan.try_lock(), former) {
            (Ok(held), _) => held,
            (Err(_), Some(former)) if former.took > LONG => return Ok(former),
            (Err(_), _) => self.scan.lock().unwrap_or_else(PoisonError::into_inner),
        };
        // Whoever held it may have made what is wanted.
        if let Some(made) = self.peek()
            && made.serves(keystore, at)?
        {
            return Ok(made);
        }
        let made = Arc::new(Overview::scan(keystore, at)?);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The overview, if it is at hand and still says what the store holds.
    pub(crate) fn known(&self, keystore: &Keystore, at: UnixTime) -> Result<Option<Arc<Overview>>, Error> {
        let Some(known) = self.peek() else {
            return Ok(None);
        };
        Ok((keystore.generation()? == known.generation && known.serves(keystore, at)?).then_some(known))
    }

    fn peek(&self) -> Option<Arc<Overview>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use strongroom::UnlockKey;

    use super::*;

    const NOW: i64 = 1_795_435_200;

    fn now() -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_795_435_200))
    }

    #[test]
    fn overview_follows_the_store_and_the_clock() {
        let folder = tempfile::tempdir().unwrap();
        let unlock = UnlockKey::generate().unwrap();
        let keystore = Keystore::create(folder.path().join("keystore.db"), &unlock, now()).unwrap();
        let overviews = Overviews::default();
        assert_eq!(overviews.get(&keystore, now()).unwrap().entries.len(), 0);

        let root = std::fs::read("../../fixtures/chains/root-rsa.pem").unwrap();
        keystore.import_authority(&"Root".parse().unwrap(), &root, now()).unwrap();
        let one = overviews.get(&keystore, now()).unwrap();
        assert_eq!(one.entries.iter().map(|entry| entry.alias.as_str()).collect::<Vec<_>>(), ["Root"]);
        assert!(Arc::ptr_eq(&one, &overviews.get(&keystore, now()).unwrap()));
        let root = one.entries.first().unwrap();
        assert!(root.has("fixture root") && root.has("root") && !root.has("Fixture"));
        assert_eq!(root.standing(NOW), Standing::Good);
        assert_eq!(root.standing(root.not_after - DAY), Standing::Soon);
        assert_eq!(root.standing(root.not_after + 1), Standing::Expired);
        assert_eq!(root.standing(root.not_before - 1), Standing::NotYetValid);

        let later = UnixTime::since_unix_epoch(Duration::from_secs(1_795_435_200 + 301));
        assert!(!Arc::ptr_eq(&one, &overviews.get(&keystore, later).unwrap()));
    }
}
