//! Why a file is no feed, with the line.

/// Why a file is no feed: the file's fault with its line, or the system's.
pub(super) enum Unread {
    Line(u64, String),
    Io(std::io::Error),
}

/// The text of these bytes of a line.
pub(super) fn text(bytes: &[u8], line: u64) -> Result<&str, Unread> {
    if bytes.contains(&0) {
        return Err(Unread::Line(
            line,
            "there is a NUL byte; is this a text file, and in UTF-8?".into(),
        ));
    }
    std::str::from_utf8(bytes).map_err(|_| {
        let reason = "this is no UTF-8\nhelp: if it is Latin-1, convert it: iconv -f LATIN1 -t \
        UTF-8 OLD > NEW";
        Unread::Line(line, reason.into())
    })
}

impl From<std::io::Error> for Unread {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}
