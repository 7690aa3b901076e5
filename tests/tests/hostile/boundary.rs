//! Every limit at its boundary: what is within opens, one more is refused and the message names it.

use libtest_mimic::{Failed, Trial};
use strongroom::limits::Limits;
use strongroom_tests::forge::{
    Bag, Cipher, Forge, Hash, Mac, Pbes1, Scheme,
    bag::{plain_safe_of, safe_contents},
    der::{Length, indefinite, nested, null, octets, oid},
};

use super::check::{
    PASSWORD, certificate_bag, file, file_with, key_bag, open, plain_file, scheme, secret, trial,
};

pub fn trials() -> Vec<Trial> {
    let mut all = lengths();
    all.extend(iterations());
    all.extend(total_work());
    all.extend(scrypt());
    all.extend(pbmac1());
    all.extend(salts());
    all.extend(numbers());
    all.extend(strings());
    all.extend(depth());
    all
}

/// A field of [`Limits`], or a constant of the engine, with files around it.
struct Edge<M> {
    name: &'static str,
    code: &'static str,
    /// What the refusal speaks of.
    about: &'static str,
    limits: Limits,
    make: M,
}

impl<M: Fn(usize) -> Vec<u8> + Clone + Send + 'static> Edge<M> {
    fn trials(
        self,
        open: impl IntoIterator<Item = usize>,
        refused: impl IntoIterator<Item = usize>,
    ) -> Vec<Trial> {
        let Self { name, code, about, limits, make } = self;
        let copy = make.clone();
        let opens = open.into_iter().map(move |value| {
            let make = make.clone();
            trial("boundary", &format!("{name}_{value}_opens"), move || opened(&make(value), &limits))
        });
        let refuses = refused.into_iter().map(move |value| {
            let make = copy.clone();
            trial("boundary", &format!("{name}_{value}_is_refused"), move || {
                named(&make(value), &limits, code, about)
            })
        });
        opens.chain(refuses).collect()
    }

    /// One less, the limit, one more.
    fn around(self, limit: usize) -> Vec<Trial> {
        self.trials([limit - 1, limit], [limit + 1])
    }
}

fn opened(file: &[u8], limits: &Limits) -> Result<(), Failed> {
    open(file, PASSWORD, limits).map(|_| ()).map_err(|error| format!("{}: {error}", error.code()).into())
}

fn named(file: &[u8], limits: &Limits, code: &str, about: &str) -> Result<(), Failed> {
    match open(file, PASSWORD, limits) {
        Ok(_) => Err(format!("opened; expected {code}").into()),
        Err(error) if error.code() == code && error.to_string().contains(about) => Ok(()),
        Err(error) => Err(format!("{}: {error}; expected {code} about {about}", error.code()).into()),
    }
}

fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

fn number(value: usize) -> u64 {
    u64::try_from(value).unwrap()
}

fn lengths() -> Vec<Trial> {
    let filled = |len: usize| {
        let file = file().build();
        [file.clone(), vec![0; len - file.len()]].concat()
    };
    let certificate = |len: usize| plain_file(key_bag(), Bag::certificate(&vec![0x30; len])).build();
    let edge = Edge {
        name: "file_length",
        code: "file_too_large",
        about: "limit",
        limits: Limits::default(),
        make: filled,
    };
    let mut all = edge.around(1 << 20);
    let lowered = limits(|limits| limits.max_file_len = 5000);
    all.extend(
        Edge {
            name: "file_length_lowered",
            code: "file_too_large",
            about: "5000",
            limits: lowered,
            make: filled,
        }
        .around(5000),
    );
    let edge = Edge {
        name: "certificate_length",
        code: "too_many",
        about: "bytes in a certificate",
        limits: Limits::default(),
        make: certificate,
    };
    all.extend(edge.around(64 * 1024));
    all
}

fn iterations() -> Vec<Trial> {
    type Make = fn(usize) -> Vec<u8>;
    let places: [(&'static str, &'static str, Make); 6] = [
        ("mac_iterations", "the MAC's iteration count", |n| {
            file().mac(Mac::pkcs12(Hash::Sha1, number(n))).build()
        }),
        ("pbmac1_iterations", "the PBKDF2 iteration count", |n| {
            file().mac(Mac::pbmac1(Hash::Sha256, number(n), 32)).build()
        }),
        ("pbes1_iterations", "the PBES1 iteration count", |n| {
            file_with(&Scheme::pbes1(Pbes1::Rc2_40, number(n)), &scheme()).build()
        }),
        ("pbes1_key_iterations", "the PBES1 iteration count", |n| {
            file_with(&scheme(), &Scheme::pbes1(Pbes1::TripleDes3, number(n))).build()
        }),
        ("pbkdf2_iterations", "the PBKDF2 iteration count", |n| {
            file_with(&Scheme::pbkdf2(Cipher::Aes256, Hash::Sha512, number(n)), &scheme()).build()
        }),
        ("pbkdf2_key_iterations", "the PBKDF2 iteration count", |n| {
            file_with(&scheme(), &Scheme::pbkdf2(Cipher::Aes128, Hash::Sha1, number(n))).build()
        }),
    ];
    let lowered = limits(|limits| limits.max_iterations = 1000);
    let mut all = Vec::new();
    for (name, about, make) in places {
        let edge = Edge { name, code: "bad_parameter", about, limits: lowered, make };
        all.extend(edge.trials([1, 999, 1000], [0, 1001]));
    }
    all
}

/// What is charged is iterations times blocks, over all derivations of a file.
fn total_work() -> Vec<Trial> {
    type Make = fn(usize) -> Vec<u8>;
    // The rest of each file costs what is left to 1000.
    let places: [(&'static str, Make); 5] = [
        // MAC; certificate and key with one block each.
        ("work_of_mac", |n| {
            let scheme = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, 100);
            file_with(&scheme, &scheme).mac(Mac::pkcs12(Hash::Sha256, number(n - 200))).build()
        }),
        ("work_of_pbkdf2_blocks", |n| {
            // 32 bytes of key take two blocks of SHA-1.
            let (two, one) = (
                Scheme::pbkdf2(Cipher::Aes256, Hash::Sha1, 300),
                Scheme::pbkdf2(Cipher::Aes128, Hash::Sha1, 100),
            );
            file_with(&two, &one).mac(Mac::pkcs12(Hash::Sha1, number(n - 700))).build()
        }),
        ("work_of_pbes1_blocks", |n| {
            // 24 bytes of key take two, the vector one more; five bytes and the vector two.
            let (three, two) = (Scheme::pbes1(Pbes1::TripleDes3, 100), Scheme::pbes1(Pbes1::Rc2_40, 100));
            file_with(&three, &two).mac(Mac::pkcs12(Hash::Sha1, number(n - 500))).build()
        }),
        ("work_of_rc4", |n| {
            let scheme = Scheme::pbes1(Pbes1::Rc4_128, 100);
            file_with(&scheme, &scheme).mac(Mac::pkcs12(Hash::Sha1, number(n - 200))).build()
        }),
        ("work_of_pbmac1_blocks", |n| {
            // 64 bytes of key take two blocks of SHA-256.
            let scheme = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, number(n - 400) / 2);
            let rest = Scheme::pbkdf2(Cipher::Aes256, Hash::Sha256, number(n - 400).div_ceil(2));
            file_with(&scheme, &rest).mac(Mac::pbmac1(Hash::Sha256, 200, 64)).build()
        }),
    ];
    let lowered = limits(|limits| limits.max_work = 1000);
    let mut all = Vec::new();
    for (name, make) in places {
        all.extend(Edge { name, code: "too_much_work", about: "1000", limits: lowered, make }.around(1000));
    }
    // Two units for each N*r*p.
    let make = |p: usize| file_with(&Scheme::scrypt(16, 2, number(p)), &scheme()).build();
    let lowered = limits(|limits| limits.max_work = 16 * 2 * 2 * 4 + 2);
    all.extend(
        Edge { name: "work_of_scrypt", code: "too_much_work", about: "258", limits: lowered, make }.around(4),
    );
    all
}

fn scrypt() -> Vec<Trial> {
    let by_r = |r: usize| file_with(&Scheme::scrypt(1024, number(r), 1), &scheme()).build();
    // 128*r*(N + p + 1): the engine may count the working blocks with the table.
    let lowered = limits(|limits| limits.max_scrypt_memory = 128 * 8 * 1026);
    let mut all =
        Edge { name: "scrypt_r", code: "bad_parameter", about: "scrypt", limits: lowered, make: by_r }
            .around(8);
    let by_n = |log: usize| file_with(&Scheme::scrypt(1 << log, 1, 1), &scheme()).build();
    let lowered = limits(|limits| limits.max_scrypt_memory = 128 * 1026);
    all.extend(
        Edge { name: "scrypt_log_n", code: "bad_parameter", about: "scrypt", limits: lowered, make: by_n }
            .around(10),
    );
    let by_p = |p: usize| file_with(&Scheme::scrypt(16, 1, number(p)), &scheme()).build();
    all.extend(
        Edge {
            name: "scrypt_p",
            code: "bad_parameter",
            about: "scrypt",
            limits: Limits::default(),
            make: by_p,
        }
        .trials([1, 15, 16], [17]),
    );
    all
}

fn pbmac1() -> Vec<Trial> {
    let make = |len: usize| file().mac(Mac::pbmac1(Hash::Sha256, 2, number(len))).build();
    Edge {
        name: "pbmac1_key_length",
        code: "bad_parameter",
        about: "the key length of PBMAC1",
        limits: Limits::default(),
        make,
    }
    .trials([20, 21, 63, 64], [19, 65])
}

fn salts() -> Vec<Trial> {
    type Make = fn(usize) -> Vec<u8>;
    let places: [(&'static str, Make); 5] = [
        ("mac_salt", |n| file().mac(Mac::pkcs12(Hash::Sha256, 1).salt(&vec![7; n])).build()),
        ("pbmac1_salt", |n| file().mac(Mac::pbmac1(Hash::Sha256, 1, 32).salt(&vec![7; n])).build()),
        ("pbes1_salt", |n| {
            file_with(&Scheme::pbes1(Pbes1::TripleDes3, 1).salt(&vec![7; n]), &scheme()).build()
        }),
        ("pbkdf2_salt", |n| file_with(&scheme(), &scheme().salt(&vec![7; n])).build()),
        ("scrypt_salt", |n| file_with(&scheme(), &Scheme::scrypt(2, 1, 1).salt(&vec![7; n])).build()),
    ];
    let mut all = Vec::new();
    for (name, make) in places {
        let edge = Edge { name, code: "bad_parameter", about: "salt", limits: Limits::default(), make };
        // An empty salt is weak, and real.
        all.extend(edge.trials([0, 1, 1023, 1024], [1025]));
    }
    all
}

fn numbers() -> Vec<Trial> {
    type Make = fn(usize) -> Vec<u8>;
    let places: [(&'static str, &'static str, usize, Make); 7] = [
        ("bags", "bags", 1024, |n| {
            let bags = [vec![key_bag(), certificate_bag()], vec![Bag::of_type(99, &null()); n - 2]].concat();
            Forge::new(secret()).plain(&bags).build()
        }),
        ("bags_over_safes", "bags", 1024, |n| {
            let odd = |n| vec![Bag::of_type(99, &null()); n];
            let forge = Forge::new(secret()).plain(&[key_bag(), certificate_bag()]);
            forge.plain(&odd(511)).plain(&odd(n - 513)).build()
        }),
        ("bags_nested", "bags", 1024, |n| {
            let nest = Bag::nested(&vec![Bag::of_type(99, &null()); n - 3]);
            Forge::new(secret()).plain(&[nest, key_bag(), certificate_bag()]).build()
        }),
        ("keys", "private keys", 256, |n| {
            Forge::new(secret()).plain(&[vec![key_bag(); n], vec![certificate_bag()]].concat()).build()
        }),
        ("certificates", "certificates", 512, |n| {
            Forge::new(secret()).plain(&[vec![certificate_bag(); n], vec![key_bag()]].concat()).build()
        }),
        ("safes", "safes", 1024, |n| {
            let forge = Forge::new(secret()).plain(&[key_bag(), certificate_bag()]);
            (1..n).fold(forge, |forge, _| forge.plain(&[])).build()
        }),
        ("nested_safe_contents", "nested SafeContents", 4, |n| {
            let bags = (0..n).fold(vec![key_bag(), certificate_bag()], |bags, _| vec![Bag::nested(&bags)]);
            Forge::new(secret()).plain(&bags).build()
        }),
    ];
    let mut all = Vec::new();
    for (name, about, limit, make) in places {
        all.extend(Edge { name, code: "too_many", about, limits: Limits::default(), make }.around(limit));
    }
    type Set = fn(&mut Limits);
    let lowered: [(&'static str, Set); 4] = [
        ("safes_lowered", |limits| limits.max_safes = 5),
        ("bags_lowered", |limits| limits.max_bags = 5),
        ("keys_lowered", |limits| limits.max_keys = 5),
        ("certificates_lowered", |limits| limits.max_certificates = 5),
    ];
    for (name, set) in lowered {
        let make = move |n: usize| {
            let bag = if name.starts_with("cert") { certificate_bag() } else { key_bag() };
            let (safes, bags) = if name.starts_with("safes") { (n, 1) } else { (1, n) };
            (0..safes).fold(Forge::new(secret()), |forge, _| forge.plain(&vec![bag.clone(); bags])).build()
        };
        all.extend(Edge { name, code: "too_many", about: "5", limits: limits(set), make }.around(5));
    }
    all
}

fn strings() -> Vec<Trial> {
    let contents = || safe_contents(&[key_bag(), certificate_bag()]);
    let levels = move |n: usize| {
        let string = nested(0x24, n, &octets(&contents()), Length::Definite);
        Forge::new(secret()).safe(plain_safe_of(&string)).build()
    };
    let edge = Edge {
        name: "string_nesting",
        code: "malformed",
        about: "a string nested too deep",
        limits: Limits::default(),
        make: levels,
    };
    let mut all = edge.around(4);
    let segments = move |n: usize| {
        let string = [octets(&contents()), [0x04, 0x00].repeat(n - 1)].concat();
        Forge::new(secret()).safe(plain_safe_of(&indefinite(0x24, &string))).build()
    };
    let edge = Edge {
        name: "string_segments",
        code: "too_many",
        about: "segments",
        limits: Limits::default(),
        make: segments,
    };
    all.extend(edge.around(65_536));
    all
}

fn depth() -> Vec<Trial> {
    // PFX, ContentInfo, [0], OCTET STRING; the same again for AuthenticatedSafe; SafeContents, SafeBag, [0], CertBag,
    // [0], OCTET STRING.
    let plain = |_: usize| plain_file(key_bag(), certificate_bag()).build();
    let mut all = Vec::new();
    for (name, limit) in [
        ("depth_of_the_usual_file_under_13", 13),
        ("depth_of_the_usual_file_under_10", 10),
        ("depth_of_the_usual_file_under_1", 1),
    ] {
        let lowered = limits(|limits| limits.max_depth = limit);
        all.extend(
            Edge { name, code: "too_many", about: "levels of nesting", limits: lowered, make: plain }
                .trials([], [0]),
        );
    }
    for (name, limit) in [("depth_of_the_usual_file_under_14", 14), ("depth_of_the_usual_file_under_15", 15)]
    {
        let lowered = limits(|limits| limits.max_depth = limit);
        all.extend(
            Edge { name, code: "too_many", about: "levels of nesting", limits: lowered, make: plain }
                .trials([0], []),
        );
    }
    // What is in the value of a bag is at depth 11; 21 levels of indefinite length reach 32.
    let open = |levels: usize| {
        let odd = endless(levels);
        Forge::new(secret()).plain(&[odd, key_bag(), certificate_bag()]).build()
    };
    let edge = Edge {
        name: "depth_of_indefinite_lengths",
        code: "too_many",
        about: "levels of nesting",
        limits: Limits::default(),
        make: open,
    };
    all.extend(edge.around(21));
    // Through the layer of encryption.
    let encrypted = |levels: usize| {
        let odd = endless(levels);
        Forge::new(secret()).encrypted(&[odd, certificate_bag()], &scheme()).plain(&[key_bag()]).build()
    };
    let edge = Edge {
        name: "depth_behind_encryption",
        code: "too_many",
        about: "levels of nesting",
        limits: Limits::default(),
        make: encrypted,
    };
    all.extend(edge.around(21));
    all
}

/// A bag of unknown type whose value is of indefinite length, as are so many levels in it: none can be skipped unread.
fn endless(levels: usize) -> Bag {
    let inside = nested(0x30, levels, &null(), Length::Indefinite);
    Bag::raw(oid("1.2.840.113549.1.12.10.1.99"), indefinite(0xa0, &inside))
}
