//! What a file makes its reader compute. Classes 3, 4 and 7 to 10.

use libtest_mimic::Trial;
use strongroom::limits::Limits;
use strongroom_tests::forge::{
    Bag, Cipher, Forge, Hash, Mac, Number, Pbes1, Scheme,
    der::{integer, null, octets, unsigned},
};

use super::check::{
    PASSWORD, certificate_bag, file, file_with, flaw, flaw_within, identity, refused, scheme, secret, trial,
};

pub fn trials() -> Vec<Trial> {
    let mut all = pbmac1();
    all.extend(salts());
    all.extend(bombs());
    all.extend(bombs_by_total());
    all.extend(counts());
    all.extend(aggregates());
    all.extend(scrypt());
    all
}

const MAX: u64 = (1 << 31) - 1;

fn pbmac1() -> Vec<Trial> {
    let with_len = |len: Number| file().mac(Mac::pbmac1(Hash::Sha256, 1, len)).build();
    let mut all = Vec::new();
    // A key of one byte, really used: anybody can make such a MAC without the password.
    for len in [1, 8, 19] {
        let name = format!("key_of_{len}_bytes");
        all.push(flaw("04_pbmac1_weak_key", &name, "bad_parameter", (32.into(), len.into()), with_len));
    }
    for len in [65, 4096] {
        let name = format!("key_of_{len}_bytes");
        all.push(flaw("03_pbmac1_key_length", &name, "bad_parameter", (32.into(), len.into()), with_len));
    }
    for (name, written) in odd_numbers() {
        let name = format!("key_length_{name}");
        let bad = Number::claimed(&written);
        all.push(flaw("03_pbmac1_key_length", &name, "bad_parameter", (32.into(), bad), with_len));
    }
    all.push(flaw("03_pbmac1_key_length", "absent", "bad_parameter", (true, false), |present| {
        let mac = if present {
            Mac::pbmac1(Hash::Sha256, 1, 32)
        } else {
            Mac::pbmac1_without_key_len(Hash::Sha256, 1)
        };
        file().mac(mac).build()
    }));
    all
}

/// Elements in the place of a salt.
fn salts() -> Vec<Trial> {
    let elements = [
        ("null", null()),
        ("integer", integer(&[1])),
        ("sequence", strongroom_tests::forge::der::sequence(&[octets(b"saltsalt")])),
        ("absent", vec![]),
    ];
    let mut all = Vec::new();
    for (name, bad) in elements {
        let class = "03_salt_of_another_type";
        let pair = || (octets(b"saltsalt"), bad.clone());
        all.push(flaw(class, &format!("pbmac1_{name}"), "malformed", pair(), |salt| {
            file().mac(Mac::pbmac1(Hash::Sha256, 1, 32).salt(b"saltsalt").salt_der(salt)).build()
        }));
        all.push(flaw(class, &format!("mac_{name}"), "malformed", pair(), |salt| {
            file().mac(Mac::pkcs12(Hash::Sha256, 1).salt(b"saltsalt").salt_der(salt)).build()
        }));
        all.push(flaw(class, &format!("pbkdf2_{name}"), "malformed", pair(), |salt| {
            file_with(&scheme().salt_der(salt), &scheme()).build()
        }));
        all.push(flaw(class, &format!("pbes1_{name}"), "malformed", pair(), |salt| {
            file_with(&Scheme::pbes1(Pbes1::TripleDes3, 1).salt_der(salt), &scheme()).build()
        }));
        all.push(flaw(class, &format!("scrypt_{name}"), "malformed", pair(), |salt| {
            file_with(&Scheme::scrypt(2, 1, 1).salt_der(salt), &scheme()).build()
        }));
    }
    all
}

/// A place that has an iteration count.
type Place = (&'static str, fn(Number) -> Vec<u8>);

fn places() -> [Place; 8] {
    [
        ("mac_sha1", |count| file().mac(Mac::pkcs12(Hash::Sha1, count)).build()),
        ("mac_sha256", |count| file().mac(Mac::pkcs12(Hash::Sha256, count)).build()),
        ("mac_sha512", |count| file().mac(Mac::pkcs12(Hash::Sha512, count)).build()),
        ("pbmac1", |count| file().mac(Mac::pbmac1(Hash::Sha256, count, 32)).build()),
        ("pbes1_certificate", |count| file_with(&Scheme::pbes1(Pbes1::Rc2_40, count), &scheme()).build()),
        ("pbes1_key", |count| file_with(&scheme(), &Scheme::pbes1(Pbes1::TripleDes3, count)).build()),
        ("pbkdf2_certificate", |count| {
            file_with(&Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, count), &scheme()).build()
        }),
        ("pbkdf2_key", |count| {
            file_with(&scheme(), &Scheme::pbkdf2(Cipher::Aes128, Hash::Sha1, count)).build()
        }),
    ]
}

fn bombs() -> Vec<Trial> {
    let mut all = Vec::new();
    for (place, make) in places() {
        for (name, count) in [("2_to_31_less_one", MAX), ("5_000_001", 5_000_001), ("50_million", 50_000_000)]
        {
            let bad = Number::claimed(&unsigned(count));
            let name = format!("{place}_{name}");
            all.push(flaw("07_iteration_bombs", &name, "bad_parameter", (2.into(), bad), make));
        }
    }
    all
}

/// With the limit of one derivation out of the way, the total holds.
fn bombs_by_total() -> Vec<Trial> {
    let mut limits = Limits::default();
    limits.max_iterations = u64::MAX;
    places()
        .into_iter()
        .flat_map(|(place, make)| {
            [("2_to_31_less_one", MAX), ("2_to_32_less_one", (1 << 32) - 1)].map(|(name, count)| {
                let bad = Number::claimed(&unsigned(count));
                let name = format!("{place}_{name}");
                flaw_within(limits, "07_bombs_by_total", &name, "too_much_work", (2.into(), bad), make)
            })
        })
        .collect()
}

/// What is no count: zero, negative, and what becomes one when it is cut to 32 or 64 bits.
fn odd_numbers() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("zero", vec![0]),
        ("minus_one", vec![0xff]),
        ("minus_2_to_31", vec![0x80, 0, 0, 0]),
        ("minus_2_to_63", vec![0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("2_to_31", unsigned(1 << 31)),
        ("2_to_31_less_one", unsigned(MAX)),
        ("2_to_32", unsigned(1 << 32)),
        ("2_to_32_and_32", unsigned((1 << 32) + 32)),
        ("2_to_63", unsigned(1 << 63)),
        ("2_to_64_less_one", unsigned(u64::MAX)),
        ("2_to_64_and_32", [vec![1], vec![0; 7], vec![32]].concat()),
        ("2_to_200", [vec![1], vec![0; 25]].concat()),
    ]
}

fn counts() -> Vec<Trial> {
    let mut all = Vec::new();
    for (place, make) in places() {
        for (name, written) in odd_numbers() {
            let name = format!("{place}_{name}");
            let bad = Number::claimed(&written);
            all.push(flaw("08_odd_counts", &name, "bad_parameter", (1.into(), bad), make));
        }
        let name = format!("{place}_without_digits");
        all.push(flaw("08_odd_counts", &name, "malformed", (1.into(), Number::claimed(&[])), make));
    }
    all
}

/// Each derivation is within its limit; the file is not.
fn aggregates() -> Vec<Trial> {
    let class = "09_aggregate_bombs";
    let keys = |scheme: Scheme, count: usize| {
        let key = Bag::shrouded(&identity().key, &scheme, &secret());
        Forge::new(secret()).plain(&[certificate_bag()]).plain(&vec![key; count]).build()
    };
    let mut limits = Limits::default();
    (limits.max_iterations, limits.max_work) = (1000, 20_001);
    let pbkdf2 = || Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1000);
    vec![
        // 24 bytes of key take two blocks of SHA-1, and the vector a third: refused before the first iteration.
        trial(class, "one_derivation_of_several_blocks", move || {
            let scheme = Scheme::pbes1(Pbes1::TripleDes3, Number::claimed(&unsigned(5_000_000)));
            refused(file_with(&scheme, &scheme).build(), PASSWORD, Limits::default(), "too_much_work")
        }),
        trial(class, "twenty_keys_are_within_the_total", move || {
            super::check::open(&keys(pbkdf2(), 20), PASSWORD, &limits).map_err(|error| error.to_string())?;
            Ok(())
        }),
        trial(class, "the_twenty_first_key_is_not", move || {
            refused(keys(pbkdf2(), 21), PASSWORD, limits, "too_much_work")
        }),
        trial(class, "safes_count_with_keys", move || {
            let forge = (0..21)
                .fold(Forge::new(secret()), |forge, _| forge.encrypted(&[certificate_bag()], &pbkdf2()));
            refused(forge.build(), PASSWORD, limits, "too_much_work")
        }),
        trial(class, "keys_that_do_not_open_count_too", move || {
            let other = strongroom_tests::forge::Secret::of("another");
            let key = Bag::shrouded(&identity().key, &pbkdf2(), &other);
            // The readings of a password are charged as well; fewer than 21 bags are enough.
            refused(Forge::new(secret()).plain(&vec![key; 21]).build(), PASSWORD, limits, "too_much_work")
        }),
    ]
}

fn scrypt() -> Vec<Trial> {
    let make = |(n, r, p): (Number, Number, Number)| file_with(&Scheme::scrypt(n, r, p), &scheme()).build();
    let good = || (1024.into(), 8.into(), 1.into());
    let claimed = |n: u64, r: u64, p: u64| {
        let number = |value| Number::claimed(&unsigned(value));
        (number(n), number(r), number(p))
    };
    let mut all: Vec<Trial> = [
        ("256_gib", claimed(1 << 28, 8, 1)),
        ("4_gib", claimed(1 << 22, 8, 1)),
        ("512_mib", claimed(1 << 19, 8, 1)),
        ("by_r", claimed(2, 1 << 30, 1)),
        ("memory_of_2_to_64", claimed(1 << 32, 1 << 25, 1)),
        ("n_of_2_to_63", claimed(1 << 63, 1, 1)),
        ("n_no_power_of_two", claimed(1023, 8, 1)),
        ("n_zero", claimed(0, 8, 1)),
        ("n_one", claimed(1, 8, 1)),
        ("r_zero", claimed(1024, 0, 1)),
        ("r_of_2_to_32", claimed(2, 1 << 32, 1)),
        ("p_zero", claimed(1024, 8, 0)),
        ("p_of_a_million", claimed(1024, 8, 1 << 20)),
        ("p_of_2_to_32_and_1", claimed(1024, 8, (1 << 32) + 1)),
        ("n_negative", (Number::claimed(&[0x84, 0]), 8.into(), 1.into())),
        ("r_negative", (1024.into(), Number::claimed(&[0xff]), 1.into())),
        ("p_negative", (1024.into(), 8.into(), Number::claimed(&[0xff]))),
    ]
    .into_iter()
    .map(|(name, bad)| flaw("10_scrypt", name, "bad_parameter", (good(), bad), make))
    .collect();
    // Within the memory, beyond the work.
    for (name, bad) in [("work_by_p", claimed(1 << 17, 8, 16)), ("work_by_r", claimed(512, 4096, 15))] {
        all.push(flaw("10_scrypt", name, "too_much_work", (good(), bad), make));
    }
    // The working blocks beside the table are memory too, 128*r*(p + 1): these come to 355 and to 647 MiB.
    for (name, bad) in [
        ("memory_of_blocks_by_p", claimed(2, 150_000, 16)),
        ("memory_of_blocks_by_r", claimed(2, 1 << 20, 2)),
    ] {
        all.push(flaw("10_scrypt", name, "bad_parameter", (good(), bad), make));
    }
    let mut limits = Limits::default();
    limits.max_scrypt_memory = u64::MAX;
    for (name, bad) in [("2_to_79", claimed(1 << 63, 1 << 15, 1)), ("2_to_56", claimed(1 << 40, 1 << 15, 1))]
    {
        let name = format!("work_of_{name}_without_a_memory_limit");
        all.push(flaw_within(limits, "10_scrypt", &name, "too_much_work", (good(), bad), make));
    }
    all
}
