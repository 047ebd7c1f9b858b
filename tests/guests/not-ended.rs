//! Begins a transaction and never ends it. The host must end it with the iteration, as failed: "not
//! ended".

use swell::prelude::*;
use swell::raw::transactions;

#[scenario]
fn not_ended() -> Result<()> {
    let open =
        transactions::begin(transactions::define("left open")).map_err(|_| Error::RunOver)?;
    drop(open);
    Ok(())
}
