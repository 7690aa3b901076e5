//! Sessions of browsers: sign in, sign out.

use super::{Answer, Page, SignInPage, token};
use crate::{
    error::ApiError,
    request::Request,
    state::ApiState,
    wire::{Address, Format, Operation, field},
};

pub(super) async fn sign_in(state: &ApiState, request: &mut Request) -> Result<Answer, ApiError> {
    if request.format != Format::Html {
        return Err(ApiError::bad_request("Programs sign in with generateToken"));
    }
    let next = next(request);
    let username = request.fields.text(field::USERNAME).ok().flatten().unwrap_or_default().to_owned();
    let key = request.form_key()?;
    let page =
        |failure| Ok(Answer::Page(Page::SignIn(SignInPage { key, next: next.clone(), username, failure })));
    if !request.is_post {
        return page(None);
    }
    if let Err(refused) = request.check_sign_in_form() {
        return page(Some(refused));
    }
    match token::issue(state, request).await {
        Ok(signed) => Ok(Answer::SignedIn { token: signed.token, next }),
        Err(failure) if failure.fault.is_some() => Err(failure),
        Err(failure) => {
            page(Some(ApiError { message: "You are not signed in".to_owned(), ..failure }.at("password")))
        }
    }
}

pub(super) fn sign_out(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    if let Some(token) = request.token() {
        state.sessions().end(token);
        state.held().forget(token);
    }
    Ok(Answer::SignedOut)
}

/// Where one wanted to go: a page of this API, written again, so that it can lead nowhere else.
fn next(request: &Request) -> String {
    let wanted = request.fields.text(field::NEXT).ok().flatten().unwrap_or_default();
    let path = wanted.split(['?', '#']).next().unwrap_or_default();
    let local = path.starts_with('/').then(|| Address::parse(path));
    let inside = local.filter(|address| address.row.operation != Operation::Outside);
    inside.map_or_else(|| request.address.base(), |address| address.link())
}
