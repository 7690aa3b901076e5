//! Forms: what is typed, what is wrong with it and where, and what would come of it.

use askama::Template;
use strongroom::{Alias, certificate::Certificate, keystore::Outcome};

use super::{
    certificate::differences,
    html::{Frame, Warning},
};
use crate::{
    error::ApiError,
    operations::{
        CheckedPage, GeneratePage, Import, ImportPage, Question, QuestionPage, RollBackQuestion,
        WebServerPage,
    },
    wire::{calendar_date, percent_encode},
};

/// What is wrong with a form, said beside the field in which the reason lies.
pub(super) struct Problem(Option<ApiError>);

impl Problem {
    pub(super) fn new(failure: Option<ApiError>) -> Self {
        Self(failure)
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    pub(super) fn is_any(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn any(&self) -> Option<&ApiError> {
        self.0.as_ref()
    }

    pub(super) fn at(&self, field: &str) -> Option<&ApiError> {
        self.0.as_ref().filter(|failure| failure.field == Some(field))
    }

    pub(super) fn is_at(&self, field: &str) -> bool {
        self.at(field).is_some()
    }
}

#[derive(Template)]
#[template(path = "import.html")]
struct ImportTemplate<'a> {
    frame: &'a Frame<'a>,
    title: String,
    for_server: bool,
    is_replacement: bool,
    is_signed: bool,
    page: ImportPage,
    problem: Problem,
}

#[derive(Template)]
#[template(path = "checked.html")]
struct CheckedTemplate<'a> {
    frame: &'a Frame<'a>,
    title: String,
    alias: String,
    list: String,
    held: String,
    is_same: bool,
    has_former: bool,
    outcome: &'static str,
    differences: Vec<String>,
    /// A fact of the certificate that is there and of the new one.
    rows: Vec<(&'static str, String, String)>,
    written: Vec<String>,
    warnings: Vec<Warning>,
}

#[derive(Template)]
#[template(path = "question.html")]
struct QuestionTemplate<'a> {
    frame: &'a Frame<'a>,
    title: String,
    /// The page of the entry.
    here: String,
    action: String,
    points: Vec<String>,
    hidden: Vec<(&'static str, String)>,
    /// What is to be ticked.
    tick: Option<String>,
    button: &'static str,
    is_danger: bool,
    is_export: bool,
    list: String,
    alias: String,
    problem: Problem,
}

#[derive(Template)]
#[template(path = "generate.html")]
struct GenerateTemplate<'a> {
    frame: &'a Frame<'a>,
    page: GeneratePage,
    /// Word, label, and whether it is chosen.
    keys: Vec<(&'static str, &'static str, bool)>,
    has_more: bool,
    problem: Problem,
}

#[derive(Template)]
#[template(path = "web_server.html")]
struct WebServerTemplate<'a> {
    frame: &'a Frame<'a>,
    page: WebServerPage,
    problem: Problem,
}

/// The kinds of key that the form offers, the one that suits most first.
const KEYS: [(&str, &str); 6] = [
    ("rsa2048", "RSA, 2048 bits"),
    ("rsa3072", "RSA, 3072 bits"),
    ("rsa4096", "RSA, 4096 bits"),
    ("p256", "EC, P-256"),
    ("p384", "EC, P-384"),
    ("ed25519", "Ed25519 (browsers refuse it)"),
];
/// The fields of the form that most leave empty.
const MORE: [&str; 5] = ["orgUnit", "org", "city", "state", "country"];

pub(super) fn generate(frame: &Frame<'_>, mut page: GeneratePage) -> Result<String, askama::Error> {
    let problem = Problem::new(page.failure.take());
    let keys = KEYS.map(|(word, label)| (word, label, page.text("keyAlg") == word)).to_vec();
    let has_more = page.replace || MORE.iter().any(|name| !page.text(name).is_empty() || problem.is_at(name));
    GenerateTemplate { frame, page, keys, has_more, problem }.render()
}

pub(super) fn web_server(frame: &Frame<'_>, mut page: WebServerPage) -> Result<String, askama::Error> {
    let problem = Problem::new(page.failure.take());
    WebServerTemplate { frame, page, problem }.render()
}

pub(super) fn import(frame: &Frame<'_>, mut page: ImportPage) -> Result<String, askama::Error> {
    let for_server = page.import == Import::ServerCertificate;
    let problem = Problem::new(page.failure.take());
    // A link that says what is to be replaced; an alias that is none is asked for.
    let is_replacement = for_server && page.replace && page.alias.parse::<Alias>().is_ok();
    let title = match page.import {
        Import::Authority => "Import root or intermediate certificate".to_owned(),
        Import::Signed if page.alias.is_empty() => "Import the signed certificate".to_owned(),
        Import::Signed => format!("Import the signed certificate for {}", page.alias),
        Import::ServerCertificate if is_replacement => format!("Replace {}", page.alias),
        Import::ServerCertificate => "Import existing server certificate".to_owned(),
    };
    let is_signed = page.import == Import::Signed;
    ImportTemplate { frame, title, for_server, is_replacement, is_signed, page, problem }.render()
}

pub(super) fn checked(frame: &Frame<'_>, page: CheckedPage) -> Result<String, askama::Error> {
    let CheckedPage { report, former, new, held, list } = page;
    let alias = report.alias.key();
    let has_former = former.is_some();
    let (title, outcome) = match report.outcome {
        Outcome::Imported => (format!("Import {alias}?"), "The file was checked, and can be imported."),
        Outcome::Replaced => {
            (format!("Replace {alias}?"), "The file was checked, and can replace the certificate.")
        }
        _ if report.imported.is_empty() => (
            format!("{alias} is there already"),
            "The file has the same certificate and key: nothing would change.",
        ),
        _ => (
            format!("{alias} is there already"),
            "The certificate and its key stay the same; certificates of the chain would be stored.",
        ),
    };
    let is_same = report.imported.is_empty();
    CheckedTemplate {
        frame,
        title,
        list,
        held,
        is_same,
        has_former,
        outcome,
        differences: former.as_ref().map(|former| differences(former, &new)).unwrap_or_default(),
        rows: rows(former.as_ref(), &new),
        written: report.imported.iter().filter(|written| **written != report.alias).map(Alias::key).collect(),
        warnings: report.findings.into_iter().map(Warning::from).collect(),
        alias,
    }
    .render()
}

fn rows(former: Option<&Certificate>, new: &Certificate) -> Vec<(&'static str, String, String)> {
    let fact = |label, fact: &dyn Fn(&Certificate) -> String| {
        (label, former.map(fact).unwrap_or_default(), fact(new))
    };
    vec![
        fact("Subject", &|one| one.subject().to_owned()),
        fact("Names", &|one| one.hosts().collect::<Vec<_>>().join(", ")),
        fact("Valid from", &|one| calendar_date(one.not_before())),
        fact("Ends", &|one| calendar_date(one.not_after())),
        fact("Issuer", &|one| one.issuer().to_owned()),
        fact("Key", &|one| one.key().to_string()),
        fact("SHA-256", &|one| one.fingerprint().to_string()),
    ]
}

pub(super) fn question(frame: &Frame<'_>, page: QuestionPage) -> Result<String, askama::Error> {
    let QuestionPage { alias, question, failure, list } = page;
    let here = format!("{list}/{}", percent_encode(&alias));
    let template = |title, operation: &str, button| QuestionTemplate {
        frame,
        title,
        action: format!("{here}/{operation}"),
        here: here.clone(),
        points: Vec::new(),
        hidden: Vec::new(),
        tick: None,
        button,
        is_danger: false,
        is_export: false,
        list,
        alias: alias.clone(),
        problem: Problem::new(failure),
    };
    match question {
        Question::Delete { dependents, used_by } => {
            let mut points = vec!["Its versions are kept, sealed: it can be brought back.".to_owned()];
            points.extend(used_by.iter().map(|server| format!("It is used by {server}.")));
            points.extend(dependents.iter().map(|alias| format!("{alias} loses its chain.")));
            let needs = !dependents.is_empty() || used_by.is_some();
            let tick = needs.then(|| "Delete it all the same".to_owned());
            let template = template(format!("Delete {alias}?"), "delete", "Delete");
            QuestionTemplate { points, tick, is_danger: true, ..template }.render()
        }
        Question::ExportPkcs12 => {
            let points = vec![
                "The file is PKCS #12, with the certificate, its chain and the private key.".to_owned(),
                "The log of the store says who took it, and when.".to_owned(),
            ];
            let title = format!("Export {alias} with its private key");
            QuestionTemplate { points, is_export: true, ..template(title, "exportPkcs12", "Export") }.render()
        }
        Question::RollBack(question) => {
            let RollBackQuestion { present, to, number } = *question;
            let (points, hidden) = (differences(&present, &to), vec![("version", number.to_string())]);
            let title = format!("Roll {alias} back to version {number}?");
            QuestionTemplate { points, hidden, ..template(title, "rollBack", "Roll back") }.render()
        }
    }
}
