//! A second judge: what clients that use rustls will think of a path that was found.

use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage};

use super::Purpose;
use crate::{
    certificate::Certificate,
    diagnostic::{Diagnostic, DiagnosticCode},
    remedy::Remedy,
};

/// Asks rustls-webpki, as rustls asks it, about this path and no other certificate.
pub(super) fn rustls_clients(
    leaf: &Certificate,
    above: &[&Certificate],
    purpose: Purpose,
    at: i64,
) -> Option<Diagnostic> {
    let error = verify(leaf, above, purpose, at).err()?;
    let wanted = match purpose {
        Purpose::Client => "clientAuth",
        Purpose::Server => "serverAuth",
    };
    let why = match &error {
        Error::CaUsedAsEndEntity => "they do not take a CA certificate as a server's".to_owned(),
        Error::UnsupportedCriticalExtension => "they do not know a critical extension on the path".to_owned(),
        Error::NameConstraintViolation => {
            "they refuse names constrained as directory name, mailbox or URI".to_owned()
        }
        Error::MaximumPathDepthExceeded => "they follow at most 6 CA certificates".to_owned(),
        Error::UnknownIssuer => "they compare names byte by byte and find no issuer".to_owned(),
        Error::RequiredEkuNotFoundContext(_) => {
            format!("they take anyExtendedKeyUsage for no purpose, and ask for {wanted} by name")
        }
        other => format!("rustls-webpki calls it {}", name_of(other)),
    };
    let message = format!("rustls clients will refuse this: {why}");
    let finding = Diagnostic::new(DiagnosticCode::RustlsClientsRefuse, message);
    if !matches!(error, Error::RequiredEkuNotFoundContext(_)) {
        return Some(finding);
    }
    Some(finding.with_remedies(vec![Remedy::Advice(match purpose {
        Purpose::Client => {
            "ask the CA for a certificate with the purpose clientAuth; OpenSSL asks for it by name as well"
        }
        Purpose::Server => {
            "ask the CA for a certificate with the purpose serverAuth; OpenSSL asks for it by name as well"
        }
    })]))
}

/// The name of an error, without what it holds.
fn name_of(error: &Error) -> String {
    let shown = format!("{error:?}");
    shown.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn verify(leaf: &Certificate, above: &[&Certificate], purpose: Purpose, at: i64) -> Result<(), Error> {
    let time = u64::try_from(at).map_err(|_| Error::BadDerTime)?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(time));
    // A self-signed certificate is its own anchor.
    let (anchor, between) = match above.split_last() {
        Some((anchor, between)) => (*anchor, between),
        None => (leaf, above),
    };
    let anchors = [webpki::anchor_from_trusted_cert(anchor.der())?];
    let between: Vec<CertificateDer<'_>> =
        between.iter().map(|certificate| CertificateDer::from(certificate.der().as_ref())).collect();
    let usage = match purpose {
        Purpose::Client => KeyUsage::client_auth(),
        Purpose::Server => KeyUsage::server_auth(),
    };
    let end_entity = EndEntityCert::try_from(leaf.der())?;
    end_entity
        .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, time, usage, None, None)
        .map(|_| ())
}
