//! The MAC and the passwords. Classes 12, 13, 15 to 17.

use libtest_mimic::Trial;
use strongroom::limits::Limits;
use strongroom_tests::forge::{Bag, Cipher, Forge, Hash, Mac, Pbes1, Scheme, Secret};

use super::check::{
    PASSWORD, certificate_bag, file, file_with, flaw, holds_identity, identity, issue, key_bag, open,
    plain_file, refused, same, scheme, secret, tolerated, trial,
};

pub fn trials() -> Vec<Trial> {
    let mut all = absent();
    all.extend(bent());
    all.extend(algorithms());
    all.push(trial("15_password_oracle", "every_failure_looks_alike", one_error));
    all.extend(empty_password());
    all.extend(passwords());
    all
}

fn absent() -> Vec<Trial> {
    let class = "12_mac_absent";
    vec![
        flaw(class, "no_mac", "no_mac", (true, false), |mac| {
            if mac { file().build() } else { file().without_mac().build() }
        }),
        flaw(class, "no_mac_and_another_certificate", "no_mac", (true, false), |whole| {
            if whole {
                return plain_file(key_bag(), certificate_bag()).build();
            }
            let (_, other) = issue(&identity().root, "other.test");
            plain_file(key_bag(), Bag::certificate(&other)).without_mac().build()
        }),
        flaw(class, "certificate_swapped_under_the_old_mac", "wrong_password", (true, false), |whole| {
            let good = plain_file(key_bag(), certificate_bag());
            if whole {
                return good.build();
            }
            let (_, other) = issue(&identity().root, "www.hostile.test");
            let honest = strongroom_tests::forge::der::sequence(&[strongroom_tests::forge::plain_safe(&[
                key_bag(),
                certificate_bag(),
            ])]);
            let mac = Mac::pkcs12(Hash::Sha256, 1).der(&honest, &secret());
            plain_file(key_bag(), Bag::certificate(&other)).mac_der(mac).build()
        }),
    ]
}

type Bend = (&'static str, &'static str, fn(&mut Vec<u8>));

fn bent() -> Vec<Trial> {
    let bends: [Bend; 8] = [
        ("empty", "bad_parameter", Vec::clear),
        ("of_one_byte", "bad_parameter", |digest| digest.truncate(1)),
        ("half", "bad_parameter", |digest| digest.truncate(digest.len() / 2)),
        ("short_by_one", "bad_parameter", |digest| digest.truncate(digest.len() - 1)),
        ("long_by_one", "bad_parameter", |digest| digest.push(0)),
        ("doubled", "bad_parameter", |digest| digest.extend(digest.clone())),
        ("first_bit_changed", "wrong_password", |digest| digest[0] ^= 0x80),
        ("last_bit_changed", "wrong_password", |digest| *digest.last_mut().unwrap() ^= 1),
    ];
    let mut all = Vec::new();
    for (name, code, bend) in bends {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let honest: fn(&mut Vec<u8>) = |_| ();
            let pair = || (honest, bend);
            all.push(flaw("13_mac_bent", &format!("{hash:?}_{name}"), code, pair(), move |bend| {
                file().mac(Mac::pkcs12(hash, 1).bend(bend)).build()
            }));
            all.push(flaw("13_mac_bent", &format!("pbmac1_{hash:?}_{name}"), code, pair(), move |bend| {
                file().mac(Mac::pbmac1(hash, 1, 32).bend(bend)).build()
            }));
        }
    }
    all
}

/// The derivations of this forger and of the engine agree.
fn algorithms() -> Vec<Trial> {
    let control = |name: &str, forge: Box<dyn Fn() -> Forge + Send>| {
        tolerated("controls", name, move || forge().build(), |_| Ok(()))
    };
    let both = |name: &str, scheme: Scheme| control(name, Box::new(move || file_with(&scheme, &scheme)));
    let mut all = Vec::new();
    for count in [1, 2, 777] {
        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let salt = b"another salt, of no usual length";
            let macs =
                [("mac", Mac::pkcs12(hash, count).salt(salt)), ("pbmac1", Mac::pbmac1(hash, count, 64))];
            all.extend(macs.map(|(name, mac)| {
                control(&format!("{name}_{hash:?}_{count}"), Box::new(move || file().mac(mac.clone())))
            }));
            all.extend(Cipher::ALL.map(|cipher| {
                let name = format!("pbes2_{hash:?}_{cipher:?}_{count}");
                both(&name, Scheme::pbkdf2(cipher, hash, count))
            }));
        }
        all.extend(
            Pbes1::ALL.map(|cipher| both(&format!("pbes1_{cipher:?}_{count}"), Scheme::pbes1(cipher, count))),
        );
    }
    all.push(both("scrypt", Scheme::scrypt(1024, 8, 2)));
    let mac = Mac::pkcs12(Hash::Sha1, 1).without_count();
    all.push(control("mac_count_absent", Box::new(move || file().mac(mac.clone()))));
    all
}

/// A wrong password, a changed ciphertext, a changed padding and a changed MAC give one and the same error.
fn one_error() -> Result<(), libtest_mimic::Failed> {
    let whole = file().build();
    holds_identity(&whole, PASSWORD, &Limits::default())?;
    let wrong = open(&whole, "changeIt", &Limits::default()).unwrap_err();
    same("code", "wrong_password", wrong.code())?;
    // Every byte of both ciphertexts lies inside the MAC; the last blocks hold the padding.
    let at = whole.len() / 4;
    let mut changed: Vec<Vec<u8>> = Vec::new();
    for place in [at, at + 1, whole.len() - 100] {
        for bit in [1, 0x80] {
            let mut copy = whole.clone();
            copy[place] ^= bit;
            changed.push(copy);
        }
    }
    changed.push(file().mac(Mac::pkcs12(Hash::Sha256, 1).bend(|digest| digest[31] ^= 1)).build());
    for copy in changed {
        let error = open(&copy, PASSWORD, &Limits::default()).unwrap_err();
        same("error", &wrong.to_string(), &error.to_string())?;
        refused(copy, PASSWORD, Limits::default(), "wrong_password")?;
    }
    Ok(())
}

fn under(secret: &Secret) -> Forge {
    Forge::new(secret.clone())
        .encrypted(&[certificate_bag()], &Scheme::pbes1(Pbes1::TripleDes3, 1))
        .plain(&[Bag::shrouded(&identity().key, &scheme(), secret)])
}

fn empty_password() -> Vec<Trial> {
    let class = "16_empty_password";
    let opens = |name: &str, secret: Secret| {
        trial(class, name, move || {
            holds_identity(&under(&secret).build(), "", &Limits::default()).map(|_| ())
        })
    };
    let mut limits = Limits::default();
    limits.max_work = 19;
    vec![
        opens("two_zero_bytes", Secret::of("")),
        opens("no_bytes", Secret::absent()),
        trial(class, "is_not_any_other", || {
            refused(file().build(), "", Limits::default(), "wrong_password")?;
            refused(under(&Secret::of("")).build(), PASSWORD, Limits::default(), "wrong_password")?;
            refused(under(&Secret::absent()).build(), PASSWORD, Limits::default(), "wrong_password")?;
            refused(under(&Secret::absent()).build(), "\0", Limits::default(), "wrong_password")
        }),
        trial(class, "both_readings_are_charged", move || {
            let file = under(&Secret::absent()).mac(Mac::pkcs12(Hash::Sha256, 10)).build();
            holds_identity(&file, "", &Limits::default())?;
            refused(file, "", limits, "too_much_work")
        }),
    ]
}

fn passwords() -> Vec<Trial> {
    let passwords = [
        ("beyond_the_plane", "p😀w𝕊"),
        ("combining", "e\u{301}te\u{301}"),
        ("composed", "\u{e9}t\u{e9}"),
        ("nul_inside", "a\0b"),
        ("noncharacter", "\u{ffff}\u{fffe}"),
        ("right_to_left", "שלום\u{202e}"),
        ("thousand_bytes", "0123456789abcdef0123456789abcdef"),
    ];
    let mut all = Vec::new();
    for (name, text) in passwords {
        for (family, mac) in
            [("pkcs12", Mac::pkcs12(Hash::Sha1, 2)), ("pbmac1", Mac::pbmac1(Hash::Sha256, 2, 32))]
        {
            all.push(trial("17_passwords", &format!("{name}_{family}"), move || {
                let text = if name == "thousand_bytes" { text.repeat(32) } else { text.to_owned() };
                let file = under(&Secret::of(&text)).mac(mac).build();
                holds_identity(&file, &text, &Limits::default())?;
                let shorter: String = text.chars().take(text.chars().count() - 1).collect();
                refused(file, &shorter, Limits::default(), "wrong_password")
            }));
        }
    }
    all
}
