//! No two modules of one folder use each other, by whatever way round: the graph is read from `use` lines and paths.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A module or an item, as its path below the crate.
type Name = Vec<String>;

/// The modules of a crate with what they name.
#[derive(Default)]
struct Graph {
    uses: BTreeMap<Name, Vec<Name>>,
    /// Names that a module has from another.
    given_on: BTreeMap<Name, Name>,
}

impl Graph {
    fn read(root: &Path, files: &[(String, String)]) -> Self {
        let mut graph = Self::default();
        for (path, text) in files {
            let path = Path::new(path).strip_prefix(root).unwrap().with_extension("");
            let mut module: Name = path
                .iter()
                .map(|part| part.to_string_lossy().into_owned())
                .filter(|part| part != "mod")
                .collect();
            if module == ["lib"] {
                module.clear();
            }
            let code = super::code(text);
            let mut named = Vec::new();
            let mut rest = String::new();
            let mut after = code.as_str();
            while let Some((before, line)) = after.split_once("use ") {
                rest += before;
                let starts = before.is_empty() || before.ends_with(['\n', ' ']);
                let Some((tree, more)) = line.split_once(';').filter(|_| starts) else {
                    after = line;
                    continue;
                };
                let public =
                    before.trim_end_matches(' ').rsplit('\n').next().unwrap_or_default().contains("pub");
                for leaf in leaves(tree) {
                    let Some(target) = absolute(&module, &leaf) else { continue };
                    if public {
                        let name = target.last().unwrap().clone();
                        graph.given_on.insert([module.clone(), vec![name]].concat(), target.clone());
                    }
                    named.push(target);
                }
                after = more;
            }
            rest += after;
            let words = rest.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
            named.extend(words.filter_map(|word| absolute(&module, word)));
            graph.uses.insert(module, named);
        }
        graph
    }

    /// The module that a name is from.
    fn owner(&self, name: &Name) -> Option<Name> {
        let mut name = name.clone();
        for _ in 0..8 {
            let module =
                (1..=name.len()).rev().map(|n| &name[..n]).find(|part| self.uses.contains_key(*part))?;
            let next = name.get(..module.len() + 1).and_then(|item| self.given_on.get(item));
            let Some(next) = next else { return Some(module.to_vec()) };
            name = [next.clone(), name[module.len() + 1..].to_vec()].concat();
        }
        None
    }

    /// Each circle among the modules of one folder.
    fn circles(&self) -> Vec<String> {
        let folders: BTreeSet<&[String]> =
            self.uses.keys().filter_map(|module| module.split_last()).map(|(_, above)| above).collect();
        let mut found = Vec::new();
        for folder in folders {
            let child = |name: &Name| name.strip_prefix(folder).and_then(|rest| rest.first()).cloned();
            let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (module, named) in &self.uses {
                let Some(from) = child(module) else { continue };
                let targets =
                    named.iter().filter_map(|name| self.owner(name)).filter_map(|owner| child(&owner));
                edges.entry(from.clone()).or_default().extend(targets.filter(|to| *to != from));
            }
            // What uses nothing that is left, or is used by nothing that is left, is on no circle.
            let is_free = |edges: &BTreeMap<String, BTreeSet<String>>, one: &String| {
                edges[one].iter().all(|to| !edges.contains_key(to))
                    || edges.values().all(|to| !to.contains(one))
            };
            while let Some(free) = edges.keys().find(|one| is_free(&edges, one)).cloned() {
                edges.remove(&free);
            }
            let left: BTreeSet<String> = edges.keys().cloned().collect();
            edges.values_mut().for_each(|to| to.retain(|to| left.contains(to)));
            if !edges.is_empty() {
                found.push(format!("{}: {edges:?}", folder.join("::")));
            }
        }
        found
    }
}

/// The paths of a `use` tree.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((head, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.trim().trim_end_matches("::self").to_owned()];
    };
    let (mut parts, mut part, mut depth) = (Vec::new(), String::new(), 0);
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    parts.retain(|part| !part.trim().is_empty());
    parts
        .iter()
        .flat_map(|part| leaves(part))
        .map(|leaf| format!("{head}{leaf}"))
        .map(|path| path.trim_end_matches("::self").to_owned())
        .collect()
}

/// The path below the crate of one that begins with `crate`, `self` or `super`.
fn absolute(module: &[String], path: &str) -> Option<Name> {
    let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut base = module.to_vec();
    match *parts.first()? {
        "crate" => base.clear(),
        "self" => {}
        "super" => {
            while parts.get(1) == Some(&"super") {
                base.pop();
                parts.remove(0);
            }
            base.pop();
        }
        _ => return None,
    }
    base.extend(parts[1..].iter().filter(|part| !part.is_empty()).map(|part| (*part).to_owned()));
    (!base.is_empty()).then_some(base)
}

#[test]
fn no_modules_of_a_folder_use_each_other_in_a_circle() {
    let root = super::workspace().join("crates/core/src");
    let graph = Graph::read(&root, &super::sources(&root));
    assert_eq!(graph.circles(), Vec::<String>::new());
}

#[test]
fn a_circle_is_found_through_what_a_module_gives_on() {
    let files = |c: &str| {
        [
            ("/r/f/mod.rs", "mod a;\npub(crate) use self::b::B;"),
            ("/r/f/a.rs", "use super::{B, c};"),
            ("/r/f/b.rs", "fn f() { super::c::g() }"),
            ("/r/f/c.rs", c),
        ]
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
    };
    let circles = |c| Graph::read(Path::new("/r"), &files(c)).circles();
    assert_eq!(circles("use crate::f::{d::{E as F}};"), Vec::<String>::new());
    assert_eq!(circles("#[cfg(test)] use super::B;"), Vec::<String>::new());
    assert_eq!(circles("use super::B;"), [r#"f: {"b": {"c"}, "c": {"b"}}"#]);
}
