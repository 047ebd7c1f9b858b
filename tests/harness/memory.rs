//! What a process holds, as the kernel counts it.

/// The memory of a process that it shares with nobody, in KB of 1,024 bytes; nothing if it has
/// ended.
pub fn private_memory(pid: u32) -> Option<f64> {
    let sums = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let sum = |name: &str| -> Option<f64> {
        let line = sums.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    Some(sum("Private_Clean:")? + sum("Private_Dirty:")?)
}
