//! What clap says of a command line: a refusal, help, or the version.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{
    ColorChoice,
    error::{ContextKind, ContextValue, ErrorKind},
};
use strongroom::remedy::{Invocation, Remedy};

use super::{NAGIOS_UNKNOWN, Printer, screen::harmless};
use crate::{
    called::wants_nagios,
    failure::{Exit, Failure},
    source::environment,
};

/// What is refused of a variable that is empty, and which it is.
const EMPTY: [(&str, &str); 4] = [
    ("'--store <PATH>' but none was supplied", "STRONGROOM_STORE"),
    ("'--key-file <PATH>' but none was supplied", "STRONGROOM_KEY_FILE"),
    ("invalid value for --unlock", "STRONGROOM_UNLOCK"),
    ("'--rollback-guard <PATH>' but none was supplied", "STRONGROOM_ROLLBACK_GUARD"),
];

fn is_empty(variable: &str) -> bool {
    environment(variable).is_some_and(|value| value.is_empty())
}

/// What clap refused, or `--help` and `--version`.
///
/// The value of a refused `--pass-in` is not repeated: it may be a password.
pub(crate) fn usage(refused: &clap::Error, choice: ColorChoice, json: bool) -> ExitCode {
    let mut printer = Printer::new(json, choice, Invocation::default());
    if !refused.use_stderr() {
        printer.styled(&refused.render());
        return printer.end(ExitCode::SUCCESS, false);
    }
    // That one is missing, or stands twice, says nothing of it.
    let no_value = |value: &ContextValue| matches!(value, ContextValue::String(text) if text.is_empty());
    let is_safe = match refused.kind() {
        ErrorKind::ArgumentConflict => true,
        ErrorKind::InvalidValue => refused.get(ContextKind::InvalidValue).is_some_and(no_value),
        _ => false,
    };
    let about_password = refused
        .get(ContextKind::InvalidArg)
        .filter(|_| !is_safe)
        .map(ToString::to_string)
        .and_then(|argument| argument.split(' ').next().map(str::to_owned))
        .filter(|argument| {
            matches!(
                argument.as_str(),
                "--pass-in" | "--key-pass-in" | "--unlock" | "--backup-unlock" | "--to" | "<SOURCE>"
            )
        });
    let text = refused.render();
    let message = if let Some(argument) = &about_password {
        let reason = std::error::Error::source(refused).map(ToString::to_string).unwrap_or_default();
        format!("invalid value for {argument}: {reason}")
    } else {
        let text = text.to_string();
        text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
    };
    if wants_nagios() {
        printer.nagios_unknown(&message);
        return printer.end(ExitCode::from(NAGIOS_UNKNOWN), true);
    }
    let empty = EMPTY.iter().find(|(refusal, variable)| message.contains(refusal) && is_empty(variable));
    let message = match empty {
        Some((_, variable)) => {
            format!("the environment variable {variable} is empty: unset it, or give it a value")
        }
        None => message,
    };
    let code = ExitCode::from(Exit::Usage.code());
    if json {
        printer.colour = false;
        printer.failure(&Failure::new(Exit::Usage, "usage", "arguments", message).with(Remedy::ReadHelp));
        return printer.end(code, true);
    }
    let mut stderr = io::stderr().lock();
    let _ = match (about_password, printer.colour) {
        _ if empty.is_some() => writeln!(stderr, "error: {message}"),
        (Some(_), _) => writeln!(stderr, "error: {}", harmless(&message, false)),
        (None, true) => write!(stderr, "{}", harmless(&text.ansi().to_string(), true)),
        (None, false) => write!(stderr, "{}", harmless(&text.to_string(), false)),
    };
    code
}
