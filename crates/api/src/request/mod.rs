//! A request, taken apart: fields, form of the answer, token.
//!
//! Takes an HTTP request; gives names and bytes. Knows nothing of certificates.

mod access;
mod body;
mod fields;

use axum::http::{HeaderMap, Method, Uri, header};
use zeroize::Zeroizing;

pub(crate) use self::access::{Hidden, User, clear_cookie, set_cookie};
use self::{
    access::Credential,
    fields::{FieldSource, Fields},
};
use crate::{
    error::ApiError,
    state::ApiState,
    wire::{Address, Format, field},
};

/// The most bytes of a request without a file.
const MAX_FORM: usize = 64 * 1024;

/// A request to the API.
pub(crate) struct Request {
    pub(crate) is_post: bool,
    pub(crate) address: Address,
    pub(crate) format: Format,
    pub(crate) fields: Fields,
    /// The host by which the client knows this server.
    pub(crate) host: Option<String>,
    credential: Option<Credential>,
    /// Where a browser says that the request comes from.
    fetch_site: Option<String>,
}

impl Request {
    /// Takes a request apart. A failure comes beside the request, since the answer still needs its form.
    pub(crate) async fn read(
        incoming: axum::extract::Request,
        address: Address,
        max_upload: usize,
    ) -> (Self, Result<(), ApiError>) {
        let (parts, body) = incoming.into_parts();
        let is_post = parts.method == Method::POST;
        let headers = parts.headers.clone();
        let host = host(&headers, &parts.uri);
        let mut fields = Fields::default();
        let mut done =
            fields.push_urlencoded(parts.uri.query().unwrap_or_default().as_bytes(), FieldSource::Query);
        if done.is_ok() {
            let limit = if address.row.takes_file() { max_upload } else { max_upload.min(MAX_FORM) };
            done = body::read(parts, body, limit, &mut fields).await;
        }
        let format = match fields.text(field::FORMAT).map(|word| word.map(Format::parse)) {
            Ok(Some(Some(format))) => format,
            Ok(None) if done.is_ok() || accepts_html(&headers) => Format::Html,
            Ok(None) => Format::Json,
            Ok(Some(None)) | Err(_) => {
                if done.is_ok() {
                    done = Err(ApiError::bad_request("The field 'f' must be html, json or pjson"));
                }
                Format::Json
            }
        };
        let credential = Credential::find(&fields, &headers);
        let fetch_site = text(&headers, "sec-fetch-site").map(str::to_owned);
        (Self { is_post, address, format, fields, host, credential, fetch_site }, done)
    }

    /// The address of this server and context, by the host name that the client used.
    pub(crate) fn url(&self, state: &ApiState) -> String {
        let host = self.host.as_deref().unwrap_or(&state.settings().machine);
        format!("https://{host}{}", self.address.context)
    }

    /// The port that the client named.
    pub(crate) fn port(&self) -> u16 {
        let named = self.host.as_deref().and_then(|host| host.rsplit_once(':'));
        named.and_then(|(_, port)| port.parse().ok()).unwrap_or(443)
    }

    /// The password of the request, which must not stand in the address.
    pub(crate) fn take_password(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, ApiError> {
        if self.fields.is_in_query(field::PASSWORD) {
            let message = "POST request should not contain username and password in the query string";
            return Err(ApiError::bad_request(message));
        }
        self.fields.take(field::PASSWORD)
    }
}

/// The form of an answer to a request whose body is not read.
pub(crate) fn format_of(uri: &Uri) -> Format {
    let mut fields = Fields::default();
    let _ = fields.push_urlencoded(uri.query().unwrap_or_default().as_bytes(), FieldSource::Query);
    fields.text(field::FORMAT).ok().flatten().and_then(Format::parse).unwrap_or(Format::Html)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn accepts_html(headers: &HeaderMap) -> bool {
    text(headers, "accept").is_some_and(|accept| accept.contains("text/html"))
}

/// The host that the client named, if it is one. A proxy's own headers are not believed.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = uri.authority().map(|authority| authority.as_str());
    let named = named.or_else(|| headers.get(header::HOST).and_then(|value| value.to_str().ok()))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!named.is_empty() && named.len() <= 255 && named.chars().all(plain)).then(|| named.to_owned())
}
