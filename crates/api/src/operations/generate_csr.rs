//! generateCsr: a certificate request with the key of an entry. It is read, and nothing is kept of it: the certificate that
//! comes for it says by its key to which entry it belongs.

use strongroom::{Error, certificate::SigningRequest, store::StoreError};
use zeroize::Zeroizing;

use super::{Answer, Page, SigningRequestPage, certificates};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::{
        Format, field,
        object::{CertificateSigningRequest, Object},
    },
};

const TASK: Task = Task::GenerateCsr;

pub(super) async fn generate(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let alias = certificates::alias(request)?;
    let name = alias.key();
    let made = state.run(TASK, move |keystore| match keystore.signing_request(&alias) {
        Ok(made) => Ok(Some(made)),
        Err(Error::Store(StoreError::NotFound { .. })) => Ok(None),
        Err(other) => Err(other),
    });
    let made = made.await?.ok_or_else(|| certificates::not_found(request))?;
    if request.format == Format::Html {
        return page(request, name, made);
    }
    // As keytool writes it, whose label and line ends clients have seen until now.
    let text = made.pem().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST").replace('\n', "\r\n");
    let object = CertificateSigningRequest { certificate_signing_request: text };
    Ok(Answer::Object(Object::CertificateSigningRequest(object)))
}

/// The request as a page, or as the file that the page offers.
fn page(request: &Request, alias: String, made: SigningRequest) -> Result<Answer, ApiError> {
    if request.fields.boolean(field::DOWNLOAD)?.unwrap_or(false) {
        let bytes = Zeroizing::new(made.pem().into_bytes());
        return Ok(Answer::File { name: format!("{alias}.csr"), kind: "application/pkcs10", bytes });
    }
    let list = request.address.list();
    Ok(Answer::Page(Page::SigningRequest(Box::new(SigningRequestPage { alias, request: made, list }))))
}
