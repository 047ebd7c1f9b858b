//! What a run is known by, whoever shows it.

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RunIdentity {
    /// Its identity.
    pub(crate) run: String,
    /// What people call it.
    pub(crate) name: String,
    /// From which everything random followed.
    pub(crate) seed: u64,
    /// Its scenario.
    pub(crate) scenario: String,
    /// The scenario's file.
    pub(crate) file: String,
    /// What the file held, as a hash.
    pub(crate) file_hash: String,
    /// What was said about it, as flags and values.
    pub(crate) settings: Vec<(String, Option<String>)>,
}
