//! security/config: how a server speaks TLS.

use super::Answer;
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
};

pub(super) async fn show(_state: &ApiState, _request: &Request) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}

pub(super) async fn update(
    _state: &ApiState,
    _request: &mut Request,
    _user: &User,
) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
