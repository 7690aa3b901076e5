//! What is worth a word about a PFX.

use super::Remark;
use crate::pkcs12::{Contents, MacDescription, Pkcs12Error};

/// Fewer iterations than this protect a password badly; OpenSSL and Java write 2,048 and 10,000.
const FEW_ITERATIONS: u64 = 1000;

pub(super) fn about_pfx(
    contents: &Contents,
    mac: Option<&MacDescription>,
    zeros: usize,
    armoured: bool,
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut remark = |code, message: String, help: &str| {
        remarks.push(Remark { code, message, help: help.to_owned() });
    };
    if mac.is_none() {
        let help = "do not trust the content before it was compared by other means";
        remark("no_mac", Pkcs12Error::NoMac.to_string(), help);
    }
    if armoured {
        remark(
            "pem_armour",
            "the PFX is wrapped in PEM text".to_owned(),
            "few programs read that; base64 -d unwraps it",
        );
    }
    if zeros > 0 {
        let message = format!("{zeros} zero bytes follow the PFX");
        remark("trailing_zeros", message, "nothing; some Windows programs leave them");
    }
    let mut legacy = contents.legacy();
    legacy.extend(mac.filter(|mac| mac.legacy).map(|mac| mac.algorithm.clone()));
    if !legacy.is_empty() {
        let message = format!("the file is protected by {}", legacy.join(", "));
        remark("legacy_algorithms", message, "export it again with AES-256 and SHA-256");
    }
    let layers = contents.keys.iter().flat_map(|bag| &bag.protection).map(|layer| layer.iterations);
    if let Some(fewest) =
        layers.chain(mac.map(|mac| mac.iterations)).min().filter(|count| *count < FEW_ITERATIONS)
    {
        let message = format!("the password is protected by only {fewest} iterations");
        remark("weak_iterations", message, "export it again with 100000 iterations or more");
    }
    for reading in &contents.readings {
        let message = format!("the password opened the file only when read {}", reading.describe());
        remark("password_reading", message, "other programs may refuse the password");
    }
    if !contents.skipped.is_empty() {
        remark(
            "skipped",
            format!("passed over: {}", contents.skipped.join(", ")),
            "nothing, if you do not need them",
        );
    }
    remarks
}

pub(super) fn nothing_usable(skipped: &[String]) -> Remark {
    let nothing = Pkcs12Error::Nothing { skipped: skipped.to_vec() };
    Remark { code: nothing.code(), message: nothing.to_string(), help: nothing.help().unwrap_or_default() }
}
