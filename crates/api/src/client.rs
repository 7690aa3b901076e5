//! Who sends a request, as the host of the router knows it, and what became of it, for the host's log.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{
    error::{ApiError, Refusal},
    render::secure,
};

tokio::task_local! {
    /// Whose request the task answers.
    static CLIENT: Client;
}

/// The client of a request. The host puts it into the extensions of the request; without one, all requests count
/// as those of one client.
///
/// Places in queues and memory for bodies are shared fairly between addresses.
#[derive(Clone, Debug)]
pub struct Client {
    address: IpAddr,
    signed_in: Arc<AtomicBool>,
}

impl Client {
    /// A client at an address: that of the connection, or what a proxy that the host trusts says of it.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self { address, signed_in: Arc::default() }
    }

    /// The same, with a mark of the host's own that is set where [`is_signed_in`](Self::is_signed_in) becomes true.
    #[must_use]
    pub fn marking(self, mark: Arc<AtomicBool>) -> Self {
        Self { signed_in: mark, ..self }
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether the request has shown a token or a password that is good. Known before its body is read where the
    /// token stands in a header or in the address.
    #[must_use]
    pub fn is_signed_in(&self) -> bool {
        self.signed_in.load(Ordering::Relaxed)
    }

    pub(crate) fn signed_in(&self) {
        self.signed_in.store(true, Ordering::Relaxed);
    }

    /// The client whose request this task answers.
    pub(crate) fn current() -> Self {
        CLIENT.try_with(Self::clone).unwrap_or_else(|_| Self::new(Ipv6Addr::UNSPECIFIED.into()))
    }

    /// Runs the work on a request of this client.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CLIENT.scope(self, work).await
    }
}

/// What became of a request. The router puts it into the extensions of the response, for the log of the host.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answered {
    /// The administrator who asked, if one did.
    pub user: Option<String>,
    /// The code inside the answer: 200, or that of the failure. Its HTTP status is 200 all the same, see the [crate].
    pub code: u16,
    /// Why somebody was refused, if that was so.
    pub refusal: Option<Refusal>,
}

impl Answered {
    pub(crate) fn new(user: Option<String>, failure: Option<&ApiError>) -> Self {
        let code = failure.map_or(200, |failure| failure.code);
        Self { user, code, refusal: failure.and_then(|failure| failure.refusal) }
    }
}

/// An answer of the host itself, outside the API: a line of text, with the headers that all answers have.
#[must_use]
pub fn plain_answer(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain;charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    secure(response)
}
