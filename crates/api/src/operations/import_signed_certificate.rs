//! importSignedCertificate: the reply of a CA, paired with its key by the public key.

use super::Answer;
use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
};

pub(super) async fn import(
    _state: &ApiState,
    _request: &mut Request,
    _user: &User,
) -> Result<Answer, ApiError> {
    Err(ApiError::not_available())
}
