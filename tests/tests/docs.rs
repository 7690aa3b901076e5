//! The page of codes against the engine.

use std::{collections::BTreeSet, fs, path::Path};

use strongroom::{FindingCode, Severity};

fn workspace() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The string literals in every `fn code(&self)` of a source file.
fn codes_in(source: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for body in source.split("pub fn code(&self) -> &'static str {").skip(1) {
        let body = body.split("\n    }").next().unwrap_or_default();
        codes
            .extend(body.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    codes
}

#[test]
fn every_error_code_is_on_the_page_and_no_other() {
    let page = fs::read_to_string(workspace().join("docs/codes.md")).unwrap();
    let errors = page.split("## Errors").nth(1).unwrap();
    let listed: BTreeSet<String> = errors
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect();
    let core = workspace().join("crates/core/src");
    let mut found = BTreeSet::new();
    for file in ["pkcs12/error.rs", "certificate/choice.rs", "store/error.rs", "seal/mod.rs", "error.rs"] {
        found.extend(codes_in(&fs::read_to_string(core.join(file)).unwrap()));
    }
    // These two are findings as well, and stand in the other table.
    found.remove("weak_key");
    found.remove("unsupported_key");
    assert!(found.len() > 40, "{found:?}");
    assert_eq!(listed, found);
}

#[test]
fn every_finding_is_on_the_page_with_its_weight() {
    let page = fs::read_to_string(workspace().join("docs/codes.md")).unwrap();
    let findings = page.split("## Errors").next().unwrap();
    for code in FindingCode::ALL {
        let weight = match code.severity() {
            Severity::Error => "refused",
            Severity::Overridable => "`--allow`",
            _ => "warning",
        };
        assert!(findings.contains(&format!("| `{code}` | {weight} |")), "{code}");
    }
    assert_eq!(findings.matches("\n| `").count(), FindingCode::ALL.len());
}

#[test]
fn every_class_of_hostile_file_has_its_tests_and_stands_on_the_page() {
    let page = fs::read_to_string(workspace().join("docs/hostile.md")).unwrap();
    let tests = workspace().join("tests/tests");
    let sources: String = fs::read_dir(tests.join("hostile"))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let numbered = |class: &str| {
        class.get(..3).is_some_and(|n| n.ends_with('_') && n[..2].parse::<u8>().is_ok_and(|n| n <= 35))
    };
    let classes: BTreeSet<&str> = sources.split('"').filter(|literal| numbered(literal)).collect();
    assert!(classes.len() > 25, "{classes:?}");
    for class in &classes {
        assert!(page.contains(&format!("`hostile {class}`")), "{class} is not on the page");
    }
    let rows: Vec<&str> =
        page.lines().filter(|line| line.starts_with("| ") && line[2..3].parse::<u8>().is_ok()).collect();
    assert_eq!(rows.len(), 35);
    for row in rows {
        let named: Vec<&str> = row.split('|').nth(4).unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{row}");
        for test in named {
            let (place, name) = test.split_once(' ').unwrap();
            let there = match place {
                "hostile" => classes.contains(name),
                "tests" => tests.join(name).exists(),
                "core" => {
                    let source = workspace().join("crates/core/src").join(name);
                    fs::read_to_string(source).is_ok_and(|text| text.contains("#[test]"))
                }
                "fuzz" => workspace().join("crates/core/fuzz/fuzz_targets").join(name).exists(),
                _ => false,
            };
            assert!(there, "{test} is not there");
        }
    }
}
