//! Calls a method of one message five times, and each is to come back: that of `METHOD`, which
//! decides what comes of it, with a deadline of `DEADLINE` milliseconds if there is one.

use swell::prelude::*;

#[scenario]
fn grpc() -> Result<()> {
    let method = context::variable("METHOD").unwrap_or_else(|| "/swell.test.Echo/Say".to_owned());
    let deadline = context::variable("DEADLINE").map(|text| text.parse::<u64>()).transpose()?;
    let target = context::variable("SERVICE").unwrap_or_default();
    for _ in 0..5 {
        transaction("say", || {
            let mut call = swell::grpc::call(&method).target(target.as_str()).keep_metadata();
            call = call.metadata("x-bytes-bin", [0, 1, 255]).metadata("x-text", "a b");
            if let Some(deadline) = deadline {
                call = call.timeout(millis(deadline));
            }
            let reply = call.send("hello")?;
            ensure!(reply.message() == b"hello", "it comes back");
            Ok(())
        })
        .ok();
    }
    Ok(())
}
