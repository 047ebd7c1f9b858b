//! Calls outside any transaction: one of one message, and one that lasts; and a stream that is kept
//! from one iteration to the next. At the end of the run it waits for what never comes.

use swell::grpc::{self, Stream};
use swell::prelude::*;

#[scenario(start = join)]
fn grpc_alone(chat: &mut Stream) -> Result<()> {
    grpc::call("/swell.test.Echo/Say").send("hello")?;
    {
        let mut many = grpc::call("/swell.test.Echo/Many").open()?;
        many.send("3")?;
        many.finish()?;
        while many.receive()?.is_some() {}
    }
    chat.send("kept")?;
    ensure!(chat.receive()?.is_some_and(|message| message == b"kept"), "it comes back");
    if context::iteration() >= 9 {
        // Outside a transaction this ends with the run.
        chat.receive_within(secs(600))?;
    }
    Ok(())
}

fn join() -> Result<Stream> {
    grpc::call("/swell.test.Echo/Chat").open()
}
