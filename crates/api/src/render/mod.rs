//! Answers as HTTP: JSON for programs, pages for people. The body is made before the status is sent.

mod certificate;
mod forms;
mod home;
mod html;
mod list;
mod words;

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use serde::Serialize;
use zeroize::Zeroizing;

pub(crate) use self::html::Frame;
use crate::{
    error::ApiError,
    operations::{Answer, Page},
    request::{Request, clear_cookie, set_cookie},
    wire::Format,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html;charset=utf-8");
/// Seconds after which a busy server is asked again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
const UNWRITABLE: &str = "{\"error\":{\"code\":500,\"message\":\"The server failed\",\"details\":[]}}";

/// Makes the response of an answer or a failure.
pub(crate) fn respond(frame: &Frame<'_>, format: Format, answer: Result<Answer, ApiError>) -> Response {
    match answer {
        Ok(Answer::Object(object)) => with_body(StatusCode::OK, JSON, json(&object, format)),
        Ok(Answer::Page(page)) => match html::page(frame, page) {
            Ok(body) => with_body(StatusCode::OK, HTML, body),
            Err(error) => failure(frame, format, StatusCode::OK, ApiError::fault(error.to_string())),
        },
        Ok(Answer::File { name, kind, bytes }) => file(&name, kind, bytes),
        Ok(Answer::GoBack { location }) => go_to(StatusCode::FOUND, &location, None),
        Ok(Answer::SignedIn { token, next }) => {
            go_to(StatusCode::SEE_OTHER, &next, Some(&set_cookie(&token)))
        }
        Ok(Answer::SignedOut) => go_to(StatusCode::SEE_OTHER, &frame.base, Some(&clear_cookie())),
        Ok(Answer::Asset(kind, content)) => {
            with_body(StatusCode::OK, HeaderValue::from_static(kind), content)
        }
        Ok(Answer::Text(kind, text)) => with_body(StatusCode::OK, HeaderValue::from_static(kind), text),
        Err(error) => failure(frame, format, StatusCode::OK, error),
    }
}

/// Makes the response of a failure. Its fault, if it is one, goes to the host in the extensions.
pub(crate) fn failure(frame: &Frame<'_>, format: Format, status: StatusCode, error: ApiError) -> Response {
    let error = error.without_false_alarm();
    let mut response = match format {
        Format::Html => {
            let body = html::failure(frame, &error).unwrap_or_else(|_| "The server failed".to_owned());
            with_body(status, HTML, body)
        }
        Format::Json | Format::Pjson => {
            let ApiError { code, message, details, .. } = &error;
            with_body(status, JSON, json(&frame.flavour.failure(*code, message, details), format))
        }
    };
    if error.code == 503 {
        // The one failure that clients shall send again.
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    if let Some(fault) = error.fault {
        response.extensions_mut().insert(fault);
    }
    response
}

/// Sign-in page in place of a failure that asks for it.
pub(crate) fn or_sign_in(request: &Request, answer: Result<Answer, ApiError>) -> Result<Answer, ApiError> {
    match answer {
        Err(error) if request.format == Format::Html && error.asks_to_sign_in() => {
            let ended = ApiError::new(error.code, "Your session has ended: sign in again", Vec::new());
            let failure = (error.code == 498).then_some(ended);
            let page = crate::operations::SignInPage {
                key: request.form_key()?,
                next: request.address.link(),
                username: String::new(),
                failure,
            };
            Ok(Answer::Page(Page::SignIn(page)))
        }
        other => other,
    }
}

fn json(value: &impl Serialize, format: Format) -> String {
    let text = match format {
        Format::Pjson => serde_json::to_string_pretty(value),
        Format::Html | Format::Json => serde_json::to_string(value),
    };
    // These types hold nothing that serde_json refuses.
    let text = text.unwrap_or_else(|_| UNWRITABLE.to_owned());
    // The same JSON; harmless should anything take it for a page.
    text.replace('<', "\\u003c")
}

fn with_body(status: StatusCode, kind: HeaderValue, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Clients take an answer for a file if it says so, else they look for JSON in it.
fn file(name: &str, kind: &'static str, bytes: Zeroizing<Vec<u8>>) -> Response {
    // What is sent is wiped when its last slice goes.
    let mut response = with_body(StatusCode::OK, HeaderValue::from_static(kind), Bytes::from_owner(bytes));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn go_to(status: StatusCode, location: &str, cookie: Option<&str>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    // All are made of ASCII by this crate.
    for (name, value) in [(header::LOCATION, Some(location)), (header::SET_COOKIE, cookie)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Headers of every answer: nothing is framed, cached, sniffed, or loaded from elsewhere.
pub(crate) fn secure(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];
