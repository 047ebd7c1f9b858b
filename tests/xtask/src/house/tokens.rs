//! The words of a Rust file, with the line of each; comments are left out.
//!
//! Enough for names, paths and braces. A parser of the whole language would be a dependency that
//! takes longer to build than these commands may take to start.

/// One word, number, literal or sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodeToken<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    /// Counted from 1.
    pub(super) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or keyword; `r#type` is `type`.
    Word,
    /// Text, with its quotation marks.
    Text,
    /// A character, a number or a lifetime.
    Other,
    /// One character of punctuation, or `::`.
    Sign,
}

impl CodeToken<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text && self.kind != TokenKind::Text
    }

    pub(super) fn is_word(&self) -> bool {
        self.kind == TokenKind::Word
    }

    pub(super) fn opens(&self) -> bool {
        self.kind == TokenKind::Sign && matches!(self.text, "(" | "[" | "{")
    }

    pub(super) fn closes(&self) -> bool {
        self.kind == TokenKind::Sign && matches!(self.text, ")" | "]" | "}")
    }
}

/// The tokens of this text. A text that does not compile gives some tokens as well.
pub(super) fn tokens(text: &str) -> Vec<CodeToken<'_>> {
    let (mut found, mut line, mut rest) = (Vec::new(), 1, text);
    while !rest.is_empty() {
        let (kind, length) = next(rest);
        let (token, after) = rest.split_at(length);
        if let Some(kind) = kind {
            let text =
                token.strip_prefix("r#").filter(|_| kind == TokenKind::Word).unwrap_or(token);
            found.push(CodeToken { kind, text, line });
        }
        line += token.matches('\n').count();
        rest = after;
    }
    found
}

/// The index after the bracket that closes the one at `open`, or the end.
pub(super) fn after_group(tokens: &[CodeToken<'_>], open: usize) -> usize {
    let mut depth = 0usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        if token.opens() {
            depth += 1;
        } else if token.closes() {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return index + 1;
            }
        }
    }
    tokens.len()
}

/// What this text begins with, and its length in bytes; no kind for space and comments.
fn next(text: &str) -> (Option<TokenKind>, usize) {
    let mut characters = text.chars();
    let first = characters.next().unwrap_or_default();
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if text.starts_with("//") {
        return (None, text.find('\n').unwrap_or(text.len()));
    }
    if text.starts_with("/*") {
        return (None, comment(text));
    }
    if let Some(length) = quoted(text) {
        return (Some(TokenKind::Text), length);
    }
    if let Some(name) = text.strip_prefix("r#") {
        return (Some(TokenKind::Word), 2 + word(name));
    }
    if is_of_word(first) {
        let kind = if first.is_ascii_digit() { TokenKind::Other } else { TokenKind::Word };
        return (Some(kind), word(text));
    }
    if first == '\'' {
        return (Some(TokenKind::Other), character(text));
    }
    let length = if text.starts_with("::") { 2 } else { first.len_utf8() };
    (Some(TokenKind::Sign), length)
}

fn is_of_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn word(text: &str) -> usize {
    text.find(|character| !is_of_word(character)).unwrap_or(text.len())
}

/// The length of a comment between `/*` and `*/`, which may have others in it.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

/// The length of a text of whichever kind that begins here.
fn quoted(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""];
    prefix.iter().find_map(|prefix| {
        let rest = text.strip_prefix(prefix)?;
        if !prefix.ends_with('r') {
            return rest.starts_with('"').then(|| prefix.len() + until_mark(rest, '"'));
        }
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        let body = rest[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", &rest[..hashes]);
        let length = body.find(&end).map_or(body.len(), |at| at + end.len());
        Some(prefix.len() + hashes + 1 + length)
    })
}

/// The length of what stands between two of these marks, with both.
fn until_mark(text: &str, mark: char) -> usize {
    let mut escaped = true;
    for (at, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == mark {
            return at + 1;
        }
    }
    text.len()
}

/// The length of a character or of a lifetime, which both begin with an apostrophe.
fn character(text: &str) -> usize {
    let mut inside = text[1..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => until_mark(text, '\''),
        _ => 1 + word(&text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_and_signs_are_told_apart_and_paths_kept_together() {
        assert_eq!(texts("a::b<'a>(1_0u8)"), ["a", "::", "b", "<", "'a", ">", "(", "1_0u8", ")"]);
        assert_eq!(texts("r#type br"), ["type", "br"]);
    }

    #[test]
    fn what_stands_in_texts_characters_and_comments_is_no_word() {
        let found = texts(
            r####"x("fn \" {", r#"a"}"#, b'\'', '{', '\u{7f}') // fn }
            /* { /* { */ */ y"####,
        );
        let expected =
            ["x", "(", r#""fn \" {""#, ",", r##"r#"a"}"#"##, ",", "b", r"'\''", ",", "'{'", ","];
        assert_eq!(found[..11], expected);
        assert_eq!(found[11..], [r"'\u{7f}'", ")", "y"]);
    }

    #[test]
    fn each_token_knows_its_line() {
        let lines: Vec<usize> =
            tokens("a\n\"two\nlines\" b /*\n*/ c").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }

    #[test]
    fn a_group_ends_where_its_own_bracket_does() {
        let all = tokens("{ a(b[c]) } d");
        assert_eq!(all[after_group(&all, 0)].text, "d");
        assert_eq!(after_group(&tokens("( a"), 0), 2);
    }
}
