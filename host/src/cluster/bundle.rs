//! A scenario's file, its settings and the files that they name, as they travel to another host: by
//! hash, each fetched from whoever holds it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use swell_cluster::{BlobHash, BlobRef, BlobSource, BlobStore, Peer, fetch_to};
use swell_core::plain::line;

use crate::prepare::{Origin, Pair, Unpacked};
use crate::settings::layers::{file_of, with_file};

/// The largest file that is fetched: far more than a scenario or a feed has, less than what fills a
/// disk by surprise.
const LARGEST_FILE: u64 = 16 << 30;

/// Files that this host has ready for others.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf(Arc<Mutex<BTreeMap<BlobHash, Shelved>>>);

#[derive(Debug)]
struct Shelved {
    source: BlobSource,
    /// How many hold it ready.
    holders: usize,
}

/// Holds a file ready for as long as it lives.
#[derive(Debug)]
pub(super) struct Held {
    blob: BlobRef,
    shelf: Shelf,
}

/// A scenario and all that it needs, told by hashes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Parcel {
    /// What the scenario's file is called where it came from.
    pub(super) path: String,
    /// Settings as flags, in the order in which they overrule one another.
    pub(super) settings: Vec<Pair>,
    file: BlobRef,
    /// Files that settings name: at which place of `settings`, and which file.
    files: Vec<(usize, BlobRef)>,
}

/// A parcel, and its files for others to fetch as long as this lives.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) parcel: Parcel,
    _held: Vec<Held>,
}

impl Shelf {
    /// Keeps a file's bytes, as they are now.
    fn hold(&self, path: &Path) -> anyhow::Result<Held> {
        let bytes = Bytes::from(
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        );
        let blob = BlobRef { hash: BlobHash::of(&bytes), size: bytes.len() as u64 };
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf
            .entry(blob.hash)
            .or_insert_with(|| Shelved { source: BlobSource::Bytes(bytes), holders: 0 })
            .holders += 1;
        Ok(Held { blob, shelf: self.clone() })
    }
}

impl BlobStore for Shelf {
    fn find(&self, hash: &BlobHash) -> Option<BlobSource> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(hash)
            .map(|shelved| shelved.source.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut shelf = self.shelf.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelved) = shelf.get_mut(&self.blob.hash) {
            shelved.holders -= 1;
            if shelved.holders == 0 {
                shelf.remove(&self.blob.hash);
            }
        }
    }
}

impl Packed {
    /// Packs a scenario's file with its settings; `known` is under which names others are to know
    /// its files, if not under those that they have here. The files are read and hashed, which
    /// takes a while.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn new(
        shelf: &Shelf,
        file: &Path,
        settings: Vec<Pair>,
        known: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let known_as = |path: &str| known.get(path).cloned().unwrap_or_else(|| path.to_owned());
        let held = shelf.hold(file)?;
        let mut parcel = Parcel {
            path: known_as(&file.display().to_string()),
            settings,
            file: held.blob,
            files: Vec::new(),
        };
        let mut all = vec![held];
        for (place, (key, value)) in parcel.settings.iter_mut().enumerate() {
            let Some(text) = value else { continue };
            let Some(path) = file_of(key, Some(text)).map(str::to_owned) else { continue };
            let held = shelf.hold(Path::new(&path)).with_context(|| format!("--{key}"))?;
            parcel.files.push((place, held.blob));
            all.push(held);
            *text = with_file(key, text, &known_as(&path));
        }
        Ok(Self { parcel, _held: all })
    }
}

impl Parcel {
    /// Fetches the scenario and the files of its settings, each verified by its hash.
    ///
    /// # Errors
    /// A file that does not come or cannot be written; a setting that names a file of this machine,
    /// which is nobody else's to name.
    pub(super) async fn fetch(&self, peer: &Peer) -> anyhow::Result<Unpacked> {
        let folder = tempfile::tempdir().context("cannot make a folder for the run's files")?;
        let mut names = BTreeMap::new();
        let mut settings = self.settings.clone();
        let local = folder.path().join("scenario.wasm");
        fetch_to(peer, self.file, LARGEST_FILE, &local).await?;
        names.insert(local.to_string_lossy().into_owned(), line(&self.path).to_string());
        for (place, (key, value)) in settings.iter_mut().enumerate() {
            let Some(text) = value else { continue };
            let Some(path) = file_of(key, Some(text)).map(str::to_owned) else { continue };
            let Some(&(_, blob)) = self.files.iter().find(|(of, _)| *of == place) else {
                bail!("--{key} {text}: the file was not sent along")
            };
            // Numbered, as two files may have the same name; the name's end says of what kind a
            // feed is.
            let name =
                Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
            let local = folder.path().join(format!("{place}-{name}"));
            fetch_to(peer, blob, LARGEST_FILE, &local).await?;
            let local = local.to_string_lossy().into_owned();
            *text = with_file(key, text, &local);
            names.insert(local, path);
        }
        Ok(Unpacked { file: local, settings, origin: Origin::new(names, folder) })
    }
}
