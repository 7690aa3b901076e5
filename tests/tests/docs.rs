//! The page of codes against the engine.

use std::{collections::BTreeSet, fs, path::Path};

use strongroom::diagnostic::{DiagnosticCode, Severity};

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
    let errors = page.split("## Errors\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listed: BTreeSet<String> = errors
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .map(str::to_owned)
        .collect();
    let core = workspace().join("crates/core/src");
    let mut found = BTreeSet::new();
    for file in [
        "private_file.rs",
        "pkcs12/error.rs",
        "jks/error.rs",
        "archive.rs",
        "export/error.rs",
        "issuance/error.rs",
        "certificate/choice.rs",
        "certificate_file/error.rs",
        "store/error.rs",
        "seal/mod.rs",
        "web_server/error.rs",
        "error.rs",
        "error/authority.rs",
    ] {
        found.extend(codes_in(&fs::read_to_string(core.join(file)).unwrap()));
    }
    // These are findings as well, and stand in the other table.
    for code in ["weak_key", "unsupported_key", "ca_certificate", "tls_not_offered"] {
        found.remove(code);
    }
    assert!(found.len() > 40, "{found:?}");
    assert_eq!(listed, found);
}

/// The rows of a table whose first cell is a code: code, exit, stages.
fn rows(table: &str) -> Vec<(&str, &str, &str)> {
    table
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            Some((cells.next()?.trim_end_matches('`'), cells.next()?, cells.next()?))
        })
        .collect()
}

/// Code, exit and stage of each failure that the command makes itself.
fn failures(source: &str) -> Vec<(String, String, String)> {
    let exit = |name: &str| match name {
        "Other" => "1",
        "Usage" => "2",
        "NotFound" => "3",
        "Exists" => "4",
        "Password" => "5",
        "File" => "6",
        "Validation" => "7",
        "Store" => "8",
        other => panic!("an exit that this test does not know: {other}"),
    };
    let mut found = Vec::new();
    for call in source.split("Failure::new(").skip(1).chain(source.split("Self::new(").skip(1)) {
        let arguments: Vec<&str> = call.split(',').take(3).map(str::trim).collect();
        let [kind, code, stage] = arguments[..] else { continue };
        let (Some(kind), Some(code)) = (kind.strip_prefix("Exit::"), literal(code)) else { continue };
        found.push((code, exit(kind).to_owned(), literal(stage).expect("a stage")));
    }
    for (helper, exit, stage) in
        [(" usage(\"", "2", "arguments"), ("(usage(\"", "2", "arguments"), (" fault(\"", "1", "serve")]
    {
        let codes = source.split(helper).skip(1).filter_map(|rest| rest.split('"').next());
        found.extend(codes.map(|code| (code.to_owned(), exit.to_owned(), stage.to_owned())));
    }
    found
}

fn literal(text: &str) -> Option<String> {
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

#[test]
fn every_code_of_the_command_is_on_the_page_with_its_exit_and_stage() {
    let page = fs::read_to_string(workspace().join("docs/codes.md")).unwrap();
    let (engine, command) = page.split_once("## Errors of the command").unwrap();
    let command = command.split("\n## ").next().unwrap();
    let engine = engine.split("## Errors\n").nth(1).unwrap();
    let mut open = vec![workspace().join("crates/cli/src")];
    let mut found = vec![("output_failed".to_owned(), "1".to_owned(), "output".to_owned())];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.extend(failures(&fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(found.len() > 20, "{found:?}");
    let mut used = BTreeSet::new();
    for (code, exit, stage) in &found {
        let of_command = rows(command).into_iter().find(|(of, ..)| of == code);
        let row = of_command.or_else(|| rows(engine).into_iter().find(|(of, ..)| of == code));
        let (_, of_exit, stages) = row.unwrap_or_else(|| panic!("{code} is not on the page"));
        // `verify` of files exits with 2 for every fault of the call, whatever the engine calls it.
        let of_call = of_command.is_none() && exit == "2" && stage == "arguments";
        assert!(of_exit == exit || of_call, "{code}: {of_exit} on the page, {exit} in the command");
        if of_command.is_some() {
            assert!(stages.split(", ").any(|of| of == stage), "{code} {stage}");
            used.insert(code.as_str());
        }
    }
    for (code, ..) in rows(command) {
        assert!(used.contains(code), "{code} is on the page, and the command does not have it");
    }
}

#[test]
fn every_diagnostic_is_on_the_page_with_its_weight() {
    let page = fs::read_to_string(workspace().join("docs/codes.md")).unwrap();
    let listed = page.split("## Errors").next().unwrap();
    for code in DiagnosticCode::ALL {
        let weight = match code.severity() {
            Severity::Error => "refused",
            Severity::Overridable => "`--allow`",
            _ => "warning",
        };
        assert!(listed.contains(&format!("| `{code}` | {weight} |")), "{code}");
    }
    assert_eq!(listed.matches("\n| `").count(), DiagnosticCode::ALL.len());
}

#[test]
fn every_finding_of_doctor_is_on_the_page() {
    let page = fs::read_to_string(workspace().join("docs/codes.md")).unwrap();
    let (others, doctor) = page.split_once("## Findings of `doctor`").unwrap();
    let listed: BTreeSet<&str> = rows(doctor).into_iter().map(|(code, ..)| code).collect();
    let others: BTreeSet<&str> = rows(others).into_iter().map(|(code, ..)| code).collect();
    let folder = workspace().join("crates/cli/src/commands/doctor");
    let sources: String =
        fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    let word = |text: &&str| text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let literals: BTreeSet<&str> = sources.split('"').collect();
    let codes: Vec<&str> = literals.iter().copied().filter(word).collect();
    assert!(codes.len() > 12, "{codes:?}");
    for code in codes {
        assert!(listed.contains(code) || others.contains(code), "{code} is not on the page");
    }
    for code in listed {
        assert!(literals.contains(code), "{code} is on the page, and doctor does not have it");
    }
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
