//! The defaults that scenarios bring to their run, as its lowest layer.
//!
//! Where several scenarios share a run, each brings its own. What is one thing for the whole run
//! cannot be two: where they differ, and nobody said more, somebody has to choose. What adds up is
//! put together: conditions on the result, hosts, and variables and feeds of different names.

use std::collections::BTreeMap;

use anyhow::bail;
use swell_core::plain::line;
use swell_engine::ScenarioInfo;

use super::keys::LOAD_SHAPE;
use super::layer::{Layer, Setting};

/// See the module's documentation.
pub(super) struct Defaults {
    pub(super) layer: Layer,
    disputes: Vec<Dispute>,
}

/// Two scenarios that want different things of one run.
struct Dispute {
    /// The first key that they say it by.
    key: String,
    /// The names of the two, and what each wants.
    sides: [(String, String); 2],
}

/// What a setting is about: a key, or all that says how much load there is; and the name of a
/// variable or a feed.
type Topic = (String, Option<String>);

impl Defaults {
    /// Those of all these scenarios; `None` where there is no scenario.
    pub(super) fn of(scenarios: &[&ScenarioInfo]) -> Option<Self> {
        let (first, others) = scenarios.split_first()?;
        let (mut layer, mut disputes) = (Layer::of_defaults(first), Vec::new());
        let by_first = by_topic(&layer).into_iter();
        let mut said: BTreeMap<Topic, (&str, Vec<Setting>)> =
            by_first.map(|(topic, settings)| (topic, (&*first.name, settings))).collect();
        for scenario in others {
            for (topic, settings) in by_topic(&Layer::of_defaults(scenario)) {
                match said.get(&topic) {
                    None => {
                        layer.settings.extend_from_slice(&settings);
                        said.insert(topic, (&scenario.name, settings));
                    }
                    Some(_) if adds_up(&topic) => {
                        for setting in settings {
                            if !layer.settings.contains(&setting) {
                                layer.settings.push(setting);
                            }
                        }
                    }
                    Some((_, known)) if *known == settings => {}
                    Some((other, known)) => disputes.push(Dispute {
                        key: settings[0].key.clone(),
                        sides: [
                            ((*other).to_owned(), in_words(known)),
                            (scenario.name.clone(), in_words(&settings)),
                        ],
                    }),
                }
            }
        }
        if !others.is_empty() {
            let names: Vec<_> = scenarios.iter().map(|one| format!("{:?}", one.name)).collect();
            layer.place = format!("the defaults of scenarios {}", names.join(" and "));
        }
        Some(Self { layer, disputes })
    }

    /// Refuses what scenarios want differently, but for settings of which a layer above says more.
    ///
    /// # Errors
    /// The first such setting, with both scenarios and the flag that decides.
    pub(super) fn check(&self, is_overruled: impl Fn(&str) -> bool) -> anyhow::Result<()> {
        let open = self.disputes.iter().find(|dispute| !is_overruled(&dispute.key));
        let Some(Dispute { key, sides: [(one, its), (other, others)] }) = open else {
            return Ok(());
        };
        bail!(
            "scenario {one:?} brings {its}, and scenario {other:?} brings {others}, for a run of \
            both\nhelp: say with --{key} what holds for the run"
        )
    }
}

fn by_topic(layer: &Layer) -> BTreeMap<Topic, Vec<Setting>> {
    let mut topics = BTreeMap::<Topic, Vec<Setting>>::new();
    for setting in &layer.settings {
        topics.entry(topic(setting)).or_default().push(setting.clone());
    }
    topics
}

fn topic(setting: &Setting) -> Topic {
    let key = setting.key.as_str();
    let name = setting.value().filter(|_| matches!(key, "env" | "data"));
    let name = name.map(|value| value.split('=').next().unwrap_or_default().to_owned());
    (if LOAD_SHAPE.contains(&key) { "load" } else { key }.to_owned(), name)
}

/// Whether all that scenarios say of it may hold at once.
fn adds_up((key, _): &Topic) -> bool {
    matches!(key.as_str(), "threshold" | "allow-host")
}

fn in_words(settings: &[Setting]) -> String {
    let flag = |setting: &Setting| {
        let value = setting.value().map_or_else(String::new, |value| format!(" {value}"));
        line(&format!("--{}{value}", setting.key)).to_string()
    };
    settings.iter().map(flag).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(name: &str, defaults: &[(&str, &str)]) -> ScenarioInfo {
        ScenarioInfo {
            name: name.to_owned(),
            description: String::new(),
            has_setup: false,
            has_start: false,
            defaults: defaults.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
            hosts: Vec::new(),
        }
    }

    fn of(one: &[(&str, &str)], other: &[(&str, &str)]) -> Defaults {
        let (one, other) = (scenario("browse", one), scenario("order", other));
        Defaults::of(&[&one, &other]).expect("there are scenarios")
    }

    fn put_together(one: &[(&str, &str)], other: &[(&str, &str)]) -> Vec<String> {
        let defaults = of(one, other);
        defaults.check(|_| false).expect("they agree");
        defaults.layer.settings.iter().map(|one| in_words(std::slice::from_ref(one))).collect()
    }

    fn refusal(one: &[(&str, &str)], other: &[(&str, &str)]) -> String {
        of(one, other).check(|_| false).expect_err("they differ").to_string()
    }

    #[test]
    fn what_scenarios_agree_on_or_one_of_them_says_alone_holds() {
        assert_eq!(
            put_together(
                &[("vus", "5"), ("duration", "1m"), ("threshold", "error_rate < 1%")],
                &[("duration", "1m"), ("timeout", "5s"), ("threshold", "response.p95 < 1s")],
            ),
            [
                "--vus 5",
                "--duration 1m",
                "--threshold error_rate < 1%",
                "--threshold response.p95 < 1s",
                "--timeout 5s",
            ]
        );
        let feeds = put_together(
            &[("data", "users=u.csv"), ("env", "a=1")],
            &[("data", "items=i.csv"), ("env", "a=1"), ("env", "b=2")],
        );
        assert_eq!(feeds.len(), 4, "{feeds:?}");
        assert!(put_together(&[], &[]).is_empty());
    }

    #[test]
    fn what_they_want_differently_is_for_somebody_to_say() {
        let told = refusal(&[("duration", "1m")], &[("duration", "2m")]);
        assert!(told.contains("scenario \"browse\" brings --duration 1m, and scenario"), "{told}");
        assert!(told.ends_with("help: say with --duration what holds for the run"), "{told}");
        let told = refusal(&[("tps", "100")], &[("vus", "5")]);
        assert!(told.contains("--tps 100") && told.contains("--vus 5"), "two loads: {told}");
        refusal(&[("env", "a=1")], &[("env", "a=2")]);
        refusal(&[("data", "users=u.csv")], &[("data", "users=v.csv")]);
        refusal(&[("header", "a: 1")], &[("header", "a: 1"), ("header", "b: 1")]);
        of(&[("tps", "100")], &[("vus", "5")]).check(|key| key == "vus").expect("it is said");
    }

    #[test]
    fn one_scenario_brings_what_it_brings() {
        let one = scenario("browse", &[("tps", "1"), ("tps", "2")]);
        let defaults = Defaults::of(&[&one]).expect("there is one");
        assert_eq!(defaults.layer.settings.len(), 2);
        assert_eq!(defaults.layer.place, "the defaults of scenario \"browse\"");
        assert!(Defaults::of(&[]).is_none());
    }
}
