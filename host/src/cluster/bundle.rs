//! A scenario, its settings and the files that they name, as they travel to another node: by hash,
//! each fetched from a node that has it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use swell_cluster::{BlobHash, BlobRef, BlobSource, BlobStore, Peer, fetch, fetch_to};
use swell_core::plain::line;
use swell_engine::{MAX_SCENARIO_SIZE, ScenarioSource, ScriptFile, ScriptSource};

use crate::prepare::{FilesOrigin, Pair, ReceivedScenario};
use crate::settings::keys::{file_of, is_of_a_script, with_file};

/// The largest file of settings that is fetched: far more than a feed has, and less than fills a
/// disk by surprise.
const MAX_FILE: u64 = 16 << 30;

/// Files that this node has ready for others.
#[derive(Clone, Debug, Default)]
pub(super) struct OfferedFiles(Arc<Mutex<BTreeMap<BlobHash, OfferedFile>>>);

#[derive(Debug)]
struct OfferedFile {
    source: BlobSource,
    /// How many offers hold the file ready.
    holders: usize,
}

/// Holds a file ready for as long as it lives.
#[derive(Debug)]
pub(super) struct HeldFile {
    blob: BlobRef,
    offered: OfferedFiles,
}

/// A scenario and all that it needs, described by hashes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Bundle {
    /// What the scenario is called where it comes from.
    pub(super) path: String,
    /// Settings as flags, in the order in which they overrule one another.
    pub(super) settings: Vec<Pair>,
    /// Its component; of a script, the interpreter.
    file: BlobRef,
    /// The files of a script by their paths, itself first; none if it is no script.
    script: Vec<(String, BlobRef)>,
    /// Files that settings name: the index into `settings`, and the file.
    files: Vec<(usize, BlobRef)>,
}

/// A bundle, and its files for others to fetch as long as this value lives.
#[derive(Debug)]
pub(super) struct HeldBundle {
    pub(super) bundle: Bundle,
    _held: Vec<HeldFile>,
}

impl OfferedFiles {
    /// Keeps a file's bytes, as they are now.
    fn hold_file(&self, path: &Path) -> anyhow::Result<HeldFile> {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(self.hold(bytes.into()))
    }

    fn hold(&self, bytes: Bytes) -> HeldFile {
        let blob = BlobRef { hash: BlobHash::of(&bytes), size: bytes.len() as u64 };
        let mut offered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        offered
            .entry(blob.hash)
            .or_insert_with(|| OfferedFile { source: BlobSource::Bytes(bytes), holders: 0 })
            .holders += 1;
        HeldFile { blob, offered: self.clone() }
    }
}

impl BlobStore for OfferedFiles {
    fn find(&self, hash: &BlobHash) -> Option<BlobSource> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .map(|offered_file| offered_file.source.clone())
    }
}

impl Drop for HeldFile {
    fn drop(&mut self) {
        let mut offered = self.offered.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(offered_file) = offered.get_mut(&self.blob.hash) {
            offered_file.holders -= 1;
            if offered_file.holders == 0 {
                offered.remove(&self.blob.hash);
            }
        }
    }
}

impl HeldBundle {
    /// Packs a scenario, which has been loaded if it is a script, with its settings. `known` has
    /// the names under which others are to know the files of settings, if not under those that they
    /// have here. All files are read and hashed, which takes a while.
    ///
    /// # Errors
    /// A file that cannot be read, or a script that was not loaded.
    pub(super) fn new(
        offered: &OfferedFiles,
        source: &ScenarioSource,
        mut settings: Vec<Pair>,
        known: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let known_as = |path: &str| known.get(path).cloned().unwrap_or_else(|| path.to_owned());
        let held = offered.hold(source.read().with_context(|| source.name())?);
        let file = held.blob;
        let (mut script, mut all) = (Vec::new(), vec![held]);
        if let ScenarioSource::Script { script: its_files, .. } = source {
            let ScriptSource::Files { files, .. } = its_files else {
                bail!("{}: it was not loaded before it was packed", source.name());
            };
            for ScriptFile { path, content } in files {
                let held = offered.hold(content.clone());
                script.push((path.clone(), held.blob));
                all.push(held);
            }
        }
        settings.retain(|(key, _)| !is_of_a_script(key));
        let mut bundle = Bundle { path: source.name(), settings, file, script, files: Vec::new() };
        for (place, (key, value)) in bundle.settings.iter_mut().enumerate() {
            let Some(text) = value else { continue };
            let Some(path) = file_of(key, Some(text)).map(str::to_owned) else { continue };
            let held = offered.hold_file(Path::new(&path)).with_context(|| format!("--{key}"))?;
            bundle.files.push((place, held.blob));
            all.push(held);
            *text = with_file(key, text, &known_as(&path));
        }
        Ok(Self { bundle, _held: all })
    }
}

impl Bundle {
    /// Fetches the scenario and the files of its settings, each verified by its hash.
    ///
    /// # Errors
    /// A file that does not come or cannot be written; a setting that names a file of this machine,
    /// which another machine may not name.
    pub(super) async fn fetch(&self, peer: &Peer) -> anyhow::Result<ReceivedScenario> {
        let folder = tempfile::tempdir().context("cannot make a folder for the run's files")?;
        let mut names = BTreeMap::new();
        let mut settings = self.settings.clone();
        let source = self.fetch_scenario(peer).await?;
        for (place, (key, value)) in settings.iter_mut().enumerate() {
            let Some(text) = value else { continue };
            let Some(path) = file_of(key, Some(text)).map(str::to_owned) else { continue };
            let Some(&(_, blob)) = self.files.iter().find(|(of, _)| *of == place) else {
                bail!("--{key} {text}: the file was not sent along")
            };
            // The files are numbered, because two may have the same name; the end of the name says
            // what kind of feed it is.
            let name =
                Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
            let local = folder.path().join(format!("{place}-{name}"));
            fetch_to(peer, blob, MAX_FILE, &local).await?;
            let local = local.to_string_lossy().into_owned();
            *text = with_file(key, text, &local);
            names.insert(local, path);
        }
        Ok(ReceivedScenario { source, settings, origin: FilesOrigin::new(names, folder) })
    }

    async fn fetch_scenario(&self, peer: &Peer) -> anyhow::Result<ScenarioSource> {
        let name = line(&self.path).to_string();
        let component = ScenarioSource::Bytes {
            name: name.clone(),
            bytes: fetch(peer, self.file, MAX_SCENARIO_SIZE).await?,
        };
        if self.script.is_empty() {
            return Ok(component);
        }
        let size: u64 = self.script.iter().map(|(_, blob)| blob.size).fold(0, u64::saturating_add);
        if size > MAX_SCENARIO_SIZE {
            bail!("the files of {name} have {size} bytes; at most {MAX_SCENARIO_SIZE} are taken");
        }
        let mut files = Vec::new();
        for (path, blob) in &self.script {
            let content = fetch(peer, *blob, MAX_SCENARIO_SIZE).await?;
            files.push(ScriptFile { path: path.clone(), content });
        }
        let (interpreter, script) = (Box::new(component), ScriptSource::Files { name, files });
        Ok(ScenarioSource::Script { interpreter, script })
    }
}
