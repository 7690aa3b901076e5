//! importRootOrIntermediate: a CA certificate under an alias.

use super::{
    Answer, Import, form,
    import_server_certificate::{alias, file},
    imported,
};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::{Holder, field},
};

const TASK: Task = Task::ImportAuthority;

pub(super) async fn import(
    state: &ApiState,
    request: &mut Request,
    holder: &Holder,
    user: &User,
) -> Result<Answer, ApiError> {
    if !request.is_post {
        return form(request, Import::Authority);
    }
    request.check_meant()?;
    let alias = alias(request, TASK)?;
    let file = file(request, field::CERTIFICATE, TASK, "the CA certificate")?;
    let (at, actor) = (state.now(), user.actor());
    let report = state
        .run(TASK, move |keystore| {
            keystore.act_as(&actor);
            keystore.import_authority(&alias, &file, at)
        })
        .await?;
    Ok(imported(request, holder, report))
}
