//! Completion of a command line: what a shell asks for when somebody presses TAB.
//!
//! The script of a shell runs this program with [`VARIABLE`] set. Whatever is wrong then, nothing is said: somebody is
//! typing.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::{Arg, ColorChoice, Command};
use clap_complete::{
    CompleteEnv,
    engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _},
    env::Shells,
};
use strongroom::{
    Alias,
    store::{HintKind, alias_hints},
};

use crate::{
    args::{overridable_codes, own_options_first, whole},
    commands::{default_store, topic_names},
    source::environment,
};

/// The variable that says which shell asks.
const VARIABLE: &str = "_STRONGROOM_COMPLETE";
/// The program, as the scripts call it.
const PROGRAM: &str = "strongroom";
/// How long the store may take to say its aliases.
const PATIENCE: Duration = Duration::from_millis(80);
/// Aliases that are offered at once.
const MOST: usize = 1_000;

/// Where passwords come from, without the text of one: that would be for every process to read.
const SOURCES: [&str; 7] = ["env:", "file:", "fd:", "cred:", "stdin", "prompt", "none"];
/// What opens a store.
const UNLOCKS: [&str; 5] = ["file:", "env:", "cred:", "prompt", "passphrase:"];

/// Answers a shell, if one asks.
pub(crate) fn answer() -> bool {
    if environment(VARIABLE).is_none_or(|shell| shell.is_empty()) {
        return false;
    }
    let folder = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(definition).var(VARIABLE).bin(PROGRAM).completer(PROGRAM);
    // A shell that nobody knows gets nothing.
    let _ = asked.try_complete(std::env::args_os(), folder.as_deref());
    true
}

/// The script of a shell that asks this program.
pub(crate) fn script(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell.to_string()) {
        // Memory takes all of it.
        let _ = shell.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
    }
    script
}

/// The command line, with what each argument can be.
fn definition() -> Command {
    with_values(own_options_first(whole(ColorChoice::Auto)), "", is_new_word())
}

/// Whether nothing of the word was typed yet: then what can stand there is wanted, and not every option.
fn is_new_word() -> bool {
    let mut words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let index = environment("_CLAP_COMPLETE_INDEX").and_then(|index| index.to_str()?.parse().ok());
    let word = match index {
        Some(index) => words.nth(index),
        None => words.last(),
    };
    word.is_none_or(|word| word.is_empty())
}

/// With `quiet`, options are offered only where there is nothing else.
fn with_values(command: Command, path: &str, quiet: bool) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let mut command = command.mut_args(|argument| {
        let argument = with_value(argument, path);
        if quiet && !argument.is_positional() { argument.hide(true) } else { argument }
    });
    for name in names {
        let inner_path = format!("{path} {name}").trim().to_owned();
        command = command.mut_subcommand(name, |inner| with_values(inner, &inner_path, quiet));
    }
    command
}

/// The aliases that a command is about.
fn kinds(path: &str) -> &'static [HintKind] {
    match path {
        "csr install" | "csr show" | "csr rm" => &[HintKind::Request],
        "undo" | "prune" => &[HintKind::Server, HintKind::Authority, HintKind::Removed],
        "show" => &[HintKind::Server, HintKind::Authority, HintKind::Request],
        "import" | "export" | "generate" | "csr" | "verify" | "check" | "why" | "web-server" | "serve"
        | "bind" => &[HintKind::Server],
        _ if path.starts_with("ca ") => &[HintKind::Authority],
        _ => &[HintKind::Server, HintKind::Authority],
    }
}

fn with_value(argument: Arg, path: &str) -> Arg {
    let kinds = kinds(path);
    match argument.get_id().as_str() {
        // An alias, or with --all a file.
        "alias" if path == "import" => argument.add(ArgValueCompleter::new(move |current: &OsStr| {
            let mut all = aliases(current, kinds);
            all.extend(PathCompleter::any().complete(current));
            all
        })),
        "alias" | "aliases" | "first" | "second" | "like" | "default" | "only" => {
            argument.add(ArgValueCompleter::new(move |current: &OsStr| aliases(current, kinds)))
        }
        "source" | "key_source" | "key_sources" | "sources" if path.starts_with("slot") => {
            argument.add(ArgValueCompleter::new(|current: &OsStr| words(current, &UNLOCKS)))
        }
        "source" | "key_source" | "key_sources" => {
            argument.add(ArgValueCompleter::new(|current: &OsStr| words(current, &SOURCES)))
        }
        "unlock" | "backup_unlock" | "to" if path != "rename" && path != "undo" => {
            argument.add(ArgValueCompleter::new(|current: &OsStr| words(current, &UNLOCKS)))
        }
        "allow" => {
            argument.add(ArgValueCompleter::new(|current: &OsStr| words(current, &overridable_codes())))
        }
        "words" if path == "help" => argument.add(ArgValueCompleter::new(|current: &OsStr| {
            let commands = whole(ColorChoice::Auto);
            let mut names: Vec<&str> = commands.get_subcommands().map(Command::get_name).collect();
            names.extend(topic_names().map(|name| -> &str { name }));
            words(current, &names)
        })),
        _ => argument,
    }
}

/// The words that begin as what was typed; behind `file:` the files.
fn words(current: &OsStr, all: &[&str]) -> Vec<CompletionCandidate> {
    let Some(typed) = current.to_str() else { return Vec::new() };
    if let Some(path) = typed.strip_prefix("file:") {
        let files = PathCompleter::any().complete(OsStr::new(path));
        return files.into_iter().map(|file| file.add_prefix("file:")).collect();
    }
    all.iter().filter(|word| word.starts_with(typed)).map(|word| CompletionCandidate::new(*word)).collect()
}

/// The aliases of some kinds that begin as what was typed.
fn aliases(current: &OsStr, kinds: &'static [HintKind]) -> Vec<CompletionCandidate> {
    let Some(typed) = current.to_str().map(str::to_owned) else { return Vec::new() };
    let Some(store) = store() else { return Vec::new() };
    let (tell, told) = mpsc::channel();
    // A store that does not answer keeps nobody waiting: this thread ends with the process.
    thread::spawn(move || tell.send(alias_hints(&store, &typed, MOST).unwrap_or_default()));
    let mut found: Vec<Alias> = told
        .recv_timeout(PATIENCE)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(alias, kind)| kinds.contains(&kind).then_some(alias))
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().map(|alias| CompletionCandidate::new(alias.as_str())).collect()
}

/// The store that the command line names, or else the environment does, or the usual one.
fn store() -> Option<PathBuf> {
    let words: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .skip_while(|word| word != "--")
        .collect();
    let joined = words.iter().find_map(|word| word.strip_prefix("--store="));
    let after = words.iter().zip(words.iter().skip(1)).find(|(word, _)| *word == "--store");
    let named = joined.or_else(|| after.map(|(_, path)| path.as_str())).map(at_home);
    named.or_else(|| environment("STRONGROOM_STORE").map(PathBuf::from)).or_else(default_store)
}

/// A path as it was typed: a shell has not looked at `~` yet.
fn at_home(path: &str) -> PathBuf {
    let rest = path.strip_prefix("~/").zip(environment("HOME"));
    rest.map_or_else(|| PathBuf::from(path), |(rest, home)| Path::new(&home).join(rest))
}
