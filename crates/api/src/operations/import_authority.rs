//! importRootOrIntermediate: CA certificates under an alias, and `alias_2`, `alias_3` where the file has several.

use strongroom::{
    Alias, Error, Keystore, UnixTime,
    certificate_file::{CertificateFile, CertificateFileRequest, read_certificates},
    keystore::{
        AuthoritiesReport, AuthoritiesRequest, AuthorityFile, AuthorityNames, AuthorityOutcome, ImportReport,
    },
};

use super::{
    Answer, AuthoritiesPage, Page, as_message,
    import_server_certificate::{alias, file, password},
    imported,
};
use crate::{
    error::{ApiError, Task},
    request::{Request, User},
    state::ApiState,
    wire::{
        Format, field,
        object::{Object, Success},
    },
};

const TASK: Task = Task::ImportAuthority;

/// What was done: for one certificate as ever, for several or for a PKCS #12 file with what became of each.
enum Done {
    One(ImportReport),
    All(AuthoritiesReport),
}

pub(super) async fn import(state: &ApiState, request: &mut Request, user: &User) -> Result<Answer, ApiError> {
    let alias = alias(request, TASK)?;
    let password = password(request, TASK)?;
    // Nothing is restarted, whichever it is.
    request.fields.boolean(field::NO_RESTART)?;
    let file = file(request, field::CA_CERTIFICATE, TASK, "the CA certificate")?;
    let (at, actor) = (state.now(), user.actor());
    let limits = state.settings().limits();
    let done = state
        .import(TASK, move |keystore, cancel| {
            let mut wanted = CertificateFileRequest::new(&file);
            // EXPOSE: whether there is one; an empty field is none.
            wanted.password = Some(&password).filter(|password| !password.expose().is_empty());
            wanted.limits = limits;
            wanted.cancel = cancel;
            store(&keystore.acting_as(&actor), alias, read_certificates(wanted).map_err(Error::from), at)
        })
        .await?;
    Ok(match done {
        Done::One(report) => imported(request, report),
        Done::All(report) => all_imported(request, report),
    })
}

fn store(
    keystore: &Keystore,
    alias: Alias,
    read: Result<CertificateFile, Error>,
    at: UnixTime,
) -> Result<Done, Error> {
    match read {
        Ok(file) if file.certificates.len() > 1 || file.holds_pkcs12() => {
            // Of a PKCS #12 file its CA certificates are meant; in other files each certificate is.
            let pass_over = file.holds_pkcs12();
            let mut request = AuthoritiesRequest::new(vec![AuthorityFile::new("", file)], at);
            request.names = AuthorityNames::Numbered(alias);
            request.pass_over = pass_over;
            keystore.import_authorities(request).map(Done::All)
        }
        read => keystore.import_authority_file(&alias, read, at).map(Done::One),
    }
}

fn all_imported(request: &Request, report: AuthoritiesReport) -> Answer {
    let list = request.address.list();
    match request.format {
        Format::Html => Answer::Page(Page::Authorities(AuthoritiesPage { report, list })),
        Format::Json | Format::Pjson => {
            let certificates = report.certificates.iter().map(|one| {
                let subject = &one.subject;
                match (&one.outcome, &one.alias) {
                    (AuthorityOutcome::NotImported(error), _) => format!("{}: {error}", error.code()),
                    (outcome, Some(alias)) => {
                        format!("{}: {alias}: {subject} (SHA-256 {})", outcome.as_str(), one.sha256)
                    }
                    (outcome, None) => format!("{}: {subject} (SHA-256 {})", outcome.as_str(), one.sha256),
                }
            });
            let messages = certificates.chain(report.findings.iter().map(as_message)).collect();
            Answer::Object(Object::Success(Success::new(messages)))
        }
    }
}
