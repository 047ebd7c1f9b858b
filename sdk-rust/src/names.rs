//! Names become numbers once: the host is asked for a name's number the first time, the table
//! answers from then on.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// The numbers that the host gave to the names of one kind of thing.
pub(crate) struct Names(RefCell<BTreeMap<Box<str>, u32>>);

impl Names {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(BTreeMap::new()))
    }

    /// The number of `name`; `define` asks the host when it is not known yet. A failed answer is
    /// not kept.
    pub(crate) fn number<E>(
        &self,
        name: &str,
        define: impl FnOnce(&str) -> Result<u32, E>,
    ) -> Result<u32, E> {
        if let Some(number) = self.0.borrow().get(name) {
            return Ok(*number);
        }
        let number = define(name)?;
        self.0.borrow_mut().insert(name.into(), number);
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_defined_once() {
        let names = Names::new();
        assert_eq!(names.number("a", |_| Ok::<_, ()>(7)), Ok(7));
        assert_eq!(names.number("a", |_| Err("asked again")), Ok(7));
    }

    #[test]
    fn a_failed_definition_is_tried_anew() {
        let names = Names::new();
        assert_eq!(names.number("a", |_| Err("not yet")), Err("not yet"));
        assert_eq!(names.number("a", |_| Ok::<_, ()>(7)), Ok(7));
    }
}
