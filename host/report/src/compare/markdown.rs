//! A comparison in Markdown, for a pull request or the summary page of a CI run.

use std::fmt::{Display, Formatter, Result};

use swell_core::plain::line;

use super::comparison::RunComparison;
use super::method::Method;
use super::ruling::MarginRuling;
use super::table::{FigureComparison, FigureFinding};
use super::words::{Cells, found};

/// Rows of a table; the JSON has all.
const SHOWN_ROWS: usize = 100;

/// See the module's documentation.
pub struct ComparisonInMarkdown<'a>(
    /// What is told.
    pub &'a RunComparison,
);

impl Display for ComparisonInMarkdown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self(comparison) = self;
        writeln!(f, "### Comparison\n")?;
        for (side, runs) in [("A", &comparison.a), ("B", &comparison.b)] {
            let runs: Vec<String> = runs.iter().map(|run| plain(run)).collect();
            writeln!(f, "- **{side}**: {}", runs.join(", "))?;
        }
        for margin in &comparison.margins {
            let word = match margin.ruling {
                MarginRuling::Passed => "ok",
                MarginRuling::Failed => "**failed**",
                MarginRuling::NoData => "**no data**",
            };
            writeln!(f, "- {word}: {} – {}", plain(&margin.rule), plain(&margin.found))?;
        }
        if !comparison.unlike.is_empty() {
            writeln!(f, "\n| not the same | A | B |\n|---|---|---|")?;
        }
        for unlike in &comparison.unlike {
            let [a, b] = [&unlike.a, &unlike.b]
                .map(|all| all.iter().map(|one| plain(one)).collect::<Vec<_>>().join(", "));
            writeln!(f, "| {} | {a} | {b} |", unlike.what)?;
        }
        for remark in &comparison.remarks {
            writeln!(f, "\n{}", plain(remark))?;
        }
        table(f, &comparison.figures, comparison.method)?;
        table(f, &comparison.by_name, comparison.method)?;
        writeln!(f, "\n{}", plain(comparison.method.words()))
    }
}

fn table(f: &mut Formatter<'_>, rows: &[FigureComparison], method: Method) -> Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n| figure | A | B | B to A | 95 % sure | |\n|---|--:|--:|--:|--:|---|")?;
    for row in rows.iter().take(SHOWN_ROWS) {
        let Cells { a, b, change, interval } = Cells::of(row);
        let found = plain(&found(row, method));
        let found =
            if row.finding == FigureFinding::Differs { format!("**{found}**") } else { found };
        let figure = plain(&row.figure);
        writeln!(f, "| {figure} | {a} | {b} | {change} | {interval} | {found} |")?;
    }
    if rows.len() > SHOWN_ROWS {
        writeln!(f, "\n{} more rows: `--out json=FILE` has all.", rows.len() - SHOWN_ROWS)?;
    }
    Ok(())
}

/// A text in which nothing is Markdown or HTML.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in line(text).to_string().chars() {
        match character {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '#' | '~' | '!' | '@' => {
                plain.extend(['\\', character]);
            }
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_else_wrote_is_markup() {
        let shown = plain("a|b <img onerror=x> `c` [d](e)\n@all");
        let right = r"a\|b &lt;img onerror=x&gt; \`c\` \[d\](e)\\n\@all";
        assert_eq!(shown, right);
    }
}
