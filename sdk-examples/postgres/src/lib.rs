//! PostgreSQL: the simple query of its protocol (version 3), by hand.

use std::io::{BufReader, Read, Write};

use swell::net::TcpStream;
use swell::prelude::*;

/// Two queries, on a connection that each user keeps.
#[scenario(start = connect)]
fn queries(database: &mut Database) -> Result<()> {
    let answer = one_row(database)?;
    check!("is the answer", answer == ["42"]);
    let rows = many_rows(database)?;
    check!("has all rows", rows.len() == 100);
    Ok(())
}

#[transaction(name = "one row")]
fn one_row(database: &mut Database) -> Result<Vec<String>> {
    database.query("SELECT 6 * 7")
}

#[transaction(name = "100 rows")]
fn many_rows(database: &mut Database) -> Result<Vec<String>> {
    database.query("SELECT number FROM generate_series(1, 100) AS number")
}

/// Runs once a user.
fn connect() -> Result<Database> {
    let of =
        |name: &str, default: &str| context::variable(name).unwrap_or_else(|| default.to_owned());
    let stream = TcpStream::connect(of("postgres", "localhost:5432"))?;
    let mut database = Database(BufReader::new(stream));
    let user = of("user", "postgres");
    // Version 3.0, and what the session is to be.
    let startup = format!("\0\x03\0\0user\0{user}\0database\0{}\0\0", of("database", &user));
    database.send(None, startup.as_bytes())?;
    loop {
        match database.message()? {
            (b'R', body) if body[..4] == [0, 0, 0, 3] => {
                let password = of("password", "") + "\0";
                database.send(Some(b'p'), password.as_bytes())?;
            }
            (b'R', body) if body[..4] != [0; 4] => {
                bail!("the server wants to be told a password in a way that is not spoken here")
            }
            (b'Z', _) => return Ok(database),
            _ => {}
        }
    }
}

/// A connection to PostgreSQL.
struct Database(BufReader<TcpStream>);

impl Database {
    /// Runs a query, and returns the first column of its rows.
    fn query(&mut self, sql: &str) -> Result<Vec<String>> {
        self.send(Some(b'Q'), format!("{sql}\0").as_bytes())?;
        let mut rows = Vec::new();
        loop {
            match self.message()? {
                // How many columns there are, and how many bytes the first one has.
                (b'D', row) => {
                    let size = u32::from_be_bytes([row[2], row[3], row[4], row[5]]) as usize;
                    rows.push(String::from_utf8(row[6..6 + size].to_vec())?);
                }
                (b'Z', _) => return Ok(rows),
                _ => {}
            }
        }
    }

    /// Sends a message of this kind; the first of all has none.
    fn send(&mut self, kind: Option<u8>, body: &[u8]) -> Result<()> {
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(u32::try_from(body.len() + 4)?.to_be_bytes());
        message.extend(body);
        Ok(self.0.get_mut().write_all(&message)?)
    }

    /// The next message: its kind and its body.
    fn message(&mut self) -> Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.0.read_exact(&mut head)?;
        let size = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        let mut body = vec![0; size - 4];
        self.0.read_exact(&mut body)?;
        // An error is a list of fields; M is what people read.
        if head[0] == b'E' {
            let fields = String::from_utf8_lossy(&body);
            let words = fields.split('\0').find_map(|field| field.strip_prefix('M'));
            bail!("{}", words.unwrap_or("an error without words"));
        }
        Ok((head[0], body))
    }
}
