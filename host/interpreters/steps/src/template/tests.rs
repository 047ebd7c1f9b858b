use std::collections::BTreeMap;

use super::*;

/// Variables, and random numbers that count up.
#[derive(Default)]
pub(crate) struct FixedScope {
    pub(crate) values: BTreeMap<String, String>,
    randoms: u64,
}

impl Scope for FixedScope {
    fn value(&mut self, name: &str) -> Option<String> {
        self.values.get(name).cloned()
    }

    fn column(&mut self, feed: &str, column: &str) -> Result<String, String> {
        Ok(format!("{column} of {feed}"))
    }

    fn given(&mut self, name: &str) -> Option<String> {
        (name == "TOKEN").then(|| "s3cret".to_owned())
    }

    fn user(&mut self) -> u64 {
        7
    }

    fn iteration(&mut self) -> u64 {
        41
    }

    fn random(&mut self) -> u64 {
        self.randoms = self.randoms.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.randoms
    }

    fn unix_ms(&mut self) -> u64 {
        1_795_000_000_123
    }
}

fn filled(text: &str) -> String {
    let mut scope = FixedScope::default();
    scope.values.insert("id".to_owned(), "12".to_owned());
    let template = ValueTemplate::parse(text, FilePlace::default()).expect("it is a template");
    template.fill(&mut scope).unwrap_or_else(|error| format!("ERROR {error}"))
}

fn refused(text: &str) -> String {
    ValueTemplate::parse(text, FilePlace::default()).expect_err("it is refused").message
}

#[test]
fn values_stand_where_braces_were() {
    for (text, expected) in [
        ("/items/{{id}}?u={{ user }}-{{iteration}}", "/items/12?u=7-41"),
        ("{{accounts.email}}", "email of accounts"),
        ("{{env(\"TOKEN\")}}{{env(TOKEN)}}", "s3crets3cret"),
        ("plain {x} }} text", "plain {x} }} text"),
        ("{{\"{{\"}}", "{{"),
        ("", ""),
        ("{{base64(\"me:\", id)}}", "bWU6MTI="),
        ("{{urlencode(\"a b/ü\")}}", "a%20b%2F%C3%BC"),
        ("{{upper('abc')}}{{lower(\"ÄB\")}}", "ABCäb"),
        ("{{timestamp()}} {{timestamp_ms()}}", "1795000000 1795000000123"),
        ("{{now()}}", "2026-11-18T11:06:40.123Z"),
        ("{{number(id)}}", "12"),
        ("{{number(\"12345678901234567890123\")}}", "12345678901234567890123"),
        ("{{sha256(\"abc\")}}", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        // RFC 4231, test case 2.
        (
            "{{hmac_sha256(\"Jefe\", \"what do ya want \", \"for nothing?\")}}",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
    ] {
        assert_eq!(filled(text), expected, "{text}");
    }
}

#[test]
fn what_is_random_keeps_its_form() {
    let uuid = filled("{{uuid()}}");
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
    assert!(uuid[14..].starts_with('4') && "89ab".contains(&uuid[19..20]), "{uuid}");
    let mut scope = FixedScope::default();
    let dice =
        ValueTemplate::parse("{{random(1, 6)}}", FilePlace::default()).expect("it is a template");
    let mut seen: Vec<String> = (0..100).map(|_| dice.fill(&mut scope).expect("it")).collect();
    seen.sort();
    seen.dedup();
    assert_eq!(seen, ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(filled("{{random(5, 5)}}{{random(-3, -3)}}"), "5-3");
    assert_eq!(filled("{{random_text(12)}}").len(), 12);
    assert!(["a", "b"].contains(&&*filled("{{pick(\"a\", \"b\")}}")));
}

#[test]
fn what_cannot_be_filled_in_says_what_is_missing() {
    for (text, words) in [
        ("{{nobody}}", "nobody has no value yet"),
        ("{{env(\"OTHER\")}}", "-e OTHER="),
        ("{{random(\"x\", 2)}}", "\"x\" is no whole number"),
        ("{{random(3, 2)}}", "the first is the smaller one"),
        ("{{number(\"1x\")}}", "\"1x\" is no number"),
        ("{{random_text(-1)}}", "random_text: 0 to"),
    ] {
        let said = filled(text);
        assert!(said.starts_with("ERROR") && said.contains(words), "{text}: {said}");
    }
}

#[test]
fn what_is_no_template_is_refused_with_what_was_meant() {
    for (text, words) in [
        ("{{id", "}} is missing"),
        ("{{}}", "a name, a \"text\", a number or a call"),
        ("{{uid()}}", "did you mean uuid?"),
        ("{{random(1)}}", "random is called as random(1, 100)"),
        ("{{pick(\"a\"", "never closed"),
        ("{{\"a}}", "never closed"),
        ("{{a b}}", "}} is wanted before \"b}}\""),
        (&format!("{{{{{}1{}}}}}", "lower(".repeat(20), ")".repeat(20)), "too deep"),
    ] {
        assert!(refused(text).contains(words), "{text}: {}", refused(text));
    }
}

#[test]
fn names_have_values_in_short() {
    let short = |text| ValueTemplate::parse(text, FilePlace::default()).expect("it").in_short();
    assert_eq!(short("/items/{{id}}/{{accounts.email}}/{{uuid()}}"), "/items/{id}/{email}/{}");
}
