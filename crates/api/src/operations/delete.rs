//! delete: an entry goes, and can be brought back by the command.

use super::Answer;
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
};

pub(super) async fn delete(
    _state: &ApiState,
    _request: &mut Request,
    _user: &User,
) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
