//! One request: whose it is, whether it can be answered, and its line in the access log.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::ConnectInfo,
    http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header, uri::Authority},
    response::Response,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    service::Service as _,
};
use hyper_util::service::TowerToHyperService;
use strongroom_api::{Client, plain_answer};

use super::{
    access_log::{AccessLog, Line},
    connections::{Connection, Connections, Place},
    progress::Phase,
    proxies::Proxies,
};

/// What answers the requests of all connections.
pub(super) struct Service {
    app: TowerToHyperService<Router>,
    pub(super) proxies: Proxies,
    log: Option<AccessLog>,
    connections: Arc<Connections>,
}

impl Service {
    pub(super) fn new(
        app: Router,
        proxies: Proxies,
        log: Option<AccessLog>,
        connections: Arc<Connections>,
    ) -> Self {
        Self { app: TowerToHyperService::new(app), proxies, log, connections }
    }

    pub(super) fn log(&self) -> Option<AccessLog> {
        self.log.clone()
    }

    /// Answers one request of a connection.
    pub(super) async fn answer(
        &self,
        place: &Place,
        peer: SocketAddr,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let begun = Instant::now();
        let connection = &place.connection;
        let progress = &connection.progress;
        progress.enter(if request.body().is_end_stream() { Phase::Working } else { Phase::Body });
        let address = self.proxies.client(peer.ip(), request.headers());
        let line = self.log.as_ref().map(|_| Line::new(request.method(), request.uri(), address));
        let is_read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
        let mut response = match unclear_host(request.version(), request.headers()) {
            Some(reason) => refused(reason),
            None => {
                let client = Client::new(address).marking(Arc::clone(&progress.signed_in));
                let mut request = request.map(|body| {
                    Watched::body(body, connection, Phase::Body, Phase::Working, Some(Arc::clone(&is_read)))
                });
                request.extensions_mut().insert(client);
                request.extensions_mut().insert(ConnectInfo(SocketAddr::new(address, peer.port())));
                self.app.call(request).await?
            }
        };
        // The connection ends behind an answer that did not wait for the body: the client is told, and sends its next request
        // on another one.
        if !is_read.load(Ordering::Relaxed) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if progress.signed_in.load(Ordering::Relaxed) {
            self.connections.is_known(connection);
        }
        if let (Some(log), Some(line)) = (&self.log, line) {
            log.write(line.finish(&response, begun.elapsed()));
        }
        progress.enter(Phase::Answer);
        Ok(response.map(|body| Watched::body(body, connection, Phase::Answer, Phase::Idle, None)))
    }
}

/// Why it is not clear for which host a request is (RFC 9112 section 3.2).
fn unclear_host(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Some("The request has more than one Host header"),
        (None, None) if version == Version::HTTP_11 => Some("The request has no Host header"),
        (Some(host), None) if host.is_empty() => Some("The Host header of the request is empty"),
        (Some(host), None) if !is_host(host) => {
            Some("The Host header of the request is not a host and a port")
        }
        _ => None,
    }
}

/// Whether it is written as `uri-host [":" port]` (RFC 3986 section 3.2.2), which has no user before an `@`.
fn is_host(host: &HeaderValue) -> bool {
    let text = host.to_str().unwrap_or_default();
    !text.contains('@') && text.parse::<Authority>().is_ok_and(|host| !host.host().is_empty())
}

fn refused(reason: &'static str) -> Response {
    let mut response = plain_answer(StatusCode::BAD_REQUEST, reason);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body; when it is over, or dropped, its connection goes on from one phase to the next.
struct Watched<B> {
    body: B,
    connection: Arc<Connection>,
    phase: Phase,
    next: Phase,
    /// Set when all of it has been read.
    is_read: Option<Arc<AtomicBool>>,
}

impl<B> Watched<B>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    fn body(
        body: B,
        connection: &Arc<Connection>,
        phase: Phase,
        next: Phase,
        is_read: Option<Arc<AtomicBool>>,
    ) -> Body {
        Body::new(Self { body, connection: Arc::clone(connection), phase, next, is_read })
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Watched<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            if let Some(is_read) = &self.is_read {
                is_read.store(true, Ordering::Relaxed);
            }
            self.connection.progress.leave(self.phase, self.next);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Watched<B> {
    fn drop(&mut self) {
        self.connection.progress.leave(self.phase, self.next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_has_to_be_named_once() {
        let of = |version, hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            unclear_host(version, &headers)
        };
        assert_eq!(of(Version::HTTP_11, &["a"]), None);
        assert_eq!(of(Version::HTTP_10, &[]), None);
        assert_eq!(of(Version::HTTP_11, &[]), Some("The request has no Host header"));
        assert_eq!(of(Version::HTTP_10, &["a", "a"]), Some("The request has more than one Host header"));
        assert_eq!(of(Version::HTTP_11, &[""]), Some("The Host header of the request is empty"));
        for host in ["gis.test:7443", "10.0.0.1", "[::1]:7443", "gis_1.test", "GIS", "a.test:"] {
            assert_eq!(of(Version::HTTP_11, &[host]), None, "{host}");
        }
        for host in ["a b", "a\"b", "user@a.test", "a.test/x", "a?b", "a#b", "<a>", "a\\b", ":80"] {
            let reason = Some("The Host header of the request is not a host and a port");
            assert_eq!(of(Version::HTTP_11, &[host]), reason, "{host}");
            assert_eq!(of(Version::HTTP_10, &[host]), reason, "{host}");
        }
    }
}
