//! Where in a script an error was thrown, read from QuickJS' stack trace.

/// A place in a file of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPlace {
    /// The file, by its path.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1; 0 if it is not known. QuickJS counts bytes, people count characters.
    pub column: u32,
}

/// Where a text has characters of several bytes, so that columns in bytes become columns in
/// characters after the text itself is gone. A text of ASCII takes nothing.
#[derive(Debug, Default)]
pub struct WideCharacters {
    runs: Vec<WideRun>,
}

/// Characters beside each other that have equally many bytes.
#[derive(Debug)]
struct WideRun {
    /// From 1.
    line: u32,
    /// Bytes of the line before it.
    before: u32,
    characters: u32,
    /// Bytes of each.
    width: u32,
}

impl WideRun {
    /// Bytes of the line up to its end.
    fn end(&self) -> u32 {
        self.before + self.characters * self.width
    }
}

impl WideCharacters {
    /// Those of a text.
    pub fn of(text: &str) -> Self {
        let mut runs: Vec<WideRun> = Vec::new();
        for (line, words) in (1..).zip(text.split('\n')).filter(|(_, words)| !words.is_ascii()) {
            for (before, letter) in words.char_indices().filter(|(_, letter)| !letter.is_ascii()) {
                // A text has at most 256 MiB.
                let (before, width) = (before as u32, letter.len_utf8() as u32);
                match runs.last_mut() {
                    Some(run) if (run.line, run.end(), run.width) == (line, before, width) => {
                        run.characters += 1;
                    }
                    _ => runs.push(WideRun { line, before, characters: 1, width }),
                }
            }
        }
        runs.shrink_to_fit();
        Self { runs }
    }

    /// The column in characters of one in bytes.
    pub fn column(&self, line: u32, column: u32) -> u32 {
        let bytes = column.saturating_sub(1);
        let first = self.runs.partition_point(|run| run.line < line);
        let runs = self.runs[first..].iter();
        let before = runs.take_while(|run| run.line == line && run.before < bytes);
        let more = before.map(|run| {
            let characters = run.characters.min((bytes - run.before) / run.width);
            characters * (run.width - 1)
        });
        column - more.sum::<u32>()
    }
}

/// The innermost place of a stack trace that is in one of the script's own files: what the
/// interpreter's modules did there is of no use to whoever wrote the script.
pub fn place(stack: &str, is_own: impl Fn(&str) -> bool) -> Option<StackPlace> {
    stack.lines().filter_map(of_line).find(|place| is_own(&place.file))
}

/// A line of a trace: `at name (file:line:column)`, `at file:line:column`, or without a column.
fn of_line(line: &str) -> Option<StackPlace> {
    let frame = line.trim().strip_prefix("at ")?;
    let frame = match frame.strip_suffix(')') {
        Some(frame) => frame.rsplit_once(" (")?.1,
        None => frame,
    };
    let (rest, last) = frame.rsplit_once(':')?;
    let last: u32 = last.parse().ok()?;
    let with_column =
        rest.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<u32>().ok()?)));
    let (file, line, column) = match with_column {
        Some((file, line)) => (file, line, last),
        None => (rest, last, 0),
    };
    Some(StackPlace { file: file.to_owned(), line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_place_in_a_file_of_ones_own_is_found() {
        let stack = "    at get (k6/http:12:3)\n    at add (lib/my cart.js:4:11)\n    at \
                     <anonymous> (shop.js:9:5)\n";
        let own = |file: &str| !file.starts_with("k6");
        let at =
            |file: &str, line, column| Some(StackPlace { file: file.to_owned(), line, column });
        assert_eq!(place(stack, own), at("lib/my cart.js", 4, 11));
        assert_eq!(place("    at shop.js:3:14\n", own), at("shop.js", 3, 14));
        assert_eq!(place("    at shop.js:3\n", own), at("shop.js", 3, 0));
        for nowhere in ["", "    at native\n", "    at k6/http:1:1\n", "    at f (native)"] {
            assert_eq!(place(nowhere, own), None, "{nowhere}");
        }
    }
    #[test]
    fn a_column_in_bytes_is_one_in_characters() {
        let lines = ["const a = 'x';", "const a = 'äö日本😀'; f('é', g());", "é();"];
        let text = lines.join("\n");
        let wide = WideCharacters::of(&text);
        assert_eq!(wide.runs.len(), 5, "{wide:?}");
        for (line, words) in (1..).zip(lines) {
            for (index, (at, _)) in words.char_indices().enumerate() {
                let column = wide.column(line, at as u32 + 1);
                assert_eq!(column, index as u32 + 1, "line {line}, byte {at}");
            }
            assert_eq!(wide.column(line, 0), 0, "it is not known");
        }
        assert_eq!(wide.column(9, 7), 7, "there is no such line");
        assert!(WideCharacters::of("plain\nASCII").runs.is_empty());
    }
}
