//! Which folder the face models are taken from, and putting another pack there without a new binary.
//!
//! Below the data folder, `models/` holds two packs at most, `a` and `b`, each one whole by the time it has its name, and
//! the files `current`, with the name of the one in use, and `started`, with that of the one that ran last, whose place none
//! takes. What is installed is checked beside them first, in `incoming`. People's embeddings are not touched: a terminal that
//! starts with another pack computes them anew from the registered photos (`roster::Roster::recompute`).

mod install;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

pub use install::{Installed, install_folder, install_package, installed, rollback, started};

/// Below the data folder.
const FOLDER: &str = "models";
/// Where a release keeps its models, and where a build leaves its own.
const OF_RELEASE: &str = "models";
const BUILT: &str = "models/build";

/// Where models come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Said on the command line.
    Argument,
    /// The variable `FACEGATE_MODELS`.
    Variable,
    /// A pack installed in the data folder.
    Installed,
    /// The release that runs.
    Release,
    /// The board's profile.
    Profile,
    /// What `make models` builds.
    Built,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Argument => "--models",
            Self::Variable => "FACEGATE_MODELS",
            Self::Installed => "installed in the data folder",
            Self::Release => "of the release",
            Self::Profile => "of the board's profile",
            Self::Built => "built by `make models`",
        })
    }
}

/// What may say where models are.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Said on the command line.
    pub argument: Option<PathBuf>,
    /// `FACEGATE_MODELS`.
    pub variable: Option<OsString>,
    /// The data folder.
    pub data: Option<PathBuf>,
    /// `FACEGATE_RELEASE`: the folder of the release that runs.
    pub release: Option<OsString>,
    /// The board's profile.
    pub profile: Option<PathBuf>,
}

impl Sources {
    /// What the command line and the environment say.
    #[must_use]
    pub fn here(argument: Option<PathBuf>) -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            argument,
            variable: variable("FACEGATE_MODELS"),
            release: variable("FACEGATE_RELEASE"),
            ..Self::default()
        }
    }

    /// The folder that counts, and who says so. What was asked for by name counts whether or not it is there, so that a
    /// slip is told; of the others, the first that is there.
    #[must_use]
    pub fn choose(&self) -> (PathBuf, Origin) {
        let named = |path: &Option<OsString>| path.as_ref().map(PathBuf::from);
        let data = self.data.as_deref();
        [
            (self.argument.clone(), Origin::Argument),
            (named(&self.variable), Origin::Variable),
            (data.and_then(installed).map(|pack| pack.folder), Origin::Installed),
            (named(&self.release).map(|r| r.join(OF_RELEASE)).filter(|f| f.is_dir()), Origin::Release),
            (self.profile.clone(), Origin::Profile),
        ]
        .into_iter()
        .find_map(|(folder, origin)| Some((folder?, origin)))
        .unwrap_or((BUILT.into(), Origin::Built))
    }
}

/// The folder of packs in a data folder.
fn below(data: &Path) -> PathBuf {
    data.join(FOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_says_where_counts() {
        let data = tempfile::tempdir().unwrap();
        let release = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(release.path().join("models")).unwrap();
        std::fs::create_dir_all(data.path().join("models/b")).unwrap();
        std::fs::write(data.path().join("models/current"), "b\n").unwrap();
        let mut sources = Sources {
            argument: Some("/argument".into()),
            variable: Some("/variable".into()),
            data: Some(data.path().into()),
            release: Some(release.path().into()),
            profile: Some("/profile".into()),
        };
        let forget: [fn(&mut Sources); 5] = [
            |s| s.argument = None,
            |s| s.variable = None,
            |s| s.data = None,
            |s| s.release = None,
            |s| s.profile = None,
        ];
        let wanted = [
            (PathBuf::from("/argument"), Origin::Argument),
            ("/variable".into(), Origin::Variable),
            (data.path().join("models/b"), Origin::Installed),
            (release.path().join("models"), Origin::Release),
            ("/profile".into(), Origin::Profile),
        ];
        for (wanted, forget) in wanted.into_iter().zip(forget) {
            assert_eq!(sources.choose(), wanted);
            forget(&mut sources);
        }
        assert_eq!(sources.choose(), ("models/build".into(), Origin::Built));
        // A release without models of its own, and a data folder without a pack, say nothing.
        let empty = tempfile::tempdir().unwrap();
        sources.data = Some(empty.path().into());
        sources.release = Some(empty.path().into());
        assert_eq!(sources.choose().1, Origin::Built);
    }
}
