//! Columns that fit their content and, on a terminal, its width.
//!
//! A row is one line always, so that `grep` and `awk` work on it. Off a terminal nothing is shortened. On one, columns are
//! cut, widest first, down to a width at which they still say something; then those that can be missed are left out.

use strongroom::certificate::shown_host;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns between two cells.
const GAP: usize = 2;
/// What a column that may be cut is cut down to, in columns, before others are left out.
const NARROW: usize = 16;
/// The same at the last.
const NARROWEST: usize = 8;

/// How a cell is marked, beside its text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Mark {
    #[default]
    None,
    /// Will soon need attention.
    Soon,
    /// Needs attention.
    Bad,
}

impl Mark {
    /// The number of its colour in an escape sequence.
    fn colour(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Soon => Some("33"),
            Self::Bad => Some("31"),
        }
    }
}

/// One cell: text without line ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    /// What stands for it on a terminal, where that is less: a text that may be cut, and one behind it that stays.
    short: Option<(String, String)>,
    mark: Mark,
}

impl Cell {
    pub(crate) fn marked(text: String, mark: Mark) -> Self {
        Self { text, short: None, mark }
    }

    /// Several names: on a terminal the first of them and how many more there are, elsewhere all.
    pub(crate) fn of_names<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: Vec<_> = names.into_iter().map(shown_host).collect();
        let short = match names.as_slice() {
            [first, _, ..] => Some((first.to_string(), format!(" +{}", names.len() - 1))),
            _ => None,
        };
        Self { text: names.join(","), short, mark: Mark::None }
    }

    /// The text in at most `width` columns: how many more names there are stands to the last.
    fn cut(&self, width: usize) -> String {
        match &self.short {
            Some((first, rest)) if rest.width() < width => cut(first, width - rest.width()) + rest,
            _ => cut(&self.text, width),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, short: None, mark: Mark::None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// A table of text; the first row is the head.
pub(crate) struct Table {
    rows: Vec<Vec<Cell>>,
    /// Of what was printed before, so that a further page stands in the same columns.
    widths: Vec<usize>,
    /// The columns of the terminal; `None` off it.
    screen: Option<usize>,
    colour: bool,
    /// Columns that may be cut.
    elastic: &'static [usize],
    /// Columns that may be left out, the first of them first.
    optional: &'static [usize],
    left_out: Vec<usize>,
}

impl Table {
    pub(super) fn new(head: &[&str], screen: Option<usize>, colour: bool) -> Self {
        Self {
            rows: vec![head.iter().map(|cell| Cell::from(*cell)).collect()],
            widths: Vec::new(),
            screen,
            colour,
            elastic: &[],
            optional: &[],
            left_out: Vec::new(),
        }
    }

    /// Which columns may be cut, and which may be left out, on a terminal that is too narrow.
    pub(crate) fn fit(mut self, elastic: &'static [usize], optional: &'static [usize]) -> Self {
        (self.elastic, self.optional) = (elastic, optional);
        self
    }

    pub(crate) fn row(&mut self, mut cells: Vec<Cell>) {
        for cell in &mut cells {
            match &cell.short {
                Some((first, rest)) if self.screen.is_some() => cell.text = format!("{first}{rest}"),
                _ => cell.short = None,
            }
        }
        self.rows.push(cells);
    }

    /// Takes the rows since the last call, each cell padded to its column; no spaces at line ends.
    pub(crate) fn take_text(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        self.measure(&rows);
        let mut text = String::new();
        for row in &rows {
            let mut pending = 0;
            for (column, (cell, width)) in row.iter().zip(&self.widths).enumerate() {
                if self.left_out.contains(&column) {
                    continue;
                }
                let shown = cell.cut(*width);
                if !shown.is_empty() {
                    text.extend(std::iter::repeat_n(' ', pending));
                    pending = 0;
                }
                match cell.mark.colour().filter(|_| self.colour) {
                    Some(colour) => text.push_str(&format!("\u{1b}[{colour}m{shown}\u{1b}[0m")),
                    None => text.push_str(&shown),
                }
                pending += width.saturating_sub(shown.width()) + GAP;
            }
            text.push('\n');
        }
        text
    }

    /// The width of each column. What was decided for a page holds for the next.
    fn measure(&mut self, rows: &[Vec<Cell>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0).max(self.widths.len());
        let first_page = self.widths.is_empty();
        let fixed = self.screen.is_some() && !first_page;
        let width = |column: usize| {
            let before = self.widths.get(column).copied().unwrap_or(0);
            let cells = rows.iter().filter_map(|row| row.get(column));
            let needed = cells.map(|cell| cell.text.width()).max().unwrap_or(0);
            if fixed && self.elastic.contains(&column) { before } else { needed.max(before) }
        };
        self.widths = (0..columns).map(width).collect();
        let Some(screen) = self.screen.filter(|_| first_page) else {
            return;
        };
        let needed = self.widths.clone();
        self.narrow(screen, NARROW);
        for column in self.optional {
            if self.total() > screen {
                self.left_out.push(*column);
            }
        }
        // What was left out makes room again.
        self.widths = needed;
        self.narrow(screen, NARROWEST);
        // The first column says what a row is about.
        for column in self.elastic.iter().rev().filter(|column| **column > 0) {
            if self.total() > screen {
                self.left_out.push(*column);
            }
        }
        self.narrow(screen, 1);
    }

    /// Cuts the widest of the elastic columns until the row fits, or all are down to `least`.
    fn narrow(&mut self, screen: usize, least: usize) {
        while self.total() > screen {
            let widest = self
                .elastic
                .iter()
                .copied()
                .filter(|column| !self.left_out.contains(column))
                .max_by_key(|column| self.widths.get(*column).copied().unwrap_or(0));
            match widest.and_then(|column| self.widths.get_mut(column)) {
                Some(width) if *width > least => *width -= 1,
                _ => return,
            }
        }
    }

    fn total(&self) -> usize {
        let shown = self.widths.iter().enumerate().filter(|(column, _)| !self.left_out.contains(column));
        let widths: Vec<usize> = shown.map(|(_, width)| *width).collect();
        widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
    }
}

/// A text in at most `width` columns; one that is cut ends in an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken > width {
            break;
        }
        shown.push(c);
    }
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_widest_cell() {
        let mut table = Table::new(&["A", "NAME"], None, false);
        table.row(vec!["long".into(), "ö".into()]);
        assert_eq!(table.take_text(), "A     NAME\nlong  ö\n");
        table.row(vec!["x".into(), "a name".into()]);
        assert_eq!(table.take_text(), "x     a name\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut table = Table::new(&["A", "B"], None, false);
        table.row(vec!["日本".into(), "x".into()]);
        assert_eq!(table.take_text(), "A     B\n日本  x\n");
    }

    #[test]
    fn a_narrow_terminal_cuts_then_leaves_out_and_never_wraps() {
        let long = "a.very.long.name.of.a.host.example.test";
        let shown = |screen| {
            let mut table = Table::new(&["ALIAS", "NAMES", "KEY", "CHAIN"], screen, false).fit(&[0, 1], &[2]);
            table.row(vec!["www".into(), long.into(), "RSA-2048".into(), "complete".into()]);
            let first = table.take_text();
            table.row(vec!["next".into(), long.into(), "RSA-2048".into(), "complete".into()]);
            first + &table.take_text()
        };
        assert!(shown(None).contains(long));
        for (screen, with_key) in [(60, true), (50, true), (34, false), (30, false)] {
            let text = shown(Some(screen));
            assert!(text.lines().all(|line| line.width() <= screen), "{screen}: {text}");
            assert!(text.contains('…') && text.contains("complete"), "{screen}: {text}");
            assert_eq!(text.contains("RSA-2048"), with_key, "{screen}: {text}");
            assert_eq!(text.lines().count(), 3);
        }
        // A column that is left out leaves its room to the others.
        assert!(shown(Some(34)).contains("a.very.long.name…"), "{}", shown(Some(34)));
    }

    #[test]
    fn of_many_names_a_terminal_has_the_first_and_their_number() {
        let shown = |screen| {
            let mut table = Table::new(&["NAMES", "B"], screen, false).fit(&[0], &[]);
            table.row(vec![Cell::of_names(["a.test", "b.test", "c.test"]), "x".into()]);
            table.row(vec![Cell::of_names(["d.test"]), "x".into()]);
            table.take_text()
        };
        assert_eq!(
            shown(None),
            "NAMES                 B\na.test,b.test,c.test  x\nd.test                x\n"
        );
        assert_eq!(shown(Some(80)), "NAMES      B\na.test +2  x\nd.test     x\n");
        assert_eq!(shown(Some(10)), "NAMES    B\na.t… +2  x\nd.test   x\n");
    }

    #[test]
    fn marks_are_colours_that_take_no_column() {
        let mut table = Table::new(&["A", "B"], Some(80), true);
        table.row(vec![Cell::marked("expired".into(), Mark::Bad), "x".into()]);
        assert_eq!(table.take_text(), "A        B\n\u{1b}[31mexpired\u{1b}[0m  x\n");
    }
}
