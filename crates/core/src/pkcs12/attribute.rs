//! The attributes of a bag (RFC 7292, section 4.2; PKCS #9; Microsoft's and Oracle's).

use super::{
    ber::{BMP_STRING, CONSTRUCTED, Element, OBJECT_IDENTIFIER, OCTET_STRING, SET, UTF8_STRING, Walk},
    contents::Attributes,
    error::Pkcs12Error,
    oid,
};

/// Reads bagAttributes. The first value of each counts; one of another type is as if absent.
pub(super) fn read(set: &Element<'_>, walk: &Walk<'_>) -> Result<Attributes, Pkcs12Error> {
    let mut found = Attributes::default();
    let mut reader = set.children(walk);
    while let Some(attribute) = reader.next()? {
        let mut fields = attribute.children(walk);
        let kind = fields.expect(OBJECT_IDENTIFIER, "an attribute type expected")?.content;
        let values = fields.expect(SET, "attribute values expected")?;
        let mut every = values.children(walk);
        let value = every.next()?;
        if kind == oid::FRIENDLY_NAME {
            // Of a second attribute every value is a further one.
            let mut other = if found.friendly_name.is_some() { value } else { every.next()? };
            while let Some(name) = other {
                found.other_friendly_names.extend(text(&name, walk));
                other = every.next()?;
            }
        }
        match (kind, value) {
            // Its presence says it.
            (oid::MICROSOFT_LOCAL_KEY_SET, _) => found.local_key_set = true,
            (oid::TRUSTED_KEY_USAGE, Some(_)) => found.trusted = true,
            (oid::FRIENDLY_NAME, Some(value)) if found.friendly_name.is_none() => {
                found.friendly_name = text(&value, walk);
                found.friendly_name_unreadable = found.friendly_name.is_none();
            }
            (oid::MICROSOFT_CSP_NAME, Some(value)) if found.csp_name.is_none() => {
                found.csp_name = text(&value, walk);
            }
            (oid::LOCAL_KEY_ID, Some(value))
                if found.local_key_id.is_none() && value.tag & !CONSTRUCTED == OCTET_STRING =>
            {
                found.local_key_id = Some(value.octets(walk)?.into_owned());
            }
            _ => {}
        }
    }
    Ok(found)
}

/// A string as text, whole or in segments; as long as the file has it.
fn text(value: &Element<'_>, walk: &Walk<'_>) -> Option<String> {
    let octets = value.octets(walk).ok()?;
    match value.tag & !CONSTRUCTED {
        BMP_STRING => bmp_text(&octets),
        UTF8_STRING => String::from_utf8(octets.into_owned()).ok(),
        _ => None,
    }
}

/// A BMPString as text; surrogate pairs are read, lone ones are not text.
fn bmp_text(bytes: &[u8]) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    char::decode_utf16(pairs.iter().map(|pair| u16::from_be_bytes(*pair))).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bmp_text_reads_surrogate_pairs_and_refuses_broken_ones() {
        assert_eq!(bmp_text(b"\0a\xd8\x3d\xde\x00").as_deref(), Some("a😀"));
        assert_eq!(bmp_text(b"\xd8\x3d"), None);
        assert_eq!(bmp_text(b"\0a\0"), None);
        assert_eq!(bmp_text(b"").as_deref(), Some(""));
    }
}
