//! The body of a request: multipart (RFC 7578) or urlencoded, also with GET, as Chef sends it.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{FromRequest as _, Multipart},
    http::{HeaderMap, header, request::Parts},
};
use zeroize::Zeroizing;

use super::fields::{FieldSource, Fields};
use crate::error::ApiError;

/// The most parts of a multipart body.
const MAX_PARTS: usize = 16;
/// How long a body may take.
const MAX_TIME: Duration = Duration::from_secs(30);
/// How much beyond the limit is read and thrown away. A client that is cut off while it sends never sees the answer,
/// and sends all of it again.
const MAX_DISCARDED: usize = 16 << 20;

/// Reads the body into `fields`. What was read before a failure stays there: it may say which form the answer takes.
pub(super) async fn read(
    parts: Parts,
    body: Body,
    limit: usize,
    fields: &mut Fields,
) -> Result<(), ApiError> {
    let declared = declared_length(&parts.headers);
    if declared.is_some_and(|length| length > limit.saturating_add(MAX_DISCARDED)) {
        return Err(ApiError::too_large(limit));
    }
    let Ok(collected) = tokio::time::timeout(MAX_TIME, collect(body, limit)).await else {
        return Err(ApiError::new(408, "The request took too long", Vec::new()));
    };
    let (bytes, whole) = collected?;
    let parsed = parse(parts, bytes, fields).await;
    if whole { parsed } else { Err(ApiError::too_large(limit)) }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The first `limit` bytes, and whether those are all.
async fn collect(mut body: Body, limit: usize) -> Result<(Zeroizing<Vec<u8>>, bool), ApiError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|_| ApiError::bad_request("The body is cut off"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = limit.saturating_sub(bytes.len());
        append(&mut bytes, data.get(..room).unwrap_or(&data));
        length = length.saturating_add(data.len());
        if length > limit.saturating_add(MAX_DISCARDED) {
            break;
        }
    }
    Ok((bytes, length <= limit))
}

async fn parse(parts: Parts, bytes: Zeroizing<Vec<u8>>, fields: &mut Fields) -> Result<(), ApiError> {
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "multipart/form-data" => {
            // The buffer is wiped when its last slice goes.
            let request = axum::extract::Request::from_parts(parts, Body::from(Bytes::from_owner(bytes)));
            match Multipart::from_request(request, &()).await {
                Ok(multipart) => read_parts(multipart, fields).await,
                Err(_) => Err(ApiError::bad_request("The multipart body has no boundary")),
            }
        }
        "" | "application/x-www-form-urlencoded" => fields.push_urlencoded(&bytes, FieldSource::Body),
        _ if bytes.is_empty() => Ok(()),
        _ => {
            let help = "send multipart/form-data or application/x-www-form-urlencoded".to_owned();
            Err(ApiError::new(400, "The content type of the body is not known", vec![help]))
        }
    }
}

async fn read_parts(mut multipart: Multipart, fields: &mut Fields) -> Result<(), ApiError> {
    let broken = |_| ApiError::bad_request("The multipart body is broken or cut off");
    let mut parts = 0_usize;
    while let Some(mut part) = multipart.next_field().await.map_err(broken)? {
        parts += 1;
        if parts > MAX_PARTS {
            return Err(ApiError::bad_request(format!("The request has more than {MAX_PARTS} parts")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        // A browser sends this for a file that was not chosen.
        let may_be_unchosen = part.file_name() == Some("");
        let mut value = Zeroizing::new(Vec::new());
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            append(&mut value, &chunk);
        }
        if name.is_empty() || (may_be_unchosen && value.is_empty()) {
            continue;
        }
        fields.push(&name, value, FieldSource::Body)?;
    }
    Ok(())
}

/// Appends, and wipes what growing would leave behind.
fn append(value: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = value.len().saturating_add(chunk.len());
    if needed > value.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.saturating_mul(2)));
        larger.extend_from_slice(value);
        *value = larger;
    }
    value.extend_from_slice(chunk);
}
