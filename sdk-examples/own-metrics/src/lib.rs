//! Counters, gauges, rates and trends of the scenario's own.

use serde::Deserialize;
use swell::prelude::*;

#[derive(Deserialize)]
struct Item {
    name: String,
    price: f64,
}

/// Looks at the items and measures what the service's figures do not show.
#[scenario]
fn measure() -> Result<()> {
    let response = transaction("items", || http::get("/items").keep_body().send())?;
    let items: Vec<Item> = response.json()?;

    metrics::gauge("items in the shop").add(items.len() as f64);
    metrics::rate("connection reused").add(response.reused());
    metrics::trend("first byte, ms").add(response.phases().waiting.as_secs_f64() * 1e3);
    for item in &items {
        metrics::trend("price").with("item", &item.name).add(item.price);
        metrics::counter("items seen").add(1);
    }
    Ok(())
}
