//! The first page for people: what ends soon, what is broken, what changed last.

use strongroom::privilege::Privilege;

use super::{Answer, HomePage, Page, seconds};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::address::certificates_of,
};

/// Rows of the log that are looked at for changes of entries.
const CHANGES: u32 = 200;

pub(super) async fn home(state: &ApiState, request: &Request, user: &User) -> Result<Answer, ApiError> {
    // Whoever may not see the list sees no part of it here, and the same goes for the log.
    let overview = match user.require(Privilege::List) {
        Ok(()) => Some(state.overview().await?),
        Err(_) => None,
    };
    let mut changes = match user.require(Privilege::Audit) {
        Ok(()) => state.run(Task::Read, |keystore| keystore.log_tail(CHANGES)).await?,
        Err(_) => Vec::new(),
    };
    changes.reverse();
    let list = certificates_of(state.machine().name());
    Ok(Answer::Page(Page::Home(HomePage {
        overview,
        changes,
        list: format!("{}/{list}", request.address.base()),
        now: seconds(state),
    })))
}
