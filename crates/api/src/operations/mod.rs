//! The operations, a file each: a handler reads fields, asks the engine once, and answers.

mod certificates;
mod directory;
mod import_authority;
mod import_server_certificate;
mod sharing;
mod sign_in;
mod token;

use strongroom::{
    Alias, Entry,
    diagnostic::Diagnostic,
    keystore::{AuthoritiesReport, ImportReport},
};
use zeroize::Zeroizing;

use crate::{
    error::ApiError,
    request::{Request, User},
    state::ApiState,
    wire::{Format, Holder, Route, field, object::Object},
};

/// What a client gets.
pub(crate) enum Answer {
    Object(Object),
    Page(Page),
    /// Go on to `next`, signed in.
    SignedIn {
        token: Zeroizing<String>,
        next: String,
    },
    SignedOut,
    Style,
}

/// What a person gets.
pub(crate) enum Page {
    Authorities(AuthoritiesPage),
    Certificate(Box<CertificatePage>),
    Certificates(CertificatesPage),
    Import(ImportPage),
    Imported(ImportedPage),
    Links(LinksPage),
    Object { title: &'static str, object: Object },
    SignIn(SignInPage),
    Token(TokenPage),
}

/// One entry, and where its list is.
pub(crate) struct CertificatePage {
    pub(crate) entry: Entry,
    pub(crate) list: String,
    /// In seconds since 1970.
    pub(crate) now: i64,
}

/// A page of the list.
pub(crate) struct CertificatesPage {
    pub(crate) entries: Vec<Entry>,
    /// What is damaged, and cannot be shown.
    pub(crate) damaged: Vec<Alias>,
    pub(crate) list: String,
    /// The alias after which the next page begins.
    pub(crate) next: Option<String>,
    pub(crate) now: i64,
}

/// Which import.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Import {
    Authority,
    ServerCertificate,
}

/// The form of an import, empty or again after a failure: never with the password.
pub(crate) struct ImportPage {
    pub(crate) import: Import,
    pub(crate) alias: String,
    pub(crate) entry: String,
    pub(crate) chain: bool,
    pub(crate) replace: bool,
    pub(crate) failure: Option<ApiError>,
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

pub(crate) struct SignInPage {
    pub(crate) next: String,
    pub(crate) username: String,
    pub(crate) failure: Option<ApiError>,
}

/// The form of generateToken.
pub(crate) struct TokenPage {
    pub(crate) username: String,
    pub(crate) failure: Option<ApiError>,
}

/// Answers a request. Beside the answer stands who asked, where that was needed.
pub(crate) async fn perform(
    state: &ApiState,
    request: &mut Request,
) -> (Option<User>, Result<Answer, ApiError>) {
    match request.address.route {
        Route::GenerateToken => return (None, token::generate(state, request).await),
        Route::HealthCheck => return (None, directory::health(state, request).await),
        Route::SharingInfo => return (None, Ok(sharing::info(state, request))),
        Route::SharingRoot => return (None, Ok(sharing::root(state, request))),
        Route::SignIn => return (None, sign_in::sign_in(state, request).await),
        Route::Style => return (None, Ok(Answer::Style)),
        _ => {}
    }
    match request.user(state).await {
        Ok(user) => {
            let answer = perform_as(state, request, &user).await;
            (Some(user), answer)
        }
        Err(error) => (None, Err(error)),
    }
}

/// Whatever is not named above needs an administrator.
async fn perform_as(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    match request.address.route.clone() {
        Route::AdminRoot => Ok(directory::root(state, request)),
        Route::Certificate { holder, alias } => {
            check_machine(state, &holder)?;
            certificates::one(state, request, &holder, &alias).await
        }
        Route::Certificates { holder } => {
            check_machine(state, &holder)?;
            certificates::list(state, request, &holder).await
        }
        Route::ImportAuthority { holder } => {
            check_machine(state, &holder)?;
            let done = import_authority::import(state, request, &holder, user).await;
            form_again(request, Import::Authority, done)
        }
        Route::ImportServerCertificate { holder } => {
            check_machine(state, &holder)?;
            let done = import_server_certificate::import(state, request, &holder, user).await;
            form_again(request, Import::ServerCertificate, done)
        }
        Route::Machine { machine } => {
            check_machine(state, &Holder::Machine(machine))?;
            Ok(directory::machine(state, request))
        }
        Route::Machines => Ok(directory::machines(state, request)),
        Route::PortalSelf => Ok(sharing::portal(state, request, user)),
        Route::Security => Ok(directory::security(request)),
        Route::SignOut => sign_in::sign_out(state, request),
        Route::User { name } => sharing::user(request, user, name.as_deref()),
        // The others were answered without an administrator.
        _ => Err(not_offered()),
    }
}

fn not_offered() -> ApiError {
    let help =
        "certificates are listed, shown and imported here; the command strongroom does the rest".to_owned();
    ApiError::new(404, "This server does not offer that resource or operation", vec![help])
}

fn check_machine(state: &ApiState, holder: &Holder) -> Result<(), ApiError> {
    let this = &state.settings().machine;
    match holder {
        Holder::Machine(machine) if !machine.eq_ignore_ascii_case(this) => {
            let machine = strongroom::certificate::printable(machine);
            Err(ApiError::new(
                404,
                format!("Machine '{machine}' is not this machine; this is '{this}'"),
                Vec::new(),
            ))
        }
        _ => Ok(()),
    }
}

/// A page for people, an object for programs.
fn resource(request: &Request, title: &'static str, object: Object) -> Answer {
    match request.format {
        Format::Html => Answer::Page(Page::Object { title, object }),
        Format::Json | Format::Pjson => Answer::Object(object),
    }
}

/// Answers a request that could not be read: too large, or broken.
pub(crate) async fn refuse(
    state: &ApiState,
    request: &Request,
    failure: ApiError,
) -> (Option<User>, Result<Answer, ApiError>) {
    let import = match request.address.route {
        Route::ImportAuthority { .. } => Import::Authority,
        Route::ImportServerCertificate { .. } => Import::ServerCertificate,
        _ => return (None, Err(failure)),
    };
    match request.user(state).await {
        Ok(user) => (Some(user), form_again(request, import, Err(failure))),
        Err(_) => (None, Err(failure)),
    }
}

/// After a failure a person gets the form again, with what was typed; a program gets the failure.
fn form_again(request: &Request, import: Import, done: Result<Answer, ApiError>) -> Result<Answer, ApiError> {
    let failure = match done {
        Err(failure) if request.format == Format::Html && failure.fault.is_none() => failure,
        other => return other,
    };
    let typed = |names| request.fields.text(names).ok().flatten().unwrap_or_default().to_owned();
    let ticked = |names| request.fields.boolean(names).ok().flatten();
    Ok(Answer::Page(Page::Import(ImportPage {
        import,
        alias: typed(field::ALIAS),
        entry: typed(field::ENTRY),
        chain: ticked(field::CHAIN).unwrap_or(false),
        replace: ticked(field::REPLACE).unwrap_or(false),
        failure: Some(failure),
    })))
}

/// The empty form, for a GET.
fn form(request: &Request, import: Import) -> Result<Answer, ApiError> {
    match request.format {
        Format::Html => Ok(Answer::Page(Page::Import(ImportPage {
            import,
            alias: String::new(),
            entry: String::new(),
            chain: true,
            replace: false,
            failure: None,
        }))),
        Format::Json | Format::Pjson => Err(ApiError::use_post()),
    }
}

fn imported(request: &Request, holder: &Holder, report: ImportReport) -> Answer {
    use crate::wire::object::Success;

    let list = format!("{}/{}", request.address.base(), holder.path());
    match request.format {
        Format::Html => Answer::Page(Page::Imported(ImportedPage { report, list })),
        Format::Json | Format::Pjson => {
            let messages = report.findings.iter().map(as_message).collect();
            Answer::Object(Object::Success(Success::new(messages)))
        }
    }
}

fn as_message(finding: &Diagnostic) -> String {
    format!("{}: {}", finding.code, finding.message)
}

fn seconds(state: &ApiState) -> i64 {
    i64::try_from(state.now().as_secs()).unwrap_or(i64::MAX)
}
