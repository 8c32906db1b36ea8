//! Tables and lines for people. What stands in them may be written by anybody: each is kept to one line, and from
//! the terminal what steers it.

use crate::api::text::one_line;

/// The rows with their columns one below the other.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("   ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The lines as a text that has just these lines.
pub(super) fn text(lines: &[String]) -> String {
    lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_a_row_or_a_line_of_ours() {
        let forged = "web\nother   Active\u{1b}[2K";
        let rows = aligned(&[["NAME".to_owned(), "STATE".to_owned()], [forged.to_owned(), "-".to_owned()]]);
        let name = "web\\nother   Active\\u{1b}[2K";
        assert_eq!(rows, [format!("NAME{}   STATE", " ".repeat(name.len() - 4)), format!("{name}   -")]);
        assert_eq!(text(&["a\nb".to_owned(), "c".to_owned()]), "a\\nb\nc");
    }
}
