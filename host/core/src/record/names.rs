//! How many names a run tells apart, and how long they may be.

/// Names of transactions, of checks or of metrics that one run tells apart.
pub const MAX_NAMES: usize = 1_000;
/// Bytes of the longest name.
pub const MAX_NAME_LEN: usize = 128;
/// The row of names beyond [`MAX_NAMES`].
pub(super) const OTHER: &str = "other";
