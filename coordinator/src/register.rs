//! Which tokens admit, how often, and until when.
//!
//! The text of a token can be copied; the register is what ends it. It lives in memory on the node
//! that admits, and is a rule without a clock of its own: the caller says what time it is. A node
//! whose answer was lost asks again with the same key and costs no second use.
//!
//! A token that is registered again after a restart (from a cluster's file, say) goes on with its
//! count if there is a [`UsesFile`](crate::UsesFile).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use swell_protocol::message::NodeId;

use crate::refusal::JoinRefusal;
use crate::token::{Token, TokenId};

/// The most tokens that are kept. An operator that makes more has forgotten to revoke some; the
/// token that ends first makes room.
const MAX_TOKENS: usize = 1024;

/// The tokens that a cluster has handed out.
#[derive(Debug, Default)]
pub struct TokenRegister {
    tokens: BTreeMap<TokenId, RegisteredToken>,
}

#[derive(Debug)]
struct RegisteredToken {
    token: Token,
    revoked: bool,
    /// The nodes that it has admitted: at most as many as it has uses.
    admitted: BTreeSet<(NodeId, [u8; 32])>,
}

/// A token as the register sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// Its name.
    pub id: TokenId,
    /// When it ends, in seconds of Unix time.
    pub expires_unix_s: u64,
    /// How many nodes it still admits.
    pub uses_left: u32,
    /// Whether it was taken back.
    pub revoked: bool,
}

impl TokenRegister {
    /// Lets a token admit from now on. A token that is known already stays as it is, with its uses,
    /// revoked or not.
    pub fn add(&mut self, token: &Token) {
        if self.tokens.len() >= MAX_TOKENS
            && !self.tokens.contains_key(&token.id())
            && let Some(first) = self
                .tokens
                .values()
                .min_by_key(|entry| entry.token.expires_unix_s())
                .map(|entry| entry.token.id())
        {
            self.tokens.remove(&first);
        }
        self.tokens.entry(token.id()).or_insert_with(|| RegisteredToken {
            token: token.clone(),
            revoked: false,
            admitted: BTreeSet::new(),
        });
    }

    /// Takes a token back: it admits nobody any more, and nodes that were admitted stay. False when
    /// it is not known.
    pub fn revoke(&mut self, id: TokenId) -> bool {
        self.tokens.get_mut(&id).map(|entry| entry.revoked = true).is_some()
    }

    /// The tokens by their names.
    pub fn tokens(&self) -> impl Iterator<Item = IssuedToken> {
        self.tokens.values().map(|entry| IssuedToken {
            id: entry.token.id(),
            expires_unix_s: entry.token.expires_unix_s(),
            uses_left: entry.uses_left(),
            revoked: entry.revoked,
        })
    }

    /// What proves that somebody holds the token.
    pub(crate) fn secret(&self, id: TokenId) -> Option<&[u8; 32]> {
        self.tokens.get(&id).map(|entry| entry.token.secret())
    }

    /// Counts a node that a token admitted before this register was made. If the token is not
    /// known, the count is not needed.
    pub(crate) fn has_admitted(&mut self, id: TokenId, node: NodeId, key: [u8; 32]) {
        if let Some(entry) = self.tokens.get_mut(&id) {
            entry.admitted.insert((node, key));
        }
    }

    /// Spends one use on a node that has proven to hold the token, known by its id and the hash of
    /// its key. Returns whether a use was spent: a node that asks again costs none.
    pub(crate) fn redeem(
        &mut self,
        id: TokenId,
        node: NodeId,
        key: [u8; 32],
        now_unix_s: u64,
    ) -> Result<bool, JoinRefusal> {
        let entry = self.tokens.get_mut(&id).ok_or(JoinRefusal::UnknownToken)?;
        if entry.revoked {
            return Err(JoinRefusal::Revoked);
        }
        if now_unix_s >= entry.token.expires_unix_s() {
            return Err(JoinRefusal::Expired {
                ended_s_ago: now_unix_s - entry.token.expires_unix_s(),
            });
        }
        if entry.admitted.contains(&(node, key)) {
            return Ok(false);
        }
        if entry.uses_left() == 0 {
            return Err(JoinRefusal::UsedUp { uses: NonZeroU32::get(entry.token.uses()) });
        }
        Ok(entry.admitted.insert((node, key)))
    }
}

impl RegisteredToken {
    fn uses_left(&self) -> u32 {
        self.token
            .uses()
            .get()
            .saturating_sub(u32::try_from(self.admitted.len()).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::Pin;

    const KEY: [u8; 32] = [7; 32];

    fn token(expires_unix_s: u64, uses: u32) -> Token {
        Token::draw(
            vec!["10.0.0.1:7600".into()],
            Pin::of(b"key"),
            expires_unix_s,
            NonZeroU32::new(uses).unwrap(),
        )
        .unwrap()
    }

    #[test]
    fn a_token_admits_as_often_as_it_says_and_a_node_that_asks_again_costs_nothing() {
        let token = token(100, 2);
        let mut register = TokenRegister::default();
        register.add(&token);
        let mut redeem = |node| register.redeem(token.id(), NodeId(node), KEY, 0);
        assert_eq!(redeem(1), Ok(true));
        assert_eq!(redeem(1), Ok(false));
        assert_eq!(redeem(2), Ok(true));
        assert_eq!(redeem(3), Err(JoinRefusal::UsedUp { uses: 2 }));
        assert_eq!(redeem(2), Ok(false));
        assert_eq!(register.tokens().next().unwrap().uses_left, 0);
    }

    #[test]
    fn a_token_ends_at_its_second_and_when_it_is_revoked() {
        let token = token(100, 2);
        let mut register = TokenRegister::default();
        register.add(&token);
        let node = NodeId(1);
        assert_eq!(register.redeem(token.id(), node, KEY, 99), Ok(true));
        assert_eq!(
            register.redeem(token.id(), node, KEY, 103),
            Err(JoinRefusal::Expired { ended_s_ago: 3 })
        );
        assert!(register.revoke(token.id()));
        register.add(&token);
        assert_eq!(register.redeem(token.id(), node, KEY, 99), Err(JoinRefusal::Revoked));
        assert!(!register.revoke(self::token(1, 1).id()));
    }

    #[test]
    fn a_full_register_drops_the_token_that_ends_first() {
        let mut register = TokenRegister::default();
        let first = token(1, 1);
        register.add(&first);
        for _ in 0..MAX_TOKENS {
            register.add(&token(2, 1));
        }
        assert_eq!(register.tokens().count(), MAX_TOKENS);
        assert_eq!(register.secret(first.id()), None);
    }
}
