//! The suites that may run beside each other, a module each: one program, as linking one takes
//! longer than compiling a suite. What needs a machine for itself is in `alone.rs`.

mod authoring;
mod bad_days_of_the_host;
mod bodies;
mod cluster;
mod cluster_network;
mod command_line;
mod compare;
mod connections;
mod contract;
mod control;
mod coordinator;
mod digest;
mod elsewhere;
mod endpoints;
mod examples;
mod failing_at_once;
mod files;
mod first_hour;
mod grpc;
mod guests;
mod http3;
mod imports;
mod javascript;
mod k6_scripts;
mod kubernetes;
mod live_page;
mod measurement;
mod names;
mod nginx;
mod outputs;
mod own_summary;
mod page;
mod prepared;
mod quick;
mod reach;
mod records;
mod results;
mod runs;
mod scripts;
mod services;
mod sockets;
mod steps;
mod stops;
mod streams;
mod target;
mod terminal;
mod trying;
mod typescript;
mod users;
mod websockets;
mod weights;

/// A suite that nobody names is compiled by nobody, and its tests pass for ever.
#[test]
fn each_suite_is_part_of_a_program() {
    let programs = [include_str!("main.rs"), include_str!("alone.rs")];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/suites");
    let mut suites = 0;
    for file in std::fs::read_dir(folder).expect("the suites have a folder") {
        let file = file.expect("it can be read").file_name();
        let name = file.to_str().and_then(|name| name.strip_suffix(".rs")).expect("it is Rust");
        if !["main", "alone"].contains(&name) {
            let line = format!("mod {name};");
            let named = programs.iter().flat_map(|program| program.lines());
            assert_eq!(named.filter(|it| *it == line).count(), 1, "{name}.rs in main.rs, alone.rs");
            suites += 1;
        }
    }
    assert!(suites > 20, "{suites} suites");
}
