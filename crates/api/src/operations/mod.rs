//! The operations, a file each: a handler reads fields, asks the engine once, and answers.

mod certificates;
mod delete;
mod directory;
mod edit_machine;
mod export;
mod export_pkcs12;
mod generate;
mod generate_csr;
mod given;
mod home;
mod import_authority;
mod import_server_certificate;
mod import_signed_certificate;
mod machines;
mod oauth;
mod page;
mod question;
mod rest;
mod roll_back;
mod security_config;
mod server;
mod sharing;
mod sign_in;
mod token;
mod update;
mod web_server;

use self::given::Unknown;
pub(crate) use self::machines::of_request;
use strongroom::{
    diagnostic::Diagnostic,
    keystore::{ImportReport, Metrics},
};
use zeroize::Zeroizing;

pub(crate) use self::page::{
    AuthoritiesPage, CertificatePage, CertificatesPage, CheckedPage, Direction, DonePage, GeneratePage,
    HomePage, Import, ImportPage, ImportedPage, LinksPage, ListQuery, Listed, OAuthPage, Offers, Page,
    Positions, Question, QuestionPage, RollBackQuestion, SignInPage, SigningRequestPage, SortKey, TokenPage,
    Undo, WebServerPage,
};

use crate::{
    error::{ApiError, Task},
    metrics::{MEDIA_TYPE, add_entries},
    openapi,
    request::{Request, User},
    state::ApiState,
    wire::{
        Format, Methods, Operation,
        access::Access,
        field,
        object::{Object, Success},
    },
};

const STYLE: &str = include_str!("../../templates/style.css");
const SCRIPT: &str = include_str!("../../templates/script.js");

/// What a client gets.
pub(crate) enum Answer {
    Object(Object),
    Page(Page),
    /// A file to be kept under that name, and its media type.
    File {
        name: String,
        kind: &'static str,
        bytes: Zeroizing<Vec<u8>>,
    },
    /// Go on to an address of the program that asked for a token, which is in it.
    GoBack {
        location: Zeroizing<String>,
    },
    /// Go on to `next`, signed in.
    SignedIn {
        token: Zeroizing<String>,
        next: String,
    },
    SignedOut,
    /// A text of another kind than JSON: its media type and content.
    Text(&'static str, String),
    /// A file of the pages: its media type and content.
    Asset(&'static str, &'static str),
}

/// Answers a request. Beside the answer stands who asked, where that was needed.
pub(crate) async fn perform(
    state: &ApiState,
    request: &mut Request,
) -> (Option<User>, Result<Answer, ApiError>) {
    let access = request.address.row.access;
    if access == Access::Public {
        return (None, perform_public(state, request).await);
    }
    let user = match request.user(state).await {
        Ok(user) => user,
        Err(error) => return (None, Err(error)),
    };
    let answer = match access {
        Access::Needs(privilege) => user.require(privilege),
        Access::Public | Access::SignedIn => Ok(()),
    };
    let answer = match answer {
        Ok(()) => perform_as(state, request, &user).await,
        Err(error) => Err(error),
    };
    (Some(user), answer)
}

/// What clients ask before they have a token.
async fn perform_public(state: &ApiState, request: &mut Request) -> Result<Answer, ApiError> {
    match request.address.row.operation {
        Operation::GenerateToken => token::generate(state, request).await,
        Operation::HealthCheck => directory::health(state, request).await,
        Operation::OAuthAuthorize => oauth::authorize(request),
        Operation::OAuthSignIn => oauth::sign_in(state, request).await,
        Operation::OpenApi => Ok(Answer::Asset("application/json;charset=utf-8", openapi::text())),
        Operation::RestInfo => Ok(rest::info(state, request)),
        Operation::SharingInfo => Ok(sharing::info(state, request)),
        Operation::SharingRoot => Ok(sharing::root(state, request)),
        Operation::SignIn => sign_in::sign_in(state, request).await,
        Operation::Script => Ok(Answer::Asset("text/javascript;charset=utf-8", SCRIPT)),
        Operation::Style => Ok(Answer::Asset("text/css;charset=utf-8", STYLE)),
        // The others need a token, and a row that says otherwise is a mistake.
        _ => Err(not_offered()),
    }
}

/// What needs a token. The privilege was looked at; so are, here, the machine and whether a change was meant.
async fn perform_as(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    let state = &of_request(state, request)?;
    let mut unknown = None;
    if request.address.row.methods == Methods::Change {
        if !request.is_post {
            return form(state, request).await;
        }
        if let Err(refused) = request.check_csrf() {
            return form_again(state, request, Err(refused)).await;
        }
        match Unknown::of(request) {
            Ok(fields) => unknown = Some(fields),
            Err(refused) => return form_again(state, request, Err(refused)).await,
        }
    }
    let done = match request.address.row.operation {
        Operation::Certificate => certificates::one(state, request).await,
        Operation::Certificates => certificates::list(state, request).await,
        Operation::CommunitySelf | Operation::CommunityUser => sharing::user(request, user),
        Operation::Delete => delete::delete(state, request, user).await,
        Operation::Directory if request.format == Format::Html => home::home(state, request, user).await,
        Operation::Directory => Ok(directory::root(state, request)),
        Operation::EditMachine => edit_machine::edit(state, request, user).await,
        Operation::Export => export::export(state, request).await,
        Operation::ExportPkcs12 => export_pkcs12::export(state, request, user).await,
        Operation::Generate => generate::generate(state, request, user).await,
        Operation::GenerateCsr => generate_csr::generate(state, request).await,
        Operation::ImportAuthority => import_authority::import(state, request, user).await,
        Operation::ImportServerCertificate => import_server_certificate::import(state, request, user).await,
        Operation::ImportSignedCertificate => import_signed_certificate::import(state, request, user).await,
        Operation::LocalMachine => Ok(server::local(state, request)),
        Operation::LogSettings => Ok(server::log_settings(request)),
        Operation::Machine => directory::machine(state, request).await,
        Operation::Machines => Ok(directory::machines(state, request)),
        Operation::Metrics => metrics(state).await,
        Operation::PortalSelf => Ok(sharing::portal(state, request, user)),
        Operation::RollBack => roll_back::roll_back(state, request, user).await,
        Operation::PortalServers => Ok(sharing::servers(state, request)),
        Operation::Security => Ok(directory::security(state, request)),
        Operation::SecurityConfig => security_config::show(state, request).await,
        Operation::SecurityTokens => Ok(server::security_tokens(request)),
        Operation::SignOut => sign_in::sign_out(state, request),
        Operation::System => Ok(server::system(request)),
        Operation::Update => update::update(state, request, user).await,
        Operation::UpdateSecurityConfig => security_config::update(state, request, user).await,
        Operation::NotOffered
        | Operation::Outside
        | Operation::GenerateToken
        | Operation::HealthCheck
        | Operation::OAuthAuthorize
        | Operation::OAuthSignIn
        | Operation::OpenApi
        | Operation::RestInfo
        | Operation::Script
        | Operation::SharingInfo
        | Operation::SharingRoot
        | Operation::SignIn
        | Operation::Style => Err(not_offered()),
    };
    match unknown {
        Some(unknown) => form_again(state, request, done.map(|answer| unknown.told(answer))).await,
        None => done,
    }
}

fn not_offered() -> ApiError {
    let help = "certificates are managed here; the command strongroom does the rest".to_owned();
    ApiError::new(404, "This server does not offer that resource or operation", vec![help])
}

/// What a monitoring system asks for: of every machine.
pub(crate) async fn metrics(state: &ApiState) -> Result<Answer, ApiError> {
    // It is long where there are many entries: one at a time.
    let _turn = state.counts().turn().await;
    let at = state.now();
    let mut metrics = Metrics::new(at);
    for machine in state.machines() {
        let of_machine = state.for_machine(machine.name()).unwrap_or_else(|| state.clone());
        let name = machine.name().to_owned();
        let add = of_machine.run(Task::Read, move |keystore| {
            add_entries(&mut metrics, &name, keystore, at)?;
            Ok(metrics)
        });
        metrics = add.await?;
    }
    state.counts().add_to(&mut metrics);
    Ok(Answer::Text(MEDIA_TYPE, metrics.into_text()))
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
    if import_of(request).is_none() {
        return (None, Err(failure));
    }
    match request.user(state).await {
        Ok(user) => (Some(user), form_again(state, request, Err(failure)).await),
        Err(_) => (None, Err(failure)),
    }
}

/// Which import the request asks for, if it asks for one.
fn import_of(request: &Request) -> Option<Import> {
    match request.address.row.operation {
        Operation::ImportAuthority => Some(Import::Authority),
        Operation::ImportServerCertificate => Some(Import::ServerCertificate),
        Operation::ImportSignedCertificate => Some(Import::Signed),
        _ => None,
    }
}

/// After a failure a person gets the form again, with what was typed; a program gets the failure.
async fn form_again(
    state: &ApiState,
    request: &Request,
    done: Result<Answer, ApiError>,
) -> Result<Answer, ApiError> {
    let failure = match done {
        Err(failure) if request.format == Format::Html && failure.fault.is_none() => failure,
        other => return other,
    };
    form_of(state, request, Some(failure)).await
}

/// The empty form, for a GET.
async fn form(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    match request.format {
        Format::Html => form_of(state, request, None).await,
        Format::Json | Format::Pjson => Err(ApiError::use_post()),
    }
}

async fn form_of(state: &ApiState, request: &Request, failure: Option<ApiError>) -> Result<Answer, ApiError> {
    if let Some(import) = import_of(request) {
        // In a form a box that is not ticked is absent.
        let is_ticked = request.fields.boolean(field::CHAIN).ok().flatten();
        return Ok(import_page(request, import, is_ticked.unwrap_or_else(|| failure.is_none()), failure));
    }
    match request.address.row.operation {
        Operation::Generate => Ok(generate::form(request, failure)),
        Operation::EditMachine | Operation::Update | Operation::UpdateSecurityConfig => {
            web_server::form(state, request, failure).await
        }
        _ => match failure {
            Some(failure) => question::again(state, request, failure).await,
            None => question::ask(state, request).await,
        },
    }
}

/// The form of an import with what is known already: typed before, or named by a link.
fn import_page(request: &Request, import: Import, chain: bool, failure: Option<ApiError>) -> Answer {
    let text = |names| request.fields.text(names).ok().flatten().unwrap_or_default().to_owned();
    let replace = request.fields.boolean(field::REPLACE).ok().flatten().unwrap_or(false);
    Answer::Page(Page::Import(ImportPage {
        import,
        alias: request.address.name.clone().unwrap_or_else(|| text(field::ALIAS)),
        entry: text(field::ENTRY),
        chain,
        replace,
        failure,
        list: request.address.list(),
    }))
}

fn imported(request: &Request, report: ImportReport) -> Answer {
    let list = request.address.list();
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
