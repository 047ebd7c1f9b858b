//! Where in a script an error was thrown, read from QuickJS' stack trace.

/// A place in a file of the test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackPlace {
    /// The file, by its path.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1; 0 if it is not known.
    pub column: u32,
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
}
