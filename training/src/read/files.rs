//! Which files: names, folders and patterns become a list of Parquet files.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::ReadError;

/// The files that `sources` name, ascending by path; a file named twice stands once.
///
/// A folder is searched with everything below it for `*.parquet`; names that begin with `.` or `_` are passed over, as they hold what a
/// writer has not finished. `option` is the flag that errors name.
pub(super) fn find(option: &'static str, sources: &[String]) -> Result<Vec<PathBuf>, ReadError> {
    let mut files = Vec::new();
    for source in sources {
        let path = Path::new(source);
        if path.is_dir() {
            let before = files.len();
            search(path, &mut HashSet::new(), &mut files)?;
            if files.len() == before {
                return Err(ReadError::EmptyFolder { folder: source.clone(), option });
            }
        } else if path.exists() {
            files.push(path.to_path_buf());
        } else if source.contains(['*', '?', '[']) {
            match_pattern(option, source, &mut files)?;
        } else {
            return Err(ReadError::NoSuchFile { path: source.clone(), option });
        }
    }
    files.sort_unstable();
    let mut seen = HashSet::new();
    files.retain(|file| seen.insert(fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    Ok(files)
}

/// Adds what a pattern matches: its files, and the Parquet files of its folders.
fn match_pattern(option: &'static str, pattern: &str, files: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let refuse = |found: String| ReadError::Pattern { pattern: pattern.into(), found, option };
    let matches = glob::glob(pattern).map_err(|error| refuse(format!("not a pattern ({error})")))?;
    let before = files.len();
    for path in matches {
        let path = path.map_err(|error| ReadError::Io { file: error.path().display().to_string(), source: error.into() })?;
        if path.is_dir() {
            search(&path, &mut HashSet::new(), files)?;
        } else if !is_hidden(&path) {
            files.push(path);
        }
    }
    if files.len() == before { Err(refuse("matches no Parquet file".into())) } else { Ok(()) }
}

/// Adds the Parquet files in `folder` and below it. `seen` ends a circle of links.
fn search(folder: &Path, seen: &mut HashSet<PathBuf>, files: &mut Vec<PathBuf>) -> Result<(), ReadError> {
    let io = |source| ReadError::Io { file: folder.display().to_string(), source };
    if !seen.insert(fs::canonicalize(folder).map_err(io)?) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.is_dir() && (!is_hidden(&path) || partition(&path).is_some()) {
            search(&path, seen, files)?;
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) && !is_hidden(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a writer marks this name as not for readers.
fn is_hidden(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(['.', '_']))
}

/// Key and value of each `key=value` folder that `file` lies in. A null value, as Hive writes it, is `None`.
pub(super) fn partitions(file: &Path) -> Vec<(String, Option<String>)> {
    file.parent().into_iter().flat_map(Path::components).filter_map(|part| partition(Path::new(part.as_os_str()))).collect()
}

/// Reads the last name of a path as `key=value`.
fn partition(folder: &Path) -> Option<(String, Option<String>)> {
    let (key, value) = folder.file_name()?.to_str()?.split_once('=')?;
    let value = percent_decoded(value);
    (!key.is_empty()).then(|| (percent_decoded(key), (value != "__HIVE_DEFAULT_PARTITION__").then_some(value)))
}

/// Hive writes characters that a file name may not hold as `%2F`. What is not such a code stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.into())
}
