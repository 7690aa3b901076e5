//! importRootOrIntermediate: a CA certificate under an alias.

use super::{
    Answer, Import, form,
    import_server_certificate::{alias, file},
    imported,
};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::{Holder, field},
};

const TASK: Task = Task::ImportAuthority;

pub(super) async fn import(
    state: &ApiState,
    request: &mut Request,
    holder: &Holder,
) -> Result<Answer, ApiError> {
    if !request.is_post {
        return form(request, Import::Authority);
    }
    request.check_meant()?;
    let alias = alias(request, TASK)?;
    let file = file(request, field::CERTIFICATE, TASK, "the CA certificate")?;
    let at = state.now();
    let report = state.run(TASK, move |keystore| keystore.import_authority(&alias, &file, at)).await?;
    Ok(imported(request, holder, report))
}
