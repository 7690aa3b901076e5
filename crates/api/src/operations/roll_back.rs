//! rollBack: an entry is again what it was at a former version, or is back after it was deleted. ArcGIS has no such
//! operation.

use super::{Answer, DonePage, Page, certificates};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::{
        Format, field,
        object::{Object, Success},
    },
};

const TASK: Task = Task::RollBack;

pub(super) async fn roll_back(state: &ApiState, request: &Request, user: &User) -> Result<Answer, ApiError> {
    let (alias, to) = (certificates::alias(request)?, version(request)?);
    let (at, actor, name) = (state.now(), user.actor(), alias.key());
    let done = state.run(TASK, move |keystore| {
        let keystore = keystore.acting_as(&actor);
        match to {
            Some(number) => keystore.undo_to(&alias, number, at),
            None => keystore.undo(&alias, at),
        }
    });
    let version = done.await?;
    if request.format != Format::Html {
        return Ok(Answer::Object(Object::Success(Success::new(Vec::new()))));
    }
    let list = request.address.list();
    let message = match version.origin == version.number {
        true => format!("{name} is back."),
        false => format!("{name} is what it was at version {} again.", version.origin),
    };
    Ok(Answer::Page(Page::Done(DonePage {
        title: "Rolled back",
        message,
        notes: vec![format!("That is version {} of the entry now.", version.number)],
        next: format!("{list}/{name}"),
        next_label: "To the certificate",
        findings: Vec::new(),
        undo: None,
    })))
}

/// The version that is meant; the one before without it.
pub(super) fn version(request: &Request) -> Result<Option<u32>, ApiError> {
    let wrong = |_| ApiError::bad_request("The field 'version' must be the number of a version");
    request.fields.text(field::VERSION)?.map(|text| text.parse::<u32>().map_err(wrong)).transpose()
}
