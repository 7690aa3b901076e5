//! oauth2/authorize and oauth2/signin: how Esri's Python client signs in by default.
//!
//! The implicit grant (RFC 6749, section 4.2), as far as that client uses it: it reads `oauth_state` from the page of
//! authorize, sends it with name and password to signin, and finds the token in the address to which that leads. No
//! browser is signed in by it, and the token goes to this server or into the program's own hands, never elsewhere.

use strongroom::{certificate::printable, hexadecimal::hex};
use zeroize::Zeroizing;

use super::{Answer, OAuthPage, Page, token};
use crate::{
    error::ApiError,
    request::Request,
    state::ApiState,
    wire::{Format, field, percent_encode, unhex},
};

/// Where a program gets its token that has no address.
const OUT_OF_BAND: &str = "urn:ietf:wg:oauth:2.0:oob";
/// The most that a program may want back.
const MAX_STATE: usize = 1024;
/// The code by which the client knows that the page has a failure to show.
const REFUSED: &str = "OAUTH_0015";

pub(super) fn authorize(request: &Request) -> Result<Answer, ApiError> {
    let redirect_uri = request.fields.text(field::REDIRECT_URI)?.unwrap_or_default();
    check_redirect(request, redirect_uri)?;
    if request.fields.text(field::RESPONSE_TYPE)?.is_some_and(|kind| kind != "token") {
        let help = "send response_type=token, or sign in with generateToken".to_owned();
        return Err(ApiError::new(400, "Invalid response_type", vec![help]));
    }
    let state = request.fields.text(field::STATE)?.unwrap_or_default();
    if state.len() > MAX_STATE {
        return Err(ApiError::bad_request(format!("The field 'state' has more than {MAX_STATE} bytes")));
    }
    let packed = hex(format!("{redirect_uri}\n{state}").as_bytes());
    let info = format!("{{\"oauth_state\":\"{packed}\"}}");
    Ok(Answer::Page(Page::OAuth(OAuthPage { info, failure: None })))
}

pub(super) async fn sign_in(state: &ApiState, request: &mut Request) -> Result<Answer, ApiError> {
    if !request.is_post {
        return Err(ApiError::use_post());
    }
    if request.comes_from_elsewhere() {
        let help = "a program signs in here; a browser does at the administrator directory".to_owned();
        return Err(ApiError::new(403, "The request was refused", vec![help]));
    }
    let (redirect_uri, client_state) = unpack(request)?;
    check_redirect(request, &redirect_uri)?;
    let username = request.fields.text(field::USERNAME).ok().flatten().unwrap_or_default().to_owned();
    match token::issue(state, request).await {
        Ok(signed) => {
            let seconds = signed.expires_at.as_secs().saturating_sub(state.now().as_secs());
            let location = format!(
                "{redirect_uri}#access_token={}&expires_in={seconds}&username={}&ssl=true&state={}",
                signed.token.as_str(),
                percent_encode(&username),
                percent_encode(&client_state),
            );
            Ok(Answer::GoBack { location: Zeroizing::new(location) })
        }
        Err(failure) if request.format == Format::Html && failure.fault.is_none() => {
            let info = refusal(&failure);
            Ok(Answer::Page(Page::OAuth(OAuthPage { info, failure: Some(failure) })))
        }
        Err(failure) => Err(failure),
    }
}

/// Refuses to send a token anywhere but to this server or into the program's hands.
fn check_redirect(request: &Request, redirect_uri: &str) -> Result<(), ApiError> {
    let host = request.host.as_deref().unwrap_or_default();
    let own = format!("https://{host}");
    let bare = redirect_uri.strip_suffix('/').unwrap_or(redirect_uri);
    if redirect_uri == OUT_OF_BAND || (!host.is_empty() && bare.eq_ignore_ascii_case(&own)) {
        return Ok(());
    }
    let found = printable(&redirect_uri.chars().take(200).collect::<String>());
    let help = format!("found '{found}'; allowed are '{own}', which is this server, and '{OUT_OF_BAND}'");
    // The client looks for this sentence, and tries another address.
    Err(ApiError::new(400, "Invalid redirect_uri", vec![help]))
}

/// What authorize packed: the address and the state of the program.
fn unpack(request: &Request) -> Result<(String, String), ApiError> {
    let packed = request.fields.text(field::OAUTH_STATE)?.unwrap_or_default();
    let text = unhex(packed).and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once('\n'));
    parts.map(|(uri, state)| (uri.to_owned(), state.to_owned())).ok_or_else(|| {
        let help = "send the oauth_state that oauth2/authorize gave".to_owned();
        ApiError::new(400, "Invalid oauth_state", vec![help])
    })
}

/// The failure as the client reads it: one line, single quotes, which it replaces by double ones.
fn refusal(failure: &ApiError) -> String {
    let plain = |text: &String| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || " .,:;()-".contains(*c)).collect()
    };
    let messages: Vec<String> = failure.details.iter().map(|text| format!("'{}'", plain(text))).collect();
    format!("{{'code':'{REFUSED}','messages':[{}]}}", messages.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_is_json_once_its_quotes_are_double() {
        let details = vec!["'username' must be \"spe{cified}\".".to_owned(), "Invalid <b>.".to_owned()];
        let text = refusal(&ApiError::new(400, "x", details)).replace('\'', "\"");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["messages"][0], "username must be specified.");
        assert_eq!(json["messages"][1], "Invalid b.");
        assert_eq!(json["code"], REFUSED);
    }
}
