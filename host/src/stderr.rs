//! What is printed on stderr: nothing waits for it while a run goes on.
//!
//! Stderr may be a pipe that nobody reads, or a terminal that was stopped. A thread that writes
//! there then stands still, and with it the users of the thread or the control of the whole run. So
//! a thread of its own writes, from a queue with a bound. Lines that find the queue full are left
//! out and counted; their number is printed as soon as somebody reads again, or else in the
//! summary.
//!
//! A view that has the whole terminal shows the lines itself: they are held for it, and printed
//! when it gives the terminal back.
#![allow(clippy::disallowed_methods, reason = "what `terminal` has made harmless is written here")]

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes that wait: beside what a pipe itself holds, some thousand lines.
const MAX_BYTES: usize = 256 << 10;
/// How many bytes may wait where a live line renews itself; if nobody saw the earlier lines, the
/// latest is enough.
const MAX_BEFORE_A_FRAME: usize = 4 << 10;
/// The same while they are held for a view: the earliest ones go.
const MAX_HELD_BYTES: usize = 1 << 20;
/// How long the end of the program waits for a reader that takes nothing.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many bytes are written at a time, so that progress shows when a reader takes some.
const PIECE: usize = 4 << 10;
/// The wait before another attempt at a stderr that somebody made non-blocking.
const AGAIN: Duration = Duration::from_millis(10);

static STDERR: LazyLock<Console> = LazyLock::new(|| {
    // The standard library's handle is not used, because a write that never ends would hold its
    // lock.
    match io::stderr().as_fd().try_clone_to_owned() {
        Ok(stderr) => Console::over(std::fs::File::from(stderr)),
        Err(_) => Console::over(io::stderr()),
    }
});

/// Prints a line, which ends with a line end, or leaves it out if too many wait already.
pub(crate) fn add(line: Vec<u8>) {
    STDERR.add(line);
}

/// Waits until all is written, as long as somebody reads.
pub(crate) fn flush() {
    STDERR.flush(PATIENCE);
}

/// Lines that were left out because nobody read.
pub(crate) fn lines_left_out() -> u64 {
    STDERR.lock().left_out
}

/// Shows these lines below all that is said, in place of those before. They are left out where
/// nobody reads: of those that nobody saw the latest are enough.
pub(crate) fn renew(lines: Vec<LiveText>) {
    STDERR.renew(lines, columns());
}

/// Holds back all that is said from now on, once what was said before is written: a view has the
/// terminal.
pub(crate) fn hold() {
    STDERR.hold(columns());
    STDERR.flush(PATIENCE);
}

/// Prints what was held back. Without a hold there is nothing.
pub(crate) fn release() {
    STDERR.release();
}

/// The lines that are held since so many were, and how many those are.
pub(crate) fn held_since(seen: u64) -> (Vec<String>, u64) {
    STDERR.held_since(seen)
}

/// What a view writes on to have stderr's terminal for itself.
///
/// # Errors
/// It is closed.
pub(crate) fn screen() -> io::Result<std::fs::File> {
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

/// A line that renews itself.
#[derive(Clone, Debug)]
pub(crate) struct LiveText {
    /// As it is written.
    pub(crate) text: String,
    /// Columns that it takes.
    pub(crate) columns: usize,
}

/// Where log lines go, one with each call.
pub(crate) struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        STDERR.add(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Console(Arc<SharedLines>);

#[derive(Default)]
struct SharedLines {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    is_writing: bool,
    /// Bytes that the reader has taken.
    taken: u64,
    left_out: u64,
    /// Lines that were left out and not reported yet.
    untold: u64,
    /// Lines that renew themselves: they stand below all that was pushed.
    live: Vec<LiveText>,
    /// What is held back while a view has the terminal.
    held: Option<HeldLines>,
    /// What was held back, to be written before all else.
    released: Option<Vec<u8>>,
}

/// Lines that are held back.
#[derive(Default)]
struct HeldLines {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// How many there were before the first of them.
    gone: u64,
}

impl Console {
    fn over(sink: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(SharedLines::default());
        let of_thread = Arc::clone(&shared);
        // Without a thread all lines are left out, and a run goes on.
        drop(
            std::thread::Builder::new()
                .name("swell-stderr".to_owned())
                .spawn(move || of_thread.write_on(sink)),
        );
        Self(shared)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: Vec<u8>) {
        let mut queue = self.lock();
        if let Some(held) = &mut queue.held {
            let gone = held.add(line);
            queue.left_out += gone;
            return;
        }
        if queue.bytes + line.len() > MAX_BYTES {
            queue.left_out += 1;
            queue.untold += 1;
            return;
        }
        let line = queue.above_live(line);
        queue.push(line);
        self.0.changed.notify_all();
    }

    fn renew(&self, lines: Vec<LiveText>, columns: usize) {
        let mut queue = self.lock();
        if queue.held.is_some() {
            queue.live = lines;
            return;
        }
        // What takes them away is written all the same.
        if queue.bytes > MAX_BEFORE_A_FRAME && !lines.is_empty() {
            return;
        }
        let mut frame = queue.erased(columns);
        queue.live = lines;
        frame.extend(queue.drawn());
        if !frame.is_empty() {
            queue.push(frame);
            self.0.changed.notify_all();
        }
    }

    fn hold(&self, columns: usize) {
        let mut queue = self.lock();
        if queue.held.is_some() {
            return;
        }
        let erased = queue.erased(columns);
        if !erased.is_empty() {
            queue.push(erased);
            self.0.changed.notify_all();
        }
        queue.held = Some(HeldLines::default());
    }

    fn release(&self) {
        let mut queue = self.lock();
        let Some(HeldLines { lines, gone, .. }) = queue.held.take() else { return };
        let told = || format!("{gone} lines were left out here: the view held no more\n");
        let mut all = if gone > 0 { told().into_bytes() } else { Vec::new() };
        lines.into_iter().for_each(|line| all.extend(line));
        all.extend(queue.drawn());
        queue.released = Some(all);
        self.0.changed.notify_all();
    }

    fn held_since(&self, seen: u64) -> (Vec<String>, u64) {
        let queue = self.lock();
        let Some(held) = &queue.held else { return (Vec::new(), seen) };
        let first = usize::try_from(seen.saturating_sub(held.gone)).unwrap_or(usize::MAX);
        let text = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
        let lines = held.lines.iter().skip(first).map(text).collect();
        (lines, held.gone + held.lines.len() as u64)
    }

    fn flush(&self, patience: Duration) {
        let mut queue = self.lock();
        let (mut taken, mut since) = (queue.taken, Instant::now());
        while queue.has_more() {
            if queue.taken != taken {
                (taken, since) = (queue.taken, Instant::now());
            }
            let Some(left) = patience.checked_sub(since.elapsed()) else { return };
            queue =
                self.0.changed.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Queue {
    /// What is said, so that the live lines stand below it.
    fn above_live(&self, said: Vec<u8>) -> Vec<u8> {
        if self.live.is_empty() {
            said
        } else {
            [self.erased(columns()), said, self.drawn()].concat()
        }
    }

    fn erased(&self, columns: usize) -> Vec<u8> {
        let drawn: Vec<usize> = self.live.iter().map(|line| line.columns).collect();
        erased(&drawn, columns).into_bytes()
    }

    fn drawn(&self) -> Vec<u8> {
        let texts: Vec<&str> = self.live.iter().map(|line| line.text.as_str()).collect();
        texts.join("\n").into_bytes()
    }

    fn push(&mut self, piece: Vec<u8>) {
        self.bytes += piece.len();
        self.waiting.push_back(piece);
    }

    /// Whether something is still to be written.
    fn has_more(&self) -> bool {
        let is_told = self.untold == 0 || self.held.is_some();
        self.is_writing || !self.waiting.is_empty() || self.released.is_some() || !is_told
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        if let Some(released) = self.released.take() {
            return Some(released);
        }
        let piece = self.waiting.pop_front();
        if let Some(piece) = &piece {
            self.bytes -= piece.len();
        }
        if self.held.is_some() {
            return piece;
        }
        piece.or_else(|| {
            let untold = std::mem::take(&mut self.untold);
            let told = || format!("{untold} lines were left out here: nobody read them in time\n");
            (untold > 0).then(|| self.above_live(told().into_bytes()))
        })
    }
}

impl HeldLines {
    /// Adds a line, and gives how many had to go for it.
    fn add(&mut self, line: Vec<u8>) -> u64 {
        let before = self.gone;
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > MAX_HELD_BYTES && self.lines.len() > 1 {
            let first = self.lines.pop_front().unwrap_or_default();
            self.bytes -= first.len();
            self.gone += 1;
        }
        self.gone - before
    }
}

impl SharedLines {
    fn write_on(&self, mut sink: impl Write) {
        let lock = || self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut queue = lock();
            let piece = loop {
                match queue.next() {
                    Some(piece) => break piece,
                    None => {
                        queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner)
                    }
                }
            };
            queue.is_writing = true;
            drop(queue);
            for part in piece.chunks(PIECE) {
                if write_part(&mut sink, part).is_err() {
                    // It was closed, or the terminal has ended: there is nobody to tell.
                    break;
                }
                lock().taken += part.len() as u64;
                self.changed.notify_all();
            }
            lock().is_writing = false;
            self.changed.notify_all();
        }
    }
}

fn write_part(sink: &mut impl Write, mut part: &[u8]) -> io::Result<()> {
    while !part.is_empty() {
        match sink.write(part) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => part = &part[count..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
            Err(error) => return Err(error),
        }
    }
    sink.flush()
}

/// What takes the lines that renew themselves away. The cursor stands at the end of the last one.
///
/// A terminal that became narrower since has folded them: most do, and the others keep a line of
/// what was said too few.
fn erased(drawn: &[usize], columns: usize) -> String {
    let rows = |wide: &usize| wide.div_ceil(columns.max(1)).max(1);
    match drawn.iter().map(rows).sum::<usize>() {
        0 => String::new(),
        1 => "\r\x1b[J".to_owned(),
        rows => format!("\r\x1b[{}A\x1b[J", rows - 1),
    }
}

fn columns() -> usize {
    usize::from(console::Term::stderr().size().1)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that takes a write whenever it is let.
    struct Reader {
        lets: mpsc::Receiver<()>,
        read: mpsc::Sender<String>,
    }

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.lets.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let _ = self.read.send(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn console() -> (Console, mpsc::Sender<()>, mpsc::Receiver<String>) {
        let ((letting, lets), (read, reading)) = (mpsc::channel(), mpsc::channel());
        (Console::over(Reader { lets, read }), letting, reading)
    }

    #[test]
    fn nobody_waits_for_a_reader_that_takes_nothing_and_what_is_left_out_is_told_once_it_does() {
        let (console, letting, reading) = console();
        let line = vec![b'x'; 1 << 10];
        let asked = 2 * MAX_BYTES / line.len();
        (0..asked).for_each(|_| console.add(line.clone()));
        console.flush(Duration::from_millis(1));
        let left_out = console.lock().left_out;
        assert!(left_out >= asked as u64 / 2 - 1, "{left_out} of {asked}");
        (0..=asked).for_each(|_| letting.send(()).unwrap());
        console.flush(Duration::from_secs(60));
        let all: Vec<String> = reading.try_iter().collect();
        let told = format!("{left_out} lines were left out here: nobody read them in time\n");
        assert_eq!(all.last(), Some(&told));
        assert_eq!(all.len() as u64, asked as u64 - left_out + 1);
    }

    fn live(texts: &[&str]) -> Vec<LiveText> {
        let line = |text: &&str| LiveText { text: (*text).to_owned(), columns: text.len() };
        texts.iter().map(line).collect()
    }

    #[test]
    fn what_is_said_stands_above_the_live_lines_and_the_last_of_these_takes_them_away() {
        let (console, letting, reading) = console();
        (0..8).for_each(|_| letting.send(()).unwrap());
        console.renew(live(&["one", "two"]), 80);
        console.add(b"said\n".to_vec());
        console.renew(live(&["three"]), 80);
        console.renew(Vec::new(), 80);
        console.renew(Vec::new(), 80);
        console.add(b"more\n".to_vec());
        console.flush(Duration::from_secs(60));
        let up = "\r\x1b[1A\x1b[J";
        let expected = [
            "one\ntwo".to_owned(),
            format!("{up}said\none\ntwo"),
            format!("{up}three"),
            "\r\x1b[J".to_owned(),
            "more\n".to_owned(),
        ];
        assert_eq!(reading.try_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_said_while_a_view_has_the_terminal_is_shown_by_it_and_printed_afterwards() {
        let (console, letting, reading) = console();
        (0..8).for_each(|_| letting.send(()).unwrap());
        console.renew(live(&["one"]), 80);
        console.hold(80);
        console.add(b"first\n".to_vec());
        assert_eq!(console.held_since(0), (vec!["first\n".to_owned()], 1));
        console.renew(live(&["two"]), 80);
        console.add(b"second\n".to_vec());
        assert_eq!(console.held_since(1), (vec!["second\n".to_owned()], 2));
        console.flush(Duration::from_secs(60));
        assert_eq!(reading.try_iter().collect::<Vec<_>>(), ["one", "\r\x1b[J"]);
        console.release();
        console.release();
        console.add(b"third\n".to_vec());
        console.flush(Duration::from_secs(60));
        let expected = ["first\nsecond\ntwo", "\r\x1b[Jthird\ntwo"];
        assert_eq!(reading.try_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_flood_of_lines_that_are_held_keeps_the_latest_and_tells_how_many_went() {
        let (console, letting, reading) = console();
        console.hold(80);
        let lines = 3 * MAX_HELD_BYTES / 1_000;
        (0..lines).for_each(|number| console.add(format!("{number:>999}\n").into_bytes()));
        let left_out = console.lock().left_out;
        assert!((lines as u64 * 2 / 3 - 2..lines as u64).contains(&left_out), "{left_out}");
        let (held, seen) = console.held_since(0);
        assert_eq!((held.len() as u64 + left_out, seen), (lines as u64, lines as u64));
        console.release();
        (0..1_000).for_each(|_| letting.send(()).unwrap());
        console.flush(Duration::from_secs(60));
        let all: String = reading.try_iter().collect();
        assert!(all.starts_with(&format!("{left_out} lines were left out here")), "{all:.99}");
        assert!(all.ends_with(&format!("{}\n", lines - 1)));
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_folded_are_taken_away_whole() {
        assert_eq!(erased(&[100, 40], 120), "\r\x1b[1A\x1b[J");
        assert_eq!(erased(&[100, 40], 60), "\r\x1b[2A\x1b[J");
        assert_eq!(erased(&[0], 60), "\r\x1b[J");
        assert_eq!(erased(&[], 60), "");
    }

    #[test]
    fn a_reader_that_takes_nothing_keeps_no_live_line_waiting_but_the_latest() {
        let (console, letting, reading) = console();
        let long = "x".repeat(1 << 10);
        (0..100).for_each(|_| console.renew(live(&[&long]), 80));
        let waiting = console.lock().bytes;
        assert!(waiting <= 2 * MAX_BEFORE_A_FRAME, "{waiting} bytes");
        console.renew(Vec::new(), 80);
        (0..20).for_each(|_| letting.send(()).unwrap());
        console.flush(Duration::from_secs(60));
        let last = reading.try_iter().last().unwrap_or_default();
        assert!(last.ends_with("A\x1b[J"), "{last:?}");
    }

    #[test]
    fn a_reader_that_is_gone_ends_nothing() {
        let (console, letting, _reading) = console();
        drop(letting);
        (0..100).for_each(|_| console.add(b"line\n".to_vec()));
        console.flush(Duration::from_secs(60));
        assert!(console.lock().waiting.is_empty());
    }
}
