//! What the terminal is: how wide, and whether it takes colours. Each stream is judged by itself.

use std::io::{self, IsTerminal};

use clap::ColorChoice;

use crate::source::environment;

/// The width that is taken where a terminal does not say its own, in columns.
const USUAL_WIDTH: usize = 80;

/// How many columns a line on standard output has; `None` where it is not a terminal, and nothing is shortened.
pub(super) fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let told = environment("COLUMNS").and_then(|columns| columns.to_str()?.parse::<usize>().ok());
    let measured = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    Some(told.or_else(measured).filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH))
}

/// Whether a stream takes colours: as `--color` says, else as the environment says, else if it is a terminal.
pub(crate) fn colours(choice: ColorChoice, stream: &impl IsTerminal) -> bool {
    let set = |name| environment(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if environment("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
        ColorChoice::Auto => stream.is_terminal() && environment("TERM").is_some_and(|term| term != "dumb"),
    }
}
