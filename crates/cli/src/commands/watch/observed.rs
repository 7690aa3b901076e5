//! The entries that are watched: what each was when it was looked at last, and what it is now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    thread,
    time::{Duration, Instant},
};

use strongroom::{
    Alias, Error, Keystore,
    instant::seconds,
    keystore::EntryKind,
    store::{Changes, Generation, StoreError},
};

use super::{
    super::now,
    Message,
    event::{Event, Facts, Kind},
    seen::Seen,
};

/// How long one wait for a change is at most: what a stop waits for.
const WAIT: Duration = Duration::from_millis(250);
/// How often what could not be read is tried again, and looked whether a certificate above a leaf ended.
const BEAT: Duration = Duration::from_secs(10);

pub(super) struct Observed {
    keystore: Keystore,
    /// Those that were named; without any, all server certificates.
    wanted: BTreeSet<Alias>,
    known: BTreeMap<Alias, Facts>,
    /// What could not be read, and why.
    unreadable: BTreeMap<Alias, String>,
    /// What is looked at again at the next beat, whether or not the store changes.
    again: BTreeSet<Alias>,
    generation: Generation,
    /// What others see of this watch.
    seen: Seen,
    beat: Instant,
    /// Until when ends of certificates were looked for.
    judged: i64,
    events: Vec<Event>,
}

impl Observed {
    /// Looks at what is there now.
    pub(super) fn begin(keystore: Keystore, wanted: &[Alias]) -> Result<Self, Error> {
        // Before anything is read: a change in between is seen.
        let generation = keystore.generation()?;
        let seen = Seen::begin(keystore.path(), &generation);
        let mut observed = Self {
            keystore,
            seen,
            wanted: wanted.iter().cloned().collect(),
            known: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            again: BTreeSet::new(),
            generation,
            beat: Instant::now(),
            judged: seconds(now()),
            events: Vec::new(),
        };
        for alias in observed.all()? {
            observed.look(&alias, &BTreeMap::new())?;
        }
        for event in observed.events.iter_mut().filter(|event| event.kind == Kind::Added) {
            event.kind = Kind::Present;
        }
        Ok(observed)
    }

    /// Those that were named and are not there.
    pub(super) fn missing(&self) -> impl Iterator<Item = &Alias> {
        let is_there =
            |alias: &&Alias| self.known.contains_key(*alias) || self.unreadable.contains_key(*alias);
        self.wanted.iter().filter(move |alias| !is_there(alias))
    }

    /// What was seen since this was asked for last.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Tells of each change, until it is to stop or nobody listens.
    pub(super) fn follow(mut self, stop: &AtomicBool, tell: &SyncSender<Message>) {
        let mut failing: Option<String> = None;
        while !stop.load(Ordering::Relaxed) {
            let waited = self.wait();
            let mut messages: Vec<Message> = self.take_events().into_iter().map(Message::Changed).collect();
            match waited {
                Ok(()) => messages.extend(failing.take().map(|_| Message::StoreBack)),
                Err(error) => {
                    let reason = error.to_string();
                    if failing.as_deref() != Some(&reason) {
                        messages.push(Message::StoreFailed(reason.clone()));
                        failing = Some(reason);
                    }
                    thread::sleep(WAIT);
                }
            }
            for message in messages {
                if tell.send(message).is_err() {
                    return;
                }
            }
        }
    }

    /// Waits for a change, and looks at what it may have changed.
    fn wait(&mut self) -> Result<(), Error> {
        let changes = self.keystore.wait_change(&self.generation, WAIT)?;
        let renamed = changes.as_ref().map(renamings).unwrap_or_default();
        if let Some(changes) = changes {
            self.again.extend(self.touched(&changes)?);
            self.generation = changes.generation;
            self.seen.tell(&self.generation);
        }
        if self.beat.elapsed() >= BEAT {
            self.beat = Instant::now();
            self.again.extend(self.unreadable.keys().cloned());
            self.add_ended();
        }
        while let Some(alias) = self.again.first().cloned() {
            self.look(&alias, &renamed)?;
            self.again.remove(&alias);
        }
        Ok(())
    }

    /// The entries that a change may have made others.
    fn touched(&self, changes: &Changes) -> Result<BTreeSet<Alias>, Error> {
        if changes.everything || changes.authorities {
            let mut all = self.all()?;
            all.extend(self.known.keys().cloned());
            return Ok(all);
        }
        let is_wanted = |alias: &&Alias| self.wanted.is_empty() || self.wanted.contains(*alias);
        Ok(changes.aliases.iter().filter(is_wanted).cloned().collect())
    }

    /// The entries whose chain lost a certificate to time since this was looked at last.
    fn add_ended(&mut self) {
        let instant = seconds(now());
        let ended = |until: i64| (self.judged..instant).contains(&until);
        let ended = self.known.iter().filter(|(_, facts)| facts.until.is_some_and(ended));
        self.again.extend(ended.map(|(alias, _)| alias.clone()));
        self.judged = instant;
    }

    /// Every alias that is to be looked at.
    fn all(&self) -> Result<BTreeSet<Alias>, Error> {
        if !self.wanted.is_empty() {
            return Ok(self.wanted.clone());
        }
        let mut all = BTreeSet::new();
        for listed in self.keystore.listed_entries(now()) {
            let (alias, entry) = listed?;
            if entry.is_ok_and(|entry| matches!(entry.kind, EntryKind::Authority { .. })) {
                continue;
            }
            all.insert(alias);
        }
        Ok(all)
    }

    /// Looks at one entry, and notes what became of it. `renamed` has the former alias of each new one.
    fn look(&mut self, alias: &Alias, renamed: &BTreeMap<Alias, Alias>) -> Result<(), Error> {
        let found = match self.facts(alias) {
            Err(error @ (Error::Store(StoreError::Corrupt { .. }) | Error::Seal(_))) => {
                let reason = error.to_string();
                if self.unreadable.insert(alias.clone(), reason.clone()).as_ref() != Some(&reason) {
                    self.note(Kind::Unreadable, alias.clone(), None, None, Some(reason));
                }
                return Ok(());
            }
            other => other?,
        };
        let was_unreadable = self.unreadable.remove(alias).is_some();
        let before = self.known.remove(alias);
        let (kind, facts) = match (before, found) {
            (None, None) => return Ok(()),
            (None, Some(facts)) => (Some(Kind::Added), facts),
            (Some(last), None) => {
                let new = renamed.iter().find(|(_, former)| *former == alias).map(|(new, _)| new.clone());
                self.note(Kind::Removed, alias.clone(), Some(last), new, None);
                return Ok(());
            }
            (Some(last), Some(facts)) => {
                (last.became(&facts).or_else(|| was_unreadable.then_some(Kind::Readable)), facts)
            }
        };
        self.known.insert(facts.alias.clone(), facts.clone());
        if let Some(kind) = kind {
            let former = renamed.get(alias).filter(|_| kind == Kind::Added).cloned();
            self.note(kind, facts.alias.clone(), Some(facts), former, None);
        }
        Ok(())
    }

    fn note(
        &mut self,
        kind: Kind,
        alias: Alias,
        facts: Option<Facts>,
        other: Option<Alias>,
        reason: Option<String>,
    ) {
        self.events.push(Event { at: seconds(now()), kind, alias, facts, other, reason });
    }

    /// An entry as it is now; `None` if there is none to be watched.
    fn facts(&self, alias: &Alias) -> Result<Option<Facts>, Error> {
        match self.keystore.sealed_credential(alias, now()) {
            Ok(mut credential) => {
                let served = credential.take_served();
                let of = credential.alias().clone();
                Ok(Facts::new(of, credential.version(), &served, credential.chain_until()))
            }
            Err(error) if is_gone(&error) => {
                if self.wanted.contains(alias) {
                    self.authority(alias)
                } else {
                    Ok(None)
                }
            }
            Err(other) => Err(other),
        }
    }

    /// A CA certificate that was named.
    fn authority(&self, alias: &Alias) -> Result<Option<Facts>, Error> {
        match self.keystore.entry(alias, now()) {
            Ok(entry) => {
                let EntryKind::Authority { trust } = entry.kind else {
                    return Ok(None);
                };
                let facts = Facts::new(entry.alias, entry.version, &[entry.certificate], None);
                Ok(facts.map(|facts| Facts { trust: Some(trust.as_str()), ..facts }))
            }
            Err(error) if is_gone(&error) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Store(StoreError::NotFound { .. } | StoreError::Removed { .. }))
}

/// The alias that each renamed entry had before all of it, by the one that it has now.
fn renamings(changes: &Changes) -> BTreeMap<Alias, Alias> {
    let mut former = BTreeMap::new();
    for (from, to) in &changes.renamed {
        let first = former.remove(from).unwrap_or_else(|| from.clone());
        former.insert(to.clone(), first);
    }
    former
}
