//! Columns that fit their content.

/// A table of text; the first row is the head.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    /// Of what was printed before, so that a further page stands in the same columns.
    widths: Vec<usize>,
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|cell| (*cell).to_owned()).collect()], widths: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Takes the rows since the last call, each cell padded to its column; no spaces at line ends.
    pub(crate) fn take_text(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let before = self.widths.get(column).copied().unwrap_or(0);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(before)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count()) + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        self.widths = widths;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_their_widest_cell() {
        let mut table = Table::new(&["A", "NAME"]);
        table.row(vec!["long".into(), "ö".into()]);
        assert_eq!(table.take_text(), "A     NAME\nlong  ö\n");
        table.row(vec!["x".into(), "a name".into()]);
        assert_eq!(table.take_text(), "x     a name\n");
    }
}
