//! Files of certificates without keys.

use rustls_pki_types::{CertificateDer, pem::PemObject as _};

use crate::{
    certificate::Certificate,
    error::{AuthorityError, Error},
    limits::Limits,
    pkcs12::{FileFormat, Pkcs12Error, pkcs7_certificates, sniff},
};

/// Reads all certificates of a PEM, DER or PKCS #7 file of up to 1 MiB, in its order; there is at least one.
///
/// ```
/// let chain = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
/// assert_eq!(strongroom::read_certificates(&chain)?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`AuthorityError::NoCertificate`] says what the file is instead, [`AuthorityError::Certificate`] that one cannot be
/// decoded; [`Pkcs12Error::TooLarge`].
pub fn read_certificates(file: &[u8]) -> Result<Vec<Certificate>, Error> {
    let limits = Limits::default();
    if file.len() > limits.max_file_len {
        return Err(Pkcs12Error::TooLarge { found: file.len(), limit: limits.max_file_len }.into());
    }
    let format = sniff(file);
    let found: Vec<Vec<u8>> = match format {
        FileFormat::Pem { certificate: true, .. } => {
            CertificateDer::pem_slice_iter(file).filter_map(Result::ok).map(|der| der.to_vec()).collect()
        }
        FileFormat::CertificateDer => vec![file.to_vec()],
        FileFormat::Pkcs7 => pkcs7_certificates(file, &limits)?,
        _ => Vec::new(),
    };
    if found.is_empty() {
        return Err(AuthorityError::NoCertificate { found: format.to_string() }.into());
    }
    let parsed: Result<Vec<Certificate>, AuthorityError> =
        found.iter().map(|der| Ok(Certificate::from_der(der)?)).collect();
    Ok(parsed?)
}
