//! The names of requests that are transactions of their own.

use std::collections::BTreeMap;

use crate::record::{KindId, MAX_NAME_LEN, NameError, Recorder};

/// What the requests outside any transaction are called, as far as a worker tells them apart. Paths
/// often hold identifiers, so their number is bounded here and not by a trap.
#[derive(Debug, Default)]
pub struct ImplicitKinds(BTreeMap<String, KindId>);

/// The most names that a worker tells apart; those beyond are [`OTHER_REQUESTS`].
const MAX_NAMES: usize = 100;
const OTHER_REQUESTS: &str = "other requests";

impl ImplicitKinds {
    /// The kind of a request with this name.
    ///
    /// # Errors
    /// The scenario's own names have used up what a run tells apart.
    pub fn kind(&mut self, mut name: String, recorder: &mut Recorder) -> Result<KindId, NameError> {
        name.truncate(name.floor_char_boundary(MAX_NAME_LEN));
        if !self.0.contains_key(&name) && self.0.len() >= MAX_NAMES {
            name = OTHER_REQUESTS.to_owned();
        }
        if let Some(kind) = self.0.get(&name) {
            return Ok(*kind);
        }
        let kind = recorder.define(&name)?;
        self.0.insert(name, kind);
        Ok(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunInstant;

    #[test]
    fn paths_without_end_share_one_name_and_leave_the_rest_to_the_scenario() {
        let mut recorder = Recorder::new(RunInstant::START);
        let mut implicit = ImplicitKinds::default();
        let first = implicit.kind("GET /items/0".into(), &mut recorder).expect("a name");
        for item in 1..MAX_NAMES {
            implicit.kind(format!("GET /items/{item}"), &mut recorder).expect("a name");
        }
        let other = implicit.kind("GET /items/many".into(), &mut recorder).expect("a name");
        assert_eq!(recorder.name(other), Some(OTHER_REQUESTS));
        assert_eq!(implicit.kind("GET /items/more".into(), &mut recorder), Ok(other));
        assert_eq!(implicit.kind("GET /items/0".into(), &mut recorder), Ok(first));
        assert!(recorder.define("the scenario's own").is_ok());
    }

    #[test]
    fn a_long_path_is_cut_between_characters() {
        let mut recorder = Recorder::new(RunInstant::START);
        let name = format!("{}é{}", "x".repeat(MAX_NAME_LEN - 1), "y".repeat(1_000));
        let kind = ImplicitKinds::default().kind(name, &mut recorder).expect("a name");
        assert_eq!(recorder.name(kind), Some(&*"x".repeat(MAX_NAME_LEN - 1)));
    }
}
