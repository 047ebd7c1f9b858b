//! Sends a row of the feed "rows" to the service, each once. The host must give none twice, and end
//! the run when there are no more.

use swell::prelude::*;

#[scenario]
fn unique_rows() -> Result<()> {
    let row = data::feed("rows").unique()?;
    let id = row.text("id")?;
    transaction("row", || http::get("/").query("id", id).send())?;
    Ok(())
}
