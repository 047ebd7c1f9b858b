//! Redis, whose protocol (RESP) is short enough to be spoken by hand.

use std::io::{BufRead, BufReader, Read, Write};

use swell::net::TcpStream;
use swell::prelude::*;

/// Sets a key and gets it, on a connection that each user keeps.
#[scenario(start = connect)]
fn keys(redis: &mut Redis) -> Result<()> {
    let key = format!("swell:{}", context::user());
    ping(redis)?;
    set(redis, &key, "anvil")?;
    let value = get(redis, &key)?;
    check!("is what was set", value == "anvil");
    Ok(())
}

/// Nothing but PING, for those who want to know what the rest costs.
#[scenario(start = connect)]
fn pings(redis: &mut Redis) -> Result<()> {
    ping(redis)
}

#[transaction(name = "PING")]
fn ping(redis: &mut Redis) -> Result<()> {
    redis.call(&["PING"]).map(drop)
}

#[transaction(name = "SET")]
fn set(redis: &mut Redis, key: &str, value: &str) -> Result<()> {
    redis.call(&["SET", key, value]).map(drop)
}

#[transaction(name = "GET")]
fn get(redis: &mut Redis, key: &str) -> Result<String> {
    redis.call(&["GET", key])
}

/// Runs once a user.
fn connect() -> Result<Redis> {
    let server = context::variable("redis").unwrap_or_else(|| "localhost:6379".to_owned());
    Ok(Redis(BufReader::new(TcpStream::connect(server)?)))
}

/// A connection to Redis.
struct Redis(BufReader<TcpStream>);

impl Redis {
    /// Sends a command, and waits for its answer.
    fn call(&mut self, words: &[&str]) -> Result<String> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command += &format!("${}\r\n{word}\r\n", word.len());
        }
        self.0.get_mut().write_all(command.as_bytes())?;

        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or("redis closed the connection")?;
        match kind {
            "+" | ":" => Ok(rest.to_owned()),
            "$" if rest == "-1" => bail!("there is no such key"),
            "$" => {
                let mut value = vec![0; rest.parse::<usize>()? + 2];
                self.0.read_exact(&mut value)?;
                value.truncate(value.len() - 2);
                Ok(String::from_utf8(value)?)
            }
            _ => bail!("redis said {rest}"),
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
