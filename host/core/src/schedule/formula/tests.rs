use std::f64::consts::{E, PI};

use proptest::prelude::*;

use super::*;
use crate::RunInstant;
use crate::schedule::{Arrivals, Cursor, Due, Owner, Profile, ShareTable, Stripe, Timeline};
use crate::units::Rate;

const MINUTE: Duration = Duration::from_secs(60);

fn formula(text: &str) -> Formula {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn wrong(text: &str) -> String {
    text.parse::<Formula>().expect_err("it is none").to_string()
}

fn lines(text: &str, length: Duration) -> Result<LoadLines, String> {
    formula(text).lines(length, Rate::MAX).map_err(|error| error.to_string())
}

fn timeline(lines: LoadLines) -> Timeline {
    let profile = Profile::Stages { opening: Rate::new(lines.from), stages: lines.stages };
    profile.timeline(Duration::ZERO)
}

fn instant(second: u32) -> RunInstant {
    RunInstant::START + Duration::from_secs(u64::from(second))
}

#[test]
fn a_formula_means_what_it_means_in_mathematics() {
    let at_three = |text: &str| formula(text).at(3.0);
    for (text, value) in [
        ("1 + 2*t", 7.0),
        ("(1 + 2)*t - 4/2", 7.0),
        ("-2^2", -4.0),
        ("2^-1", 0.5),
        ("2^3^2", 512.0),
        ("--t", 3.0),
        ("7 - 2 - 1", 4.0),
        ("8/4/2", 1.0),
        ("t % 2", 1.0),
        ("1e3 + 1.5e-1 + .5", 1_000.65),
        ("5k + 1.5M + 1_000", 1_506_000.0),
        ("2*pi*e", 2.0 * PI * E),
        ("100 + 50*sin(t/60)", 100.0 + 50.0 * 0.05f64.sin()),
        ("min(5, max(1, t, 2))", 3.0),
        ("pow(t, 2) + sqrt(abs(-16)) + floor(-1.5)", 11.0),
        ("exp(ln(t))", 3.0),
        ("  t\n+\t1 ", 4.0),
    ] {
        assert!((at_three(text) - value).abs() < 1e-9, "{text}: {}", at_three(text));
    }
    assert_eq!(formula("1 +\n  t").to_string(), "1 + t");
}

#[test]
fn pulses_are_as_wide_and_as_high_as_hailstorm_has_them() {
    let pulses: [(&str, &[(f64, f64)]); 6] = [
        ("rect(t)", &[(-0.6, 0.0), (-0.5, 0.5), (0.0, 1.0), (0.49, 1.0), (0.5, 0.5), (0.51, 0.0)]),
        ("tri(t)", &[(-1.0, 0.0), (-0.5, 0.5), (0.0, 1.0), (0.25, 0.75), (2.0, 0.0)]),
        ("step(t)", &[(-0.1, 0.0), (0.0, 0.5), (0.1, 1.0)]),
        ("trapz(t, 4, 2)", &[(-2.5, 0.0), (-1.5, 0.5), (1.0, 1.0), (1.25, 0.75), (2.0, 0.0)]),
        ("costrapz(t, 4, 2)", &[(-2.5, 0.0), (0.0, 1.0), (1.0, 1.0), (1.5, 0.5), (2.0, 0.0)]),
        ("trapz(t, 2, 2)", &[(0.0, 1.0), (1.0, 1.0), (1.1, 0.0)]),
    ];
    for (text, values) in pulses {
        for &(seconds, value) in values {
            let is = formula(text).at(seconds);
            assert!((is - value).abs() < 1e-9, "{text} at {seconds}: {is}");
        }
    }
    // What is no number stays none.
    let calls = ["max(0, X)", "min(X, 0)", "max(X, 0)", "tri(X)", "step(X)", "rect(X)"];
    for call in calls.into_iter().chain(["trapz(X, 2, 1)", "costrapz(X, 2, 1)"]) {
        assert!(formula(&call.replace('X', "ln(-1)")).at(0.0).is_nan(), "{call}");
    }
}

#[test]
fn what_is_not_understood_is_pointed_at() {
    for (text, told) in [
        (
            "100 + 50*sim(t/60)",
            "there is no \"sim\"; did you mean \"sin\"?\n    100 + 50*sim(t/60)\n             ^^^",
        ),
        (
            "t/60s",
            "an operator is missing here, as in 2*t; all times are seconds, as 60\n    \
            t/60s\n        ^",
        ),
        (
            "(2 t)",
            "an operator is missing here, as in 2*t; all times are seconds, as 60\n    \
            (2 t)\n       ^",
        ),
        ("5 +", "the formula ends where a number, t or a function is due\n    5 +\n       ^"),
        ("", "the formula ends where a number, t or a function is due\n    \n    ^"),
        ("2 * (t", "a ')' is missing\n    2 * (t\n          ^"),
        ("2*t)", "there is no '(' before this ')'\n    2*t)\n       ^"),
        ("t**2", "a power is written with ^, as t^2\n    t**2\n      ^"),
        ("sin t", "sin is called as sin(x)\n    sin t\n    ^^^"),
        (
            "1 + trapz(t, 2)",
            "trapz is called as trapz(x, low, sup)\n    1 + trapz(t, 2)\n        ^^^^^^^^^^^",
        ),
        ("sin(t, 2)", "sin is called as sin(x)\n    sin(t, 2)\n    ^^^^^^^^^"),
        ("max(t)", "max is called as max(x, y)\n    max(t)\n    ^^^^^^"),
        ("(1, 2)", "only functions of several values take a comma\n    (1, 2)\n      ^"),
        ("1.2.3", "this is no number\n    1.2.3\n    ^^^^^"),
        ("t = 5", "'=' means nothing in a formula\n    t = 5\n      ^"),
        ("t \u{1b}[2J", "'\\u{1b}' means nothing in a formula\n    t \\u{1b}[2J\n      ^^^^^^"),
        ("2 × t", "'×' means nothing in a formula\n    2 × t\n      ^"),
    ] {
        assert_eq!(wrong(text), told);
    }
    assert!(
        wrong("5*zzzzzzzz(t)").starts_with("there is no \"zzzzzzzz\"; there are t, pi, e, sin, ")
    );
    let deep = format!("{}t{}", "(".repeat(249), ")".repeat(249));
    assert_eq!(formula(&deep).at(2.0), 2.0);
    let told = wrong(&format!("{}t", "(".repeat(100_000)));
    assert_eq!(told, "a formula has at most 500 bytes, and this one 100001");
}

#[test]
fn straight_lines_are_the_stages_that_somebody_would_write() {
    let stage = |over: f64, to: f64| Stage { over: Duration::from_secs_f64(over), to };
    assert_eq!(
        lines("100", MINUTE),
        Ok(LoadLines { from: 100.0, stages: vec![stage(60.0, 100.0)] })
    );
    let up = lines("10*t", MINUTE).unwrap();
    assert!(up.from < 1e-6 && up.stages.len() == 1, "{up:?}");
    assert!((up.stages[0].to - 600.0).abs() < 1e-6, "{up:?}");
    // A pulse of ten seconds has two jumps at their nanosecond.
    let pulse = lines("100*rect((t - 30)/10)", MINUTE).unwrap();
    let jumps: Vec<usize> =
        (0..pulse.stages.len()).filter(|&number| pulse.stages[number].over.is_zero()).collect();
    assert_eq!((pulse.from, pulse.stages.len(), jumps), (0.0, 5, vec![1, 3]), "{pulse:?}");
    let pulse = timeline(pulse);
    for (second, before, after) in [(25, 0.0, 100.0), (35, 100.0, 0.0)] {
        let near = Duration::from_nanos(10);
        assert_eq!(pulse.rate_at(instant(second) - near), before);
        assert_eq!(pulse.rate_at(instant(second) + near), after);
    }
    // A step at the first instant is there from the first instant on.
    assert_eq!(lines("100*step(t)", MINUTE).unwrap().from, 100.0);
    for length in [Duration::from_millis(7), MINUTE, Duration::from_nanos(123_456_789_012_345)] {
        for text in ["100 + 50*sin(t/60)", "100*step(t - 5)", "100*(t % 1.5)"] {
            let Ok(lines) = lines(text, length) else { continue };
            let sum: Duration = lines.stages.iter().map(|stage| stage.over).sum();
            assert_eq!(sum, length, "{text}");
        }
    }
    let day = lines("100 + 50*sin(t/60)", 1_440 * MINUTE).expect("a day of it is few lines");
    let count = day.stages.len();
    let bytes = postcard::to_stdvec(&timeline(day)).expect("a timeline can be sent").len();
    assert!((3_000..5_000).contains(&count) && bytes < 45 * count, "{count} stages, {bytes} bytes");
}

#[test]
fn what_is_no_load_is_told_with_its_second() {
    for (text, told) in [
        ("30 - t", "is below zero from t = 30 on; max(0, ...) keeps"),
        ("sin(t)", "is below zero from t = 3.142 on; "),
        ("-1", "is below zero from t = 0 on; "),
        ("sqrt(20 - t)", "is no number from t = 20 on"),
        ("0/0", "is no number from t = 0 on"),
        ("1/(45 - t)^2", "is above 10,000,000 from t = 45 on; min(10,000,000, ...) keeps"),
        ("1e999", "is above 10,000,000 from t = 0 on; "),
        ("exp(t)", "is above 10,000,000 from t = 16.118 on; "),
        ("0*t", "is zero all the time"),
        ("step(t - 9000)", "is zero all the time"),
        ("100 + 50*sin(1000*t)", "changes too often for 5,000 straight lines; "),
        ("100*(floor(1M*t) % 2)", "changes too often for 5,000 straight lines; "),
    ] {
        let error = lines(text, 20 * MINUTE).expect_err(text);
        assert!(error.starts_with(told), "{text}: {error}");
    }
    // What rounding leaves below zero is zero.
    lines("50 + 50*sin(t)", MINUTE).expect("it touches zero");
    lines("100*sin(t)/t", Duration::from_secs(3))
        .expect("it has a value from its first instant on");
}

/// Formulas of all kinds, with jumps, kinks and places at which they are zero.
fn formulas() -> impl Strategy<Value = String> {
    let wave = (1.0..500.0, 0.0..1.0, 0.5..40.0)
        .prop_map(|(mean, part, slow)| format!("{mean} + {}*sin(t/{slow})", mean * part));
    let pulse = ("(rect|tri)", 0.0..60.0, 2.0..40.0, 1.0..900.0)
        .prop_map(|(name, at, wide, high)| format!("{high}*{name}((t - {at})/{wide})"));
    let flanks = ("(trapz|costrapz)", 0.0..60.0, 4.0..60.0, 0.0..1.0, 1.0..900.0).prop_map(
        |(name, at, low, part, high)| format!("{high}*{name}(t - {at}, {low}, {})", low * part),
    );
    let stairs = (1.0..20.0, 1.0..100.0).prop_map(|(each, high)| format!("{high}*floor(t/{each})"));
    let saw = (1.0..20.0, 1.0..100.0).prop_map(|(each, steep)| format!("{steep}*(t % {each})"));
    let decay =
        (10.0..5_000.0, 1.0..60.0).prop_map(|(from, slow)| format!("{from}*exp(-t/{slow})"));
    let root = (1.0..500.0).prop_map(|steep| format!("{steep}*sqrt(t)"));
    let cut = (1.0..100.0, 1.0..200.0)
        .prop_map(|(steep, most)| format!("max(0, min({most}, {steep}*abs(t - 30) - 20))"));
    let one = prop_oneof![wave, pulse, flanks, stairs, saw, decay, root, cut];
    prop::collection::vec(one, 1..3).prop_map(|parts| parts.join(" + "))
}

fn slots(timeline: &Timeline, arrivals: Arrivals, tables: &[ShareTable], owner: Owner) -> Vec<Due> {
    let end = RunInstant::START + MINUTE;
    let mut cursor = Cursor::new(timeline.clone(), arrivals, Stripe::WHOLE, end, u64::MAX);
    cursor.claim(tables, owner);
    std::iter::from_fn(|| cursor.pop()).collect()
}

proptest! {
    // The sums are long.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_second_has_the_starts_of_the_formula_s_integral(text in formulas()) {
        let Ok(lines) = lines(&text, MINUTE) else { return Ok(()) };
        let (formula, timeline) = (formula(&text), timeline(lines));
        for second in 0..60 {
            let parts = (0..4_000).map(|part| (f64::from(part) + 0.5) / 4_000.0);
            let sum: f64 = parts.map(|part| formula.at(f64::from(second) + part)).sum();
            let integral = sum / 4_000.0;
            let [from, until] =
                [second, second + 1].map(|second| timeline.position_at(instant(second)));
            let off = (until - from - integral).abs();
            // The sum itself is off by half a part of each jump, which is a third of a start.
            prop_assert!(off <= 0.01 * integral + 0.33, "{text}: {off} of {integral} in {second}");
        }
    }

    #[test]
    fn five_hosts_start_what_one_machine_would(
        text in formulas(),
        weights in prop::collection::vec(0.1f64..9.0, 5),
        seed in any::<Option<u64>>(),
    ) {
        let Ok(lines) = lines(&text, MINUTE) else { return Ok(()) };
        let arrivals = seed.map_or(Arrivals::Uniform, |seed| Arrivals::Poisson { seed });
        let timeline = timeline(lines);
        let weights: Vec<(Owner, f64)> = (0..).zip(weights).collect();
        let alone = slots(&timeline, arrivals, &[ShareTable::of_weights(0, &weights[..1])], 0);
        let table = [ShareTable::of_weights(0, &weights)];
        let mut together: Vec<Due> = weights
            .iter()
            .flat_map(|&(owner, _)| slots(&timeline, arrivals, &table, owner))
            .collect();
        together.sort_by_key(|due| due.slot);
        prop_assert_eq!(together, alone);
    }
}
