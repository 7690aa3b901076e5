//! Reads the certificates out of a PKCS #7 SignedData (`.p7b`; RFC 5652, section 5.1). No signature is judged.

use super::{
    ber::{CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, Walk},
    error::Pkcs12Error,
    oid,
};
use crate::limits::Limits;

/// The DER of each certificate, in the order of the file.
pub(crate) fn certificates(bytes: &[u8], limits: &Limits) -> Result<Vec<Vec<u8>>, Pkcs12Error> {
    if bytes.len() > limits.max_file_len {
        return Err(Pkcs12Error::TooLarge { found: bytes.len(), limit: limits.max_file_len });
    }
    let walk = Walk::new(limits);
    let mut file = Reader::of_file(bytes, &walk);
    let mut info = file.expect(SEQUENCE, "ContentInfo expected")?.children(&walk);
    if info.expect(OBJECT_IDENTIFIER, "a content type expected")?.content != oid::SIGNED_DATA {
        return Err(info.malformed("signedData expected"));
    }
    let content = info.expect(CONTEXT_0, "the content of signedData is missing")?;
    let mut signed = content.children(&walk).expect(SEQUENCE, "SignedData expected")?.children(&walk);
    signed.expect(INTEGER, "the version of SignedData expected")?;
    signed.expect(SET, "digestAlgorithms expected")?;
    signed.expect(SEQUENCE, "encapContentInfo expected")?;
    let mut found = Vec::new();
    if let Some(set) = signed.optional(CONTEXT_0)? {
        let mut reader = set.children(&walk);
        while let Some(element) = reader.next()? {
            // Other choices (attribute certificates and the like) have context tags.
            if element.tag == SEQUENCE {
                if found.len() >= limits.max_certificates {
                    return Err(Pkcs12Error::TooMany {
                        what: "certificates",
                        limit: limits.max_certificates,
                    });
                }
                found.push(element.raw.to_vec());
            }
        }
    }
    Ok(found)
}
