use swell::prelude::*;

#[scenario]
struct Browse;

#[transaction]
#[derive(Debug)]
pub enum Page {}

fn main() {}
