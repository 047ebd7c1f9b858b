//! A greeter over gRPC: a call of one message, one whose failure is expected, and a chat over a
//! stream.

use prost::Message;
use swell::grpc::{self, Code, Stream};
use swell::prelude::*;

/// Who is there: `HelloRequest` of `hello.proto`, as prost-build writes it.
#[derive(Message)]
struct HelloRequest {
    #[prost(string, tag = "1")]
    name: String,
}

/// What the service says: `HelloReply`.
#[derive(Message)]
struct HelloReply {
    #[prost(string, tag = "1")]
    text: String,
}

#[scenario]
fn greet() -> Result<()> {
    let name = format!("user {}", context::user());
    let text = say_hello(&name)?;
    check!("is greeted by name", text == format!("Hello, {name}!"));
    nobody()?;
    chat(&name)
}

#[transaction]
fn say_hello(name: &str) -> Result<String> {
    let reply = grpc::call("/hello.Greeter/SayHello")
        .metadata("x-lesson", "grpc")
        .timeout(secs(2))
        .send(request(name))?;
    text(reply.message())
}

/// That the service refuses this is right, so it must not count as a failure.
#[transaction]
fn nobody() -> Result<()> {
    let call = grpc::call("/hello.Greeter/SayHello").expect(Code::InvalidArgument);
    let reply = call.send(request(""))?;
    check!("says why", reply.status().message() == "nobody is there");
    Ok(())
}

/// A stream ends with its transaction, so the whole chat is one.
#[transaction]
fn chat(name: &str) -> Result<()> {
    let mut stream = grpc::call("/hello.Greeter/Chat").open()?;
    for number in 1..=3 {
        exchange(&mut stream, &format!("{name}, time {number}"))?;
    }
    stream.finish()?;
    ensure!(stream.receive()?.is_none(), "the service has nothing to add");
    Ok(())
}

/// A transaction within the chat: it times one message and its answer.
#[transaction]
fn exchange(stream: &mut Stream, name: &str) -> Result<()> {
    stream.send(request(name))?;
    let answer = stream.receive()?.ok_or("the service has ended the chat")?;
    check!("is answered", text(&answer)?.contains(name));
    Ok(())
}

fn request(name: &str) -> Vec<u8> {
    HelloRequest { name: name.to_owned() }.encode_to_vec()
}

fn text(message: &[u8]) -> Result<String> {
    Ok(HelloReply::decode(message).map_err(Error::other)?.text)
}
