//! Keys, and what they ask for.

/// A key, as far as the view knows any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter, digit or sign, space included.
    Char(char),
    /// The arrow up.
    Up,
    /// The arrow down.
    Down,
    /// The arrow to the left.
    Left,
    /// The arrow to the right.
    Right,
    /// Ten times as far up or back.
    PageUp,
    /// Ten times as far down or on.
    PageDown,
    /// To the beginning.
    Home,
    /// To the end.
    End,
    /// To the next run.
    Tab,
    /// Whatever closes what was opened.
    Escape,
}

/// What a key asks of whoever does the runs.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyRequest {
    /// The run of this name is to begin nothing (`true`), or to begin again.
    Pause(String, bool),
    /// The run of this name is to end as Ctrl-C has it; a second time, what is under way is cut
    /// off.
    Stop(String),
    /// The run of this name is to follow another goal, in starts a second.
    Goal(String, f64),
    /// The view is to be closed; runs go on.
    Close,
}

/// Keys of a run that goes on, with what they do.
pub(crate) const LIVE: [(&str, &str); 6] = [
    ("p", "pause: nothing begins any more"),
    ("r", "resume"),
    ("s", "stop this run as Ctrl-C does, after a question"),
    ("+ -", "a tenth more, a tenth less of the goal"),
    ("q", "close this view; the run goes on with its live line"),
    ("Ctrl-C", "end all runs, cut off what is under way; a cluster's run: ask first"),
];

/// Keys of a record, with what they do.
pub(crate) const REPLAY: [(&str, &str); 6] = [
    ("space", "play, or stand still"),
    ("← →", "a second back, a second on"),
    ("PgUp PgDn", "ten seconds back, ten seconds on"),
    ("Home End", "to the beginning, to the end"),
    ("+ -", "twice as fast, half as fast"),
    ("q", "close"),
];

/// Keys of both.
pub(crate) const BOTH: [(&str, &str); 6] = [
    ("w", "window: 10 s, 1 min, 5 min, the whole run"),
    ("o", "order of the transactions"),
    ("↑ ↓", "scroll the transactions"),
    ("v", "what stands below, where there is no room for all"),
    ("Tab", "the next run, where there are several"),
    ("?", "this help"),
];
