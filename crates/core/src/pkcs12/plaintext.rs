//! Whether what was decrypted is what it should be: a wrong key gives a plaintext as well.

use super::ber::{Element, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, Walk};

/// A wrong key passes the padding check once in 256 times, and gives a SEQUENCE that fits in one of thousands; it does
/// not give the first field of a PrivateKeyInfo as well.
pub(super) fn is_private_key_info(walk: &Walk<'_>, plain: &[u8]) -> bool {
    first_field(walk, plain).is_some_and(|version| version.tag == INTEGER && version.content.len() <= 2)
}

/// SafeContents without a bag, or with one that begins with its type.
pub(super) fn is_safe_contents(walk: &Walk<'_>, plain: &[u8]) -> bool {
    let outer = walk.reader(plain, 0).next().ok().flatten();
    if outer.is_some_and(|outer| {
        outer.tag == SEQUENCE && outer.content.is_empty() && outer.raw.len() == plain.len()
    }) {
        return true;
    }
    let bag = first_field(walk, plain).filter(|bag| bag.tag == SEQUENCE);
    bag.and_then(|bag| bag.children(walk).next().ok()?).is_some_and(|bag_id| bag_id.tag == OBJECT_IDENTIFIER)
}

/// The first value in a SEQUENCE.
fn first_field<'a>(walk: &Walk<'_>, plain: &'a [u8]) -> Option<Element<'a>> {
    let outer = walk.reader(plain, 0).next().ok()?.filter(|outer| outer.tag == SEQUENCE)?;
    outer.children(walk).next().ok()?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn plaintexts_are_told_from_what_a_wrong_key_gives() {
        let limits = Limits::default();
        let walk = Walk::new(&limits);
        let safe = |plain: &[u8]| is_safe_contents(&walk, plain);
        assert!(safe(b"\x30\x00"), "no bag");
        assert!(safe(b"\x30\x80\x00\x00"), "no bag, of indefinite length");
        assert!(safe(b"\x30\x81\x00"), "no bag, of a length in more bytes than it takes");
        assert!(!safe(b"\x30\x00\x00"), "something behind no bag");
        assert!(safe(b"\x30\x04\x30\x02\x06\x00"));
        assert!(!safe(b"\x30\x04\x31\x02\x06\x00"), "a SET for a bag");
        assert!(!safe(b"\x30\x04\x30\x02\x04\x00"), "a bag without its type");
        assert!(!safe(b"\x30\x02\x30\x00"), "an empty bag");
        assert!(!safe(b"\x31\x04\x30\x02\x06\x00"), "a SET of bags");
        assert!(!safe(b"\x30\x05\x30\x02\x06\x00"), "cut off");
        let key = |plain: &[u8]| is_private_key_info(&walk, plain);
        assert!(key(b"\x30\x03\x02\x01\x00"));
        assert!(key(b"\x30\x04\x02\x02\x00\x00"));
        assert!(!key(b"\x30\x05\x02\x03\x00\x00\x00"), "a version of three bytes");
        assert!(!key(b"\x30\x03\x04\x01\x00"), "a string for a version");
        assert!(!key(b"\x30\x00"));
    }
}
