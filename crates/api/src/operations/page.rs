//! What the pages show: typed values, made by the operations and put into words by `render`.

use std::sync::Arc;

use strongroom::{
    Alias, Entry,
    certificate::{Certificate, SigningRequest},
    diagnostic::Diagnostic,
    keystore::{AuthoritiesReport, ImportReport, Version},
    store::LogEntry,
    validate::PathCertificate,
};

use crate::{
    error::ApiError,
    overview::{Overview, Standing},
    request::FormKey,
    wire::object::Object,
};

/// What a person gets.
pub(crate) enum Page {
    Authorities(AuthoritiesPage),
    Certificate(Box<CertificatePage>),
    Certificates(CertificatesPage),
    Checked(Box<CheckedPage>),
    Done(DonePage),
    Generate(GeneratePage),
    Home(HomePage),
    Import(ImportPage),
    Imported(ImportedPage),
    Links(LinksPage),
    OAuth(OAuthPage),
    Question(Box<QuestionPage>),
    Object { title: &'static str, object: Object },
    SignIn(SignInPage),
    SigningRequest(Box<SigningRequestPage>),
    Token(TokenPage),
    WebServer(WebServerPage),
}

/// What is to be looked after first.
pub(crate) struct HomePage {
    /// None for whoever may not see the list.
    pub(crate) overview: Option<Arc<Overview>>,
    /// The last changes, the newest first.
    pub(crate) changes: Vec<LogEntry>,
    /// Where the certificates are listed.
    pub(crate) list: String,
    pub(crate) now: i64,
}

/// One entry, and all that its page says of it.
pub(crate) struct CertificatePage {
    pub(crate) entry: Entry,
    /// From the certificate upwards.
    pub(crate) path: Vec<PathCertificate>,
    /// What validation says of it now, the reason of a refusal first.
    pub(crate) findings: Vec<Diagnostic>,
    /// The newest first.
    pub(crate) versions: Vec<Version>,
    /// Whether the web server shows it.
    pub(crate) is_web_server: bool,
    /// Whether keys may leave the store.
    pub(crate) may_export_key: bool,
    /// The aliases of the path, as far as they are at hand.
    pub(crate) overview: Option<Arc<Overview>>,
    /// Where its list is.
    pub(crate) list: String,
    /// In seconds since 1970.
    pub(crate) now: i64,
}

/// A page of the list.
pub(crate) struct CertificatesPage {
    pub(crate) entries: Vec<Listed>,
    pub(crate) query: ListQuery,
    pub(crate) positions: Positions,
    pub(crate) list: String,
    pub(crate) now: i64,
}

/// An entry of the list; by its alias alone if it is damaged.
pub(crate) enum Listed {
    Whole(Box<Entry>),
    Damaged(Alias),
}

/// Which part of the list a page is.
pub(crate) enum Positions {
    /// By alias; `next` is the one after which the next page begins.
    After { is_first: bool, next: Option<String> },
    /// Of all that match, counted from 1.
    Of { first: usize, total: usize, page: usize, pages: usize, is_whole: bool, taken_at: i64 },
}

/// What is asked of the list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct ListQuery {
    /// Part of an alias, a subject or a name.
    pub(crate) text: String,
    /// Only entries that stand so.
    pub(crate) standing: Option<Standing>,
    /// Only server certificates, or only the others.
    pub(crate) servers: Option<bool>,
    pub(crate) sort: SortKey,
    pub(crate) direction: Direction,
    /// From 1.
    pub(crate) page: usize,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum SortKey {
    #[default]
    Alias,
    /// When it ends.
    Expires,
    /// The worst first.
    Standing,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Direction {
    #[default]
    Up,
    Down,
}

impl ListQuery {
    /// Whether it is the whole list in the order of its aliases, of which a page is read alone.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self { page: self.page, ..Self::default() } && self.page <= 1
    }
}

/// Which import.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Import {
    Authority,
    ServerCertificate,
    /// The reply of a CA to a request.
    Signed,
}

/// The form of an import, empty or again after a failure: never with the password.
pub(crate) struct ImportPage {
    pub(crate) import: Import,
    pub(crate) alias: String,
    pub(crate) entry: String,
    pub(crate) chain: bool,
    pub(crate) replace: bool,
    pub(crate) failure: Option<ApiError>,
    /// Where the list is.
    pub(crate) list: String,
}

/// What an import would do.
pub(crate) struct CheckedPage {
    pub(crate) report: ImportReport,
    /// What is there now.
    pub(crate) former: Option<Certificate>,
    pub(crate) new: Certificate,
    /// Under what the file is kept.
    pub(crate) held: String,
    pub(crate) list: String,
}

/// The form of a self-signed certificate, empty or again after a failure.
pub(crate) struct GeneratePage {
    /// What was typed, by the name of its field.
    pub(crate) typed: Vec<(&'static str, String)>,
    pub(crate) replace: bool,
    pub(crate) failure: Option<ApiError>,
    pub(crate) list: String,
}

impl GeneratePage {
    /// What was typed in a field.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.typed.iter().find(|(field, _)| *field == name).map_or("", |(_, text)| text)
    }
}

/// A request for a CA.
pub(crate) struct SigningRequestPage {
    pub(crate) alias: String,
    pub(crate) request: SigningRequest,
    pub(crate) list: String,
}

/// The form of what the web server shows and offers: as it is, or again after a failure.
pub(crate) struct WebServerPage {
    /// Where the form goes.
    pub(crate) action: String,
    /// The certificate that is shown; `None` where that is not for this operation to change.
    pub(crate) alias: Option<String>,
    /// The same of TLS.
    pub(crate) offers: Option<Offers>,
    pub(crate) failure: Option<ApiError>,
}

/// What is offered of TLS: every name, and whether its box is ticked.
pub(crate) struct Offers {
    pub(crate) versions: Vec<(&'static str, bool)>,
    pub(crate) suites: Vec<(&'static str, bool)>,
    pub(crate) hsts: bool,
}

/// What is asked before something is done to an entry.
pub(crate) struct QuestionPage {
    pub(crate) alias: String,
    pub(crate) question: Question,
    pub(crate) failure: Option<ApiError>,
    pub(crate) list: String,
}

pub(crate) enum Question {
    Delete {
        /// The entries that lose their chain.
        dependents: Vec<Alias>,
        /// The server that uses it.
        used_by: Option<String>,
    },
    ExportPkcs12,
    RollBack(Box<RollBackQuestion>),
}

/// The certificate that is current, and the one that would be.
pub(crate) struct RollBackQuestion {
    pub(crate) present: Certificate,
    pub(crate) to: Certificate,
    pub(crate) number: u32,
}

/// What was done, and how to go on.
pub(crate) struct DonePage {
    pub(crate) title: &'static str,
    pub(crate) message: String,
    pub(crate) notes: Vec<String>,
    /// What is to be looked at all the same.
    pub(crate) findings: Vec<Diagnostic>,
    pub(crate) next: String,
    pub(crate) next_label: &'static str,
    pub(crate) undo: Option<Undo>,
}

/// How what was done is undone: a form of one button.
pub(crate) struct Undo {
    pub(crate) address: String,
    pub(crate) label: String,
    pub(crate) fields: Vec<(&'static str, String)>,
}

/// What an import did.
pub(crate) struct ImportedPage {
    pub(crate) report: ImportReport,
    pub(crate) list: String,
}

/// What an import of several CA certificates did.
pub(crate) struct AuthoritiesPage {
    pub(crate) report: AuthoritiesReport,
    pub(crate) list: String,
}

/// Ways to go on.
pub(crate) struct LinksPage {
    pub(crate) title: String,
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Label and path below the directory.
    pub(crate) links: Vec<(String, String)>,
}

/// What a program reads that signs somebody in by OAuth.
pub(crate) struct OAuthPage {
    /// JSON on one line.
    pub(crate) info: String,
    pub(crate) failure: Option<ApiError>,
}

pub(crate) struct SignInPage {
    pub(crate) key: FormKey,
    pub(crate) next: String,
    pub(crate) username: String,
    pub(crate) failure: Option<ApiError>,
}

/// The form of generateToken.
pub(crate) struct TokenPage {
    pub(crate) username: String,
    pub(crate) failure: Option<ApiError>,
}
