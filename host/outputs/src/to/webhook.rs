//! `--to webhook=URL`: a message as each run begins, and one with what it came to.
//!
//! The messages are JSON, and their `text` alone is what Slack, Mattermost, Rocket.Chat and Google
//! Chat show; what else they hold is for a program. Such a URL is a credential itself, so no more
//! of it than the host is ever shown, and it may be given in a variable.

use anyhow::bail;
use serde_json::{Value, json};
use swell_core::plain::line;
use swell_core::record::{Percentile, Statistic};
use swell_core::units::grouped;
use swell_report::Report;
use swell_report::record::RecordHeader;

use super::backlog::Joining;
use super::http::Http;
use super::receiver_url::ReceiverUrl;
use super::sending::sending;
use super::updates::Updates;
use super::{Variable, variable};
use crate::queued::{NewsKind, RunNews};
use crate::sink::{Flag, Kind, KindValue};

/// The kind.
pub(crate) const KIND: Kind = Kind {
    name: "webhook",
    flag: Flag::To,
    help: "webhook=URL posts JSON as a run begins and as it ends, which Slack takes too; \
    `webhook=` alone takes the URL from the variable SWELL_WEBHOOK_URL",
    needs_seconds: true,
    value: KindValue::Receiver,
    open: |value, _| {
        let (receiver, http) = hook(value, variable)?;
        sending("to-webhook", receiver.flag, Joining::Apart, Messages, http)
    },
};

/// The variable for a URL that nobody else is to see.
const URL: &str = "SWELL_WEBHOOK_URL";
/// The version of the form of messages.
const FORM: &str = "swell.webhook/1";

/// Where messages are posted.
///
/// # Errors
/// It is no URL, or there is none.
fn hook(text: &str, variable: Variable) -> anyhow::Result<(ReceiverUrl, Http)> {
    let given = if text.is_empty() { variable(URL) } else { Some(text.to_owned()) };
    let Some(given) = given else {
        bail!("--to webhook=: a URL is needed\nhelp: name it, or set the variable {URL}");
    };
    let receiver = ReceiverUrl::parse(KIND.name, &given, "https://hooks.example.com/services/x")?;
    let content_type = ("content-type".into(), "application/json".to_owned());
    let http = Http::new(&receiver, receiver.url.to_string(), vec![content_type]);
    Ok((receiver, http))
}

/// The messages.
struct Messages;

impl Updates for Messages {
    fn update(&mut self, told: &RunNews) -> Option<Vec<u8>> {
        let run = &*told.run;
        let message = match &told.what {
            NewsKind::Begun => message(run, "begun", begun(run), json!({})),
            NewsKind::Over(None) => {
                let text = format!("{} broke off, without results", name(run));
                message(run, "over", text, json!({ "exit": null }))
            }
            NewsKind::Over(Some(report)) => {
                let results = json!({
                    "exit": report.exit,
                    "verdict": report.verdict,
                    "thresholds": report.thresholds,
                    "measured_seconds": report.run.measured_seconds,
                    "transactions": report.measured.transactions,
                });
                message(run, "over", over(run, report), results)
            }
            NewsKind::Frame(_) | NewsKind::Mark(_) => return None,
        };
        Some(message.to_string().into_bytes())
    }
}

fn message(run: &RecordHeader, event: &str, text: String, more: Value) -> Value {
    let mut message = json!({
        "text": escaped(&text),
        "schema": FORM,
        "event": event,
        "run": run.run,
        "began_at": run.began_at,
    });
    if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
        message.extend(more);
    }
    message
}

fn name(run: &RecordHeader) -> String {
    line(&run.run.name).to_string()
}

fn begun(run: &RecordHeader) -> String {
    let target = run.run.target.as_deref().map(|target| format!(" against {}", line(target)));
    format!("{} begins{}: {}", name(run), target.unwrap_or_default(), line(&run.run.model))
}

fn over(run: &RecordHeader, report: &Report) -> String {
    let transactions = &report.measured.transactions;
    let p95 = Statistic::Percentile(Percentile::P95);
    let response = transactions.response_ms.get(p95).map(|ms| {
        let least = if transactions.response_ms.is_at_least(p95) { "≥ " } else { "" };
        format!(", response p95 {least}{ms:.1} ms")
    });
    let code = report.exit.code.code();
    format!(
        "{}: {} (exit code {code}), {}: {} ok, {} failed, {:.1}/s{}",
        name(run),
        line(report.exit.reason.lines().next().unwrap_or_default()),
        report.verdict.stamp,
        grouped(transactions.counts.ok),
        grouped(transactions.counts.failed),
        transactions.per_second,
        response.unwrap_or_default()
    )
}

/// The text as Slack shows it: names of a scenario are no markup, and call nobody.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::samples::{frame, header};
    use crate::to::carrier::Carrier as _;
    use crate::to::http::tests::{TAKEN, receiver};

    fn messages(name: &str) -> Vec<Value> {
        let run = header(name);
        let told = [NewsKind::Begun, NewsKind::Frame(frame(0, 1)), NewsKind::Over(None)];
        let updates = told.into_iter().filter_map(|what| {
            let told = RunNews { run: Arc::clone(&run), what };
            Messages.update(&told)
        });
        updates.map(|bytes| serde_json::from_slice(&bytes).unwrap()).collect()
    }

    #[test]
    fn a_run_is_told_as_it_begins_and_as_it_ends_and_not_between() {
        let messages = messages("shop");
        let told: Vec<(&str, &str)> = messages
            .iter()
            .map(|it| (it["event"].as_str().unwrap(), it["text"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("begun", "shop begins: closed model, 1 user"),
                ("over", "shop broke off, without results")
            ]
        );
        assert_eq!(messages[1]["schema"], FORM);
        assert_eq!(messages[1]["run"]["id"], "f00");
        assert!(messages[1]["exit"].is_null());
    }

    #[test]
    fn a_name_is_no_markup_and_calls_nobody() {
        let text = messages("<!channel> & \u{1b}[2J")[0]["text"].to_string();
        assert!(text.starts_with("\"&lt;!channel&gt; &amp; \\\\u{1b}[2J begins"), "{text}");
    }

    #[test]
    fn of_a_hook_no_more_than_its_host_is_shown_wherever_its_url_comes_from() {
        let (address, asked) = receiver(&[TAKEN, TAKEN]);
        let typed = format!("http://{address}/services/s3cret?key=s3cret");
        let (receiver, mut http) = hook(&typed, |_| None).unwrap();
        assert_eq!(receiver.flag, format!("--to webhook=http://{address}/not-kept"));
        http.bring(b"{}", Duration::from_secs(20)).unwrap();
        let (head, body) = asked.recv().unwrap();
        assert!(head.starts_with("POST /services/s3cret?key=s3cret HTTP/1.1\r\n"), "{head}");
        assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
        assert_eq!(body, b"{}");
        let (receiver, _) =
            hook("", |name| (name == URL).then(|| "https://hooks.test/services/s3cret".to_owned()))
                .unwrap();
        assert_eq!(receiver.flag, "--to webhook=https://hooks.test/not-kept");
        let error = hook("", |_| None).err().unwrap().to_string();
        assert!(error.contains("set the variable SWELL_WEBHOOK_URL"), "{error}");
        let error = hook("hooks.test/s3cret", |_| None).err().unwrap().to_string();
        assert!(!error.contains("s3cret") && error.contains("https:// is needed"), "{error}");
    }
}
