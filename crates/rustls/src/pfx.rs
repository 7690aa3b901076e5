//! A PKCS #12 file for rustls, without a store.

use rustls::{crypto::CryptoProvider, sign::CertifiedKey};
use strongroom::{
    Error, Password,
    certificate::{Certificate, ServerCredential},
    limits::{KdfBudget, Limits},
    pkcs12::Pfx,
};

use crate::LiveTlsError;

/// Opens a PKCS #12 file, proves that its key belongs to its certificate, and gives what rustls serves: the leaf and the
/// CA certificates of the file that issued it, in order, without a root. Nothing is validated: that is the keystore's.
///
/// ```
/// # let file = std::fs::read("../../fixtures/pkcs12/www.p12").unwrap();
/// use std::sync::Arc;
/// use strongroom::Password;
///
/// let provider = rustls::crypto::aws_lc_rs::default_provider();
/// let key = strongroom_rustls::certified_key_from_pfx(&file, &Password::new("changeit")?, &provider)?;
/// let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
///     .with_safe_default_protocol_versions()?
///     .with_no_client_auth()
///     .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
/// # assert!(config.alpn_protocols.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`LiveTlsError::Keystore`] of the stage that refused, for example a wrong password; [`LiveTlsError::Tls`] if the
/// provider cannot use the key.
pub fn certified_key_from_pfx(
    file: &[u8],
    password: &Password,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, LiveTlsError> {
    let (key, leaf, others) = open(file, password)?.into_parts();
    let chain = chain(leaf, others);
    let chain = chain.iter().map(|certificate| certificate.der().clone()).collect();
    // EXPOSE: rustls signs handshakes with it.
    Ok(CertifiedKey::from_der(chain, key.into(), provider)?)
}

fn open(file: &[u8], password: &Password) -> Result<ServerCredential, Error> {
    let limits = Limits::default();
    let mut budget = KdfBudget::new(&limits);
    let contents =
        Pfx::from_bytes(file, &limits)?.verify(password, &mut budget)?.decrypt(&[], &mut budget)?;
    contents.require_credential()?;
    Ok(ServerCredential::choose(contents, None)?)
}

/// From the leaf upwards, each signed by the next; what lies on no such path is left out, and a root is.
fn chain(leaf: Certificate, mut others: Vec<Certificate>) -> Vec<Certificate> {
    let mut chain = vec![leaf];
    while let Some(last) = chain.last().filter(|last| !last.is_self_issued()) {
        let issues = |other: &Certificate| other.subject() == last.issuer() && last.is_signed_by(other);
        let Some(place) = others.iter().position(issues) else {
            break;
        };
        let issuer = others.swap_remove(place);
        if issuer.is_self_issued() {
            break;
        }
        chain.push(issuer);
    }
    chain
}
