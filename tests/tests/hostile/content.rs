//! What the bags hold: nothing, too much, too deep, too long. Classes 20, 21, 28 and 31.

use libtest_mimic::{Failed, Trial};
use rcgen::{DnType, KeyPair};
use strongroom::{limits::Limits, pkcs12::Contents};
use strongroom_tests::{
    authority::ca_params,
    forge::{
        Bag, Forge, Hash, Mac, Secret,
        bag::{encrypted_safe, plain_safe, plain_safe_of, safe_contents},
        content_info,
        der::{Length, algorithm, explicit, indefinite, nested, null, octets, oid, sequence},
    },
};

use super::check::{
    PASSWORD, certificate_bag, credential, file, flaw, holds_identity, identity, issue, key_bag, open,
    plain_file, refused, same, scheme, secret, tolerated, trial, watched,
};

pub fn trials() -> Vec<Trial> {
    let mut all = emptiness();
    all.extend(nesting());
    all.extend(recursion());
    all.extend(crowds());
    all.push(trial("31_long_names", "four_thousand_rdns", || long_name(4_000, "x")));
    all.push(trial("31_long_names", "one_rdn_of_control_characters", || {
        long_name(1, &"\u{1b}".repeat(20_000))
    }));
    all
}

fn emptiness() -> Vec<Trial> {
    let class = "20_emptiness";
    let of = |kind: &str| sequence(&[oid(kind), explicit(0, &octets(b"x"))]);
    let usual = || vec![key_bag(), certificate_bag()];
    let bags: [(&str, &str, Vec<Bag>); 8] = [
        ("no_bag", "empty", vec![]),
        ("crl_bag", "empty", vec![Bag::of_type(4, &of("1.2.840.113549.1.9.23.1"))]),
        ("secret_bag", "empty", vec![Bag::of_type(5, &of("1.2.3"))]),
        ("unknown_bag", "empty", vec![Bag::of_type(99, &null())]),
        ("sdsi_certificate", "empty", vec![Bag::of_type(3, &of("1.2.840.113549.1.9.22.2"))]),
        ("nested_nothing", "empty", vec![Bag::nested(&[Bag::nested(&[])])]),
        ("only_a_key", "no_certificate", vec![key_bag()]),
        ("only_a_certificate", "no_private_key", vec![certificate_bag()]),
    ];
    let mut all: Vec<Trial> = bags
        .into_iter()
        .map(|(name, code, bad)| {
            flaw(class, name, code, (usual(), bad), |bags| Forge::new(secret()).plain(&bags).build())
        })
        .collect();
    all.extend([
        flaw(class, "no_safe", "empty", (vec![plain_safe(&usual())], vec![]), |safes| {
            safes.into_iter().fold(Forge::new(secret()), Forge::safe).build()
        }),
        flaw(class, "certificate_under_another_password", "key_password", (PASSWORD, "another"), |text| {
            let safe = encrypted_safe(&[certificate_bag()], &scheme(), &Secret::of(text));
            Forge::new(secret()).safe(safe).plain(&[key_bag()]).build()
        }),
        flaw(class, "key_under_another_password", "key_password", (PASSWORD, "another"), |text| {
            let key = Bag::shrouded(&identity().key, &scheme(), &Secret::of(text));
            plain_file(key, certificate_bag()).build()
        }),
        tolerated(
            class,
            "unknown_bags_beside_the_usual",
            || {
                let (first, last) = (Bag::of_type(99, &null()), Bag::of_type(5, &null()));
                Forge::new(secret()).plain(&[first, key_bag(), certificate_bag(), last]).build()
            },
            |contents| same("skipped", &2, &contents.skipped.len()),
        ),
        tolerated(
            class,
            "nested_safe_contents",
            || {
                let inner = Bag::nested(&[certificate_bag()]);
                Forge::new(secret()).plain(&[Bag::nested(&[key_bag(), inner])]).build()
            },
            |contents: &Contents| same("skipped", &0, &contents.skipped.len()),
        ),
    ]);
    all
}

fn nesting() -> Vec<Trial> {
    let class = "21_nesting";
    let safes = |levels: usize| {
        let bags = (0..levels).fold(vec![key_bag(), certificate_bag()], |bags, _| vec![Bag::nested(&bags)]);
        Forge::new(secret()).plain(&bags).build()
    };
    let strings = |levels: usize| {
        let inner = octets(&safe_contents(&[key_bag(), certificate_bag()]));
        let string = nested(0x24, levels, &inner, Length::Definite);
        Forge::new(secret()).safe(plain_safe_of(&string)).build()
    };
    let mut all = vec![
        flaw(class, "safe_contents_500", "too_many", (1, 500), safes),
        flaw(class, "strings_5_000", "malformed", (1, 5_000), strings),
        flaw(class, "auth_safe_strings_5_000", "malformed", (false, true), |deep| {
            if deep {
                file()
                    .wrap(|bytes| content_info(&nested(0x24, 5_000, &octets(bytes), Length::Definite)))
                    .build()
            } else {
                file().wrap(|bytes| content_info(&nested(0x24, 2, &octets(bytes), Length::Definite))).build()
            }
        }),
    ];
    for levels in [1_000, 100_000] {
        for length in [Length::Definite, Length::Indefinite] {
            all.push(tolerated_or_too_many(levels, length));
        }
        let name = format!("indefinite_values_{levels}");
        all.push(flaw(class, &name, "too_many", (1, levels), |levels| {
            let deep = indefinite(0xa0, &nested(0x30, levels, &null(), Length::Indefinite));
            let odd = Bag::raw(oid("1.2.840.113549.1.12.10.1.99"), deep);
            Forge::new(secret()).plain(&[key_bag(), certificate_bag(), odd]).build()
        }));
        let name = format!("indefinite_strings_{levels}");
        all.push(flaw(class, &name, "too_many", (1, levels), |levels| {
            let inner = octets(&safe_contents(&[key_bag(), certificate_bag()]));
            Forge::new(secret())
                .safe(plain_safe_of(&nested(0x24, levels, &inner, Length::Indefinite)))
                .build()
        }));
    }
    all.push(flaw(class, "open_indefinite_values_100_000", "too_many", (false, true), |open| {
        if open {
            [b"\x30\x80\x02\x01\x03\x30\x80".to_vec(), [0x30, 0x80].repeat(100_000)].concat()
        } else {
            file().build()
        }
    }));
    all
}

/// A parameter that nobody reads may nest as deep as it likes in definite lengths, for it is skipped whole.
fn tolerated_or_too_many(levels: usize, length: Length) -> Trial {
    let name = format!("mac_parameters_{length:?}_{levels}");
    let make = move || {
        let deep = nested(0x30, levels, &null(), length);
        let identifier = algorithm(Hash::Sha256.oid(), &deep);
        file().mac(Mac::pkcs12(Hash::Sha256, 1).algorithm(identifier)).build()
    };
    if length == Length::Definite {
        return tolerated("21_nesting", &name, make, |_| Ok(()));
    }
    trial("21_nesting", &name, move || refused(make(), PASSWORD, Limits::default(), "too_many"))
}

/// Nesting at the door, where no PFX has been recognised yet.
fn recursion() -> Vec<Trial> {
    let class = "21_nesting";
    let deep = |length| nested(0x30, 100_000, &null(), length);
    let armoured = |levels: usize| {
        (0..levels).fold(file().build(), |inner, _| {
            format!("-----BEGIN PKCS12-----\n{}\n-----END PKCS12-----\n", base64(&inner)).into_bytes()
        })
    };
    vec![
        trial(class, "sequences_100_000", move || {
            refused(deep(Length::Definite), PASSWORD, Limits::default(), "not_pkcs12")
        }),
        trial(class, "open_sequences_100_000", move || {
            refused(deep(Length::Indefinite), PASSWORD, Limits::default(), "not_pkcs12")
        }),
        // One armour is what GnuTLS writes; an armour inside it is nothing that anybody writes.
        flaw(class, "armour_in_armour", "not_pkcs12", (1, 2), armoured),
        flaw(class, "armour_20_deep", "not_pkcs12", (1, 20), armoured),
        flaw(class, "indefinite_auth_safe_without_end", "malformed", (false, true), |cut| {
            let bytes = indefinite(0x30, &plain_safe(&[key_bag(), certificate_bag()]));
            let end = bytes.len() - if cut { 2 } else { 0 };
            Forge::new(secret()).auth_safe(bytes[..end].to_vec()).build()
        }),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (n, group) in bytes.chunks(3).enumerate() {
        if n > 0 && n % 16 == 0 {
            text.push('\n');
        }
        let bits =
            group.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap();
            text.push(if place > group.len() { '=' } else { char::from(DIGITS[digit]) });
        }
    }
    text
}

fn crowds() -> Vec<Trial> {
    let class = "28_crowds";
    let crowd = |name: &str, (few, many): (usize, usize), bag: fn() -> Bag| {
        flaw(class, name, "too_many", (few, many), move |count: usize| {
            Forge::new(secret()).plain(&[key_bag(), certificate_bag()]).plain(&vec![bag(); count]).build()
        })
    };
    let mut all = vec![
        crowd("certificates_10_000", (0, 10_000), || Bag::certificate(SMALL)),
        crowd("keys_10_000", (0, 10_000), || Bag::key(SMALL)),
        crowd("unknown_bags_10_000", (10, 10_000), || Bag::of_type(99, &null())),
        crowd("shrouded_keys_3_000", (0, 3_000), || Bag::shrouded(SMALL, &scheme(), &secret())),
        flaw(class, "safes_10_000", "too_many", (1, 10_000), |count| {
            let forge = Forge::new(secret()).plain(&[key_bag(), certificate_bag()]);
            (0..count).fold(forge, |forge, _| forge.plain(&[])).build()
        }),
        flaw(class, "encrypted_safes_3_000", "too_many", (1, 3_000), |count| {
            let forge = Forge::new(secret()).plain(&[key_bag(), certificate_bag()]);
            (0..count).fold(forge, |forge, _| forge.encrypted(&[], &scheme())).build()
        }),
    ];
    // The most that is let through costs little: 32 keys against 200 certificates that are all of one key.
    all.push(trial(class, "keys_and_certificates_at_the_limits", || {
        let (key, _) = issue(&identity().root, "lonely.test");
        let bags: Vec<Bag> =
            vec![Bag::key(&key); 32].into_iter().chain(vec![certificate_bag(); 200]).collect();
        refused(Forge::new(secret()).plain(&bags).build(), PASSWORD, Limits::default(), "key_mismatch")
    }));
    all
}

/// A SEQUENCE that is neither a key nor a certificate.
const SMALL: &[u8] = b"\x30\x03\x02\x01\x01";

/// A subject of many parts is rendered in linear time, and cut.
fn long_name(parts: u64, value: &str) -> Result<(), Failed> {
    let mut params = ca_params("Long");
    for n in 0..parts {
        params.distinguished_name.push(DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 99_999, n]), value);
    }
    let key = KeyPair::generate().unwrap();
    let pkcs8 = key.serialize_der();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    let file = plain_file(Bag::key(&pkcs8), Bag::certificate(&der)).build();
    let wide = der.len() > Limits::default().max_certificate_len;
    if wide {
        return refused(file, PASSWORD, Limits::default(), "too_many");
    }
    holds_identity(&plain_file(key_bag(), certificate_bag()).build(), PASSWORD, &Limits::default())?;
    let chosen = watched(move || credential(&file, PASSWORD, &Limits::default()))?;
    let chosen = chosen.map_err(|error| error.to_string())?;
    let len = chosen.leaf().subject().len();
    // The last part may be an escape, and a mark says that more follows.
    if len > 4096 + 16 {
        return Err(format!("the subject is rendered in {len} bytes").into());
    }
    open(&plain_file(Bag::key(&pkcs8), Bag::certificate(&der)).build(), PASSWORD, &Limits::default())
        .map_err(|error| error.to_string())?;
    Ok(())
}
