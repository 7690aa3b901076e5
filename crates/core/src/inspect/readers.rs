//! Which programs open a PFX, derived from the algorithms found by written rules.
//!
//! The rules speak of the right password and of a password of ASCII. They are held against the programs themselves
//! in the tests, as far as those run there.

use serde::Serialize;

use super::{FileReport, KeyReport};
use crate::pkcs12::Encryption;

/// A program, and whether it opens the file.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
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
    trailing_zeros: bool,
}

type Rule = fn(&Facts<'_>) -> Option<String>;

const RULES: [(&str, Rule); 10] = [
    ("OpenSSL 3 without -legacy", openssl_3),
    ("OpenSSL 1.1", openssl_1_1),
    ("Java 8u301 and 11", java),
    ("Java 17 and 21", java),
    ("NSS 3.87 (Firefox)", nss),
    ("GnuTLS 3.7", gnutls),
    ("Windows Server 2016", sha1_and_pbes1),
    ("Windows Server 2019 and newer", windows_2019),
    ("macOS 14", sha1_and_pbes1),
    ("FIPS mode", fips),
];

/// The verdict for each program; empty for what is not a PFX.
pub(super) fn of(report: &FileReport, trailing_zeros: usize) -> Vec<Reader> {
    let keys = report.keys.iter().flat_map(|key| &key.protection);
    let safes = report.safes.iter().filter_map(|safe| safe.encryption.as_ref());
    let facts = Facts { report, layers: keys.chain(safes).collect(), trailing_zeros: trailing_zeros > 0 };
    RULES
        .iter()
        .map(|(name, rule)| {
            let reason = rule(&facts);
            Reader { name, opens: reason.is_none(), reason }
        })
        .collect()
}

impl Facts<'_> {
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

    fn mac(&self) -> &str {
        self.report.mac.as_ref().map(|mac| mac.algorithm.as_str()).unwrap_or_default()
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
    if facts.mac().starts_with("PBMAC1") {
        return Some("it knows PBMAC1 only from version 3.4 on".to_owned());
    }
    facts
        .uses(&NOT_IN_DEFAULT_PROVIDER)
        .map(|reason| reason.replace("it does not know", "it needs -legacy for"))
        .or_else(|| facts.uses(&["GCM"]))
}

fn openssl_1_1(facts: &Facts<'_>) -> Option<String> {
    facts.has_pbmac1().or_else(|| facts.uses(&["GCM"]))
}

const SHA1_AND_2: [&str; 5] = ["HMAC-SHA-1", "HMAC-SHA-224", "HMAC-SHA-256", "HMAC-SHA-384", "HMAC-SHA-512"];

fn java(facts: &Facts<'_>) -> Option<String> {
    facts
        .has_pbmac1()
        .or_else(|| facts.mac_other_than(&SHA1_AND_2))
        .or_else(|| {
            facts.uses(&[
                "2-key", "AES-192", "scrypt", "GCM", "3DES-CBC", "RC2-CBC", "DES-CBC", "CAST5", "SHA-512/",
            ])
        })
        .or_else(|| {
            let has =
                |kind: &str| facts.report.safes.iter().any(|safe| safe.bags.iter().any(|bag| bag == kind));
            if has("keyBag") {
                return Some("it passes over private keys that are not encrypted".to_owned());
            }
            has("safeContentsBag").then(|| "it passes over nested SafeContents".to_owned())
        })
        .or_else(|| {
            let linked = facts.report.keys.iter().all(|key| is_linked(key, facts.report));
            (!linked).then(|| {
                "it links keys and certificates by localKeyId, and one has no fitting one".to_owned()
            })
        })
        .or_else(|| {
            let untrusted = facts.report.keys.is_empty()
                && facts.report.certificates.iter().any(|certificate| !certificate.trusted);
            untrusted.then(|| "it passes over certificates without the attribute trustedKeyUsage".to_owned())
        })
}

/// Whether localKeyId leads from the key to a certificate, and to the right one.
fn is_linked(key: &KeyReport, report: &FileReport) -> bool {
    key.local_key_id.is_some()
        && report
            .certificates
            .iter()
            .find(|certificate| certificate.local_key_id == key.local_key_id)
            .is_some_and(|certificate| {
                key.spki_sha256.is_none() || certificate.spki_sha256 == key.spki_sha256
            })
}

fn nss(facts: &Facts<'_>) -> Option<String> {
    facts
        .has_no_mac()
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.mac_other_than(&SHA1_AND_2))
        .or_else(|| facts.uses(&["scrypt", "GCM", "CAST5", "SHA-512/"]))
}

fn gnutls(facts: &Facts<'_>) -> Option<String> {
    facts
        .has_no_mac()
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.uses(&["RC2-128", "RC4-40", "2-key", "scrypt", "RC2-64", "CAST5", "GCM"]))
        .or_else(|| facts.trailing_zeros.then(|| "it refuses bytes after the PFX".to_owned()))
}

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
