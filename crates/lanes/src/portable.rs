//! The compression functions in plain words (FIPS 180-4), for any number of lanes.
//!
//! Each operation is done in all lanes before the next, on arrays as long as there are lanes: of these the compiler makes
//! vector instructions, those that the calling function may use.

#![allow(clippy::indexing_slicing, reason = "every index is taken modulo the length of an array")]

use crate::{
    chain::Chain,
    hash::{Algorithm, Word},
};

/// The constants of SHA-256 (FIPS 180-4, section 4.2.2).
pub(crate) const K32: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// The constants of SHA-512 (FIPS 180-4, section 4.2.3).
const K64: [u64; 80] = [
    0x428a_2f98_d728_ae22,
    0x7137_4491_23ef_65cd,
    0xb5c0_fbcf_ec4d_3b2f,
    0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538,
    0x59f1_11f1_b605_d019,
    0x923f_82a4_af19_4f9b,
    0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242,
    0x1283_5b01_4570_6fbe,
    0x2431_85be_4ee4_b28c,
    0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f,
    0x80de_b1fe_3b16_96b1,
    0x9bdc_06a7_25c7_1235,
    0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2,
    0xefbe_4786_384f_25e3,
    0x0fc1_9dc6_8b8c_d5b5,
    0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275,
    0x4a74_84aa_6ea6_e483,
    0x5cb0_a9dc_bd41_fbd4,
    0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab,
    0xa831_c66d_2db4_3210,
    0xb003_27c8_98fb_213f,
    0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2,
    0xd5a7_9147_930a_a725,
    0x06ca_6351_e003_826f,
    0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc,
    0x2e1b_2138_5c26_c926,
    0x4d2c_6dfc_5ac4_2aed,
    0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de,
    0x766a_0abb_3c77_b2a8,
    0x81c2_c92e_47ed_aee6,
    0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364,
    0xa81a_664b_bc42_3001,
    0xc24b_8b70_d0f8_9791,
    0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218,
    0xd699_0624_5565_a910,
    0xf40e_3585_5771_202a,
    0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8,
    0x1e37_6c08_5141_ab53,
    0x2748_774c_df8e_eb99,
    0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63,
    0x4ed8_aa4a_e341_8acb,
    0x5b9c_ca4f_7763_e373,
    0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc,
    0x78a5_636f_4317_2f60,
    0x84c8_7814_a1f0_ab72,
    0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28,
    0xa450_6ceb_de82_bde9,
    0xbef9_a3f7_b2c6_7915,
    0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c,
    0xd186_b8c7_21c0_c207,
    0xeada_7dd6_cde0_eb1e,
    0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba,
    0x0a63_7dc5_a2c8_98a6,
    0x113f_9804_bef9_0dae,
    0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84,
    0x32ca_ab7b_40c7_2493,
    0x3c9e_be0a_15c9_bebc,
    0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6,
    0x597f_299c_fc65_7e2a,
    0x5fcb_6fab_3ad6_faec,
    0x6c44_198c_4a47_5817,
];

/// The constants of SHA-1 (FIPS 180-4, section 4.2.1).
pub(crate) const K_SHA1: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/// Runs so many pairs of steps in `L` chains.
#[inline(always)]
pub(crate) fn run<A: Algorithm, const L: usize>(chains: &mut [&mut Chain<A>; L], pairs: u32) {
    let [first, second] = [0, 1].map(|turn| lanes::<_, L, 8>(chains, |chain| &chain.starts[turn]));
    let mask = lanes::<_, L, 8>(chains, |chain| &chain.mask);
    let mut block = lanes::<_, L, 16>(chains, |chain| &chain.block);
    let mut sum = lanes::<_, L, 8>(chains, |chain| &chain.sum);
    for _ in 0..pairs {
        let mut state = first;
        A::compress(&mut state, &block);
        overwrite_lanes(&mut block, &state, &mask);
        state = second;
        A::compress(&mut state, &block);
        overwrite_lanes(&mut block, &state, &mask);
        for (sum, words) in sum.iter_mut().zip(&state) {
            sum.iter_mut().zip(words).for_each(|(sum, word)| *sum = *sum ^ *word);
        }
    }
    for (place, chain) in chains.iter_mut().enumerate() {
        let back = |to: &mut [A::Word], from: &[[A::Word; L]]| {
            for (word, lanes) in to.iter_mut().zip(from) {
                *word = lanes.get(place).copied().unwrap_or_default();
            }
        };
        back(&mut chain.block, &block);
        back(&mut chain.sum, &sum);
    }
}

/// The same word of every chain in one array.
#[inline(always)]
fn lanes<A: Algorithm, const L: usize, const N: usize>(
    chains: &[&mut Chain<A>; L],
    of: impl Fn(&Chain<A>) -> &[A::Word; N],
) -> [[A::Word; L]; N] {
    let mut words = [[A::Word::default(); L]; N];
    for (place, chain) in chains.iter().enumerate() {
        for (lanes, word) in words.iter_mut().zip(of(chain)) {
            if let Some(lane) = lanes.get_mut(place) {
                *lane = *word;
            }
        }
    }
    words
}

/// Puts the digest at the beginning of a block, whose padding stays.
pub(crate) fn overwrite<W: Word>(block: &mut [W; 16], state: &[W; 8], mask: &[W; 8]) {
    for ((word, new), mask) in block.iter_mut().zip(state).zip(mask) {
        *word = *new & *mask | *word & !*mask;
    }
}

#[inline(always)]
fn overwrite_lanes<W: Word, const L: usize>(
    block: &mut [[W; L]; 16],
    state: &[[W; L]; 8],
    mask: &[[W; L]; 8],
) {
    for ((words, new), mask) in block.iter_mut().zip(state).zip(mask) {
        for ((word, new), mask) in words.iter_mut().zip(new).zip(mask) {
            *word = *new & *mask | *word & !*mask;
        }
    }
}

/// Runs `$do!` for each of the sixteen words of a block.
macro_rules! sixteen {
    ($do:ident) => {
        $do!(0);
        $do!(1);
        $do!(2);
        $do!(3);
        $do!(4);
        $do!(5);
        $do!(6);
        $do!(7);
        $do!(8);
        $do!(9);
        $do!(10);
        $do!(11);
        $do!(12);
        $do!(13);
        $do!(14);
        $do!(15);
    };
}

/// SHA-224 and SHA-256 (FIPS 180-4, section 6.2.2), SHA-384 and SHA-512 (section 6.4.2): the same but for the word, the
/// rotations and the number of rounds.
macro_rules! sha2 {
    ($name:ident, $word:ty, $k:ident, $rounds:literal, $a:tt, $e:tt, $w15:tt, $w2:tt) => {
        #[inline(always)]
        pub(crate) fn $name<const L: usize>(state: &mut [[$word; L]; 8], block: &[[$word; L]; 16]) {
            let mut schedule = *block;
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
            let (sixteens, _) = $k.as_chunks::<16>();
            for (count, k) in sixteens.iter().enumerate() {
                macro_rules! round {
                    ($place:literal) => {
                        let word = &schedule[$place];
                        let (mut next_e, mut next_a) = (d, a);
                        for lane in 0..L {
                            let (x, y, z) = (e[lane], f[lane], g[lane]);
                            let sum = x.rotate_right($e.0) ^ x.rotate_right($e.1) ^ x.rotate_right($e.2);
                            let chosen = (y ^ z) & x ^ z;
                            let t = h[lane]
                                .wrapping_add(word[lane].wrapping_add(k[$place]))
                                .wrapping_add(sum)
                                .wrapping_add(chosen);
                            let (x, y, z) = (a[lane], b[lane], c[lane]);
                            let sum = x.rotate_right($a.0) ^ x.rotate_right($a.1) ^ x.rotate_right($a.2);
                            let majority = x & y | (x | y) & z;
                            next_e[lane] = d[lane].wrapping_add(t);
                            next_a[lane] = t.wrapping_add(sum).wrapping_add(majority);
                        }
                        (h, g, f, e, d, c, b, a) = (g, f, e, next_e, c, b, a, next_a);
                    };
                }
                sixteen!(round);
                if count + 1 == $rounds / 16 {
                    break;
                }
                // The words of the next sixteen rounds.
                macro_rules! expand {
                    ($place:literal) => {
                        for lane in 0..L {
                            let at = |further: usize| schedule[($place + further) % 16][lane];
                            let (x, y) = (at(1), at(14));
                            let low = x.rotate_right($w15.0) ^ x.rotate_right($w15.1) ^ (x >> $w15.2);
                            let high = y.rotate_right($w2.0) ^ y.rotate_right($w2.1) ^ (y >> $w2.2);
                            schedule[$place][lane] =
                                at(0).wrapping_add(low).wrapping_add(at(9)).wrapping_add(high);
                        }
                    };
                }
                sixteen!(expand);
            }
            for (words, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                words.iter_mut().zip(new).for_each(|(word, new)| *word = word.wrapping_add(new));
            }
        }
    };
}

sha2!(sha256, u32, K32, 64, (2, 13, 22), (6, 11, 25), (7, 18, 3), (17, 19, 10));
sha2!(sha512, u64, K64, 80, (28, 34, 39), (14, 18, 41), (1, 8, 7), (19, 61, 6));

/// SHA-1 (FIPS 180-4, section 6.1.2).
#[inline(always)]
pub(crate) fn sha1<const L: usize>(state: &mut [[u32; L]; 8], block: &[[u32; L]; 16]) {
    let mut schedule = *block;
    let [a, b, c, d, e, ..] = *state;
    let mut now = [a, b, c, d, e];
    sha1_rounds::<0, L>(&mut now, &mut schedule);
    sha1_rounds::<1, L>(&mut now, &mut schedule);
    sha1_rounds::<2, L>(&mut now, &mut schedule);
    sha1_rounds::<3, L>(&mut now, &mut schedule);
    sha1_rounds::<4, L>(&mut now, &mut schedule);
    for (words, new) in state.iter_mut().zip(now) {
        words.iter_mut().zip(new).for_each(|(word, new)| *word = word.wrapping_add(new));
    }
}

/// The sixteen rounds that follow `16 * COUNT`, and the words of the next sixteen.
#[inline(always)]
fn sha1_rounds<const COUNT: usize, const L: usize>(
    [a, b, c, d, e]: &mut [[u32; L]; 5],
    schedule: &mut [[u32; L]; 16],
) {
    macro_rules! round {
        ($place:literal) => {
            let kind = (COUNT * 16 + $place) / 20;
            let (mut next_a, mut next_c) = (*a, *b);
            for lane in 0..L {
                let (x, y, z) = (b[lane], c[lane], d[lane]);
                let mixed = match kind {
                    0 => (y ^ z) & x ^ z,
                    2 => x & y | (x | y) & z,
                    _ => x ^ y ^ z,
                };
                next_a[lane] = a[lane]
                    .rotate_left(5)
                    .wrapping_add(mixed)
                    .wrapping_add(e[lane])
                    .wrapping_add(schedule[$place][lane].wrapping_add(K_SHA1[kind]));
                next_c[lane] = x.rotate_left(30);
            }
            (*e, *d, *c, *b, *a) = (*d, *c, next_c, *a, next_a);
        };
    }
    sixteen!(round);
    if COUNT == 4 {
        return;
    }
    macro_rules! expand {
        ($place:literal) => {
            for lane in 0..L {
                let at = |further: usize| schedule[($place + further) % 16][lane];
                schedule[$place][lane] = (at(0) ^ at(2) ^ at(8) ^ at(13)).rotate_left(1);
            }
        };
    }
    sixteen!(expand);
}
