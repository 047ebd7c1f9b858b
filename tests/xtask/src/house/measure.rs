//! The lengths of lines, functions and files.

use super::tokens::{after_group, tokens};

/// Columns of code and comments, as `.rustfmt.toml` says; rustfmt leaves what it cannot break.
pub(super) const MAX_COLUMNS: usize = 100;

/// A function that is longer tells more than one thing.
pub(super) const MAX_FUNCTION_LINES: usize = 79;

/// A file with more lines is shown: whether it is one story, a reader must say.
pub(super) const LONG_FILE_LINES: usize = 500;

/// No story has been longer. Nearly all files end below 400; who comes here has put a second one
/// into the same file, or tests that have outgrown the code and want a file of their own.
pub(super) const MAX_FILE_LINES: usize = 700;

/// A stretch of lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FunctionLines<'a> {
    pub(super) name: &'a str,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// The numbers of lines that are too wide.
pub(super) fn wide_lines(text: &str) -> Vec<usize> {
    let wide = |line: &&str| line.chars().count() > MAX_COLUMNS;
    (1..).zip(text.lines()).filter(|(_, line)| wide(line)).map(|(number, _)| number).collect()
}

/// All functions with a body, those in others too.
pub(super) fn functions(text: &str) -> Vec<FunctionLines<'_>> {
    let tokens = tokens(text);
    let mut functions = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        let [keyword, name] = pair else { continue };
        if !(keyword.is("fn") && name.is_word()) {
            continue;
        }
        let mut open = at + 2;
        while tokens.get(open).is_some_and(|token| !token.is("{") && !token.is(";")) {
            open = if tokens[open].opens() { after_group(&tokens, open) } else { open + 1 };
        }
        if tokens.get(open).is_some_and(|token| token.is("{")) {
            let end = tokens[after_group(&tokens, open) - 1].line;
            let (name, line) = (name.text, keyword.line);
            functions.push(FunctionLines { name, line, lines: end - line + 1 });
        }
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_is_counted_in_characters() {
        let text = format!("{}\n{}\nshort\n", "ü".repeat(100), "x".repeat(101));
        assert_eq!(wide_lines(&text), [2]);
    }

    #[test]
    fn a_function_is_as_long_as_from_its_name_to_the_end_of_its_body() {
        let text = "\
trait T {
    fn none();
}
fn outer(
    a: fn(u8),
) -> [u8; 3] {
    fn inner() {}
    \"}\";
}
";
        let found = functions(text);
        assert_eq!(
            found,
            [
                FunctionLines { name: "outer", line: 4, lines: 6 },
                FunctionLines { name: "inner", line: 7, lines: 1 },
            ]
        );
    }
}
