//! importSignedCertificate: the reply of a CA, paired with the private key that waits for it by the public key.

use strongroom::{
    Alias, Password,
    keystore::{FilesRequest, SourceFile},
};

use super::{
    Answer, certificates,
    import_server_certificate::{alias, file},
    imported,
};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::field,
};

const TASK: Task = Task::ImportSignedCertificate;

pub(super) async fn import(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    let named = match (&request.address.name, request.fields.text(field::ALIAS)?) {
        (Some(_), _) => Some(certificates::alias(request)?),
        (None, Some(_)) => Some(alias(request, TASK)?),
        (None, None) => None,
    };
    let file = file(request, field::SIGNED_CERTIFICATE, TASK, "the certificate that the CA made")?;
    let (trust_embedded_root, limits) = (state.settings().trust_embedded_root, state.settings().limits());
    let (at, actor) = (state.now(), user.actor());
    let done = state.import(TASK, move |keystore, cancel| {
        let alias = match named {
            Some(alias) => alias,
            None => match keystore.aliases_answered(&file, &limits)?.as_slice() {
                [only] => only.clone(),
                several => return Ok(Err(several.to_vec())),
            },
        };
        let password = Password::new("")?;
        let files = [SourceFile::new("the file", &file)];
        let mut wanted = FilesRequest::new(alias, &files, &password, at);
        (wanted.opening.limits, wanted.opening.cancel) = (limits, cancel);
        wanted.options.trust_embedded_root = trust_embedded_root;
        Ok(Ok(keystore.acting_as(&actor).install_files(wanted)?.0))
    });
    let report = done.await?.map_err(|waiting| not_one(&waiting))?;
    Ok(imported(request, report))
}

/// Without an alias, and no single key that the certificate is for.
fn not_one(waiting: &[Alias]) -> ApiError {
    let help =
        "send it to the address of the certificate that it belongs to, as in ALIAS/importSignedCertificate";
    let (reason, code) = match waiting {
        [] => ("no private key of this server is that of the certificate".to_owned(), "request_not_found"),
        several => {
            let names: Vec<&str> = several.iter().take(8).map(Alias::as_str).collect();
            (format!("several certificates have its private key: {}", names.join(", ")), "several_entries")
        }
    };
    TASK.refused(&reason, vec![help.to_owned(), format!("code: {code}")])
}
