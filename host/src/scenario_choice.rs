//! Which of a file's scenarios a name means. Names are typed, and people who know other tools type
//! a weight behind them: a name that is none is answered with what would do it.

use anyhow::{anyhow, bail};
use swell_core::spelling::nearest;

/// The position of the scenario with this name among those of a file, or of the only one where no
/// name is given.
///
/// # Errors
/// There is no such scenario, or there are several and none is named.
pub(crate) fn position_of(wanted: Option<&str>, names: &[&str]) -> anyhow::Result<usize> {
    let all = || names.join(", ");
    match wanted {
        Some(wanted) => names.iter().position(|name| *name == wanted).ok_or_else(|| {
            let help = help_instead_of(wanted, names);
            anyhow!("there is no scenario {wanted:?}; the file has: {}{help}", all())
        }),
        None if names.len() == 1 => Ok(0),
        None => bail!(
            "the file has several scenarios: {}\nhelp: choose one with --scenario NAME",
            all()
        ),
    }
}

/// What may have been meant by a name that is none, as a line of its own; empty where nobody knows.
fn help_instead_of(wanted: &str, names: &[&str]) -> String {
    let weighted = wanted.rsplit_once('=').map(|(name, _)| name);
    if weighted.is_some_and(|name| names.contains(&name)) {
        return "\nhelp: a run is of one scenario, which has no weight; for several at once a plan \
                has a run for each, with its part of the load"
            .to_owned();
    }
    nearest(wanted, names.iter().copied())
        .map(|name| format!("\nhelp: did you mean {name:?}?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: [&str; 3] = ["browse", "order", "a=1"];

    fn refusal(wanted: Option<&str>) -> String {
        position_of(wanted, &SHOP).expect_err("it is none").to_string()
    }

    #[test]
    fn a_name_means_its_scenario_and_no_name_the_only_one() {
        assert_eq!(position_of(Some("order"), &SHOP).unwrap(), 1);
        assert_eq!(position_of(Some("a=1"), &SHOP).unwrap(), 2, "a name may look weighted");
        assert_eq!(position_of(None, &SHOP[..1]).unwrap(), 0);
        assert!(refusal(None).contains("browse, order, a=1\nhelp: choose one"));
    }

    #[test]
    fn a_mistyped_name_is_answered_with_the_nearest_one() {
        let start = "there is no scenario \"brwose\"; the file has: browse, order, a=1";
        assert_eq!(refusal(Some("brwose")), format!("{start}\nhelp: did you mean \"browse\"?"));
        assert!(!refusal(Some("nobody")).contains("help"), "{}", refusal(Some("nobody")));
    }

    #[test]
    fn a_weight_is_answered_with_the_plan_that_runs_several() {
        for weighted in ["browse=3", "order=0.5", "order=x", "a=1=2"] {
            assert!(
                refusal(Some(weighted)).contains("help: a run is of one scenario"),
                "{weighted}"
            );
        }
        assert!(!refusal(Some("nobody=3")).contains("help"));
    }
}
