//! The body of a request: multipart (RFC 7578) or urlencoded, also with GET, as Chef sends it.

use std::time::Duration;

use axum::{
    body::to_bytes,
    extract::{FromRequest as _, Multipart, multipart::MultipartError},
    http::{HeaderMap, StatusCode, header},
};
use zeroize::Zeroizing;

use super::fields::{Fields, Place};
use crate::error::ApiError;

/// The most parts of a multipart body.
const MAX_PARTS: usize = 16;
/// How long a body may take.
const MAX_TIME: Duration = Duration::from_secs(30);

/// Reads the body into `fields`. What was read before a failure stays there: it may say which form the answer takes.
pub(super) async fn read(
    incoming: axum::extract::Request,
    limit: usize,
    fields: &mut Fields,
) -> Result<(), ApiError> {
    if declared_length(incoming.headers()).is_some_and(|length| length > limit) {
        return Err(ApiError::too_large(limit));
    }
    match tokio::time::timeout(MAX_TIME, read_kind(incoming, limit, fields)).await {
        Ok(done) => done,
        Err(_) => Err(ApiError::new(408, "The request took too long", Vec::new())),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read_kind(
    incoming: axum::extract::Request,
    limit: usize,
    fields: &mut Fields,
) -> Result<(), ApiError> {
    let kind = incoming.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "multipart/form-data" => match Multipart::from_request(incoming, &()).await {
            Ok(multipart) => read_parts(multipart, limit, fields).await,
            Err(_) => Err(ApiError::bad_request("The multipart body has no boundary")),
        },
        "" | "application/x-www-form-urlencoded" => {
            let body = to_bytes(incoming.into_body(), limit).await.map_err(|_| ApiError::too_large(limit))?;
            fields.push_urlencoded(&body, Place::Body)
        }
        _ => {
            let body = to_bytes(incoming.into_body(), limit).await.map_err(|_| ApiError::too_large(limit))?;
            if body.is_empty() {
                return Ok(());
            }
            let help = "send multipart/form-data or application/x-www-form-urlencoded".to_owned();
            Err(ApiError::new(400, "The content type of the body is not known", vec![help]))
        }
    }
}

async fn read_parts(mut multipart: Multipart, limit: usize, fields: &mut Fields) -> Result<(), ApiError> {
    let broken = |error: MultipartError| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(limit),
        _ => ApiError::bad_request("The multipart body is broken or cut off"),
    };
    let mut parts = 0_usize;
    while let Some(mut part) = multipart.next_field().await.map_err(broken)? {
        parts += 1;
        if parts > MAX_PARTS {
            return Err(ApiError::bad_request(format!("The request has more than {MAX_PARTS} parts")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        // A browser sends this for a file that was not chosen.
        let not_chosen = part.file_name() == Some("");
        let mut value = Zeroizing::new(Vec::new());
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            append(&mut value, &chunk);
        }
        if !name.is_empty() && !(not_chosen && value.is_empty()) {
            fields.push(&name, value, Place::Body)?;
        }
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
