//! The definition of the command line: all of it, or what one call needs.
//!
//! What a command takes is defined when that command is built (`defer`), and the options of all commands are copied into
//! each one that stands beside it. Both took longer than all else of a short command.

use std::{ffi::OsString, mem::ManuallyDrop};

use clap::{ColorChoice, Command, CommandFactory as _, Id};

use super::Arguments;

/// All of it: every command, with what it takes.
pub(crate) fn whole(colour: ColorChoice) -> Command {
    let mut command = Arguments::command().color(colour);
    command.build();
    command
}

/// A definition that was built, for the scripts and answers that complete a command line: the options of a command before
/// those of all. It reads no command line any more.
pub(crate) fn own_options_first(mut command: Command) -> Command {
    let shared: Vec<Id> =
        command.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().clone()).collect();
    for id in shared {
        // What was changed comes last.
        command = command.mut_arg(id, |arg| arg);
    }
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, own_options_first))
}

/// What these words can use: the options of all commands, and those commands that one of the words names.
///
/// What this takes, [`whole`] takes with the same values. What it refuses was not judged: it has no texts for help, and
/// knows no commands that were misspelt.
pub(crate) fn for_words(words: &[OsString], colour: ColorChoice) -> Command {
    // The process ends soon after, and its memory with it.
    let all = ManuallyDrop::new(Arguments::command());
    let is_named = |command: &&Command| words.iter().any(|word| word == command.get_name());
    let mut command = Command::new("strongroom")
        .color(colour)
        .propagate_version(true)
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .args(all.get_arguments().cloned())
        .groups(all.get_groups().cloned())
        .subcommands(all.get_subcommands().filter(is_named).cloned());
    if let Some(version) = all.get_version() {
        command = command.version(version.to_owned());
    }
    command
}

#[cfg(test)]
mod tests {
    use clap::{ArgMatches, Error};

    use super::*;
    use crate::help::examples;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    /// The options of all commands, each with its value and where that comes from.
    fn values(matches: &ArgMatches) -> Vec<String> {
        let of = |id: &Id| {
            let raw: Vec<_> = matches.get_raw(id.as_str()).into_iter().flatten().collect();
            format!("{id} = {raw:?} ({:?})", matches.value_source(id.as_str()))
        };
        matches.ids().filter(|id| *id != "Arguments").map(of).collect()
    }

    fn taken(command: Command, line: &str) -> Result<ArgMatches, Error> {
        command.try_get_matches_from(words(line))
    }

    #[test]
    fn what_a_call_needs_is_read_as_the_whole_definition_reads_it() {
        let colour = ColorChoice::Never;
        let others = [
            "strongroom --store ls --json import rm ls",
            "strongroom import --store import www www.pfx --no-input",
            "strongroom ls --color never -y",
            "strongroom rekey --unlock file:a --unlock env:B",
            "strongroom --rollback-guard g --accept-rollback ca ls --unused",
            "strongroom help ca import",
        ];
        let lines = examples().flat_map(|(_, lines)| lines.iter().map(|(line, _)| *line)).chain(others);
        for line in lines {
            let [own, all] = [for_words(&words(line), colour), whole(colour)]
                .map(|command| taken(command, line).unwrap_or_else(|error| panic!("{line}: {error}")));
            assert_eq!(own.subcommand(), all.subcommand(), "{line}");
            assert_eq!(values(&own), values(&all), "{line}");
        }
    }

    #[test]
    fn what_the_whole_definition_refuses_is_refused() {
        let colour = ColorChoice::Never;
        for line in [
            "strongroom",
            "strongroom imprt www www.pfx",
            "strongroom import",
            "strongroom import www www.pfx --no-such-option",
            "strongroom --store ls",
            "strongroom ls --accept-rollback",
            "strongroom ls --rollback-guard g --without-rollback-guard",
            "strongroom verify www --batch",
            "strongroom ca",
            "strongroom ca import www",
            "strongroom ca lss",
            "strongroom ls --help",
            "strongroom import -V",
        ] {
            let all = taken(whole(colour), line).is_err();
            assert_eq!(taken(for_words(&words(line), colour), line).is_err(), all, "{line}");
        }
    }

    #[test]
    fn what_is_said_of_a_command_is_what_its_own_definition_says() {
        fn same(short: &Command, built: &Command) {
            for inner in short.get_subcommands() {
                let Some(other) = built.find_subcommand(inner.get_name()) else {
                    assert_eq!(inner.get_name(), "help", "clap adds it to a command that stands alone");
                    continue;
                };
                assert_eq!(
                    inner.get_about().map(ToString::to_string),
                    other.get_about().map(ToString::to_string),
                    "{}: the type of its arguments has a description, which is shown in place of this",
                    inner.get_name()
                );
                let (mut inner, mut alone) = (inner.clone(), other.clone());
                inner.build();
                alone.build();
                same(&inner, &alone);
            }
        }
        same(&Arguments::command(), &whole(ColorChoice::Never));
    }

    #[test]
    fn completion_offers_the_options_of_a_command_before_those_of_all() {
        let all = own_options_first(whole(ColorChoice::Never));
        let import = all.find_subcommand("import").unwrap();
        let order: Vec<&str> = import.get_arguments().filter_map(|arg| arg.get_long()).collect();
        let place = |name| order.iter().position(|option| *option == name).unwrap();
        assert!(place("pass-in") < place("store") && place("allow") < place("json"), "{order:?}");
    }

    #[test]
    fn the_version_is_that_of_the_whole_definition() {
        let colour = ColorChoice::Never;
        for line in ["strongroom --version", "strongroom ls -V", "strongroom ca ls --version"] {
            let [own, all] = [for_words(&words(line), colour), whole(colour)]
                .map(|command| taken(command, line).unwrap_err());
            assert_eq!((own.kind(), own.to_string()), (all.kind(), all.to_string()), "{line}");
        }
    }
}
