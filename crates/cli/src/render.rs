//! Output: data on standard output, words on standard error, one JSON object with `--json`.

mod entries;
mod failures;
mod output;
mod screen;
mod table;
mod together;
mod usage;
mod views;

use std::{
    cell::RefCell,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::ColorChoice;
use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{
    diagnostic::Diagnostic,
    remedy::{Invocation, Remedy},
};

pub(crate) use self::failures::{DiagnosticView, ErrorView};
pub(crate) use self::{
    entries::{
        EntryFacts, EntryView, RemovedView, ShowView, certificate_text, chain_ends_first, chain_text,
        time_left,
    },
    screen::colours,
    table::{Cell, Mark, Table},
    together::together_text,
    usage::usage,
    views::{ImportView, LinkView, UserView, file_text, import_text, path_text, with_own_role},
};
use self::{
    failures::{FailureView, HeldWarning, error_view, help, views},
    output::Output,
    screen::{harmless, wrapped},
};
use crate::failure::{Exit, Failure};

pub(crate) const SCHEMA: &str = "strongroom/v1";

/// Where output goes, and in which form.
pub(crate) struct Printer {
    json: bool,
    /// Whether words on standard error are coloured.
    colour: bool,
    /// The same of tables on standard output.
    colour_tables: bool,
    /// The columns of the terminal; `None` off it.
    screen: Option<usize>,
    /// The same of standard error.
    screen_of_words: Option<usize>,
    output: Output,
    /// The exit code of a command that was carried out.
    exit: std::cell::Cell<u8>,
    /// How the command was called, for the commands in its advice.
    called: Invocation,
    /// Warnings of the command itself that stand in its JSON.
    held: RefCell<Vec<HeldWarning>>,
}

#[derive(JsonSchema, Serialize)]
struct Success<'a, T> {
    schema: &'static str,
    result: &'a T,
    warnings: Vec<DiagnosticView<'a>>,
}

impl Printer {
    pub(crate) fn new(json: bool, choice: ColorChoice, called: Invocation) -> Self {
        Self {
            json,
            colour: colours(choice, &io::stderr()),
            colour_tables: colours(choice, &io::stdout()),
            screen: screen::width(&io::stdout()),
            screen_of_words: screen::width(&io::stderr()),
            output: Output::default(),
            exit: std::cell::Cell::new(0),
            called,
            held: RefCell::default(),
        }
    }

    /// Ends the output: `code`, unless it could not be written.
    pub(crate) fn end(self, code: ExitCode, failed: bool) -> ExitCode {
        self.output.end(code, failed)
    }

    /// Another exit code than 0 for a command that is carried out.
    pub(crate) fn set_exit(&self, code: u8) {
        self.exit.set(code);
    }

    /// The exit code of a command that was carried out.
    pub(crate) fn exit(&self) -> u8 {
        self.exit.get()
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Text of the command line's definition.
    pub(crate) fn styled(&self, text: &clap::builder::StyledStr) {
        let text = if self.colour_tables { text.ansi().to_string() } else { text.to_string() };
        self.data(&text);
    }

    /// A file, as it is.
    pub(crate) fn bytes(&self, bytes: &[u8]) {
        self.output.write(bytes);
    }

    /// Writes what is held back; whether all of it could be written.
    pub(crate) fn flush(&self) -> bool {
        self.output.flush();
        !self.output.has_failed()
    }

    /// The program with the options that say which store, for a command that is quoted.
    pub(crate) fn program(&self) -> &str {
        &self.called.program
    }

    /// A table that fits the terminal.
    pub(crate) fn table(&self, head: &[&str]) -> Table {
        Table::new(head, self.screen, self.colour_tables)
    }

    /// Advice in one sentence; `None` for none.
    pub(crate) fn help(&self, remedies: &[Remedy]) -> Option<String> {
        help(remedies, &self.called)
    }

    /// What the command would have been for one entry of many.
    fn called_for(&self, alias: &str, file: &str) -> Invocation {
        let mut called = self.called.clone();
        alias.clone_into(&mut called.alias);
        file.clone_into(&mut called.file);
        called
    }

    /// Advice by itself, for people.
    pub(crate) fn advise(&self, remedies: &[Remedy]) {
        if let Some(help) = self.help(remedies).filter(|_| !self.json) {
            self.help_line(&help);
        }
    }

    /// The failure of one entry of many, as JSON has it.
    pub(crate) fn error_of<'a>(&self, failure: &'a Failure, alias: &str, file: &str) -> ErrorView<'a> {
        error_view(failure, &self.called_for(alias, file))
    }

    /// The same for people; `from` is where it came from, or nothing where the message says it.
    pub(crate) fn failure_of(&self, failure: &Failure, alias: &str, file: &str, from: &str) {
        if !self.json {
            let from = if from.is_empty() { String::new() } else { format!("{from}: ") };
            self.failure_text(failure, &self.called_for(alias, file), &from);
        }
    }

    /// The result of a command: JSON, or `text`.
    pub(crate) fn result<T: Serialize>(
        &self,
        result: &T,
        warnings: &[Diagnostic],
        text: impl FnOnce() -> String,
    ) {
        if self.json {
            let held = self.held.borrow();
            let mut warnings = views(warnings, &self.called);
            warnings.extend(held.iter().map(HeldWarning::view));
            self.json(&Success { schema: SCHEMA, result, warnings });
            return;
        }
        for warning in warnings {
            self.remark("warning", "33", warning);
        }
        self.text(&text());
    }

    /// Text for people: no line is wider than the terminal.
    pub(crate) fn text(&self, text: &str) {
        self.data(&wrapped(&harmless(text, self.colour_tables), self.screen));
    }

    /// A line for people on standard error.
    fn words(&self, line: &str) {
        let mut text = wrapped(&harmless(line, self.colour), self.screen_of_words);
        text.push('\n');
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// A result that is one list, written page by page, so that no length of it fills the memory.
    pub(crate) fn list(&self, name: &'static str) -> List<'_> {
        List { printer: self, name, begun: false, empty: true }
    }

    /// Raw data, whatever the form.
    pub(crate) fn data(&self, text: &str) {
        self.output.write(text.as_bytes());
    }

    /// A failure as Nagios takes it: a line on standard output.
    pub(crate) fn nagios_unknown(&self, message: &str) {
        // What stands behind `|` would be performance data.
        let message = harmless(&message.replace('|', "/").replace('\n', " "), false);
        self.data(&format!("STRONGROOM UNKNOWN - {}\n", message.trim()));
    }

    fn json<T: Serialize>(&self, value: &T) {
        self.data(&json_line(value));
    }

    /// A sentence for people, not part of the result.
    pub(crate) fn note(&self, text: &str) {
        self.words(text);
    }

    /// A warning that belongs to the command itself.
    pub(crate) fn warn(&self, message: &str) {
        self.words(&format!("{}: {message}", self.paint("33", "warning")));
    }

    /// A warning with its advice, of a command that goes on: it stands in the JSON as well, if that is printed afterwards.
    pub(crate) fn warn_of(&self, failure: &Failure) {
        if self.held.borrow().iter().any(|held| held.message == failure.message) {
            return;
        }
        let help = self.help(&failure.remedies);
        let advice = help.as_ref().map(|help| format!("; {help}"));
        self.warn(&format!("{}{}", failure.message, advice.unwrap_or_default()));
        let message = failure.message.clone();
        self.held.borrow_mut().push(HeldWarning { code: failure.code, message, help });
    }

    /// The same of something that is damaged, and is named by `message`.
    pub(crate) fn warn_of_damage(&self, message: String) {
        self.warn_of(&Failure::new(Exit::Store, "store_corrupt", "store", message));
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            self.json(&FailureView { schema: SCHEMA, error: error_view(failure, &self.called) });
        } else {
            self.failure_text(failure, &self.called, "");
        }
    }

    fn failure_text(&self, failure: &Failure, called: &Invocation, from: &str) {
        let label = self.paint("31", &format!("error[{}]", failure.code));
        let message = failure.choice.as_ref().map_or(&failure.message, |choice| &choice.headline);
        self.words(&format!("strongroom: {label} {from}{message}"));
        for candidate in failure.choice.iter().flat_map(|choice| &choice.candidates) {
            self.words(&format!("  {candidate}"));
        }
        if let Some(help) = help(&failure.remedies, called) {
            self.help_line(&help);
        }
        for remark in &failure.more {
            self.remark("also", "31", remark);
        }
    }

    fn remark(&self, label: &str, colour: &str, remark: &Diagnostic) {
        let label = self.paint(colour, &format!("{label}[{}]", remark.code));
        self.words(&format!("{label} {}", remark.message));
        if let Some(help) = self.help(&remark.remedies) {
            self.help_line(&help);
        }
    }

    /// Advice below what it is about.
    fn help_line(&self, help: &str) {
        self.words(&format!("  {} {help}", self.paint("36", "help:")));
    }

    /// Text on standard output in a colour, where there are colours.
    pub(crate) fn paint_data(&self, code: &str, text: &str) -> String {
        painted(self.colour_tables, code, text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        painted(self.colour, code, text)
    }
}

fn painted(coloured: bool, code: &str, text: &str) -> String {
    if coloured { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn json_line<T: Serialize>(value: &T) -> String {
    // The types that are printed serialise without failure.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The first of many names, and how many more there are.
pub(crate) fn first_names<'n>(names: impl ExactSizeIterator<Item = &'n str>, shown: usize) -> String {
    let more = names.len().saturating_sub(shown);
    let first = names.take(shown).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// A result as `--json` prints it, to be written elsewhere.
pub(crate) fn envelope<T: Serialize>(result: &T) -> String {
    json_line(&Success { schema: SCHEMA, result, warnings: Vec::new() })
}

/// The exit code by which Nagios knows that nothing was found out.
pub(crate) const NAGIOS_UNKNOWN: u8 = 3;

/// A line of the server's log.
pub(crate) fn log(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", strongroom::certificate::printable(line));
}

/// A list that is being written. An error before the first page leaves nothing behind.
pub(crate) struct List<'p> {
    printer: &'p Printer,
    name: &'static str,
    begun: bool,
    empty: bool,
}

impl List<'_> {
    /// Whether nobody takes any more of it.
    pub(crate) fn is_over(&self) -> bool {
        self.printer.output.has_failed()
    }

    /// Writes a page: as JSON, or `text`.
    pub(crate) fn page<T: Serialize>(&mut self, items: &[T], text: impl FnOnce() -> String) {
        if !self.printer.json {
            if !items.is_empty() {
                self.printer.text(&text());
            }
        } else {
            if !self.begun {
                self.printer.data(&format!("{{\"schema\":\"{SCHEMA}\",\"result\":{{\"{}\":[", self.name));
            }
            for item in items {
                // As in `Printer::json`.
                let item = serde_json::to_string(item).unwrap_or_default();
                let comma = if self.empty { "" } else { "," };
                self.printer.data(&format!("{comma}{item}"));
                self.empty = false;
            }
        }
        self.begun = true;
        self.empty &= items.is_empty();
    }

    /// Writes something for people alone, which stands in another list of JSON.
    pub(crate) fn text(&mut self, text: &str) {
        if !self.printer.json && !text.is_empty() {
            self.printer.text(text);
            self.empty = false;
        }
    }

    /// Ends the list; `nothing` is said for people where it had no item.
    pub(crate) fn end(self, nothing: &str) {
        if self.printer.json {
            let held = self.printer.held.borrow();
            let warnings: Vec<DiagnosticView<'_>> = held.iter().map(HeldWarning::view).collect();
            self.printer.data(&format!("]}},\"warnings\":{}", json_line(&warnings).replace('\n', "}\n")));
        } else if self.empty {
            self.printer.text(nothing);
        }
    }
}
