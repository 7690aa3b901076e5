//! oauth2/authorize and oauth2/signin: how Esri's Python client signs in by default.

use super::Answer;
use crate::{error::ApiError, request::Request, state::ApiState};

pub(super) fn authorize(_state: &ApiState, _request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}

pub(super) async fn sign_in(_state: &ApiState, _request: &mut Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
