//! The names that a formula may use.
//!
//! The pulses are those of Hailstorm, with its names and arguments, so that its shapes run here as
//! they are; each lies around zero and is 1 high. What the mathematical library of a machine would
//! reckon in its own way, to the last digit, is reckoned by one of ours: every node has the same.

use std::f64::consts::{E, PI};

use super::term::Term;

/// A function, and how many values it takes.
pub(super) struct FormulaFunction {
    pub(super) name: &'static str,
    /// How it is called, for errors.
    pub(super) form: &'static str,
    body: FunctionBody,
}

enum FunctionBody {
    One(fn(f64) -> f64),
    Two(fn(f64, f64) -> f64),
    Three(fn(f64, f64, f64) -> f64),
    /// Of two values and more, one after the other.
    Many(fn(f64, f64) -> f64),
}

const fn one(name: &'static str, form: &'static str, body: fn(f64) -> f64) -> FormulaFunction {
    FormulaFunction { name, form, body: FunctionBody::One(body) }
}

const FUNCTIONS: &[FormulaFunction] = &[
    one("sin", "sin(x)", libm::sin),
    one("cos", "cos(x)", libm::cos),
    one("tan", "tan(x)", libm::tan),
    one("asin", "asin(x)", libm::asin),
    one("acos", "acos(x)", libm::acos),
    one("atan", "atan(x)", libm::atan),
    one("sinh", "sinh(x)", libm::sinh),
    one("cosh", "cosh(x)", libm::cosh),
    one("tanh", "tanh(x)", libm::tanh),
    one("exp", "exp(x)", libm::exp),
    one("ln", "ln(x)", libm::log),
    one("sqrt", "sqrt(x)", f64::sqrt),
    one("abs", "abs(x)", f64::abs),
    one("floor", "floor(x)", f64::floor),
    one("ceil", "ceil(x)", f64::ceil),
    one("round", "round(x)", f64::round),
    one("signum", "signum(x)", f64::signum),
    FormulaFunction { name: "pow", form: "pow(x, y)", body: FunctionBody::Two(libm::pow) },
    FormulaFunction { name: "atan2", form: "atan2(y, x)", body: FunctionBody::Two(libm::atan2) },
    FormulaFunction { name: "min", form: "min(x, y)", body: FunctionBody::Many(min) },
    FormulaFunction { name: "max", form: "max(x, y)", body: FunctionBody::Many(max) },
    one("rect", "rect(x)", rect),
    one("tri", "tri(x)", tri),
    one("step", "step(x)", step),
    FormulaFunction { name: "trapz", form: "trapz(x, low, sup)", body: FunctionBody::Three(trapz) },
    FormulaFunction {
        name: "costrapz",
        form: "costrapz(x, low, sup)",
        body: FunctionBody::Three(costrapz),
    },
];

/// The function of this name.
pub(super) fn function(name: &str) -> Option<&'static FormulaFunction> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// What stands for a value by itself.
pub(super) fn value(name: &str) -> Option<Term> {
    Some(match name {
        "t" => Term::Time,
        "pi" => Term::Number(PI),
        "e" => Term::Number(E),
        _ => return None,
    })
}

/// All names that there are.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ["t", "pi", "e"].into_iter().chain(FUNCTIONS.iter().map(|function| function.name))
}

impl FormulaFunction {
    /// The function of these values; nothing where it takes more of them, or fewer.
    pub(super) fn of(&self, values: Vec<Term>) -> Option<Term> {
        match self.body {
            FunctionBody::One(function) => {
                let [value] = <[Term; 1]>::try_from(values).ok()?;
                Some(Term::One(function, Box::new(value)))
            }
            FunctionBody::Two(function) => {
                Some(Term::Two(function, Box::new(values.try_into().ok()?)))
            }
            FunctionBody::Three(function) => {
                Some(Term::Three(function, Box::new(values.try_into().ok()?)))
            }
            FunctionBody::Many(_) if values.len() < 2 => None,
            FunctionBody::Many(function) => {
                values.into_iter().reduce(|all, value| all.and(function, value))
            }
        }
    }
}

/// The lesser one. Unlike `f64::min` it does not hide what is no number.
fn min(x: f64, y: f64) -> f64 {
    if x.is_nan() || x < y { x } else { y }
}

/// The greater one; as [`min`].
fn max(x: f64, y: f64) -> f64 {
    if x.is_nan() || x > y { x } else { y }
}

/// A pulse that is 1 wide.
fn rect(x: f64) -> f64 {
    match x.abs() {
        distance if distance.is_nan() => distance,
        distance if distance < 0.5 => 1.0,
        0.5 => 0.5,
        _ => 0.0,
    }
}

/// A triangle that is 2 wide.
fn tri(x: f64) -> f64 {
    max(0.0, 1.0 - x.abs())
}

/// Zero, and one from zero on.
fn step(x: f64) -> f64 {
    match x {
        _ if x.is_nan() => x,
        0.0 => 0.5,
        _ if x > 0.0 => 1.0,
        _ => 0.0,
    }
}

/// A pulse that is `low` wide at its foot and `sup` at its top, with straight flanks.
fn trapz(x: f64, low: f64, sup: f64) -> f64 {
    let twice = 2.0 * x.abs();
    if twice > low {
        0.0
    } else if twice <= sup {
        1.0
    } else {
        (twice - low) / (sup - low)
    }
}

/// The same with the flanks of a squared cosine.
fn costrapz(x: f64, low: f64, sup: f64) -> f64 {
    libm::cos((1.0 - trapz(x, low, sup)) * PI / 2.0).powi(2)
}
