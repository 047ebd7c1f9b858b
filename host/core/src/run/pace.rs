//! What a load model paces.

/// What waits for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Each outermost transaction takes a slot.
    Transactions,
    /// Each iteration takes a slot; its transactions begin at once.
    Iterations,
    /// Nothing: the closed model.
    Nothing,
}
