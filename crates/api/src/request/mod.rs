//! A request, taken apart: fields, form of the answer, token.
//!
//! Takes an HTTP request; gives names and bytes. Knows nothing of certificates.

mod access;
mod body;
mod fields;

use axum::{
    body::HttpBody as _,
    http::{HeaderMap, Method, Uri, header},
};
use zeroize::Zeroizing;

pub(crate) use self::access::{FormKey, Hidden, User, clear_cookie, set_cookie};
use self::{
    access::Credential,
    body::Bounds,
    fields::{FieldSource, Fields},
};
use crate::{
    client::Client,
    error::ApiError,
    in_flight::Room,
    machine::{Machine, host_name, port},
    state::ApiState,
    wire::{Address, Format, access::Access, field},
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
    /// The same by older browsers.
    origin: Option<String>,
    /// What binds a sign-in page to a browser.
    form_key: Option<Zeroizing<String>>,
    /// The memory of the fields counts until the request is answered.
    _room: Option<Room>,
}

impl Request {
    /// Takes a request apart. A failure comes beside the request, since the answer still needs its form.
    pub(crate) async fn read(
        incoming: axum::extract::Request,
        address: Address,
        state: &ApiState,
    ) -> (Self, Result<(), ApiError>) {
        let (parts, body) = incoming.into_parts();
        let is_post = parts.method == Method::POST;
        let headers = parts.headers.clone();
        let host = host(&headers, &parts.uri);
        let mut fields = Fields::default();
        let mut done =
            fields.push_urlencoded(parts.uri.query().unwrap_or_default().as_bytes(), FieldSource::Query);
        let mut room = None;
        if done.is_ok() {
            let max_upload = state.settings().max_upload;
            let limit = if address.row.takes_file() { max_upload } else { max_upload.min(MAX_FORM) };
            let size = body.size_hint().upper().and_then(|size| usize::try_from(size).ok());
            done = match bounds(state, &address, &fields, &headers, size, limit).await {
                Ok(mut bounds) => {
                    let done = body::read(parts, body, &mut bounds, &mut fields).await;
                    room = Some(bounds.room);
                    done
                }
                Err(refused) => {
                    body::discard(body, limit).await;
                    Err(refused)
                }
            };
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
        if done.is_ok() && Credential::are_several(&fields, &headers) {
            let message = "The request has two different tokens; send one of them";
            done = Err(ApiError::bad_request(message));
        }
        let credential = Credential::find(&fields, &headers);
        let fetch_site = text(&headers, "sec-fetch-site").map(str::to_owned);
        let origin = text(&headers, "origin").map(str::to_owned);
        let form_key = FormKey::find(&headers);
        let request = Self {
            is_post,
            address,
            format,
            fields,
            host,
            credential,
            fetch_site,
            origin,
            form_key,
            _room: room,
        };
        (request, done)
    }

    /// The address of this server and context, by the host name that the client used.
    pub(crate) fn url(&self, state: &ApiState) -> String {
        let host = self.host.as_deref().unwrap_or(&state.settings().machine);
        format!("https://{host}{}", self.address.context)
    }

    /// The address of a machine: the only one by whatever name the client used, and of several each by its own.
    pub(crate) fn url_of(&self, state: &ApiState, machine: &Machine) -> String {
        let asked = self.host.as_deref().unwrap_or_default();
        if state.machines().len() == 1 || machine.is(host_name(asked)) {
            return self.url(state);
        }
        // Of all machines, one process listens on one port.
        format!("https://{}{}{}", machine.name(), port(asked), self.address.context)
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

/// Where the body goes, by who sends it as far as address and headers say. A token there that is not good is refused
/// before anything is read; a session that has ended is not, since its form may be a sign-in.
async fn bounds(
    state: &ApiState,
    address: &Address,
    query: &Fields,
    headers: &HeaderMap,
    size: Option<usize>,
    limit: usize,
) -> Result<Bounds, ApiError> {
    if let Some(credential) = Credential::find(query, headers).filter(|_| size != Some(0)) {
        if state.session(&credential.token).await?.is_some() {
            Client::current().signed_in();
            let room = state.in_flight().for_signed_in(size.unwrap_or(limit).min(limit)).await?;
            return Ok(Bounds { limit, room });
        }
        if address.row.access != Access::Public && !credential.is_cookie() {
            return Err(ApiError::invalid_token(address.flavour()));
        }
    }
    Ok(Bounds { limit, room: state.in_flight().for_stranger() })
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
pub(crate) fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = uri.authority().map(|authority| authority.as_str());
    let named = named.or_else(|| headers.get(header::HOST).and_then(|value| value.to_str().ok()))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (!named.is_empty() && named.len() <= 255 && named.chars().all(plain)).then(|| named.to_owned())
}
