//! Joining: with one question and one answer a node turns its token into an identity.
//!
//! A node with a token dials the node that admits, which proves itself by the key that the token
//! pins. The joining node then sends the one message that this protocol accepts: which token it
//! has, a signing request for its fresh key, and a proof that it knows the token's secret. The
//! answer is its certificate, or the reason for a refusal.
//!
//! ## What the proof is worth to a thief
//! The proof is an HMAC over the signing request and over bytes that TLS derives for this
//! connection alone (an exporter, RFC 8446, section 7.5). Sent again on another connection, or for
//! another key, it proves nothing, and the secret itself never travels. So a captured message is
//! worthless, even to a thief that holds the private key of another member.

//!
//! | file | is |
//! |---|---|
//! | `message` | what is asked and answered, and the proof |
//! | `join` | the side that asks |
//! | `desk` | the side that answers |

pub(crate) mod desk;
pub(crate) mod join;
pub(crate) mod message;
#[cfg(test)]
mod tests;
