//! export: the certificate of an entry as a file.

use super::Answer;
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
};

pub(super) async fn export(
    _state: &ApiState,
    _request: &mut Request,
    _user: &User,
) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
