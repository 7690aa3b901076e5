//! The bytes of a connection on their way: what moves is noted, and hyper's own refusals get the headers of ours.

use std::{
    future::Future as _,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::http::StatusCode;
use strongroom_api::plain_answer;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::connections::Connection;

/// How long, and for how many bytes, what a client still sends is taken after the last answer. To close a connection on
/// which something is unread resets it, and the client may lose the answer (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(1);
const MAX_UNREAD: usize = 1 << 20;

/// A stream whose progress is noted.
pub(super) struct Noted<S> {
    stream: S,
    connection: Arc<Connection>,
    /// What goes out in place of what hyper wrote, and how much of it went.
    instead: Option<(Vec<u8>, usize)>,
    /// After the last answer: until when the client is listened to, and how many bytes were taken.
    lingers: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Noted<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection, instead: None, lingers: None }
    }

    /// Notes what came of an attempt to write.
    fn note(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.connection.progress.sent(Some(*bytes)),
            Poll::Pending => self.connection.progress.sent(None),
            Poll::Ready(Err(_)) => {}
        }
    }

    /// Takes what the client still sends, and throws it away, until it ends the connection or its time is over.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (until, taken) = self.lingers.get_or_insert_with(|| (Box::pin(sleep(LINGER)), 0));
        let mut scratch = [0; 4_096];
        while *taken < MAX_UNREAD && until.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => *taken += buffer.filled().len(),
                Poll::Ready(_) => break,
            }
        }
        Poll::Ready(())
    }

    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, done)) = &self.instead {
            let done = *done;
            let rest = bytes.get(done..).unwrap_or_default();
            if rest.is_empty() {
                self.instead = None;
                break;
            }
            let written = Pin::new(&mut self.stream).poll_write(context, rest);
            self.note(&written);
            let count = ready!(written)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if let Some((_, went)) = &mut self.instead {
                *went = done.saturating_add(count);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.progress.received();
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_instead(context))?;
        if let Some(refusal) = own_refusal(bytes) {
            self.instead = Some((refusal, 0));
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(context))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        match &flushed {
            Poll::Ready(Ok(())) => self.connection.progress.all_sent(),
            Poll::Pending => self.connection.progress.sent(None),
            Poll::Ready(Err(_)) => {}
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_instead(context))?;
        if self.lingers.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            if shut.is_pending() {
                self.connection.progress.sent(None);
            }
            ready!(shut)?;
        }
        ready!(self.poll_linger(context));
        Poll::Ready(Ok(()))
    }
}

/// Ours in place of a refusal that hyper made itself: a whole head without a body, and without what all our answers
/// have.
fn own_refusal(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes.strip_prefix(b"HTTP/1.1 4")?.strip_suffix(b"\r\n\r\n")?;
    let head = std::str::from_utf8(head).ok()?;
    if head.contains("\r\n\r\n") || head.to_ascii_lowercase().contains("x-content-type-options") {
        return None;
    }
    Some(match head.get(..2)? {
        "00" => refusal(StatusCode::BAD_REQUEST, "The request is not HTTP/1.1"),
        "14" => refusal(StatusCode::URI_TOO_LONG, "The address of the request is too long"),
        "31" => refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "The head of the request is too long, or has too many fields",
        ),
        _ => return None,
    })
}

/// A whole answer, after which the connection is closed.
fn refusal(status: StatusCode, text: &'static str) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in plain_answer(status, text).headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(
        format!("connection: close\r\ncontent-length: {}\r\n\r\n{text}", text.len()).as_bytes(),
    );
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_hyper_is_replaced_and_nothing_else() {
        let hypers =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let ours = String::from_utf8(own_refusal(hypers).unwrap()).unwrap();
        assert!(ours.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{ours}");
        for header in
            ["x-content-type-options: nosniff\r\n", "cache-control: no-store\r\n", "connection: close\r\n"]
        {
            assert!(ours.contains(header), "{ours}");
        }
        assert_eq!(own_refusal(ours.as_bytes()), None);
        for other in
            ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "a=b\r\n\r\n"]
        {
            assert_eq!(own_refusal(other.as_bytes()), None, "{other}");
        }
    }
}
