//! generate: a key pair and a self-signed certificate under an alias.

use super::Answer;
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
};

pub(super) async fn generate(
    _state: &ApiState,
    _request: &mut Request,
    _user: &User,
) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
