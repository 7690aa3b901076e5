//! AlgorithmIdentifier, and the parameters that every scheme has.

use super::{
    ber::{CONSTRUCTED, Element, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, Walk},
    error::Pkcs12Error,
};
use crate::limits::Limits;

/// AlgorithmIdentifier (RFC 5280, section 4.1.1.2).
pub(super) struct AlgorithmIdentifier<'a> {
    pub(super) oid: &'a [u8],
    parameters: Option<Element<'a>>,
}

impl<'a> AlgorithmIdentifier<'a> {
    pub(super) fn parse(reader: &mut Reader<'a, '_>, walk: &Walk<'_>) -> Result<Self, Pkcs12Error> {
        let mut inner = reader.expect(SEQUENCE, "an AlgorithmIdentifier expected")?.children(walk);
        let oid = inner.expect(OBJECT_IDENTIFIER, "an algorithm's object identifier expected")?.content;
        let parameters = inner.next()?;
        inner.finish("an AlgorithmIdentifier has more than two fields")?;
        Ok(Self { oid, parameters })
    }

    /// The parameters, which must be a SEQUENCE.
    pub(super) fn sequence<'w>(
        &self,
        what: &'static str,
        walk: &'w Walk<'_>,
    ) -> Result<Reader<'a, 'w>, Pkcs12Error> {
        match &self.parameters {
            Some(element) if element.tag == SEQUENCE => Ok(element.children(walk)),
            other => Err(Pkcs12Error::Malformed { at: other.map_or(0, |element| element.at), what }),
        }
    }

    /// Whether the parameters are an OCTET STRING, whole or in segments.
    pub(super) fn has_octets(&self) -> bool {
        self.parameters.as_ref().is_some_and(|element| element.tag & !CONSTRUCTED == OCTET_STRING)
    }

    /// The parameters, which must be an OCTET STRING, whole or in segments.
    pub(super) fn octets(&self, what: &'static str, walk: &Walk<'_>) -> Result<Vec<u8>, Pkcs12Error> {
        match &self.parameters {
            Some(element) if self.has_octets() => Ok(element.octets(walk)?.into_owned()),
            other => Err(Pkcs12Error::Malformed { at: other.map_or(0, |element| element.at), what }),
        }
    }
}

/// An iteration count between 1 and the limit.
pub(super) fn iterations(
    element: &Element<'_>,
    what: &'static str,
    limits: &Limits,
) -> Result<u32, Pkcs12Error> {
    let found = element.unsigned(what)?;
    match u32::try_from(found) {
        Ok(count) if count >= 1 && u64::from(count) <= limits.max_iterations => Ok(count),
        _ => Err(Pkcs12Error::Parameter {
            what,
            found: if found == u64::MAX { "more than 2^64".to_owned() } else { found.to_string() },
            allowed: format!("1 to {}", limits.max_iterations),
        }),
    }
}

/// A salt up to the limit. Real files with an empty one exist; that is weak, but opens nothing by itself.
pub(super) fn salt(element: &Element<'_>, walk: &Walk<'_>) -> Result<Vec<u8>, Pkcs12Error> {
    let salt = element.octets(walk)?.into_owned();
    check_len("a salt", salt.len(), 0, walk.limits.max_salt_len)?;
    Ok(salt)
}

/// Refuses a length outside `least..=most`.
pub(super) fn check_len(
    what: &'static str,
    found: usize,
    least: usize,
    most: usize,
) -> Result<(), Pkcs12Error> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(Pkcs12Error::Parameter {
        what,
        found: format!("{found} bytes long"),
        allowed: if least == most { format!("{most} bytes") } else { format!("{least} to {most} bytes") },
    })
}
