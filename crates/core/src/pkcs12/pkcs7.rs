//! Reads the certificates out of a PKCS #7 SignedData (`.p7b`; RFC 5652, section 5.1). No signature is judged.

use super::{
    ber::{CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, Reader, SEQUENCE, SET, Walk},
    error::Pkcs12Error,
    oid,
};
use crate::limits::Limits;

/// `[1]`, constructed: the revocation lists.
const CONTEXT_1: u8 = 0xa1;

/// What a SignedData holds beside signatures.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct SignedData {
    /// The DER of each certificate, in the order of the file.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// Revocation lists.
    pub(crate) crls: usize,
    /// Attribute certificates and the like.
    pub(crate) others: usize,
    /// Bytes of the whole; something may follow.
    pub(crate) length: usize,
}

/// Reads a SignedData at the beginning of `bytes`.
pub(crate) fn read_signed_data(bytes: &[u8], limits: &Limits) -> Result<SignedData, Pkcs12Error> {
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
    info.finish("ContentInfo has more than two fields")?;
    let mut signed = content.children(&walk).expect(SEQUENCE, "SignedData expected")?.children(&walk);
    signed.expect(INTEGER, "the version of SignedData expected")?;
    signed.expect(SET, "digestAlgorithms expected")?;
    signed.expect(SEQUENCE, "encapContentInfo expected")?;
    let mut found = SignedData { length: file.position(), ..SignedData::default() };
    if let Some(set) = signed.optional(CONTEXT_0)? {
        let mut reader = set.children(&walk);
        while let Some(element) = reader.next()? {
            // Other choices (attribute certificates and the like) have context tags.
            if element.tag != SEQUENCE {
                found.others += 1;
                continue;
            }
            if found.certificates.len() >= limits.max_certificates {
                return Err(Pkcs12Error::TooMany { what: "certificates", limit: limits.max_certificates });
            }
            found.certificates.push(element.raw.to_vec());
        }
    }
    if let Some(set) = signed.optional(CONTEXT_1)? {
        let mut reader = set.children(&walk);
        while reader.next()?.is_some() {
            found.crls += 1;
        }
    }
    // The signatures, if there are any.
    signed.optional(SET)?;
    signed.finish("SignedData has a field too many")?;
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
        let found = read_signed_data(&file, &limits).unwrap();
        let count = found.certificates.len();
        assert!(count > 1 && found.certificates.iter().all(|der| der.starts_with(&[0x30, 0x82])));
        assert_eq!((found.crls, found.others, found.length), (0, 0, file.len()));
        limits.max_certificates = count;
        assert_eq!(read_signed_data(&file, &limits), Ok(found));
        limits.max_certificates -= 1;
        let too_many = Pkcs12Error::TooMany { what: "certificates", limit: count - 1 };
        assert_eq!(read_signed_data(&file, &limits), Err(too_many));
        limits.max_file_len = file.len() - 1;
        let too_large = Pkcs12Error::TooLarge { found: file.len(), limit: file.len() - 1 };
        assert_eq!(read_signed_data(&file, &limits), Err(too_large));
    }

    #[test]
    fn what_is_no_signed_data_is_refused() {
        let (file, limits) = (file(), Limits::default());
        let cut = read_signed_data(&file[..file.len() - 1], &limits);
        assert_eq!(cut, Err(Pkcs12Error::Truncated { at: file.len() - 1 }));
        // id-data where id-signedData is expected; and a SignedData without certificates.
        let data = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
        assert!(matches!(
            read_signed_data(data, &limits),
            Err(Pkcs12Error::Malformed { what: "signedData expected", .. })
        ));
        let none = b"\x30\x16\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x09\x30\x07\x02\x01\x01\x31\x00\x30\x00";
        assert_eq!(
            read_signed_data(none, &limits),
            Ok(SignedData { length: none.len(), ..SignedData::default() })
        );
    }
}
