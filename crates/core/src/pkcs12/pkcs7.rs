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

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        std::fs::read("../../fixtures/other/openssl-3.0.19.rsa2048.pkcs7.p7b").unwrap()
    }

    #[test]
    fn certificates_come_in_the_order_of_the_file_and_up_to_the_limit() {
        let (file, mut limits) = (file(), Limits::default());
        let found = certificates(&file, &limits).unwrap();
        assert!(found.len() > 1 && found.iter().all(|der| der.starts_with(&[0x30, 0x82])));
        limits.max_certificates = found.len();
        assert_eq!(certificates(&file, &limits).unwrap(), found);
        limits.max_certificates -= 1;
        let too_many = Pkcs12Error::TooMany { what: "certificates", limit: found.len() - 1 };
        assert_eq!(certificates(&file, &limits), Err(too_many));
        limits.max_file_len = file.len() - 1;
        let too_large = Pkcs12Error::TooLarge { found: file.len(), limit: file.len() - 1 };
        assert_eq!(certificates(&file, &limits), Err(too_large));
    }

    #[test]
    fn what_is_no_signed_data_is_refused() {
        let (file, limits) = (file(), Limits::default());
        let cut = certificates(&file[..file.len() - 1], &limits);
        assert_eq!(cut, Err(Pkcs12Error::Truncated { at: file.len() - 1 }));
        // id-data where id-signedData is expected; and a SignedData without certificates.
        let data = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
        assert!(matches!(
            certificates(data, &limits),
            Err(Pkcs12Error::Malformed { what: "signedData expected", .. })
        ));
        let none = b"\x30\x16\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x09\x30\x07\x02\x01\x01\x31\x00\x30\x00";
        assert_eq!(certificates(none, &limits), Ok(Vec::new()));
    }
}
