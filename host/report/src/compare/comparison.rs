//! What two sides come to, held against each other.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use swell_core::threshold::Margin;

use super::method::Method;
use super::ruling::{self, MarginReport, MarginRuling};
use super::run::ComparedRun;
use super::table::{FigureComparison, Sides};
use super::unlike::{self, Unlike};
use crate::exit::Exit;

/// The version of the form of a comparison in JSON. A reader may rely on a key's meaning within a
/// major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(inline)]
pub enum ComparisonForm {
    /// The first.
    #[serde(rename = "swell.compare/1")]
    First,
}

/// See the module's documentation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RunComparison {
    /// The version of this form.
    pub schema: ComparisonForm,
    /// The runs of the first side, by the names that they were given.
    pub a: Vec<String>,
    /// Those of the second.
    pub b: Vec<String>,
    /// What there is to go by.
    pub method: Method,
    /// What else differs between the sides than what was measured.
    pub unlike: Vec<Unlike>,
    /// What a reader must know before the figures.
    pub remarks: Vec<String>,
    /// The figures of all transactions together.
    pub figures: Vec<FigureComparison>,
    /// Those of the transactions of each name that both sides have.
    pub by_name: Vec<FigureComparison>,
    /// What must not differ by more than a margin, and whether it does.
    pub margins: Vec<MarginReport>,
}

impl RunComparison {
    /// Holds the second side against the first. There must be a run on each.
    pub fn of(a: &[ComparedRun], b: &[ComparedRun], margins: &[Margin]) -> Self {
        let sides = Sides::new(a, b);
        let (figures, by_name) = (sides.figures(), sides.by_name());
        Self {
            schema: ComparisonForm::First,
            a: a.iter().map(|run| run.name.clone()).collect(),
            b: b.iter().map(|run| run.name.clone()).collect(),
            method: sides.method,
            unlike: unlike::unlike(a, b),
            remarks: unlike::remarks(a, b, &sides),
            figures,
            by_name,
            margins: margins.iter().map(|margin| ruling::rule(&sides, margin)).collect(),
        }
    }

    /// The JSON Schema of what is written.
    pub fn schema() -> Schema {
        SchemaSettings::default().for_serialize().into_generator().into_root_schema_for::<Self>()
    }

    /// How the command ends: a margin that is surely exceeded, or of which nothing is known, fails
    /// it.
    pub fn exit(&self) -> Exit {
        if self.margins.iter().all(|margin| margin.ruling == MarginRuling::Passed) {
            Exit::Passed
        } else {
            Exit::Threshold
        }
    }
}
