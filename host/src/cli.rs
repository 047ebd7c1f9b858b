//! The command line: which commands there are, and what the program does for each.
//!
//! This is the top of the house: it knows every command, and no command knows it. What a command
//! may be told stands beside the command; what all runs may be told, in `settings`.

use std::ffi::OsString;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use swell_core::plan::Search;
use swell_report::Exit;

use crate::prepare::COMPILE_CHILD;
use crate::settings::layer::{CommandFlags, Typed};
use crate::settings::mistyped::{with_suggestion, without_secrets};
use crate::{
    attempt, build_scenario, check, cluster, compare, history, k8s, merge, new_project, report,
    run, terminal, view,
};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold());

/// What a first look shows under the commands.
const FIRST_STEPS: &str = "First steps:
  host run http://localhost:8080/ -n 1000     ask for a page, again and again
  host new shop --lang js           write a script, shop.js; there is nothing to compile
  host new browse && cd browse      make a scenario in Rust; what a user does is in src/lib.rs
  host build                        compile it to browse.wasm
  host try browse.wasm -t localhost:8080      one user does it once, and all is shown
  host run browse.wasm -t localhost:8080 --tps 100 -d 30s

The exit code is 0 where all held, 99 where a threshold failed, 111 where the generator was the \
limit. `host run --help` says all that a run can be told.";

/// Swell: load tests whose scenarios are code, compiled to WebAssembly.
#[derive(Debug, Parser)]
#[command(
    name = "host",
    version,
    styles = STYLES,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = FIRST_STEPS
)]
struct Cli {
    #[command(subcommand)]
    command: TypedCommand,
}

#[derive(Debug, Subcommand)]
enum TypedCommand {
    /// Run a scenario against a service and report what was measured.
    Run(Box<run::RunArgs>),
    /// Search the highest rate at which a service holds what --latency and --error-rate say.
    Find(Box<run::FindArgs>),
    /// Be one of several hosts: lead them, or join the one that does and take part in its runs.
    Node(Box<cluster::NodeArgs>),
    /// List the runs of a cluster.
    Runs(cluster::RunsArgs),
    /// Watch a run of a cluster to its end, and report what was measured.
    Attach(cluster::AttachArgs),
    /// Stop a run of a cluster.
    Stop(cluster::StopArgs),
    /// Make a cluster's identity and a token for its hosts, before any of them is up.
    Token(cluster::TokenArgs),
    /// Print Kubernetes manifests for a cluster of hosts.
    K8s(k8s::K8sArgs),
    /// Make the result of a run that several hosts shared from their journals.
    Merge(merge::MergeArgs),
    /// Have one user do one iteration of a scenario, and show all that it sends and receives.
    Try(Box<attempt::TryArgs>),
    /// Hold runs against each other: what differs, and how sure that is.
    Compare(compare::CompareArgs),
    /// Show the results of an earlier run again, or write them and its seconds to files.
    Report(report::ReportArgs),
    /// Show an earlier run on the whole terminal, second by second.
    View(view::ViewArgs),
    /// List the records of earlier runs, show one, or remove old ones.
    History(history::HistoryArgs),
    /// Say what a scenario file is, what it contains, imports and may reach.
    Check(check::CheckArgs),
    /// Make a new scenario: a Rust package, a script, or a file of steps of a HAR, a curl command
    /// and others.
    New(new_project::NewArgs),
    /// Compile a Rust scenario to a .wasm file.
    Build(build_scenario::BuildArgs),
    /// Print the JSON Schema of what `--out json=FILE` writes, of a run or of a comparison, or of
    /// files of steps; or the types of what scripts import as "swell".
    Schema {
        /// Of what.
        #[arg(value_enum, default_value_t = SchemaOf::Run)]
        of: SchemaOf,
    },
    /// The compiler's child process; see the engine's `compile`.
    #[command(name = COMPILE_CHILD, hide = true)]
    CompileChild {
        #[arg(num_args = 0..)]
        arguments: Vec<std::ffi::OsString>,
    },
}

/// What there is a JSON Schema of.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaOf {
    /// Results of a run, or of several.
    Run,
    /// What `host compare` finds.
    Compare,
    /// A scenario as a file of steps.
    Scenario,
    /// The module "swell" of scripts: no JSON Schema, but types for editors, as swell.d.ts.
    Types,
}

/// What was typed, read.
pub(crate) struct CommandLine {
    command: TypedCommand,
    /// The same as the parser has it: it knows which flags were typed.
    matches: ArgMatches,
    flags: CommandFlags,
}

impl CommandLine {
    /// Reads what was typed.
    ///
    /// # Errors
    /// It is no command line, or one that asks for help or the version.
    pub(crate) fn parse(typed: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = program();
        let typed: Vec<OsString> = typed.collect();
        let flags = CommandFlags::of(&command);
        let read = || {
            let matches = command.try_get_matches_from_mut(&typed)?;
            let cli =
                Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
            Ok(Self { command: cli.command, matches, flags })
        };
        read().map_err(|error| without_secrets(with_suggestion(error, &typed, &program())))
    }

    /// How many threads the command has that cannot do without descriptors.
    pub(crate) fn threads_with_a_runtime(&self) -> usize {
        match self.command {
            TypedCommand::Run(_) | TypedCommand::Find(_) | TypedCommand::Node(_) => {
                swell_driver::machine::allowed_cores() + 1
            }
            TypedCommand::Runs(_)
            | TypedCommand::Attach(_)
            | TypedCommand::Stop(_)
            | TypedCommand::Try(_) => 1,
            _ => 0,
        }
    }

    /// Does what the command says.
    ///
    /// # Errors
    /// Wrong usage, or a machine that does not give what is needed.
    pub(crate) fn execute(self) -> anyhow::Result<Exit> {
        let Self { command, matches, flags } = self;
        let typed = |flags| Typed { matches: matches.subcommand().map(|(_, of)| of), flags };
        match command {
            TypedCommand::Run(args) => run::run(&typed(flags), &args, None),
            TypedCommand::Find(args) => {
                let search = Search { hold: args.hold, budget: args.budget };
                run::run(&typed(flags), &args.run, Some(search))
            }
            TypedCommand::Node(args) => cluster::node(*args, flags),
            TypedCommand::Runs(args) => cluster::runs(args),
            TypedCommand::Attach(args) => cluster::attach(args),
            TypedCommand::Stop(args) => cluster::stop(args),
            TypedCommand::Token(args) => cluster::token(&args).map(|()| Exit::Passed),
            TypedCommand::K8s(args) => k8s::k8s(&args).map(|()| Exit::Passed),
            TypedCommand::Merge(args) => merge::merge(&args),
            TypedCommand::Try(args) => attempt::attempt(&typed(flags), &args),
            TypedCommand::Compare(args) => compare::compare(&args),
            TypedCommand::Report(args) => report::report(&args),
            TypedCommand::View(args) => view::view(&args),
            TypedCommand::History(args) => history::history(args).map(|()| Exit::Passed),
            TypedCommand::Check(args) => check::check(&args).map(|()| Exit::Passed),
            TypedCommand::Schema { of } => print_schema(of).map(|()| Exit::Passed),
            TypedCommand::New(args) => new_project::run(args).map(|()| Exit::Passed),
            TypedCommand::Build(args) => build_scenario::run(args).map(|_| Exit::Passed),
            TypedCommand::CompileChild { arguments } => {
                std::process::exit(swell_engine::compile_child(&arguments))
            }
        }
    }
}

/// All commands with their flags.
fn program() -> clap::Command {
    Cli::command().mut_subcommand("try", attempt::without_idle_flags)
}

fn print_schema(of: SchemaOf) -> anyhow::Result<()> {
    let schema = match of {
        SchemaOf::Run => schemars::schema_for!(swell_report::Written).to_value(),
        SchemaOf::Compare => swell_report::RunComparison::schema().to_value(),
        SchemaOf::Scenario => swell_steps::schema(),
        SchemaOf::Types => return Ok(terminal::show(swell_javascript::TYPES)?),
    };
    Ok(terminal::show(format_args!("{}\n", serde_json::to_string_pretty(&schema)?))?)
}

#[cfg(test)]
mod tests {
    use swell_outputs::{Flag, KINDS};

    use super::*;
    use crate::settings::habits;

    /// What is said to a command line that cannot be read.
    fn refusal(line: &[&str]) -> String {
        let typed = ["host"].iter().chain(line).map(OsString::from);
        CommandLine::parse(typed).err().expect("it cannot be read").render().to_string()
    }

    #[test]
    fn what_users_of_other_tools_type_is_answered_by_a_flag_that_there_is() {
        let command = Cli::command();
        let run = command.find_subcommand("run").expect("there is `host run`");
        let is_ours =
            |flag: &str| run.get_arguments().any(|argument| argument.get_long() == Some(flag));
        for (flag, tip) in habits::all() {
            let error = refusal(&["run", "http://a/", flag, "1"]);
            assert!(error.contains(tip), "{flag}: {error}");
            let ours = tip.split_whitespace().filter_map(|word| word.strip_prefix("--"));
            for ours in ours.map(|word| word.trim_end_matches([',', ';'])) {
                assert!(is_ours(ours), "{flag}: there is no --{ours}");
            }
        }
    }

    #[test]
    fn a_letter_that_means_something_else_here_is_told_by_its_value() {
        for line in [&["run", "-q", "100", "http://a/"][..], &["run", "http://a/", "-q", "100"]] {
            assert!(refusal(line).contains("--tps N"), "{line:?}");
        }
        for content in ["@order.json", "a=b", "{}"] {
            assert!(refusal(&["run", "http://a/", "-d", content]).contains("--body @FILE"));
        }
        assert!(refusal(&["run", "http://a/", "--data", "{}"]).contains("--json"));
        let accept = refusal(&["run", "http://a/", "--accept", "text/html"]);
        assert!(accept.contains("--header 'accept: TYPE'"), "{accept}");
        let user = refusal(&["run", "http://a/", "-u", "ada:s3cret"]);
        assert!(user.contains("--basic") && !user.contains("s3cret"), "{user}");
        assert!(refusal(&["run", "http://a/", "-u", "ada"]).contains("--basic"));
        let url = refusal(&["run", "-u", "http://ada:s3cret@a/", "-t", "30"]);
        assert!(url.contains("host run URL") && !url.contains("s3cret"), "{url}");
        assert!(!refusal(&["run", "http://a/", "-u", "1O"]).contains("--basic"));
        assert!(refusal(&["run", "http://a/", "-cpus", "2"]).contains("each core"));
        assert!(refusal(&["run", "--latency", "http://a/"]).contains("percentiles are always"));
        for content in ["-d", "--data"] {
            assert!(refusal(&["run", "http://a/", content, "hello"]).contains("--body TEXT"));
        }
        assert!(refusal(&["run", "http://a/", "-duration=5s"]).contains("two dashes"));
        assert!(refusal(&["run", "http://a/", "-disable-keepalive"]).contains("-per-connection 1"));
        assert!(refusal(&["http://a/"]).contains("host run http://a/"));
        assert!(refusal(&["soak", "http://a/"]).contains("--preset"));
        assert!(refusal(&["inspect", "shop.js"]).contains("host check FILE"));
        assert!(refusal(&["run", "a.wasm", "http://a/"]).contains("--target http://a/"));
    }

    #[test]
    fn letters_of_other_tools_are_taken_where_they_are_free() {
        let typed = ["host", "run", "http://a/", "-c", "64", "-z", "10s", "-X", "PUT"];
        let line = CommandLine::parse(typed.iter().map(OsString::from)).expect("it is known");
        let TypedCommand::Run(args) = line.command else { panic!("it is `host run`") };
        assert_eq!(args.settings.vus, Some(64));
        assert_eq!(args.settings.duration, Some(std::time::Duration::from_secs(10)));
    }

    #[test]
    fn the_help_of_a_run_tells_of_each_kind_of_output() {
        let command = Cli::command();
        let run = command.find_subcommand("run").expect("there is `host run`");
        let help = |flag: &str| {
            let flag = run.get_arguments().find(|argument| argument.get_long() == Some(flag));
            flag.and_then(|flag| flag.get_help()).map(ToString::to_string)
        };
        for kind in &KINDS {
            match kind.flag {
                Flag::Out => {
                    let form = format!("`{}=", kind.name);
                    assert!(help("out").is_some_and(|help| help.contains(&form)), "{form}");
                }
                Flag::To => {
                    let form = format!("`{}=", kind.name);
                    assert!(help("to").is_some_and(|help| help.contains(&form)), "{form}");
                }
                Flag::Own => assert_eq!(help(kind.name).as_deref(), Some(kind.help)),
            }
        }
    }
}
