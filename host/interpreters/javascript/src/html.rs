//! Pages, as scripts look into them: a tree of what an HTML text says.
//!
//! The words of a page are read as the standard has them, by `html5gum`. The tree is a simple one:
//! an end that is left out is understood where people leave it out (`li`, `p`, `td`, `option` and
//! their like), and what is nested wrongly is closed as it comes. Nothing is added that is not
//! there: a page without `<body>` has none.

mod selector;
mod tree;

pub use self::selector::{Selector, SelectorError};
pub use self::tree::{HtmlPage, PageNodeId};

#[cfg(test)]
mod tests;
