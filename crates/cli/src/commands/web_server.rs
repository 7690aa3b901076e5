//! `web-server`: which entry `serve` shows, and how it speaks TLS.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    keystore::{WebServerChange, WebServerReport},
    web_server::{Chosen, TlsOption, WebServer as InForce},
};

use super::{now, open, open_read_only};
use crate::{
    args::{Arguments, WebServer},
    failure::Failure,
    render::Printer,
};

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct WebServerView {
    /// Null if that is left to the server.
    alias: Option<String>,
    former: Option<String>,
    protocols: Vec<&'static str>,
    cipher_suites: Vec<&'static str>,
    hsts: bool,
    outcome: Option<&'static str>,
}

impl WebServerView {
    fn of(chosen: &InForce, outcome: Option<&'static str>) -> Self {
        fn names<T: TlsOption>(options: Vec<T>) -> Vec<&'static str> {
            options.into_iter().map(TlsOption::as_str).collect()
        }
        Self {
            alias: chosen.alias.as_ref().map(ToString::to_string),
            former: chosen.former.as_ref().map(ToString::to_string),
            protocols: names(chosen.versions()),
            cipher_suites: names(chosen.suites()),
            hsts: chosen.hsts,
            outcome,
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        let shown = self.alias.as_deref().unwrap_or("what serve is told, or a certificate of its own");
        let _ = write!(text, "shows          {shown}");
        if let Some(former) = &self.former {
            let _ = write!(text, " (before: {former})");
        }
        let _ = write!(text, "\nprotocols      {}\ncipher suites  ", self.protocols.join(" "));
        let _ = writeln!(text, "{}", self.cipher_suites.join("\n               "));
        let _ = writeln!(text, "HSTS           {}", if self.hsts { "on" } else { "off" });
        text
    }
}

pub(super) fn run(arguments: &Arguments, command: &WebServer, printer: &Printer) -> Result<(), Failure> {
    let mut change = WebServerChange::default();
    let mut findings = Vec::new();
    change.alias.clone_from(&command.alias);
    if let Some(list) = &command.protocols {
        let chosen = Chosen::from_list(list).map_err(strongroom::Error::from)?;
        findings.extend(chosen.findings);
        change.versions = Some(chosen.offered);
    }
    if let Some(list) = &command.cipher_suites {
        if list.eq_ignore_ascii_case("all") {
            // None that is named: every one.
            change.suites = Some(Vec::new());
        } else {
            let chosen = Chosen::from_list(list).map_err(strongroom::Error::from)?;
            findings.extend(chosen.findings);
            change.suites = Some(chosen.offered);
        }
    }
    change.hsts = command.hsts.map(bool::from);
    if command.is_empty() {
        let view = WebServerView::of(&open_read_only(arguments, printer)?.web_server()?, None);
        printer.result(&view, &[], || view.to_text());
        return Ok(());
    }
    let WebServerReport { web_server, changed, findings: more, .. } =
        open(arguments)?.set_web_server(&change, now())?;
    findings.extend(more);
    let view = WebServerView::of(&web_server, Some(if changed { "changed" } else { "unchanged" }));
    printer.result(&view, &findings, || view.to_text());
    Ok(())
}
