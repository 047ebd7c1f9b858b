//! Sleeps with the standard library: often and briefly in a transaction, and with `-e then=stays`
//! for an hour after it. The host must take that for waiting, as it takes its own sleep, and end
//! the hour with the run.

use std::thread::sleep;
use std::time::Duration;

use swell::prelude::*;

#[scenario]
fn waits_with_std() -> Result<()> {
    transaction("naps", || {
        for _ in 0..100 {
            sleep(Duration::from_millis(2));
        }
        Ok(())
    })?;
    if context::variable("then").as_deref() == Some("stays") {
        sleep(Duration::from_secs(3600));
    }
    Ok(())
}
