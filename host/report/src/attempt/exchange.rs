//! One request in words: what was sent, what came back, and how long each phase took.

use std::borrow::Cow;
use std::fmt::Write as _;

use swell_core::exchange::Phase;
use swell_core::observer::{ObservedAnswer, ObservedExchange, ObservedHop};
use swell_core::plain::{in_one_line, line, page};
use swell_core::units::{counted, grouped};

use super::words::{PrintedLines, time};
use crate::sheet::{Piece, Tone};

/// Of a body at most so many bytes are shown, and so many lines: where it begins.
const PIECE: usize = 1_024;
const PIECE_LINES: usize = 12;

/// The lines of a request.
pub(super) fn print(exchanged: &ObservedExchange, is_full: bool) -> PrintedLines {
    let mut lines = Vec::new();
    if exchanged.hops.is_empty() {
        lines.push(vec![Tone::Title.of(line(&exchanged.asked).to_string())]);
    }
    for hop in &exchanged.hops {
        lines.push(headline(hop));
        sent(hop, is_full, &mut lines);
        if let Some(answer) = &hop.answer {
            received(answer, hop, is_full, &mut lines);
        }
        lines.push(vec!["  ".into(), Tone::Faint.of(phases(hop))]);
        if let Some(error) = &hop.error {
            lines.push(vec!["  ".into(), Tone::Bad.of(in_one_line(&error.words))]);
        }
    }
    let told = exchanged.hops.last().and_then(|hop| Some(&hop.error.as_ref()?.words));
    if let Some(failure) = exchanged.failure.as_ref().filter(|failure| told != Some(*failure)) {
        lines.push(vec!["  failed: ".into(), Tone::Bad.of(in_one_line(failure))]);
    }
    lines
}

fn headline(hop: &ObservedHop) -> Vec<Piece> {
    let asked = Tone::Title.of(format!("{} {}", line(&hop.method), line(&hop.url)));
    let took = time(hop.phases.total());
    match &hop.answer {
        None => vec![asked, Tone::Bad.of(" no answer"), format!(" after {took}").into()],
        Some(answer) => {
            let tone = match answer.status {
                101 | 200..=299 => Tone::Good,
                300..=399 => Tone::Doubtful,
                _ => Tone::Bad,
            };
            let status = tone.of(format!(" {} {}", answer.status, answer.reason));
            vec![asked, status, format!(" in {took}").into()]
        }
    }
}

fn sent(hop: &ObservedHop, is_full: bool, lines: &mut PrintedLines) {
    let version = hop.version.unwrap_or_default();
    let first = format!("{} {} {version}", hop.method, path(&hop.url));
    head('>', first.trim_end(), &hop.headers, lines);
    body(&hop.body, is_full, lines);
}

fn received(answer: &ObservedAnswer, hop: &ObservedHop, is_full: bool, lines: &mut PrintedLines) {
    let version = hop.version.unwrap_or_default();
    let first = format!("{version} {} {}", answer.status, answer.reason);
    head('<', first.trim(), &answer.headers, lines);
    body(&answer.body, is_full, lines);
    if let Some(lacks) = &answer.body_lacks {
        let received = counted(answer.received, "byte");
        lines.push(aside(&format!("{received} were received; {lacks}")));
    }
}

/// The first line of a message, and its headers.
fn head(mark: char, first: &str, headers: &[(String, String)], lines: &mut PrintedLines) {
    let mut push =
        |text: &str| lines.push(vec![Tone::Faint.of(format!("  {mark} {}", line(text)))]);
    push(first);
    for (name, value) in headers {
        push(&format!("{name}: {value}"));
    }
}

/// A word of ours among the lines of a body.
fn aside(words: &str) -> Vec<Piece> {
    vec![Tone::Faint.of(format!("    {}", in_one_line(words)))]
}

/// A body that is text, as far as it is to be shown; of another its size.
fn body(bytes: &[u8], is_full: bool, lines: &mut PrintedLines) {
    let Some(text) = text(bytes).filter(|text| !text.is_empty()) else {
        if !bytes.is_empty() {
            let size = counted(bytes.len() as u64, "byte");
            lines.push(aside(&format!("({size} that are no text)")));
        }
        return;
    };
    let most = if is_full { text.len() } else { text.floor_char_boundary(PIECE) };
    let most_lines = if is_full { usize::MAX } else { PIECE_LINES };
    let mut shown = 0;
    for part in text[..most].split_inclusive('\n').take(most_lines) {
        shown += part.len();
        let part = part.trim_end_matches(['\n', '\r']).replace('\t', "    ");
        lines.push(vec![format!("    {}", page(part)).into()]);
    }
    let left = text.len() - shown;
    if left > 0 {
        lines.push(aside(&format!("… {} more (--full shows all)", counted(left as u64, "byte"))));
    }
}

/// The bytes as text, if they are any; its last character may be cut.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text).filter(|text| !text.contains('\0')).map(Cow::Borrowed),
        Err(error) if error.error_len().is_none() && error.valid_up_to() > 0 => {
            text(&bytes[..error.valid_up_to()])
        }
        Err(_) => None,
    }
}

fn phases(hop: &ObservedHop) -> String {
    let mut text = String::new();
    for phase in Phase::ALL {
        let took = hop.phases.get(phase);
        if !took.is_zero() {
            let _ = write!(text, "{} {}, ", phase.name(), time(took));
        }
    }
    let connection = if hop.version.is_none() {
        "no connection".to_owned()
    } else if hop.reused {
        "over the connection of before".to_owned()
    } else {
        "over a new connection".to_owned()
    };
    let received = hop.answer.as_ref().map_or(0, |answer| answer.received);
    if received > 0 {
        let _ = write!(text, "{} bytes of body, ", grouped(received));
    }
    text + &connection
}

/// What of a URL stands in the first line of a request.
fn path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find(['/', '?']).map_or("/", |at| &rest[at..]);
    line(path.split('#').next().unwrap_or("/")).to_string()
}
