//! What the terminal is: how wide, and whether it takes colours. Each stream is judged by itself.

use std::{io::IsTerminal, os::fd::AsFd};

use clap::ColorChoice;
use unicode_width::UnicodeWidthChar as _;

use strongroom::certificate::printable;

use crate::source::environment;

/// The width that is taken where a terminal does not say its own, in columns.
const USUAL_WIDTH: usize = 80;

/// The widest label of a line before its value, with the gap behind it.
const WIDEST_LABEL: usize = 32;
/// The fewest columns behind an indentation in which a sentence is still written.
const NARROWEST: usize = 20;

/// How many columns a line on a stream has; `None` where it is not a terminal, and nothing is shortened.
pub(super) fn width(stream: &(impl IsTerminal + AsFd)) -> Option<usize> {
    if !stream.is_terminal() {
        return None;
    }
    let told = environment("COLUMNS").and_then(|columns| columns.to_str()?.parse::<usize>().ok());
    let measured = || rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
    Some(told.or_else(measured).filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH))
}

/// Text in which nothing moves the cursor or the like: names of files, and what stands in files, may hold anything. With
/// colours, those stay.
pub(super) fn harmless(text: &str, coloured: bool) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find(|c: char| c.is_control()) {
        let (before, from) = rest.split_at(found);
        done.push_str(&printable(before));
        let kept = if from.starts_with(['\n', '\t']) {
            1
        } else {
            colour_len(from).filter(|_| coloured).unwrap_or(0)
        };
        let (whole, behind) = from.split_at(kept);
        done.push_str(whole);
        rest = behind;
        if let Some(control) = rest.chars().next().filter(|_| kept == 0) {
            done.push_str(&printable(control.encode_utf8(&mut [0; 4])));
            rest = rest.get(control.len_utf8()..).unwrap_or_default();
        }
    }
    done + &printable(rest)
}

/// How long the colour is with which a text begins (ECMA-48, SGR).
fn colour_len(text: &str) -> Option<usize> {
    let digits = text.strip_prefix("\u{1b}[")?;
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    digits.get(end..)?.starts_with('m').then_some(end + 3)
}

/// Breaks lines that are too long for a terminal between words; behind a label they go on below the value. A line with a
/// command stays whole, to be copied.
pub(super) fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let mut done = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if shown_width(line) <= width || line.contains(PROGRAM) {
            done.push_str(line);
        } else {
            wrap(line, width, &mut done);
        }
    }
    done
}

/// How a command begins that is quoted.
const PROGRAM: &str = "strongroom ";

fn wrap(line: &str, width: usize, done: &mut String) {
    let indent = Some(indent(line)).filter(|indent| indent + NARROWEST <= width).unwrap_or(2);
    let (mut column, mut gap) = (0, String::new());
    // A piece is a word, or the spaces before it.
    for word in line.trim_end_matches('\n').split(' ') {
        let wide = shown_width(word);
        if column > indent && column + gap.len() + wide > width {
            done.push('\n');
            done.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            done.push_str(&gap);
            column += gap.len();
        }
        done.push_str(word);
        column += wide;
        " ".clone_into(&mut gap);
    }
    done.push_str(if line.ends_with('\n') { "\n" } else { "" });
}

/// Where the value behind a label begins, or else a little further in than the line does.
fn indent(line: &str) -> usize {
    let before = line.len() - line.trim_start_matches(' ').len();
    let label = line.get(before..).and_then(|rest| {
        let gap = rest.find("  ")?;
        let value = rest.get(gap..)?.trim_start_matches(' ');
        let label = line.get(..line.len() - value.len())?;
        Some(shown_width(label)).filter(|label| *label <= WIDEST_LABEL)
    });
    label.unwrap_or(before + 2)
}

/// The columns of a text without its escape sequences.
fn shown_width(text: &str) -> usize {
    let (mut width, mut escaped) = (0, false);
    for c in text.chars() {
        match c {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            c => width += c.width().unwrap_or(0),
        }
    }
    width
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_colours_of_our_own_reaches_the_terminal() {
        let text = "a\u{1b}[1;31mred\u{1b}[0m\tb\n\u{1b}[2Jc\u{1b}]0;title\u{7}\r\u{202e}d\u{1b}[";
        let escaped = "\tb\n\\u{1b}[2Jc\\u{1b}]0;title\\u{7}\\u{d}\\u{202e}d\\u{1b}[";
        assert_eq!(harmless(text, true), format!("a\u{1b}[1;31mred\u{1b}[0m{escaped}"));
        assert_eq!(harmless(text, false), format!("a\\u{{1b}}[1;31mred\\u{{1b}}[0m{escaped}"));
    }

    #[test]
    fn long_lines_are_broken_between_words_and_commands_are_not() {
        let shown = |text: &str| wrapped(text, Some(30));
        assert_eq!(shown("a short line\n"), "a short line\n");
        assert_eq!(
            shown("a line that is longer than a screen, and then some\nnext"),
            "a line that is longer than a\n  screen, and then some\nnext"
        );
        // Below the value of a label, if there is room.
        assert_eq!(
            shown("  names   one.test, two.test, three.test\n"),
            "  names   one.test, two.test,\n          three.test\n"
        );
        // Colours take no column, and a long word stays whole.
        assert_eq!(
            shown("\u{1b}[1;31merror[x]\u{1b}[0m twenty columns here\n"),
            "\u{1b}[1;31merror[x]\u{1b}[0m twenty columns here\n"
        );
        let digest = "0123456789".repeat(5);
        assert_eq!(shown(&format!("sha256  {digest}\n")), format!("sha256  {digest}\n"));
        let command = "  help: to mend it: strongroom import www www.pem www.key\n";
        assert_eq!(shown(command), command);
        assert_eq!(wrapped(&digest, None), digest);
    }
}
