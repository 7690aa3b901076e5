//! Writes one PFX of `fixtures/` in a shape that no tool writes: `forge-fixture FOLDER OUT SHAPE`.
//!
//! FOLDER holds the keys and certificates that `cargo xtask fixtures` issued, and keys that OpenSSL encrypted.

use std::{env, fs, path::PathBuf};

use strongroom_tests::forge::{
    Bag, Cipher, Forge, Hash, Mac, Pbes1, Scheme, Secret,
    bag::{encrypted_safe, encrypted_safe_of, safe_contents},
    content_info,
    der::{bmp, explicit, implicit, indefinite, integer, null, octets, oid, segmented, sequence, tlv, utf8},
};

const PASSWORD: &str = "changeit";
/// As OpenSSL does.
const ITERATIONS: u64 = 2048;
const CSP_NAME: &str = "1.3.6.1.4.1.311.17.1";
const LOCAL_KEY_SET: &str = "1.3.6.1.4.1.311.17.2";
const TRUSTED_KEY_USAGE: &str = "2.16.840.1.113894.746875.1.1";

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, out, shape] = arguments.as_slice() else { panic!("forge-fixture FOLDER OUT SHAPE") };
    let material = Material { folder: folder.into() };
    let family = [macs, protections, passwords, bags, attributes, ends];
    let file = family.iter().find_map(|make| make(&material, shape));
    fs::write(out, file.unwrap_or_else(|| panic!("no shape {shape}"))).unwrap();
}

/// What was issued.
struct Material {
    folder: PathBuf,
}

impl Material {
    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A private key, PKCS #8.
    fn key(&self, name: &str) -> Vec<u8> {
        pem::parse(self.read(&format!("{name}.key"))).unwrap().into_contents()
    }

    /// A certificate, DER.
    fn certificate(&self, name: &str) -> Vec<u8> {
        pem::parse(self.read(&format!("{name}.pem"))).unwrap().into_contents()
    }

    /// The certificate of the pair that most shapes hold.
    fn shop(&self) -> Bag {
        Bag::certificate(&self.certificate("shop")).friendly_name("shop").local_key_id(&[1])
    }

    /// Its private key.
    fn shop_key(&self, scheme: &Scheme, secret: &Secret) -> Bag {
        Bag::shrouded(&self.key("shop"), scheme, secret).friendly_name("shop").local_key_id(&[1])
    }

    /// A usual file but for what encrypts it.
    fn under(&self, scheme: &Scheme) -> Forge {
        self.read_as(&secret(), &secret(), scheme)
    }

    /// A usual file whose MAC and whose encryption take the password in these octets.
    fn read_as(&self, mac: &Secret, rest: &Secret, scheme: &Scheme) -> Forge {
        Forge::new(mac.clone())
            .safe(encrypted_safe(&[self.shop()], scheme, rest))
            .plain(&[self.shop_key(scheme, rest)])
            .mac(usual_mac())
    }

    /// The certificate and its key in one plain safe, with other bags before and between.
    fn beside(&self, before: &[Bag], between: &[Bag]) -> Forge {
        let bags = [before, &[self.shop()], between, &[self.shop_key(&usual(), &secret())]].concat();
        Forge::new(secret()).plain(&bags).mac(usual_mac())
    }
}

fn secret() -> Secret {
    Secret::of(PASSWORD)
}

fn usual() -> Scheme {
    Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, ITERATIONS)
}

fn usual_mac() -> Mac {
    Mac::pkcs12(Hash::Sha256, ITERATIONS)
}

/// PBMAC1 (RFC 9879): every hash, the shortest and the longest key, and what is refused.
fn macs(material: &Material, shape: &str) -> Option<Vec<u8>> {
    let same = |hash, key_len: u64| Mac::pbmac1(hash, ITERATIONS, key_len);
    let mac = match shape {
        "pbmac1-sha1" => same(Hash::Sha1, 20),
        "pbmac1-sha224" => same(Hash::Sha224, 28),
        "pbmac1-sha256-shortest" => same(Hash::Sha256, 20),
        "pbmac1-sha256-longest" => same(Hash::Sha256, 64),
        "pbmac1-sha384" => same(Hash::Sha384, 48),
        "pbmac1-sha512" => same(Hash::Sha512, 64),
        "pbmac1-sha512-224" => same(Hash::Sha512_224, 28),
        "pbmac1-sha512-256" => same(Hash::Sha512_256, 32),
        "pbmac1-two-hashes" => Mac::pbmac1_by(Hash::Sha1, Hash::Sha512, ITERATIONS, 64),
        "pbmac1-key-too-short" => same(Hash::Sha256, 19),
        "pbmac1-key-too-long" => same(Hash::Sha256, 65),
        "pbmac1-no-key-length" => Mac::pbmac1_without_key_len(Hash::Sha256, ITERATIONS),
        "mac-one-iteration" => Mac::pkcs12(Hash::Sha256, 1).without_count(),
        "mac-salt-64" => usual_mac().salt(&[7; 64]),
        "mac-salt-longest" => usual_mac().salt(&[7; 1024]),
        "mac-salt-too-long" => usual_mac().salt(&[7; 1025]),
        _ => return None,
    };
    Some(material.under(&usual()).mac(mac).build())
}

/// Encryption of certificates and keys, and keys that OpenSSL encrypted.
fn protections(material: &Material, shape: &str) -> Option<Vec<u8>> {
    if let Some(name) = shape.strip_prefix("key-by-openssl-") {
        let info = material.read(&format!("{name}.p8"));
        let key = Bag::of_type(2, &info).friendly_name("shop").local_key_id(&[1]);
        return Some(Forge::new(secret()).plain(&[material.shop(), key]).mac(usual_mac()).build());
    }
    let pbkdf2 = |cipher, prf| Scheme::pbkdf2(cipher, prf, ITERATIONS);
    let pbes1 = |cipher| Scheme::pbes1(cipher, ITERATIONS);
    let scheme = match shape {
        "aes128-gcm" => pbkdf2(Cipher::Aes128Gcm, Hash::Sha256),
        "aes192-gcm" => pbkdf2(Cipher::Aes192Gcm, Hash::Sha384),
        "aes256-gcm" => pbkdf2(Cipher::Aes256Gcm, Hash::Sha512),
        "aes192-cbc" => pbkdf2(Cipher::Aes192, Hash::Sha1),
        "prf-sha224" => pbkdf2(Cipher::Aes256, Hash::Sha224),
        "prf-sha384" => pbkdf2(Cipher::Aes256, Hash::Sha384),
        "prf-sha512" => pbkdf2(Cipher::Aes256, Hash::Sha512),
        "prf-sha512-224" => pbkdf2(Cipher::Aes256, Hash::Sha512_224),
        "prf-sha512-256" => pbkdf2(Cipher::Aes256, Hash::Sha512_256),
        "3des-sha512" => pbkdf2(Cipher::TripleDes, Hash::Sha512),
        "scrypt" => Scheme::scrypt(16384, 8, 1),
        "iv-segmented" => usual().iv_in_segments(),
        "pbkdf2-salt-48" => usual().salt(&[7; 48]),
        "pbkdf2-salt-64" => usual().salt(&[7; 64]),
        "pbkdf2-salt-longest" => usual().salt(&[7; 1024]),
        "pbkdf2-salt-too-long" => usual().salt(&[7; 1025]),
        "pbes1-salt-64" => pbes1(Pbes1::TripleDes3).salt(&[7; 64]),
        "scrypt-salt-64" => Scheme::scrypt(16384, 8, 1).salt(&[7; 64]),
        "pbes1-rc2-40" => pbes1(Pbes1::Rc2_40),
        "pbes1-rc4-40" => pbes1(Pbes1::Rc4_40),
        "pbes1-rc4-128" => pbes1(Pbes1::Rc4_128),
        "pbes1-rc2-128" => pbes1(Pbes1::Rc2_128),
        "pbes1-2-key-3des" => pbes1(Pbes1::TripleDes2),
        _ => return None,
    };
    Some(material.under(&scheme).build())
}

/// The octets that programs made of a password.
fn passwords(material: &Material, shape: &str) -> Option<Vec<u8>> {
    let text = "schlüssel";
    let with_utf8 = |bytes: &[u8]| {
        let mut secret = Secret::of(text);
        bytes.clone_into(&mut secret.utf8);
        secret
    };
    let same = |secret: &Secret, scheme: &Scheme| material.read_as(secret, secret, scheme).build();
    let pbes1 = Scheme::pbes1(Pbes1::TripleDes3, ITERATIONS);
    let file = match shape {
        "password-latin1" => same(&with_utf8(b"schl\xfcssel"), &usual()),
        "password-low-bytes" => {
            let mut low = Secret::of("żółw");
            low.utf8 = low.bmp.chunks_exact(2).map(|unit| unit[1]).take(4).collect();
            material.read_as(&low, &low, &usual()).build()
        }
        "password-utf16" => same(&with_utf8(&Secret::of(text).bmp), &usual()),
        "password-utf8-as-latin1" => {
            let mut secret = Secret::of(text);
            secret.bmp = text.bytes().chain([0]).flat_map(|byte| [0, byte]).collect();
            same(&secret, &pbes1)
        }
        "password-utf8-as-latin1-mac" => {
            let mut mac = Secret::of(text);
            mac.bmp = text.bytes().chain([0]).flat_map(|byte| [0, byte]).collect();
            material.read_as(&mac, &Secret::of(text), &usual()).build()
        }
        "password-utf16-ascii" => {
            let mut secret = secret();
            secret.utf8 = secret.bmp.clone();
            same(&secret, &usual())
        }
        "password-decomposed" => same(&Secret::of("schlu\u{308}ssel"), &usual()),
        "password-surrogates" => same(&Secret::of("🔑 🏠"), &pbes1),
        "password-empty-zeros" => same(&Secret::of(""), &pbes1),
        "password-empty-no-bytes" => same(&Secret::absent(), &pbes1),
        "password-empty-pbes2" => same(&Secret::of(""), &usual()),
        "password-empty-mac-no-bytes" => {
            material.read_as(&Secret::absent(), &Secret::of(""), &usual()).build()
        }
        "key-password" => Forge::new(secret())
            .encrypted(&[material.shop()], &usual())
            .plain(&[material.shop_key(&usual(), &Secret::of("another"))])
            .mac(usual_mac())
            .build(),
        _ => return None,
    };
    Some(file)
}

/// Bags of every type, in any safe and any order.
fn bags(material: &Material, shape: &str) -> Option<Vec<u8>> {
    let key = || material.shop_key(&usual(), &secret());
    let file = match shape {
        "nested-deep" => {
            let inner = Bag::nested(&[Bag::nested(&[material.shop()]), key()]);
            Forge::new(secret()).encrypted(&[Bag::nested(&[inner])], &usual()).mac(usual_mac())
        }
        "key-bag" => {
            let bare = Bag::key(&material.key("shop")).local_key_id(&[1]);
            Forge::new(secret()).plain(&[bare, material.shop()]).mac(usual_mac())
        }
        "key-bag-encrypted" => {
            let bare = Bag::key(&material.key("shop")).local_key_id(&[1]);
            Forge::new(secret()).encrypted(&[bare, material.shop()], &usual()).mac(usual_mac())
        }
        "key-bag-v2" => ed25519(material, |pkcs8| Bag::key(&pkcs8)),
        "shrouded-v2" => ed25519(material, |pkcs8| Bag::shrouded(&pkcs8, &usual(), &secret())),
        "crl-bag" => material.beside(&[crl_bag(material)], &[]),
        "secret-bag" => material.beside(&[secret_bag()], &[]),
        "sdsi-certificate" => material.beside(&[sdsi_bag()], &[]),
        "unknown-bag" => material.beside(&[unknown_bag()], &[]),
        "every-odd-bag" => {
            let odd = [crl_bag(material), secret_bag(), sdsi_bag(), unknown_bag()];
            material.beside(&odd[..2], &odd[2..])
        }
        "nothing-usable" => Forge::new(secret()).plain(&[crl_bag(material), secret_bag()]).mac(usual_mac()),
        "no-safe" => Forge::new(secret()).mac(usual_mac()),
        "empty-safes" => Forge::new(secret())
            .plain(&[])
            .encrypted(&[], &usual())
            .encrypted(&[material.shop()], &usual())
            .plain(&[key()])
            .plain(&[])
            .mac(usual_mac()),
        "five-safes" => {
            let other = |name: &str| Bag::certificate(&material.certificate(name));
            let [gcm, old] = [
                Scheme::pbkdf2(Cipher::Aes128Gcm, Hash::Sha512, ITERATIONS),
                Scheme::pbes1(Pbes1::TripleDes3, ITERATIONS),
            ];
            Forge::new(secret())
                .encrypted(&[other("root-rsa")], &gcm)
                .plain(&[Bag::shrouded(&material.key("www"), &usual(), &secret())])
                .encrypted(&[other("intermediate-rsa")], &old)
                .plain(&[])
                .encrypted(&[other("www")], &usual())
                .mac(usual_mac())
        }
        "same-certificate-twice" => material.beside(&[material.shop()], &[]),
        "broken-certificate-beside" => material.beside(&[Bag::certificate(b"\x30\x03\x02\x01\x00")], &[]),
        _ => return None,
    };
    Some(file.build())
}

/// An Ed25519 pair whose key carries its public key (RFC 5958, version 2).
fn ed25519(material: &Material, bag: impl Fn(Vec<u8>) -> Bag) -> Forge {
    let certificate = material.certificate("ed25519");
    let spki = [&tlv(0x30, &oid("1.3.101.112"))[..], b"\x03\x21\x00"].concat();
    let start = certificate.windows(spki.len()).position(|window| window == spki).unwrap() + spki.len();
    let public = [b"\0", &certificate[start..start + 32]].concat();
    // PrivateKeyInfo of 48 bytes: the seed stands at its end, in an OCTET STRING in an OCTET STRING.
    let pkcs8 = material.key("ed25519");
    let seed = &pkcs8[pkcs8.len() - 34..];
    let algorithm = sequence(&[oid("1.3.101.112")]);
    let key = sequence(&[integer(&[1]), algorithm, octets(seed), implicit(1, &public)]);
    Forge::new(secret()).plain(&[Bag::certificate(&certificate), bag(key)]).mac(usual_mac())
}

fn crl_bag(material: &Material) -> Bag {
    let crl = octets(&material.read("crl.der"));
    Bag::of_type(4, &sequence(&[oid("1.2.840.113549.1.9.23.1"), explicit(0, &crl)]))
}

fn secret_bag() -> Bag {
    Bag::of_type(5, &sequence(&[oid("2.999.2"), explicit(0, &octets(b"not for a server"))]))
}

fn sdsi_bag() -> Bag {
    let certificate = tlv(0x16, b"KFNEU0kp");
    Bag::of_type(3, &sequence(&[oid("1.2.840.113549.1.9.22.2"), explicit(0, &certificate)]))
}

fn unknown_bag() -> Bag {
    Bag::raw(oid("2.999.3"), explicit(0, &utf8("for another program")))
}

/// The attributes of Microsoft and Oracle, and friendly names of every form.
fn attributes(material: &Material, shape: &str) -> Option<Vec<u8>> {
    let pair = |key: fn(Bag) -> Bag, certificate: fn(Bag) -> Bag| {
        let bare = Bag::shrouded(&material.key("shop"), &usual(), &secret());
        let bags = [certificate(Bag::certificate(&material.certificate("shop"))), key(bare)];
        Forge::new(secret()).plain(&bags).mac(usual_mac())
    };
    let file = match shape {
        "attributes-microsoft" => pair(
            |key| {
                key.attribute(CSP_NAME, &[bmp("Microsoft Software Key Storage Provider")])
                    .attribute(LOCAL_KEY_SET, &[])
                    .friendly_name("{1F2E3D4C-0000-4000-8000-000000000001}")
                    .local_key_id(&[1, 0, 0, 0])
            },
            |certificate| certificate.local_key_id(&[1, 0, 0, 0]),
        ),
        "attributes-oracle" => pair(
            |key| key,
            |certificate| {
                certificate.attribute(TRUSTED_KEY_USAGE, &[oid("2.5.29.37.0")]).friendly_name("shop")
            },
        ),
        "attributes-none" => pair(|key| key, |certificate| certificate),
        "attributes-unknown" => pair(
            |key| key.attribute("2.999.4", &[utf8("?"), null()]).local_key_id(&[9]),
            |certificate| certificate.local_key_id(&[9]),
        ),
        "friendly-name-utf8" => {
            pair(|key| key.attribute("1.2.840.113549.1.9.20", &[utf8("магазин")]), |certificate| certificate)
        }
        "friendly-name-integer" => {
            pair(|key| key.attribute("1.2.840.113549.1.9.20", &[integer(&[7])]), |certificate| certificate)
        }
        _ => return None,
    };
    Some(file.build())
}

/// What is around a PFX, and how its values are encoded.
fn ends(material: &Material, shape: &str) -> Option<Vec<u8>> {
    let whole = material.under(&usual());
    let file = match shape {
        "trailing-zeros-many" => whole.trailing(vec![0; 1000]).build(),
        "trailing-line-end" => whole.trailing(b"\n".to_vec()).build(),
        "version-long-form" => whole.version(vec![2, 0x84, 0, 0, 0, 1, 3]).build(),
        "trailing-bytes" => whole.trailing(vec![0, 0, 1]).build(),
        "trailing-pfx" => whole.clone().trailing(whole.build()).build(),
        "pem-armour" => pem::encode(&pem::Pem::new("PKCS12", whole.build())).into_bytes(),
        "ber-everywhere" => ber_everywhere(material),
        _ => return None,
    };
    Some(file)
}

/// Indefinite lengths and strings in segments, at every layer.
fn ber_everywhere(material: &Material) -> Vec<u8> {
    let scheme = usual();
    let certificate = segmented(&material.certificate("shop"), 100);
    let certificate = Bag::of_type(
        3,
        &indefinite(0x30, &[oid("1.2.840.113549.1.9.22.1"), indefinite(0xa0, &certificate)].concat()),
    );
    let encrypted = segments(0xa0, &scheme.encrypt(&safe_contents(&[certificate]), &secret()), 64);
    let shrouded = octets(&scheme.encrypt(&material.key("shop"), &secret()));
    let key = Bag::of_type(2, &indefinite(0x30, &[scheme.algorithm(), shrouded].concat()));
    let plain = segmented(&indefinite(0x30, &key.der()), 50);
    let safes = [encrypted_safe_of(&scheme.algorithm(), &encrypted), content_info(&plain)];
    Forge::new(secret())
        .auth_safe(indefinite(0x30, &safes.concat()))
        .wrap(|auth_safe| content_info(&segmented(auth_safe, 90)))
        .mac(usual_mac())
        .indefinite()
        .build()
}

/// An implicitly tagged OCTET STRING of segments.
fn segments(tag: u8, content: &[u8], size: usize) -> Vec<u8> {
    indefinite(tag, &content.chunks(size).map(octets).collect::<Vec<_>>().concat())
}
