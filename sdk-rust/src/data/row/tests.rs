use serde::Deserialize;

use super::*;

fn row(columns: &[(&str, &str)]) -> Row {
    Row::new(columns.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect())
}

#[test]
fn a_missing_column_is_answered_with_those_there_are() {
    let error = row(&[("name", "ada"), ("age", "36")]).text("nmae").unwrap_err();
    assert_eq!(error.to_string(), "the feed has no column \"nmae\"; it has name, age");
}

#[test]
fn a_value_that_does_not_parse_is_shown() {
    let error = row(&[("age", "old")]).parse::<u32>("age").unwrap_err();
    assert_eq!(error.to_string(), "column \"age\" holds \"old\": invalid digit found in string");
}

#[test]
fn a_column_may_hold_json() {
    assert_eq!(row(&[("items", "[1, 2]")]).json::<Vec<u32>>("items").unwrap(), [1, 2]);
}

#[derive(Debug, PartialEq, Deserialize)]
struct User {
    name: String,
    age: u8,
    score: f64,
    admin: bool,
    nickname: Option<String>,
    level: Option<u32>,
    plan: Plan,
    items: Vec<u32>,
    address: Address,
    id: Id,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Free,
    Paid,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Address {
    city: String,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Id(u64);

const ADA: &[(&str, &str)] = &[
    ("name", "ada"),
    ("age", "36"),
    ("score", "1.5"),
    ("admin", "true"),
    ("nickname", ""),
    ("level", "3"),
    ("plan", "paid"),
    ("items", "[1,2]"),
    ("address", r#"{"city":"London"}"#),
    ("id", "7"),
    ("not asked for", "x"),
];

#[test]
fn a_row_becomes_a_struct() {
    let ada = User {
        name: "ada".into(),
        age: 36,
        score: 1.5,
        admin: true,
        nickname: None,
        level: Some(3),
        plan: Plan::Paid,
        items: vec![1, 2],
        address: Address { city: "London".into() },
        id: Id(7),
    };
    assert_eq!(row(ADA).into::<User>().unwrap(), ada);
}

#[test]
fn a_field_that_does_not_fit_is_named_with_what_the_column_holds() {
    let columns: Vec<_> =
        ADA.iter().map(|&(name, text)| (name, if name == "age" { "300" } else { text })).collect();
    let error = row(&columns).into::<User>().unwrap_err().to_string();
    assert_eq!(
        error,
        "a row of the feed does not fit: column \"age\" holds \"300\": number too large to fit in \
        target type"
    );
}

#[test]
fn a_missing_field_is_named() {
    let error = row(&ADA[1..]).into::<User>().unwrap_err().to_string();
    assert_eq!(error, "a row of the feed does not fit: missing field `name`");
}
