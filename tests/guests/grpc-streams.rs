//! Streams of each kind: messages one way, the other way, and both, in transactions of their own;
//! then one that is left before its end.

use swell::grpc;
use swell::prelude::*;

#[scenario]
fn grpc_streams() -> Result<()> {
    let size = transaction("collect", || {
        let mut stream = grpc::call("/swell.test.Echo/Collect").open()?;
        for _ in 0..10 {
            stream.send([b'x'; 1_000])?;
        }
        stream.finish_and_receive()
    })?;
    ensure!(size == b"10000", "all messages arrived");
    transaction("many", || {
        let mut stream = grpc::call("/swell.test.Echo/Many").open()?;
        stream.send("20")?;
        stream.finish()?;
        let mut count = 0;
        while let Some(message) = stream.receive()? {
            ensure!(message == count.to_string().as_bytes(), "they come in order");
            count += 1;
        }
        ensure!(count == 20, "all came");
        Ok(())
    })?;
    transaction("chat", || {
        let mut stream = grpc::call("/swell.test.Echo/Chat").open()?;
        for word in ["one", "two", "three"] {
            ensure!(!stream.is_ready_within(millis(1)), "nothing was said");
            stream.send(word)?;
            ensure!(stream.is_ready_within(secs(10)), "it is answered");
            ensure!(stream.receive()?.as_deref() == Some(word.as_bytes()), "it came back");
        }
        stream.finish()?;
        ensure!(stream.receive()?.is_none(), "that was all");
        ensure!(stream.status().is_some_and(|status| status.code() == grpc::Code::Ok), "it is OK");
        Ok(())
    })?;
    transaction("leave", || {
        let mut stream = grpc::call("/swell.test.Echo/Chat").open()?;
        stream.send("hello")?;
        stream.receive()?;
        Ok(())
    })
}
