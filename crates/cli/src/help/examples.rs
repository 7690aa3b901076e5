//! The examples that `--help` shows; a test parses each.

mod entries;
mod files;
mod store;

/// A command, and examples of it with what they do.
pub(crate) type Examples = (&'static str, &'static [(&'static str, &'static str)]);

/// The examples of every command.
pub(crate) fn examples() -> impl Iterator<Item = &'static Examples> {
    [files::EXAMPLES, entries::EXAMPLES, store::EXAMPLES].into_iter().flatten()
}
