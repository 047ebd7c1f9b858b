//! What templates are filled in with.

/// What a template may ask for while it is filled in.
pub(crate) trait Scope {
    /// The value of a variable.
    fn value(&mut self, name: &str) -> Option<String>;
    /// A column of the row that the iteration has of a feed.
    ///
    /// # Errors
    /// There is no such feed or column.
    fn column(&mut self, feed: &str, column: &str) -> Result<String, String>;
    /// The value given with `-e NAME=VALUE`.
    fn given(&mut self, name: &str) -> Option<String>;
    /// The user's number.
    fn user(&mut self) -> u64;
    /// The iteration's number.
    fn iteration(&mut self) -> u64;
    /// A random number, which follows from the run's seed.
    fn random(&mut self) -> u64;
    /// Milliseconds since 1970.
    fn unix_ms(&mut self) -> u64;
}
