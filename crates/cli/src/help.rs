//! What `--help` adds to the definitions: groups of commands, and examples for each.

mod examples;

use std::fmt::Write as _;

use clap::{ColorChoice, Command};

pub(crate) use self::examples::examples;
use crate::args::whole;

/// The commands in groups, as `--help` lists them.
const GROUPS: &[(&str, &[&str])] = &[
    ("Start", &["init", "inspect", "import", "generate", "csr", "export", "ca"]),
    ("Entries", &["ls", "find", "show", "chain", "verify", "rename", "rm"]),
    ("Servers", &["check", "doctor", "bind", "unbind", "why", "status", "watch"]),
    ("Versions", &["history", "diff", "undo", "prune"]),
    ("The store itself", &["log", "backup", "restore", "verify-store", "slot", "passwd", "rekey"]),
    ("The API", &["user", "web-server", "serve"]),
    ("This program", &["help", "config", "completions", "man", "schema"]),
];

/// The definition of the command line, complete.
pub(crate) fn command(colour: ColorChoice) -> Command {
    let mut command = with_examples(whole(colour), "");
    let template = template(&command);
    command = command.help_template(template).override_usage("strongroom [OPTIONS] <COMMAND>");
    // The groups list them.
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names {
        command = command.mut_subcommand(name, |inner| inner.hide(true));
    }
    command
}

/// The command of these words, with its examples.
pub(crate) fn subcommand(words: &[String], colour: ColorChoice) -> Option<Command> {
    let mut found = command(colour);
    for word in words {
        found = found.find_subcommand(word)?.clone();
    }
    Some(found)
}

/// As `clap` writes its own headings.
fn heading(text: &str) -> String {
    format!("\u{1b}[1m\u{1b}[4m{text}:\u{1b}[0m")
}

fn template(command: &Command) -> String {
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n\n".to_owned();
    for &(title, names) in GROUPS {
        let _ = writeln!(text, "{}", heading(title));
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  \u{1b}[1m{name:<14}\u{1b}[0m{about}");
        }
        text.push('\n');
    }
    text.push_str("{all-args}{after-help}");
    text
}

fn with_examples(mut command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    for name in names {
        let inner_path = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(name, |inner| with_examples(inner, &inner_path));
    }
    let path = if path.is_empty() { "strongroom" } else { path };
    match examples().find(|(of, _)| *of == path) {
        Some((_, examples)) => command.after_help(examples_text(examples)),
        None => command,
    }
}

fn examples_text(examples: &[(&str, &str)]) -> String {
    let mut text = heading("Examples");
    for (line, does) in examples {
        let _ = write!(text, "\n  {line}\n      {does}");
    }
    text
}

#[cfg(test)]
mod tests;
