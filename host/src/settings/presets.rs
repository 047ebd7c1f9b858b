//! Kinds of load that have a name in the field, as the flags that they mean: `--preset spike=200`.
//!
//! A preset knows the form of the load and not the service, so that the rate is said with it; how
//! long it takes may be said by --duration.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;
use std::time::Duration;

use swell_core::units::Rate;

/// A kind of load, with the rate that is usual for the service, or the number of users.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Preset {
    form: &'static LoadForm,
    /// What was said with it.
    size: f64,
}

/// What a kind of load looks like.
#[derive(Debug, PartialEq)]
struct LoadForm {
    name: &'static str,
    seconds: u64,
    size: f64,
    /// Pieces one after another: hundredths of the length, and to which multiple of the rate they
    /// lead. If there are none, it is so many users all the time.
    pieces: &'static [(u64, f64)],
}

/// Users or transactions a second, where nobody says how many: a smoke test is one user's, and a
/// single core of a small service answers some hundreds of requests a second.
const FORMS: &[LoadForm] = &[
    LoadForm { name: "smoke", seconds: 30, size: 1.0, pieces: &[] },
    LoadForm { name: "load", seconds: 600, size: 50.0, pieces: &[(10, 1.0), (80, 1.0), (10, 0.0)] },
    // From the usual load to twice as much.
    LoadForm {
        name: "stress",
        seconds: 1_200,
        size: 50.0,
        pieces: &[(10, 1.0), (30, 1.0), (10, 2.0), (40, 2.0), (10, 0.0)],
    },
    // Ten times as much within a short while, and time to see whether the service recovers.
    LoadForm {
        name: "spike",
        seconds: 300,
        size: 50.0,
        pieces: &[(10, 1.0), (20, 1.0), (5, 10.0), (20, 10.0), (5, 1.0), (40, 1.0)],
    },
    // Leaks need hours to show.
    LoadForm { name: "soak", seconds: 7_200, size: 50.0, pieces: &[(5, 1.0), (95, 1.0)] },
];

/// Hundredths, with pieces of whole seconds.
const SHORTEST: Duration = Duration::from_secs(20);

impl Preset {
    /// The settings that it means, of this length if one was said.
    ///
    /// # Errors
    /// The length is too short for its pieces.
    pub(crate) fn settings(self, length: Option<Duration>) -> Result<toml::Table, String> {
        let seconds = length.map_or(self.form.seconds, |length| length.as_secs());
        let text = |value: String| toml::Value::String(value);
        if self.form.pieces.is_empty() {
            return Ok(toml::Table::from_iter([
                ("vus".to_owned(), text(self.size.to_string())),
                ("duration".to_owned(), text(time(seconds))),
            ]));
        }
        if seconds < SHORTEST.as_secs() || length.is_some_and(|length| length.subsec_nanos() > 0) {
            return Err(format!(
                "--preset {self}: its pieces need whole seconds, and {} of them\nhelp: make \
                --duration longer, or leave it out for {}",
                SHORTEST.as_secs(),
                time(self.form.seconds)
            ));
        }
        // Each ends where it should, so that together they have the length that was said.
        let (mut hundredths, mut begin) = (0, 0);
        let stages = self.form.pieces.iter().map(|&(part, multiple)| {
            hundredths += part;
            let end = seconds * hundredths / 100;
            let over = end - std::mem::replace(&mut begin, end);
            text(format!("{}:{}", time(over), self.size * multiple))
        });
        Ok(toml::Table::from_iter([("stage".to_owned(), toml::Value::Array(stages.collect()))]))
    }

    /// The flags of these settings, as they are typed.
    pub(crate) fn flags(settings: &toml::Table) -> String {
        let flag = |key: &str, value: &toml::Value| {
            format!("--{key} {}", value.as_str().unwrap_or_default())
        };
        let flags: Vec<String> = settings
            .iter()
            .flat_map(|(key, value)| match value.as_array() {
                Some(values) => values.iter().map(|value| flag(key, value)).collect(),
                None => vec![flag(key, value)],
            })
            .collect();
        flags.join(" ")
    }
}

impl Display for Preset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.form.name, self.size)
    }
}

impl FromStr for Preset {
    type Err = String;

    /// Reads "load" and "load=200", "smoke=3".
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, size) =
            text.split_once('=').map_or((text, None), |(name, size)| (name, Some(size)));
        if name == "breakpoint" {
            return Err("where a service breaks is searched by `host find FILE --error-rate 1%`, \
                or with --latency p95=500ms"
                .to_owned());
        }
        let Some(form) = FORMS.iter().find(|form| form.name == name) else {
            let names: Vec<&str> = FORMS.iter().map(|form| form.name).collect();
            return Err(format!("there are {}", names.join(", ")));
        };
        let Some(size) = size else { return Ok(Self { form, size: form.size }) };
        let size = if form.pieces.is_empty() {
            let users = size.parse::<u32>().ok().filter(|users| *users > 0);
            f64::from(users.ok_or("a number of users is needed behind '=', as smoke=3")?)
        } else {
            let rate: Rate = size.parse().map_err(|error| format!("{error}"))?;
            let most = form.pieces.iter().map(|(_, multiple)| multiple * rate.per_second());
            if most.fold(0.0, f64::max) > Rate::MAX {
                return Err(format!("{name} leads beyond {} a second", Rate::MAX));
            }
            rate.per_second()
        };
        Ok(Self { form, size })
    }
}

/// "90s", "2m".
fn time(seconds: u64) -> String {
    if seconds > 0 && seconds.is_multiple_of(60) {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use swell_core::schedule::Stage;

    use super::*;

    fn flags(preset: &str, length: Option<u64>) -> String {
        let preset: Preset = preset.parse().expect("there is such a preset");
        let settings = preset.settings(length.map(Duration::from_secs)).expect("long enough");
        Preset::flags(&settings)
    }

    #[test]
    fn each_is_a_line_of_flags() {
        assert_eq!(flags("smoke", None), "--duration 30s --vus 1");
        assert_eq!(flags("smoke=3", Some(10)), "--duration 10s --vus 3");
        assert_eq!(flags("load", None), "--stage 1m:50 --stage 8m:50 --stage 1m:0");
        assert_eq!(
            flags("stress=200", None),
            "--stage 2m:200 --stage 6m:200 --stage 2m:400 --stage 8m:400 --stage 2m:0"
        );
        assert_eq!(
            flags("spike=1k", None),
            "--stage 30s:1000 --stage 1m:1000 --stage 15s:10000 --stage 1m:10000 \
            --stage 15s:1000 --stage 2m:1000"
        );
        assert_eq!(flags("soak=30/m", None), "--stage 6m:0.5 --stage 114m:0.5");
    }

    #[test]
    fn pieces_have_the_length_that_was_said_together() {
        for form in FORMS.iter().filter(|form| !form.pieces.is_empty()) {
            assert_eq!(form.pieces.iter().map(|(part, _)| part).sum::<u64>(), 100);
            for seconds in 20..400 {
                let flags = flags(form.name, Some(seconds));
                let stages = flags.split("--stage ").skip(1);
                let stages = stages.map(|stage| stage.trim().parse::<Stage>().expect("a stage"));
                let stages: Vec<_> = stages.map(|stage| stage.over).collect();
                assert!(stages.iter().all(|over| !over.is_zero()), "{flags}");
                assert_eq!(stages.iter().sum::<Duration>(), Duration::from_secs(seconds));
            }
            let preset = Preset { form, size: 1.0 };
            for wrong in [Duration::from_secs(19), Duration::from_millis(30_500)] {
                assert!(preset.settings(Some(wrong)).is_err());
            }
        }
    }

    #[test]
    fn what_is_no_preset_is_told_those_that_there_are() {
        let refusal = |text: &str| text.parse::<Preset>().expect_err("it is none");
        assert_eq!(refusal("peak"), "there are smoke, load, stress, spike, soak");
        assert!(refusal("breakpoint").contains("host find"));
        for wrong in ["smoke=0", "smoke=1.5", "load=fast", "load=", "load=0", "spike=2M"] {
            refusal(wrong);
        }
    }
}
