//! A language model that streams its answers: time to first token, tokens a second, gaps.

use serde::Deserialize;
use swell::prelude::*;

/// A part of an answer, as services like OpenAI's send it.
#[derive(Deserialize)]
struct Part {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Delta,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

/// Asks a question, and times the tokens of the answer.
#[scenario(
    vus = 4,
    threshold(
        "metric[time_to_first_token_ms].p90 < 2000 even if few",
        "metric[tokens_per_second].mean > 5"
    )
)]
fn ask() -> Result<()> {
    let model = context::variable("MODEL").unwrap_or_else(|| "gpt-4o-mini".to_owned());
    let question = json!({
        "model": model,
        "stream": true,
        "messages": [{"role": "user", "content": "What is a load test? Answer in one sentence."}],
    });
    transaction("answer", || {
        let mut request = http::post("/v1/chat/completions").json(&question);
        if let Some(key) = context::variable("API_KEY") {
            request = request.bearer(&key);
        }
        let mut answer = request.open()?;
        ensure!(answer.status() == 200, "the model refuses to answer");

        let mut came = Vec::new();
        for event in answer.events() {
            let event = event?;
            // The last word of the protocol, and none of the model.
            if event.data == "[DONE]" {
                continue;
            }
            let part: Part = event.json()?;
            let has_content = |choice: &Choice| choice.delta.content.is_some();
            if part.choices.iter().any(has_content) {
                came.push(event.after.as_secs_f64() * 1e3);
            }
        }
        measure(&came)
    })
}

/// Of the moments at which tokens came, in milliseconds after the question.
fn measure(came: &[f64]) -> Result<()> {
    let (Some(first), Some(last)) = (came.first(), came.last()) else {
        bail!("an answer without a token");
    };
    metrics::counter("tokens").add(came.len() as f64);
    metrics::trend("time_to_first_token_ms").add(*first);
    metrics::trend("answer_ms").add(*last);
    for two in came.windows(2) {
        metrics::trend("gap_ms").add(two[1] - two[0]);
    }
    if last > first {
        let per_second = (came.len() - 1) as f64 / (last - first) * 1e3;
        metrics::trend("tokens_per_second").add(per_second);
    }
    Ok(())
}
