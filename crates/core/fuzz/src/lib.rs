//! What the fuzz targets share: the wrappers that lead bytes to one parser, and the properties that must hold.
//!
//! Under `cfg(strongroom_fuzzing)` every MAC matches, decryption is the identity and derivations run few iterations, so that
//! the fuzzer writes plaintext. Takes bytes; panics where a property does not hold.

#[cfg(all(fuzzing, not(strongroom_fuzzing)))]
compile_error!("run `cargo xtask fuzz`, which sets RUSTFLAGS=\"--cfg strongroom_fuzzing\"");

use strongroom::{
    Password,
    certificate::ServerCredential,
    limits::{KdfBudget, Limits},
    pkcs12::{Contents, Pfx, Pkcs12Error, danger},
};

const DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";
const ENCRYPTED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x06";
const BAG: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";

/// A safe bag type by its last arc (RFC 7292, appendix D).
#[derive(Clone, Copy)]
pub enum Bag {
    Key = 1,
    ShroudedKey = 2,
    Certificate = 3,
}

/// One value in DER.
pub fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = vec![tag];
    match length {
        0..0x80 => der.push(length as u8),
        0x80..0x1_0000 => der.extend([&[0x82], &(length as u16).to_be_bytes()[..]].concat()),
        _ => der.extend([&[0x84], &(length as u32).to_be_bytes()[..]].concat()),
    }
    parts.iter().for_each(|part| der.extend_from_slice(part));
    der
}

/// A ContentInfo of the type `data`.
pub fn data(content: &[u8]) -> Vec<u8> {
    tlv(0x30, &[DATA, &tlv(0xa0, &[&tlv(0x04, &[content])])])
}

/// A ContentInfo of the type `encryptedData` under `algorithm`, an AlgorithmIdentifier.
pub fn encrypted_data(algorithm: &[u8], content: &[u8]) -> Vec<u8> {
    let info = tlv(0x30, &[DATA, algorithm, &tlv(0x80, &[content])]);
    tlv(0x30, &[ENCRYPTED_DATA, &tlv(0xa0, &[&tlv(0x30, &[b"\x02\x01\x00", &info])])])
}

/// A SafeBag.
pub fn bag(kind: Bag, value: &[u8], attributes: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x06, &[BAG, &[kind as u8]]), &tlv(0xa0, &[value]), attributes])
}

/// The value of a pkcs8ShroudedKeyBag under `algorithm`, an AlgorithmIdentifier.
pub fn shrouded_key(algorithm: &[u8], encrypted: &[u8]) -> Vec<u8> {
    tlv(0x30, &[algorithm, &tlv(0x04, &[encrypted])])
}

/// The value of a certBag.
pub fn certificate_bag(der: &[u8]) -> Vec<u8> {
    let x509 = b"\x06\x0a\x2a\x86\x48\x86\xf7\x0d\x01\x09\x16\x01";
    tlv(0x30, &[x509, &tlv(0xa0, &[&tlv(0x04, &[der])])])
}

/// A PFX around an AuthenticatedSafe of one ContentInfo, with `mac` (a MacData, or nothing) behind it.
pub fn pfx(content_info: &[u8], mac: &[u8]) -> Vec<u8> {
    tlv(0x30, &[b"\x02\x01\x03", &data(&tlv(0x30, &[content_info])), mac])
}

/// Limits so low that a small file reaches them.
pub fn tight() -> Limits {
    let mut limits = Limits::default();
    limits.max_iterations = 4096;
    limits.max_work = 20_000;
    limits.max_scrypt_memory = 1 << 20;
    limits.max_depth = 20;
    limits.max_bags = 6;
    limits.max_safes = 4;
    limits.max_keys = 2;
    limits.max_certificates = 3;
    limits.max_bundle = 3;
    limits.max_certificate_len = 1500;
    limits.max_salt_len = 20;
    limits
}

/// Opens a PFX, without a MAC as well.
///
/// # Errors
///
/// [`Pkcs12Error`] as the engine gives it.
pub fn open(bytes: &[u8], password: &Password, limits: &Limits) -> Result<Contents, Pkcs12Error> {
    let mut budget = KdfBudget::new(limits);
    let pfx = Pfx::from_bytes(bytes, limits)?;
    if let Some(mac) = pfx.mac() {
        assert!((1..=limits.max_iterations).contains(&mac.iterations), "{mac:?}");
    }
    let verified = match danger::skip_absent_mac(pfx, password) {
        Ok(verified) => verified,
        Err(pfx) => pfx.verify(password, &mut budget)?,
    };
    verified.decrypt(None, &mut budget)
}

/// Opens a PFX under usual and under tight limits, and holds the outcomes against them and each other.
pub fn check(bytes: &[u8]) {
    let password = Password::new("changeit").expect("a short password");
    let usual = outcome(bytes, &password, &Limits::default());
    assert_eq!(usual, outcome(bytes, &password, &Limits::default()), "the same bytes, another outcome");
    let tight = outcome(bytes, &password, &tight());
    assert!(tight.is_err() || tight == usual, "lower limits changed what is read");
}

/// What a PFX gave: the keys and certificates, and all that is said of them.
type Outcome = Result<(Vec<Vec<u8>>, String), Pkcs12Error>;

fn outcome(bytes: &[u8], password: &Password, limits: &Limits) -> Outcome {
    let contents = open(bytes, password, limits)?;
    let Contents { keys, locked, certificates, skipped, .. } = &contents;
    assert!(keys.len() + locked.len() <= limits.max_keys && certificates.len() <= limits.max_certificates);
    assert!(certificates.iter().all(|bag| bag.der.len() <= limits.max_certificate_len));
    // A bag is passed over, or its name is.
    assert!(skipped.len() <= 2 * limits.max_bags && contents.safes.len() <= limits.max_safes);
    let candidates = ServerCredential::candidates(&contents);
    assert!(candidates.len() <= (keys.len() + locked.len()) * certificates.len().max(1));
    let total = keys.iter().map(|bag| bag.key.expose_pkcs8_der().len()).sum::<usize>()
        + certificates.iter().map(|bag| bag.der.len()).sum::<usize>();
    assert!(total <= bytes.len(), "{total} bytes out of {}", bytes.len());
    let layers = keys.iter().map(|bag| &bag.protection).chain(certificates.iter().map(|bag| &bag.protection));
    for layer in layers.flatten() {
        let scrypt = layer.algorithm.contains("scrypt");
        let most = if scrypt { limits.max_scrypt_memory / 128 } else { limits.max_iterations };
        assert!((1..=most).contains(&layer.iterations), "{layer:?}");
    }
    let mut said = format!("{skipped:?} {locked:?} {:?} {:?}", contents.safes, contents.readings);
    let mut values = Vec::new();
    for bag in contents.keys {
        said += &format!("{:?} {:?}", bag.attributes, bag.protection);
        values.push(bag.key.expose_pkcs8_der().to_vec());
    }
    for bag in contents.certificates {
        said += &format!("{:?} {:?}", bag.attributes, bag.protection);
        values.push(bag.der);
    }
    Ok((values, said))
}

/// Panics if a text for people could act on a terminal.
pub fn assert_printable(text: &str) {
    let acts = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert!(!text.contains(acts), "{text:?}");
}

/// A certificate of the least content around a subjectPublicKeyInfo; its signature is none.
pub fn certificate_of(spki: &[u8]) -> Vec<u8> {
    let algorithm = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
    let name = b"\x30\x00";
    let validity = tlv(0x30, &[b"\x17\x0d260101000000Z", b"\x17\x0d360101000000Z"]);
    let tbs = tlv(0x30, &[b"\x02\x01\x01", algorithm, name, &validity, name, spki]);
    tlv(0x30, &[&tbs, algorithm, b"\x03\x02\x00\x00"])
}
