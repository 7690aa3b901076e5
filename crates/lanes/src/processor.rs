//! What the processor can do, and the functions that are called for it.

#[cfg(target_arch = "aarch64")]
use crate::aarch64::Sha2;
#[cfg(target_arch = "x86_64")]
use crate::x86_64::{Avx2, Avx512, ShaNi};
use crate::{
    chain::Chain,
    hash::{Algorithm, Sha1, Sha256, Sha512},
    portable,
};

/// The kinds of instructions that chains are run with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Processor {
    narrow: Narrow,
    wide: Wide,
}

/// For SHA-1 and SHA-256, whose words have 32 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Narrow {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    ShaNi(ShaNi),
    #[cfg(target_arch = "aarch64")]
    Sha2(Sha2),
}

/// For SHA-512, whose words have 64.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wide {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Processor {
    /// The best that this processor can do. With the feature `portable` it is not asked.
    #[must_use]
    pub fn detect() -> Self {
        if cfg!(feature = "portable") {
            return Self::portable();
        }
        Self::all().pop().unwrap_or_else(Self::portable)
    }

    /// What every processor of the target can do.
    #[must_use]
    pub const fn portable() -> Self {
        Self { narrow: Narrow::Portable, wide: Wide::Portable }
    }

    /// All that this processor can do, the best last: for tests and measurements.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let best = Self::portable();
        #[allow(unused_mut, reason = "some targets have nothing else")]
        let mut all = vec![best];
        #[cfg(target_arch = "x86_64")]
        {
            let mut best = best;
            if let Some(avx2) = Avx2::detect() {
                best.narrow = Narrow::Avx2(avx2);
                all.push(best);
            }
            if let Some(avx512) = Avx512::detect() {
                best.wide = Wide::Avx512(avx512);
                all.push(best);
            }
            if let Some(sha_ni) = ShaNi::detect() {
                best.narrow = Narrow::ShaNi(sha_ni);
                all.push(best);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if let Some(sha2) = Sha2::detect() {
            all.push(Self { narrow: Narrow::Sha2(sha2), ..best });
        }
        all
    }

    /// How many chains are best run together: more of them take longer in proportion.
    #[must_use]
    pub fn width<A: Algorithm>(self) -> usize {
        if cfg!(feature = "one-lane") { 1 } else { A::width(self) }
    }

    /// Runs up to `iterations` in each of the chains, and gives how many it ran in all.
    ///
    /// Chains are run together in groups of [`width`](Self::width), each as far as all of its group go. At the least one
    /// iteration is run in every chain that has one left; of a hash, two.
    pub fn advance<A: Algorithm>(self, chains: &mut [&mut Chain<A>], iterations: u32) -> u64 {
        let left = |chains: &[&mut Chain<A>]| chains.iter().map(|chain| u64::from(chain.left())).sum::<u64>();
        let before = left(chains);
        let mut open: Vec<&mut Chain<A>> = Vec::with_capacity(chains.len());
        for chain in chains.iter_mut() {
            chain.finish();
            if !chain.is_finished() {
                open.push(chain);
            }
        }
        for group in open.chunks_mut(self.width::<A>()) {
            let pairs = group.iter().map(|chain| chain.pairs(iterations)).min().unwrap_or(0);
            A::run(self, group, pairs);
            for chain in group {
                chain.advanced(pairs);
                chain.finish();
            }
        }
        before - left(chains)
    }
}

pub(crate) fn width_sha1(processor: Processor) -> usize {
    match processor.narrow {
        #[cfg(target_arch = "x86_64")]
        Narrow::ShaNi(_) => 4,
        #[cfg(target_arch = "aarch64")]
        Narrow::Sha2(_) => 4,
        _ => 1,
    }
}

pub(crate) fn width_sha256(processor: Processor) -> usize {
    match processor.narrow {
        #[cfg(target_arch = "x86_64")]
        Narrow::Avx2(_) => 8,
        _ => width_sha1(processor),
    }
}

pub(crate) fn width_sha512(processor: Processor) -> usize {
    match processor.wide {
        Wide::Portable => 1,
        #[cfg(target_arch = "x86_64")]
        Wide::Avx512(_) => 8,
    }
}

pub(crate) fn run_sha1(processor: Processor, chains: &mut [&mut Chain<Sha1>], pairs: u32) {
    match processor.narrow {
        #[cfg(target_arch = "x86_64")]
        Narrow::ShaNi(sha_ni) => sha_ni.run_sha1(chains, pairs),
        #[cfg(target_arch = "aarch64")]
        Narrow::Sha2(sha2) => sha2.run_sha1(chains, pairs),
        // In vectors it takes longer than by itself.
        _ => run_alone(chains, pairs),
    }
}

pub(crate) fn run_sha256(processor: Processor, chains: &mut [&mut Chain<Sha256>], pairs: u32) {
    match processor.narrow {
        Narrow::Portable => run_alone(chains, pairs),
        #[cfg(target_arch = "x86_64")]
        Narrow::Avx2(avx2) => avx2.run(chains, pairs),
        #[cfg(target_arch = "x86_64")]
        Narrow::ShaNi(sha_ni) => sha_ni.run_sha256(chains, pairs),
        #[cfg(target_arch = "aarch64")]
        Narrow::Sha2(sha2) => sha2.run_sha256(chains, pairs),
    }
}

pub(crate) fn run_sha512(processor: Processor, chains: &mut [&mut Chain<Sha512>], pairs: u32) {
    match processor.wide {
        Wide::Portable => run_alone(chains, pairs),
        #[cfg(target_arch = "x86_64")]
        Wide::Avx512(avx512) => avx512.run(chains, pairs),
    }
}

/// Runs chains one after the other, with what every processor has. In vectors as short as that they take longer.
pub(crate) fn run_alone<A: Algorithm>(chains: &mut [&mut Chain<A>], pairs: u32) {
    let (singles, _) = chains.as_chunks_mut::<1>();
    singles.iter_mut().for_each(|single| portable::run(single, pairs));
}

/// Gives chains to `together` in groups of `L`, the last one filled up if it has `least`; others run alone.
#[cfg(target_arch = "x86_64")]
pub(crate) fn in_lanes<A: Algorithm, const L: usize>(
    chains: &mut [&mut Chain<A>],
    least: usize,
    pairs: u32,
    together: impl Fn(&mut [&mut Chain<A>; L], u32),
) {
    let (groups, rest) = chains.as_chunks_mut::<L>();
    groups.iter_mut().for_each(|group| together(group, pairs));
    if rest.len() < least {
        run_alone(rest, pairs);
        return;
    }
    let Some(model) = rest.first() else {
        return;
    };
    // Lanes that nobody asks for: they cost nothing.
    let mut spare: Vec<Chain<A>> =
        std::iter::repeat_with(|| Chain::clone(model)).take(L - rest.len()).collect();
    let mut all: Vec<&mut Chain<A>> = rest.iter_mut().map(|chain| &mut **chain).chain(&mut spare).collect();
    if let Ok(group) = <&mut [&mut Chain<A>; L]>::try_from(all.as_mut_slice()) {
        together(group, pairs);
    }
}
