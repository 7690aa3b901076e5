//! importExistingServerCertificate: a PKCS #12 file under an alias.

use strongroom::{
    Alias, Entry, Error, Keystore, Password, ServerCertificateRequest, UnixTime,
    certificate::{Certificate, EntrySelector},
    keystore::{ImportReport, Outcome},
    pkcs12::Pkcs12Error,
};
use zeroize::Zeroizing;

use super::{Answer, CheckedPage, Page, as_message, certificates::there, imported};
use crate::{
    error::{ApiError, Task, reply},
    held::Upload,
    request::{Request, User},
    state::ApiState,
    wire::{
        Format, field,
        object::{Object, Success},
    },
};

const TASK: Task = Task::ImportServerCertificate;

pub(super) async fn import(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    // A person who leaves the field empty sends none; a program that sends an empty one means it.
    let sent = request.fields.bytes(field::PASSWORD);
    let is_form = request.fields.text(field::FORM)?.is_some();
    let is_given = !sent.is_empty() || (request.fields.has(field::PASSWORD) && !is_form);
    let upload = match request.fields.text(field::CHECKED)? {
        Some(id) => checked_before(state, request, id).await?,
        None => Upload::read(request)?,
    };
    let dry_run = request.fields.boolean(field::DRY_RUN)?.unwrap_or(false);
    let (trust_embedded_root, limits) = (state.settings().trust_embedded_root, state.settings().limits());
    let (at, actor) = (state.now(), user.actor());
    let done = state
        .import(TASK, move |keystore, cancel| {
            let set = |wanted: &mut ServerCertificateRequest<'_>| {
                wanted.opening.limits = limits;
                wanted.opening.cancel = cancel;
                wanted.options.trust_embedded_root = trust_embedded_root;
            };
            let done = import_or_check(&keystore.acting_as(&actor), upload, dry_run, set, at);
            match done {
                // One that was not sent cannot be a wrong one.
                Err(Error::Pkcs12(Pkcs12Error::WrongPassword)) if !is_given => Ok(Done::Locked),
                done => done,
            }
        })
        .await?;
    match done {
        Done::Imported(report) => Ok(imported(request, report)),
        Done::Locked => Err(locked(request)),
        Done::Checked(checked, upload) => would_do(state, request, *checked, upload),
    }
}

fn import_or_check(
    keystore: &Keystore,
    upload: Upload,
    dry_run: bool,
    set: impl FnOnce(&mut ServerCertificateRequest<'_>),
    at: UnixTime,
) -> Result<Done, Error> {
    let alias = upload.alias.clone();
    let mut wanted = ServerCertificateRequest::new(alias, &upload.file, &upload.password, at);
    set(&mut wanted);
    wanted.opening.entry = upload.entry.clone();
    wanted.options.policy.use_embedded = upload.chain;
    wanted.options.replace = upload.replace;
    wanted.options.dry_run = dry_run;
    if !dry_run {
        return keystore.import_server_certificate(wanted).map(Done::Imported);
    }
    let former = there(keystore.entry(&upload.alias, at))?;
    let opened = keystore.open_server_certificate(wanted)?;
    let new = opened.credential.leaf().clone();
    let report = keystore.import_credential(opened)?;
    Ok(Done::Checked(Box::new(Checked { report, former, new }), upload))
}

/// The file has a password, and none was sent.
fn locked(request: &Request) -> ApiError {
    let name = field::documented(field::PASSWORD, request.address.flavour());
    let details = vec![format!("send it in the field '{name}'"), "code: wrong_password".to_owned()];
    TASK.refused("the file is a PKCS #12 file, and its password was not given", details).at("password")
}

/// What an import did, or would do.
enum Done {
    Imported(ImportReport),
    Checked(Box<Checked>, Upload),
    Locked,
}

struct Checked {
    report: ImportReport,
    former: Option<Entry>,
    new: Certificate,
}

impl Upload {
    fn read(request: &mut Request) -> Result<Self, ApiError> {
        let alias = alias(request, TASK)?;
        let password = password(request, TASK)?;
        let chain = chain(request)?;
        let replace = request.fields.boolean(field::REPLACE)?.unwrap_or(false);
        let Ok(entry) = request.fields.text(field::ENTRY)?.map(str::parse::<EntrySelector>).transpose();
        let file = file(request, field::FILE, TASK, "the PKCS #12 file")?;
        Ok(Self { alias, file, password, chain, replace, entry, version: None, machine: String::new() })
    }
}

/// The file that was checked. It is taken: whoever asks again has to choose it again.
async fn checked_before(state: &ApiState, request: &Request, id: &str) -> Result<Upload, ApiError> {
    let again = |reason: &str| TASK.refused(reason, vec!["choose the file again".to_owned()]).at("file");
    let upload = request.token().and_then(|token| state.held().take(token, id));
    let upload = upload.ok_or_else(|| again("the file that was checked is no longer in memory"))?;
    if upload.machine != state.machine().name() {
        return Err(again("the file was checked for another machine"));
    }
    let (alias, at) = (upload.alias.clone(), state.now());
    let present = state.run(Task::Read, move |keystore| there(keystore.entry(&alias, at))).await?;
    if present.map(|entry| entry.version) != upload.version {
        return Err(again("the entry has changed since the file was checked"));
    }
    Ok(upload)
}

/// Says what would be done. For a person the file is kept meanwhile.
fn would_do(
    state: &ApiState,
    request: &Request,
    checked: Checked,
    mut upload: Upload,
) -> Result<Answer, ApiError> {
    let Checked { report, former, new } = checked;
    if request.format != Format::Html {
        let outcome = match report.outcome {
            Outcome::Imported => "imported",
            Outcome::Replaced => "replaced",
            _ => "left as it is",
        };
        let would = format!("dry_run: the entry would be {outcome}; nothing was stored");
        let messages = std::iter::once(would).chain(report.findings.iter().map(as_message));
        return Ok(Answer::Object(Object::Success(Success::new(messages.collect()))));
    }
    state.machine().name().clone_into(&mut upload.machine);
    upload.version = former.as_ref().map(|entry| entry.version);
    let held = request.token().and_then(|token| state.held().keep(token, upload));
    let held = held.ok_or_else(|| ApiError::fault("the system gave no random bytes".to_owned()))?;
    let former = former.map(|entry| entry.certificate);
    let list = request.address.list();
    Ok(Answer::Page(Page::Checked(Box::new(CheckedPage { report, former, new, held, list }))))
}

/// Absent is true for a program; in a browser's form it is a box that was not ticked.
fn chain(request: &Request) -> Result<bool, ApiError> {
    let from_form = request.fields.text(field::FORM)?.is_some();
    Ok(request.fields.boolean(field::CHAIN)?.unwrap_or(!from_form))
}

/// The password to the byte. Absent is empty, as a browser sends an empty one.
pub(super) fn password(request: &mut Request, task: Task) -> Result<Password, ApiError> {
    let mut bytes = request.take_password()?.unwrap_or_default();
    Password::from_utf8(std::mem::take(&mut bytes)).map_err(|error| reply(task, &Error::from(error)))
}

pub(super) fn alias(request: &Request, task: Task) -> Result<Alias, ApiError> {
    let text = request
        .fields
        .text(field::ALIAS)?
        .ok_or_else(|| missing(request, task, field::ALIAS, "the name of the entry"))?;
    text.parse::<Alias>().map_err(|error| reply(task, &Error::from(error)))
}

pub(super) fn file(
    request: &mut Request,
    names: field::Names,
    task: Task,
    what: &str,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let file = request.fields.take(names)?.filter(|file| !file.is_empty());
    file.ok_or_else(|| missing(request, task, names, what))
}

pub(super) fn missing(request: &Request, task: Task, names: field::Names, what: &str) -> ApiError {
    let name = field::documented(names, request.address.flavour());
    let details = vec![format!("send {what} in the field '{name}'"), "code: missing_field".to_owned()];
    // What a form calls it.
    task.refused(&format!("the field '{name}' is missing"), details).at_field(names)
}
