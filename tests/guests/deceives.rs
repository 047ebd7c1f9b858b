//! Puts control characters into all that a terminal may show of it. The host must make them
//! visible, wherever they turn up.
#![allow(
    unsafe_code,
    reason = "the scenario registers as one of `#[scenario]` does, with defaults that the \
    attribute does not offer"
)]

use swell::__private::{Hooks, Scenario, register};
use swell::prelude::*;

/// Clears the screen, goes up, forges a line, turns the reading direction around, and more of the
/// kind.
const EVIL: &str =
    "a\x1b[2J\x1b[1A\nFORGED: line\r\t\u{9b}31m\u{7f}\u{202e}\u{2028}\u{2066}\u{200b}z";

macro_rules! scenario {
    ($item:ident, $register:ident, $name:literal, $defaults:expr, $hosts:expr, $setup:expr) => {
        static $item: Scenario = Scenario {
            name: $name,
            description: EVIL,
            has_setup: true,
            has_start: true,
            defaults: &$defaults,
            hosts: &$hosts,
            life: &Hooks {
                setup: $setup,
                start: |_: &()| starts(),
                run: |_: &mut (), _: &()| deceives(),
                stop: |_| Ok(()),
                teardown: |_| fails(),
            },
        };
        extern "C" fn $register() {
            register(&$item);
        }
        const _: () = {
            #[used]
            #[unsafe(link_section = ".init_array")]
            static REGISTER: extern "C" fn() = $register;
        };
    };
}

scenario!(SHOWN, register_shown, "shown", [("env", EVIL_VARIABLE), ("vus", "1")], [], || Ok(()));
scenario!(ASKS, register_asks, "asks \u{202e}", [("data", EVIL_VARIABLE)], [], || Ok(()));
scenario!(WRONG_HOST, register_wrong_host, "wrong host", [], [EVIL], || Ok(()));
scenario!(WRONG_VALUE, register_wrong_value, "wrong value", [("duration", EVIL)], [], || Ok(()));
scenario!(WRONG_KEY, register_wrong_key, "wrong key", [(EVIL, "1")], [], || Ok(()));
scenario!(UNPREPARED, register_unprepared, "unprepared", [], [], fails);

const EVIL_VARIABLE: &str = "x=a\x1b[2J\x1b[1A\nFORGED: line\r\t\u{9b}31m\u{7f}\u{202e}z.csv";

fn fails() -> Result<()> {
    bail!("{EVIL}")
}

/// The first user of each scenario fails to start once.
fn starts() -> Result<()> {
    ensure!(context::user() > 0, "{EVIL}");
    Ok(())
}

fn deceives() -> Result<()> {
    log::info!("{EVIL}");
    metrics::trend(EVIL).with(EVIL, EVIL).add(1.0);
    check!(EVIL, false);
    let _ = transaction(EVIL, || http::get("/").send());
    let _ = transaction("says", fails);
    if context::variable("goes-on").is_some() {
        think(millis(20));
        return Ok(());
    }
    match context::iteration() {
        0 => fails(),
        1 => panic!("{EVIL}"),
        2 => {
            context::fail_run(EVIL);
            Ok(())
        }
        _ => Ok(()),
    }
}
