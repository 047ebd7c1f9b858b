//! Runs a controllable target until SIGINT. Its first line of output says where:
//! `target URL control URL`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use swell_target::{Behaviour, CertificateKind, Target, TargetSettings};

/// A controllable HTTP service to hold load tests against
#[derive(Parser)]
#[command(name = "target", version)]
struct Args {
    /// Where to serve; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Where to be controlled (GET /seen, POST /control, /stall, /reset)
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    control: SocketAddr,

    /// Speak TLS, with a certificate of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    tls: Option<CertificateKind>,

    /// Write the certificate of the authority behind --tls here, as PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca: Option<PathBuf>,

    /// Keep when each request came and left, for GET /seen?log=true
    #[arg(long)]
    log: bool,

    #[command(flatten)]
    behaviour: Behaviour,
}

fn main() -> anyhow::Result<()> {
    let Args { listen, control, tls, ca, log, behaviour } = Args::parse();
    let target = Target::start(TargetSettings { listen, control, tls, log, behaviour })
        .with_context(|| format!("can't serve on {listen}"))?;
    if let (Some(file), Some(pem)) = (ca, target.ca_pem()) {
        std::fs::write(&file, pem).with_context(|| format!("can't write {}", file.display()))?;
    }
    writeln!(std::io::stdout(), "target {} control {}", target.url(), target.control_url())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c()).context("can't listen for SIGINT")
}
