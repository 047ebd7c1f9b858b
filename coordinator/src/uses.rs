//! Which nodes tokens have admitted, in a file: a token that admits one node does so once, however
//! often the coordinator is started again.
//!
//! Each node has a line, which is on the disk before the node gets its answer. So a machine that
//! dies loses at most an admission of which nobody heard. The file holds no secret: names of tokens
//! and nodes, and hashes of public keys.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use data_encoding::HEXLOWER;
use swell_protocol::message::NodeId;

use crate::register::TokenRegister;
use crate::token::TokenId;

/// The file, open for what comes.
#[derive(Debug)]
pub struct UsesFile(File);

impl UsesFile {
    /// Opens the file, or makes it, and tells `register` which nodes its tokens have admitted.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not as it was written.
    pub fn open(path: &Path, register: &mut TokenRegister) -> io::Result<Self> {
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        // The last line may be cut off because its machine died; nobody had got an answer then.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for (number, line) in text[..whole].lines().enumerate() {
            let damaged = || {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {} names no token, host and key", number + 1),
                )
            };
            let (token, node, key) = parse(line).ok_or_else(damaged)?;
            register.has_admitted(token, node, key);
        }
        file.set_len(whole as u64)?;
        Ok(Self(file))
    }

    /// Notes that a token has admitted a node, before the node is told.
    pub(crate) fn note(&mut self, token: TokenId, node: NodeId, key: [u8; 32]) -> io::Result<()> {
        self.0.write_all(format!("{token} {node} {}\n", HEXLOWER.encode(&key)).as_bytes())?;
        self.0.sync_data()
    }
}

fn parse(line: &str) -> Option<(TokenId, NodeId, [u8; 32])> {
    let mut words = line.split(' ');
    let (token, node, key) = (words.next()?, words.next()?, words.next()?);
    let key = HEXLOWER.decode(key.as_bytes()).ok()?.try_into().ok()?;
    let node = u64::from_str_radix(node, 16).ok()?;
    words.next().is_none().then_some((token.parse().ok()?, NodeId(node), key))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::certificate::Pin;
    use crate::refusal::JoinRefusal;
    use crate::token::Token;

    const KEY: [u8; 32] = [7; 32];

    fn token() -> Token {
        Token::draw(vec!["10.0.0.1:7600".into()], Pin::of(b"key"), 100, NonZeroU32::MIN).unwrap()
    }

    /// A register that knows the token, as a coordinator has it that was started with this file.
    fn started(path: &Path, token: &Token) -> (TokenRegister, UsesFile) {
        let mut register = TokenRegister::default();
        register.add(token);
        let file = UsesFile::open(path, &mut register).unwrap();
        (register, file)
    }

    #[test]
    fn a_token_that_is_used_up_stays_so_after_a_restart() {
        let (folder, token) = (tempfile::tempdir().unwrap(), token());
        let path = folder.path().join("uses");
        let (mut register, mut file) = started(&path, &token);
        assert_eq!(register.redeem(token.id(), NodeId(1), KEY, 0), Ok(true));
        file.note(token.id(), NodeId(1), KEY).unwrap();
        for _ in 0..2 {
            let (mut register, _file) = started(&path, &token);
            assert_eq!(
                register.redeem(token.id(), NodeId(2), KEY, 0),
                Err(JoinRefusal::UsedUp { uses: 1 })
            );
            assert_eq!(
                register.redeem(token.id(), NodeId(1), KEY, 0),
                Ok(false),
                "who was admitted may ask again"
            );
        }
    }

    #[test]
    fn a_line_that_was_cut_is_dropped_and_one_that_is_wrong_is_an_error() {
        let (folder, token) = (tempfile::tempdir().unwrap(), token());
        let path = folder.path().join("uses");
        let whole = format!("{} {} {}\n", token.id(), NodeId(1), HEXLOWER.encode(&KEY));
        std::fs::write(&path, format!("{whole}{}", &whole[..20])).unwrap();
        let (register, mut file) = started(&path, &token);
        assert_eq!(register.tokens().next().unwrap().uses_left, 0);
        file.note(token.id(), NodeId(3), KEY).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2);
        for wrong in ["hello\n", &format!("{} 1\n", token.id()), &whole.replace('\n', " more\n")] {
            std::fs::write(&path, wrong).unwrap();
            let error = UsesFile::open(&path, &mut TokenRegister::default()).unwrap_err();
            assert!(error.to_string().contains("line 1"), "{error}");
        }
    }
}
