//! Programs that the tests cannot ask: what their documentation, their source or the reports of their users say.

use super::{
    Facts, OLD_WINDOWS, SHA1_AND_2, java, java_content, java_entries, java_mac, openssl_default_provider,
};
use crate::pkcs12::Encoding;

/// OpenSSL 3.4: PBMAC1 is known.
pub(super) fn openssl_3_4(facts: &Facts<'_>) -> Option<String> {
    facts.is_armoured().or_else(|| openssl_default_provider(facts))
}

/// Java 8 before update 301 and 11 before 11.0.12: a MAC with SHA-1, and the ciphers of PKCS #12 itself.
pub(super) fn java_before_8u301(facts: &Facts<'_>) -> Option<String> {
    facts
        .is_armoured()
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.mac_other_than(&["HMAC-SHA-1"]))
        .or_else(|| facts.uses_other_than(&OLD_WINDOWS))
        .or_else(|| java(facts))
}

/// Java 26: PBMAC1 and ML-DSA are known.
pub(super) fn java_26(facts: &Facts<'_>) -> Option<String> {
    let mac = if facts.mac().starts_with("PBMAC1") { None } else { java_mac(facts) };
    facts.is_armoured().or(mac).or_else(|| java_content(facts)).or_else(|| java_entries(facts))
}

/// Of `Pkcs12LoaderLimits.Defaults`: of one derivation, and of all together.
const DOT_NET_ITERATIONS: (u64, u64) = (300_000, 1_000_000);

/// X509CertificateLoader, whose limits a program can raise.
pub(super) fn dot_net(facts: &Facts<'_>) -> Option<String> {
    let known = [
        "PBES1 SHA-1 3DES",
        "PBES1 SHA-1 2-key",
        "PBES1 SHA-1 RC2",
        "AES-128-CBC",
        "AES-192-CBC",
        "AES-256-CBC",
    ];
    facts
        .is_armoured()
        .or_else(|| facts.has_pbmac1())
        .or_else(|| facts.mac_other_than(&SHA1_AND_2))
        .or_else(|| facts.uses_other_than(&known))
        .or_else(|| facts.uses(&["scrypt"]))
        .or_else(|| {
            let (one, all) = DOT_NET_ITERATIONS;
            more_than(facts, one).or_else(|| {
                let sum: u64 = facts.layers.iter().map(|layer| layer.iterations).sum();
                (sum > all)
                    .then(|| format!("its derivations have {sum} iterations together; it allows {all}"))
            })
        })
}

/// A derivation with more iterations, as a reason.
fn more_than(facts: &Facts<'_>, limit: u64) -> Option<String> {
    let mac = facts.report.mac.as_ref().map_or(0, |mac| mac.iterations);
    let most = facts.layers.iter().map(|layer| layer.iterations).chain([mac]).max().unwrap_or(0);
    (most > limit).then(|| format!("a derivation has {most} iterations; it allows {limit}"))
}

/// The keychain since macOS 15: AES-256 with SHA-256 as well, if it is told what the file is; no empty password.
pub(super) fn macos_15(facts: &Facts<'_>) -> Option<String> {
    let known = [&OLD_WINDOWS[..], &["AES-256-CBC"]].concat();
    let empty = || facts.beside.password.empty.then(|| "it refuses the empty password".to_owned());
    facts
        .has_pbmac1()
        .or_else(|| facts.mac_other_than(&["HMAC-SHA-1", "HMAC-SHA-256"]))
        .or_else(|| facts.uses_other_than(&known))
        .or_else(|| facts.uses(&["scrypt"]))
        .or_else(empty)
}

/// The most iterations that go-pkcs12 derives.
const GO_ITERATIONS: u64 = 5_000_000;

/// The package software.sslmate.com/src/go-pkcs12, which many programs in Go use: a key with its chain.
pub(super) fn go_pkcs12(facts: &Facts<'_>) -> Option<String> {
    let pbmac1 = facts.mac().starts_with("PBMAC1");
    let is_ber = facts.report.encoding == Some(Encoding::Ber);
    let known = ["PBES1 SHA-1 3DES", "PBES1 SHA-1 RC2-40", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC"];
    facts
        .is_armoured()
        .or_else(|| is_ber.then(|| "it reads DER alone".to_owned()))
        .or_else(|| facts.has_no_mac())
        .or_else(|| {
            let mac = || facts.mac_other_than(&["HMAC-SHA-1", "HMAC-SHA-256", "HMAC-SHA-512"]);
            if pbmac1 { None } else { mac() }
        })
        .or_else(|| facts.uses_other_than(&known))
        .or_else(|| facts.uses(&["scrypt", "HMAC-SHA-224", "HMAC-SHA-384", "SHA-512/"]))
        .or_else(|| more_than(facts, GO_ITERATIONS))
        .or_else(|| {
            let keys = facts.report.keys.len();
            (keys > 1).then(|| format!("it takes one private key, and there are {keys}"))
        })
}
