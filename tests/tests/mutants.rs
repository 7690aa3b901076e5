//! Certificates with a few bytes changed, signed again: none that OpenSSL calls invalid is accepted.
//!
//! Each mutant is judged by the engine and by `openssl verify -x509_strict`. Where OpenSSL refuses and the engine does
//! not, the reason stands in `openssl-exceptions.toml`; a reason there that no mutant needs fails as well. Without
//! openssl the test is skipped, and says so. The mutants are the same each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use serde::Deserialize;
use strongroom::{
    certificate::Certificate,
    validate::{Authorities, Policy, Trust, verify},
};
use strongroom_tests::{
    authority::{NOW, TestCa, ca_params, leaf_params, now, self_signed},
    forge::der::{sequence, set, tlv},
    mutation::{Random, changed},
    remake::Fields,
};

/// How many mutants there are of each kind of place.
const OF_EACH: usize = 115;

#[derive(Deserialize)]
struct Exceptions {
    exception: Vec<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// What OpenSSL says.
    openssl: String,
    /// Bytes that stand in the changed part, in hexadecimal, where OpenSSL's words alone say too little.
    #[serde(default)]
    part: String,
    reason: String,
}

/// Leaf, intermediate and root, and the keys that sign them.
struct Chain {
    ders: [Vec<u8>; 3],
    signers: [KeyPair; 3],
}

/// The place of a certificate in the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Link {
    Leaf,
    Intermediate,
    Root,
}

impl Link {
    fn place(self) -> usize {
        match self {
            Self::Leaf => 0,
            Self::Intermediate => 1,
            Self::Root => 2,
        }
    }
}

/// A mutant: where it was changed, and the chain.
type Mutant = (Link, Place, [Vec<u8>; 3]);

/// What is changed in it.
#[derive(Clone, Copy, Debug)]
enum Place {
    Subject,
    Issuer,
    /// The extension 2.5.29.n.
    Extension(u8),
}

const KEY_USAGE: u8 = 15;
const ALTERNATIVE_NAMES: u8 = 17;
const BASIC_CONSTRAINTS: u8 = 19;
const NAME_CONSTRAINTS: u8 = 30;
const EXTENDED_KEY_USAGE: u8 = 37;

const PLACES: [(Link, Place); 18] = [
    (Link::Leaf, Place::Subject),
    (Link::Leaf, Place::Issuer),
    (Link::Leaf, Place::Extension(KEY_USAGE)),
    (Link::Leaf, Place::Extension(ALTERNATIVE_NAMES)),
    (Link::Leaf, Place::Extension(BASIC_CONSTRAINTS)),
    (Link::Leaf, Place::Extension(EXTENDED_KEY_USAGE)),
    (Link::Intermediate, Place::Subject),
    (Link::Intermediate, Place::Issuer),
    (Link::Intermediate, Place::Extension(KEY_USAGE)),
    (Link::Intermediate, Place::Extension(BASIC_CONSTRAINTS)),
    (Link::Intermediate, Place::Extension(NAME_CONSTRAINTS)),
    (Link::Intermediate, Place::Extension(EXTENDED_KEY_USAGE)),
    (Link::Intermediate, Place::Extension(ALTERNATIVE_NAMES)),
    (Link::Root, Place::Subject),
    (Link::Root, Place::Extension(KEY_USAGE)),
    (Link::Root, Place::Extension(BASIC_CONSTRAINTS)),
    (Link::Root, Place::Extension(NAME_CONSTRAINTS)),
    (Link::Root, Place::Extension(EXTENDED_KEY_USAGE)),
];

fn organisation(params: &mut CertificateParams, name: &str) {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, "DE");
    subject.push(DnType::OrganizationName, "Example");
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
}

fn constraints() -> NameConstraints {
    let mut inside = DistinguishedName::new();
    inside.push(DnType::CountryName, "DE");
    let mut other = DistinguishedName::new();
    other.push(DnType::OrganizationName, "Other");
    NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("example.test".to_owned()),
            GeneralSubtree::DirectoryName(inside),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8)),
            GeneralSubtree::Rfc822Name("example.test".to_owned()),
        ],
        excluded_subtrees: vec![
            GeneralSubtree::DnsName("secret.example.test".to_owned()),
            GeneralSubtree::DirectoryName(other),
        ],
    }
}

impl Chain {
    fn new() -> Self {
        let authority = |name: &str, below: u8| {
            let mut params = ca_params(name);
            organisation(&mut params, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            params.name_constraints = Some(constraints());
            params
        };
        let root = self_signed(authority("Root", 2), KeyPair::generate().unwrap());
        let mut params = authority("Issuing", 0);
        params.subject_alt_names = vec![SanType::DnsName("ca.example.test".try_into().unwrap())];
        let issuing: TestCa = root.issue_ca(params);
        let mut params = leaf_params("www.example.test");
        organisation(&mut params, "www.example.test");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.subject_alt_names.push(SanType::IpAddress([10, 1, 2, 3].into()));
        params.subject_alt_names.push(SanType::Rfc822Name("me@example.test".try_into().unwrap()));
        let leaf = issuing.issue(&params, &[]).leaf().clone();
        let ders = [leaf.der().to_vec(), issuing.file().to_vec(), root.file().to_vec()];
        Self { ders, signers: [issuing.key(), root.key(), root.key()] }
    }

    /// What the exceptions are about, so that each is tried whatever the random mutants are.
    fn exceptional(&self) -> Vec<Mutant> {
        let with = |link: Link, place: Place, change: &dyn Fn(&mut Fields)| {
            let mut ders = self.ders.clone();
            let n = link.place();
            let mut fields = Fields::of(&ders[n]);
            change(&mut fields);
            ders[n] = fields.sign(&self.signers[n]);
            (link, place, ders)
        };
        let usage = Place::Extension(KEY_USAGE);
        let constraints = Place::Extension(BASIC_CONSTRAINTS);
        let visible = set(&[sequence(&[tlv(6, &[0x55, 4, 6]), tlv(0x1a, b"DE")])]);
        vec![
            with(Link::Leaf, Place::Subject, &|fields| fields.subject = sequence::<&[u8]>(&[])),
            with(Link::Leaf, usage, &|fields| fields.extension(KEY_USAGE).value = vec![3, 2, 2, 0x84]),
            with(Link::Intermediate, constraints, &|fields| {
                fields.extension(BASIC_CONSTRAINTS).critical.clear();
            }),
            with(Link::Leaf, Place::Subject, &|fields| {
                fields.subject = sequence(&[&visible]);
            }),
        ]
    }

    /// The chain with one place changed in one of its certificates, all that depends on it signed again.
    fn mutant(&self, link: Link, place: Place, random: &mut Random) -> [Vec<u8>; 3] {
        let mut fields = self.ders.each_ref().map(|der| Fields::of(der));
        let own = link.place();
        match place {
            Place::Subject => {
                fields[own].subject = changed(&fields[own].subject, random);
                // Mostly those below name the changed issuer, so that the chain of names holds.
                if random.below(4) > 0 {
                    let subject = fields[own].subject.clone();
                    match link {
                        Link::Leaf => {}
                        Link::Intermediate => fields[0].issuer = subject,
                        Link::Root => {
                            fields[1].issuer.clone_from(&subject);
                            fields[2].issuer = subject;
                        }
                    }
                }
            }
            Place::Issuer => fields[own].issuer = changed(&fields[own].issuer, random),
            Place::Extension(arc) => {
                let extension = fields[own].extension(arc);
                extension.value = changed(&extension.value, random);
                // The flag of criticality is a place as well.
                if random.below(16) == 0 {
                    let flags: [&[u8]; 5] = [&[], &[1, 1, 0], &[1, 1, 1], &[1, 2, 0xff, 0xff], &[1, 0]];
                    extension.critical = flags[random.below(flags.len())].to_vec();
                }
            }
        }
        let mut ders = self.ders.clone();
        for (n, der) in ders.iter_mut().enumerate() {
            let again = fields[n].sign(&self.signers[n]);
            // What was not changed stays as it is, whatever its signature.
            if Fields::of(der).tbs() != fields[n].tbs() {
                *der = again;
            }
        }
        ders
    }
}

/// Whether the engine accepts a chain.
fn accepted(ders: &[Vec<u8>; 3]) -> bool {
    let [Ok(leaf), Ok(intermediate), Ok(root)] = ders.each_ref().map(|der| Certificate::from_der(der)) else {
        return false;
    };
    let mut authorities = Authorities::new();
    authorities.add(root, Trust::Anchor);
    verify(&leaf, &[intermediate], &authorities, &Policy::verification(), now()).is_ok()
}

/// What OpenSSL says of a chain; `OK` if it accepts it.
fn openssl(ders: &[Vec<u8>; 3], folder: &Path) -> String {
    let [leaf, intermediate, root] = ["leaf", "intermediate", "root"].map(|name| folder.join(name));
    for (path, der) in [&leaf, &intermediate, &root].iter().zip(ders) {
        fs::write(path, pem::encode(&pem::Pem::new("CERTIFICATE", der.as_slice()))).unwrap();
    }
    let run = Command::new("openssl")
        .args(["verify", "-x509_strict", "-attime", &NOW.to_string()])
        .arg("-CAfile")
        .arg(&root)
        .arg("-untrusted")
        .arg(&intermediate)
        .arg(&leaf)
        .output()
        .unwrap();
    if run.status.success() {
        return "OK".to_owned();
    }
    let text = String::from_utf8_lossy(&run.stderr) + String::from_utf8_lossy(&run.stdout);
    let verdict = text.lines().find_map(|line| line.strip_prefix("error ")?.split_once(" lookup: "));
    verdict.map_or_else(|| "cannot be loaded".to_owned(), |(_, what)| what.to_owned())
}

/// The changed part of a mutant, in hexadecimal.
fn part(link: Link, place: Place, ders: &[Vec<u8>; 3]) -> String {
    let mut fields = Fields::of(&ders[link.place()]);
    let bytes = match place {
        Place::Subject => &fields.subject,
        Place::Issuer => &fields.issuer,
        Place::Extension(arc) => &fields.extension(arc).value,
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn nothing_that_openssl_calls_invalid_is_accepted() {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("skipped: no openssl");
        return;
    }
    let listed: Exceptions = toml::from_str(&fs::read_to_string("openssl-exceptions.toml").unwrap()).unwrap();
    assert!(listed.exception.iter().all(|exception| exception.reason.len() > 20), "reasons");
    let chain = Chain::new();
    let scratch = tempfile::tempdir().unwrap();
    assert!(accepted(&chain.ders));
    assert_eq!(openssl(&chain.ders, scratch.path()), "OK");

    let mutants: Vec<Mutant> = {
        let mut random = Random::new(0x5eed);
        let all = PLACES.iter().flat_map(|(link, place)| std::iter::repeat_n((*link, *place), OF_EACH));
        let random = all.map(|(link, place)| (link, place, chain.mutant(link, place, &mut random)));
        random.chain(chain.exceptional()).collect()
    };
    assert!(mutants.len() >= 2000, "{}", mutants.len());
    let halves: Vec<_> = mutants.chunks(mutants.len().div_ceil(2)).enumerate().collect();
    let judged: Vec<(&Mutant, bool, String)> = std::thread::scope(|scope| {
        let judges: Vec<_> = halves
            .iter()
            .map(|(n, half)| {
                let folder = scratch.path().join(n.to_string());
                fs::create_dir(&folder).unwrap();
                scope.spawn(move || {
                    half.iter()
                        .map(|mutant| (mutant, accepted(&mutant.2), openssl(&mutant.2, &folder)))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        judges.into_iter().flat_map(|judge| judge.join().unwrap()).collect()
    });

    let mut unexplained: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut needed: BTreeSet<usize> = BTreeSet::new();
    for (mutant, ours, theirs) in &judged {
        if !ours || theirs == "OK" {
            continue;
        }
        let part = part(mutant.0, mutant.1, &mutant.2);
        let fits = |exception: &Exception| exception.openssl == *theirs && part.contains(&exception.part);
        match listed.exception.iter().position(fits) {
            Some(exception) => drop(needed.insert(exception)),
            None => {
                unexplained.entry(theirs).or_default().push(format!("{:?} {:?} {part}", mutant.0, mutant.1));
            }
        }
    }
    for (what, all) in &unexplained {
        eprintln!("accepted {} times where OpenSSL says \"{what}\":\n  {}", all.len(), all.join("\n  "));
    }
    assert!(unexplained.is_empty(), "accepted, and invalid for OpenSSL");
    assert_eq!(
        needed.len(),
        listed.exception.len(),
        "an exception that no mutant needs: {needed:?} are needed"
    );
    // Neither side refuses all of them, nor accepts them.
    let both = judged.iter().filter(|(_, ours, theirs)| *ours && theirs == "OK").count();
    let neither = judged.iter().filter(|(_, ours, theirs)| !ours && theirs != "OK").count();
    let stricter = judged.len() - both - neither;
    println!("{} mutants: {both} accepted by both, {neither} by neither, {stricter} by one", judged.len());
    assert!(both > 100 && neither > 1000, "{both} {neither}");
}
