//! generateCsr: a certificate request with the key of an entry. It is read, and nothing is kept of it: the certificate that
//! comes for it says by its key to which entry it belongs.

use strongroom::{Error, store::StoreError};

use super::{Answer, certificates, resource};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::object::{CertificateSigningRequest, Object},
};

const TASK: Task = Task::GenerateCsr;

pub(super) async fn generate(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let alias = certificates::alias(request)?;
    let made = state.run(TASK, move |keystore| match keystore.signing_request(&alias) {
        Ok(made) => Ok(Some(made)),
        Err(Error::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(other) => Err(other),
    });
    let made = made.await?.ok_or_else(|| certificates::not_found(request))?;
    // As keytool writes it, whose label and line ends clients have seen until now.
    let text = made.pem().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST").replace('\n', "\r\n");
    let object = CertificateSigningRequest { certificate_signing_request: text };
    Ok(resource(request, "Certificate request", Object::CertificateSigningRequest(object)))
}
