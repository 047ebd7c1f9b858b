//! Users from a CSV file, orders from JSON lines, each order once.

use serde::Deserialize;
use swell::prelude::*;

/// A line of orders.jsonl. Its fields are named like the columns.
#[derive(Deserialize)]
struct Order {
    items: Vec<u64>,
    express: bool,
    note: Option<String>,
}

/// Logs in as a user of the file and places an order that nobody else places.
#[scenario]
fn place_orders() -> Result<()> {
    let order: Order = data::feed("orders").unique()?.into()?;
    let user = data::feed("users").by_user()?;
    log_in(user.text("user")?, user.text("password")?)?;
    place(&order)
}

#[transaction(name = "log in")]
fn log_in(user: &str, password: &str) -> Result<()> {
    http::post("/login").json(&json!({ "user": user, "password": password })).send()?;
    Ok(())
}

#[transaction(name = "place order")]
fn place(order: &Order) -> Result<()> {
    let body = json!({ "items": order.items, "express": order.express, "note": order.note });
    http::post("/orders").json(&body).expect(201).send()?;
    Ok(())
}
