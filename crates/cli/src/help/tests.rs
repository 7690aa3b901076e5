use strongroom::remedy::{Invocation, Remedy};

use super::*;

fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
    for inner in command.get_subcommands() {
        let path = format!("{path} {}", inner.get_name()).trim().to_owned();
        if inner.has_subcommands() { leaves(inner, &path, found) } else { found.push(path) }
    }
}

#[test]
fn every_command_stands_in_a_group_and_has_examples() {
    let command = whole(ColorChoice::Never);
    let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    for inner in command.get_subcommands() {
        assert!(grouped.contains(&inner.get_name()), "{} is in no group", inner.get_name());
    }
    assert_eq!(grouped.len(), command.get_subcommands().count());
    let mut all = Vec::new();
    leaves(&command, "", &mut all);
    for path in all {
        assert!(examples().any(|(of, _)| *of == path), "{path} has no example");
    }
}

#[test]
fn every_example_is_a_call_of_its_command() {
    for &(path, lines) in examples() {
        assert!(!lines.is_empty(), "{path}");
        for (line, _) in lines {
            let parsed = whole(ColorChoice::Never).try_get_matches_from(line.split_whitespace());
            let matches = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
            let mut called = Vec::new();
            let mut innermost = &matches;
            while let Some((name, below)) = innermost.subcommand() {
                called.push(name);
                innermost = below;
            }
            assert!(path == "strongroom" || called.join(" ").starts_with(path), "{line} is not of {path}");
        }
    }
}

/// The calls of the command that a text quotes.
fn quoted(text: &str) -> Vec<&str> {
    let calls = text.match_indices("strongroom ").filter_map(|(at, _)| text.get(at..));
    calls.map(|call| call.split([';', ',', '(']).next().unwrap_or(call).trim()).collect()
}

#[test]
fn commands_in_advice_are_calls_of_the_command() {
    let alias = || "www".to_owned();
    let advice = [
        Remedy::MakeStore { path: None },
        Remedy::MakeStore { path: Some("/srv/keystore.db".into()) },
        Remedy::MakeStoreForNetwork,
        Remedy::ImportAuthority,
        Remedy::ImportServerCertificate,
        Remedy::ListEntries,
        Remedy::ListAuthorities,
        Remedy::ListBindings,
        Remedy::ListVersions { alias: alias() },
        Remedy::ListUsers,
        Remedy::ListRequests,
        Remedy::ShowRequest { alias: alias() },
        Remedy::InstallReply { alias: alias() },
        Remedy::ListSlots,
        Remedy::AddUser,
        Remedy::ReadLog,
        Remedy::StatusUnproved,
        Remedy::Rekey,
        Remedy::Restore,
        Remedy::VerifyStore,
        Remedy::BringBack { alias: alias() },
        Remedy::FreeAlias { alias: alias() },
        Remedy::SlotFromSource,
        Remedy::PasswdFromSource,
    ];
    let mut called = Invocation::default();
    called.program.push_str(" --store /srv/keystore.db");
    for remedy in advice {
        let text = remedy.for_command(&called);
        let calls = quoted(&text);
        assert!(!calls.is_empty(), "{text}");
        for call in calls {
            let parsed = whole(ColorChoice::Never).try_get_matches_from(call.split_whitespace());
            assert!(parsed.is_ok(), "{call}: {}", parsed.unwrap_err());
        }
    }
}

#[test]
fn help_has_headings_and_examples_on_every_page() {
    let mut root = command(ColorChoice::Never);
    let text = root.render_long_help().to_string();
    for part in
        ["Start:", "Entries:", "The store itself:", "The store:", "Examples:", "  import        Import"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("Commands:"), "{text}");
    root.build();
    let import = root.find_subcommand_mut("import").unwrap().render_help().to_string();
    for part in ["Options:", "The store:", "Examples:", "strongroom import www www.pfx --pass-in prompt"] {
        assert!(import.contains(part), "{part}: {import}");
    }
}
