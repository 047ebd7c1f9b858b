//! Answers: whether they are what was expected, and what is taken from them.

use serde_json::Value;

use super::follower::StepsFollower;
use super::world::{StepAnswer, StepsWorld, Stopped};
use crate::json_path::as_text;
use crate::model::{ExpectedOf, Extraction, ExtractionSource, StepRequest};

/// As much as is shown of what something was looked for in.
const SHOWN: usize = 400;

/// What came of a request, for [`StepsFollower::judge`].
///
/// # Errors
/// The run is over.
pub(super) fn unless_over(
    sent: Result<StepAnswer, Stopped>,
) -> Result<Result<StepAnswer, String>, Stopped> {
    match sent {
        Ok(answer) => Ok(Ok(answer)),
        Err(Stopped::Failed(why)) => Ok(Err(why)),
        Err(stopped) => Err(stopped),
    }
}

/// Why an answer is a failure, the same text for the same reason.
pub(super) struct AnswerFailure {
    pub(super) why: String,
    /// Whether whoever sent the request knows of it, and counts it by its own words.
    is_of_request: bool,
}

impl AnswerFailure {
    const fn of_request(why: String) -> Self {
        Self { why, is_of_request: true }
    }

    const fn of_step(why: String) -> Self {
        Self { why, is_of_request: false }
    }

    /// What is left to be said as the transaction ends.
    pub(super) fn left_to_say(&self) -> &str {
        if self.is_of_request { "" } else { &self.why }
    }
}

impl StepsFollower<'_> {
    /// Whether an answer is what was expected; takes from it what is wanted.
    ///
    /// # Errors
    /// Why it is a failure.
    pub(super) fn judge(
        &mut self,
        request: &StepRequest,
        answer: Result<StepAnswer, String>,
        world: &mut dyn StepsWorld,
    ) -> Result<(), AnswerFailure> {
        let answer = answer.map_err(AnswerFailure::of_request)?;
        let is_expected = match &*request.expect.status {
            [] => (200..=399).contains(&answer.status),
            ranges => ranges.iter().any(|&(first, last)| (first..=last).contains(&answer.status)),
        };
        if !is_expected {
            return Err(AnswerFailure::of_request(format!("status {}", answer.status)));
        }
        if request.expect.others.is_empty() && request.extract.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&answer.body);
        let json = JsonOnce::of(&text);
        for expected in &request.expect.others {
            let is_met = self.is_met(&expected.of, &answer, &text, &json, world);
            if !is_met.map_err(AnswerFailure::of_step)? {
                return Err(AnswerFailure::of_step(format!("not as expected: {}", expected.words)));
            }
        }
        for extraction in &request.extract {
            let found = found(extraction, &answer, &text, &json);
            let value = match (found, &extraction.default) {
                (Some(value), _) => value,
                (None, Some(default)) => {
                    self.fill(default, world).map_err(AnswerFailure::of_step)?
                }
                (None, None) => {
                    let (name, place) = (&extraction.variable, &extraction.words);
                    world.warn(&format!(
                        "{}: no {name} in {place}, which was: {}",
                        request.name,
                        looked_in(extraction, &answer, &text)
                    ));
                    return Err(AnswerFailure::of_step(format!("no {name} in {place}")));
                }
            };
            self.variables.insert(extraction.variable.clone(), value);
        }
        Ok(())
    }

    fn is_met(
        &mut self,
        expected: &ExpectedOf,
        answer: &StepAnswer,
        text: &str,
        json: &JsonOnce<'_>,
        world: &mut dyn StepsWorld,
    ) -> Result<bool, String> {
        Ok(match expected {
            ExpectedOf::Header(name, value) => {
                let wanted = self.fill(value, world)?;
                headers(answer, name).any(|value| value.contains(&wanted))
            }
            ExpectedOf::Contains(wanted) => text.contains(&self.fill(wanted, world)?),
            ExpectedOf::Matches(regex) => regex.is_match(text),
            ExpectedOf::Json(path, wanted) => match (json.first(path), wanted) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(value), Some(wanted)) => as_text(value) == self.fill(wanted, world)?,
            },
            ExpectedOf::Within(limit) => answer.took < *limit,
        })
    }
}

/// A body as JSON, parsed when it is first asked for.
struct JsonOnce<'a> {
    text: &'a str,
    value: std::cell::OnceCell<Option<Value>>,
}

impl<'a> JsonOnce<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, value: std::cell::OnceCell::new() }
    }

    fn first(&self, path: &crate::json_path::JsonPath) -> Option<&Value> {
        let value = self.value.get_or_init(|| serde_json::from_str(self.text).ok());
        path.first(value.as_ref()?)
    }
}

fn headers<'a>(answer: &'a StepAnswer, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    let is_wanted = move |(name, _): &&(String, String)| name.eq_ignore_ascii_case(wanted);
    answer.headers.iter().filter(is_wanted).map(|(_, value)| &**value)
}

fn found(
    extraction: &Extraction,
    answer: &StepAnswer,
    text: &str,
    json: &JsonOnce<'_>,
) -> Option<String> {
    match &extraction.from {
        ExtractionSource::Json(path) => json.first(path).map(as_text),
        ExtractionSource::Regex(regex) => {
            let groups = regex.captures(text)?;
            Some(groups.get(1).or_else(|| groups.get(0))?.as_str().to_owned())
        }
        ExtractionSource::Header(name) => headers(answer, name).next().map(str::to_owned),
        ExtractionSource::Cookie(name) => headers(answer, "set-cookie").find_map(|cookie| {
            let (known, value) = cookie.split(';').next()?.split_once('=')?;
            (known.trim() == name).then(|| value.trim().to_owned())
        }),
    }
}

/// What something was looked for in, as far as it is shown.
fn looked_in(extraction: &Extraction, answer: &StepAnswer, text: &str) -> String {
    let all = match &extraction.from {
        ExtractionSource::Json(_) | ExtractionSource::Regex(_) => text.to_owned(),
        ExtractionSource::Header(_) | ExtractionSource::Cookie(_) => {
            // Values may be secret; which headers there are says enough.
            let names: Vec<&str> = answer.headers.iter().map(|(name, _)| &**name).collect();
            format!("headers {}", names.join(", "))
        }
    };
    match all.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &all[..end], all.len()),
        None if all.is_empty() => "nothing".to_owned(),
        None => all,
    }
}
