//! The host on a terminal of its own, with a keyboard, a size, and a screen that can be read.
//!
//! The terminal is a pseudo-terminal of the kernel, and the host stands in front on it: Ctrl-C and
//! Ctrl-Z are made by its driver, as on any other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use rustix::termios::{LocalModes, Winsize as Size, tcgetattr, tcsetwinsize};

use crate::{Finished, Host, Running, wait_until};

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// The host at work on a terminal. Dropped before its end, it is killed.
#[derive(Debug)]
pub struct OnTerminal {
    /// The host.
    pub running: Running,
    keyboard: File,
    /// The host's side, which keeps the terminal when the host ends.
    line: OwnedFd,
    written: Arc<Mutex<Vec<u8>>>,
}

/// What a terminal has been sent.
#[derive(Debug, Default)]
struct Sent {
    /// The other screen, as a full-screen program has it; nothing while the ordinary one is shown.
    screen: Option<BTreeMap<(usize, usize), char>>,
    /// What was printed on the ordinary one, without anything that moves or colours.
    printed: String,
}

impl OnTerminal {
    /// Starts the host on a terminal of this size.
    ///
    /// # Panics
    /// The machine gives no terminal.
    pub fn start(host: Host, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("there are pseudo-terminals");
        let end = || pty.slave.try_clone().expect("it can be shared");
        let host = host.by("setsid", &["--ctty"]).stdin(end()).stdout(end()).stderr(end());
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let mut reader = File::from(pty.master.try_clone().expect("it can be shared"));
        let sink = Arc::clone(&written);
        // It ends with the terminal.
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut chunk) {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                sink.extend_from_slice(&chunk[..read]);
            }
        });
        let running = host.env("TERM", "xterm-256color").start();
        Self { running, keyboard: pty.master.into(), line: pty.slave, written }
    }

    /// Presses keys.
    ///
    /// # Panics
    /// The terminal has ended.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Gives it another size.
    ///
    /// # Panics
    /// The terminal has ended.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Size { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keyboard, size).expect("the terminal takes a size");
    }

    /// The screen of a full-screen program, line by line; empty where there is none.
    pub fn screen(&self) -> String {
        let mut text = String::new();
        let (mut row, mut column) = (0, 0);
        for ((at_row, at_column), character) in self.sent().screen.unwrap_or_default() {
            while row < at_row {
                text.push('\n');
                (row, column) = (row + 1, 0);
            }
            text.extend(std::iter::repeat_n(' ', at_column.saturating_sub(column)));
            text.push(character);
            column = at_column + 1;
        }
        text
    }

    /// What was printed on the ordinary screen.
    pub fn printed(&self) -> String {
        self.sent().printed
    }

    /// Whether the other screen is shown.
    pub fn is_full_screen(&self) -> bool {
        self.sent().screen.is_some()
    }

    /// Whether keys are shown as they are typed, and read line by line: as a shell wants it.
    ///
    /// # Panics
    /// The terminal does not say.
    pub fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.line).expect("it is a terminal").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// Waits until the full screen shows these words.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn wait_for(&self, words: &str) {
        self.wait_until(words, || self.screen().contains(words));
    }

    /// Waits until something is so.
    ///
    /// # Panics
    /// It does not become so: with all that is seen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = std::time::Instant::now();
        while !is_so() {
            assert!(
                begun.elapsed() < PATIENCE,
                "waited in vain for {what}\nthe screen:\n{}\nprinted:\n{}",
                self.screen(),
                self.printed()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Waits for the end of the host; gives it with what was printed on the ordinary screen.
    ///
    /// # Panics
    /// The deadline passes.
    pub fn finish(mut self) -> (Finished, String) {
        wait_until(PATIENCE, "the end of the host", || self.running.has_ended().then_some(()));
        // What it wrote last is on its way still.
        let mut before = usize::MAX;
        wait_until(PATIENCE, "the end of its output", || {
            std::thread::park_timeout(Duration::from_millis(100));
            let length = self.written.lock().unwrap_or_else(PoisonError::into_inner).len();
            (std::mem::replace(&mut before, length) == length).then_some(())
        });
        let printed = self.printed();
        assert!(!self.is_full_screen() && self.is_as_before(), "the terminal is given back");
        (self.running.wait(), printed)
    }

    fn sent(&self) -> Sent {
        let bytes = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        Sent::of(&String::from_utf8_lossy(&bytes))
    }
}

impl Sent {
    fn of(text: &str) -> Self {
        let (mut sent, mut at) = (Self::default(), (0, 0));
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            if character == '\x1b' && rest.starts_with('[') {
                let is_end = |c: char| ('\x40'..='\x7e').contains(&c);
                let Some(end) = rest[1..].find(is_end).map(|end| end + 1) else { break };
                sent.control(&rest[1..end], &rest[end..=end], &mut at);
                rest = &rest[end + 1..];
                continue;
            }
            match &mut sent.screen {
                Some(screen) if !character.is_control() => {
                    screen.insert(at, character);
                    at.1 += 1;
                }
                Some(_) => {}
                None => sent.printed.extend(Some(character).filter(|c| *c != '\r')),
            }
        }
        sent
    }

    fn control(&mut self, of: &str, what: &str, at: &mut (usize, usize)) {
        match (what, of) {
            ("h", "?1049") => self.screen = Some(BTreeMap::new()),
            ("l", "?1049") => self.screen = None,
            ("H", of) => {
                let mut numbers = of.split(';').map(|number| number.parse().unwrap_or(1) - 1);
                *at = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            }
            ("J", of) => {
                let from = if of == "2" { (0, 0) } else { *at };
                if let Some(screen) = &mut self.screen {
                    screen.retain(|place, _| *place < from);
                }
            }
            _ => {}
        }
    }
}
