//! What holds for any password, any arrangement of bags and any damage.

use std::sync::OnceLock;

use p12_keystore::{Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use proptest::{
    prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::Index,
};
use strongroom::{
    Error, Password,
    certificate::ServerCredential,
    limits::{KdfBudget, Limits},
    pkcs12::{Contents, Pfx},
};
use strongroom_tests::{
    authority::{leaf_params, root},
    forge::{
        Bag, Cipher, Forge, Hash, Mac, Pbes1, Scheme, Secret, der::sequence, encrypted_safe, plain_safe,
    },
};

const PASSWORD: &str = "changeit";

/// A key in PKCS #8 and its certificate.
type Pair = (Vec<u8>, Vec<u8>);

fn pairs() -> &'static [Pair] {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        let root = root("Property Root");
        let issue = |n| root.issue(&leaf_params(&format!("{n}.property.test")), &[]);
        let parts = |n| {
            let credential = issue(n);
            (credential.key().expose_pkcs8_der().to_vec(), credential.leaf().der().to_vec())
        };
        (0..4).map(parts).collect()
    })
}

fn open(file: &[u8], password: &str) -> Result<Contents, Error> {
    let limits = Limits::default();
    let mut budget = KdfBudget::new(&limits);
    let password = Password::new(password)?;
    let contents =
        Pfx::from_bytes(file, &limits)?.verify(&password, &mut budget)?.decrypt(None, &mut budget)?;
    contents.require_credential()?;
    Ok(contents)
}

/// Keys, certificates, names and identifiers, in the order of the file.
type Picture =
    (Vec<(Vec<u8>, Option<String>, Option<Vec<u8>>)>, Vec<(Vec<u8>, Option<String>, Option<Vec<u8>>)>);

fn picture(contents: Contents) -> Picture {
    let keys = contents.keys.into_iter().map(|bag| {
        (bag.key.expose_pkcs8_der().to_vec(), bag.attributes.friendly_name, bag.attributes.local_key_id)
    });
    let certificates = contents
        .certificates
        .into_iter()
        .map(|bag| (bag.der, bag.attributes.friendly_name, bag.attributes.local_key_id));
    (keys.collect(), certificates.collect())
}

fn schemes() -> impl Strategy<Value = Scheme> {
    let hash = || prop::sample::select(vec![Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512]);
    prop_oneof![
        (prop::sample::select(Pbes1::ALL.to_vec()), 1..20_u64)
            .prop_map(|(cipher, count)| Scheme::pbes1(cipher, count)),
        (prop::sample::select(Cipher::ALL.to_vec()), hash(), 1..20_u64)
            .prop_map(|(cipher, hash, count)| Scheme::pbkdf2(cipher, hash, count)),
        (1..5_u32, 1..4_u64, 1..4_u64).prop_map(|(n, r, p)| Scheme::scrypt(1_u64 << n, r, p)),
    ]
}

fn macs() -> impl Strategy<Value = Mac> {
    let hash = || prop::sample::select(vec![Hash::Sha1, Hash::Sha256, Hash::Sha384, Hash::Sha512]);
    prop_oneof![
        (hash(), 1..20_u64).prop_map(|(hash, count)| Mac::pkcs12(hash, count)),
        (hash(), 1..20_u64, 20..=64_u64).prop_map(|(hash, count, len)| Mac::pbmac1(hash, count, len)),
    ]
}

/// Printable Unicode in all planes, with combining marks wherever they fall.
fn passwords() -> impl Strategy<Value = String> {
    prop_oneof![r"\PC{0,40}", r"[a-z]{0,4}(\p{M}|\p{So}|[\x{10000}-\x{1ffff}]){0,10}"]
}

fn usual(secret: &Secret, scheme: &Scheme, mac: Mac) -> Forge {
    let (key, certificate) = &pairs()[0];
    let key = Bag::shrouded(key, scheme, secret).friendly_name("name 😀").local_key_id(b"1");
    Forge::new(secret.clone())
        .encrypted(&[Bag::certificate(certificate).local_key_id(b"1")], scheme)
        .plain(&[key])
        .mac(mac)
}

fn usual_file() -> Forge {
    usual(
        &Secret::of(PASSWORD),
        &Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1),
        Mac::pkcs12(Hash::Sha256, 1),
    )
}

/// What an arrangement puts into one safe, and how.
#[derive(Clone, Debug)]
struct Part {
    bags: usize,
    scheme: Option<Scheme>,
    nested: bool,
    /// Keys here are shrouded by this.
    shroud: Option<Scheme>,
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = (0..4_usize, prop::option::of(schemes()), any::<bool>(), prop::option::of(schemes()))
        .prop_map(|(bags, scheme, nested, shroud)| Part { bags, scheme, nested, shroud });
    prop::collection::vec(part, 0..8)
}

/// Lays out keys (`true`) and certificates by their numbers.
fn arrange(order: &[(bool, usize)], parts: &[Part]) -> Forge {
    let secret = Secret::of(PASSWORD);
    let bag = |(is_key, n): &(bool, usize), shroud: Option<&Scheme>| match (is_key, shroud) {
        (true, Some(scheme)) => Bag::shrouded(&pairs()[*n].0, scheme, &secret),
        (true, None) => Bag::key(&pairs()[*n].0),
        (false, _) => Bag::certificate(&pairs()[*n].1),
    };
    let mut rest = order;
    let mut forge = Forge::new(secret.clone());
    let last = Part { bags: order.len(), scheme: None, nested: false, shroud: None };
    for part in parts.iter().chain([&last]) {
        let (now, later) = rest.split_at(part.bags.min(rest.len()));
        rest = later;
        let bags: Vec<Bag> = now.iter().map(|item| bag(item, part.shroud.as_ref())).collect();
        let bags = if part.nested { vec![Bag::nested(&bags)] } else { bags };
        forge = forge.safe(match &part.scheme {
            Some(scheme) => encrypted_safe(&bags, scheme, &secret),
            None => plain_safe(&bags),
        });
    }
    forge
}

/// A change to a file.
#[derive(Clone, Debug)]
enum Damage {
    Changed(Index, u8),
    Cut(Index),
    Removed(Index),
    Inserted(Index, u8),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Changed(place, mask) => {
                let place = place.index(bytes.len());
                bytes[place] ^= mask;
            }
            Self::Cut(place) => bytes.truncate(place.index(bytes.len())),
            Self::Removed(place) => {
                bytes.remove(place.index(bytes.len()));
            }
            Self::Inserted(place, byte) => bytes.insert(place.index(bytes.len()), *byte),
        }
    }
}

fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), 1..=255_u8).prop_map(|(place, mask)| Damage::Changed(place, mask)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => any::<Index>().prop_map(Damage::Removed),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(place, byte)| Damage::Inserted(place, byte)),
    ]
}

fn config(cases: u32) -> ProptestConfig {
    // A failure prints its smallest case, which then becomes a test of its own.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn any_password_opens_what_it_closed_and_nothing_else(
        password in passwords(),
        scheme in schemes(),
        mac in macs(),
        more in r"[!-~]",
    ) {
        let file = usual(&Secret::of(&password), &scheme, mac).build();
        let (keys, certificates) = picture(open(&file, &password).unwrap());
        let (key, certificate) = &pairs()[0];
        prop_assert_eq!(keys, [(key.clone(), Some("name 😀".to_owned()), Some(b"1".to_vec()))]);
        prop_assert_eq!(certificates, [(certificate.clone(), None, Some(b"1".to_vec()))]);
        let error = open(&file, &format!("{password}{more}")).unwrap_err();
        prop_assert_eq!(error.code(), "wrong_password");
    }

    #[test]
    fn bags_in_any_order_and_any_safes_are_all_found(
        order in Just((0..8).map(|n| (n < 4, n % 4)).collect::<Vec<_>>()).prop_shuffle(),
        parts in parts(),
        mac in macs(),
    ) {
        let (keys, certificates) = picture(open(&arrange(&order, &parts).mac(mac).build(), PASSWORD).unwrap());
        let wanted = |is_key: bool| order.iter().filter(move |item| item.0 == is_key).map(|item| item.1);
        let wanted_keys: Vec<&Vec<u8>> = wanted(true).map(|n| &pairs()[n].0).collect();
        let wanted_certificates: Vec<&Vec<u8>> = wanted(false).map(|n| &pairs()[n].1).collect();
        prop_assert!(keys.iter().map(|key| &key.0).eq(wanted_keys));
        prop_assert!(certificates.iter().map(|certificate| &certificate.0).eq(wanted_certificates));
    }
}

proptest! {
    #![proptest_config(config(96))]

    #[test]
    fn what_p12_keystore_writes_opens_under_any_password_of_the_basic_plane(
        password in passwords().prop_map(|text| text.chars().filter(|c| u32::from(*c) <= 0xffff).collect::<String>()),
        algorithm in prop::sample::select(vec![
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            EncryptionAlgorithm::PbeWithShaAnd40BitRc4Cbc,
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
        ]),
    ) {
        let (key, certificate) = &pairs()[0];
        let chain = PrivateKeyChain::new(
            b"1".to_vec(),
            PrivateKey::from_der(key).unwrap(),
            [Certificate::from_der(certificate).unwrap()],
        );
        let mut store = KeyStore::new();
        store.add_entry("www", KeyStoreEntry::PrivateKeyChain(chain));
        let writer = store.writer(&password).encryption_algorithm(algorithm);
        let file = writer.encryption_iterations(20).mac_iterations(20).write().unwrap();
        let (keys, certificates) = picture(open(&file, &password).unwrap());
        prop_assert_eq!(keys, [(key.clone(), Some("www".to_owned()), Some(b"1".to_vec()))]);
        prop_assert_eq!(&certificates[0].0, certificate);
        prop_assert_eq!(certificates.len(), 1);
    }
}

proptest! {
    #![proptest_config(config(16_384))]

    #[test]
    fn a_damaged_file_is_refused_or_has_its_old_content(damage in damages()) {
        static WHOLE: OnceLock<(Vec<u8>, Picture)> = OnceLock::new();
        let (whole, content) = WHOLE.get_or_init(|| {
            let file = usual_file().build();
            let content = picture(open(&file, PASSWORD).unwrap());
            (file, content)
        });
        let mut file = whole.clone();
        damage.apply(&mut file);
        if let Ok(found) = open(&file, PASSWORD) {
            prop_assert_eq!(&picture(found), content);
        }
    }

    #[test]
    fn damage_under_a_matching_mac_ends_in_an_answer(
        damages in prop::collection::vec(damages(), 1..4),
        encrypted in any::<bool>(),
    ) {
        static SAFES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
        let safes = SAFES.get_or_init(|| {
            let (key, certificate) = &pairs()[0];
            let secret = Secret::of(PASSWORD);
            let scheme = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 1);
            let bags = [Bag::key(key).friendly_name("a").local_key_id(b"1"), Bag::certificate(certificate)];
            let shrouded = Bag::shrouded(key, &scheme, &secret).friendly_name("a");
            [
                sequence(&[plain_safe(&[Bag::nested(&bags)])]),
                sequence(&[encrypted_safe(&bags[1..], &scheme, &secret), plain_safe(&[shrouded])]),
            ]
        });
        let mut content = safes[usize::from(encrypted)].clone();
        for damage in damages {
            if !content.is_empty() {
                damage.apply(&mut content);
            }
        }
        let file = Forge::new(Secret::of(PASSWORD)).auth_safe(content).build();
        if let Ok(contents) = open(&file, PASSWORD) {
            // A key that comes out of it is one that works, whatever it is.
            if let Ok(credential) = ServerCredential::choose(contents, None) {
                prop_assert!(!credential.leaf().der().is_empty());
            }
        }
    }
}
