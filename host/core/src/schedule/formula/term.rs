//! What a formula consists of once it is read.

/// A formula, or a part of one.
pub(super) enum Term {
    Number(f64),
    /// Seconds since the beginning.
    Time,
    One(fn(f64) -> f64, Box<Term>),
    Two(fn(f64, f64) -> f64, Box<[Term; 2]>),
    Three(fn(f64, f64, f64) -> f64, Box<[Term; 3]>),
}

impl Term {
    /// The same with an operator and a further part behind it.
    pub(super) fn and(self, operator: fn(f64, f64) -> f64, other: Self) -> Self {
        Self::Two(operator, Box::new([self, other]))
    }

    /// Its value, so many seconds after the beginning.
    pub(super) fn at(&self, seconds: f64) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Time => seconds,
            Self::One(function, x) => function(x.at(seconds)),
            Self::Two(function, parts) => {
                let [x, y] = &**parts;
                function(x.at(seconds), y.at(seconds))
            }
            Self::Three(function, parts) => {
                let [x, y, z] = &**parts;
                function(x.at(seconds), y.at(seconds), z.at(seconds))
            }
        }
    }
}
