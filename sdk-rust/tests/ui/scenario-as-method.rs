use swell::prelude::*;

struct Shop;

impl Shop {
    #[scenario]
    fn browse(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
