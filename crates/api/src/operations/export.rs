//! export: the certificate of an entry as a file. Never its key.

use zeroize::Zeroizing;

use super::{Answer, certificates};
use crate::{error::ApiError, request::Request, state::ApiState};

pub(super) async fn export(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let entry = certificates::entry(state, request).await?;
    // An alias has no character that a header or a file system gives a meaning.
    let name = format!("{}.cer", entry.alias.key());
    let bytes = Zeroizing::new(entry.certificate.der().to_vec());
    Ok(Answer::File { name, kind: "application/x-x509-ca-cert", bytes })
}
