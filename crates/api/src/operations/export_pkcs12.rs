//! exportPkcs12: an entry with its private key, where the operator allows that. ArcGIS has no such operation.

use strongroom::{
    Error, Password,
    export::{Export, ExportFormat, Profile},
    issuance::IssuanceError,
    keystore::EntryKind,
};

use super::{Answer, certificates, import_server_certificate::missing};
use crate::{
    error::{ApiError, Refusal, Task, reply},
    request::{Request, User},
    state::ApiState,
    wire::field,
};

const TASK: Task = Task::Export;

pub(super) async fn export(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    if !state.settings().allow_key_export {
        return Err(not_allowed());
    }
    let entry = certificates::entry(state, request).await?;
    let alias = entry.alias;
    if matches!(entry.kind, EntryKind::Authority { .. }) {
        return Err(reply(TASK, &IssuanceError::NoKey { alias }.into()));
    }
    let own = text(request, field::CURRENT_PASSWORD, "your own password")?;
    let password = text(request, field::PASSWORD, "the password of the file")?;
    confirm(state, user, own).await?;
    let (at, actor, name) = (state.now(), user.actor(), format!("{}.p12", alias.key()));
    let target = name.clone();
    let exported = state.run(TASK, move |keystore| {
        let mut export = Export::new(ExportFormat::Pkcs12(Profile::Modern));
        export.password = Some(&password);
        export.target = target;
        keystore.acting_as(&actor).export(&alias, &export, at)
    });
    let file = exported.await?.files.into_iter().next();
    let file = file.ok_or_else(|| ApiError::fault("an export gave no file".to_owned()))?;
    Ok(Answer::File { name, kind: "application/x-pkcs12", bytes: file.bytes })
}

pub(super) fn not_allowed() -> ApiError {
    let help = "the administrator of the server can export it there with the command, or serve with --allow-key-export";
    ApiError::new(403, "Private keys are not exported by this server", vec![help.to_owned()])
}

/// A password, which is not in the address and not empty.
fn text(request: &mut Request, names: field::Names, what: &str) -> Result<Password, ApiError> {
    if request.fields.is_in_query(names) {
        return Err(ApiError::bad_request("A password must not stand in the address"));
    }
    let bytes = request.fields.take(names)?.filter(|bytes| !bytes.is_empty());
    let mut bytes = bytes.ok_or_else(|| missing(request, TASK, names, what))?;
    Password::from_utf8(std::mem::take(&mut bytes)).map_err(|error| reply(TASK, &Error::from(error)))
}

/// Whether it is the one who is signed in that asks: a browser that was left alone must not give away keys.
async fn confirm(state: &ApiState, user: &User, password: Password) -> Result<(), ApiError> {
    let Ok(name) = user.name.parse() else {
        return Err(TASK.refused("your own name is none of an administrator", Vec::new()));
    };
    match state.verify(&name, password).await {
        Ok(_) => Ok(()),
        Err(failure) if failure.code != 400 => Err(failure),
        // Whether it is the right one was not looked at.
        Err(failure) if failure.refusal == Some(Refusal::Throttled) => {
            let wait = failure.details.into_iter().skip(1).collect();
            let reason = "your own password was wrong too often and is not looked at for a while";
            let refused = TASK.refused(reason, wait).at("currentPassword");
            Err(ApiError { refusal: failure.refusal, ..refused })
        }
        Err(failure) => {
            let refused = TASK.refused("your own password is wrong", failure.details).at("currentPassword");
            Err(ApiError { refusal: failure.refusal, ..refused })
        }
    }
}
