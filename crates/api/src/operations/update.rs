//! update: which certificate the web server of a portal shows, and how it speaks TLS.

use super::{Answer, import_server_certificate::missing, web_server::Wanted};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::field,
};

pub(super) async fn update(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    if request.fields.text(field::WEB_SERVER_ALIAS)?.is_none() {
        let what = "the alias of the certificate that the web server is to show";
        return Err(missing(request, Task::UpdateWebServer, field::WEB_SERVER_ALIAS, what));
    }
    Wanted::of(request)?.apply(state, request, user).await
}
