//! What p12-keystore opens, Strongroom opens with the same content.

use p12_keystore::Pkcs12Archive;
use strongroom::{
    Password,
    limits::{KdfBudget, Limits},
    pkcs12::{Pfx, danger},
};
use strongroom_tests::manifest::{self, Inspect};

#[test]
fn whatever_p12_keystore_opens_has_the_same_keys_and_certificates_here() {
    let limits = Limits::default();
    let mut compared = 0;
    for row in manifest::load().fixture {
        let bytes = row.bytes();
        let Ok(theirs) = Pkcs12Archive::from_pkcs12(&bytes, &row.password) else {
            continue;
        };
        // An archive without anything in it is the answer to structures that p12-keystore passes over.
        if theirs.keys.is_empty() && theirs.certs.is_empty() {
            continue;
        }
        // A salt beyond our limit: it opens it, and the row says that we do not.
        if matches!(&row.inspect, Some(Inspect::Refused(code)) if code == "bad_parameter") {
            continue;
        }
        let password = Password::new(row.password.clone()).unwrap();
        let mut budget = KdfBudget::new(&limits);
        let pfx = Pfx::from_bytes(&bytes, &limits).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        let verified = match danger::skip_absent_mac(pfx, &password) {
            Ok(verified) => verified,
            Err(pfx) => {
                pfx.verify(&password, &mut budget).unwrap_or_else(|error| panic!("{}: {error}", row.name))
            }
        };
        let ours =
            verified.decrypt(None, &mut budget).unwrap_or_else(|error| panic!("{}: {error}", row.name));
        let keys: Vec<&[u8]> = ours.keys.iter().map(|bag| bag.key.expose_pkcs8_der()).collect();
        let their_keys: Vec<&[u8]> = theirs.keys.iter().map(|bag| bag.key.as_der()).collect();
        assert!(keys == their_keys, "{}: the keys differ", row.name);
        let certificates: Vec<&[u8]> = ours.certificates.iter().map(|bag| bag.der.as_slice()).collect();
        let their_certificates: Vec<&[u8]> = theirs.certs.iter().map(|bag| bag.cert.as_der()).collect();
        assert!(certificates == their_certificates, "{}: the certificates differ", row.name);
        for (our, their) in ours.keys.iter().zip(&theirs.keys) {
            // p12-keystore gives no name where one has characters beyond the Basic Multilingual Plane.
            assert!(
                their.friendly_name.is_none() || our.attributes.friendly_name == their.friendly_name,
                "{}",
                row.name
            );
        }
        compared += 1;
    }
    assert!(compared >= 60, "only {compared} rows were compared");
}
