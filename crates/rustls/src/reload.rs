//! Follows the store: a thread that waits for a change, reads what changed, and swaps the snapshot.

mod ahead;
mod pinned;
mod report;

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use rustls::pki_types::UnixTime;
use strongroom::{
    Alias,
    certificate::{Certificate, Fingerprint},
    instant::seconds,
    keystore::ServerFile,
    store::{Changes, Generation},
};

use self::{ahead::read_ahead, pinned::with_pinned};
use crate::{
    LiveTlsError, TlsEvent,
    entry::NameKey,
    loader::{NotLoaded, Proof},
    resolver::Shared,
    session::{Sessions, Tickets},
    snapshot::{Edit, Gathered, Root},
    verifier::LiveVerifier,
};

/// How long one wait for a change is at most: what a stop waits for.
const WAIT: Duration = Duration::from_millis(250);
/// How long a small store may take, so that all of it is there when the server begins.
const START: Duration = Duration::from_millis(100);
/// How often what was refused is tried again, and the file of the running server written.
const BEAT: Duration = Duration::from_secs(10);
/// How often it is looked whether a certificate above a leaf ended.
const JUDGE: Duration = Duration::from_secs(60);

/// What is swapped when the store changes, beside the snapshot.
#[derive(Debug)]
pub(crate) struct Follows {
    pub(crate) required: Arc<LiveVerifier>,
    pub(crate) optional: Arc<LiveVerifier>,
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) sessions: Arc<Sessions>,
    state: Mutex<State>,
    started: UnixTime,
    /// What those who look at the store from outside read.
    file: Mutex<Option<ServerFile>>,
    /// What the server is called there; nothing if it is unseen.
    program: OnceLock<String>,
    address: OnceLock<SocketAddr>,
}

/// How far the store was followed.
#[derive(Debug)]
struct State {
    generation: Option<Generation>,
    anchors: Vec<Fingerprint>,
    /// Aliases that could not be read as they are; tried again.
    retry: BTreeSet<String>,
    /// Entries that are in use without a name: client identities.
    pinned: Vec<Alias>,
}

/// What a reload did.
#[derive(Default)]
struct Done {
    edits: Vec<Edit>,
    changed: Vec<Alias>,
    removed: Vec<Alias>,
    /// Aliases that can be served as they are, again perhaps.
    well: Vec<Alias>,
}

impl Follows {
    pub(crate) fn new(
        [required, optional]: [Arc<LiveVerifier>; 2],
        anchors: &[Certificate],
        clock: fn() -> UnixTime,
    ) -> Result<Self, LiveTlsError> {
        let state = State {
            generation: None,
            anchors: anchors.iter().map(|anchor| anchor.fingerprint()).collect(),
            retry: BTreeSet::new(),
            pinned: Vec::new(),
        };
        Ok(Self {
            required,
            optional,
            tickets: Arc::new(Tickets::new(clock)?),
            sessions: Arc::new(Sessions::new()),
            state: Mutex::new(state),
            started: clock(),
            file: Mutex::default(),
            program: OnceLock::new(),
            address: OnceLock::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the default entry and starts the thread. Of a small store everything is there when this returns.
    pub(crate) fn start(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        program: Option<String>,
    ) -> Result<(), LiveTlsError> {
        if shared.only_default {
            // Before the entry is read: a change in between is seen.
            self.state().generation = Some(shared.loader.keystore.generation()?);
        }
        let mut root = Root::empty();
        if let Some(alias) = shared.default_alias() {
            root = with_pinned(shared, root, &alias)?;
            root.default = root.entry(&alias.key()).cloned();
        }
        root.complete = shared.only_default;
        shared.root.store(Arc::new(root));
        let (follows, of_thread) = (Arc::clone(self), Arc::clone(shared));
        let named = thread::Builder::new().name("strongroom-tls".to_owned());
        if let Some(program) = program {
            let _ = self.program.set(program);
        }
        named.spawn(move || follows.follow(&of_thread)).map_err(LiveTlsError::Thread)?;
        let until = Instant::now() + START;
        while !shared.root.load().complete && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn follow(&self, shared: &Shared) {
        let mut beat: Option<Instant> = None;
        let mut told = None;
        let (mut judged, mut judged_at) = (Instant::now(), seconds((shared.clock)()));
        while !shared.stop.load(Ordering::Relaxed) {
            let generation = self.state().generation;
            let waited = generation.map(|since| shared.loader.keystore.wait_change(&since, WAIT));
            let due = beat.is_none_or(|beat| beat.elapsed() >= BEAT);
            let moved = match waited {
                Some(Err(error)) => {
                    shared.events.store_failed(&error.to_string());
                    thread::sleep(WAIT);
                    false
                }
                Some(Ok(changes)) => {
                    shared.events.store_works();
                    changes.is_some()
                }
                None => true,
            };
            if judged.elapsed() >= JUDGE {
                judged = Instant::now();
                self.judge_anew(shared, &mut judged_at);
            }
            let behind = shared.behind.swap(false, Ordering::Relaxed);
            let retry = (due || judged.elapsed() < WAIT) && !self.state().retry.is_empty();
            if (moved || behind || retry)
                && let Err(error) = self.reload(shared)
            {
                shared.events.store_failed(&error.to_string());
                thread::sleep(WAIT);
            }
            let sequence = self.state().generation.map(|generation| generation.sequence());
            let failure = shared.events.store_failure();
            if due || told != Some((sequence, failure.clone())) {
                told = Some((sequence, failure));
                beat = Some(Instant::now());
                self.tell_expired(shared);
                self.write_report(shared);
            }
        }
    }

    /// Reads what changed, and serves it when this returns.
    pub(crate) fn reload(&self, shared: &Shared) -> Result<(), LiveTlsError> {
        let mut state = self.state();
        let Some(generation) = state.generation else {
            self.begin(shared, &mut state)?;
            drop(state);
            read_ahead(shared);
            return Ok(());
        };
        let changes = shared.loader.keystore.wait_change(&generation, Duration::ZERO)?;
        let aliases = std::mem::take(&mut state.retry);
        let retried = aliases.iter().filter_map(|alias| alias.parse().ok()).collect();
        let Some(changes) = changes else {
            let done = self.read(shared, &mut state, retried);
            self.finish(shared, &state, done, |root| root);
            return Ok(());
        };
        if changes.everything && !shared.only_default {
            self.trust(shared, &mut state)?;
            let before = shared.root.load_full();
            self.begin(shared, &mut state)?;
            self.compare(shared, &mut state, &before);
        } else {
            self.apply(shared, &mut state, changes, retried)?;
        }
        Ok(())
    }

    /// Reads all names.
    fn begin(&self, shared: &Shared, state: &mut State) -> Result<(), LiveTlsError> {
        let mut gathered = Gathered::default();
        let generation = shared.loader.keystore.served_names(&mut gathered)?;
        let before = shared.root.load_full();
        let early = std::mem::take(&mut *shared.early.lock().unwrap_or_else(PoisonError::into_inner));
        let known = |alias: &str, names: &[NameKey]| {
            let known = before.entry(alias).or_else(|| early.get(alias))?;
            (*known.names == *names).then(|| Arc::clone(known))
        };
        let mut root = gathered.into_root(known);
        for alias in shared.default_alias().iter().chain(&state.pinned) {
            // What has no name is not among the names.
            if root.entry(&alias.key()).is_none()
                && let Some(entry) = before.entry(&alias.key()).filter(|entry| entry.names.is_empty())
            {
                root = root.after([Edit::Put(Arc::clone(entry))]);
            }
        }
        self.swap(shared, root);
        state.generation = Some(generation);
        let names = shared.root.load().names();
        shared.events.tell(TlsEvent::Ready { names, sequence: generation.sequence() });
        Ok(())
    }

    /// After everything may have changed: what was loaded is compared with what the store holds now.
    fn compare(&self, shared: &Shared, state: &mut State, before: &Root) {
        let loaded = before.entries().filter(|entry| entry.is_loaded());
        let aliases: Vec<Alias> = loaded.filter_map(|entry| entry.alias.parse().ok()).collect();
        let done = self.read(shared, state, aliases);
        self.finish(shared, state, done, |root| root);
    }

    fn apply(
        &self,
        shared: &Shared,
        state: &mut State,
        changes: Changes,
        retried: Vec<Alias>,
    ) -> Result<(), LiveTlsError> {
        let mut aliases: BTreeSet<Alias> = changes.aliases.into_iter().chain(retried).collect();
        if changes.authorities || changes.everything {
            self.trust(shared, state)?;
            // Their chains may be others now.
            let root = shared.root.load();
            let loaded = root.entries().filter(|entry| entry.is_loaded());
            aliases.extend(loaded.filter_map(|entry| entry.alias.parse::<Alias>().ok()));
        }
        if shared.only_default {
            let default = shared.default_alias();
            aliases.retain(|alias| default.iter().chain(&state.pinned).any(|pinned| pinned == alias));
        }
        let bound = changes.bindings.then(|| shared.loader.keystore.bound_hosts()).transpose()?;
        state.generation = Some(changes.generation);
        let done = self.read(shared, state, aliases);
        self.finish(shared, state, done, |root| match bound {
            Some(hosts) => root.with_bound(bindings(hosts)),
            None => root,
        });
        Ok(())
    }

    /// Reads entries as they are now, and proves them. What cannot be served stays as it is in the snapshot.
    fn read(&self, shared: &Shared, state: &mut State, aliases: impl IntoIterator<Item = Alias>) -> Done {
        let root = shared.root.load_full();
        let mut done = Done::default();
        for alias in aliases {
            let key = alias.key();
            let known = root.entry(&key);
            let before = known.and_then(|entry| entry.served());
            match shared.loader.load(&alias, Proof::Now) {
                Ok(fresh) if before.as_ref().is_some_and(|before| before.is_same(&fresh)) => {
                    done.well.push(alias)
                }
                Ok(fresh) => {
                    done.edits.push(Edit::Put(shared.loader.entry_of(fresh)));
                    done.well.push(alias.clone());
                    done.changed.push(alias);
                }
                Err(NotLoaded::Gone) if known.is_some() => {
                    shared.events.works_again(&alias, false);
                    if !(shared.keep_default && shared.default_alias().as_ref() == Some(&alias)) {
                        done.edits.push(Edit::Remove(key));
                    }
                    done.removed.push(alias);
                }
                Err(NotLoaded::Gone) => {}
                Err(NotLoaded::Refused(reason)) => {
                    shared.events.refused(&alias, &reason, before.is_some());
                    state.retry.insert(key);
                }
                Err(NotLoaded::Store(reason)) => {
                    shared.events.store_failed(&reason);
                    state.retry.insert(key);
                }
            }
        }
        done
    }

    fn finish(&self, shared: &Shared, state: &State, done: Done, bind: impl FnOnce(Root) -> Root) {
        let (root, edits) = (shared.root.load_full(), done.edits.len());
        self.swap(shared, bind(root.after(done.edits)));
        drop(root);
        done.well.iter().for_each(|alias| shared.events.works_again(alias, true));
        shared.loader.entries.some_went(edits);
        shared.loader.keys.open.some_went(edits);
        if let Some(alias) = shared.default_alias().filter(|alias| done.removed.contains(alias)) {
            shared.events.tell(TlsEvent::NoDefault { alias });
        }
        let sequence = state.generation.map(|generation| generation.sequence()).unwrap_or_default();
        if !(done.changed.is_empty() && done.removed.is_empty()) {
            let (changed, removed) = (done.changed, done.removed);
            shared.events.tell(TlsEvent::Reloaded { sequence, changed, removed });
        }
    }

    fn swap(&self, shared: &Shared, mut root: Root) {
        root.default = shared.default_alias().and_then(|alias| root.entry(&alias.key()).cloned());
        let before = shared.root.swap(Arc::new(root));
        // Here, and not in a handshake that lets go of it last.
        drop(before);
    }

    /// Takes the trust anchors as they are now. Who was verified under others is not taken for verified any more.
    fn trust(&self, shared: &Shared, state: &mut State) -> Result<(), LiveTlsError> {
        let anchors = shared.loader.trust_anchors()?;
        let now: Vec<Fingerprint> = anchors.iter().map(|anchor| anchor.fingerprint()).collect();
        if now == state.anchors {
            return Ok(());
        }
        self.required.trust(&anchors);
        self.optional.trust(&anchors);
        self.end_sessions()?;
        state.anchors = now;
        shared.events.tell(TlsEvent::TrustChanged { anchors: anchors.len() });
        Ok(())
    }

    pub(crate) fn end_sessions(&self) -> Result<(), LiveTlsError> {
        self.sessions.end();
        self.tickets.end()
    }

    /// Entries whose chain lost a certificate to time since it was judged last are read again.
    fn judge_anew(&self, shared: &Shared, since: &mut i64) {
        let now = seconds((shared.clock)());
        let root = shared.root.load();
        let ended = root.entries().filter(|entry| {
            let until = entry.loaded().and_then(|loaded| loaded.chain_until);
            until.is_some_and(|until| (*since..now).contains(&until))
        });
        self.state().retry.extend(ended.map(|entry| entry.alias.to_string()));
        *since = now;
    }
}

fn bindings(hosts: Vec<(String, Alias)>) -> HashMap<NameKey, Box<str>> {
    hosts.into_iter().map(|(host, alias)| (NameKey::of(&host), alias.key().into())).collect()
}
