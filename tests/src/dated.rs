//! Certificates whose dates are days from now, by the clock that the command reads as well, and their import by the command.

use std::fs;

use rcgen::{CertificateParams, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::{
    armour::pem,
    authority::{TestCa, ca_params, leaf_params, self_signed},
    command::Shop,
};

/// Moves a validity: days from now, and half a day, so that "in 9 days" is the same all day long.
pub fn valid(params: &mut CertificateParams, from: i64, until: i64) {
    let at = |days| OffsetDateTime::now_utc() + Duration::days(days) + Duration::hours(12);
    (params.not_before, params.not_after) = (at(from), at(until));
}

/// A root, or a CA below another one, that ends so many days from now.
#[must_use]
pub fn ca(name: &str, below: Option<&TestCa>, until: i64) -> TestCa {
    let mut params = ca_params(name);
    valid(&mut params, -400, until);
    match below {
        None => self_signed(params, KeyPair::generate().unwrap()),
        Some(root) => root.issue_ca(params),
    }
}

/// Parameters of a leaf for `host`.
#[must_use]
pub fn leaf(host: &str, from: i64, until: i64) -> CertificateParams {
    let mut params = leaf_params(host);
    valid(&mut params, from, until);
    params
}

/// Imports a CA certificate.
pub fn import_ca(shop: &Shop, alias: &str, ca: &TestCa) {
    let file = shop.folder.path().join(format!("{alias}.ca"));
    fs::write(&file, ca.file()).unwrap();
    let run = shop.run(["ca", "import", alias, file.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.err);
}

/// Issues a certificate for a key, and imports both.
pub fn import(
    shop: &Shop,
    alias: &str,
    ca: &TestCa,
    params: &CertificateParams,
    key: &KeyPair,
    arguments: &[&str],
) {
    let leaf = ca.issue_leaf_for(params, key);
    let file = shop.folder.path().join(format!("{alias}.pem"));
    fs::write(&file, pem("CERTIFICATE", leaf.der()) + &key.serialize_pem()).unwrap();
    let run = shop.run(["import", alias, file.to_str().unwrap()].iter().chain(arguments));
    assert_eq!(run.code, 0, "{}", run.err);
}
