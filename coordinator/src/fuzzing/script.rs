//! Bytes as a list of what is to happen.

/// Bytes that are read as what is to happen, one after the other, until there are none left.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    /// The next byte.
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// Bytes with their number before them, or as many as there are.
    pub(super) fn piece(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?).min(self.0.len());
        self.0.split_off(..length)
    }
}
