//! The first messages: whether two releases go together.
//!
//! Both sides say what they are before anything else, and both decide, so each can tell its user
//! about both. The protocol's number, the release and the node's id come first and never change
//! their place: whatever a later release adds, an earlier one can read far enough to name it.

use std::fmt;

use data_encoding::HEXLOWER;
use swell_protocol::message::NodeId;

use crate::text::printable;
use crate::wire::frame;

/// The longest first message: two short texts and a hash.
pub(crate) const MAX_HELLO: usize = 4096;

/// What a node is, as far as others must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The version of the messages between nodes. Two nodes talk only if it is the same.
    pub protocol: u32,
    /// The product's version, for people.
    pub release: String,
    /// The hash of the contract (WIT) that scenarios are written against. Two nodes run the same
    /// scenario only if it is the same.
    pub contract: [u8; 32],
    /// The engine and its version, for example "wasmtime 48.0.8". Two nodes treat a scenario alike
    /// only if it is the same.
    pub engine: String,
}

/// In what two nodes differ, with what each of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// What is different: the protocol, the contract or the engine.
    pub subject: &'static str,
    /// This node's.
    pub ours: String,
    /// The other's.
    pub theirs: String,
    /// This node's release.
    pub our_release: String,
    /// The other's release.
    pub their_release: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, ours, theirs, our_release, their_release } = self;
        write!(
            f,
            "it runs release {their_release} with {subject} {theirs}, and this node release \
            {our_release} with {subject} {ours}\nhelp: run the same \
             release on all nodes"
        )
    }
}

impl Hello {
    /// The message of a node that is this.
    pub(crate) fn encode(&self, node: NodeId) -> Result<bytes::Bytes, frame::EncodeError> {
        frame::encode(&(self.protocol, &self.release, node, self.contract, &self.engine))
    }

    /// Reads the message of another node, and returns who it claims to be, and whether it goes
    /// together with this one.
    pub(crate) fn judge(
        &self,
        message: &[u8],
    ) -> Result<(NodeId, Result<Self, Box<Disagreement>>), String> {
        let (head, rest): ((u32, String, NodeId), _) =
            postcard::take_from_bytes(message).map_err(|e| e.to_string())?;
        let (protocol, release, node) = head;
        let release = printable(release.as_bytes());
        let differs = |subject, ours: &str, theirs: &str| {
            Box::new(Disagreement {
                subject,
                ours: ours.to_owned(),
                theirs: theirs.to_owned(),
                our_release: self.release.clone(),
                their_release: release.clone(),
            })
        };
        if protocol != self.protocol {
            return Ok((
                node,
                Err(differs("protocol", &self.protocol.to_string(), &protocol.to_string())),
            ));
        }
        let (contract, engine): ([u8; 32], String) = frame::decode(rest)?;
        let engine = printable(engine.as_bytes());
        if contract != self.contract {
            return Ok((node, Err(differs("contract", &short(&self.contract), &short(&contract)))));
        }
        if engine != self.engine {
            return Ok((node, Err(differs("engine", &self.engine, &engine))));
        }
        Ok((node, Ok(Self { protocol, release, contract, engine })))
    }
}

/// Enough of a hash to tell two apart.
fn short(hash: &[u8; 32]) -> String {
    HEXLOWER.encode(&hash[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            protocol: 1,
            release: "0.1.0".into(),
            contract: [1; 32],
            engine: "wasmtime 48".into(),
        }
    }

    fn judged(theirs: &Hello) -> Result<Hello, Box<Disagreement>> {
        let (node, judged) = hello().judge(&theirs.encode(NodeId(5)).unwrap()[4..]).unwrap();
        assert_eq!(node, NodeId(5));
        judged
    }

    #[test]
    fn another_release_with_the_same_protocol_contract_and_engine_is_welcome() {
        let theirs = Hello { release: "0.1.1".into(), ..hello() };
        assert_eq!(judged(&theirs), Ok(theirs));
    }

    #[test]
    fn whatever_differs_is_named_with_both_sides() {
        let engine = judged(&Hello { engine: "wasmtime 47".into(), ..hello() }).unwrap_err();
        assert_eq!(
            (engine.subject, engine.ours.as_str(), engine.theirs.as_str()),
            ("engine", "wasmtime 48", "wasmtime 47")
        );
        let contract = judged(&Hello { contract: [2; 32], ..hello() }).unwrap_err().to_string();
        assert!(
            contract.contains("contract 020202020202")
                && contract.contains("contract 010101010101"),
            "{contract}"
        );
    }

    #[test]
    fn a_later_protocol_is_named_though_the_rest_of_its_hello_is_unknown() {
        let message = postcard::to_stdvec(&(7u32, "9.0.0\n", NodeId(5), "whatever", 3u8)).unwrap();
        let error = hello().judge(&message).unwrap().1.unwrap_err();
        assert_eq!(
            (error.ours.as_str(), error.theirs.as_str(), error.their_release.as_str()),
            ("1", "7", "9.0.0?")
        );
    }

    #[test]
    fn garbage_is_no_hello() {
        assert!(hello().judge(&[0xff; 64]).is_err());
        assert!(hello().judge(&[]).is_err());
    }
}
