//! Asks for more than load, by defaults, by a manifest and by `conduct`. The host must give it
//! nothing that nobody typed, and say what it asks for.
#![allow(
    unsafe_code,
    reason = "the scenarios register as those of `#[scenario]` do, with defaults that the \
    attribute does not offer"
)]

use swell::__private::{Hooks, Scenario, register, register_conduct};
use swell::prelude::*;

macro_rules! scenarios {
    ($($item:ident: $name:literal, $defaults:expr, $hosts:expr;)*) => {
        $(static $item: Scenario = Scenario {
            name: $name,
            description: "",
            has_setup: false,
            has_start: false,
            defaults: &$defaults,
            hosts: &$hosts,
            life: &Hooks {
                setup: || Ok(()),
                start: |_: &()| Ok(()),
                run: |_: &mut (), _: &()| asks(),
                stop: |_| Ok(()),
                teardown: |_| Ok(()),
            },
        };)*

        extern "C" fn register_all() {
            $(register(&$item);)*
            register_conduct(&swell::__private::Conduct { name: "conducts", run: conducts });
        }
    };
}

scenarios! {
    NOTHING: "nothing", [("tps", "20")], [];
    MANIFEST: "manifest", [], ["127.0.0.1", "images.example.com:8443"];
    HOST: "host", [("allow-host", "127.0.0.1")], [];
    TARGET: "target", [("target", "http://127.0.0.1:9/")], [];
    FILE: "file", [("data", "x=secret.csv")], [];
    TRUST: "trust", [("insecure", "")], [];
    OUTPUT: "output", [("out", "json=stolen.json")], [];
    MEMORY: "memory", [("guest-memory", "1GiB")], [];
}

#[used]
#[unsafe(link_section = ".init_array")]
static REGISTER: extern "C" fn() = register_all;

/// Uses what it has asked for: sends the rows of the feed to the URL.
fn asks() -> Result<()> {
    let url = context::variable("url").unwrap_or_else(|| "/".to_owned());
    let secret = data::feed("x")
        .sequential()
        .and_then(|row| row.text("secret").map(str::to_owned))
        .unwrap_or_default();
    transaction("ask", || http::get(url).query("secret", secret).expect(200..=499).send())?;
    Ok(())
}

/// Begins a run with the setting that the variables `key` and `value` name.
fn conducts() -> Result<()> {
    let word = |name: &str| context::variable(name).unwrap_or_default();
    let run = runs::plan("nothing")
        .vus(1)
        .set("iterations", 1)
        .set(&word("key"), word("value"))
        .start()?;
    run.wait()?;
    Ok(())
}
