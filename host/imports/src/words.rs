//! The words of a command line as browsers copy it: for a Unix shell, or for Windows' `cmd`.
//!
//! No library reads both `$'…'` and `^"`, and these two are what browsers write.

use crate::not_imported::NotImported;

/// The commands of a text, each with its words. Ends of lines, `;`, `&&`, `&` and `|` divide them.
pub(crate) fn commands(text: &str) -> Result<Vec<Vec<String>>, NotImported> {
    let text = text.replace("\r\n", "\n");
    let is_cmd = text.contains("^\"") || text.lines().any(|line| line.trim_end().ends_with(" ^"));
    let text = if is_cmd { without_carets(&text) } else { text };
    WordsReader { rest: text.chars().peekable(), line: 1, is_cmd }.commands()
}

/// What `cmd` hands to the program: a caret takes the meaning from what follows it.
fn without_carets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    let mut in_quotes = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                in_quotes = !in_quotes;
                out.push(c);
            }
            '^' if !in_quotes => match chars.next() {
                Some('\n') => match chars.clone().next() {
                    // An empty line after it is how an end of line is written within a word.
                    Some('\n') => {
                        chars.next();
                        out.push('\n');
                    }
                    _ => out.push(' '),
                },
                Some(next) => out.push(next),
                None => {}
            },
            c => out.push(c),
        }
    }
    out
}

struct WordsReader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    is_cmd: bool,
}

impl WordsReader<'_> {
    fn commands(mut self) -> Result<Vec<Vec<String>>, NotImported> {
        let (mut commands, mut words) = (Vec::new(), Vec::new());
        let mut word: Option<String> = None;
        while let Some(c) = self.next() {
            match c {
                '\n' | ';' | '&' | '|' => {
                    words.extend(word.take());
                    if !words.is_empty() {
                        commands.push(std::mem::take(&mut words));
                    }
                }
                c if c.is_whitespace() => words.extend(word.take()),
                '#' if word.is_none() => {
                    while self.rest.peek().is_some_and(|c| *c != '\n') {
                        self.next();
                    }
                }
                '\'' if !self.is_cmd => {
                    let text = self.single()?;
                    word.get_or_insert_default().push_str(&text);
                }
                '"' => {
                    let text = self.double()?;
                    word.get_or_insert_default().push_str(&text);
                }
                '$' if self.rest.peek() == Some(&'\'') && !self.is_cmd => {
                    self.next();
                    let text = self.ansi()?;
                    word.get_or_insert_default().push_str(&text);
                }
                '\\' if !self.is_cmd => match self.next() {
                    Some('\n') | None => {}
                    Some(next) => word.get_or_insert_default().push(next),
                },
                c => word.get_or_insert_default().push(c),
            }
        }
        words.extend(word);
        if !words.is_empty() {
            commands.push(words);
        }
        Ok(commands)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    /// The next character within quotes.
    fn within(&mut self, quote: &'static str, begun: usize) -> Result<char, NotImported> {
        self.next().ok_or(NotImported::OpenQuote { quote, line: begun })
    }

    fn single(&mut self) -> Result<String, NotImported> {
        let (begun, mut text) = (self.line, String::new());
        loop {
            match self.within("'", begun)? {
                '\'' => return Ok(text),
                c => text.push(c),
            }
        }
    }

    fn double(&mut self) -> Result<String, NotImported> {
        let (begun, mut text) = (self.line, String::new());
        loop {
            match self.within("\"", begun)? {
                '"' => return Ok(text),
                '\\' => match self.within("\"", begun)? {
                    '\n' => {}
                    c @ ('"' | '\\' | '$' | '`') => text.push(c),
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
    }

    /// Bash's `$'…'`, in which escapes are as in C.
    fn ansi(&mut self) -> Result<String, NotImported> {
        let (begun, mut bytes) = (self.line, Vec::new());
        let mut push = |c: char| bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        loop {
            match self.within("$'", begun)? {
                '\'' => break,
                '\\' => match self.within("$'", begun)? {
                    'n' => push('\n'),
                    'r' => push('\r'),
                    't' => push('\t'),
                    'u' => push(self.code(4)),
                    'U' => push(self.code(8)),
                    'x' => push(self.code(2)),
                    c => push(c),
                },
                c => push(c),
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A character by its number, in at most so many hexadecimal digits.
    fn code(&mut self, digits: usize) -> char {
        let mut number = 0;
        for _ in 0..digits {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(16)) else { break };
            number = number * 16 + digit;
            self.next();
        }
        char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}
