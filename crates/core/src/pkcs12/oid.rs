//! Object identifiers, compared as encoded bytes and never as integers.

/// The content octets of an OBJECT IDENTIFIER with the name that people know.
pub(super) struct Known {
    pub(super) bytes: &'static [u8],
    pub(super) name: &'static str,
}

macro_rules! oids {
    ($($ident:ident = $bytes:expr, $name:literal;)*) => {
        $(
            #[allow(dead_code, reason = "some identifiers are only ever named, in a refusal")]
            pub(crate) const $ident: &[u8] = $bytes;
        )*
        /// All identifiers of this module.
        pub(super) const KNOWN: &[Known] = &[$(Known { bytes: $bytes, name: $name },)*];
    };
}

oids! {
    // PKCS #7 content types: RFC 5652
    DATA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01", "data";
    SIGNED_DATA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "signedData";
    ENVELOPED_DATA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", "envelopedData";
    ENCRYPTED_DATA = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06", "encryptedData";
    // Bag types: RFC 7292, section 4.2
    KEY_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x01", "keyBag";
    PKCS8_SHROUDED_KEY_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02", "pkcs8ShroudedKeyBag";
    CERT_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x03", "certBag";
    CRL_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x04", "crlBag";
    SECRET_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x05", "secretBag";
    SAFE_CONTENTS_BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x06", "safeContentsBag";
    X509_CERTIFICATE = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01", "x509Certificate";
    SDSI_CERTIFICATE = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x02", "sdsiCertificate";
    // Attributes
    FRIENDLY_NAME = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x14", "friendlyName";
    LOCAL_KEY_ID = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x15", "localKeyId";
    TRUSTED_KEY_USAGE = b"\x60\x86\x48\x01\x86\xf9\x66\xad\xca\x7b\x01\x01", "trustedKeyUsage";
    // Hashes
    SHA1 = b"\x2b\x0e\x03\x02\x1a", "SHA-1";
    MD5 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x05", "MD5";
    SHA224 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x04", "SHA-224";
    SHA256 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", "SHA-256";
    SHA384 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", "SHA-384";
    SHA512 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", "SHA-512";
    SHA512_224 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x05", "SHA-512/224";
    SHA512_256 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x06", "SHA-512/256";
    SHA3_224 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x07", "SHA3-224";
    SHA3_256 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x08", "SHA3-256";
    SHA3_384 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x09", "SHA3-384";
    SHA3_512 = b"\x60\x86\x48\x01\x65\x03\x04\x02\x0a", "SHA3-512";
    RIPEMD160 = b"\x2b\x24\x03\x02\x01", "RIPEMD-160";
    BLAKE2B_512 = b"\x2b\x06\x01\x04\x01\x8d\x3a\x0c\x02\x01\x10", "BLAKE2b-512";
    WHIRLPOOL = b"\x28\xcf\x06\x03\x00\x37", "Whirlpool";
    GOST_94 = b"\x2a\x85\x03\x02\x02\x09", "GOST R 34.11-94";
    STREEBOG_256 = b"\x2a\x85\x03\x07\x01\x01\x02\x02", "GOST R 34.11-2012 (256)";
    STREEBOG_512 = b"\x2a\x85\x03\x07\x01\x01\x02\x03", "GOST R 34.11-2012 (512)";
    SM3 = b"\x2a\x81\x1c\xcf\x55\x01\x83\x11", "SM3";
    // HMACs: RFC 8018, appendix B.1
    HMAC_SHA1 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x07", "HMAC-SHA-1";
    HMAC_SHA224 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x08", "HMAC-SHA-224";
    HMAC_SHA256 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x09", "HMAC-SHA-256";
    HMAC_SHA384 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x0a", "HMAC-SHA-384";
    HMAC_SHA512 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x0b", "HMAC-SHA-512";
    HMAC_SHA512_224 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x0c", "HMAC-SHA-512/224";
    HMAC_SHA512_256 = b"\x2a\x86\x48\x86\xf7\x0d\x02\x0d", "HMAC-SHA-512/256";
    // PBES1 of PKCS #12: RFC 7292, appendix C
    PBE_RC4_128 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x01", "PBE-SHA1-RC4-128";
    PBE_RC4_40 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x02", "PBE-SHA1-RC4-40";
    PBE_3DES_3KEY = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x03", "PBE-SHA1-3DES";
    PBE_3DES_2KEY = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x04", "PBE-SHA1-2DES";
    PBE_RC2_128 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x05", "PBE-SHA1-RC2-128";
    PBE_RC2_40 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x06", "PBE-SHA1-RC2-40";
    // PKCS #5: RFC 8018; scrypt: RFC 7914
    PBES2 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d", "PBES2";
    PBKDF2 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c", "PBKDF2";
    PBMAC1 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0e", "PBMAC1";
    SCRYPT = b"\x2b\x06\x01\x04\x01\xda\x47\x04\x0b", "scrypt";
    // Ciphers of PBES2
    AES128_CBC = b"\x60\x86\x48\x01\x65\x03\x04\x01\x02", "AES-128-CBC";
    AES192_CBC = b"\x60\x86\x48\x01\x65\x03\x04\x01\x16", "AES-192-CBC";
    AES256_CBC = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2a", "AES-256-CBC";
    DES_EDE3_CBC = b"\x2a\x86\x48\x86\xf7\x0d\x03\x07", "3DES-CBC";
    RC2_CBC = b"\x2a\x86\x48\x86\xf7\x0d\x03\x02", "RC2-CBC";
    DES_CBC = b"\x2b\x0e\x03\x02\x07", "DES-CBC";
    CAST5_CBC = b"\x2a\x86\x48\x86\xf6\x7d\x07\x42\x0a", "CAST5-CBC";
    AES128_GCM = b"\x60\x86\x48\x01\x65\x03\x04\x01\x06", "AES-128-GCM";
    AES192_GCM = b"\x60\x86\x48\x01\x65\x03\x04\x01\x1a", "AES-192-GCM";
    AES256_GCM = b"\x60\x86\x48\x01\x65\x03\x04\x01\x2e", "AES-256-GCM";
    CAMELLIA128_CBC = b"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x02", "Camellia-128-CBC";
    CAMELLIA192_CBC = b"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x03", "Camellia-192-CBC";
    CAMELLIA256_CBC = b"\x2a\x83\x08\x8c\x9a\x4b\x3d\x01\x01\x01\x04", "Camellia-256-CBC";
    SEED_CBC = b"\x2a\x83\x1a\x8c\x9a\x44\x01\x04", "SEED-CBC";
    ARIA256_CBC = b"\x2a\x83\x1a\x8c\x9a\x6e\x01\x01\x0c", "ARIA-256-CBC";
    SM4_CBC = b"\x2a\x81\x1c\xcf\x55\x01\x68\x02", "SM4-CBC";
    BLOWFISH_CBC = b"\x2b\x06\x01\x04\x01\x97\x55\x01\x02", "Blowfish-CBC";
    // PBES1 of PKCS #5: RFC 8018, appendix A.3
    PBE_MD5_DES = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x03", "PBE-MD5-DES";
    PBE_MD5_RC2 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x06", "PBE-MD5-RC2-64";
    PBE_SHA1_DES = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0a", "PBE-SHA1-DES";
    PBE_SHA1_RC2 = b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0b", "PBE-SHA1-RC2-64";
    // The protectors of keys in JKS and JCEKS
    JKS_PROTECTOR = b"\x2b\x06\x01\x04\x01\x2a\x02\x11\x01\x01", "JKS key protector";
    JCEKS_PBE = b"\x2b\x06\x01\x04\x01\x2a\x02\x13\x01", "PBEWithMD5AndTripleDES";
    // Microsoft's attributes
    MICROSOFT_CSP_NAME = b"\x2b\x06\x01\x04\x01\x82\x37\x11\x01", "Microsoft CSP name";
    MICROSOFT_LOCAL_KEY_SET = b"\x2b\x06\x01\x04\x01\x82\x37\x11\x02", "Microsoft local key set";
}

/// Whether the algorithm is one of those that the feature `legacy-pfx` reads.
pub(super) fn needs_legacy(bytes: &[u8]) -> bool {
    const ALL: [&[u8]; 15] = [
        MD5,
        RIPEMD160,
        BLAKE2B_512,
        WHIRLPOOL,
        RC2_CBC,
        DES_CBC,
        CAST5_CBC,
        PBE_RC4_128,
        PBE_RC4_40,
        PBE_RC2_128,
        PBE_RC2_40,
        PBE_MD5_DES,
        PBE_MD5_RC2,
        PBE_SHA1_DES,
        PBE_SHA1_RC2,
    ];
    ALL.contains(&bytes)
}

/// No identifier at all.
pub(super) const NONE: &[u8] = b"";

/// The usual name with the dotted form, or the dotted form alone.
pub(super) fn name(bytes: &[u8]) -> String {
    match KNOWN.iter().find(|known| known.bytes == bytes) {
        Some(known) => format!("{} ({})", known.name, dotted(bytes)),
        None => dotted(bytes),
    }
}

/// The usual name, or else the dotted form.
pub(super) fn short_name(bytes: &[u8]) -> String {
    KNOWN
        .iter()
        .find(|known| known.bytes == bytes)
        .map_or_else(|| dotted(bytes), |known| known.name.to_owned())
}

/// The most octets of an identifier that are shown; those in use have fewer than 40.
const MAX_SHOWN: usize = 64;

/// The dotted form, for display only, cut off after [`MAX_SHOWN`] octets; an arc beyond 64 bits is shown as `?`.
pub(super) fn dotted(bytes: &[u8]) -> String {
    let mut arcs: Vec<String> = Vec::new();
    let mut value: Option<u64> = Some(0);
    let shown = bytes.get(..MAX_SHOWN).unwrap_or(bytes);
    for byte in shown {
        value = value.and_then(|v| v.checked_mul(128)).map(|v| v | u64::from(byte & 0x7f));
        if byte & 0x80 != 0 {
            continue;
        }
        match value {
            Some(v) if arcs.is_empty() => {
                let first = (v / 40).min(2);
                arcs.push(first.to_string());
                arcs.push((v - first * 40).to_string());
            }
            Some(v) => arcs.push(v.to_string()),
            None => arcs.push("?".to_owned()),
        }
        value = Some(0);
    }
    if shown.len() < bytes.len() {
        arcs.push("…".to_owned());
    }
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_named_where_they_have_a_name() {
        assert_eq!(short_name(PKCS8_SHROUDED_KEY_BAG), "pkcs8ShroudedKeyBag");
        assert_eq!(name(PKCS8_SHROUDED_KEY_BAG), "pkcs8ShroudedKeyBag (1.2.840.113549.1.12.10.1.2)");
        let unknown = b"\x2a\x03\x04";
        assert_eq!((short_name(unknown), name(unknown)), ("1.2.3.4".to_owned(), "1.2.3.4".to_owned()));
    }

    #[test]
    fn known_identifiers_have_their_published_dotted_form() {
        for (bytes, expected) in [
            (DATA, "1.2.840.113549.1.7.1"),
            (PKCS8_SHROUDED_KEY_BAG, "1.2.840.113549.1.12.10.1.2"),
            (TRUSTED_KEY_USAGE, "2.16.840.1.113894.746875.1.1"),
            (SCRYPT, "1.3.6.1.4.1.11591.4.11"),
            (AES256_CBC, "2.16.840.1.101.3.4.1.42"),
            (PBMAC1, "1.2.840.113549.1.5.14"),
            (BLAKE2B_512, "1.3.6.1.4.1.1722.12.2.1.16"),
            (WHIRLPOOL, "1.0.10118.3.0.55"),
            (CAST5_CBC, "1.2.840.113533.7.66.10"),
            (CAMELLIA256_CBC, "1.2.392.200011.61.1.1.1.4"),
            (ARIA256_CBC, "1.2.410.200046.1.1.12"),
            (SEED_CBC, "1.2.410.200004.1.4"),
            (SM4_CBC, "1.2.156.10197.1.104.2"),
            (SM3, "1.2.156.10197.1.401"),
            (BLOWFISH_CBC, "1.3.6.1.4.1.3029.1.2"),
            (STREEBOG_512, "1.2.643.7.1.1.2.3"),
            (GOST_94, "1.2.643.2.2.9"),
            (MICROSOFT_CSP_NAME, "1.3.6.1.4.1.311.17.1"),
            (JKS_PROTECTOR, "1.3.6.1.4.1.42.2.17.1.1"),
            (JCEKS_PBE, "1.3.6.1.4.1.42.2.19.1"),
        ] {
            assert_eq!(dotted(bytes), expected);
        }
        assert_eq!(name(SHA256), "SHA-256 (2.16.840.1.101.3.4.2.1)");
        assert_eq!(dotted(b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), "1.2.?");
    }

    #[test]
    fn no_identifier_is_listed_twice() {
        for (n, known) in KNOWN.iter().enumerate() {
            assert!(KNOWN.iter().skip(n + 1).all(|other| other.bytes != known.bytes), "{}", known.name);
        }
    }
}
