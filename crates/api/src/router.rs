//! The way in: one handler, since paths are parsed without regard to case and context.

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
    routing::get,
};

use crate::{
    client::{Answered, Client},
    error::{ApiError, Refusal},
    operations::{self, Answer, Page},
    render::{Frame, failure, or_sign_in, respond, secure},
    request::{Request, format_of, host},
    state::ApiState,
    wire::{Address, Format, Operation},
};

/// A year, and not for the names below the host: those may be other machines (RFC 6797, section 6.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The whole HTTP surface as a value. It is meant to be served over TLS alone.
///
/// The example of the [crate] is a whole program.
pub fn router(state: ApiState) -> Router {
    // The limit of the settings holds instead.
    Router::new().fallback(handle).layer(DefaultBodyLimit::disable()).with_state(state)
}

/// The metrics alone, at `/metrics` and without a token: for a port on which only the monitoring system can ask, in no
/// case one that a stranger reaches.
pub fn metrics_router(state: ApiState) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(state)
}

async fn metrics(State(state): State<ApiState>) -> Response {
    let answer = operations::metrics(&state).await;
    let frame = Frame::new(&Address::parse("/metrics"), &state, None);
    secure(match answer {
        Err(error) => failure(&frame, Format::Json, StatusCode::SERVICE_UNAVAILABLE, error),
        answer => respond(&frame, Format::Json, answer),
    })
}

async fn handle(State(state): State<ApiState>, incoming: axum::extract::Request) -> Response {
    let host = host(incoming.headers(), incoming.uri());
    let client = incoming.extensions().get::<Client>().cloned().unwrap_or_else(Client::current);
    let mut response = secure(client.scope(answer(&state, incoming)).await);
    // As it is by now: the request may have changed it.
    if state.hsts(host.as_deref()) {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

async fn answer(state: &ApiState, incoming: axum::extract::Request) -> Response {
    if incoming.uri().path() == "/" {
        return to_directory();
    }
    let address = Address::parse(incoming.uri().path());
    if !matches!(*incoming.method(), Method::GET | Method::HEAD | Method::POST) {
        let frame = Frame::new(&address, state, None);
        let error = ApiError::new(405, "Use GET or POST", Vec::new());
        let mut response = failure(&frame, format_of(incoming.uri()), StatusCode::METHOD_NOT_ALLOWED, error);
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        return response;
    }
    let (mut request, read) = Request::read(incoming, address, state).await;
    if request.address.row.operation == Operation::Outside {
        let frame = Frame::new(&request.address, state, None);
        let error = ApiError::new(404, "There is nothing at this address", Vec::new());
        return failure(&frame, request.format, StatusCode::NOT_FOUND, error);
    }
    let (user, answer) = match read {
        Ok(()) => operations::perform(state, &mut request).await,
        Err(error) => operations::refuse(state, &request, error).await,
    };
    let answered = Answered::new(user.as_ref().map(|user| user.name.clone()), failure_of(&answer));
    state.counts().record(request.address.row.operation, request.is_post, answered.code);
    // Whoever comes without a token, as every browser does first, was refused nothing.
    if answered.refusal.is_some_and(|refusal| refusal != Refusal::NoToken) {
        state.note_refusal();
    }
    // A machine that is unknown was refused.
    let of_machine = operations::of_request(state, &request);
    let frame = Frame::new(&request.address, of_machine.as_ref().unwrap_or(state), user);
    let answer = or_sign_in(&request, answer);
    let cookie = match &answer {
        Ok(Answer::Page(Page::SignIn(page))) => page.key.set_cookie(),
        _ => None,
    };
    let mut response = respond(&frame, request.format, answer);
    response.extensions_mut().insert(answered);
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Leads from the root of the host to the directory.
fn to_directory() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/arcgis/portaladmin"));
    response
}

/// The failure of an answer, also one that a person sees as a page.
fn failure_of(answer: &Result<Answer, ApiError>) -> Option<&ApiError> {
    match answer {
        Err(failure) => Some(failure),
        Ok(Answer::Page(Page::Import(page))) => page.failure.as_ref(),
        Ok(Answer::Page(Page::OAuth(page))) => page.failure.as_ref(),
        Ok(Answer::Page(Page::Question(page))) => page.failure.as_ref(),
        Ok(Answer::Page(Page::SignIn(page))) => page.failure.as_ref(),
        Ok(Answer::Page(Page::Token(page))) => page.failure.as_ref(),
        Ok(_) => None,
    }
}
