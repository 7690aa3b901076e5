//! Which programs open a PFX, derived from the algorithms found by written rules.
//!
//! The rules speak of the right password, typed as it was typed here. They are held against the programs themselves in
//! the tests, as far as those run there; of the others no rule says what they make of a password beyond ASCII.

mod java;
mod others;

use serde::Serialize;

use super::{FileReport, KeyReport};
use crate::{
    pkcs12::{Encryption, PasswordReading, UNREADABLE_NAME},
    secret::Password,
};

/// A program, and whether it opens the file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Reader {
    /// The program as people name it.
    pub name: &'static str,
    /// Whether it opens the file with all that is in it.
    pub opens: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// What the rules ask of a file.
struct Facts<'a> {
    report: &'a FileReport,
    layers: Vec<&'a Encryption>,
    beside: &'a Beside,
}

/// What the rules ask of a file beside its report.
pub(super) struct Beside {
    /// Whether anything follows the PFX.
    pub(super) trailing: bool,
    pub(super) armoured: bool,
    /// Whether a certificate cannot be decoded for another reason than that something follows it.
    pub(super) malformed: bool,
    /// Whether a private key carries its public key (RFC 5958).
    pub(super) version_2: bool,
    pub(super) password: Spelling,
}

/// What programs may stumble on in the password that opened a file, and nothing more of it.
pub(super) struct Spelling {
    printable_ascii: bool,
    empty: bool,
    readings: Vec<PasswordReading>,
}

impl Spelling {
    /// Of a password, and of how it was read where the standard reading did not fit.
    pub(super) fn of(password: &Password, readings: &[PasswordReading]) -> Self {
        // EXPOSE: only whether there are characters, all of one class, is kept.
        let printable_ascii = password.expose().bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let empty = password.expose().is_empty();
        Self { printable_ascii, empty, readings: readings.to_vec() }
    }
}

type Rule = fn(&Facts<'_>) -> Option<String>;

const RULES: [(&str, Rule); 16] = [
    ("OpenSSL 3 without -legacy", openssl_3),
    ("OpenSSL 3.4 without -legacy", others::openssl_3_4),
    ("OpenSSL 1.1", openssl_1_1),
    ("Java before 8u301", others::java_before_8u301),
    ("Java 8u301 and 11", java),
    ("Java 17 and 21", java),
    ("Java 26", others::java_26),
    ("NSS 3.87 (Firefox)", nss),
    ("GnuTLS 3.7", gnutls),
    ("Windows Server 2016", sha1_and_pbes1),
    ("Windows Server 2019 and newer", windows_2019),
    (".NET 9 and newer (default limits)", others::dot_net),
    ("macOS 14", sha1_and_pbes1),
    ("macOS 15 and newer (security import -f pkcs12)", others::macos_15),
    ("go-pkcs12", others::go_pkcs12),
    ("FIPS mode", fips),
];

/// The verdict for each program; empty for what is not a PFX.
pub(super) fn of(report: &FileReport, beside: &Beside) -> Vec<Reader> {
    let keys = report.keys.iter().flat_map(|key| &key.protection);
    let safes = report.safes.iter().filter_map(|safe| safe.encryption.as_ref());
    let facts = Facts { report, layers: keys.chain(safes).collect(), beside };
    let locked = facts.is_locked();
    RULES
        .iter()
        .map(|(name, rule)| {
            let reason = locked.clone().or_else(|| rule(&facts));
            Reader { name, opens: reason.is_none(), reason }
        })
        .collect()
}

impl Facts<'_> {
    /// What stays locked under this password, as a reason: of what is in it no rule can speak.
    fn is_locked(&self) -> Option<String> {
        let key = self.report.locked_keys.first().map(|key| ("a private key", &key.problem.message));
        let safes = self.report.safes.iter().filter_map(|safe| safe.locked.as_ref());
        let safe = safes.map(ToString::to_string).next();
        let safe = safe.as_ref().map(|reason| ("a safe", reason));
        key.or(safe).map(|(what, reason)| format!("{what} stays locked here: {reason}"))
    }

    /// A certificate that cannot be decoded, as a reason.
    fn has_undecodable(&self) -> Option<String> {
        let broken = self.report.certificates.iter().any(|certificate| certificate.subject.is_none());
        broken.then(|| "it refuses a file with a certificate that cannot be decoded".to_owned())
    }

    /// A key of a kind that only has a number, such as composite ones, as a reason.
    fn has_nameless_key(&self) -> Option<String> {
        let nameless = |key: &&KeyReport| {
            key.algorithm == "unknown" || key.algorithm.starts_with(|c: char| c.is_ascii_digit())
        };
        let key = self.report.keys.iter().find(nameless)?;
        Some(format!("it does not know private keys of the kind {}", key.algorithm))
    }

    /// A key on a curve that is written out, as a reason.
    fn has_explicit_curve(&self) -> Option<String> {
        let explicit = |key: &&KeyReport| key.curve.as_ref().is_some_and(|curve| curve.contains("explicit"));
        self.report.keys.iter().find(explicit)?;
        Some("it knows only curves that have a name".to_owned())
    }

    /// The first algorithm with one of the words, as a reason.
    fn uses(&self, words: &[&str]) -> Option<String> {
        self.layers
            .iter()
            .find(|layer| words.iter().any(|word| layer.algorithm.contains(word)))
            .map(|layer| format!("it does not know {}", layer.algorithm))
    }

    /// The first algorithm with none of the words, as a reason.
    fn uses_other_than(&self, words: &[&str]) -> Option<String> {
        self.layers
            .iter()
            .find(|layer| !words.iter().any(|word| layer.algorithm.contains(word)))
            .map(|layer| format!("it does not know {}", layer.algorithm))
    }

    /// The first bag that was passed over, other than these, as a reason.
    fn passed_over(&self, but: &[&str]) -> Option<String> {
        let mut skipped = self.report.skipped.iter();
        let odd = skipped.find(|odd| !but.iter().any(|known| odd.starts_with(known)))?;
        Some(format!("it refuses a file with a bag of type {odd}"))
    }

    /// A key of FIPS 203 or 204 (ML-KEM, ML-DSA), which the program knows from a version on, as a reason.
    fn has_post_quantum_key(&self, version: &str) -> Option<String> {
        let key = self.report.keys.iter().find(|key| key.algorithm.starts_with("ML-"))?;
        Some(format!("it knows {} only from version {version} on", key.algorithm))
    }

    /// A reading of the password that the program does not try, as a reason.
    fn reads_other_than(&self, tried: &[PasswordReading]) -> Option<String> {
        let mut readings = self.beside.password.readings.iter();
        let reading = readings.find(|reading| !tried.contains(reading))?;
        Some(format!("it does not try the password {}", reading.describe()))
    }

    fn mac(&self) -> &str {
        self.report.mac.as_ref().map(|mac| mac.algorithm.as_str()).unwrap_or_default()
    }

    fn is_armoured(&self) -> Option<String> {
        self.beside.armoured.then(|| "it does not read PEM around a PFX".to_owned())
    }

    fn has_pbmac1(&self) -> Option<String> {
        self.mac().starts_with("PBMAC1").then(|| "it does not know PBMAC1".to_owned())
    }

    fn has_no_mac(&self) -> Option<String> {
        self.report.mac.is_none().then(|| "it refuses a file without a MAC".to_owned())
    }

    /// The MAC, if it is none of these.
    fn mac_other_than(&self, known: &[&str]) -> Option<String> {
        let mac = self.mac();
        (!mac.is_empty() && !known.contains(&mac)).then(|| format!("it does not know the MAC {mac}"))
    }
}

const NOT_IN_DEFAULT_PROVIDER: [&str; 4] = ["RC2", "RC4", " DES", "CAST5"];

fn openssl_3(facts: &Facts<'_>) -> Option<String> {
    if let Some(reason) = facts.is_armoured() {
        return Some(reason);
    }
    if facts.mac().starts_with("PBMAC1") {
        return Some("it knows PBMAC1 only from version 3.4 on".to_owned());
    }
    openssl_default_provider(facts)
}

/// What OpenSSL 3 makes of all but the MAC.
fn openssl_default_provider(facts: &Facts<'_>) -> Option<String> {
    facts
        .uses(&NOT_IN_DEFAULT_PROVIDER)
        .map(|reason| reason.replace("it does not know", "it needs -legacy for"))
        .or_else(|| facts.uses(&["GCM"]))
        .or_else(|| openssl_key(facts))
        .or_else(|| openssl_password(facts))
}

fn openssl_1_1(facts: &Facts<'_>) -> Option<String> {
    facts
        .is_armoured()
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.uses(&["GCM"]))
        .or_else(|| openssl_key(facts))
        .or_else(|| openssl_password(facts))
}

fn openssl_key(facts: &Facts<'_>) -> Option<String> {
    let version_2 =
        facts.beside.version_2.then(|| "it knows PKCS #8 version 2 only from version 3.6 on".to_owned());
    version_2
        .or_else(|| facts.has_post_quantum_key("3.5"))
        .or_else(|| facts.has_nameless_key())
        // It passes over what follows a certificate.
        .or_else(|| if facts.beside.malformed { facts.has_undecodable() } else { None })
}

/// Since version 1.1 it tries what its own earlier versions made of a password, but then for PBES2 as well, which
/// those did not.
fn openssl_password(facts: &Facts<'_>) -> Option<String> {
    let tried = if facts.uses(&["PBES2"]).is_some() { &[][..] } else { &[PasswordReading::Utf8AsLatin1] };
    facts.reads_other_than(tried)
}

const SHA1_AND_2: [&str; 5] = ["HMAC-SHA-1", "HMAC-SHA-224", "HMAC-SHA-256", "HMAC-SHA-384", "HMAC-SHA-512"];

fn java(facts: &Facts<'_>) -> Option<String> {
    facts.is_armoured().or_else(|| facts.has_pbmac1()).or_else(|| java_mac(facts)).or_else(|| {
        let post_quantum = || facts.has_post_quantum_key("24");
        java_content(facts).or_else(post_quantum).or_else(|| java_entries(facts))
    })
}

fn java_mac(facts: &Facts<'_>) -> Option<String> {
    facts.mac_other_than(&[&SHA1_AND_2[..], &["HMAC-SHA-512/224", "HMAC-SHA-512/256"]].concat())
}

/// What Java does not decrypt, or passes over.
fn java_content(facts: &Facts<'_>) -> Option<String> {
    facts
        .uses(&["2-key", "AES-192", "scrypt", "GCM", "3DES-CBC", "RC2-CBC", "DES-CBC", "CAST5", "SHA-512/"])
        .or_else(|| {
            let has =
                |kind: &str| facts.report.safes.iter().any(|safe| safe.bags.iter().any(|bag| bag == kind));
            if has("keyBag") {
                return Some("it passes over private keys that are not encrypted".to_owned());
            }
            has("safeContentsBag").then(|| "it passes over nested SafeContents".to_owned())
        })
}

/// What it makes of the entries, once they are decrypted.
fn java_entries(facts: &Facts<'_>) -> Option<String> {
    let is_sdsi = facts.report.skipped.iter().any(|odd| odd.starts_with("sdsiCertificate"));
    is_sdsi
        .then(|| "it refuses a file with a certificate that is not X.509".to_owned())
        .or_else(|| facts.has_nameless_key())
        .or_else(|| facts.has_explicit_curve())
        .or_else(|| facts.has_undecodable())
        .or_else(|| java::passes_over(facts.report))
        .or_else(|| {
            let protected = facts.report.mac.is_some() || !facts.layers.is_empty();
            (protected && !facts.beside.password.printable_ascii)
                .then(|| "it takes no password beyond printable ASCII".to_owned())
        })
        .or_else(|| facts.reads_other_than(&[]))
}

fn nss(facts: &Facts<'_>) -> Option<String> {
    facts
        .is_armoured()
        .or_else(|| facts.has_no_mac())
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.mac_other_than(&[&SHA1_AND_2[..], &["HMAC-MD5"]].concat()))
        .or_else(|| facts.uses(&NSS_LACKS))
        .or_else(|| facts.beside.version_2.then(|| "it does not know PKCS #8 version 2".to_owned()))
        .or_else(|| facts.passed_over(&["secretBag", UNREADABLE_NAME]))
        .or_else(|| facts.has_undecodable())
        .or_else(|| facts.has_explicit_curve())
        .or_else(|| nss_keys(facts))
        .or_else(|| facts.reads_other_than(&[PasswordReading::Utf16]))
}

const NSS_LACKS: [&str; 8] =
    ["scrypt", "GCM", "CAST5", "SHA-512/", "2-key", "PBES1 MD5", "PBES1 SHA-1 DES", "RC2-64"];

/// What it asks of keys: their kind, a certificate, and a name of their own.
fn nss_keys(facts: &Facts<'_>) -> Option<String> {
    let FileReport { keys, certificates, .. } = facts.report;
    let other = keys.iter().find(|key| !["RSA", "RSA-PSS", "EC", "DSA"].contains(&key.algorithm.as_str()));
    if let Some(key) = other {
        return Some(format!("it does not take private keys of {}", key.algorithm));
    }
    let is_linked = |key: &KeyReport| {
        key.local_key_id.is_some()
            && certificates.iter().any(|certificate| certificate.local_key_id == key.local_key_id)
    };
    if !keys.iter().all(is_linked) {
        return Some("it asks for a certificate with the localKeyId of each key".to_owned());
    }
    let same_name = keys.iter().enumerate().any(|(n, key)| {
        key.friendly_name.is_some()
            && keys.iter().skip(n + 1).any(|other| other.friendly_name == key.friendly_name)
    });
    same_name.then(|| "it does not take two keys of one friendlyName".to_owned())
}

fn gnutls(facts: &Facts<'_>) -> Option<String> {
    facts
        .has_no_mac()
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.mac_other_than(&SHA1_AND_2))
        .or_else(|| facts.uses(&GNUTLS_LACKS))
        .or_else(|| {
            let empty = facts.report.safes.iter().any(|safe| safe.bags.is_empty());
            empty.then(|| "it refuses empty SafeContents".to_owned())
        })
        .or_else(|| facts.beside.trailing.then(|| "it refuses bytes after the PFX".to_owned()))
        .or_else(|| facts.reads_other_than(&[]))
}

const GNUTLS_LACKS: [&str; 10] = [
    "RC2-128",
    "RC4-40",
    "2-key",
    "scrypt",
    "RC2-64",
    "RC2-CBC",
    "PBES1 SHA-1 DES",
    "CAST5",
    "GCM",
    "SHA-512/",
];

const OLD_WINDOWS: [&str; 4] =
    ["PBES1 SHA-1 3DES", "PBES1 SHA-1 2-key", "PBES1 SHA-1 RC2", "PBES1 SHA-1 RC4"];

fn sha1_and_pbes1(facts: &Facts<'_>) -> Option<String> {
    facts.mac_other_than(&["HMAC-SHA-1"]).or_else(|| facts.uses_other_than(&OLD_WINDOWS))
}

fn windows_2019(facts: &Facts<'_>) -> Option<String> {
    let known = [&OLD_WINDOWS[..], &["AES-128-CBC", "AES-192-CBC", "AES-256-CBC"]].concat();
    facts
        .has_pbmac1()
        .or_else(|| facts.mac_other_than(&SHA1_AND_2))
        .or_else(|| facts.uses_other_than(&known))
        .or_else(|| facts.uses(&["scrypt"]))
}

fn fips(facts: &Facts<'_>) -> Option<String> {
    if !facts.mac().starts_with("PBMAC1") && facts.report.mac.is_some() {
        return Some("the key derivation of its MAC is not approved; PBMAC1 is".to_owned());
    }
    facts.uses_other_than(&["AES-"]).or_else(|| facts.uses(&["scrypt", "HMAC-SHA-1 "]))
}
