//! PowerShell DSC: .NET's HttpClient, whose boundary is a bare GUID and whose booleans begin with a capital.

use super::raw::{Raw, Reply, form};

const BOUNDARY: &str = "b7c1b3a0-0000-4000-8000-000000000001";

/// GET with everything in the address.
pub(crate) fn get(raw: &Raw, path: &str, referer: &str) -> Reply {
    raw.send(
        format!(
            "GET {path} HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1\r\n\
             Referer: {referer}\r\nHost: {}\r\nConnection: Keep-Alive\r\n\r\n",
            raw.host
        )
        .as_bytes(),
    )
}

pub(crate) fn post(raw: &Raw, path: &str, referer: &str, pairs: &[(&str, &str)]) -> Reply {
    let body = form(pairs);
    raw.send(
        format!(
            "POST {path} HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nReferer: {referer}\r\nHost: {}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            raw.host,
            body.len()
        )
        .as_bytes(),
    )
}

/// The fields, then the file.
pub(crate) fn upload(
    raw: &Raw,
    path: &str,
    referer: &str,
    pairs: &[(&str, &str)],
    (field, name, content): (&str, &str, &[u8]),
) -> Reply {
    let mut body = Vec::new();
    for (name, value) in pairs {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         Content-Type: application/x-pkcs12\r\n\r\n"
    );
    body.extend_from_slice(part.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nAccept: application/json\r\nReferer: {referer}\r\n\
         Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
        raw.host,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(&body);
    raw.send(&request)
}
