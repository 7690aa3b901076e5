//! Failures as the client sees them, and the one function that makes them of the engine's.
//!
//! Every failure inside the API is an HTTP 200 with a code in the body: that is what ArcGIS's clients read, and
//! with another status some send the same request again, up to six times.

use strongroom::{
    Error,
    certificate::{CredentialError, printable},
    error::{AuthorityError, ErrorKind},
    hexadecimal::hex,
    issuance::IssuanceError,
    privilege::Privilege,
    store::StoreError,
    web_server::WebServerError,
};

use crate::{
    advice,
    wire::{
        Flavour, NO_CA_AS_WEB_SERVER,
        field::{self, Names},
    },
};

/// A fault of the server, for the log of the host.
///
/// The client gets the request id and nothing of the cause. The router puts this into the extensions of the
/// response, where a layer of the host finds it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// What the client was told.
    pub request_id: String,
    /// What happened. Holds no secret, but may name files of the server.
    pub cause: String,
}

/// A failure that a client may see.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: u16,
    pub(crate) message: String,
    pub(crate) details: Vec<String>,
    pub(crate) fault: Option<Fault>,
    pub(crate) refusal: Option<Refusal>,
    /// The field of the form beside which it is said.
    pub(crate) field: Option<&'static str>,
}

/// Why somebody was refused, for the access log of the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// There was no token.
    NoToken,
    /// The token was never issued, has expired or was revoked.
    BadToken,
    /// The name, or its password.
    SignIn,
    /// The name failed too often, or the address did.
    Throttled,
    /// A form of another page, or of another session.
    Form,
    /// The user lacks the privilege.
    Privilege,
}

impl Refusal {
    /// The word for the log, for example `no_token`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::BadToken => "bad_token",
            Self::SignIn => "sign_in",
            Self::Throttled => "throttled",
            Self::Form => "form",
            Self::Privilege => "privilege",
        }
    }
}

/// What the engine was doing; begins the message, as ArcGIS begins it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Task {
    Delete,
    Export,
    Generate,
    GenerateCsr,
    ImportAuthority,
    ImportServerCertificate,
    ImportSignedCertificate,
    Read,
    UpdateWebServer,
    RollBack,
    VerifyPassword,
}

impl Task {
    fn failed(self) -> &'static str {
        match self {
            Self::Delete => "Deleting the certificate failed: ",
            Self::Generate => "Generating the certificate failed: ",
            Self::GenerateCsr => "Generating the certificate request failed: ",
            // ArcGIS's sentence for every import, of whatever certificate.
            Self::ImportAuthority | Self::ImportServerCertificate | Self::ImportSignedCertificate => {
                "Importing CA certificate failed: "
            }
            Self::UpdateWebServer => "Updating the web server failed: ",
            Self::Export => "Exporting the certificate failed: ",
            Self::RollBack => "Rolling back failed: ",
            Self::Read | Self::VerifyPassword => "",
        }
    }

    /// A failure of this task for a reason outside the engine.
    pub(crate) fn refused(self, reason: &str, details: Vec<String>) -> ApiError {
        ApiError::new(400, format!("{}{reason}", self.failed()), details)
    }
}

impl ApiError {
    pub(crate) fn new(code: u16, message: impl Into<String>, details: Vec<String>) -> Self {
        Self { code, message: message.into(), details, fault: None, refusal: None, field: None }
    }

    /// The same, said beside a field of the form.
    pub(crate) fn at(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// The same, by the names of the field.
    pub(crate) fn at_field(self, names: Names) -> Self {
        Self { field: names.first().copied(), ..self }
    }

    pub(crate) fn because(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    /// The form is not of this page, or was made for somebody else.
    pub(crate) fn foreign_form() -> Self {
        let help = "the form is not of this session: fill it in and send it again".to_owned();
        Self::new(403, "The request was refused", vec![help]).because(Refusal::Form)
    }

    pub(crate) fn forbidden(user: &str, privilege: Privilege) -> Self {
        let message = "You do not have permissions to access this resource or perform this operation.";
        let help =
            format!("the privilege '{privilege}' is needed, and '{}' does not have it", printable(user));
        Self::new(403, message, vec![help]).because(Refusal::Privilege)
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message, Vec::new())
    }

    pub(crate) fn token_required(flavour: Flavour) -> Self {
        Self::new(499, flavour.token_required(), Vec::new()).because(Refusal::NoToken)
    }

    pub(crate) fn invalid_token(flavour: Flavour) -> Self {
        Self::new(498, flavour.invalid_token(), Vec::new()).because(Refusal::BadToken)
    }

    pub(crate) fn use_post() -> Self {
        Self::new(405, "Use POST for this operation", Vec::new())
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let help = "a PKCS #12 file with a key and its chain has a few kilobytes; is this the right file?"
            .to_owned();
        Self::new(413, format!("The request is larger than {limit} bytes"), vec![help])
    }

    pub(crate) fn busy() -> Self {
        Self::new(503, "The server is busy; try again", Vec::new())
    }

    /// A failure of the server: the client learns a number to ask about.
    pub(crate) fn fault(cause: String) -> Self {
        let request_id = request_id();
        let message = "The server failed; its log has the cause";
        let details = vec![format!("request id: {request_id}")];
        Self { fault: Some(Fault { request_id, cause }), ..Self::new(500, message, details) }
    }

    pub(crate) fn no_randomness() -> Self {
        Self::fault("the system gave no random bytes".to_owned())
    }

    /// Whether the client has to sign in first.
    pub(crate) fn asks_to_sign_in(&self) -> bool {
        matches!(self.code, 498 | 499)
    }

    /// Takes out of other failures the words upon which `arcgis` sends the same request again.
    pub(crate) fn without_false_alarm(mut self) -> Self {
        if !self.asks_to_sign_in() {
            for text in std::iter::once(&mut self.message).chain(&mut self.details) {
                let lower = text.to_ascii_lowercase();
                if lower.contains("invalid token") || lower.contains("token required") {
                    *text = text.replace(' ', "\u{a0}");
                }
            }
        }
        self
    }
}

/// What the client gets for a failure of the engine.
pub(crate) fn reply(task: Task, error: &Error) -> ApiError {
    let code = match (error.kind(), error) {
        (_, Error::Store(StoreError::Busy)) => return ApiError::busy(),
        (_, Error::Store(StoreError::ReadOnly)) => 403,
        (_, Error::Store(StoreError::Full | StoreError::OutcomeUnknown(_))) => 500,
        (ErrorKind::NotFound, Error::Store(StoreError::NotFound { .. }) | Error::Issuance(_)) => 404,
        (
            _,
            Error::Store(
                StoreError::NoSuchVersion { .. }
                | StoreError::VersionPruned { .. }
                | StoreError::SameVersion { .. }
                | StoreError::NothingToUndo { .. },
            ),
        ) => 400,
        (ErrorKind::Exists, Error::Store(_) | Error::Authority(_)) => 409,
        // Paths and SQL stay here.
        (ErrorKind::Store, _) | (_, Error::Store(_) | Error::Seal(_) | Error::File(_)) => {
            return ApiError::fault(error.to_string());
        }
        _ => 400,
    };
    let mut details = Vec::new();
    if let Error::Validation(refusal) = error {
        details.extend(
            refusal.findings.iter().skip(1).map(|finding| format!("{}: {}", finding.code, finding.message)),
        );
    }
    details.extend(advice::sentence(&error.remedies()));
    details.push(format!("code: {}", error.code()));
    // Scripts look for this sentence.
    if let Error::WebServer(WebServerError::CaCertificate { .. }) = error {
        let refused = ApiError::new(code, format!("{NO_CA_AS_WEB_SERVER}: {error}"), details);
        return refused.at_field(field::WEB_SERVER_ALIAS);
    }
    let field = match task {
        Task::ImportAuthority | Task::ImportServerCertificate | Task::ImportSignedCertificate => {
            field_of(error)
        }
        Task::Generate => field_of_generate(error),
        Task::UpdateWebServer => field_of_update(error),
        _ => None,
    };
    ApiError { field, ..ApiError::new(code, format!("{}{error}", task.failed()), details) }
}

/// The field of the form of an import in which the reason lies.
fn field_of(error: &Error) -> Option<&'static str> {
    match error {
        Error::Alias(_)
        | Error::Store(StoreError::AliasTaken { .. })
        | Error::Authority(AuthorityError::AliasTaken { .. }) => Some("alias"),
        Error::Secret(_) => Some("password"),
        error if error.kind() == ErrorKind::Password => Some("password"),
        Error::Credential(CredentialError::Several { .. } | CredentialError::EntryNotFound { .. }) => {
            Some("entry")
        }
        Error::Store(_) | Error::Seal(_) | Error::File(_) | Error::Account(_) | Error::Export(_) => None,
        _ => Some("file"),
    }
}

/// The field of the form of generate in which the reason lies.
fn field_of_generate(error: &Error) -> Option<&'static str> {
    let names = match error {
        Error::Alias(_)
        | Error::Store(StoreError::AliasTaken { .. })
        | Error::Authority(AuthorityError::AliasTaken { .. }) => field::ALIAS,
        Error::Issuance(IssuanceError::InvalidValidity { .. }) => field::VALIDITY,
        Error::Issuance(IssuanceError::InvalidName { .. } | IssuanceError::TooManyNames { .. }) => field::SAN,
        Error::Issuance(IssuanceError::NoName | IssuanceError::NoSubject) => field::COMMON_NAME,
        _ => return None,
    };
    names.first().copied()
}

/// The field of the form of the web server in which the reason lies.
fn field_of_update(error: &Error) -> Option<&'static str> {
    let names = match error {
        Error::WebServer(WebServerError::NothingInCommon { .. } | WebServerError::KeyCannotSign { .. }) => {
            field::CIPHER_SUITES
        }
        Error::Alias(_)
        | Error::Store(StoreError::NotFound { .. })
        | Error::WebServer(WebServerError::UnsupportedKey { .. }) => field::WEB_SERVER_ALIAS,
        _ => return None,
    };
    names.first().copied()
}

fn request_id() -> String {
    let mut bytes = [0_u8; 8];
    // Without random bytes the id is zeros, and the failure is reported all the same.
    let _ = getrandom::fill(&mut bytes);
    hex(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use strongroom::pkcs12::Pkcs12Error;

    use super::*;

    #[track_caller]
    fn check(error: Error, code: u16, message: &str, details: &[&str]) {
        let got = reply(Task::ImportServerCertificate, &error);
        assert_eq!((got.code, got.message.as_str()), (code, message));
        assert_eq!(got.details, details);
        assert_eq!(got.fault, None);
    }

    #[test]
    fn what_the_client_can_mend_is_said_with_its_reason() {
        check(
            Pkcs12Error::WrongPassword.into(),
            400,
            "Importing CA certificate failed: wrong password, or the file was changed after it was made",
            &[
                "check the password; a password file's last line end is not part of it, and case and keyboard layout matter",
                "code: wrong_password",
            ],
        );
        check(
            StoreError::AliasTaken { alias: "www".parse().unwrap() }.into(),
            409,
            "Importing CA certificate failed: the alias \"www\" is taken by another entry",
            &[
                "choose another alias; or send replace=true to replace the entry and keep its former version",
                "code: alias_taken",
            ],
        );
    }

    #[test]
    fn busy_store_says_try_again() {
        let got = reply(Task::ImportAuthority, &StoreError::Busy.into());
        assert_eq!((got.code, got.message.as_str()), (503, "The server is busy; try again"));
    }

    #[test]
    fn fault_of_the_store_tells_the_client_a_number_alone() {
        let path = PathBuf::from("/var/lib/secret/keystore.db");
        let got = reply(Task::Read, &StoreError::Missing { path }.into());
        let fault = got.fault.unwrap();
        assert_eq!((got.code, got.message.as_str()), (500, "The server failed; its log has the cause"));
        assert_eq!(got.details, [format!("request id: {}", fault.request_id)]);
        assert_eq!(fault.cause, "there is no store at /var/lib/secret/keystore.db");
    }

    #[test]
    fn words_that_make_clients_repeat_themselves_stand_only_where_they_are_meant() {
        let subject = ApiError::bad_request("CN=Invalid Token").without_false_alarm();
        assert_eq!(subject.message, "CN=Invalid\u{a0}Token");
        assert_eq!(ApiError::invalid_token(Flavour::Portal).without_false_alarm().message, "Invalid Token");
    }
}
