//! The body of a request: multipart (RFC 7578) or urlencoded, also with GET, as Chef sends it.

use std::{future::poll_fn, pin::Pin, time::Duration};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{FromRequest as _, Multipart},
    http::{HeaderMap, header, request::Parts},
};
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::fields::{FieldSource, Fields};
use crate::{error::ApiError, in_flight::Room};

/// The most parts of a multipart body.
const MAX_PARTS: usize = 16;
/// How long a body may take.
const MAX_TIME: Duration = Duration::from_secs(25);
/// How long nothing of it may come.
const MAX_SILENCE: Duration = Duration::from_secs(10);
/// How fast it has to come, in bytes a second, once [`MAX_SILENCE`] is over.
const SPEED: u64 = 1_024;
/// How much beyond the limit is read and thrown away. A client that is cut off while it sends never sees the answer,
/// and sends all of it again.
const MAX_DISCARDED: usize = 16 << 20;
/// How long a body is thrown away that nobody wants.
const MAX_DISCARD_TIME: Duration = Duration::from_secs(2);

/// How a body is read.
pub(super) struct Bounds {
    /// The most bytes.
    pub(super) limit: usize,
    /// Where they are in memory.
    pub(super) room: Room,
}

/// Reads the body into `fields`. What was read before a failure stays there: it may say which form the answer takes.
pub(super) async fn read(
    parts: Parts,
    body: Body,
    bounds: &mut Bounds,
    fields: &mut Fields,
) -> Result<(), ApiError> {
    let limit = bounds.limit;
    let declared = declared_length(&parts.headers);
    if declared.is_some_and(|length| length > limit.saturating_add(MAX_DISCARDED)) {
        return Err(ApiError::too_large(limit));
    }
    let Ok(collected) = timeout(MAX_TIME, collect(body, bounds)).await else {
        return Err(too_slow());
    };
    let (bytes, whole) = collected?;
    bounds.room.keep();
    let parsed = parse(parts, bytes, fields).await;
    if whole { parsed } else { Err(ApiError::too_large(limit)) }
}

/// Reads a body that nobody wants, so that its client sees the answer. Nothing of it is kept.
pub(super) async fn discard(mut body: Body, limit: usize) {
    let all = async {
        let mut length = 0_usize;
        while let Some(Ok(data)) = next(&mut body).await {
            length = length.saturating_add(data.len());
            if length > limit.saturating_add(MAX_DISCARDED) {
                break;
            }
        }
    };
    let _ = timeout(MAX_DISCARD_TIME, all).await;
}

fn too_slow() -> ApiError {
    ApiError::new(408, "The request took too long", Vec::new())
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The next bytes; none of what is no data.
async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

/// The first bytes up to the limit, and whether those are all.
async fn collect(mut body: Body, bounds: &mut Bounds) -> Result<(Zeroizing<Vec<u8>>, bool), ApiError> {
    let Bounds { limit, room } = bounds;
    let limit = *limit;
    let mut bytes = Zeroizing::new(Vec::new());
    let mut length = 0_usize;
    let begun = Instant::now();
    loop {
        let data = tokio::select! {
            biased;
            () = room.is_wanted() => return Err(ApiError::busy()),
            data = timeout(MAX_SILENCE, next(&mut body)) => data.map_err(|_| too_slow())?,
        };
        let Some(data) = data else {
            break;
        };
        let data = data.map_err(|_| ApiError::bad_request("The body is cut off"))?;
        let fits = data.get(..limit.saturating_sub(bytes.len())).unwrap_or(&data);
        let needed = bytes.len().saturating_add(fits.len());
        if needed > bytes.capacity() {
            let capacity = needed.saturating_add(needed / 2).min(limit).max(needed);
            room.grow(capacity)?;
            enlarge(&mut bytes, capacity);
        }
        bytes.extend_from_slice(fits);
        length = length.saturating_add(data.len());
        if length > limit.saturating_add(MAX_DISCARDED) {
            break;
        }
        let elapsed = begun.elapsed();
        let expected = elapsed.as_secs().saturating_mul(SPEED);
        if elapsed > MAX_SILENCE && u64::try_from(length).unwrap_or(u64::MAX) < expected {
            return Err(too_slow());
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
        enlarge(value, needed.saturating_mul(2));
    }
    value.extend_from_slice(chunk);
}

/// Moves it to a larger place, and wipes the former one.
fn enlarge(value: &mut Zeroizing<Vec<u8>>, capacity: usize) {
    let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
    larger.extend_from_slice(value);
    *value = larger;
}
