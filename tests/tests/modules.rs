//! The order of the house: a module of the engine uses only modules before it, and every test file is declared.

#[path = "modules/circles.rs"]
mod circles;

use std::{fs, path::Path};

/// The modules of `strongroom`, in their order.
const ORDER: &[&str] = &[
    "secret",
    "word",
    "remedy",
    "diagnostic",
    "hexadecimal",
    "instant",
    "limits",
    "alias",
    "private_file",
    "encode",
    "pem",
    "file_format",
    "pkcs12",
    "certificate",
    "validate",
    "select",
    "web_server",
    "issuance",
    "jks",
    "certificate_file",
    "archive",
    "export",
    "seal",
    "privilege",
    "account",
    "store",
    "error",
    "trace",
    "inspect",
    "keystore",
];

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(path: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The text outside comments and tests.
fn code(text: &str) -> String {
    let ends = ["#[cfg(test)]", "#[cfg(all(test"].into_iter().filter_map(|mark| text.find(mark)).min();
    let text = &text[..ends.unwrap_or(text.len())];
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first names after `crate::`, braces included, in the text outside comments and tests.
fn used(text: &str) -> Vec<String> {
    let code = code(text);
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => names.push(std::mem::take(&mut name)),
                    c if depth == 1 => name.push(c),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names.push(name);
        } else {
            names.push(rest.to_owned());
        }
    }
    let first = |name: &String| {
        name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    names.iter().map(first).filter(|name| !name.is_empty()).collect()
}

#[test]
fn modules_use_only_modules_before_them() {
    let core = workspace().join("crates/core/src");
    let lib = fs::read_to_string(core.join("lib.rs")).unwrap();
    let declared: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'))
        .filter(|module| *module != "fuzz")
        .collect();
    assert_eq!(
        declared.iter().collect::<std::collections::BTreeSet<_>>(),
        ORDER.iter().collect::<std::collections::BTreeSet<_>>(),
        "ORDER lists every module"
    );
    for (place, module) in ORDER.iter().enumerate() {
        let (file, folder) = (core.join(format!("{module}.rs")), core.join(module));
        let found = sources(if file.exists() { &file } else { &folder });
        assert!(!found.is_empty(), "{module} has a source");
        for (path, text) in found {
            for name in used(&text) {
                let of = ORDER.iter().position(|known| *known == name);
                assert!(
                    of.is_some_and(|of| of <= place),
                    "{path}: {module} uses {name}, which is not before it"
                );
            }
        }
    }
}

#[test]
fn the_front_page_says_what_each_public_module_is_for() {
    let core = workspace().join("crates/core/src");
    let lib = fs::read_to_string(core.join("lib.rs")).unwrap();
    let page = fs::read_to_string(core.join("lib.md")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules.filter(|module| *module != "fuzz") {
        let named =
            page.lines().any(|line| line.starts_with("| [") && line.contains(&format!("[`{module}`]")));
        assert!(named, "the table of lib.md lacks {module}");
    }
}

#[test]
fn the_root_of_the_engine_has_ten_names_beside_its_modules() {
    let lib = fs::read_to_string(workspace().join("crates/core/src/lib.rs")).unwrap();
    let names = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub use ")?.strip_suffix(';'))
        .flat_map(|path| {
            path.rsplit("::")
                .next()
                .unwrap_or_default()
                .trim_matches(['{', '}'])
                .split(", ")
                .collect::<Vec<_>>()
        })
        .collect::<Vec<_>>();
    assert_eq!(
        names,
        [
            "Alias",
            "Error",
            "Entry",
            "Keystore",
            "ServerCertificateRequest",
            "open_pfx",
            "UnixTime",
            "Unlock",
            "Password",
            "UnlockKey"
        ],
        "everything else has the path of its module"
    );
}

#[test]
fn no_host_that_fuzzes_itself_switches_our_cryptography_off() {
    for (path, text) in sources(&workspace().join("crates/core/src")) {
        for cfg in ["(fuzzing", " fuzzing"] {
            let used = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(cfg));
            assert!(
                !used,
                "{path} asks for cfg(fuzzing), which cargo-fuzz sets for every crate that it builds"
            );
        }
    }
}

#[test]
fn uses_are_found_in_all_their_forms() {
    let text = "use crate::{\n    alias::Alias,\n    pkcs12::{self, Pfx},\n};\nfn f() { crate::store::x() } // crate::no\n#[cfg(test)] use crate::keystore;";
    assert_eq!(used(text), ["alias", "pkcs12", "store", "no"]);
}

#[test]
fn every_test_file_with_a_harness_of_its_own_is_declared() {
    let manifest = fs::read_to_string(workspace().join("tests/Cargo.toml")).unwrap();
    for (path, text) in sources(&workspace().join("tests/tests")) {
        let name = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        let own_harness = text.contains("\nfn main()");
        let declared = manifest.contains(&format!("[[test]]\nname = \"{name}\"\nharness = false"));
        assert_eq!(own_harness, declared, "{name}");
    }
}
