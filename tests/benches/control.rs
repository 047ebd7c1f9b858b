//! How fast and how well a goal is reached and held, beside Balter 0.8.2, on services whose law is
//! known. Run it by `cargo xtask bench control`.
//!
//! Both tools drive the same service in turn, on the cores that there are. What is judged is what
//! the service saw, second by second: nobody's own figures are believed. The plots show the same.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use clap::Parser;
use plotters::prelude::*;
use plotters::style::register_font;
use swell_tests::{Behaviour, Host, Overload, Passage, Target, TargetSettings, wait_until};

#[derive(Parser)]
struct Args {
    /// Folder for the plots
    #[arg(long)]
    plots: PathBuf,

    /// Only the cases of this kind: latency, errors or tps
    #[arg(long)]
    only: Option<String>,

    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let Args { plots, only, .. } = Args::parse();
    let mut report = String::from(
        "| asked for | measured at the service | goal | host | Balter 0.8.2 \
        |\n|---|---|--:|--:|--:|\n",
    );
    for case in
        Case::all().into_iter().filter(|case| only.as_ref().is_none_or(|only| only == case.kind))
    {
        let curves = [Tool::Host, Tool::Balter].map(|tool| case.run(tool));
        let [host, balter] = curves;
        let (host, balter) = (host?, balter?);
        for figure in &case.figures {
            let [ours, theirs] = [&host, &balter].map(|curve| (figure.of)(curve));
            writeln!(
                report,
                "| {} | {} | {} | {ours} | {theirs} |",
                case.asked, figure.what, figure.goal
            )?;
        }
        if let Some(plot) = &case.plot {
            plot.draw(&plots.join(format!("{}.svg", case.kind)), &host, &balter)
                .map_err(|error| anyhow!("{}: {error}", case.kind))?;
        }
    }
    writeln!(io::stdout(), "\n{report}\n{}", control_thread()?)?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Host,
    Balter,
}

/// What a second of the service was like.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    rate: f64,
    p90_ms: f64,
    failed: f64,
}

/// What is asked of both tools on one service.
struct Case {
    /// As the rig of Balter calls it.
    kind: &'static str,
    asked: &'static str,
    flags: &'static str,
    behaviour: Behaviour,
    seconds: u64,
    figures: Vec<TableLine>,
    plot: Option<Plot>,
}

/// One line of the table.
struct TableLine {
    what: &'static str,
    goal: &'static str,
    of: fn(&[Second]) -> String,
}

struct Plot {
    title: &'static str,
    unit: &'static str,
    /// The band that is asked for.
    band: (f64, f64),
    most: f64,
    of: fn(&Second) -> f64,
}

impl Case {
    fn all() -> Vec<Self> {
        vec![Self::latency(), Self::errors(), Self::fast(), Self::limited()]
    }

    fn latency() -> Self {
        Case {
            kind: "latency",
            asked: "p90 = 130 ms, latency linear to 200 ms at 2,000/s",
            flags: "--latency p90=130ms",
            behaviour: Behaviour { latency_us_per_tps: 100.0, ..Behaviour::default() },
            seconds: 60,
            figures: vec![
                TableLine {
                    what: "p90 within 120–140 ms from second",
                    goal: "15",
                    of: |curve| reached(curve, 5, |s| (120.0..=140.0).contains(&s.p90_ms)),
                },
                TableLine {
                    what: "p90 of the last 30 s, ms",
                    goal: "120–140",
                    of: |curve| span(&curve[curve.len() - 30..], |s| s.p90_ms),
                },
            ],
            plot: Some(Plot {
                title: "p90 = 130 ms asked for",
                unit: "p90 at the service, ms",
                band: (120.0, 140.0),
                most: 200.0,
                of: |s| s.p90_ms,
            }),
        }
    }

    fn errors() -> Self {
        Case {
            kind: "errors",
            asked: "3 % errors, failing above 1,300/s",
            flags: "--error-rate 3%",
            behaviour: Behaviour {
                capacity: Some(1_300.0),
                overload: Overload::Errors,
                latency_ms: 1.0,
                ..Behaviour::default()
            },
            seconds: 90,
            figures: vec![
                TableLine {
                    what: "rate within 1,260–1,420/s (mean of 3 s) from second",
                    goal: "15",
                    of: |curve| reached(curve, 3, |s| (1_260.0..=1_420.0).contains(&s.rate)),
                },
                TableLine {
                    what: "failed of the last 60 s",
                    goal: "2–4 %",
                    of: |curve| format!("{:.1} %", mean_failed(&curve[curve.len() - 60..]) * 100.0),
                },
                TableLine {
                    what: "highest rate of a second",
                    goal: "1,608",
                    of: |curve| {
                        format!("{:.0}/s", curve.iter().map(|s| s.rate).fold(0.0, f64::max))
                    },
                },
            ],
            plot: Some(Plot {
                title: "3 % errors asked for, the service fails above 1,300/s",
                unit: "rate at the service, 1/s",
                band: (1_260.0, 1_420.0),
                most: 2_800.0,
                of: |s| s.rate,
            }),
        }
    }

    fn fast() -> Self {
        Case {
            kind: "tps",
            asked: "10,000/s at 1 ms",
            flags: "--tps 10000",
            behaviour: Behaviour::constant(1.0),
            seconds: 30,
            figures: vec![
                TableLine {
                    what: "at least 9,900/s (mean of 3 s) from second",
                    goal: "3",
                    of: |curve| reached(curve, 3, |s| s.rate >= 9_900.0),
                },
                TableLine {
                    what: "mean rate of the last 20 s",
                    goal: "9,900",
                    of: |curve| format!("{:.0}/s", mean_rate(&curve[10..])),
                },
            ],
            plot: None,
        }
    }

    fn limited() -> Self {
        Case {
            kind: "tps",
            asked: "10,000/s of a service that does 7,000/s",
            flags: "--tps 10000",
            behaviour: Behaviour {
                capacity: Some(7_000.0),
                overload: Overload::Queue,
                latency_ms: 1.0,
                ..Behaviour::default()
            },
            seconds: 30,
            figures: vec![TableLine {
                what: "mean rate of the last 20 s",
                goal: "6,650",
                of: |curve| format!("{:.0}/s", mean_rate(&curve[10..])),
            }],
            plot: None,
        }
    }

    /// What the service saw, by seconds of the tool's load.
    fn run(&self, tool: Tool) -> anyhow::Result<Vec<Second>> {
        let target = Target::start(TargetSettings {
            behaviour: self.behaviour,
            log: true,
            ..TargetSettings::default()
        })?;
        let seconds = self.seconds.to_string();
        let mut command = match tool {
            Tool::Host => {
                let host = std::env::var_os("SWELL_HOST_BIN")
                    .context("SWELL_HOST_BIN is not set\nhelp: run `cargo xtask bench control`")?;
                let mut command = Command::new(host);
                command.arg("run").arg(swell_tests::guest("plain-get")).args([
                    "--target",
                    &target.url(),
                    "--duration",
                    &format!("{seconds}s"),
                ]);
                command.args(self.flags.split(' '));
                command
            }
            Tool::Balter => {
                let balter = std::env::var_os("SWELL_BALTER")
                    .context("SWELL_BALTER is not set\nhelp: run `cargo xtask bench control`")?;
                let mut command = Command::new(balter);
                command.args([self.kind, &target.url(), &seconds]);
                command
            }
        };
        let ran = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .output()
            .with_context(|| format!("{command:?} can't be run"))?;
        // The host says INVALID where the machine is too busy: the service's own view stands all
        // the same.
        ensure!(ran.status.code().is_some(), "{command:?} was killed");
        Ok(by_second(&target.seen().log, self.seconds as usize))
    }
}

/// The first `seconds` seconds from the first arrival on.
fn by_second(log: &[Passage], seconds: usize) -> Vec<Second> {
    let begun = log.iter().map(|passage| passage.arrival_ns).min().unwrap_or_default();
    let mut stays: Vec<Vec<f64>> = vec![Vec::new(); seconds];
    let mut failed = vec![0.0; seconds];
    for passage in log {
        let second = ((passage.departure_ns - begun) / 1_000_000_000) as usize;
        if second < seconds {
            stays[second].push((passage.departure_ns - passage.arrival_ns) as f64 / 1e6);
            failed[second] += f64::from(u8::from(passage.status >= 500));
        }
    }
    let second = |(mut stays, failed): (Vec<f64>, f64)| {
        stays.sort_by(f64::total_cmp);
        let p90_ms = stays.get(stays.len() * 9 / 10).copied().unwrap_or_default();
        Second {
            rate: stays.len() as f64,
            p90_ms,
            failed: failed / f64::max(stays.len() as f64, 1.0),
        }
    };
    stays.into_iter().zip(failed).map(second).collect()
}

/// The mean of so many seconds, around each.
fn smoothed(curve: &[Second], over: usize) -> Vec<Second> {
    let mean = |seconds: &[Second], of: fn(&Second) -> f64| {
        seconds.iter().map(of).sum::<f64>() / seconds.len() as f64
    };
    curve
        .windows(over)
        .map(|window| Second {
            rate: mean(window, |s| s.rate),
            p90_ms: mean(window, |s| s.p90_ms),
            failed: mean(window, |s| s.failed),
        })
        .collect()
}

/// From which second on the mean of `over` seconds holds, to the end but for one in twenty.
fn reached(curve: &[Second], over: usize, holds: impl Fn(&Second) -> bool) -> String {
    let smooth = smoothed(curve, over);
    let held: Vec<bool> = smooth.iter().map(holds).collect();
    let from = (0..held.len()).find(|&from| {
        held[from] && held[from..].iter().filter(|held| !**held).count() * 20 <= held.len() - from
    });
    from.map_or_else(|| "never".to_owned(), |from| (from + 1).to_string())
}

fn span(curve: &[Second], of: fn(&Second) -> f64) -> String {
    let values = smoothed(curve, 5).iter().map(of).collect::<Vec<_>>();
    let (least, most) =
        values.iter().fold((f64::INFINITY, 0.0), |(least, most): (f64, f64), value| {
            (least.min(*value), most.max(*value))
        });
    format!("{least:.0}–{most:.0}")
}

fn mean_rate(curve: &[Second]) -> f64 {
    curve.iter().map(|second| second.rate).sum::<f64>() / curve.len() as f64
}

fn mean_failed(curve: &[Second]) -> f64 {
    let all: f64 = curve.iter().map(|second| second.rate).sum();
    curve.iter().map(|second| second.rate * second.failed).sum::<f64>() / all.max(1.0)
}

const SIZE: (u32, u32) = (820, 300);
const OURS: RGBColor = RGBColor(20, 100, 200);
const THEIRS: RGBColor = RGBColor(200, 90, 20);

impl Plot {
    fn draw(
        &self,
        file: &Path,
        host: &[Second],
        balter: &[Second],
    ) -> Result<(), Box<dyn std::error::Error>> {
        // By which texts are measured; who shows the plot has letters of its own.
        register_font("sans-serif", FontStyle::Normal, notosans::REGULAR_TTF)
            .map_err(|_| "the font cannot be read")?;
        let drawing = SVGBackend::new(file, SIZE).into_drawing_area();
        drawing.fill(&WHITE)?;
        let seconds = host.len().max(balter.len()) as f64;
        let mut chart = ChartBuilder::on(&drawing)
            .caption(self.title, ("sans-serif", 16))
            .margin(8)
            .x_label_area_size(34)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..seconds, 0.0..self.most)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("seconds")
            .y_desc(self.unit)
            .draw()?;
        let band =
            Rectangle::new([(0.0, self.band.0), (seconds, self.band.1)], BLACK.mix(0.12).filled());
        chart.draw_series([band])?;
        for (name, curve, colour) in [("host", host, OURS), ("Balter 0.8.2", balter, THEIRS)] {
            let points = curve
                .iter()
                .enumerate()
                .map(|(second, values)| (second as f64 + 0.5, (self.of)(values).min(self.most)));
            let line =
                chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?.label(name);
            line.legend(move |(x, y)| {
                PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
            });
        }
        let labels = SeriesLabelPosition::LowerRight;
        chart
            .configure_series_labels()
            .position(labels)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        drawing.present()?;
        Ok(())
    }
}

/// What control, views and metrics cost: the control thread's part of the process' time at 5,000
/// transactions a second, with an objective, metrics scraped each second.
fn control_thread() -> anyhow::Result<String> {
    let target = Target::start(TargetSettings::default())?;
    let metrics = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let flags = format!(
        "--tps 5000 --start-tps 5000 --latency p95=1s --duration 12s --prometheus {metrics}"
    );
    let running = Host::run_guest("plain-get").target(target.url()).args(&flags).start();
    wait_until(Duration::from_secs(20), "the load", || (target.seen().requests > 0).then_some(()));
    let before = ticks(running.pid())?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        swell_tests::call(metrics, "GET", "/metrics", &[], "");
        std::thread::sleep(Duration::from_secs(1));
    }
    let after = ticks(running.pid())?;
    let share = (after.0 - before.0) / (after.1 - before.1);
    running.wait();
    let percent = share * 100.0;
    Ok(format!(
        "At 5,000/s the control thread, with metrics scraped each second, uses {percent:.1} % of \
        the process' CPU time (goal 3 %)."
    ))
}

/// CPU time of a process' first thread, and of all of them, in the kernel's ticks.
fn ticks(pid: u32) -> anyhow::Result<(f64, f64)> {
    let (mut first, mut all) = (0.0, 0.0);
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let folder = task?.path();
        let stat = std::fs::read_to_string(folder.join("stat"))?;
        // After the name in brackets come the state and ten numbers, then user and system time.
        let fields: Vec<&str> =
            stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        all += ticks;
        if folder.file_name().is_some_and(|id| id.to_string_lossy() == pid.to_string()) {
            first = ticks;
        }
    }
    Ok((first, all))
}
