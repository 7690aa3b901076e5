//! The hashes, and the compression functions that they have in common.

use std::ops::{BitAnd, BitOr, BitXor, Not};

use zeroize::Zeroize;

use crate::{
    chain::Chain,
    portable,
    processor::{self, Processor},
};

/// A word of a hash.
#[allow(unnameable_types, reason = "sealed: which words there are is not for others to add to")]
pub trait Word:
    Copy
    + Default
    + Eq
    + Zeroize
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Not<Output = Self>
{
    /// Its length in bytes.
    const LEN: usize;
    /// Reads it, big endian; zeros where bytes are missing.
    fn read(bytes: &[u8]) -> Self;
    /// Appends it, big endian.
    fn write(self, bytes: &mut Vec<u8>);
}

macro_rules! words {
    ($($word:ty),*) => {$(
        impl Word for $word {
            const LEN: usize = size_of::<Self>();

            fn read(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<Self>()];
                own.iter_mut().zip(bytes).for_each(|(byte, new)| *byte = *new);
                Self::from_be_bytes(own)
            }

            fn write(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_be_bytes());
            }
        }
    )*};
}

words!(u32, u64);

mod sealed {
    use super::Word;
    use crate::{chain::Chain, processor::Processor};

    /// What is done with a compression function.
    #[allow(unnameable_types, reason = "sealed: which functions there are is not for others to add to")]
    pub trait Compress: Sized {
        type Word: Word;

        /// Compresses one block in each of `L` lanes. SHA-1 uses five words of the eight.
        fn compress<const L: usize>(state: &mut [[Self::Word; L]; 8], block: &[[Self::Word; L]; 16])
        where
            Self: super::Algorithm;

        /// How many chains are best run together.
        fn width(processor: Processor) -> usize;

        /// Runs so many pairs of steps in each chain.
        fn run(processor: Processor, chains: &mut [&mut Chain<Self>], pairs: u32)
        where
            Self: super::Algorithm;
    }
}

pub(crate) use self::sealed::Compress;

/// A compression function: [`Sha1`], [`Sha256`] or [`Sha512`].
pub trait Algorithm: Compress + Clone {}

/// The compression function of SHA-1.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sha1;
/// The compression function of SHA-224 and SHA-256.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sha256;
/// The compression function of SHA-384, SHA-512, SHA-512/224 and SHA-512/256.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sha512;

macro_rules! algorithms {
    ($($algorithm:ident: $word:ty, $compress:path, $width:path, $run:path;)*) => {$(
        impl Algorithm for $algorithm {}

        impl Compress for $algorithm {
            type Word = $word;

            #[inline(always)]
            fn compress<const L: usize>(state: &mut [[$word; L]; 8], block: &[[$word; L]; 16]) {
                $compress(state, block);
            }

            fn width(processor: Processor) -> usize {
                $width(processor)
            }

            fn run(processor: Processor, chains: &mut [&mut Chain<Self>], pairs: u32) {
                $run(processor, chains, pairs);
            }
        }
    )*};
}

algorithms! {
    Sha1: u32, portable::sha1, processor::width_sha1, processor::run_sha1;
    Sha256: u32, portable::sha256, processor::width_sha256, processor::run_sha256;
    Sha512: u64, portable::sha512, processor::width_sha512, processor::run_sha512;
}

/// A hash: its compression function, the state that it starts from, and how much of the last state is the digest.
pub struct Hash<A: Algorithm> {
    pub(crate) initial: [A::Word; 8],
    pub(crate) digest_len: usize,
}

// The initial states of FIPS 180-4, section 5.3.

/// SHA-1.
pub const SHA1: Hash<Sha1> = Hash {
    initial: [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0, 0, 0, 0],
    digest_len: 20,
};
/// SHA-224.
pub const SHA224: Hash<Sha256> = Hash {
    initial: [
        0xc105_9ed8,
        0x367c_d507,
        0x3070_dd17,
        0xf70e_5939,
        0xffc0_0b31,
        0x6858_1511,
        0x64f9_8fa7,
        0xbefa_4fa4,
    ],
    digest_len: 28,
};
/// SHA-256.
pub const SHA256: Hash<Sha256> = Hash {
    initial: [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ],
    digest_len: 32,
};
/// SHA-384.
pub const SHA384: Hash<Sha512> = Hash {
    initial: [
        0xcbbb_9d5d_c105_9ed8,
        0x629a_292a_367c_d507,
        0x9159_015a_3070_dd17,
        0x152f_ecd8_f70e_5939,
        0x6733_2667_ffc0_0b31,
        0x8eb4_4a87_6858_1511,
        0xdb0c_2e0d_64f9_8fa7,
        0x47b5_481d_befa_4fa4,
    ],
    digest_len: 48,
};
/// SHA-512.
pub const SHA512: Hash<Sha512> = Hash {
    initial: [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ],
    digest_len: 64,
};
/// SHA-512/224.
pub const SHA512_224: Hash<Sha512> = Hash {
    initial: [
        0x8c3d_37c8_1954_4da2,
        0x73e1_9966_89dc_d4d6,
        0x1dfa_b7ae_32ff_9c82,
        0x679d_d514_582f_9fcf,
        0x0f6d_2b69_7bd4_4da8,
        0x77e3_6f73_04c4_8942,
        0x3f9d_85a8_6a1d_36c8,
        0x1112_e6ad_91d6_92a1,
    ],
    digest_len: 28,
};
/// SHA-512/256.
pub const SHA512_256: Hash<Sha512> = Hash {
    initial: [
        0x2231_2194_fc2b_f72c,
        0x9f55_5fa3_c84c_64c2,
        0x2393_b86b_6f53_b151,
        0x9638_7719_5940_eabd,
        0x9628_3ee2_a88e_ffe3,
        0xbe5e_1e25_5386_3992,
        0x2b01_99fc_2c85_b8aa,
        0x0eb7_2ddc_81c5_2ca2,
    ],
    digest_len: 32,
};
