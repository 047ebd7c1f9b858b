//! Files that are no scenario, given to `host run`: each is refused with 104 and a reason, and
//! nothing is sent.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use swell_tests::{Finished, Host, Target, TargetSettings, guest};
use tempfile::TempDir;

/// How each refusal of a file begins, after the file's name. Any other would be an error that
/// nobody thought of.
const REASONS: [&str; 10] = [
    "cannot read",
    "the file has",
    "not WebAssembly",
    "damaged WebAssembly",
    "a plain WebAssembly module without the component-type section",
    "cannot turn the module into a component",
    "the component does not",
    "compiling the component went over its limit",
    "a user of it would be larger than a user may be",
    "the scenario file cannot describe itself",
];

/// A folder for bad files and for what is compiled of them, and a service that must not hear of
/// them.
struct Bench {
    folder: TempDir,
    target: Target,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        Self {
            folder,
            target: Target::start(TargetSettings::default()).expect("loopback has a free port"),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).expect("the temporary folder can be written");
        path
    }

    fn run(&self, file: &Path) -> Finished {
        let host =
            Host::new("run").arg(file).target(self.target.url()).args("--vus 1 --iterations 1");
        host.env("XDG_CACHE_HOME", self.folder.path()).finish()
    }

    /// Refuses the file with one of the reasons and all of these words.
    #[track_caller]
    fn expect_refusal(&self, file: &Path, words: &[&str]) {
        let refused = self.run(file).expect_code(104);
        let reason = refused.stderr.strip_prefix(&format!("error: {}: ", file.display()));
        let reason = reason.unwrap_or_else(|| panic!("{} does not name the file", refused.stderr));
        assert!(REASONS.iter().any(|known| reason.starts_with(known)), "{}", refused.stderr);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
        for word in words {
            assert!(refused.stderr.contains(word), "no {word:?} in: {}", refused.stderr);
        }
        assert_eq!((refused.stdout.as_str(), self.target.seen().connections), ("", 0));
    }

    #[track_caller]
    fn expect_text_refusal(&self, text: &str, words: &[&str]) {
        let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"));
        self.expect_refusal(&self.write("world.wasm", &bytes), words);
    }
}

/// Does something for each of the first `count` numbers, a few at a time.
fn for_each(count: usize, act: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(number) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count)
                {
                    act(number);
                }
            });
        }
    });
}

/// Numbers that look random and that the seed repeats (SplitMix64).
fn random(seed: usize) -> impl FnMut() -> usize {
    let mut state = seed as u64;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize
    }
}

fn plain_get() -> Vec<u8> {
    std::fs::read(guest("plain-get")).expect("the guest is built")
}

#[test]
fn random_bytes_are_refused() {
    let bench = Bench::new();
    // As they are, and behind the first bytes of a module and of a component.
    let beginnings = [&b""[..], b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"];
    for_each(150, |seed| {
        let mut random = random(seed);
        let length = random() % 4_000 + 1;
        let mut bytes = beginnings[seed % beginnings.len()].to_vec();
        bytes.extend(std::iter::repeat_with(|| random() as u8).take(length));
        bench.expect_refusal(&bench.write(&format!("{seed}.wasm"), &bytes), &[]);
    });
}

#[test]
fn a_scenario_that_was_cut_off_is_refused() {
    let (bench, whole) = (Bench::new(), plain_get());
    for_each(150, |seed| {
        let length = random(seed)() % whole.len();
        bench.expect_refusal(&bench.write(&format!("{length}.wasm"), &whole[..length]), &[]);
    });
}

#[test]
fn a_scenario_with_spoilt_bytes_is_refused_or_runs() {
    let (bench, whole) = (Bench::new(), plain_get());
    for_each(60, |seed| {
        let (mut random, mut bytes) = (random(seed), whole.clone());
        for _ in 0..=seed % 4 {
            let place = random() % bytes.len();
            bytes[place] ^= 1 << (random() % 8);
        }
        let file = bench.write(&format!("{seed}.wasm"), &bytes);
        let checked =
            Host::new("check").arg(&file).env("XDG_CACHE_HOME", bench.folder.path()).finish();
        assert!(matches!(checked.code, Some(0 | 104)), "seed {seed}: {checked:#?}");
        // A guest may say that it panicked, in the log; the host may not.
        assert!(!checked.stderr.contains("thread '"), "seed {seed}: {}", checked.stderr);
    });
}

#[test]
fn a_file_of_another_kind_is_told_by_its_look() {
    let bench = Bench::new();
    let help = "`host build` compiles a Rust scenario";
    for (name, bytes, look) in [
        ("empty", &b""[..], "the file is empty"),
        ("script", b"#!/bin/sh\necho hello\n", "a text file"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "a gzip archive"),
        ("zip", b"PK\x03\x04\x14\0\0\0", "a zip archive"),
        ("module", b"(module (func))", "WebAssembly as text"),
        ("component", b"(component)", "WebAssembly as text"),
        ("binary", b"\xff\xfe\xfd\xfc", "it begins with the bytes [ff, fe, fd, fc]"),
    ] {
        bench.expect_refusal(&bench.write(name, bytes), &[look, help]);
    }
    let this_program = std::env::current_exe().expect("a running program has a file");
    bench.expect_refusal(&this_program, &["an ELF program", help]);
}

#[test]
fn what_is_no_file_is_refused() {
    let bench = Bench::new();
    bench.expect_refusal(
        &bench.folder.path().join("missing.wasm"),
        &["missing.wasm", "No such file"],
    );
    bench.expect_refusal(bench.folder.path(), &["it is a folder", "`host build`"]);
    let pipe = bench.folder.path().join("pipe.wasm");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there");
    assert!(made.success());
    bench.expect_refusal(&pipe, &["it is a pipe"]);
}

#[test]
fn a_file_without_an_end_is_refused() {
    let bench = Bench::new();
    // A host that went on reading would be cut before it has taken the machine's memory.
    let run = Host::new("run")
        .arg("/dev/zero")
        .target(bench.target.url())
        .args("--vus 1")
        .deadline(Duration::from_secs(5));
    let refused = run.finish().expect_code(104);
    assert!(refused.stderr.starts_with("error: /dev/zero: "), "{}", refused.stderr);
}

#[test]
fn a_huge_file_is_refused_without_reading_it() {
    let bench = Bench::new();
    let path = bench.write("huge.wasm", &plain_get());
    std::fs::File::options()
        .write(true)
        .open(&path)
        .and_then(|file| file.set_len(300 << 20))
        .expect("a hole takes no room");
    bench.expect_refusal(&path, &["314572800 bytes", "at most 268435456"]);
}

#[test]
fn a_module_without_a_world_is_named_by_its_exports() {
    let bench = Bench::new();
    let module = r#"(module (func (export "one")) (func (export "two")))"#;
    bench.expect_text_refusal(
        module,
        &["without the component-type section", "it exports one, two", "Swell SDK"],
    );
    bench.expect_text_refusal("(module)", &["without the component-type section", "Swell SDK"]);
    let wasip1 = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
        (func (export "_start")))"#;
    bench.expect_text_refusal(wasip1, &["without the component-type section", "_start"]);
}

/// A component that exports an empty `lifecycle` of this version, and has these imports.
fn component(version: &str, imports: &str) -> String {
    format!(
        r#"(component {imports} (instance $empty)
            (export "swell:scenario/lifecycle@{version}" (instance $empty)))"#
    )
}

#[test]
fn a_component_of_another_world_is_told_what_does_not_fit() {
    let bench = Bench::new();
    let cure = "this host speaks swell:scenario@0.1.1";
    let missing = "it does not export swell:scenario/lifecycle@0.1.1";
    bench.expect_text_refusal("(component)", &[missing, "it exports nothing", cure]);
    let command = r#"(component (instance $run) (export "wasi:cli/run@0.2.0" (instance $run)))"#;
    bench.expect_text_refusal(command, &[missing, "it exports wasi:cli/run@0.2.0", cure]);

    bench.expect_text_refusal(
        &component("0.2.0", ""),
        &["it exports swell:scenario/lifecycle@0.2.0", cure],
    );
    bench.expect_text_refusal(
        &component("0.1.0", ""),
        &["the component does not fit", "describe", cure],
    );
    for import in
        ["acme:things/stuff@1.0.0", "swell:scenario/weather@0.1.0", "swell:scenario/http@0.2.0"]
    {
        let imports = format!(r#"(import "{import}" (instance))"#);
        bench.expect_text_refusal(&component("0.1.0", &imports), &["it imports", import, cure]);
    }
    let wasi_http = r#"(import "wasi:http/outgoing-handler@0.2.0" (instance))"#;
    bench.expect_text_refusal(
        &component("0.1.0", wasi_http),
        &["wasi:http/outgoing-handler", "swell:scenario/http", cure],
    );
    let sockets = r#"(import "wasi:sockets/network@0.2.0" (instance (export "reach" (func))))"#;
    bench.expect_text_refusal(
        &component("0.1.0", sockets),
        &["the component does not fit", "wasi:sockets/network@0.2.0", cure],
    );
    let clock =
        r#"(import "swell:scenario/clock@0.1.0" (instance (export "now" (func (result string)))))"#;
    bench.expect_text_refusal(
        &component("0.1.0", clock),
        &["the component does not fit", "swell:scenario/clock@0.1.0", "now", cure],
    );
}

/// A guest as a component that also has `count` instances of an empty core module.
fn with_empty_instances(count: u8) -> Vec<u8> {
    let mut encoder = wit_component::ComponentEncoder::default();
    encoder.module(&plain_get()).expect("it names its world");
    let mut component = encoder.encode().expect("it becomes a component");
    let mut depth = 0;
    let is_its_own_module = |payload: &wasmparser::Payload<'_>| {
        depth += match payload {
            wasmparser::Payload::Version { .. } => 1,
            wasmparser::Payload::End(_) => -1,
            _ => 0,
        };
        depth == 1 && matches!(payload, wasmparser::Payload::ModuleSection { .. })
    };
    let payloads = wasmparser::Parser::new(0).parse_all(&component).map(Result::unwrap);
    let modules = payloads.filter(is_its_own_module).count() as u8;
    component.extend(b"\x01\x08\0asm\x01\0\0\0");
    // Each is instantiated without arguments.
    let instances: Vec<u8> = (0..count).flat_map(|_| [0, modules, 0]).collect();
    component.extend([2, 0x80 | (instances.len() + 1) as u8, ((instances.len() + 1) >> 7) as u8]);
    component.push(count);
    component.extend(instances);
    component
}

#[test]
fn a_component_of_too_many_parts_is_refused_before_a_run_and_by_check() {
    let bench = Bench::new();
    let many = bench.write("many.wasm", &with_empty_instances(65));
    bench.expect_refusal(&many, &["core module instances", "64 core modules", "fewer parts"]);
    let checked = Host::new("check").arg(&many).env("XDG_CACHE_HOME", bench.folder.path());
    let words = checked.finish().expect_code(104).stderr;
    assert!(words.contains("64 core modules"), "{words}");
    let some = bench.write("some.wasm", &with_empty_instances(50));
    bench.run(&some).expect_done();
}

#[test]
fn compiled_code_is_never_taken_from_outside() {
    let bench = Bench::new();
    Host::new("check")
        .arg(guest("plain-get"))
        .env("XDG_CACHE_HOME", bench.folder.path())
        .finish()
        .expect_code(0);
    let cache = bench.folder.path().join("swell/compiled");
    let cached = cache
        .read_dir()
        .expect("the cache is there")
        .next()
        .expect("the guest was compiled")
        .expect("it can be listed")
        .path();
    bench.expect_refusal(&cached, &["not WebAssembly"]);
    // Without the hash in front of it, as wasmtime itself would take it.
    let code = std::fs::read(&cached).expect("it can be read");
    bench.expect_refusal(
        &bench.write("code.wasm", &code[32..]),
        &["not WebAssembly", "an ELF program"],
    );
}

#[test]
fn a_damaged_cache_is_compiled_anew() {
    let bench = Bench::new();
    let check = || {
        Host::new("check")
            .arg(guest("plain-get"))
            .env("XDG_CACHE_HOME", bench.folder.path())
            .finish()
            .expect_code(0)
    };
    assert!(check().stdout.contains("compiled   in"));
    assert!(check().stdout.contains("from the cache"));
    for cached in
        bench.folder.path().join("swell/compiled").read_dir().expect("the cache is there").flatten()
    {
        let mut code = std::fs::read(cached.path()).expect("it can be read");
        let middle = code.len() / 2;
        code[middle] ^= 1;
        std::fs::write(cached.path(), code).expect("it can be written");
    }
    assert!(check().stdout.contains("compiled   in"));
    assert!(check().stdout.contains("from the cache"));
}

#[test]
fn the_cache_forgets_what_was_not_used_for_a_month() {
    let bench = Bench::new();
    let check = |name: &str| {
        Host::new("check")
            .arg(guest(name))
            .env("XDG_CACHE_HOME", bench.folder.path())
            .finish()
            .expect_code(0)
    };
    check("plain-get");
    let cache = bench.folder.path().join("swell/compiled");
    let cached = || {
        cache
            .read_dir()
            .expect("the cache is there")
            .flatten()
            .map(|file| file.path())
            .collect::<Vec<_>>()
    };
    let [old]: [PathBuf; 1] = cached().try_into().expect("there is one");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 24 * 60 * 60);
    std::fs::File::options()
        .append(true)
        .open(&old)
        .and_then(|file| file.set_modified(long_ago))
        .expect("it is ours");
    check("think");
    let left = cached();
    assert!(left.len() == 1 && left[0] != old, "{left:?}");
}

#[test]
fn a_cache_that_cannot_be_written_costs_nothing_but_time() {
    for folder in ["/proc", "/dev/null"] {
        let checked = Host::new("check")
            .arg(guest("plain-get"))
            .env("XDG_CACHE_HOME", folder)
            .finish()
            .expect_code(0);
        assert!(checked.stderr.contains("without a cache"), "{}", checked.stderr);
    }
}

/// A component whose one function has this body.
fn bomb(locals: usize, body: &str) -> Vec<u8> {
    let function = format!(
        "(func (param i32) (result i32) (local {}) {body} local.get 0)",
        "i32 ".repeat(locals)
    );
    wat::parse_str(component("0.1.0", &format!("(core module {function})")))
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_function_made_to_blow_up_the_compiler_is_survived() {
    let bench = Bench::new();
    // As many locals as there may be, alive through loops: each loop has a phi for each.
    let loops: String = (0..400)
        .map(|i| {
            format!(
                "(loop local.get {} local.get {} i32.add local.tee {} br_if 0)",
                i % 50_000,
                i * 7_919 % 50_000,
                i * 31 % 50_000
            )
        })
        .collect();
    let sums = "local.get 0 local.get 0 i32.mul local.set 0 ".repeat(100_000);
    for (name, bytes) in [("loops.wasm", bomb(49_999, &loops)), ("sums.wasm", bomb(0, &sums))] {
        let file = bench.write(name, &bytes);
        // Compiled or not, it is no scenario; the limit of the compiler is 30 s.
        bench.expect_refusal(&file, &[]);
    }
    // It leaves nothing behind that was half written.
    let cache = bench.folder.path().join("swell/compiled");
    let left = cache.read_dir().expect("the cache is there").flatten().map(|file| file.file_name());
    assert!(left.into_iter().all(|name| name.to_string_lossy().ends_with(".compiled")));
}

#[test]
fn a_function_that_takes_too_much_memory_to_compile_names_the_limit_and_the_cure() {
    let bench = Bench::new();
    // What each branch sets has to be merged with what it was, for thousands of variables and
    // branches.
    let mut random = 1_u64;
    let mut local = || {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % 2_000
    };
    let body: String = (0..60_000)
        .map(|number| {
            let (a, b, c) = (local(), local(), local());
            match number % 3 {
                0 => {
                    format!("local.get {a} if local.get {b} i32.const 7 i32.add local.set {c} end ")
                }
                _ => format!("local.get {a} local.get {b} i32.add local.set {c} "),
            }
        })
        .collect();
    bench.expect_refusal(
        &bench.write("branches.wasm", &bomb(1_999, &body)),
        &["went over its limit of 1024 MiB of memory", "help: "],
    );
}
