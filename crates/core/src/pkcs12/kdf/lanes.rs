//! Runs derivations together: side by side in lanes, and on several threads where that is worth a thread.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use strongroom_lanes::{
    Algorithm, Processor, SHA1, SHA224, SHA256, SHA384, SHA512, SHA512_224, SHA512_256, Sha1, Sha256, Sha512,
};
use zeroize::Zeroizing;

use super::{
    Derivation, Method, repetitions,
    strand::{Next, Pkcs12, Strand},
};
use crate::{
    limits::{Cancelled, KdfBudget, Progress},
    pkcs12::hash::Hash,
};

/// Looks at the first of the keys as soon as it is there, and says whether the others are still wanted.
pub(super) type Gate<'a> = &'a (dyn Fn(&[u8]) -> bool + Sync);

/// Iterations for which another thread is started: several milliseconds on any processor.
const WORTH_A_THREAD: u64 = 200_000;
/// The most threads for one file.
const MAX_THREADS: usize = 16;

/// Why a worker stopped.
enum Stop {
    Cancelled(Cancelled),
    /// The gate was shut, or another worker stopped.
    Halted,
}

impl From<Cancelled> for Stop {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

/// A key, or its parts as they come.
type Parts = Vec<Option<Zeroizing<Vec<u8>>>>;

/// What the workers share.
struct Run<'a> {
    derivations: &'a [Derivation],
    gate: Option<Gate<'a>>,
    progress: &'a Progress<'a>,
    processor: Processor,
    workers: usize,
    sha1: Queue<Sha1>,
    sha256: Queue<Sha256>,
    sha512: Queue<Sha512>,
    /// Derivations with another hash, which run one at a time.
    others: Mutex<VecDeque<(usize, Hash)>>,
    parts: Mutex<Vec<Parts>>,
    halted: AtomicBool,
}

/// Strands that no worker has taken up yet, and how many there were.
struct Queue<A: Algorithm + 'static> {
    waiting: Mutex<VecDeque<Strand<A>>>,
    count: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: Algorithm + 'static> Queue<A> {
    /// The longest first, behind those of the first derivation: workers then end together.
    fn new(mut strands: Vec<Strand<A>>) -> Self {
        strands.sort_by_key(|strand| (strand.place.0 != 0, u32::MAX - strand.chain.left()));
        Self { count: strands.len(), waiting: Mutex::new(strands.into()) }
    }
}

/// Derives keys, in the order of the derivations. What is not there was not derived, since the gate was shut.
///
/// # Errors
///
/// [`Cancelled`].
pub(super) fn derive(
    derivations: &[Derivation],
    gate: Option<Gate<'_>>,
    budget: &mut KdfBudget,
) -> Result<Vec<Option<Zeroizing<Vec<u8>>>>, Cancelled> {
    let (mut sha1, mut sha256, mut sha512, mut others) = (vec![], vec![], vec![], VecDeque::new());
    for (number, derivation) in derivations.iter().enumerate() {
        let (Method::Pkcs12 { hash, .. } | Method::Pbkdf1 { hash, .. } | Method::Pbkdf2 { prf: hash, .. }) =
            derivation.method
        else {
            continue;
        };
        match hash {
            Hash::Sha1 => sha1.extend(Strand::all(number, derivation, hash, &SHA1)),
            Hash::Sha224 => sha256.extend(Strand::all(number, derivation, hash, &SHA224)),
            Hash::Sha256 => sha256.extend(Strand::all(number, derivation, hash, &SHA256)),
            Hash::Sha384 => sha512.extend(Strand::all(number, derivation, hash, &SHA384)),
            Hash::Sha512 => sha512.extend(Strand::all(number, derivation, hash, &SHA512)),
            Hash::Sha512_224 => sha512.extend(Strand::all(number, derivation, hash, &SHA512_224)),
            Hash::Sha512_256 => sha512.extend(Strand::all(number, derivation, hash, &SHA512_256)),
            other => others.push_back((number, other)),
        }
    }
    let parts = derivations.iter().map(|_| Parts::new()).collect();
    let work = derivations.iter().map(Derivation::work).fold(0, u64::saturating_add);
    budget.counting(|progress| {
        let mut run = Run {
            derivations,
            gate,
            progress,
            processor: Processor::detect(),
            workers: 1,
            sha1: Queue::new(sha1),
            sha256: Queue::new(sha256),
            sha512: Queue::new(sha512),
            others: Mutex::new(others),
            parts: Mutex::new(parts),
            halted: AtomicBool::new(false),
        };
        run.workers = run.worth(work);
        run.together()?;
        let parts = run.parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(parts.into_iter().zip(derivations).map(|(parts, of)| join(parts, of)).collect())
    })
}

/// The key, if all of its parts are there.
fn join(parts: Parts, derivation: &Derivation) -> Option<Zeroizing<Vec<u8>>> {
    let parts: Option<Vec<_>> = parts.into_iter().collect();
    let mut key = Zeroizing::new(Vec::with_capacity(derivation.len + 64));
    parts?.iter().for_each(|part| key.extend_from_slice(part));
    key.truncate(derivation.len);
    (key.len() == derivation.len && derivation.method.is_iterated()).then_some(key)
}

impl Run<'_> {
    /// How many workers are worth it: each should have lanes to fill.
    fn worth(&self, work: u64) -> usize {
        if work < WORTH_A_THREAD {
            return 1;
        }
        let others = lock(&self.others).len();
        let groups = self.sha1.count.div_ceil(self.processor.width::<Sha1>())
            + self.sha256.count.div_ceil(self.processor.width::<Sha256>())
            + self.sha512.count.div_ceil(self.processor.width::<Sha512>())
            + others;
        if groups < 2 {
            return 1;
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        groups.min(cores).min(MAX_THREADS)
    }

    /// Runs all workers to their end.
    fn together(&self) -> Result<(), Cancelled> {
        thread::scope(|scope| {
            // A thread that cannot be started is done without.
            let threads: Vec<_> = (1..self.workers)
                .filter_map(|_| thread::Builder::new().spawn_scoped(scope, || self.work()).ok())
                .collect();
            let own = self.work();
            let ends = threads.into_iter().map(|thread| thread.join().unwrap_or(Err(Stop::Halted)));
            // All of them end before one is judged.
            let ends: Vec<Result<(), Stop>> = std::iter::once(own).chain(ends).collect();
            ends.into_iter().try_for_each(|end| match end {
                Err(Stop::Cancelled(cancelled)) => Err(cancelled),
                _ => Ok(()),
            })
        })
    }

    /// One worker. The first derivation's hash comes first, since the others may depend on what it says.
    fn work(&self) -> Result<(), Stop> {
        let first = self.derivations.first().map(|derivation| derivation.method);
        let done = match first {
            Some(Method::Pkcs12 { hash, .. } | Method::Pbkdf2 { prf: hash, .. }) => match hash {
                Hash::Sha1 => self.lanes(&self.sha1),
                Hash::Sha224 | Hash::Sha256 => self.lanes(&self.sha256),
                Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => self.lanes(&self.sha512),
                _ => self.others(),
            },
            _ => Ok(()),
        };
        let done = done
            .and_then(|()| self.lanes(&self.sha1))
            .and_then(|()| self.lanes(&self.sha256))
            .and_then(|()| self.lanes(&self.sha512))
            .and_then(|()| self.others());
        if done.is_err() {
            self.halted.store(true, Ordering::Relaxed);
        }
        done
    }

    fn check(&self) -> Result<(), Stop> {
        if self.halted.load(Ordering::Relaxed) {
            return Err(Stop::Halted);
        }
        Ok(self.progress.check()?)
    }

    /// Runs strands side by side until none is left.
    fn lanes<A: Algorithm + 'static>(&self, queue: &Queue<A>) -> Result<(), Stop> {
        let width = queue.count.div_ceil(self.workers).min(self.processor.width::<A>());
        let mut active: Vec<Strand<A>> = Vec::with_capacity(width);
        loop {
            let missing = width.saturating_sub(active.len());
            active.extend((0..missing).map_while(|_| lock(&queue.waiting).pop_front()));
            if active.is_empty() {
                return Ok(());
            }
            let finished: Vec<Strand<A>> =
                active.extract_if(.., |strand| strand.chain.is_finished()).collect();
            if finished.is_empty() {
                self.check()?;
                let lanes = u32::try_from(active.len()).unwrap_or(u32::MAX);
                let mut chains: Vec<_> = active.iter_mut().map(|strand| &mut strand.chain).collect();
                let each = (Progress::BETWEEN_CHECKS / lanes).max(1);
                self.progress.add(self.processor.advance(&mut chains, each));
            }
            for strand in finished {
                match strand.next() {
                    Next::Chain(strand) => active.push(strand),
                    Next::Output(place, output) => self.keep(place, output)?,
                }
            }
        }
    }

    /// Runs the derivations with other hashes.
    fn others(&self) -> Result<(), Stop> {
        loop {
            let next = lock(&self.others).pop_front();
            let Some((number, hash)) = next else {
                return Ok(());
            };
            if let Some(derivation) = self.derivations.get(number) {
                self.keep((number, 0), alone(hash, derivation, self.progress)?)?;
            }
        }
    }

    /// Keeps a part of a key. With the first key complete, the gate is asked.
    fn keep(&self, (number, part): (usize, usize), output: Zeroizing<Vec<u8>>) -> Result<(), Stop> {
        let mut all = lock(&self.parts);
        let (Some(parts), Some(derivation)) = (all.get_mut(number), self.derivations.get(number)) else {
            return Ok(());
        };
        if parts.len() <= part {
            parts.resize(part + 1, None);
        }
        if let Some(place) = parts.get_mut(part) {
            *place = Some(output);
        }
        let (Some(gate), 0) = (self.gate, number) else {
            return Ok(());
        };
        let Some(key) = join(parts.clone(), derivation) else {
            return Ok(());
        };
        drop(all);
        if gate(&key) { Ok(()) } else { Err(Stop::Halted) }
    }
}

/// A derivation by itself, step after step: with a hash of another age, which few files use.
pub(super) fn alone(
    hash: Hash,
    derivation: &Derivation,
    progress: &Progress<'_>,
) -> Result<Zeroizing<Vec<u8>>, Cancelled> {
    let Derivation { salt, password, len, method } = derivation;
    match *method {
        Method::Pkcs12 { purpose, iterations, .. } => {
            let mut state = Pkcs12::new(hash.block_len(), purpose, password, salt, *len);
            loop {
                let mut a = hash.digest(&[&state.message()]);
                progress.repeat(repetitions(iterations), |times| hash.iterate(&mut a, times))?;
                if state.absorb(&a) {
                    return Ok(state.output);
                }
            }
        }
        Method::Pbkdf1 { iterations, .. } => {
            let mut t = hash.digest(&[password, salt]);
            progress.repeat(repetitions(iterations), |times| hash.iterate(&mut t, times))?;
            Ok(t)
        }
        Method::Pbkdf2 { iterations, .. } => {
            let mut key = Zeroizing::new(Vec::new());
            for (index, _) in (1_u32..).zip(0..len.div_ceil(hash.output_len())) {
                let mut u = hash.hmac(password, &[salt, &index.to_be_bytes()]);
                let mut sum = u.clone();
                progress.repeat(repetitions(iterations), |times| {
                    for _ in 0..times {
                        u = hash.hmac(password, &[&u]);
                        sum.iter_mut().zip(u.iter()).for_each(|(sum, byte)| *sum ^= byte);
                    }
                })?;
                key.extend_from_slice(&sum);
            }
            Ok(key)
        }
        // It has no iterations.
        Method::Scrypt { .. } => Ok(Zeroizing::new(Vec::new())),
    }
}
