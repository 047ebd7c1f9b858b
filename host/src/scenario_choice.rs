//! Which of a file's scenarios a run is of. Names are typed, with a weight behind them where there
//! are several: `browse=3`.

use anyhow::{anyhow, bail};
use swell_core::plan::WeightedScenario;
use swell_core::spelling::nearest;
use swell_engine::ScenarioInfo;

/// A scenario of a run.
#[derive(Clone, Debug)]
pub(crate) struct ChosenScenario {
    /// Its index in the file.
    pub(crate) index: u32,
    pub(crate) info: ScenarioInfo,
    /// Its part in the users, beside those of the others.
    pub(crate) weight: f64,
}

impl ChosenScenario {
    /// Its name and its weight.
    pub(crate) fn weighted(&self) -> WeightedScenario {
        WeightedScenario { name: self.info.name.clone(), weight: self.weight }
    }
}

/// What a run of these scenarios is called: by the only one's name, or by all with their weights.
pub(crate) fn title(scenarios: &[WeightedScenario]) -> String {
    match scenarios {
        [only] => only.name.clone(),
        several => {
            let part = |one: &WeightedScenario| format!("{} {}", one.name, one.weight);
            several.iter().map(part).collect::<Vec<_>>().join(" : ")
        }
    }
}

/// What a run of these scenarios is called beside others: as it is typed, and no longer than it
/// takes to tell it.
pub(crate) fn short_name(scenarios: &[ChosenScenario]) -> String {
    let names: Vec<&str> = scenarios.iter().take(3).map(|one| &*one.info.name).collect();
    let rest = if scenarios.len() > names.len() { "+..." } else { "" };
    names.join("+") + rest
}

/// The scenarios that are wanted, of a file that has these: by name, or by name and weight. Where
/// nothing is wanted, it is the file's only one.
///
/// # Errors
/// There is no such scenario, one is wanted twice, a weight is no number; or the file has several
/// and none is named.
pub(crate) fn chosen(wanted: &[String], names: &[&str]) -> anyhow::Result<Vec<(usize, f64)>> {
    if wanted.is_empty() {
        if names.len() == 1 {
            return Ok(vec![(0, 1.0)]);
        }
        bail!(
            "the file has several scenarios: {}\nhelp: choose one with --scenario NAME, or several \
            by weight: --scenario {}=3 --scenario {}=1",
            names.join(", "),
            names.first().unwrap_or(&"NAME"),
            names.get(1).unwrap_or(&"NAME")
        );
    }
    let mut chosen: Vec<(usize, f64)> = Vec::new();
    for wanted in wanted {
        let (position, weight) = one(wanted, names)?;
        if chosen.iter().any(|(before, _)| *before == position) {
            bail!(
                "--scenario {wanted}: scenario {:?} was given before\nhelp: name it once, with its \
                weight",
                names[position]
            );
        }
        chosen.push((position, weight));
    }
    Ok(chosen)
}

/// The position of the scenario that is wanted, and its weight.
fn one(wanted: &str, names: &[&str]) -> anyhow::Result<(usize, f64)> {
    let position = |wanted: &str| names.iter().position(|name| *name == wanted);
    // A name may look weighted.
    if let Some(position) = position(wanted) {
        return Ok((position, 1.0));
    }
    let (name, weight) = wanted.rsplit_once('=').unwrap_or((wanted, "1"));
    let Some(position) = position(name) else {
        let near = nearest(name, names.iter().copied());
        let help = near.map(|name| format!("\nhelp: did you mean {name:?}?")).unwrap_or_default();
        let all = names.join(", ");
        return Err(anyhow!("there is no scenario {name:?}; the file has: {all}{help}"));
    };
    let weight = weight.trim().parse().map_err(|_| {
        anyhow!(
            "--scenario {wanted}: the weight {weight:?} is no number\nhelp: write it as {name}=3"
        )
    })?;
    Ok((position, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: [&str; 3] = ["browse", "order", "a=1"];

    fn choose(wanted: &[&str]) -> anyhow::Result<Vec<(usize, f64)>> {
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        chosen(&wanted, &SHOP)
    }

    fn refusal(wanted: &[&str]) -> String {
        choose(wanted).expect_err("it is none").to_string()
    }

    #[test]
    fn a_name_means_its_scenario_and_no_name_the_only_one() {
        assert_eq!(choose(&["order"]).unwrap(), [(1, 1.0)]);
        assert_eq!(choose(&["a=1"]).unwrap(), [(2, 1.0)], "a name may look weighted");
        assert_eq!(chosen(&[], &SHOP[..1]).unwrap(), [(0, 1.0)]);
        let refusal = refusal(&[]);
        assert!(refusal.contains("browse, order, a=1\nhelp: choose one"), "{refusal}");
        assert!(refusal.ends_with("--scenario browse=3 --scenario order=1"), "{refusal}");
    }

    #[test]
    fn several_have_their_weights_or_one() {
        assert_eq!(choose(&["order=0.5", "browse"]).unwrap(), [(1, 0.5), (0, 1.0)]);
        assert_eq!(choose(&["a=1=2", "order= 3 "]).unwrap(), [(2, 2.0), (1, 3.0)]);
        // Which numbers are weights is for the plan to say.
        assert_eq!(choose(&["browse=-1"]).unwrap(), [(0, -1.0)]);
    }

    #[test]
    fn a_mistyped_name_is_answered_with_the_nearest_one() {
        let start = "there is no scenario \"brwose\"; the file has: browse, order, a=1";
        for wanted in ["brwose", "brwose=3"] {
            assert_eq!(refusal(&[wanted]), format!("{start}\nhelp: did you mean \"browse\"?"));
        }
        assert!(!refusal(&["nobody"]).contains("help"), "{}", refusal(&["nobody"]));
    }

    #[test]
    fn what_is_no_weight_and_a_name_given_twice_are_refused() {
        for wrong in ["order=x", "order=", "order=3x"] {
            let refusal = refusal(&[wrong]);
            assert!(refusal.contains("is no number\nhelp: write it as order=3"), "{refusal}");
        }
        let twice = refusal(&["order", "order=2"]);
        assert!(twice.contains("\"order\" was given before"), "{twice}");
    }

    #[test]
    fn a_run_of_several_is_called_by_all_of_them() {
        let one = |name: &str, weight| WeightedScenario { name: name.to_owned(), weight };
        assert_eq!(title(&[one("browse", 3.0)]), "browse");
        assert_eq!(title(&[one("browse", 3.0), one("order", 0.5)]), "browse 3 : order 0.5");
    }
}
