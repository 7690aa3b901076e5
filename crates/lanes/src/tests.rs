//! Every kind of instructions against RustCrypto: every number of lanes, and every count of iterations around a pair.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Digest;

use super::*;
use crate::hash::Word as _;

/// What another implementation gives.
struct Other {
    iterated: fn(&[u8], u32) -> Vec<u8>,
    hmac: fn(&[u8], &[u8], u32) -> Sums,
}

/// The last code, and the sum of all.
type Sums = (Vec<u8>, Vec<u8>);

fn iterated<D: Digest>(digest: &[u8], times: u32) -> Vec<u8> {
    (0..times).fold(digest.to_vec(), |digest, _| D::digest(digest).to_vec())
}

fn hmac<D: Digest + hmac::EagerHash>(key: &[u8], mac: &[u8], times: u32) -> Sums {
    let (mut mac, mut sum) = (mac.to_vec(), vec![0; mac.len()]);
    for _ in 0..times {
        mac = Hmac::<D>::new_from_slice(key).unwrap().chain_update(&mac).finalize().into_bytes().to_vec();
        sum.iter_mut().zip(&mac).for_each(|(sum, byte)| *sum ^= byte);
    }
    (mac, sum)
}

fn other<D: Digest + hmac::EagerHash>() -> Other {
    Other { iterated: iterated::<D>, hmac: hmac::<D> }
}

/// Bytes that differ from each other, and by `seed`.
fn bytes(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|place| u8::try_from((seed * 131 + place * 29 + 7) % 251).unwrap()).collect()
}

/// Runs all chains to their end, `step` iterations at a time.
fn finish<A: Algorithm>(processor: Processor, chains: &mut [Chain<A>], step: u32) -> u64 {
    let mut all: Vec<&mut Chain<A>> = chains.iter_mut().collect();
    let mut done = 0;
    while all.iter().any(|chain| !chain.is_finished()) {
        let now = processor.advance(&mut all, step);
        assert!(now > 0, "nothing was done");
        done += now;
    }
    done
}

fn holds<A: Algorithm>(name: &str, hash: &Hash<A>, other: &Other) {
    let len = hash.digest_len;
    for processor in Processor::all() {
        // Under Miri one lane runs after the other, and each takes long.
        for lanes in 1..=if cfg!(miri) { 3 } else { 17 } {
            // Chains of a hash and of HMAC in turn, of different lengths, under keys of every length up to a block.
            let times = |lane: usize| u32::try_from(lane * 3 % 8).unwrap();
            let key = |lane: usize| bytes(lane, (lane * 37) % (16 * A::Word::LEN + 1));
            let mut chains: Vec<Chain<A>> = (0..lanes)
                .map(|lane| match lane % 2 {
                    0 => Chain::iterated(hash, &bytes(lane, len), times(lane)).unwrap(),
                    _ => Chain::hmac(hash, &key(lane), &bytes(lane, len), times(lane)).unwrap(),
                })
                .collect();
            let done = finish(processor, &mut chains, 1 + u32::try_from(lanes % 5).unwrap());
            assert_eq!(done, (0..lanes).map(|lane| u64::from(times(lane))).sum::<u64>());
            for (lane, chain) in chains.iter().enumerate() {
                let what = format!("{name}, {processor:?}, lane {lane} of {lanes}");
                if lane % 2 == 0 {
                    let expected = (other.iterated)(&bytes(lane, len), times(lane));
                    assert_eq!(*chain.digest(), expected, "{what}");
                } else {
                    let expected = (other.hmac)(&key(lane), &bytes(lane, len), times(lane));
                    assert_eq!((chain.digest().to_vec(), chain.sum().to_vec()), expected, "{what}");
                }
            }
        }
    }
}

#[test]
fn lanes_give_what_one_hash_after_the_other_gives() {
    holds("SHA-1", &SHA1, &other::<sha1::Sha1>());
    holds("SHA-224", &SHA224, &other::<sha2::Sha224>());
    holds("SHA-256", &SHA256, &other::<sha2::Sha256>());
    holds("SHA-384", &SHA384, &other::<sha2::Sha384>());
    holds("SHA-512", &SHA512, &other::<sha2::Sha512>());
    holds("SHA-512/224", &SHA512_224, &other::<sha2::Sha512_224>());
    holds("SHA-512/256", &SHA512_256, &other::<sha2::Sha512_256>());
}

/// A chain of many iterations meets digests of all kinds: zeros and high bits in every place.
#[test]
#[cfg_attr(miri, ignore = "long, and the same code as in the other tests")]
fn long_chains_agree() {
    for processor in Processor::all() {
        let mut narrow: Vec<Chain<Sha256>> = (0..5)
            .map(|lane| Chain::hmac(&SHA256, &bytes(lane, 9), &bytes(lane, 32), 2000).unwrap())
            .collect();
        finish(processor, &mut narrow, 700);
        let mut old: Vec<Chain<Sha1>> =
            (0..5).map(|lane| Chain::iterated(&SHA1, &bytes(lane, 20), 2001).unwrap()).collect();
        finish(processor, &mut old, 700);
        let mut wide: Vec<Chain<Sha512>> = (0..5)
            .map(|lane| Chain::hmac(&SHA384, &bytes(lane, 9), &bytes(lane, 48), 2000).unwrap())
            .collect();
        finish(processor, &mut wide, 700);
        for lane in 0..5 {
            let expected = hmac::<sha2::Sha256>(&bytes(lane, 9), &bytes(lane, 32), 2000).1;
            assert_eq!(*narrow[lane].sum(), expected, "{processor:?}");
            assert_eq!(*old[lane].digest(), iterated::<sha1::Sha1>(&bytes(lane, 20), 2001), "{processor:?}");
            let expected = hmac::<sha2::Sha384>(&bytes(lane, 9), &bytes(lane, 48), 2000).1;
            assert_eq!(*wide[lane].sum(), expected, "{processor:?}");
        }
    }
}

#[test]
fn what_is_no_digest_or_no_key_begins_no_chain() {
    for len in [0, 31, 33, 64] {
        assert!(Chain::iterated(&SHA256, &vec![0; len], 1).is_none(), "{len}");
    }
    assert!(Chain::hmac(&SHA256, &[0; 64], &[0; 32], 1).is_some());
    assert!(Chain::hmac(&SHA256, &[0; 65], &[0; 32], 1).is_none());
    assert!(Chain::hmac(&SHA512, &[0; 128], &[0; 64], 1).is_some());
    assert!(Chain::hmac(&SHA512, &[0; 129], &[0; 64], 1).is_none());
}

#[test]
fn no_more_is_run_than_was_asked_for() {
    for processor in Processor::all() {
        let mut chain = Chain::hmac(&SHA256, b"key", &[1; 32], 1000).unwrap();
        assert_eq!(processor.advance(&mut [&mut chain], 10), 10);
        assert_eq!(chain.left(), 990);
        let mut hash = Chain::iterated(&SHA256, &[1; 32], 7).unwrap();
        // Together as far as both go, or each by itself.
        let expected = if processor.width::<Sha256>() == 1 { 100 + 7 } else { 3 + 7 };
        assert_eq!(processor.advance(&mut [&mut chain, &mut hash], 100), expected);
        assert!(hash.is_finished());
        assert_eq!(processor.advance(&mut [&mut hash], 100), 0, "it is at its end");
    }
}
