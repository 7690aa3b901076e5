//! Keys and certificates that do not belong together, or are not what they say. Classes 26 and 27.

use libtest_mimic::{Failed, Trial};
use rcgen::KeyPair;
use strongroom::{
    certificate::{EntrySelector, ServerCredential},
    limits::Limits,
};
use strongroom_tests::{
    authority::{ca_params, self_signed},
    forge::{
        Bag, Forge,
        der::{algorithm, integer, null, octets, sequence},
    },
};

use super::check::{
    PASSWORD, certificate_bag, credential, flaw, identity, issue, key_bag, open, plain_file, refused, same,
    secret, trial, watched,
};

pub fn trials() -> Vec<Trial> {
    let mut all = mismatches();
    all.extend(tampered());
    all
}

fn mismatches() -> Vec<Trial> {
    let class = "26_key_and_certificate";
    let named = |bag: Bag| bag.friendly_name("www").local_key_id(b"1");
    vec![
        flaw(class, "another_key_of_the_same_names", "key_mismatch", (false, true), move |swap| {
            let key = if swap { other().0 } else { identity().key.clone() };
            plain_file(named(Bag::key(&key)), named(certificate_bag())).build()
        }),
        flaw(class, "another_certificate_of_the_same_names", "key_mismatch", (false, true), move |swap| {
            let der = if swap { other().1 } else { identity().certificate.clone() };
            plain_file(named(key_bag()), named(Bag::certificate(&der))).build()
        }),
        flaw(class, "two_keys_of_the_same_names", "several_entries", (false, true), move |two| {
            let mut bags = vec![named(key_bag()), named(certificate_bag())];
            if two {
                let (key, certificate) = other();
                bags.extend([named(Bag::key(&key)), named(Bag::certificate(&certificate))]);
            }
            Forge::new(secret()).plain(&bags).build()
        }),
        // x509-parser takes [APPLICATION 16] for a SEQUENCE; it is no key in DER.
        flaw(
            class,
            "a_public_key_with_its_algorithm_under_another_tag",
            "invalid_certificate",
            (0x30, 0x70),
            |tag| {
                const ALGORITHM: [u8; 4] = [0x30, 0x13, 0x06, 0x07];
                let mut der = identity().certificate.clone();
                let at = der.windows(4).position(|bytes| bytes == ALGORITHM).unwrap();
                der[at] = tag;
                plain_file(key_bag(), Bag::certificate(&der)).build()
            },
        ),
        trial(class, "two_certificates_of_the_same_names_are_told_apart", move || {
            let bags = [key_bag(), Bag::certificate(&other().1), certificate_bag()];
            chooses_identity(&bags.map(named))
        }),
        trial(class, "swapped_local_key_ids_do_not_swap_keys", || {
            let file = Forge::new(secret())
                .plain(&[
                    key_bag().local_key_id(b"1"),
                    Bag::key(&other().0).local_key_id(b"2"),
                    certificate_bag().local_key_id(b"2"),
                ])
                .build();
            let contents = open(&file, PASSWORD, &Limits::default()).map_err(|error| error.to_string())?;
            let chosen = ServerCredential::choose(contents, Some(&EntrySelector::Number(1)));
            let chosen = chosen.map_err(|error| error.to_string())?;
            same("key", identity().key.as_slice(), chosen.key().expose_pkcs8_der())?;
            same("leaf", identity().certificate.as_slice(), chosen.leaf().der())?;
            refused(file, PASSWORD, Limits::default(), "several_entries")
        }),
        trial(class, "what_is_written_twice_counts_once", || {
            chooses_identity(&[key_bag(), certificate_bag(), certificate_bag(), key_bag()])
        }),
        trial(class, "a_broken_certificate_beside_does_no_harm", || {
            chooses_identity(&[Bag::certificate(b"\x30\x03\x02\x01\x01"), key_bag(), certificate_bag()])
        }),
        flaw(class, "a_broken_certificate_alone", "invalid_certificate", (false, true), |broken| {
            let bag = if broken { Bag::certificate(b"\x30\x03\x02\x01\x01") } else { certificate_bag() };
            plain_file(key_bag(), bag).build()
        }),
    ]
}

fn other() -> (Vec<u8>, Vec<u8>) {
    issue(&identity().root, "other.hostile.test")
}

fn chooses_identity(bags: &[Bag]) -> Result<(), Failed> {
    let file = Forge::new(secret()).plain(bags).build();
    let chosen = credential(&file, PASSWORD, &Limits::default()).map_err(|error| error.to_string())?;
    same("key", identity().key.as_slice(), chosen.key().expose_pkcs8_der())?;
    same("leaf", identity().certificate.as_slice(), chosen.leaf().der())
}

/// A self-signed certificate of a kind of key, with the key.
fn made_with(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let der = key.serialize_der();
    (der, self_signed(ca_params("Tampered"), key).certificate.der().to_vec())
}

fn tampered() -> Vec<Trial> {
    let class = "27_tampered_keys";
    let mut all = Vec::new();
    for (name, algorithm) in [
        ("p256", &rcgen::PKCS_ECDSA_P256_SHA256),
        ("p384", &rcgen::PKCS_ECDSA_P384_SHA384),
        ("rsa", &rcgen::PKCS_RSA_SHA256),
        ("ed25519", &rcgen::PKCS_ED25519),
    ] {
        all.push(trial(class, name, move || every_part(algorithm)));
    }
    let keys: [(&str, Vec<u8>); 4] = [
        ("no_key_at_all", sequence::<&[u8]>(&[])),
        ("a_number", sequence(&[integer(&[0])])),
        (
            "an_ec_key_without_curve",
            sequence(&[integer(&[0]), algorithm("1.2.840.10045.2.1", &[]), octets(b"")]),
        ),
        (
            "an_rsa_key_of_nothing",
            sequence(&[
                integer(&[0]),
                algorithm("1.2.840.113549.1.1.1", &null()),
                octets(&sequence::<&[u8]>(&[])),
            ]),
        ),
    ];
    let codes = ["invalid_key", "invalid_key", "unsupported_key", "weak_key"];
    all.extend(keys.into_iter().zip(codes).map(|((name, bad), code)| {
        flaw(class, name, code, (identity().key.clone(), bad), |key| {
            plain_file(Bag::key(&key), certificate_bag()).build()
        })
    }));
    all
}

/// No byte of a private key can be changed unnoticed, other than in ways that leave the key what it is.
fn every_part(algorithm: &'static rcgen::SignatureAlgorithm) -> Result<(), Failed> {
    let (key, certificate) = made_with(algorithm);
    let file = |key: &[u8]| plain_file(Bag::key(key), Bag::certificate(&certificate)).build();
    credential(&file(&key), PASSWORD, &Limits::default()).map_err(|error| format!("the control: {error}"))?;
    let step = if key.len() > 400 { 29 } else { 1 };
    for place in (0..key.len()).step_by(step) {
        let mut bent = key.clone();
        bent[place] ^= 0x04;
        let bytes = file(&bent);
        let found = watched(move || credential(&bytes, PASSWORD, &Limits::default()).map(|_| ()))?;
        match found.as_ref().map_err(strongroom::Error::code) {
            Err("key_mismatch" | "invalid_key" | "unsupported_key" | "weak_key") => {}
            // Byte 0 is the tag that makes a bag's value a key.
            Err("malformed") if place < 4 => {}
            other => return Err(format!("byte {place}: {other:?}").into()),
        }
    }
    Ok(())
}
