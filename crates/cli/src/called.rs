//! How the command was called, so that the commands in its advice work as they stand.

use clap::{ArgMatches, parser::ValueSource};
use strongroom::{Invocation, shell_word};

/// The options that say which store is meant, and how it is opened.
const GLOBAL: [(&str, &str); 3] = [("store", "--store"), ("key_file", "--key-file"), ("unlock", "--unlock")];

/// What the advice repeats: which store, the alias and the file.
pub(crate) fn invocation(matches: &ArgMatches) -> Invocation {
    let mut called = Invocation::default();
    // What comes from the environment is there for the next command as well.
    let given = |id: &str| match matches.value_source(id) {
        Some(ValueSource::CommandLine) => raw(matches, id),
        _ => None,
    };
    for (id, option) in GLOBAL {
        if let Some(value) = given(id) {
            called.program.push_str(&format!(" {option} {value}"));
        }
    }
    let mut innermost = matches;
    while let Some((_, below)) = innermost.subcommand() {
        innermost = below;
    }
    called.alias = raw(innermost, "alias").unwrap_or(called.alias);
    called.file = raw(innermost, "file").unwrap_or(called.file);
    called
}

/// The value of an argument as it was typed, as one word of a shell.
fn raw(matches: &ArgMatches, id: &str) -> Option<String> {
    let mut values = matches.try_get_raw(id).ok()??;
    values.next().map(|value| shell_word(&value.to_string_lossy()))
}
