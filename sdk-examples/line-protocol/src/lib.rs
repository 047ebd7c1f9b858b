//! A line goes out and a line comes back: most protocols of one's own begin so.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use swell::net::TcpStream;
use swell::prelude::*;

/// A conversation of ten lines over one connection.
#[scenario]
fn talk() -> Result<()> {
    let mut line = connect()?;
    for number in 1..=10 {
        ask(&mut line, number)?;
        think(millis(10..=50));
    }
    Ok(())
}

#[transaction]
fn connect() -> Result<BufReader<TcpStream>> {
    let server = context::variable("server").unwrap_or_else(|| "localhost:7000".to_owned());
    let stream = TcpStream::connect(server)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(BufReader::new(stream))
}

#[transaction]
fn ask(line: &mut BufReader<TcpStream>, number: u32) -> Result<()> {
    let question = format!("question {number}\n");
    line.get_mut().write_all(question.as_bytes())?;
    let mut answer = String::new();
    line.read_line(&mut answer)?;
    ensure!(answer.ends_with('\n'), "the server closed the connection");
    check!("is the line that was sent", answer == question);
    Ok(())
}
