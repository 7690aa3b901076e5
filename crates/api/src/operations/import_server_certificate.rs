//! importExistingServerCertificate: a PKCS #12 file under an alias.

use strongroom::{Alias, Error, Password, ServerCertificateRequest, certificate::EntrySelector};
use zeroize::Zeroizing;

use super::{Answer, imported};
use crate::{
    error::{ApiError, Task, reply},
    request::{Request, User},
    state::ApiState,
    wire::field,
};

const TASK: Task = Task::ImportServerCertificate;

pub(super) async fn import(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    let alias = alias(request, TASK)?;
    let password = password(request, TASK)?;
    let chain = chain(request)?;
    let replace = request.fields.boolean(field::REPLACE)?.unwrap_or(false);
    let Ok(entry) = request.fields.text(field::ENTRY)?.map(str::parse::<EntrySelector>).transpose();
    let file = file(request, field::FILE, TASK, "the PKCS #12 file")?;
    let (trust_embedded_root, limits) = (state.settings().trust_embedded_root, state.settings().limits());
    let (at, actor) = (state.now(), user.actor());
    let report = state
        .import(TASK, move |keystore, cancel| {
            let mut wanted = ServerCertificateRequest::new(alias, &file, &password, at);
            wanted.entry = entry;
            wanted.limits = limits;
            wanted.cancel = cancel;
            wanted.options.policy.use_embedded = chain;
            wanted.options.replace = replace;
            wanted.options.trust_embedded_root = trust_embedded_root;
            keystore.acting_as(&actor).import_server_certificate(wanted)
        })
        .await?;
    Ok(imported(request, report))
}

/// Absent is true for a program; in a browser's form it is a box that was not ticked.
fn chain(request: &Request) -> Result<bool, ApiError> {
    let from_form = request.fields.text(field::FORM)?.is_some();
    Ok(request.fields.boolean(field::CHAIN)?.unwrap_or(!from_form))
}

/// The password to the byte. Absent is empty, as a browser sends an empty one.
pub(super) fn password(request: &mut Request, task: Task) -> Result<Password, ApiError> {
    let mut bytes = request.take_password()?.unwrap_or_default();
    Password::from_utf8(std::mem::take(&mut bytes)).map_err(|error| reply(task, &Error::from(error)))
}

pub(super) fn alias(request: &Request, task: Task) -> Result<Alias, ApiError> {
    let text = request
        .fields
        .text(field::ALIAS)?
        .ok_or_else(|| missing(request, task, field::ALIAS, "the name of the entry"))?;
    text.parse::<Alias>().map_err(|error| reply(task, &Error::from(error)))
}

pub(super) fn file(
    request: &mut Request,
    names: field::Names,
    task: Task,
    what: &str,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let file = request.fields.take(names)?.filter(|file| !file.is_empty());
    file.ok_or_else(|| missing(request, task, names, what))
}

pub(super) fn missing(request: &Request, task: Task, names: field::Names, what: &str) -> ApiError {
    let name = field::documented(names, request.address.flavour());
    let details = vec![format!("send {what} in the field '{name}'"), "code: missing_field".to_owned()];
    task.refused(&format!("the field '{name}' is missing"), details)
}
