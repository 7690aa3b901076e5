//! The inner loops of the key derivations: a hash, or HMAC, over its own last output.
//!
//! Such a message fits one block, so for SHA-1 and SHA-2 the compression function runs over a block that is padded
//! once, without a buffer in between. This is where the time of opening a file goes.

use md5::Md5;
use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{
    Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256,
    block_api::{compress256, compress512},
    digest::{Output, block_api::BlockSizeUser},
};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};
use whirlpool::Whirlpool;
use zeroize::{Zeroize, Zeroizing};

/// A hash that is run over its own output.
pub(super) trait Iterated: Digest + BlockSizeUser {
    /// Replaces `digest` by its own digest, `times` over.
    fn iterate(digest: &mut Output<Self>, times: u32);
}

/// A hash whose HMAC is run over its own output.
pub(super) trait Chain: Iterated {
    /// HMAC under one key.
    type Keyed;

    /// Takes up a key of at most one block.
    fn keyed(key: &[u8]) -> Self::Keyed;

    /// Replaces `mac` by its own HMAC, `times` over, and adds each to `sum` by exclusive or (RFC 8018, section 5.2).
    fn chain(keyed: &Self::Keyed, mac: &mut Output<Self>, sum: &mut [u8], times: u32);
}

/// The states of the two hashes in HMAC (RFC 2104) after their first block, which is all that depends on the key.
pub(super) struct Keyed<S: Zeroize> {
    inner: S,
    outer: S,
}

impl<S: Zeroize> Drop for Keyed<S> {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

/// Implements both for hashes by: word, words of state, bytes of block, compression function, and the state that
/// it starts from.
macro_rules! by_compression {
    ($($hash:ty: $word:ty, $words:literal, $block:literal, $compress:path, $initial:expr;)*) => {$(
        impl Iterated for $hash {
            fn iterate(digest: &mut Output<Self>, times: u32) {
                let mut block = padded::<$block>(digest, 0);
                for _ in 0..times {
                    let mut state: [$word; $words] = $initial;
                    $compress(&mut state, std::slice::from_ref(&*block));
                    overwrite(&mut *block, &state.map(<$word>::to_be_bytes), digest.len());
                }
                digest.iter_mut().zip(block.iter()).for_each(|(byte, new)| *byte = *new);
            }
        }

        impl Chain for $hash {
            type Keyed = Keyed<[$word; $words]>;

            fn keyed(key: &[u8]) -> Self::Keyed {
                let after = |mask: u8| {
                    let mut block = Zeroizing::new([mask; $block]);
                    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
                    let mut state: [$word; $words] = $initial;
                    $compress(&mut state, std::slice::from_ref(&*block));
                    state
                };
                Keyed { inner: after(0x36), outer: after(0x5c) }
            }

            fn chain(keyed: &Self::Keyed, mac: &mut Output<Self>, sum: &mut [u8], times: u32) {
                // Inner and outer message are a block of the key and one digest: the same padding.
                let mut block = padded::<$block>(mac, $block);
                // Summed in words of a known number, whatever the length of the key.
                let mut words = Zeroizing::new([0; $words]);
                for _ in 0..times {
                    let mut state = keyed.inner;
                    $compress(&mut state, std::slice::from_ref(&*block));
                    overwrite(&mut *block, &state.map(<$word>::to_be_bytes), mac.len());
                    state = keyed.outer;
                    $compress(&mut state, std::slice::from_ref(&*block));
                    overwrite(&mut *block, &state.map(<$word>::to_be_bytes), mac.len());
                    words.iter_mut().zip(state).for_each(|(sum, word)| *sum ^= word);
                }
                let total = Zeroizing::new(words.map(<$word>::to_be_bytes));
                sum.iter_mut().zip(total.as_flattened()).for_each(|(sum, byte)| *sum ^= byte);
                mac.iter_mut().zip(block.iter()).for_each(|(byte, new)| *byte = *new);
            }
        }
    )*};
}

// The initial states of FIPS 180-4, section 5.3.
by_compression! {
    Sha1: u32, 5, 64, sha1::block_api::compress,
        [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    Sha224: u32, 8, 64, compress256,
        [0xc105_9ed8, 0x367c_d507, 0x3070_dd17, 0xf70e_5939, 0xffc0_0b31, 0x6858_1511, 0x64f9_8fa7, 0xbefa_4fa4];
    Sha256: u32, 8, 64, compress256,
        [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
    Sha384: u64, 8, 128, compress512,
        [0xcbbb_9d5d_c105_9ed8, 0x629a_292a_367c_d507, 0x9159_015a_3070_dd17, 0x152f_ecd8_f70e_5939, 0x6733_2667_ffc0_0b31, 0x8eb4_4a87_6858_1511, 0xdb0c_2e0d_64f9_8fa7, 0x47b5_481d_befa_4fa4];
    Sha512: u64, 8, 128, compress512,
        [0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1, 0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179];
    Sha512_224: u64, 8, 128, compress512,
        [0x8c3d_37c8_1954_4da2, 0x73e1_9966_89dc_d4d6, 0x1dfa_b7ae_32ff_9c82, 0x679d_d514_582f_9fcf, 0x0f6d_2b69_7bd4_4da8, 0x77e3_6f73_04c4_8942, 0x3f9d_85a8_6a1d_36c8, 0x1112_e6ad_91d6_92a1];
    Sha512_256: u64, 8, 128, compress512,
        [0x2231_2194_fc2b_f72c, 0x9f55_5fa3_c84c_64c2, 0x2393_b86b_6f53_b151, 0x9638_7719_5940_eabd, 0x9628_3ee2_a88e_ffe3, 0xbe5e_1e25_5386_3992, 0x2b01_99fc_2c85_b8aa, 0x0eb7_2ddc_81c5_2ca2];
}

/// `message` as the last block of a hash that has taken `before` bytes already: padded, with the length in bits.
fn padded<const BLOCK: usize>(message: &[u8], before: usize) -> Zeroizing<[u8; BLOCK]> {
    let mut block = Zeroizing::new([0; BLOCK]);
    let bits = u64::try_from((before + message.len()) * 8).unwrap_or(u64::MAX);
    block.iter_mut().zip(message.iter().chain(&[0x80])).for_each(|(byte, new)| *byte = *new);
    block.iter_mut().rev().zip(bits.to_be_bytes().iter().rev()).for_each(|(byte, new)| *byte = *new);
    block
}

/// Puts the first `len` bytes of `words` at the beginning of a block.
#[inline(always)]
fn overwrite<const WORD: usize>(block: &mut [u8], words: &[[u8; WORD]], len: usize) {
    block.iter_mut().zip(words.as_flattened()).take(len).for_each(|(byte, new)| *byte = *new);
}

/// Implements it for hashes that few files use.
macro_rules! by_digest {
    ($($hash:ty),*) => {$(
        impl Iterated for $hash {
            fn iterate(digest: &mut Output<Self>, times: u32) {
                for _ in 0..times {
                    *digest = Self::digest(&*digest);
                }
            }
        }
    )*};
}

by_digest!(Md5, Ripemd160, Sha3_224, Sha3_256, Sha3_384, Sha3_512, blake2::Blake2b512, Whirlpool);

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    use super::*;

    fn is_its_own_digest<D: Iterated>() {
        let start = D::digest(b"start");
        for times in [0, 1, 2, 7] {
            let (mut ours, mut expected) = (start.clone(), start.clone());
            D::iterate(&mut ours, times);
            (0..times).for_each(|_| expected = D::digest(&expected));
            assert_eq!(ours.as_slice(), expected.as_slice(), "{} bytes, {times} times", expected.len());
        }
    }

    #[test]
    fn repeating_a_hash_is_hashing_one_digest_after_the_other() {
        is_its_own_digest::<Sha1>();
        is_its_own_digest::<Sha224>();
        is_its_own_digest::<Sha256>();
        is_its_own_digest::<Sha384>();
        is_its_own_digest::<Sha512>();
        is_its_own_digest::<Sha512_224>();
        is_its_own_digest::<Sha512_256>();
        is_its_own_digest::<Md5>();
        is_its_own_digest::<Whirlpool>();
    }

    fn is_hmac<D: Chain + hmac::EagerHash>() {
        let block = <D as BlockSizeUser>::block_size();
        for key_len in [0, 1, block - 1, block] {
            let key = vec![0xa7; key_len];
            let mut mac = D::digest(b"start");
            let mut expected = mac.to_vec();
            let (mut sum, mut total) = (vec![0; mac.len()], vec![0; mac.len()]);
            D::chain(&D::keyed(&key), &mut mac, &mut sum, 3);
            for _ in 0..3 {
                let hmac = Hmac::<D>::new_from_slice(&key).unwrap().chain_update(&expected);
                expected = hmac.finalize().into_bytes().to_vec();
                total.iter_mut().zip(&expected).for_each(|(total, byte)| *total ^= byte);
            }
            assert_eq!((mac.as_slice(), sum), (expected.as_slice(), total), "{key_len} bytes of key");
        }
    }

    #[test]
    fn chaining_is_hmac_over_one_mac_after_the_other() {
        is_hmac::<Sha1>();
        is_hmac::<Sha224>();
        is_hmac::<Sha256>();
        is_hmac::<Sha384>();
        is_hmac::<Sha512>();
        is_hmac::<Sha512_224>();
        is_hmac::<Sha512_256>();
    }
}
