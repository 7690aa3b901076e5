//! Whose request it is: the token by any of its doors, and the proof that a browser's form was meant.

use axum::http::{HeaderMap, header};
use strongroom::privilege::{Privilege, Privileges};
use zeroize::Zeroizing;

use super::{Request, fields::Fields, text};
use crate::{
    client::Client,
    error::ApiError,
    session::{form_secret, is_form_secret, random_hex},
    signing_in::actor,
    state::ApiState,
    wire::field,
};

/// The cookie of a browser's session. The prefix binds it to this host, to HTTPS and to the whole path.
const COOKIE: &str = "__Host-strongroom";

/// The cookie of a browser that has the sign-in page and no session yet.
const FORM_COOKIE: &str = "__Host-strongroom-form";
/// What stands behind each cookie of ours.
const FLAGS: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// A token and how it came.
pub(super) struct Credential {
    pub(super) token: Zeroizing<String>,
    source: TokenSource,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum TokenSource {
    /// Sent by the browser on its own, so a form has to prove that it was meant.
    Cookie,
    Field,
    Header,
}

/// An administrator who is signed in.
pub(crate) struct User {
    pub(crate) name: String,
    privileges: Privileges,
    /// What the forms of a page send back.
    pub(crate) hidden: Option<Hidden>,
}

impl User {
    /// Refuses what the user may not do.
    pub(crate) fn require(&self, privilege: Privilege) -> Result<(), ApiError> {
        if self.privileges.contains(privilege) {
            return Ok(());
        }
        Err(ApiError::forbidden(&self.name, privilege))
    }

    /// How the audit log names the administrator.
    pub(crate) fn actor(&self) -> String {
        actor(&self.name)
    }
}

/// A hidden field of a form.
pub(crate) struct Hidden {
    pub(crate) name: &'static str,
    pub(crate) value: Zeroizing<String>,
}

impl Credential {
    /// The first token of: field, `X-Esri-Authorization`, `Authorization`, cookie. Real clients use each of them.
    pub(super) fn find(fields: &Fields, headers: &HeaderMap) -> Option<Self> {
        let from = |token: &str, source| Self { token: Zeroizing::new(token.to_owned()), source };
        if let Ok(Some(token)) = fields.text(field::TOKEN) {
            return Some(from(token, TokenSource::Field));
        }
        let bearer = bearer(headers, "x-esri-authorization").or_else(|| bearer(headers, "authorization"));
        if let Some(token) = bearer {
            return Some(from(token, TokenSource::Header));
        }
        cookie(headers, COOKIE).map(|token| from(token, TokenSource::Cookie))
    }

    /// Whether a client sends two tokens that differ: which one it means is not known. The cookie is the browser's.
    pub(super) fn are_several(fields: &Fields, headers: &HeaderMap) -> bool {
        let field = fields.text(field::TOKEN).ok().flatten();
        let mut tokens = [field, bearer(headers, "x-esri-authorization"), bearer(headers, "authorization")]
            .into_iter()
            .flatten();
        let first = tokens.next();
        tokens.any(|token| first != Some(token))
    }

    /// Whether a browser sent it on its own.
    pub(super) fn is_cookie(&self) -> bool {
        self.source == TokenSource::Cookie
    }
}

fn bearer<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let (scheme, token) = text(headers, name)?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

fn cookie<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
}

/// The header that starts a browser's session.
pub(crate) fn set_cookie(token: &str) -> String {
    format!("{COOKIE}={token}; {FLAGS}")
}

/// The header that ends it.
pub(crate) fn clear_cookie() -> String {
    format!("{COOKIE}=; {FLAGS}; Max-Age=0")
}

/// What binds a sign-in page to the browser that has it: else another site could sign the browser in under its own name.
pub(crate) struct FormKey {
    value: Zeroizing<String>,
    is_new: bool,
}

impl FormKey {
    /// The key that a browser has.
    pub(super) fn find(headers: &HeaderMap) -> Option<Zeroizing<String>> {
        cookie(headers, FORM_COOKIE).map(|value| Zeroizing::new(value.to_owned()))
    }

    /// What the form sends back.
    pub(crate) fn secret(&self) -> String {
        form_secret(&self.value)
    }

    /// The header for a browser that has no key yet.
    pub(crate) fn set_cookie(&self) -> Option<String> {
        self.is_new.then(|| format!("{FORM_COOKIE}={}; {FLAGS}", self.value.as_str()))
    }
}

impl Request {
    /// The administrator whose request it is: 499 without a token, 498 with one that is not good.
    pub(crate) async fn user(&self, state: &ApiState) -> Result<User, ApiError> {
        let flavour = self.address.flavour();
        let credential = self.credential.as_ref().ok_or_else(|| ApiError::token_required(flavour))?;
        let (session, administrator) =
            state.session(&credential.token).await?.ok_or_else(|| ApiError::invalid_token(flavour))?;
        Client::current().signed_in();
        let hidden = match credential.source {
            TokenSource::Cookie => Some(Hidden {
                name: field::documented(field::CSRF, flavour),
                value: Zeroizing::new(form_secret(&credential.token)),
            }),
            TokenSource::Field => Some(Hidden {
                name: field::documented(field::TOKEN, flavour),
                value: credential.token.clone(),
            }),
            TokenSource::Header => None,
        };
        let name = session.account.as_str().to_owned();
        Ok(User { name, privileges: administrator.privileges, hidden })
    }

    /// Refuses a change that a foreign page may have made a browser ask for.
    pub(crate) fn check_csrf(&self) -> Result<(), ApiError> {
        let Some(credential) =
            self.credential.as_ref().filter(|credential| credential.source == TokenSource::Cookie)
        else {
            return Ok(());
        };
        let sent = self.fields.bytes(field::CSRF);
        if self.comes_from_elsewhere() || !is_form_secret(&credential.token, sent) {
            return Err(ApiError::foreign_form());
        }
        Ok(())
    }

    /// The key for the sign-in page of this browser.
    pub(crate) fn form_key(&self) -> Result<FormKey, ApiError> {
        if let Some(value) = &self.form_key {
            return Ok(FormKey { value: value.clone(), is_new: false });
        }
        let value = random_hex().ok_or_else(ApiError::no_randomness)?;
        Ok(FormKey { value, is_new: true })
    }

    /// Refuses a sign-in that is not by the page which this browser was given.
    pub(crate) fn check_sign_in_form(&self) -> Result<(), ApiError> {
        let sent = self.fields.bytes(field::CSRF);
        let is_own = self.form_key.as_ref().is_some_and(|key| is_form_secret(key, sent));
        if is_own && !self.comes_from_elsewhere() { Ok(()) } else { Err(ApiError::foreign_form()) }
    }

    /// Whether a browser says that another site made it send this.
    pub(crate) fn comes_from_elsewhere(&self) -> bool {
        match (&self.fetch_site, &self.origin) {
            (Some(site), _) => site != "same-origin",
            // Browsers of before 2023. The scheme is that of a proxy, perhaps.
            (None, Some(origin)) => {
                let from = origin.split_once("://").map(|(_, host)| host);
                !from.zip(self.host.as_deref()).is_some_and(|(from, host)| from.eq_ignore_ascii_case(host))
            }
            (None, None) => false,
        }
    }

    /// The token of the request, to end it.
    pub(crate) fn token(&self) -> Option<&str> {
        self.credential.as_ref().map(|credential| credential.token.as_str())
    }
}
