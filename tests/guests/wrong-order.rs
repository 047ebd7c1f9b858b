//! Ends an outer transaction before the one inside it. The host must trap it and name both.

use swell::prelude::*;
use swell::raw::transactions::{Outcome, Transaction, begin, define};

#[scenario]
fn wrong_order() -> Result<()> {
    let outer = begin(define("outer")).map_err(|_| Error::RunOver)?;
    let inner = begin(define("inner")).map_err(|_| Error::RunOver)?;
    Transaction::finish(outer, Outcome::Ok);
    Transaction::finish(inner, Outcome::Ok);
    Ok(())
}
