//! What a person is asked before something is done to an entry: with GET, and again after a failure.

use strongroom::{Error, store::StoreError};

use super::{
    Answer, Page, Question, QuestionPage, RollBackQuestion, certificates, certificates::there,
    export_pkcs12::not_allowed, roll_back,
};
use crate::{
    error::{ApiError, Task},
    request::Request,
    state::ApiState,
    wire::Operation,
};

pub(super) async fn ask(state: &ApiState, request: &Request) -> Result<Answer, ApiError> {
    page(state, request, None).await?.ok_or_else(ApiError::use_post)
}

/// The question again, with what refused it; the failure alone where there is no question.
pub(super) async fn again(
    state: &ApiState,
    request: &Request,
    failure: ApiError,
) -> Result<Answer, ApiError> {
    // An entry that is not there is asked nothing about.
    if failure.code == 404 || failure.asks_to_sign_in() {
        return Err(failure);
    }
    match question(state, request).await {
        Ok(Some((alias, question))) => Ok(answer(request, alias, question, Some(failure))),
        _ => Err(failure),
    }
}

async fn page(
    state: &ApiState,
    request: &Request,
    failure: Option<ApiError>,
) -> Result<Option<Answer>, ApiError> {
    let found = question(state, request).await?;
    Ok(found.map(|(alias, question)| answer(request, alias, question, failure)))
}

fn answer(request: &Request, alias: String, question: Question, failure: Option<ApiError>) -> Answer {
    let list = request.address.list();
    Answer::Page(Page::Question(Box::new(QuestionPage { alias, question, failure, list })))
}

async fn question(state: &ApiState, request: &Request) -> Result<Option<(String, Question)>, ApiError> {
    let operation = request.address.row.operation;
    if !matches!(operation, Operation::Delete | Operation::ExportPkcs12 | Operation::RollBack) {
        return Ok(None);
    }
    if operation == Operation::ExportPkcs12 && !state.settings().allow_key_export {
        return Err(not_allowed());
    }
    let (alias, at) = (certificates::alias(request)?, state.now());
    let wanted = roll_back::version(request)?;
    let found = state.run(Task::Read, move |keystore| {
        let entry = match there(keystore.entry(&alias, at)) {
            // What is damaged can be deleted all the same.
            Err(Error::Store(StoreError::Corrupt { .. })) if operation == Operation::Delete => {
                let question = Question::Delete { dependents: Vec::new(), used_by: None };
                return Ok(Some((alias.key(), question)));
            }
            other => other?,
        };
        let Some(entry) = entry else {
            return Ok(None);
        };
        let question = match operation {
            Operation::RollBack => {
                let number = wanted.unwrap_or_else(|| entry.version.saturating_sub(1));
                let to = keystore.entry_at(&alias, number)?.certificate;
                Question::RollBack(Box::new(RollBackQuestion { present: entry.certificate, to, number }))
            }
            Operation::ExportPkcs12 => Question::ExportPkcs12,
            _ => Question::Delete { dependents: keystore.dependents(&alias, at)?, used_by: entry.bound_to },
        };
        Ok(Some((entry.alias.key(), question)))
    });
    match found.await? {
        Some(found) => Ok(Some(found)),
        None => Err(certificates::not_found(request)),
    }
}
