//! Messages in JSON, of a service that the scenario describes: a call, and a stream.

use swell::grpc;
use swell::prelude::*;

/// What each message of the service is; it comes back as it was sent.
const ECHO: &str = r#"
syntax = "proto3";
package swell.test;
import "note.proto";
service Echo {
  rpc Say(Note) returns (Note);
  rpc Chat(stream Note) returns (stream Note);
}
"#;

const NOTE: &str = r#"
syntax = "proto3";
package swell.test;
import "google/protobuf/timestamp.proto";
message Note {
  string text = 1;
  repeated int32 numbers = 2;
  google.protobuf.Timestamp at = 3;
}
"#;

#[scenario(start = describe)]
fn grpc_json(_: &mut ()) -> Result<()> {
    let note = json!({ "text": "hello", "numbers": [1, 2], "at": "2026-01-02T03:04:05Z" });
    transaction("say", || {
        let reply = grpc::call("/swell.test.Echo/Say").send_json(&note)?;
        ensure!(same(&reply.json()?, &note), "it comes back");
        Ok(())
    })?;
    transaction("chat", || {
        let mut stream = grpc::call("/swell.test.Echo/Chat").open()?;
        stream.send_json(&note)?;
        stream.finish()?;
        let came = stream.receive_json()?.ok_or("the stream has ended")?;
        ensure!(same(&came, &note), "it comes back");
        ensure!(stream.receive()?.is_none(), "that was all");
        Ok(())
    })?;
    let refused = grpc::call("/swell.test.Echo/Say").send_json(&json!({ "price": 1 }));
    let words = refused.err().map(|error| error.to_string()).unwrap_or_default();
    ensure!(words.contains("this JSON is no swell.test.Note"), "{words}");
    Ok(())
}

fn describe() -> Result<()> {
    grpc::describe(&[("echo.proto", ECHO), ("note.proto", NOTE)])
}

fn same<T: PartialEq>(came: &T, sent: &T) -> bool {
    came == sent
}
