//! How the command was called, so that the commands in its advice work as they stand.

use clap::{ArgMatches, ColorChoice, ValueEnum as _, parser::ValueSource};
use strongroom::remedy::{Invocation, Remedy, shell_word};

use crate::failure::{Exit, Failure};

/// The options that say which store is meant, and how it is opened.
const GLOBAL: [(&str, &str); 4] =
    [("store", "--store"), ("key_file", "--key-file"), ("rollback_guard", "--rollback-guard"), UNLOCK];
/// Those of them without a value.
const FLAGS: [(&str, &str); 2] =
    [("key_file_mounted", "--key-file-mounted"), ("without_rollback_guard", "--without-rollback-guard")];
const UNLOCK: (&str, &str) = ("unlock", "--unlock");

/// The options about the password of a file.
const PASSWORD: [(&str, &str); 2] = [("source", "--pass-in"), ("key_sources", "--key-pass-in")];

/// The options of an import that take a value.
const IMPORT: [(&str, &str); 4] =
    [("entry", "--entry"), ("allow", "--allow"), ("max_work", "--max-work"), ("max_size", "--max-size")];

/// What the advice repeats: which store, the alias and the file.
pub(crate) fn invocation(matches: &ArgMatches) -> Invocation {
    let mut called = Invocation::default();
    for (id, option) in GLOBAL {
        // What comes from the environment is there for the next command as well.
        if matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        // What opens nothing is of no use to other commands.
        for value in raw_values(matches, id).into_iter().filter(|value| id != UNLOCK.0 || value != "none") {
            // A passphrase itself is not repeated.
            let value = if value.starts_with("passphrase:pass:") { "prompt" } else { &value };
            let words = format!(" {option} {}", shell_word(value));
            if id != UNLOCK.0 {
                called.store.push_str(&words);
            }
            called.program.push_str(&words);
        }
    }
    for (_, option) in FLAGS.iter().filter(|(id, _)| given_here(matches, id)) {
        called.store.push_str(&format!(" {option}"));
        called.program.push_str(&format!(" {option}"));
    }
    let mut innermost = matches;
    while let Some((name, below)) = innermost.subcommand() {
        if name == "install" {
            "csr install".clone_into(&mut called.import);
        }
        innermost = below;
    }
    called.alias = raw(innermost, "alias").unwrap_or(called.alias);
    called.file = raw(innermost, "file")
        .or_else(|| raw_values(innermost, "operands").last().map(|value| shell_word(value)))
        .or_else(|| {
            let files: Vec<String> =
                raw_values(innermost, "files").iter().map(|value| shell_word(value)).collect();
            (!files.is_empty()).then(|| files.join(" "))
        })
        .unwrap_or(called.file);
    for (id, option) in PASSWORD {
        for value in raw_values(innermost, id) {
            // A password itself is not repeated.
            let value = if value.contains("pass:") { "prompt".to_owned() } else { shell_word(&value) };
            called.password.push_str(&format!(" {option} {value}"));
        }
    }
    for (id, option) in IMPORT {
        for value in raw_values(innermost, id) {
            called.options.push_str(&format!(" {option} {}", shell_word(&value)));
        }
    }
    if given_here(innermost, "replace") {
        called.options.push_str(" --replace");
    }
    called
}

/// A setting that holds for every command, with where it comes from.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) value: Option<String>,
    /// `option`, `environment` or `default`.
    pub(crate) origin: &'static str,
    /// The variable that sets it where no option does.
    pub(crate) variable: Option<&'static str>,
}

/// The settings that `config` shows: the argument, the option, the variable.
const SETTINGS: [(&str, &str, Option<&str>); 7] = [
    ("store", "store", Some("STRONGROOM_STORE")),
    ("key_file", "key-file", Some("STRONGROOM_KEY_FILE")),
    ("unlock", "unlock", Some("STRONGROOM_UNLOCK")),
    ("rollback_guard", "rollback-guard", Some("STRONGROOM_ROLLBACK_GUARD")),
    ("key_file_mounted", "key-file-mounted", None),
    ("no_input", "no-input", None),
    ("color", "color", None),
];

/// Where the settings come from.
pub(crate) fn settings(matches: &ArgMatches) -> Vec<Setting> {
    let setting = |(id, name, variable): (&str, &'static str, Option<&'static str>)| {
        let origin = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => "option",
            Some(ValueSource::EnvVariable) => "environment",
            _ => "default",
        };
        // A passphrase itself is not shown.
        let shown = |value: String| {
            if value.starts_with("passphrase:pass:") { "passphrase:pass:...".to_owned() } else { value }
        };
        let values: Vec<String> = raw_values(matches, id).into_iter().map(shown).collect();
        let value = if values.is_empty() { None } else { Some(values.join(" ")) };
        Setting { name, value, origin, variable }
    };
    SETTINGS.map(setting).into()
}

/// Arguments that name a file to be read, or several.
const FILES: [&str; 7] = ["file", "files", "operands", "leaf", "anchor", "intermediate", "reply"];
/// Arguments that say where a password comes from.
const SOURCES: [&str; 7] =
    ["source", "sources", "key_source", "key_sources", "unlock", "backup_unlock", "to"];

/// Refuses a call in which two things are to be read from standard input: one would get what the other left.
pub(crate) fn check_standard_input(matches: &ArgMatches) -> Result<(), Failure> {
    let (mut innermost, mut command) = (matches, "");
    while let Some((name, below)) = innermost.subcommand() {
        (innermost, command) = (below, name);
    }
    let mut users: Vec<String> = Vec::new();
    // These write a file, or copy one; `-` is a name to them.
    if !matches!(command, "backup" | "restore" | "export") {
        for id in FILES {
            users.extend(raw_values(innermost, id).iter().filter(|value| *value == "-").map(|_| {
                if matches!(id, "file" | "files" | "operands") {
                    "FILE -".to_owned()
                } else {
                    format!("--{id} -")
                }
            }));
        }
    }
    for id in SOURCES {
        let reads = |value: &&String| {
            let source = value.strip_prefix("passphrase:").unwrap_or(value);
            matches!(source, "stdin" | "fd:0")
        };
        users.extend(raw_values(innermost, id).iter().filter(reads).map(|value| match id {
            "unlock" => format!("--unlock {value}"),
            "backup_unlock" => format!("--backup-unlock {value}"),
            "to" => format!("--to {value}"),
            "key_source" if command == "export" => format!("--key-pass-out {value}"),
            "source" if command == "export" => format!("--pass-out {value}"),
            "key_source" | "key_sources" => format!("--key-pass-in {value}"),
            // The source of a slot is no option.
            _ if command == "add" && value.starts_with("passphrase:") => value.clone(),
            _ => format!("--pass-in {value}"),
        }));
    }
    if innermost.try_get_one::<bool>("batch").is_ok_and(|given| given == Some(&true)) {
        users.push("--batch".to_owned());
    }
    if users.len() < 2 {
        return Ok(());
    }
    let message =
        format!("standard input can be read once, and this asks for it twice: {}", users.join(", "));
    Err(Failure::new(Exit::Usage, "stdin_taken", "arguments", message)
        .with(Remedy::Advice("take one of them from a file, or a password from a variable")))
}

fn raw_values(matches: &ArgMatches, id: &str) -> Vec<String> {
    let values = matches.try_get_raw(id).ok().flatten();
    values.into_iter().flatten().map(|value| value.to_string_lossy().into_owned()).collect()
}

/// The words of the command line, before it was understood.
fn words() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// Refuses `--unlock` beside `--key-file`, several `--unlock` where one is meant, and some before the command beside others behind it, which would not
/// count.
pub(crate) fn check_unlock(matches: &ArgMatches) -> Result<(), Failure> {
    if given_here(matches, "key_file") && given_here(matches, UNLOCK.0) {
        let message = "--unlock says what opens the store, and so does --key-file".to_owned();
        return Err(
            Failure::new(Exit::Usage, "usage", "arguments", message).with(Remedy::Advice("give one of them"))
        );
    }
    let rekeys = matches.subcommand_name() == Some("rekey");
    let taken = raw_values(matches, UNLOCK.0).len();
    let given = words().iter().filter(|word| *word == "--unlock" || word.starts_with("--unlock=")).count();
    if given < 2 || rekeys && taken == given {
        return Ok(());
    }
    let (message, advice) = if rekeys {
        (
            "--unlock stands before the word rekey as well as after it; only those after it count",
            "give all of them after the word rekey",
        )
    } else {
        ("--unlock is given more than once; only rekey takes several", "give it once")
    };
    Err(Failure::new(Exit::Usage, "usage", "arguments", message.to_owned()).with(Remedy::Advice(advice)))
}

/// Whether JSON was asked for, on a command line that may not be understood.
pub(crate) fn wants_json() -> bool {
    words().iter().any(|word| word == "--json")
}

/// Whether an answer for Nagios was asked for, on such a command line.
pub(crate) fn wants_nagios() -> bool {
    let words = words();
    let spaced =
        words.iter().zip(words.iter().skip(1)).any(|(word, value)| word == "--format" && value == "nagios");
    spaced || words.iter().any(|word| word == "--format=nagios")
}

/// `--color` of a command line that may not be understood.
pub(crate) fn colour() -> ColorChoice {
    let words = words();
    let after = words.iter().zip(words.iter().skip(1)).find(|(word, _)| *word == "--color");
    let joined = words.iter().find_map(|word| word.strip_prefix("--color="));
    let value = joined.or_else(|| after.map(|(_, value)| value.as_str()));
    value.and_then(|value| ColorChoice::from_str(value, true).ok()).unwrap_or_default()
}

fn given_here(matches: &ArgMatches, id: &str) -> bool {
    let known = matches.try_contains_id(id).is_ok();
    known && matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// The value of an argument as it was typed, as one word of a shell.
fn raw(matches: &ArgMatches, id: &str) -> Option<String> {
    let mut values = matches.try_get_raw(id).ok()??;
    values.next().map(|value| shell_word(&value.to_string_lossy()))
}
