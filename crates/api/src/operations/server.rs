//! Resources beside the certificates that clients read on their way.

use super::Answer;
use crate::{error::ApiError, request::Request, state::ApiState};

pub(super) fn local(_state: &ApiState, _request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}

pub(super) fn log_settings(_request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}

pub(super) fn security_tokens(_request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}

pub(super) fn system(_request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
