//! Goes on beginning transactions after the run is over. The host must trap the second attempt, and
//! no request may leave after it.

use swell::prelude::*;

#[scenario]
fn begin_after_over() -> Result<()> {
    loop {
        let _ignored = transaction("page", || http::get("/").send());
    }
}
