//! The lists of figures in the documentation, which are made of the catalogue and of the gauges:
//! whoever adds a figure runs this test, looks at what it has written, and commits that too.

use swell_core::catalogue::{self, Label, Source, Unit};

use crate::GAUGES;

/// The page of the documentation that has them.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
/// Columns that a line has at most.
const WIDTH: usize = 100;

#[test]
#[expect(clippy::disallowed_methods, reason = "a page that lacks a figure is written by its test")]
fn the_documentation_lists_all_figures_and_nothing_else() {
    let page = std::fs::read_to_string(PAGE).expect("the documentation can be read");
    let written = with_list(&with_list(&page, "metrics", &metrics()), "thresholds", &thresholds());
    if written != page {
        std::fs::write(PAGE, written).expect("the documentation can be written");
        panic!("host/docs/metrics.md did not list what there is: it does now, look and commit it");
    }
}

#[test]
fn the_dashboard_shows_each_metric() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/grafana-dashboard.json");
    let dashboard = std::fs::read_to_string(file).expect("the dashboard can be read");
    let families = catalogue::families().map(|family| family.name);
    // That a run goes on is what its list of runs is made of.
    for name in families.chain(GAUGES.iter().map(|gauge| gauge.name)) {
        assert!(dashboard.contains(name), "{name} is in no panel");
    }
}

#[test]
fn files_that_the_maps_of_the_house_name_are_there() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    for map in ["README.md", ".github/CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(format!("{root}{map}")).expect("the map can be read");
        let named: Vec<&str> = text
            .split('`')
            .filter(|name| name.contains('/') && name.ends_with(".rs") && !name.contains(' '))
            .filter(|name| {
                ["host/", "coordinator/", "tests/"].iter().any(|it| name.starts_with(it))
            })
            .collect();
        assert!(named.len() > 8, "{map} names {named:?}");
        for name in named {
            assert!(std::fs::exists(format!("{root}{name}")).unwrap_or(false), "{name} in {map}");
        }
    }
}

#[test]
fn a_list_takes_the_place_of_the_one_before_and_leaves_all_else() {
    let page = "a\n<!-- list: metrics -->\nold\n<!-- end of list -->\nz\n";
    let expected = "a\n<!-- list: metrics -->\n\n- new\n\n<!-- end of list -->\nz\n";
    assert_eq!(with_list(page, "metrics", "- new\n"), expected);
    assert_eq!(with_list(expected, "metrics", "- new\n"), expected);
}

#[test]
fn an_item_is_broken_between_words_before_it_is_too_long() {
    let item = item(&"words ".repeat(30));
    assert!(item.lines().count() == 2 && item.lines().all(|line| line.len() <= WIDTH), "{item}");
    assert!(item.starts_with("- words ") && item.contains("\n  words "), "{item}");
}

/// What Prometheus is served: families and gauges.
fn metrics() -> String {
    let families = catalogue::families()
        .map(|family| (family.name, family.series.kind(), family.labels, family.help));
    let gauges = GAUGES.iter().map(|gauge| (gauge.name, "gauge", gauge.labels, gauge.help));
    let items = families.chain(gauges).map(|(name, kind, labels, help)| {
        let labels = labels.iter().map(label).collect::<Vec<_>>().join(", ");
        let by = if labels.is_empty() { String::new() } else { format!(" by {labels}") };
        item(&format!("`{name}` ({kind}){by}: {help}"))
    });
    items.collect()
}

fn label(label: &Label) -> String {
    let values = match label.values {
        "" => String::new(),
        values => format!(" ({values})"),
    };
    format!("`{}`{values}", label.name)
}

/// What a threshold may be about.
fn thresholds() -> String {
    let items = catalogue::subjects().map(|(entry, judged)| {
        let unit = match judged.unit() {
            Unit::Seconds => "a time",
            Unit::Share => "a share",
            Unit::PerSecond => "a rate",
            Unit::Number => "a number",
        };
        let name = entry.name;
        let forms = match judged.source {
            Source::Run(_) => format!("`{name}`"),
            Source::Transactions(_) | Source::Checks(_) => format!("`{name}`, `{name}[NAME]`"),
            Source::Own => format!("`{name}[NAME]`"),
        };
        item(&format!("{forms} ({unit}): {}", judged.help))
    });
    items.collect()
}

/// An item of a list in Markdown.
fn item(text: &str) -> String {
    let (mut item, mut column) = ("-".to_owned(), 1);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            item.push_str("\n ");
            column = 1;
        }
        item.push(' ');
        item.push_str(word);
        column += 1 + length;
    }
    item + "\n"
}

/// The page with this list in its place.
fn with_list(page: &str, name: &str, list: &str) -> String {
    let (begin, end) = (format!("<!-- list: {name} -->\n"), "<!-- end of list -->\n");
    let (before, rest) = page.split_once(&begin).expect("the page says where the list begins");
    let (_, after) = rest.split_once(end).expect("the page says where the list ends");
    format!("{before}{begin}\n{list}\n{end}{after}")
}
