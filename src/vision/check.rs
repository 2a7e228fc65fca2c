//! What a folder of weights holds, file by file: the report behind `facegate models check`.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

use super::pack::{Pack, sha256};
use crate::error::{Error, Fault, Result};

/// One file of weights that lies in the folder or is missed there.
#[derive(Clone, PartialEq, Debug)]
pub struct FileReport {
    /// Its name.
    pub file: String,
    /// Bytes; 0 when it is missing.
    pub size: u64,
    /// Which pack uses it for what.
    pub uses: Vec<String>,
    /// Whether it is what the packs describe.
    pub state: FileState,
}

/// Whether a file is what the packs describe.
#[derive(Clone, PartialEq, Debug)]
pub enum FileState {
    /// Its sha256 is the described one.
    Good,
    /// No pack names it.
    Unknown,
    /// No pack names it, but one describes its content under this name.
    Renamed(String),
    /// A pack names it and describes another sha256.
    Mismatch {
        /// The described one.
        expected: String,
        /// The file's.
        found: String,
    },
    /// A pack names it, and it is not there.
    Missing,
    /// It cannot be read.
    Unreadable(String),
}

/// The report on a folder.
#[derive(Clone, PartialEq, Debug)]
pub struct FolderReport {
    /// By name.
    pub files: Vec<FileReport>,
    /// Ids of the packs whose files are all there and good.
    pub complete: Vec<String>,
}

/// Looks at every `*.tflite` file in `weights` and at every file a pack misses there.
///
/// # Errors
/// When the folder cannot be read, or a description in it is wrong.
pub fn check(weights: &Path) -> Result<FolderReport> {
    let unreadable = |error: io::Error| {
        Error::new(Fault::Unavailable, format!("{}: {error}; name the folder of a pack", weights.display()))
    };
    let entries = std::fs::read_dir(weights).map_err(unreadable)?.flatten();
    let packs = Pack::all(weights)?;
    let mut names: BTreeSet<String> = packs.iter().flat_map(Pack::files).map(|(_, model)| model.file.clone()).collect();
    names.extend(entries.filter_map(|e| e.file_name().into_string().ok()).filter(|n| n.ends_with(".tflite")));
    let files: Vec<_> = names.into_iter().map(|name| look(weights, &packs, name)).collect();
    let good = |name: &str| files.iter().any(|f| f.file == name && f.state == FileState::Good);
    let complete = packs.iter().filter(|p| p.files().iter().all(|(_, m)| good(&m.file)));
    let complete = complete.map(|p| p.id.clone()).collect();
    Ok(FolderReport { files, complete })
}

fn look(weights: &Path, packs: &[Pack], file: String) -> FileReport {
    let described: Vec<_> =
        packs.iter().flat_map(|p| p.files().into_iter().map(move |(stage, model)| (p, stage, model))).collect();
    let named: Vec<_> = described.iter().filter(|(_, _, m)| m.file == file).collect();
    let uses = named.iter().map(|(p, stage, _)| format!("{}: {stage}", p.id)).collect();
    let (size, state) = match std::fs::read(weights.join(&file)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => (0, FileState::Missing),
        Err(e) => (0, FileState::Unreadable(e.to_string())),
        Ok(bytes) => {
            let found = sha256(&bytes);
            let state = match named.iter().find(|(_, _, m)| m.sha256 != found) {
                Some((_, _, model)) => FileState::Mismatch { expected: model.sha256.clone(), found },
                None if !named.is_empty() => FileState::Good,
                None => match described.iter().find(|(_, _, m)| m.sha256 == found) {
                    Some((_, _, model)) => FileState::Renamed(model.file.clone()),
                    None => FileState::Unknown,
                },
            };
            (bytes.len() as u64, state)
        }
    };
    FileReport { file, size, uses, state }
}

impl fmt::Display for FolderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            writeln!(f, "{file}")?;
        }
        match self.complete[..] {
            [] => write!(f, "no model pack is complete"),
            ref ids => write!(f, "complete: {}", ids.join(", ")),
        }
    }
}

impl fmt::Display for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uses = if self.uses.is_empty() { "used by no pack".to_owned() } else { self.uses.join("; ") };
        write!(f, "{:<40} {:>9} bytes  {:<10} {uses}", self.file, self.size, self.state.word())?;
        match &self.state {
            FileState::Good | FileState::Unknown | FileState::Missing => Ok(()),
            FileState::Renamed(name) => write!(f, "; it is {name} under another name"),
            FileState::Mismatch { expected, found } => write!(f, "; sha256 {found}, described {expected}"),
            FileState::Unreadable(why) => write!(f, "; {why}"),
        }
    }
}

impl FileState {
    /// One word for a table.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Unknown => "unknown",
            Self::Renamed(_) => "renamed",
            Self::Mismatch { .. } => "mismatch",
            Self::Missing => "missing",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_reported_file_by_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mobilefacenet_112.tflite"), b"damaged").unwrap();
        std::fs::write(folder.path().join("stray.tflite"), b"stray").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"no weights").unwrap();
        let report = check(folder.path()).unwrap();
        let words: Vec<_> = report.files.iter().map(|f| (f.file.as_str(), f.state.word())).collect();
        assert_eq!(
            words,
            [
                ("blazeface_short_192x256.tflite", "missing"),
                ("dlib_resnet_150.tflite", "missing"),
                ("facemesh_192.tflite", "missing"),
                ("minifasnet_v1se_4.0_80.tflite", "missing"),
                ("minifasnet_v2_2.7_80.tflite", "missing"),
                ("mobilefacenet_112.tflite", "mismatch"),
                ("retinaface_mnet025_240x320.tflite", "missing"),
                ("retinaface_mnet025_480x640.tflite", "missing"),
                ("stray.tflite", "unknown"),
            ]
        );
        let text = report.to_string();
        assert!(text.contains("retinaface-mobilefacenet: embedding; sha256 "), "{text}");
        assert!(text.ends_with("no model pack is complete"), "{text}");
        assert!(check(&folder.path().join("nowhere")).unwrap_err().detail.contains("nowhere: "));
    }
}
