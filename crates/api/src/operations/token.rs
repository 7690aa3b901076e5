//! generateToken: a name and a password for a token.

use strongroom::{Password, account::AccountName};

use super::{Answer, Page, TokenPage, resource};
use crate::{
    error::ApiError,
    request::Request,
    session::{Issued, lifetime},
    signing_in::wrong,
    state::ApiState,
    wire::{
        Format, field,
        object::{Object, Token},
    },
};

const FAILED: &str = "Unable to generate token.";

pub(super) async fn generate(state: &ApiState, request: &mut Request) -> Result<Answer, ApiError> {
    let username = request.fields.text(field::USERNAME).ok().flatten().unwrap_or_default().to_owned();
    let form = |failure| Ok(Answer::Page(Page::Token(TokenPage { username, failure })));
    let asks_for_form = !request.is_post && !names_credentials(request);
    match issue(state, request).await {
        Ok(Issued { token, expires_at }) => {
            let token = Token {
                token: token.to_string(),
                expires: expires_at.as_secs().saturating_mul(1000),
                ssl: true,
            };
            Ok(resource(request, "Token", Object::Token(token)))
        }
        Err(_) if request.format == Format::Html && asks_for_form => form(None),
        Err(failure) if request.format == Format::Html && failure.fault.is_none() => form(Some(failure)),
        Err(failure) => Err(failure),
    }
}

fn names_credentials(request: &Request) -> bool {
    request.fields.is_in_query(field::USERNAME) || request.fields.is_in_query(field::PASSWORD)
}

/// Checks name and password, and makes a token.
pub(super) async fn issue(state: &ApiState, request: &mut Request) -> Result<Issued, ApiError> {
    if names_credentials(request) {
        let reason = "POST request should not contain username and password in the query string";
        return Err(refused(vec![reason.to_owned()]));
    }
    let username = request.fields.text(field::USERNAME)?.map(str::to_owned);
    let password = request.take_password()?.filter(|password| !password.is_empty());
    let named = [(username.is_none(), "username"), (password.is_none(), "password")];
    let (Some(username), Some(mut password)) = (username, password) else {
        let missing = named.iter().filter(|(is_missing, _)| *is_missing);
        return Err(refused(missing.map(|(_, name)| format!("'{name}' must be specified.")).collect()));
    };
    if !request.is_post {
        return Err(ApiError::use_post());
    }
    let lifetime = lifetime(request.fields.text(field::EXPIRATION)?)
        .ok_or_else(|| refused(vec!["'expiration' must be a number of minutes, from 1.".to_owned()]))?;
    let (Ok(name), Ok(password)) =
        (username.parse::<AccountName>(), Password::from_utf8(std::mem::take(&mut password)))
    else {
        return Err(wrong());
    };
    state.sign_in(&name, password, lifetime).await
}

fn refused(details: Vec<String>) -> ApiError {
    ApiError::new(400, FAILED, details)
}
