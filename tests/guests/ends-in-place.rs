//! Ends its transactions as a language does that drops handles at the end of a block: `end`, and
//! then the drop. With `-e twice=yes` it ends one twice, which traps.

use swell::prelude::*;
use swell::raw::transactions::{self, Outcome};

#[scenario]
fn ends_in_place() -> Result<()> {
    let Ok(page) = transactions::begin(transactions::define("page")) else { return Ok(()) };
    http::get("/").send()?;
    page.end(Outcome::Ok);
    if context::variable("twice").is_some() {
        page.end(Outcome::Ok);
    }
    drop(page);
    let Ok(order) = transactions::begin(transactions::define("order")) else { return Ok(()) };
    order.end(Outcome::Failed("sold out"));
    Ok(())
}
