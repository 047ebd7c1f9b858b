//! The terminal while a view has it: its other screen, without a cursor, and keys as they are
//! pressed.
//!
//! Whatever happens, it is given back as it was: at the end, when the process is stopped, and when
//! a thread panics, so that the words of the panic are read where they are looked for. There is one
//! terminal, so what is known of it is the process's.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use ratatui::backend::{Backend, TermionBackend};
use ratatui::layout::Rect;
use ratatui::termion::screen::{ToAlternateScreen, ToMainScreen};
use ratatui::termion::{clear, cursor, style};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcgetwinsize,
    tcsetattr,
};

use crate::stderr;

/// The terminal that a view has, if one has it.
static TAKEN: Mutex<Option<TakenTty>> = Mutex::new(None);
/// Whether no view may take it any more.
static IS_GIVEN_UP: AtomicBool = AtomicBool::new(false);
/// Held while somebody writes to it.
static WRITES: Mutex<()> = Mutex::new(());
/// The panic hook is set once.
static HOOK: Once = Once::new();

/// Bytes of a screen that are written at once: a large one in full.
const BUFFER: usize = 64 << 10;

/// Columns and rows of a terminal that does not say.
const UNTOLD: (u16, u16) = (80, 24);

/// How long who gives the terminal back waits for a write to end.
const MOMENT: Duration = Duration::from_millis(200);

/// What is needed to give it back.
struct TakenTty {
    keys: File,
    out: File,
    /// How its driver was set.
    modes: Termios,
}

/// See the module's documentation.
pub(crate) struct Tty {
    screen: Terminal<TermionBackend<BufWriter<File>>>,
    keys: File,
    out: File,
    size: Rect,
    /// How its driver was set when it was first taken.
    modes: Option<Termios>,
    /// Whether nobody can press a key any more.
    is_deaf: bool,
}

impl Tty {
    /// The terminal of this process, which is not taken yet.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn new() -> io::Result<Self> {
        Self::of(io::stdin().as_fd().try_clone_to_owned()?.into(), stderr::screen()?)
    }

    /// The terminal on which keys are read here, and that shows what is written there.
    fn of(keys: File, out: File) -> io::Result<Self> {
        let size = size(&out)?;
        let backend = TermionBackend::new(BufWriter::with_capacity(BUFFER, out.try_clone()?));
        let options = TerminalOptions { viewport: Viewport::Fixed(size) };
        let screen = Terminal::with_options(backend, options)?;
        Ok(Self { screen, keys, out, size, modes: None, is_deaf: false })
    }

    /// Takes it, or makes sure of it where somebody else has had it meanwhile. A process in the
    /// background has none: what it took is its shell's again, which has set it as it likes.
    ///
    /// # Errors
    /// The terminal refuses.
    pub(crate) fn take(&mut self) -> io::Result<()> {
        let is_behind = tcgetpgrp(&self.keys).is_ok_and(|front| front != getpgrp());
        if is_behind {
            *taken() = None;
        }
        if is_behind || Self::is_given_up() {
            return Ok(());
        }
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                // It belongs to the words that follow.
                if Self::is_taken() {
                    IS_GIVEN_UP.store(true, Ordering::Relaxed);
                    Self::restore();
                }
                before(panic);
            }));
        });
        // A shell may set it for a process that comes back as that has left it.
        let mut modes = match self.modes.take() {
            Some(modes) => modes,
            None => tcgetattr(&self.keys)?,
        };
        self.modes = Some(modes.clone());
        let mut taken = taken();
        if taken.is_none() {
            let (keys, out) = (self.keys.try_clone()?, self.out.try_clone()?);
            *taken = Some(TakenTty { keys, out, modes: modes.clone() });
        }
        drop(taken);
        // The driver still makes signals of Ctrl-C and Ctrl-Z, for all who stand in front.
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&self.keys, OptionalActions::Now, &modes)?;
        let _writes = WRITES.lock().unwrap_or_else(PoisonError::into_inner);
        write!(self.out, "{ToAlternateScreen}{}{}", cursor::Hide, clear::All)?;
        self.size = size(&self.out)?;
        self.clear()
    }

    /// Whether a view has it.
    pub(crate) fn is_taken() -> bool {
        taken().is_some()
    }

    /// Whether it was given back for ever, as a thread panicked.
    pub(crate) fn is_given_up() -> bool {
        IS_GIVEN_UP.load(Ordering::Relaxed)
    }

    /// Gives it back as it was.
    pub(crate) fn restore() {
        let Some(TakenTty { keys, mut out, modes }) = taken().take() else { return };
        // Whoever writes may have panicked, or wait for a terminal that takes nothing.
        let since = Instant::now();
        let mut writes = WRITES.try_lock();
        while writes.is_err() && since.elapsed() < MOMENT {
            std::thread::yield_now();
            writes = WRITES.try_lock();
        }
        // There is nobody to tell of a terminal that is gone, and one that takes nothing is not
        // waited for.
        let has_room = poll(&mut [PollFd::new(&out, PollFlags::OUT)], Some(&Timespec::default()));
        if has_room == Ok(1) {
            let _ = write!(out, "{}{}{ToMainScreen}", style::Reset, cursor::Show);
        }
        let _ = tcsetattr(&keys, OptionalActions::Now, &modes);
    }

    /// Draws on it, where it is taken. Only what has changed is written.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let writes = WRITES.lock().unwrap_or_else(PoisonError::into_inner);
        if Self::is_taken() {
            self.screen.draw(draw)?;
        }
        drop(writes);
        Ok(())
    }

    /// Whether it has another size than before; it is then drawn anew.
    ///
    /// # Errors
    /// The terminal is gone.
    pub(crate) fn is_resized(&mut self) -> io::Result<bool> {
        let size = size(&self.out)?;
        let is_other = size != self.size;
        if is_other && Self::is_taken() {
            self.size = size;
            let _writes = WRITES.lock().unwrap_or_else(PoisonError::into_inner);
            self.clear()?;
        }
        Ok(is_other)
    }

    /// Has everything drawn anew, at its size.
    fn clear(&mut self) -> io::Result<()> {
        self.screen.resize(self.size)?;
        // What waits here would be written after the terminal was given back.
        Backend::flush(self.screen.backend_mut())
    }

    /// The bytes of keys that are pressed within a while; none where nothing can be read any more.
    pub(crate) fn read(&mut self, wait: Duration) -> Vec<u8> {
        if self.is_deaf || !Self::is_taken() {
            std::thread::park_timeout(wait);
            return Vec::new();
        }
        let mut polled = [PollFd::new(&self.keys, PollFlags::IN)];
        let wait = Timespec::try_from(wait).ok();
        if !matches!(poll(&mut polled, wait.as_ref()), Ok(1..)) {
            return Vec::new();
        }
        let mut bytes = [0; 256];
        match rustix::io::read(&self.keys, &mut bytes) {
            Ok(read @ 1..) => bytes[..read].to_vec(),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Vec::new(),
            // The terminal has ended. Signals tell what that means.
            Ok(_) | Err(_) => {
                self.is_deaf = true;
                Vec::new()
            }
        }
    }
}

fn taken() -> MutexGuard<'static, Option<TakenTty>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Columns and rows.
fn size(out: &File) -> io::Result<Rect> {
    let size = tcgetwinsize(out)?;
    let is_told = size.ws_col > 0 && size.ws_row > 0;
    let (columns, rows) = if is_told { (size.ws_col, size.ws_row) } else { UNTOLD };
    Ok(Rect::new(0, 0, columns, rows))
}

#[cfg(test)]
mod tests {
    use nix::pty::openpty;

    use super::*;

    #[test]
    fn a_panic_gives_the_terminal_back_before_its_words_and_no_view_takes_it_again() {
        let pty = openpty(None, None).expect("there are pseudo-terminals");
        let line = || File::from(pty.slave.try_clone().expect("it can be shared"));
        let is_as_before = || {
            let modes = tcgetattr(line()).expect("it is a terminal").local_modes;
            modes.contains(LocalModes::ICANON | LocalModes::ECHO)
        };
        let mut tty = Tty::of(line(), line()).expect("it is a terminal");
        tty.take().expect("nobody else has it");
        assert!(Tty::is_taken() && !is_as_before());
        let panics = std::thread::spawn(|| panic!("as a test has it"));
        assert!(panics.join().is_err());
        assert!(!Tty::is_taken() && Tty::is_given_up() && is_as_before());
        tty.take().expect("it is not taken");
        assert!(is_as_before());
        drop((tty, line()));
        let mut shown = [0; 4096];
        let read = rustix::io::read(&pty.master, &mut shown).expect("something was written");
        let shown = String::from_utf8_lossy(&shown[..read]);
        assert!(shown.contains("\x1b[?1049h") && shown.ends_with("\x1b[?1049l"), "{shown:?}");
    }
}
