//! A visit to a shop: several transactions, weighted choices, think times, a page with its assets.

use serde::Deserialize;
use swell::prelude::*;

#[derive(Deserialize)]
struct Item {
    id: u64,
    price: f64,
}

/// Comes to the shop, looks around, and sometimes buys.
#[scenario(vus = 20, duration = "30s")]
fn checkout() -> Result<()> {
    front_page()?;
    think(secs(1..=3));

    let items = items()?;
    let item = random::pick(&items).ok_or("the shop is empty")?;
    think(secs(0.5));

    choose! {
        7 => log::debug!("only looked"),
        2 => put_into_cart(item)?,
        1 => buy(item)?,
    }
    Ok(())
}

/// The page, and then at once what a browser loads for it.
#[transaction(name = "front page")]
fn front_page() -> Result<()> {
    let page = http::get("/").keep_body().send()?;
    check!("has a title", page.text()?.contains("<title>"));
    for asset in http::send_all(["/style.css", "/app.js", "/logo.png"].map(http::get)) {
        asset?;
    }
    Ok(())
}

#[transaction]
fn items() -> Result<Vec<Item>> {
    http::get("/items").keep_body().send()?.json()
}

#[transaction(name = "put into cart")]
fn put_into_cart(item: &Item) -> Result<()> {
    http::post("/cart").json(&json!({ "id": item.id })).send()?;
    Ok(())
}

fn buy(item: &Item) -> Result<()> {
    put_into_cart(item)?;
    think(millis(200..=800));
    order(item)
}

#[transaction]
fn order(item: &Item) -> Result<()> {
    ensure!(item.price > 0.0, "an item is free of charge");
    http::post("/orders").json(&json!({ "items": [item.id] })).expect(201).send()?;
    Ok(())
}
