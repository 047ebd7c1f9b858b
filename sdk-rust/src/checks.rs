//! Checks: observations that are counted and fail nothing.

use crate::bindings::checks;

/// Counts a yes-or-no observation by its name, and gives it back:
/// `if !check("in stock", stock > 0) { … }`.
///
/// A check that fails is shown in the report and fails no transaction; return an error for that.
pub fn check(name: &str, passed: bool) -> bool {
    checks::check(name, passed);
    passed
}

/// [`check()`](crate::check()) in the form that stands out between other lines:
/// `check!("has a title", page.text()?.contains("<title>"))`.
#[macro_export]
macro_rules! check {
    ($name:expr, $passed:expr $(,)?) => {
        $crate::check($name, $passed)
    };
}
