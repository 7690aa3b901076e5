//! Elliptic curves by name and size.

use super::der::{OBJECT_IDENTIFIER, Oid, SEQUENCE, Value};

/// Object identifier, usual name, and the size of the field in bits.
///
/// SEC 2, FIPS 186-4, RFC 5639, ANSI X9.62, GB/T 32918.5 and ANSSI's FRP256v1.
const CURVES: [(&str, &str, usize); 50] = [
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.132.0.33", "P-224", 224),
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.2.840.10045.3.1.2", "prime192v2", 192),
    ("1.2.840.10045.3.1.3", "prime192v3", 192),
    ("1.2.840.10045.3.1.4", "prime239v1", 239),
    ("1.2.840.10045.3.1.5", "prime239v2", 239),
    ("1.2.840.10045.3.1.6", "prime239v3", 239),
    ("1.3.132.0.6", "secp112r1", 112),
    ("1.3.132.0.7", "secp112r2", 112),
    ("1.3.132.0.28", "secp128r1", 128),
    ("1.3.132.0.29", "secp128r2", 128),
    ("1.3.132.0.9", "secp160k1", 160),
    ("1.3.132.0.8", "secp160r1", 160),
    ("1.3.132.0.30", "secp160r2", 160),
    ("1.3.132.0.31", "secp192k1", 192),
    ("1.3.132.0.32", "secp224k1", 224),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.132.0.4", "sect113r1", 113),
    ("1.3.132.0.5", "sect113r2", 113),
    ("1.3.132.0.22", "sect131r1", 131),
    ("1.3.132.0.23", "sect131r2", 131),
    ("1.3.132.0.1", "sect163k1", 163),
    ("1.3.132.0.2", "sect163r1", 163),
    ("1.3.132.0.15", "sect163r2", 163),
    ("1.3.132.0.24", "sect193r1", 193),
    ("1.3.132.0.25", "sect193r2", 193),
    ("1.3.132.0.26", "sect233k1", 233),
    ("1.3.132.0.27", "sect233r1", 233),
    ("1.3.132.0.3", "sect239k1", 239),
    ("1.3.132.0.16", "sect283k1", 283),
    ("1.3.132.0.17", "sect283r1", 283),
    ("1.3.132.0.36", "sect409k1", 409),
    ("1.3.132.0.37", "sect409r1", 409),
    ("1.3.132.0.38", "sect571k1", 571),
    ("1.3.132.0.39", "sect571r1", 571),
    ("1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1", 160),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.8", "brainpoolP256t1", 256),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.12", "brainpoolP384t1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
    ("1.3.36.3.3.2.8.1.1.14", "brainpoolP512t1", 512),
    ("1.2.156.10197.1.301", "SM2", 256),
    ("1.2.250.1.223.101.256.1", "FRP256v1", 256),
];

/// The name of a curve by the parameters of its key (RFC 5480, section 2.1.1).
pub(super) fn curve_name(parameters: Option<Value<'_>>) -> String {
    let Some(parameters) = parameters else {
        return "EC without parameters".to_owned();
    };
    match parameters.tag {
        OBJECT_IDENTIFIER => match Oid::of_content(parameters.content) {
            Ok(oid) => {
                let dotted = oid.to_string();
                let known =
                    CURVES.iter().find(|(id, ..)| *id == dotted).map(|(_, name, _)| (*name).to_owned());
                known.unwrap_or(dotted)
            }
            Err(_) => "EC on a curve that cannot be read".to_owned(),
        },
        SEQUENCE => "EC with explicit parameters".to_owned(),
        _ => "EC without parameters".to_owned(),
    }
}

/// The size of the field of a curve, by its name.
pub(super) fn curve_bits(name: &str) -> Option<usize> {
    CURVES.iter().find(|(_, known, _)| *known == name).map(|(.., bits)| *bits)
}

#[cfg(test)]
mod tests {
    use super::{super::der::Reader, *};

    #[test]
    fn curves_have_names_and_explicit_parameters_are_called_that() {
        for (encoded, name, bits) in [
            (&b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"[..], "P-256", Some(256)),
            (b"\x06\x05\x2b\x81\x04\x00\x1f", "secp192k1", Some(192)),
            (b"\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x09", "brainpoolP320r1", Some(320)),
            (b"\x06\x08\x2a\x81\x1c\xcf\x55\x01\x82\x2d", "SM2", Some(256)),
            (b"\x06\x03\x2a\x03\x04", "1.2.3.4", None),
            (b"\x30\x03\x02\x01\x01", "EC with explicit parameters", None),
            (b"\x05\x00", "EC without parameters", None),
        ] {
            let found = curve_name(Some(Reader::new(encoded).any().unwrap()));
            assert_eq!((found.as_str(), curve_bits(&found)), (name, bits));
        }
    }

    #[test]
    fn no_curve_stands_twice() {
        let mut names: Vec<&str> = CURVES.iter().map(|(_, name, _)| *name).collect();
        let mut ids: Vec<&str> = CURVES.iter().map(|(id, ..)| *id).collect();
        for list in [&mut names, &mut ids] {
            list.sort_unstable();
            list.dedup();
            assert_eq!(list.len(), CURVES.len());
        }
    }
}
