//! The call by which an interpreter takes in a script.

use std::fmt::Write as _;
use std::sync::Arc;

use swell_core::plain::line;
use unicode_width::UnicodeWidthStr as _;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, ComponentType, Instance, Lift, Lower};

use crate::bindings::exports::swell::scenario::lifecycle::FileInfo;
use crate::contract::{SCRIPT, full_name};
use crate::script::ScriptFile;
use crate::state::GuestState;
use crate::text::GuestText;

/// A test that was loaded: what each instance is given.
pub(crate) struct LoadedScript {
    load: ComponentExportIndex,
    pub(crate) files: Arc<[ScriptFile]>,
}

/// What became of the files.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum LoadAnswer {
    /// It is ready.
    #[component(name = "ready")]
    Ready(FileInfo),
    /// It needs these files, too.
    #[component(name = "needs")]
    Needs(Vec<String>),
}

/// What is wrong with a script, as its interpreter says it.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct ScriptFault {
    message: GuestText,
    place: Option<FaultPlace>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct FaultPlace {
    file: GuestText,
    line: u32,
    column: u32,
}

/// A file as it is handed over.
#[derive(ComponentType, Lower)]
#[component(record)]
struct HandedFile<'a> {
    path: &'a str,
    content: &'a [u8],
}

impl LoadedScript {
    /// The script of these files for the interpreter that this component is; `None` if it is none.
    pub(crate) fn new(component: &Component, files: Arc<[ScriptFile]>) -> Option<Self> {
        let script = component.get_export_index(None, full_name(SCRIPT).as_str())?;
        let load = component.get_export_index(Some(&script), "load")?;
        Some(Self { load, files })
    }

    /// Has an instance take in the files.
    pub(crate) async fn load(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Result<LoadAnswer, ScriptFault>> {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| HandedFile { path: &file.path, content: &file.content })
            .collect();
        let load = instance
            .get_typed_func::<(&[HandedFile<'_>],), (Result<LoadAnswer, ScriptFault>,)>(
                &mut *store,
                &self.load,
            )?;
        let (loaded,) = load.call_async(&mut *store, (&files,)).await?;
        Ok(loaded)
    }

    /// Has the instance of a user take in the files, as it was done before the run.
    pub(crate) async fn load_again(
        &self,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        match self.load(store, instance).await? {
            Ok(LoadAnswer::Ready(_)) => Ok(()),
            Ok(LoadAnswer::Needs(paths)) => Err(wasmtime::Error::msg(format!(
                "`load` asked for {paths:?} in a user's instance, and not before the run"
            ))),
            Err(fault) => Err(wasmtime::Error::msg(fault.words(&self.files))),
        }
    }
}

/// Columns of a line of the script that are shown; the fault stands in their middle where the line
/// is longer.
const SHOWN: usize = 90;

impl ScriptFault {
    /// For the person who wrote the script: where, what, and the line with a caret below.
    pub(crate) fn words(&self, files: &[ScriptFile]) -> String {
        let message = line(&self.message.text);
        let Some(FaultPlace { file, line: number, column }) = &self.place else {
            return message.to_string();
        };
        let mut words = String::new();
        let is_the_script = files.first().is_some_and(|script| script.path == file.text);
        if !is_the_script {
            let _ = write!(words, "{}, ", line(&file.text));
        }
        let _ = write!(words, "line {number}");
        if *column > 0 {
            let _ = write!(words, ", column {column}");
        }
        let _ = write!(words, ": {message}");
        let content = files.iter().find(|known| known.path == file.text);
        let shown = content.and_then(|content| excerpt(&content.content, *number, *column));
        words + &shown.unwrap_or_default()
    }
}

/// The line with this number, and a caret below the column, if there is one.
fn excerpt(content: &[u8], number: u32, column: u32) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let text = text.lines().nth(number.checked_sub(1)? as usize)?;
    let column = (column as usize).min(text.chars().count() + 1);
    let skipped = column.saturating_sub(SHOWN / 2);
    // A tab is as wide as whoever shows it likes: as a space, the caret stands where it should.
    let part = |characters: usize| -> String {
        let part = text.chars().skip(skipped).take(characters);
        part.map(|character| if character == '\t' { ' ' } else { character }).collect()
    };
    let margin = " ".repeat(number.to_string().len());
    let mut excerpt = format!("\n{number} | {}", line(&part(SHOWN)));
    if column > 0 {
        // The caret in its place keeps spaces that end it.
        let below = line(&(part(column - 1 - skipped) + "^")).to_string();
        let _ = write!(excerpt, "\n{margin} | {}^", " ".repeat(below.width() - 1));
    }
    Some(excerpt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(message: &str, place: Option<(&str, u32, u32)>) -> ScriptFault {
        let text = |text: &str| GuestText { text: text.to_owned(), is_cut: false };
        ScriptFault {
            message: text(message),
            place: place.map(|(file, line, column)| FaultPlace { file: text(file), line, column }),
        }
    }

    fn files() -> Vec<ScriptFile> {
        let file = |path: &str, content: String| ScriptFile {
            path: path.to_owned(),
            content: content.into(),
        };
        vec![
            file("shop.line", "get /\n\tgett /cart\n".to_owned()),
            file("lib.line", format!("{}?{}", "x".repeat(200), "y".repeat(200))),
        ]
    }

    #[test]
    fn a_fault_shows_its_line_and_a_caret_below_its_column() {
        assert_eq!(
            fault("no such word", Some(("shop.line", 2, 2))).words(&files()),
            "line 2, column 2: no such word\n2 |  gett /cart\n  |  ^"
        );
        assert_eq!(
            fault("no such word", Some(("shop.line", 2, 0))).words(&files()),
            "line 2: no such word\n2 |  gett /cart"
        );
        // On a terminal a Chinese character has two columns, an accent of its own none, and what
        // would act on it has those of the words in its place.
        let wide = excerpt("a日本e\u{301}\u{1b} ?".as_bytes(), 1, 8).unwrap_or_default();
        assert_eq!(wide, format!("\n1 | a日本e\u{301}\\u{{1b}} ?\n  | {}^", " ".repeat(13)));
        let far = fault("what?", Some(("lib.line", 1, 201))).words(&files());
        let lines: Vec<&str> = far.lines().collect();
        assert_eq!(lines[0], "lib.line, line 1, column 201: what?");
        assert_eq!(lines[1].find('?'), lines[2].find('^'), "{far}");
        assert!(lines[1].len() < 100, "{far}");
    }

    #[test]
    fn a_fault_without_a_place_or_with_one_that_is_nowhere_has_its_message() {
        assert_eq!(fault("out of memory", None).words(&files()), "out of memory");
        for place in [("shop.line", 0, 1), ("shop.line", 99, 1), ("none.line", 1, 1)] {
            let words = fault("what?", Some(place)).words(&files());
            assert!(words.ends_with(": what?"), "{words}");
        }
        let beyond = fault("it ends", Some(("shop.line", 1, u32::MAX))).words(&files());
        assert!(beyond.ends_with("\n1 | get /\n  |      ^"), "{beyond}");
        let hostile = fault("a\u{1b}[2Jb\nerror: forged", Some(("x\ny", 1, 1))).words(&files());
        assert!(!hostile.contains('\u{1b}') && hostile.lines().count() == 1, "{hostile}");
    }
}
