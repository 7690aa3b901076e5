//! rest/info of a server: where its tokens are made.

use super::Answer;
use crate::{error::ApiError, request::Request, state::ApiState};

pub(super) fn info(_state: &ApiState, _request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
