//! Load generators that take turns: what the machine does to one of them it does to all.
//!
//! The CPU of one is the user and system time of its process, and its requests are those that the
//! service counted: nobody's own count is believed.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};

use crate::statistics::Estimate;

/// Where generators run.
pub const GENERATOR_CORE: u32 = 0;
/// Where the service does, which has this core to itself.
pub const SERVICE_CORE: u32 = 1;

/// A program on the core of generators.
pub fn on_its_core(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &GENERATOR_CORE.to_string()]).arg(program);
    command
}

/// A load generator that is compared with others.
pub struct Contender<'a> {
    /// What tables call it.
    pub name: &'a str,
    /// Its command for a run of so many seconds.
    pub command: Box<dyn Fn(u32) -> Command + 'a>,
    /// Codes beside 0 with which it ends well.
    pub ends_well_with: &'a [i32],
}

/// What one run came to.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// User and system time of the generator.
    pub cpu: Duration,
    /// Requests that the service counted.
    pub requests: u64,
    /// How long it was to go on.
    pub seconds: u32,
}

impl Turn {
    /// CPU time of a request, in microseconds.
    pub fn cpu_us_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.requests as f64
    }

    /// Requests each second.
    pub fn requests_per_second(&self) -> f64 {
        self.requests as f64 / f64::from(self.seconds)
    }

    /// CPU time of a second, as a part of a core.
    pub fn cores(&self) -> f64 {
        self.cpu.as_secs_f64() / f64::from(self.seconds)
    }

    /// What this run did more than a shorter one, so that what either does once is left out.
    pub fn beyond(&self, shorter: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(shorter.cpu),
            requests: self.requests.saturating_sub(shorter.requests),
            seconds: self.seconds - shorter.seconds,
        }
    }
}

impl Contender<'_> {
    /// Runs it once. Its own output is not shown, unless it fails.
    ///
    /// # Errors
    /// It cannot be run, or fails.
    pub fn run(&self, seconds: u32, counted: &dyn Fn() -> u64) -> io::Result<Turn> {
        let (requests, cpu) = (counted(), cpu_of_children()?);
        let output = (self.command)(seconds).stdin(Stdio::null()).output().map_err(|error| {
            io::Error::new(error.kind(), format!("can't run {}: {error}", self.name))
        })?;
        let turn = Turn {
            cpu: cpu_of_children()?.saturating_sub(cpu),
            requests: counted() - requests,
            seconds,
        };
        let ended_well = output.status.success()
            || output.status.code().is_some_and(|code| self.ends_well_with.contains(&code));
        if !ended_well || turn.requests == 0 {
            return Err(io::Error::other(format!(
                "{} ended with {} and {} requests\n{}",
                self.name,
                output.status,
                turn.requests,
                String::from_utf8_lossy(&output.stderr)
            )));
        }
        Ok(turn)
    }
}

/// For each of them, its runs by round, in an order that rotates. A first run of each is thrown
/// away: it fills caches, the host's compiled scenario among them.
///
/// # Errors
/// One cannot be run, or fails.
pub fn take_turns(
    contenders: &[&Contender],
    rounds: u32,
    run: &dyn Fn(&Contender) -> io::Result<Turn>,
) -> io::Result<Vec<Vec<Turn>>> {
    let mut turns: Vec<Vec<Turn>> = contenders.iter().map(|_| Vec::new()).collect();
    for contender in contenders {
        run(contender)?;
    }
    for round in 0..rounds as usize {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let came = run(contenders[at])?;
            writeln!(
                io::stderr(),
                "round {}: {:>12} {:6.2} µs/request {:8.0}/s",
                round + 1,
                contenders[at].name,
                came.cpu_us_per_request(),
                came.requests_per_second()
            )?;
            turns[at].push(came);
        }
    }
    Ok(turns)
}

/// How much more CPU a request of `ours` took than one of `theirs`, round by round.
///
/// # Panics
/// There are no rounds, or not equally many of both.
pub fn cpu_ratio(ours: &[Turn], theirs: &[Turn], seed: u64) -> Estimate {
    let of = |turns: &[Turn]| -> Vec<f64> { turns.iter().map(Turn::cpu_us_per_request).collect() };
    Estimate::of_ratios(&of(ours), &of(theirs), seed)
}

/// The machine and the day, for the head of a table.
///
/// # Errors
/// The system does not say.
pub fn machine() -> io::Result<String> {
    let processors = std::fs::read_to_string("/proc/cpuinfo")?;
    let names: Vec<&str> = processors
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, name)| name.trim())
        .collect();
    let date = Command::new("date").arg("+%Y-%m-%d").output()?;
    let date = String::from_utf8_lossy(&date.stdout).trim().to_owned();
    Ok(format!(
        "Measured on {date}: {} × {}, nginx on core {SERVICE_CORE}, the generator on core \
        {GENERATOR_CORE}.\n",
        names.len(),
        names.first().unwrap_or(&"unknown")
    ))
}

/// User and system time of all children that have ended and been waited for.
fn cpu_of_children() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(microseconds.iter().sum::<i64>().unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn contender<'a>(name: &'a str, program: &'a str) -> Contender<'a> {
        Contender { name, command: Box::new(move |_| Command::new(program)), ends_well_with: &[] }
    }

    #[test]
    fn each_takes_its_turn_in_each_round_and_the_first_is_thrown_away() {
        let order = Cell::new(String::new());
        let run = |contender: &Contender| {
            order.set(order.take() + contender.name);
            Ok(Turn { cpu: Duration::from_micros(30), requests: 10, seconds: 2 })
        };
        let turns = take_turns(&[&contender("a", "true"), &contender("b", "true")], 2, &run)
            .expect("nothing is run");
        assert_eq!(order.take(), "ababba");
        assert_eq!(turns.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(turns[0][0].cpu_us_per_request(), 3.0);
        assert_eq!(turns[0][0].requests_per_second(), 5.0);
    }

    #[test]
    fn what_two_runs_have_in_common_is_left_out() {
        let of = |micros, requests, seconds| Turn {
            cpu: Duration::from_micros(micros),
            requests,
            seconds,
        };
        let more = of(1_500, 300, 3).beyond(&of(700, 100, 1));
        assert_eq!((more.cpu, more.requests, more.seconds), (Duration::from_micros(800), 200, 2));
    }

    #[test]
    fn one_that_fails_or_sends_nothing_is_an_error_with_its_name() {
        for program in ["false", "true"] {
            let error = contender("nobody", program).run(1, &|| 0).expect_err("it sent nothing");
            assert!(error.to_string().starts_with("nobody ended with"), "{error}");
        }
    }
}
