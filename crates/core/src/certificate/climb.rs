//! Which certificates of a file may stand above another one.

use super::{Certificate, Fingerprint};

/// The most certificates that are followed.
const MAX_CLIMB: usize = 10;

/// Those that may be above `leaf` by their names, up to [`MAX_CLIMB`].
pub(crate) fn climb<'c>(leaf: &Certificate, between: &[&'c Certificate]) -> Vec<&'c Certificate> {
    let mut found: Vec<&Certificate> = Vec::new();
    let mut names = vec![leaf.issuer_name.clone()];
    let mut seen: Vec<Fingerprint> = Vec::new();
    while let Some(name) = names.pop() {
        for ca in between.iter().filter(|ca| ca.subject_name == name) {
            if found.len() < MAX_CLIMB && !seen.contains(&ca.fingerprint) {
                seen.push(ca.fingerprint);
                names.push(ca.issuer_name.clone());
                found.push(ca);
            }
        }
    }
    found
}
