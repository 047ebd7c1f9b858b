use super::*;

fn life() -> Hooks<String, u32> {
    Hooks {
        setup: || Ok("prepared".to_owned()),
        start: |data| Ok(data.len() as u32),
        run: |state, data| {
            *state += 1;
            if *state as usize > data.len() + 2 { Err(Error::RunOver) } else { Ok(()) }
        },
        stop: |state| Err(Error::from(format!("stopped at {state}"))),
        teardown: |data| Err(Error::from(format!("torn down {data}"))),
    }
}

#[test]
fn what_setup_returned_reaches_start_run_and_teardown() {
    let data = life().setup().unwrap();
    life().start(&data).unwrap();
    life().run().unwrap();
    assert_eq!(life().stop().unwrap_err().to_string(), "stopped at 9");
    assert_eq!(life().teardown(&data).unwrap_err().to_string(), "torn down prepared");
}

#[test]
fn state_lives_from_one_iteration_to_the_next() {
    life().start(&life().setup().unwrap()).unwrap();
    assert!(life().run().is_ok());
    assert!(life().run().is_ok());
    assert!(matches!(life().run(), Err(Error::RunOver)));
}

#[test]
fn without_a_setup_there_is_nothing_to_decode() {
    let hooks: Hooks<(), ()> = Hooks {
        setup: || Ok(()),
        start: |_| Ok(()),
        run: |_, _| Ok(()),
        stop: |_| Ok(()),
        teardown: |_| Ok(()),
    };
    hooks.start(b"").unwrap();
    hooks.run().unwrap();
    hooks.stop().unwrap();
    hooks.teardown(b"").unwrap();
}

#[test]
fn scenarios_are_listed_once_each_in_the_order_of_their_names() {
    static LIFE: Hooks<(), ()> = Hooks {
        setup: || Ok(()),
        start: |_| Ok(()),
        run: |_, _| Ok(()),
        stop: |_| Ok(()),
        teardown: |_| Ok(()),
    };
    static SELL: Scenario = Scenario {
        name: "sell",
        description: "",
        has_setup: false,
        has_start: false,
        defaults: &[],
        hosts: &[],
        life: &LIFE,
    };
    static BUY: Scenario = Scenario {
        name: "buy",
        description: "Buys.",
        has_setup: true,
        has_start: false,
        defaults: &[("tps", "9")],
        hosts: &["a.example"],
        life: &LIFE,
    };
    for scenario in [&SELL, &BUY, &SELL, &BUY] {
        register(scenario);
    }
    let infos = Component::describe().scenarios;
    assert_eq!(infos.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["buy", "sell"]);
    assert_eq!(
        (infos[0].has_setup, &infos[0].description[..], &infos[0].hosts[..]),
        (true, "Buys.", &["a.example".to_owned()][..])
    );
    assert_eq!(infos[0].defaults, [("tps".to_owned(), "9".to_owned())]);
}
