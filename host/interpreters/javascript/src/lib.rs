//! What the interpreter of JavaScript knows of pages, paths and stack traces. The component that
//! runs scripts stands beside, in `component.rs`: QuickJS, the contract's functions, and the
//! modules that a script may import, which are JavaScript.

pub mod html;
pub mod paths;
pub mod stack;

/// The types of the module "swell", for editors.
pub const TYPES: &str = include_str!("../types/swell.d.ts");
