//! Changes to encoded values, of the kinds that readers pass over.

use crate::{
    forge::der::{claimed, tlv},
    remake::{content, values},
};

/// A linear congruential generator: the same mutants each time.
#[derive(Clone, Debug)]
pub struct Random(u32);

impl Random {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self(seed)
    }

    /// A number below `limit`, or 0.
    ///
    /// # Panics
    ///
    /// Never, where `usize` holds 24 bits.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        usize::try_from(self.0 >> 8).unwrap() % limit.max(1)
    }

    /// Any byte.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// A value with something wrong: at some depth of its structure, or in its bytes.
///
/// # Panics
///
/// If `der` is not one value in DER.
#[must_use]
pub fn changed(der: &[u8], random: &mut Random) -> Vec<u8> {
    let mutant = if random.below(4) == 0 { change_bytes(der, random) } else { change_node(der, random) };
    if mutant == der { change_node(der, random) } else { mutant }
}

/// Bytes inserted, deleted, swapped or replaced, whatever the lengths around them say.
fn change_bytes(der: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = der.to_vec();
    if bytes.is_empty() {
        return vec![random.byte()];
    }
    let at = random.below(bytes.len());
    match random.below(5) {
        0 => bytes.insert(at, random.byte()),
        1 => drop(bytes.remove(at)),
        2 => bytes[at] ^= 1 << random.below(8),
        3 => bytes[at] = random.byte(),
        _ => {
            let other = random.below(bytes.len());
            bytes.swap(at, other);
        }
    }
    bytes
}

/// Changes the value, or one inside it; the lengths around it fit.
fn change_node(der: &[u8], random: &mut Random) -> Vec<u8> {
    let (tag, inside) = (der[0], content(der));
    let constructed = tag & 0x20 != 0 && !inside.is_empty();
    if constructed && random.below(4) > 0 {
        let mut children = values(inside);
        let at = random.below(children.len());
        children[at] = change_node(&children[at], random);
        return tlv(tag, &children.concat());
    }
    let odd: [&[u8]; 6] = [&[0], &[5, 0], &[0x31, 0], &[0x30, 0], &[0, 0], &[2, 1, 0]];
    let odd = odd[random.below(odd.len())];
    match random.below(9) {
        0 => tlv(tag, &[inside, odd].concat()),
        1 => tlv(tag, &[odd, inside].concat()),
        2 => [der, odd].concat(),
        3 => [odd, der].concat(),
        4 => Vec::new(),
        5 => tlv(tag, &[]),
        6 => tlv(random.byte() & 0xbf, inside),
        // A length that is not minimal, or not right.
        7 => match random.below(3) {
            0 => [&[tag, 0x83, 0, 0, u8::try_from(inside.len() & 0xff).unwrap()], inside].concat(),
            1 => claimed(tag, u64::try_from(inside.len() + 1).unwrap(), inside),
            _ => [&[tag, 0x80], inside, &[0, 0]].concat(),
        },
        _ if constructed => {
            let mut children = values(inside);
            let (one, other) = (random.below(children.len()), random.below(children.len()));
            if random.below(2) == 0 {
                children.swap(one, other);
            } else {
                children.insert(other, children[one].clone());
            }
            tlv(tag, &children.concat())
        }
        _ => tlv(tag, &change_bytes(inside, random)),
    }
}
