//! Gives the component a stack of its own of two megabytes, in its memory. Code that nests deeper
//! than the host allows then meets the host's limit first, which says what it is; where this stack
//! ends, there is but an address outside the memory.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        println!("cargo::rustc-link-arg=-zstack-size={}", 2 << 20);
    }
}
