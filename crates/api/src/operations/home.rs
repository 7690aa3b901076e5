//! The first page for people: what ends soon, what is broken, what changed last.

use super::{Answer, HomePage, Page, seconds};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::address::certificates_of,
};

/// Rows of the log that are shown.
const CHANGES: u32 = 8;

pub(super) async fn home(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    let overview = state.overview().await?;
    let mut changes = state.run(Task::Read, |keystore| keystore.log_tail(CHANGES)).await?;
    changes.reverse();
    let list = certificates_of(state.machine().name());
    Ok(Answer::Page(Page::Home(HomePage {
        overview,
        changes,
        list: format!("{}/{list}", request.address.base()),
        now: seconds(state),
    })))
}
