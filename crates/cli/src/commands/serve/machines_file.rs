//! The file that names the machines of one server: TOML, a table for each.

use std::{
    collections::HashMap,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use strongroom::{Alias, certificate::printable, remedy::Remedy};
use toml::Spanned;

use crate::{
    args::machine_name,
    failure::{Exit, Failure},
    toml_file,
    unlock::UnlockSpec,
};

/// The largest file, in bytes.
const MAX_FILE: u64 = 256 * 1024;
/// The most machines: each keeps its store open, and follows it.
const MAX_MACHINES: usize = 64;

/// A machine, as the file has it.
#[derive(Debug)]
pub(super) struct MachineRow {
    pub(super) name: String,
    pub(super) names: Vec<String>,
    pub(super) store: PathBuf,
    pub(super) unlock: Option<UnlockSpec>,
    pub(super) rollback_guard: Option<PathBuf>,
    pub(super) alias: Option<Alias>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    machine: Vec<Spanned<WrittenMachine>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMachine {
    name: Spanned<String>,
    #[serde(default)]
    names: Vec<Spanned<String>>,
    store: Spanned<PathBuf>,
    unlock: Option<Spanned<String>>,
    rollback_guard: Option<PathBuf>,
    alias: Option<Spanned<String>>,
}

/// What is wrong, where, and what to write.
struct Fault {
    at: Option<Range<usize>>,
    message: String,
    fix: &'static str,
}

const SHAPE: &str = "begin each machine with a line [[machine]]; below it stand name and store, and where needed names, unlock, alias and rollback_guard, as in: name = \"gis1\"";

/// Reads the file. Paths in it are those beside it.
pub(super) fn read(path: &Path) -> Result<Vec<MachineRow>, Failure> {
    let text = toml_file::read(path, MAX_FILE).map_err(|message| {
        Failure::new(Exit::File, "machines_file_unreadable", "serve", message)
            .with(Remedy::Advice("name the file that lists the machines, which this user may read"))
    })?;
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    parse(&text, folder).map_err(|fault| {
        let message = toml_file::message(path, &text, fault.at.map(|at| at.start), &fault.message);
        Failure::new(Exit::Usage, "invalid_machines_file", "serve", message).with(Remedy::Advice(fault.fix))
    })
}

fn parse(text: &str, folder: &Path) -> Result<Vec<MachineRow>, Fault> {
    let written: Written = toml::from_str(text).map_err(|error| Fault {
        at: error.span(),
        // The lines that it draws below are for a screen of its own.
        message: printable(error.message()),
        fix: SHAPE,
    })?;
    if written.machine.is_empty() {
        return Err(Fault { at: None, message: "it names no machine".to_owned(), fix: SHAPE });
    }
    if written.machine.len() > MAX_MACHINES {
        let message =
            format!("it names {} machines; one server has up to {MAX_MACHINES}", written.machine.len());
        return Err(Fault { at: None, message, fix: "serve some of them by another process" });
    }
    let (mut taken, mut stores) = (HashMap::new(), HashMap::new());
    let mut rows = Vec::new();
    for (number, machine) in written.machine.into_iter().enumerate() {
        let machine = machine.into_inner();
        for name in std::iter::once(&machine.name).chain(&machine.names) {
            check_name(name)?;
            if let Some(other) = taken.insert(name.get_ref().to_ascii_lowercase(), number) {
                return Err(twice(name, other == number));
            }
        }
        let store = folder.join(machine.store.get_ref());
        let same_file = store.canonicalize().unwrap_or_else(|_| store.clone());
        if let Some(other) = stores.insert(same_file, machine.name.get_ref().clone()) {
            return Err(Fault {
                at: Some(machine.store.span()),
                message: format!("\"{other}\" has the store {} already", printable(&store.to_string_lossy())),
                fix: "give each machine a store of its own, or one machine both names with: names = [\"OTHER\"]",
            });
        }
        rows.push(MachineRow {
            unlock: machine.unlock.map(|unlock| unlock_of(&unlock, folder)).transpose()?,
            alias: machine.alias.map(|alias| alias_of(&alias)).transpose()?,
            rollback_guard: machine.rollback_guard.map(|guard| folder.join(guard)),
            name: machine.name.into_inner(),
            names: machine.names.into_iter().map(Spanned::into_inner).collect(),
            store,
        });
    }
    Ok(rows)
}

fn check_name(name: &Spanned<String>) -> Result<(), Fault> {
    let text = name.get_ref();
    if machine_name(text).is_ok() {
        return Ok(());
    }
    Err(Fault {
        at: Some(name.span()),
        message: format!(
            "\"{}\" cannot be the name of a machine",
            printable(&text.chars().take(80).collect::<String>())
        ),
        fix: "write a host name of up to 253 letters, digits, dots and hyphens, without a port",
    })
}

fn twice(name: &Spanned<String>, same_machine: bool) -> Fault {
    let text = name.get_ref();
    let message = if same_machine {
        format!("the machine has the name \"{text}\" twice")
    } else {
        format!("another machine has the name \"{text}\" as well")
    };
    Fault { at: Some(name.span()), message, fix: "write each name once; case makes no difference" }
}

/// What opens the store. What is written there is not repeated: it may be a passphrase.
fn unlock_of(unlock: &Spanned<String>, folder: &Path) -> Result<UnlockSpec, Fault> {
    let spec = unlock.get_ref().parse().map_err(|message| Fault {
        at: Some(unlock.span()),
        message: format!("unlock is not what opens a store: {message}"),
        fix: "write for example: unlock = \"file:keystore.key\"",
    })?;
    Ok(match spec {
        UnlockSpec::KeyFile(path) => UnlockSpec::KeyFile(folder.join(path)),
        other => other,
    })
}

fn alias_of(alias: &Spanned<String>) -> Result<Alias, Fault> {
    alias.get_ref().parse().map_err(|error: strongroom::alias::InvalidAlias| Fault {
        at: Some(alias.span()),
        message: error.to_string(),
        fix: "write the alias of an entry of that store, or leave the line out",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let fault = parse(text, Path::new("/srv")).map(|rows| rows.len()).err().unwrap();
        assert!(!fault.fix.is_empty());
        let line = fault.at.map_or(0, |at| toml_file::line_of(text, at.start));
        format!("{line}: {}", fault.message)
    }

    #[test]
    fn machines_are_read_with_paths_beside_the_file() {
        let text = "# two\n[[machine]]\nname = \"GIS1\"\nnames = [\"gis1.example.test\"]\nstore = \"one/keystore.db\"\nunlock = \"file:one/key\"\n\n[[machine]]\nname = \"gis2\"\nstore = \"/var/two.db\"\nalias = \"www\"\nunlock = \"env:KEY\"\n";
        let rows = parse(text, Path::new("/srv")).ok().unwrap();
        assert_eq!(
            (rows[0].name.as_str(), rows[0].names.as_slice()),
            ("GIS1", &["gis1.example.test".to_owned()][..])
        );
        assert_eq!(
            (rows[0].store.as_path(), rows[1].store.as_path()),
            (Path::new("/srv/one/keystore.db"), Path::new("/var/two.db"))
        );
        assert!(
            matches!(&rows[0].unlock, Some(UnlockSpec::KeyFile(path)) if path == Path::new("/srv/one/key"))
        );
        assert!(matches!(&rows[1].unlock, Some(UnlockSpec::Kept(kept)) if kept.name() == "KEY"));
        assert_eq!(rows[1].alias.as_ref().unwrap().as_str(), "www");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert_eq!(told(""), "0: it names no machine");
        assert_eq!(told("[[machine]]\nname = \"a\"\n"), "1: missing field `store`");
        let rest = "store = \"s\"\n";
        assert!(told("[[machine]]\nname = \"a\"\nstor = \"s\"\n").starts_with("3: unknown field `stor`"));
        assert!(told("[[machine]]\nname = \"a\nstore = \"s\"\n").starts_with("2: "));
        assert!(told("machine = 1\n").starts_with("1: "));
        assert_eq!(
            told(&format!("[[machine]]\nname = \"a:7443\"\n{rest}")),
            "2: \"a:7443\" cannot be the name of a machine"
        );
        assert_eq!(
            told(&format!(
                "[[machine]]\nname = \"a\"\n{rest}\n[[machine]]\nname = \"b\"\nnames = [\"A\"]\nstore = \"t\"\n"
            )),
            "7: another machine has the name \"A\" as well"
        );
        assert_eq!(
            told(&format!("[[machine]]\nname = \"a\"\nnames = [\"A\"]\n{rest}")),
            "3: the machine has the name \"A\" twice"
        );
        assert_eq!(
            told(&format!("[[machine]]\nname = \"a\"\n{rest}[[machine]]\nname = \"b\"\n{rest}")),
            "6: \"a\" has the store /srv/s already"
        );
        let unlock = told(&format!("[[machine]]\nname = \"a\"\n{rest}unlock = \"hunter2hunter2\"\n"));
        assert!(
            unlock.starts_with("4: unlock is not what opens a store: ") && !unlock.contains("hunter2"),
            "{unlock}"
        );
        assert!(told(&format!("[[machine]]\nname = \"a\"\n{rest}alias = \"a b\"\n")).starts_with("4: "));
        let many: String =
            (0..65).map(|n| format!("[[machine]]\nname = \"m{n}\"\nstore = \"s{n}\"\n")).collect();
        assert_eq!(told(&many), "0: it names 65 machines; one server has up to 64");
    }
}
