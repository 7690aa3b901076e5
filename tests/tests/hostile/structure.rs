//! The encoding: missing content, lengths, identifiers, order. Classes 1, 2, 22 to 24.

use libtest_mimic::Trial;
use strongroom_tests::forge::{
    Bag, Forge, Hash, Mac,
    bag::{X509_CERTIFICATE, encrypted_safe_of, plain_safe, plain_safe_of, safe_contents},
    content_info, data,
    der::{
        algorithm, claimed, explicit, implicit, indefinite, integer, null, octets, oid, sequence, set, tlv,
    },
};

use super::check::{certificate_bag, file, flaw, identity, key_bag, plain_file, scheme, secret};

const DATA: &str = "1.2.840.113549.1.7.1";

pub fn trials() -> Vec<Trial> {
    let mut all = missing_content();
    all.extend(missing_in_bags());
    all.extend(missing_encrypted_content());
    all.extend(lengths());
    all.extend(identifiers());
    all.extend(order());
    all
}

type Wrap = fn(&[u8]) -> Vec<u8>;

const HONEST: Wrap = data;

fn missing_content() -> Vec<Trial> {
    let class = "01_content_missing";
    let wraps: [(&str, Wrap); 5] = [
        ("outer_content_absent", |_| sequence(&[oid(DATA)])),
        ("outer_content_empty", |_| sequence(&[oid(DATA), explicit(0, &[])])),
        ("outer_content_null", |_| content_info(&null())),
        ("outer_content_null_in_its_place", |_| sequence(&[oid(DATA), null()])),
        ("outer_content_info_empty", |_| sequence::<&[u8]>(&[])),
    ];
    let mut all: Vec<Trial> = wraps
        .into_iter()
        .map(|(name, bad)| flaw(class, name, "malformed", (HONEST, bad), |wrap| file().wrap(wrap).build()))
        .collect();
    let usual = || plain_safe(&[key_bag(), certificate_bag()]);
    let safes: [(&str, Vec<u8>); 5] = [
        ("inner_content_absent", sequence(&[oid(DATA)])),
        ("inner_content_empty", sequence(&[oid(DATA), explicit(0, &[])])),
        ("inner_content_null", plain_safe_of(&null())),
        ("inner_octets_empty", plain_safe_of(&octets(&[]))),
        ("inner_content_info_empty", sequence::<&[u8]>(&[])),
    ];
    all.extend(safes.map(|(name, bad)| {
        let good = Vec::new();
        flaw(class, name, "malformed", (good, bad), move |more| {
            Forge::new(secret())
                .safe(usual())
                .safe(if more.is_empty() { plain_safe(&[]) } else { more })
                .build()
        })
    }));
    let whole = || sequence(&[plain_safe(&[key_bag(), certificate_bag()])]);
    for (name, bad) in [("auth_safe_empty", vec![]), ("auth_safe_is_null", null())] {
        all.push(flaw(class, name, "malformed", (None, Some(bad)), move |bytes| {
            Forge::new(secret()).auth_safe(bytes.unwrap_or_else(whole)).build()
        }));
    }
    all.extend(
        [
            ("mac_data_empty", sequence::<&[u8]>(&[])),
            (
                "mac_without_digest",
                sequence(&[sequence(&[algorithm(Hash::Sha256.oid(), &null())]), octets(b"salt")]),
            ),
            (
                "mac_without_salt",
                sequence(&[sequence(&[algorithm(Hash::Sha256.oid(), &null()), octets(&[7; 32])])]),
            ),
        ]
        .map(|(name, bad)| {
            flaw(class, name, "malformed", (None, Some(bad)), |mac| match mac {
                Some(bytes) => file().mac_der(bytes).build(),
                None => file().build(),
            })
        }),
    );
    all
}

fn missing_in_bags() -> Vec<Trial> {
    let class = "01_content_missing";
    let bags = [
        ("bag_without_value", Bag::raw(oid("1.2.840.113549.1.12.10.1.3"), vec![])),
        ("bag_value_empty", Bag::of_type(3, &[])),
        ("key_bag_empty", Bag::of_type(1, &[])),
        ("shrouded_key_empty", Bag::of_type(2, &sequence::<&[u8]>(&[]))),
        ("shrouded_key_without_data", Bag::of_type(2, &sequence(&[scheme().algorithm()]))),
        ("shrouded_key_null_data", Bag::of_type(2, &sequence(&[scheme().algorithm(), null()]))),
        ("certificate_absent", Bag::of_type(3, &sequence(&[oid(X509_CERTIFICATE)]))),
        ("certificate_null", Bag::of_type(3, &sequence(&[oid(X509_CERTIFICATE), explicit(0, &null())]))),
        ("nested_safe_empty", Bag::of_type(6, &[])),
        (
            "pbes2_without_parameters",
            Bag::of_type(2, &sequence(&[algorithm("1.2.840.113549.1.5.13", &[]), octets(&[0; 16])])),
        ),
        (
            "pbes2_null_parameters",
            Bag::of_type(2, &sequence(&[algorithm("1.2.840.113549.1.5.13", &null()), octets(&[0; 16])])),
        ),
        (
            "pbes1_null_parameters",
            Bag::of_type(2, &sequence(&[algorithm("1.2.840.113549.1.12.1.3", &null()), octets(&[0; 16])])),
        ),
    ];
    bags.into_iter()
        .map(|(name, bad)| {
            flaw(class, name, "malformed", (None, Some(bad)), |bag: Option<Bag>| {
                let bags: Vec<Bag> =
                    [Some(key_bag()), Some(certificate_bag()), bag].into_iter().flatten().collect();
                Forge::new(secret()).plain(&bags).build()
            })
        })
        .collect()
}

fn missing_encrypted_content() -> Vec<Trial> {
    let encrypted = || scheme().encrypt(&safe_contents(&[certificate_bag()]), &secret());
    let cases = [
        ("absent", vec![]),
        ("empty", implicit(0, &[])),
        ("constructed_without_segments", explicit(0, &[])),
        ("indefinite_without_segments", indefinite(0xa0, &[])),
        ("constructed_of_empty_segments", explicit(0, &[octets(&[]), octets(&[])].concat())),
        ("null", null()),
        ("under_another_tag", implicit(1, &encrypted())),
    ];
    cases
        .into_iter()
        .map(|(name, bad)| {
            flaw("02_encrypted_content", name, "malformed", (implicit(0, &encrypted()), bad), |content| {
                Forge::new(secret())
                    .safe(encrypted_safe_of(&scheme().algorithm(), &content))
                    .plain(&[key_bag()])
                    .build()
            })
        })
        .collect()
}

fn lengths() -> Vec<Trial> {
    let class = "22_length_bombs";
    let mut all = Vec::new();
    for (name, length) in [
        ("4_gib", 1 << 32),
        ("2_gib_less_one", (1 << 31) - 1),
        ("2_to_63", 1 << 63),
        ("2_to_64_less_one", u64::MAX),
    ] {
        let outer = format!("outer_{name}");
        all.push(flaw(class, &outer, "truncated", (None, Some(length)), |length| {
            let file = file().build();
            match length {
                // The honest header has four bytes.
                Some(length) => claimed(0x30, length, &file[4..]),
                None => file,
            }
        }));
        for (place, tag) in [("octets", 0x04), ("key", 0x30), ("set", 0x31)] {
            let name = format!("{place}_in_a_bag_{name}");
            all.push(flaw(class, &name, "malformed", (None, Some(length)), move |length| {
                let value = length.map_or_else(|| tlv(tag, b"abc"), |length| claimed(tag, length, b"abc"));
                with_attribute_value(value)
            }));
        }
        let name = format!("encrypted_content_{name}");
        all.push(flaw(class, &name, "malformed", (None, Some(length)), |length: Option<u64>| {
            let encrypted = scheme().encrypt(&safe_contents(&[certificate_bag()]), &secret());
            let length = length.unwrap_or_else(|| u64::try_from(encrypted.len()).unwrap());
            let safe = encrypted_safe_of(&scheme().algorithm(), &claimed(0x80, length, &encrypted));
            Forge::new(secret()).safe(safe).plain(&[key_bag()]).build()
        }));
    }
    let headers: [(&str, Vec<u8>); 4] = [
        ("length_of_nine_bytes", [vec![0x04, 0x89, 1], vec![0; 8]].concat()),
        ("length_of_127_bytes", [vec![0x04, 0xff], vec![0; 127]].concat()),
        ("indefinite_primitive", vec![0x04, 0x80, 0, 0]),
        ("tag_number_above_30", vec![0x1f, 0x81, 0x01, 0x00]),
    ];
    all.extend(
        headers
            .map(|(name, bad)| flaw(class, name, "malformed", (octets(b"abc"), bad), with_attribute_value)),
    );
    all
}

/// The usual bags, and one of unknown type whose attribute has `value`.
fn with_attribute_value(value: Vec<u8>) -> Vec<u8> {
    let odd = Bag::of_type(9, &[]).attribute("1.2.3", &[value]);
    Forge::new(secret()).plain(&[key_bag(), certificate_bag(), odd]).build()
}

/// The content of the identifier `data`.
const DATA_OCTETS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01";

/// Arcs that become known ones when they are cut to 32 or 64 bits.
fn identifiers() -> Vec<Trial> {
    let class = "23_object_identifiers";
    let data_type = |more: u128| {
        let safe = oid(&format!("1.2.840.113549.1.7.{}", 1 + more));
        Forge::new(secret()).safe(sequence(&[safe, explicit(0, &usual_bags())])).build()
    };
    let bags = |more: (u128, u128)| {
        let key = Bag::of_type(1 + more.0, &identity().key);
        let value = sequence(&[oid(X509_CERTIFICATE), explicit(0, &octets(&identity().certificate))]);
        Forge::new(secret()).plain(&[key, Bag::of_type(3 + more.1, &value)]).build()
    };
    let kind = |more: u128| {
        let x509 = oid(&format!("1.2.840.113549.1.9.22.{}", 1 + more));
        let value = sequence(&[x509, explicit(0, &octets(&identity().certificate))]);
        plain_file(key_bag(), Bag::of_type(3, &value)).build()
    };
    let hash = |more: u128| {
        let sha256 = algorithm(&format!("2.16.840.1.101.3.4.2.{}", 1 + more), &null());
        file().mac(Mac::pkcs12(Hash::Sha256, 1).algorithm(sha256)).build()
    };
    let mut all = Vec::new();
    for (size, more) in [("2_to_32", 1 << 32), ("2_to_64", 1 << 64)] {
        let name = |what: &str| format!("{what}_plus_{size}");
        all.extend([
            flaw(class, &name("content_type"), "unsupported_algorithm", (0, more), data_type),
            flaw(class, &name("bag_types"), "empty", ((0, 0), (more, more)), bags),
            flaw(class, &name("key_bag_type"), "no_private_key", ((0, 0), (more, 0)), bags),
            flaw(class, &name("certificate_type"), "no_certificate", (0, more), kind),
            flaw(class, &name("mac_hash"), "unsupported_algorithm", (0, more), hash),
        ]);
    }
    all.extend(odd_identifiers());
    all
}

/// Identifiers that are equal to a known one but for their encoding, and ones that are nothing but long.
fn odd_identifiers() -> Vec<Trial> {
    let class = "23_object_identifiers";
    let (head, last) = DATA_OCTETS.split_at(DATA_OCTETS.len() - 1);
    let cases = [
        ("padded_arc", [head, &[0x80], last].concat()),
        ("empty", vec![]),
        ("cut_inside_an_arc", [DATA_OCTETS, &[0x80]].concat()),
        ("of_900_kb", vec![1; 900_000]),
        ("of_one_arc_of_900_kb", [vec![0xff; 900_000], vec![1]].concat()),
    ];
    let mut all: Vec<Trial> = cases
        .into_iter()
        .map(|(name, bad)| {
            flaw(class, name, "unsupported_algorithm", (DATA_OCTETS.to_vec(), bad), |bytes| {
                let safe = sequence(&[tlv(0x06, &bytes), explicit(0, &usual_bags())]);
                Forge::new(secret()).safe(safe).build()
            })
        })
        .collect();
    all.push(flaw(class, "bag_type_of_900_kb", "empty", (false, true), |long| {
        let odd = Bag::raw(tlv(0x06, &vec![1; 900_000]), explicit(0, &[]));
        let bags = if long { vec![odd] } else { vec![key_bag(), certificate_bag()] };
        Forge::new(secret()).plain(&bags).build()
    }));
    all
}

/// SafeContents with the usual bags in an OCTET STRING.
fn usual_bags() -> Vec<u8> {
    octets(&safe_contents(&[key_bag(), certificate_bag()]))
}

fn order() -> Vec<Trial> {
    let class = "24_order_of_fields";
    let outer: [(&str, Wrap); 4] = [
        ("auth_safe_with_a_second_string", |bytes| {
            sequence(&[oid(DATA), explicit(0, &[octets(bytes), octets(bytes)].concat())])
        }),
        ("auth_safe_with_a_third_field", |bytes| sequence(&[oid(DATA), explicit(0, &octets(bytes)), null()])),
        ("auth_safe_under_tag_1", |bytes| sequence(&[oid(DATA), explicit(1, &octets(bytes))])),
        ("auth_safe_reversed", |bytes| sequence(&[explicit(0, &octets(bytes)), oid(DATA)])),
    ];
    let mut all: Vec<Trial> = outer
        .into_iter()
        .map(|(name, bad)| flaw(class, name, "malformed", (HONEST, bad), |wrap| file().wrap(wrap).build()))
        .collect();
    let value = || explicit(0, &usual_bags());
    let good = || vec![oid(DATA), value()];
    let safes = [
        ("safe_with_a_third_field", vec![oid(DATA), value(), null()]),
        ("safe_with_its_content_twice", vec![oid(DATA), value(), value()]),
        ("safe_reversed", vec![value(), oid(DATA)]),
    ];
    all.extend(safes.map(|(name, bad)| {
        flaw(class, name, "malformed", (good(), bad), |fields: Vec<Vec<u8>>| {
            Forge::new(secret()).safe(sequence(&fields)).build()
        })
    }));
    all.extend([
        flaw(class, "attributes_before_the_value", "malformed", (false, true), key_bag_fields),
        flaw(class, "mac_before_the_auth_safe", "malformed", (false, true), |swap| {
            let bytes = sequence(&[plain_safe(&[key_bag(), certificate_bag()])]);
            let (mac, info) = (Mac::pkcs12(Hash::Sha256, 1).der(&bytes, &secret()), data(&bytes));
            sequence(&if swap { [integer(&[3]), mac, info] } else { [integer(&[3]), info, mac] })
        }),
        flaw(class, "bytes_after_the_auth_safe", "malformed", (vec![], null()), |more| {
            let bytes = sequence(&[plain_safe(&[key_bag(), certificate_bag()])]);
            Forge::new(secret()).auth_safe([bytes, more].concat()).build()
        }),
    ]);
    all
}

/// A keyBag whose value and attributes may be swapped.
fn key_bag_fields(swap: bool) -> Vec<u8> {
    let id = oid("1.2.840.113549.1.12.10.1.1");
    let value = explicit(0, &identity().key);
    let attributes = set(&[sequence(&[oid("1.2.3"), set(&[null()])])]);
    let bag = sequence(&if swap { [id, attributes, value] } else { [id, value, attributes] });
    let safe = plain_safe_of(&octets(&sequence(&[bag, certificate_bag().der()])));
    Forge::new(secret()).safe(safe).build()
}
