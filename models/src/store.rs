//! The model store: a folder of immutable versions, and the file that says which of them is current.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::groups::Standing;
use crate::manifest::{FileEntry, Manifest};
use crate::model::{Model, read_manifest, read_standing};

/// How many activations can be rolled back.
const MAX_HISTORY: usize = 32;

/// A folder of model versions. Every change is written aside, synced and renamed, so that a crash at any instant leaves the store as it
/// was before or after.
///
/// `CURRENT` holds the current version on its first line and the ones activated before it below, latest first.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
}

/// A version in the store.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub version: String,
    /// Whether it is the current one.
    pub current: bool,
    /// How its training run went, if that is still known.
    pub run: Option<Run>,
    /// Its manifest, or what is wrong with it.
    pub manifest: Result<Box<Manifest>, String>,
}

/// One training run: what differs from run to run and so stands outside the version folder, in `runs/<version>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When it ended, RFC 3339, UTC.
    pub finished_at: String,
    /// Threads used.
    pub threads: usize,
    /// Seconds of each stage, in order.
    pub stages: Vec<(String, f64)>,
    /// Peak resident memory, bytes; 0 where the system does not say.
    pub peak_memory_bytes: u64,
}

impl ModelStore {
    /// A store in this folder, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of a version.
    pub fn path(&self, version: &str) -> PathBuf {
        self.folder.join(version)
    }

    /// The versions in `CURRENT`, current first.
    fn activations(&self) -> Result<Vec<String>, ModelError> {
        let path = self.folder.join("CURRENT");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(ModelError::io(&path, error)),
        }
    }

    /// The name of the current version.
    pub fn current(&self) -> Result<String, ModelError> {
        let current =
            self.activations()?.into_iter().next().ok_or_else(|| ModelError::Empty { store: self.folder.display().to_string() })?;
        self.exists(&current)?;
        Ok(current)
    }

    /// Loads the current version.
    pub fn load_current(&self) -> Result<Model, ModelError> {
        self.load(&self.current()?)
    }

    /// Loads a version by name.
    pub fn load(&self, version: &str) -> Result<Model, ModelError> {
        self.exists(version)?;
        Model::load(&self.path(version))
    }

    /// Reads and checks the manifest of a version by name, without loading the rest.
    pub fn manifest(&self, version: &str) -> Result<Manifest, ModelError> {
        self.exists(version)?;
        read_manifest(&self.path(version), version)
    }

    /// Reads and checks the groups of a version's customers by name, without loading the rest.
    pub fn standing(&self, version: &str) -> Result<Standing, ModelError> {
        self.exists(version)?;
        read_standing(&self.path(version), version)
    }

    /// The version to hold one of `as_of_day` against: of those that end before that day the one activated last, else the latest one. What
    /// comes later changes nothing about it, so that training again on the same data finds the same one.
    pub fn before(&self, as_of_day: i32) -> Result<Option<String>, ModelError> {
        let day = |version: &String| self.manifest(version).ok().map(|manifest| manifest.as_of_day).filter(|&day| day < as_of_day);
        let activated =
            self.activations()?.into_iter().filter(|version| self.exists(version).is_ok()).find(|version| day(version).is_some());
        let latest =
            || Ok(self.versions()?.into_iter().filter_map(|version| Some((day(&version)?, version))).max().map(|(_, version)| version));
        activated.map_or_else(latest, |version| Ok(Some(version)))
    }

    /// The names of all versions, ascending.
    pub fn versions(&self) -> Result<Vec<String>, ModelError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ModelError::io(&self.folder, error)),
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join(Manifest::FILE).is_file())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort_unstable();
        Ok(names)
    }

    /// All versions, newest training run first.
    pub fn list(&self) -> Result<Vec<Listed>, ModelError> {
        let current = self.activations()?.into_iter().next();
        let mut listed: Vec<Listed> = self
            .versions()?
            .into_iter()
            .map(|version| Listed {
                current: current.as_ref() == Some(&version),
                run: self.run(&version),
                manifest: self.look(&version).map(Box::new).map_err(|error| error.to_string()),
                version,
            })
            .collect();
        listed.sort_by(|a, b| {
            let finished = |listed: &Listed| listed.run.as_ref().map(|run| run.finished_at.clone());
            finished(b).cmp(&finished(a)).then_with(|| b.version.cmp(&a.version))
        });
        Ok(listed)
    }

    /// A version's manifest, once every file has been found at its length. Its bytes are checked when it is loaded.
    fn look(&self, version: &str) -> Result<Manifest, ModelError> {
        let folder = self.path(version);
        let manifest = read_manifest(&folder, version)?;
        for (name, entry) in &manifest.files {
            let path = folder.join(name);
            let found = fs::metadata(&path).map_err(|source| ModelError::io(&path, source))?.len();
            if found != entry.bytes {
                return Err(ModelError::corrupt(path.display().to_string(), format!("{found} bytes"), format!("{} bytes", entry.bytes)));
            }
        }
        Ok(manifest)
    }

    /// How a version's latest training run went.
    pub fn run(&self, version: &str) -> Option<Run> {
        serde_json::from_slice(&fs::read(self.folder.join("runs").join(format!("{version}.json"))).ok()?).ok()
    }

    /// Refuses a name that is no version of this store, so that no other folder is ever read under it.
    pub fn exists(&self, version: &str) -> Result<(), ModelError> {
        let versions = self.versions()?;
        if versions.iter().any(|name| name == version) {
            return Ok(());
        }
        let found = if versions.is_empty() { "none".to_owned() } else { versions.join(", ") };
        Err(ModelError::NoVersion { store: self.folder.display().to_string(), version: version.to_owned(), found })
    }

    /// Makes a version current, after loading it once to be sure that it can be served.
    pub fn activate(&self, version: &str) -> Result<(), ModelError> {
        let _lock = self.lock()?;
        self.load(version)?;
        let mut activations = self.activations()?;
        if activations.first().is_some_and(|current| current == version) {
            return Ok(());
        }
        activations.insert(0, version.to_owned());
        self.write_activations(&activations)
    }

    /// Makes the version activated before the current one current again, and returns its name.
    pub fn rollback(&self) -> Result<String, ModelError> {
        let _lock = self.lock()?;
        let mut activations = self.activations()?;
        let store = || self.folder.display().to_string();
        if activations.is_empty() {
            return Err(ModelError::Empty { store: store() });
        }
        let current = activations.remove(0);
        activations.retain(|version| *version != current && self.path(version).join(Manifest::FILE).is_file());
        let previous = activations.first().cloned().ok_or_else(|| ModelError::NoPrevious { store: store(), version: current })?;
        self.load(&previous)?;
        self.write_activations(&activations)?;
        Ok(previous)
    }

    fn write_activations(&self, activations: &[String]) -> Result<(), ModelError> {
        let mut text = String::new();
        activations.iter().take(MAX_HISTORY).for_each(|version| {
            text.push_str(version);
            text.push('\n');
        });
        replace(&self.folder.join("CURRENT"), text.as_bytes())
    }

    /// One writer at a time.
    fn lock(&self) -> Result<File, ModelError> {
        fs::create_dir_all(&self.folder).map_err(|source| ModelError::io(&self.folder, source))?;
        let path = self.folder.join(".lock");
        let file = File::options().create(true).append(true).open(&path).map_err(|source| ModelError::io(&path, source))?;
        file.lock().map_err(|source| ModelError::io(&path, source))?;
        Ok(file)
    }

    /// Opens a folder beside the versions to write a new one in.
    pub fn stage(&self) -> Result<Staging, ModelError> {
        fs::create_dir_all(&self.folder).map_err(|source| ModelError::io(&self.folder, source))?;
        static STAGED: AtomicU32 = AtomicU32::new(0);
        self.sweep();
        let folder = self.folder.join(format!(".staging-{}-{}", std::process::id(), STAGED.fetch_add(1, Ordering::Relaxed)));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).map_err(|source| ModelError::io(&folder, source))?;
        Ok(Staging { store: self.clone(), folder, published: false })
    }

    /// Removes what runs that were killed left behind: at once where the system tells which processes live, else after a day.
    fn sweep(&self) {
        let left_behind = |entry: &fs::DirEntry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(process) = name.strip_prefix(".staging-").and_then(|rest| rest.split('-').next()) else {
                return name.starts_with(".deleted-");
            };
            let modified = entry.metadata().and_then(|data| data.modified());
            let old = modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age.as_secs() > 86_400));
            old || (Path::new("/proc/self").exists() && !Path::new("/proc").join(process).exists())
        };
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten().filter(left_behind) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }

    /// Deletes the oldest versions beyond `keep`, never the current one nor the one before it. Returns the deleted names.
    pub fn retain(&self, keep: usize) -> Result<Vec<String>, ModelError> {
        let _lock = self.lock()?;
        let safe: Vec<String> = self.activations()?.into_iter().take(2).collect();
        let mut others: Vec<String> =
            self.list()?.into_iter().map(|listed| listed.version).filter(|version| !safe.contains(version)).collect();
        let doomed = others.split_off(keep.saturating_sub(safe.len()).min(others.len()));
        for version in &doomed {
            let (path, grave) = (self.path(version), self.folder.join(format!(".deleted-{version}")));
            fs::rename(&path, &grave).map_err(|source| ModelError::io(&path, source))?;
            fs::remove_dir_all(&grave).map_err(|source| ModelError::io(&grave, source))?;
            let _ = fs::remove_file(self.folder.join("runs").join(format!("{version}.json")));
        }
        Ok(doomed)
    }
}

/// A version being written. Dropped before it is published, it leaves nothing behind.
#[derive(Debug)]
pub struct Staging {
    store: ModelStore,
    folder: PathBuf,
    published: bool,
}

impl Staging {
    /// Where to write the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a small file, durable when this returns.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ModelError> {
        write_durably(&self.folder.join(name), bytes)
    }

    /// Seals the folder: checksums every file into the manifest, loads the result once, renames it into place, records the run and, if
    /// asked, makes it current. Returns the version's name.
    pub fn publish(mut self, mut manifest: Manifest, rows: &[(String, u64)], run: &Run, activate: bool) -> Result<String, ModelError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| ModelError::io(&self.folder, source))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let bytes = crate::table::map(&entry.path())?.bytes;
            let rows = rows.iter().find(|(file, _)| *file == name).map(|&(_, rows)| rows);
            manifest.files.insert(name, FileEntry { bytes: bytes.len() as u64, blake3: blake3::hash(&bytes).to_hex().to_string(), rows });
        }
        let bytes = manifest.to_bytes();
        let version = manifest.version(&bytes);
        self.write(Manifest::FILE, &bytes)?;
        sync_folder(&self.folder)?;
        let lock = self.store.lock()?;
        let target = self.store.path(&version);
        if Model::load(&target).is_err() {
            let _ = fs::remove_dir_all(&target);
            fs::rename(&self.folder, &target).map_err(|source| ModelError::io(&target, source))?;
            self.published = true;
            sync_folder(self.store.folder())?;
            Model::load(&target)?;
        }
        let runs = self.store.folder.join("runs");
        fs::create_dir_all(&runs).map_err(|source| ModelError::io(&runs, source))?;
        let run = serde_json::to_vec_pretty(run).unwrap_or_default();
        replace(&runs.join(format!("{version}.json")), &run)?;
        drop(lock);
        if activate {
            self.store.activate(&version)?;
        }
        Ok(version)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Replaces a file whole: written beside, synced, renamed over.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let aside = path.with_extension(format!("new-{}", std::process::id()));
    write_durably(&aside, bytes)?;
    fs::rename(&aside, path).map_err(|source| ModelError::io(path, source))?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), ModelError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|source| ModelError::io(path, source))
}

fn sync_folder(path: &Path) -> Result<(), ModelError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|source| ModelError::io(path, source))
}
