//! `completions`, `man` and `help`: what the definition of the command line gives, and pages on what several commands share.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use clap::ColorChoice;

use super::new_file::{present, write_public};
use crate::{
    args::own_options_first,
    complete,
    failure::{Exit, Failure},
    help::{command, subcommand},
    render::Printer,
};

/// The pages that are not about one command.
const TOPICS: [(&str, &str); 5] = [
    ("passwords", include_str!("topics/passwords.txt")),
    ("chains", include_str!("topics/chains.txt")),
    ("unlock-keys", include_str!("topics/unlock-keys.txt")),
    ("exit-codes", include_str!("topics/exit-codes.txt")),
    ("retention", include_str!("topics/retention.txt")),
];

/// The topics of `help`.
pub(crate) fn topic_names() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(name, _)| *name)
}

pub(super) fn completions(shell: clap_complete::Shell, is_static: bool, printer: &Printer) {
    if !is_static {
        printer.bytes(&complete::script(shell));
        return;
    }
    let mut script = Vec::new();
    let mut definition = own_options_first(command(ColorChoice::Never));
    clap_complete::generate(shell, &mut definition, "strongroom", &mut script);
    printer.bytes(&script);
}

pub(super) fn man(folder: Option<&Path>, printer: &Printer) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| {
        let message = format!("the manual page cannot be written: {error}");
        Failure::new(Exit::Other, "output_failed", "output", message)
    };
    let whole = command(ColorChoice::Never);
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(whole).render(&mut page).map_err(|error| failed(&error))?;
        printer.bytes(&page);
        return Ok(());
    };
    if !folder.exists() {
        // This program's own files are for nobody else; the pages are for all.
        fs::create_dir_all(folder)
            .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)))
            .map_err(|error| failed(&error))?;
    }
    let mut open = vec![("strongroom".to_owned(), whole)];
    let mut count = 0_u64;
    while let Some((name, page)) = open.pop() {
        for below in page.get_subcommands().filter(|below| below.get_name() != "help") {
            open.push((format!("{name}-{}", below.get_name()), below.clone()));
        }
        let mut bytes = Vec::new();
        let named = page.name(name.clone());
        clap_mangen::Man::new(named).render(&mut bytes).map_err(|error| failed(&error))?;
        let file = folder.join(format!("{name}.1"));
        write_public(&file, &bytes, present(&file)?.is_some())?;
        count += 1;
    }
    printer.note(&format!("wrote {count} pages to {}", folder.display()));
    Ok(())
}

pub(super) fn help(words: &[String], colour: ColorChoice, printer: &Printer) -> Result<(), Failure> {
    if let [topic] = words
        && let Some((_, text)) = TOPICS.iter().find(|(name, _)| name == topic)
    {
        printer.data(text);
        return Ok(());
    }
    let Some(mut found) = subcommand(words, colour) else {
        let topics: Vec<&str> = TOPICS.iter().map(|(name, _)| *name).collect();
        let message = format!(
            "there is no command and no topic \"{}\"; topics are {}",
            words.join(" "),
            topics.join(", ")
        );
        return Err(Failure::new(Exit::Usage, "usage", "arguments", message));
    };
    printer.styled(&found.render_long_help());
    Ok(())
}
