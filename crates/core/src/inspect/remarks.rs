//! What is worth a word about a PFX.

use super::entries::undecodable;
use crate::{
    certificate::in_quotes,
    diagnostic::{Diagnostic, DiagnosticCode},
    file_format::FileFormat,
    pkcs12::{Contents, LockedKey, MacDescription, Pfx, Pkcs12Error},
};

/// Fewer iterations than this protect a password badly; OpenSSL and Java write 2,048 and 10,000.
const FEW_ITERATIONS: u64 = 1000;

/// Further friendly names that one finding tells of.
const MAX_NAMES: usize = 4;

/// What is around the bags of a PFX.
pub(crate) struct Wrapping {
    pub(super) mac: Option<MacDescription>,
    pub(super) trailing_zeros: usize,
    pub(super) line_end: bool,
    pub(super) armoured: bool,
    pub(super) beside: Vec<FileFormat>,
}

impl Wrapping {
    pub(crate) fn of(pfx: &Pfx<'_>) -> Self {
        Self {
            mac: pfx.mac(),
            trailing_zeros: pfx.trailing_zeros(),
            line_end: pfx.has_trailing_line_end(),
            armoured: pfx.is_armoured(),
            beside: pfx.beside().to_vec(),
        }
    }
}

/// The same whether the file is inspected or imported.
pub(crate) fn about_pfx(contents: &Contents, wrapping: &Wrapping) -> Vec<Diagnostic> {
    let Wrapping { mac, trailing_zeros: zeros, line_end, armoured, beside } = wrapping;
    let (mac, zeros) = (mac.as_ref(), *zeros);
    let mut findings = Vec::new();
    let mut find = |code, message: String| findings.push(Diagnostic::new(code, message));
    if mac.is_none() {
        find(DiagnosticCode::NoMac, Pkcs12Error::NoMac.to_string());
    }
    if *armoured {
        find(DiagnosticCode::PemArmour, "the PFX is written as text, in PEM or base64".to_owned());
    }
    if !beside.is_empty() {
        let others: Vec<String> = beside.iter().map(ToString::to_string).collect();
        find(DiagnosticCode::Skipped, format!("the text holds more than the PFX: {}", others.join(", ")));
    }
    if zeros > 0 {
        find(DiagnosticCode::TrailingZeros, format!("{zeros} zero bytes follow the PFX"));
    }
    if *line_end {
        find(DiagnosticCode::TrailingLineEnd, "a line end follows the PFX".to_owned());
    }
    findings.extend(about_contents(contents, mac));
    findings
}

/// What is worth a word about keys and certificates, whatever they stood in.
pub(super) fn about_contents(contents: &Contents, mac: Option<&MacDescription>) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut find = |code, message: String| findings.push(Diagnostic::new(code, message));
    let mut legacy = contents.legacy();
    legacy.extend(mac.filter(|mac| mac.legacy).map(|mac| mac.algorithm.clone()));
    if !legacy.is_empty() {
        find(DiagnosticCode::LegacyAlgorithms, format!("the file is protected by {}", legacy.join(", ")));
    }
    let layers = contents.keys.iter().flat_map(|bag| &bag.protection).map(|layer| layer.iterations);
    if let Some(fewest) =
        layers.chain(mac.map(|mac| mac.iterations)).min().filter(|count| *count < FEW_ITERATIONS)
    {
        let iterations = if fewest == 1 { "iteration" } else { "iterations" };
        find(
            DiagnosticCode::WeakIterations,
            format!("the password is protected by only {fewest} {iterations}"),
        );
    }
    for reading in &contents.readings {
        let message = format!("the password opened the file only when read {}", reading.describe());
        find(DiagnosticCode::PasswordReading, message);
    }
    if !contents.skipped.is_empty() {
        find(DiagnosticCode::Skipped, format!("passed over: {}", contents.skipped.join(", ")));
    }
    let keys = contents.keys.iter().map(|bag| ("private key", bag.place, &bag.attributes));
    let certificates = contents.certificates.iter().zip(1..);
    let certificates = certificates.map(|(bag, place)| ("certificate", place, &bag.attributes));
    for (what, place, attributes) in keys.chain(certificates) {
        let names: Vec<String> = attributes
            .other_friendly_names
            .iter()
            .take(MAX_NAMES)
            .map(|name| in_quotes(Some(name)))
            .collect();
        if !names.is_empty() {
            let message = format!(
                "{what} {place} of the file{} has further friendly names, which are not used:{}",
                in_quotes(attributes.friendly_name.as_deref()),
                names.join(",")
            );
            find(DiagnosticCode::Skipped, message);
        }
    }
    for (place, name, error) in undecodable(contents) {
        let name = in_quotes(name);
        find(
            DiagnosticCode::InvalidCertificate,
            format!("certificate {place} of the file{name} cannot be used: {error}"),
        );
    }
    findings.extend(about_locked(contents));
    findings
}

/// What stays locked: each reason once, with the keys or safes that it concerns.
fn about_locked(contents: &Contents) -> Vec<Diagnostic> {
    let mut said: Vec<(String, &Pkcs12Error)> = Vec::new();
    let keys = contents.locked.iter().map(|key| (locked_key(key), &key.reason));
    let safes = contents.safes.iter().enumerate().filter_map(|(index, safe)| {
        let reason = safe.locked.as_ref()?;
        Some((format!("safe {} of the file", index + 1), reason))
    });
    for (what, reason) in keys.chain(safes) {
        match said.iter_mut().find(|(_, known)| *known == reason) {
            Some((all, _)) if all.len() < MAX_SAID => *all = format!("{all}, {what}"),
            Some((all, _)) if !all.ends_with(" others") => all.push_str(" and others"),
            Some(_) => {}
            None => said.push((what, reason)),
        }
    }
    let finding = |(what, reason): (String, &Pkcs12Error)| {
        let several = what.contains(", ") || what.ends_with(" others");
        let verb = if several { "stay" } else { "stays" };
        Diagnostic::new(DiagnosticCode::Locked, format!("{what} {verb} locked: {reason}"))
            .with_remedies(reason.remedies())
    };
    said.into_iter().map(finding).collect()
}

/// How much of a finding names keys, in bytes.
const MAX_SAID: usize = 300;

fn locked_key(key: &LockedKey) -> String {
    format!("private key {} of the file{}", key.place, in_quotes(key.attributes.friendly_name.as_deref()))
}

pub(super) fn nothing_usable(skipped: &[String]) -> Diagnostic {
    let nothing = Pkcs12Error::Nothing { skipped: skipped.to_vec() };
    Diagnostic::new(DiagnosticCode::Empty, nothing.to_string()).with_remedies(nothing.remedies())
}
