//! The end of runs in the words of the file that was run: what it exports for that, if it does.

use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance};

use crate::contract::{SUMMARY, full_name};
use crate::state::GuestState;
use crate::text::GuestText;

/// A place with what is to be written there.
pub type SummaryPart = (String, Vec<u8>);

/// The functions by which a component ends runs in its own words.
#[derive(Clone, Copy)]
pub(crate) struct SummaryExport {
    has_summary: ComponentExportIndex,
    summarize: ComponentExportIndex,
}

impl SummaryExport {
    /// Those of a component that has them.
    pub(crate) fn of(component: &Component) -> Option<Self> {
        let summary = component.get_export_index(None, full_name(SUMMARY).as_str())?;
        let function = |name: &str| component.get_export_index(Some(&summary), name);
        Some(Self { has_summary: function("has-summary")?, summarize: function("summarize")? })
    }

    /// Asks an instance whether they do anything.
    pub(crate) async fn does_anything(
        self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<bool> {
        let asked = instance.get_typed_func::<(), (bool,)>(&mut *store, &self.has_summary)?;
        let (does_anything,) = asked.call_async(&mut *store, ()).await?;
        Ok(does_anything)
    }

    /// Has an instance write the summary of these results.
    pub(crate) async fn summarize(
        self,
        store: &mut Store<GuestState>,
        instance: &Instance,
        results: &str,
    ) -> wasmtime::Result<Result<Vec<SummaryPart>, String>> {
        let summarize = instance
            .get_typed_func::<(&str,), (Result<Vec<SummaryPart>, GuestText>,)>(
                &mut *store,
                &self.summarize,
            )?;
        let (parts,) = summarize.call_async(&mut *store, (results,)).await?;
        Ok(parts.map_err(|said| said.text))
    }
}
