//! Failures and diagnostics as JSON, with their advice in words.

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    certificate::Candidate,
    diagnostic::Diagnostic,
    remedy::{Invocation, Remedy},
};

use crate::failure::Failure;

/// A diagnostic with its advice in words.
#[derive(JsonSchema, Serialize)]
pub(crate) struct DiagnosticView<'a> {
    code: &'a str,
    message: &'a str,
    help: Option<String>,
}

/// A warning until the result is printed.
pub(super) struct HeldWarning {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl HeldWarning {
    pub(super) fn view(&self) -> DiagnosticView<'_> {
        DiagnosticView { code: self.code, message: &self.message, help: self.help.clone() }
    }
}

#[derive(JsonSchema, Serialize)]
pub(super) struct FailureView<'a> {
    pub(super) schema: &'static str,
    pub(super) error: ErrorView<'a>,
}

#[derive(JsonSchema, Serialize)]
pub(crate) struct ErrorView<'a> {
    code: &'a str,
    stage: &'a str,
    message: &'a str,
    help: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<DiagnosticView<'a>>,
    /// What there is to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<&'a [Candidate]>,
}

pub(super) fn help(remedies: &[Remedy], called: &Invocation) -> Option<String> {
    Remedy::sentence(remedies, |remedy| remedy.for_command(called))
}

pub(super) fn views<'a>(remarks: &'a [Diagnostic], called: &Invocation) -> Vec<DiagnosticView<'a>> {
    let view = |remark: &'a Diagnostic| DiagnosticView {
        code: remark.code.as_str(),
        message: &remark.message,
        help: help(&remark.remedies, called),
    };
    remarks.iter().map(view).collect()
}

pub(super) fn error_view<'a>(failure: &'a Failure, called: &Invocation) -> ErrorView<'a> {
    ErrorView {
        code: failure.code,
        stage: failure.stage,
        message: &failure.message,
        help: help(&failure.remedies, called),
        findings: views(&failure.more, called),
        entries: failure.choice.as_ref().map(|choice| choice.candidates.as_slice()),
    }
}
