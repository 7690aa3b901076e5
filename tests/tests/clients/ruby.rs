//! Chef's cookbooks: Ruby's Net::HTTP with multipart-post.

use super::raw::{Raw, Reply, form};

pub(crate) const BOUNDARY: &str = "-----------RubyMultipartPost";

/// What Net::HTTP puts at the head of each request.
fn head(raw: &Raw, method: &str, path: &str, more: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\n{more}Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\nAccept: */*\r\n\
         User-Agent: Ruby\r\nReferer: referer\r\nConnection: close\r\nHost: {}\r\n",
        raw.host
    )
}

/// GET or POST with a form in the body; also GET has one.
pub(crate) fn with_form(raw: &Raw, method: &str, path: &str, pairs: &[(&str, &str)]) -> Reply {
    let body = form(pairs);
    let head = head(raw, method, path, "Content-Type: application/x-www-form-urlencoded\r\n");
    raw.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
}

pub(crate) fn get(raw: &Raw, path: &str) -> Reply {
    raw.send(format!("{}\r\n", head(raw, "GET", path, "")).as_bytes())
}

/// A multipart body: the file first, then the fields. Its end has one line more than the standard asks for.
pub(crate) fn upload(
    raw: &Raw,
    path: &str,
    (field, name, kind, content): (&str, &str, &str, &[u8]),
    pairs: &[(&str, &str)],
) -> Reply {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         Content-Length: {}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n\r\n",
        content.len()
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n");
    for (name, value) in pairs {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n\r\n").as_bytes());
    let kind = format!("Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n");
    let mut request = head(raw, "POST", path, &kind).into_bytes();
    request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(&body);
    raw.send(&request)
}
