//! What is known of a run when it begins.

use serde::{Deserialize, Serialize};

use super::part::PartAbout;
use crate::report::Header;

/// The version of the form of a record. A reader may rely on a key's meaning within a major
/// version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordForm {
    /// The first.
    #[serde(rename = "swell.record/1")]
    First,
}

/// See the module's documentation. It is written as JSON, so that a later release may add to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordHeader {
    /// The version of this form.
    pub schema: RecordForm,
    /// What is run.
    #[serde(flatten)]
    pub run: Header,
    /// Unix time of the run's first instant, in seconds.
    pub began_at: f64,
    /// The command line that does the same again, without its secrets.
    pub command: Vec<String>,
    /// The settings that the command line stands for, as flags and values, without their secrets.
    pub settings: Vec<(String, Option<String>)>,
    /// How long the warm-up takes, or may take.
    pub warm_up_seconds: f64,
    /// How long the measured part is to be; nothing where the clock does not end it.
    pub measured_seconds: Option<f64>,
    /// What is to hold at the end, as it is written on the command line.
    pub thresholds: Vec<String>,
    /// What decides on the rate, as it is written on the command line.
    pub objectives: Vec<String>,
    /// The machine that writes the record.
    pub host: HostAbout,
    /// Whose part it is, where it is not a record of the whole run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartAbout>,
}

/// A machine, as far as figures depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAbout {
    /// What it calls itself.
    pub name: String,
    /// Cores that the process may run on.
    pub cores: u64,
    /// The operating system and the kind of processor, as "linux x86_64".
    pub system: String,
}
