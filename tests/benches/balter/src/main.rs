//! The bench's scenario, written for Balter as its guide shows: `balter-rig KIND URL SECONDS`.

use std::sync::OnceLock;
use std::time::Duration;

use balter::prelude::*;

static URL: OnceLock<String> = OnceLock::new();
static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();

#[transaction]
async fn page() -> Result<(), reqwest::Error> {
    let client = CLIENT.get_or_init(reqwest::Client::new);
    let url = URL.get().expect("main sets it");
    client.get(url).send().await?.error_for_status()?.bytes().await?;
    Ok(())
}

#[scenario]
async fn pages() {
    let _ = page().await;
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, kind, url, seconds] = &arguments[..] else { panic!("balter-rig KIND URL SECONDS") };
    URL.set(url.clone()).expect("it is set once");
    let duration = Duration::from_secs(seconds.parse().expect("a number of seconds"));
    let stats = match kind.as_str() {
        "latency" => pages().latency(Duration::from_millis(130), 0.90).duration(duration).await,
        "errors" => pages().error_rate(0.03).duration(duration).await,
        "tps" => pages().tps(10_000).duration(duration).await,
        other => panic!("{other:?} is no kind: latency, errors or tps"),
    };
    println!("{stats:?}");
}
