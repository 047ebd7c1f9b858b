//! What was found of one figure: by how much the sides differ, and how sure that is.

/// A difference with its interval, on the scale on which it is reckoned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) difference: f64,
    /// From where it may lie, with 95 %.
    pub(super) low: f64,
    pub(super) high: f64,
    /// How often chance alone is as far from zero.
    pub(super) p: f64,
    /// How far chance alone is from zero in each of many worlds, the same for all figures; empty
    /// where there is no such world.
    pub(super) null: Vec<f64>,
}

impl Told {
    /// Whether the whole interval lies on one side of zero.
    pub(super) fn excludes_zero(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// On which scale a figure differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// By its logarithm: runs are slower by so many percent, whether by 1 ms of 10 or 10 of 100.
    Part,
    /// By itself: shares, and whatever may be zero.
    Amount,
}

impl Scale {
    /// A value on this scale.
    pub(super) fn of(self, value: f64) -> f64 {
        match self {
            Self::Part => value.ln(),
            Self::Amount => value,
        }
    }

    /// A difference on this scale, as it is told: as a part of the first, or in the unit.
    pub(super) fn told(self, difference: f64) -> f64 {
        match self {
            Self::Part => difference.exp_m1(),
            Self::Amount => difference,
        }
    }

    /// A standard error that nothing is more exact than: times are counted in buckets of 0.1 %, and
    /// a run ends within its last start.
    pub(super) const fn resolution(self) -> f64 {
        match self {
            Self::Part => 5e-4,
            Self::Amount => 0.0,
        }
    }
}
