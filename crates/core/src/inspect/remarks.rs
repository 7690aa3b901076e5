//! What is worth a word about a PFX.

use crate::{
    pkcs12::{Contents, MacDescription, Pkcs12Error},
    remedy::Remedy,
    validate::{Finding, FindingCode},
};

/// A remark on a file: not a verdict, but worth knowing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Remark {
    /// A stable code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// What to do: one of these is enough, and the best comes first.
    pub remedies: Vec<Remedy>,
}

impl From<&Finding> for Remark {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.as_str(),
            message: finding.message.clone(),
            remedies: finding.remedies.clone(),
        }
    }
}

/// Fewer iterations than this protect a password badly; OpenSSL and Java write 2,048 and 10,000.
const FEW_ITERATIONS: u64 = 1000;

/// The same for who looks at the file and for who imports it.
pub(crate) fn about_pfx(
    contents: &Contents,
    mac: Option<&MacDescription>,
    zeros: usize,
    armoured: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |code, message: String| findings.push(Finding::new(code, message));
    if mac.is_none() {
        find(FindingCode::NoMac, Pkcs12Error::NoMac.to_string());
    }
    if armoured {
        find(FindingCode::PemArmour, "the PFX is wrapped in PEM text".to_owned());
    }
    if zeros > 0 {
        find(FindingCode::TrailingZeros, format!("{zeros} zero bytes follow the PFX"));
    }
    let mut legacy = contents.legacy();
    legacy.extend(mac.filter(|mac| mac.legacy).map(|mac| mac.algorithm.clone()));
    if !legacy.is_empty() {
        find(FindingCode::LegacyAlgorithms, format!("the file is protected by {}", legacy.join(", ")));
    }
    let layers = contents.keys.iter().flat_map(|bag| &bag.protection).map(|layer| layer.iterations);
    if let Some(fewest) =
        layers.chain(mac.map(|mac| mac.iterations)).min().filter(|count| *count < FEW_ITERATIONS)
    {
        find(FindingCode::WeakIterations, format!("the password is protected by only {fewest} iterations"));
    }
    for reading in &contents.readings {
        let message = format!("the password opened the file only when read {}", reading.describe());
        find(FindingCode::PasswordReading, message);
    }
    if !contents.skipped.is_empty() {
        find(FindingCode::Skipped, format!("passed over: {}", contents.skipped.join(", ")));
    }
    findings
}

pub(super) fn nothing_usable(skipped: &[String]) -> Remark {
    let nothing = Pkcs12Error::Nothing { skipped: skipped.to_vec() };
    Remark { code: nothing.code(), message: nothing.to_string(), remedies: nothing.remedies() }
}
