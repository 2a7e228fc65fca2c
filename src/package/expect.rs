//! What a package has to fit: board, machine, installed version, data.

use std::cmp::Ordering;

use semver::Version;

use super::manifest::{Manifest, RELEASE};
use super::refusal::Refusal;

/// What a package has to fit. What is left out is not looked at.
#[derive(Clone, Default, Debug)]
pub struct Expect {
    /// The package's name.
    pub name: Option<String>,
    /// The board's name.
    pub board: Option<String>,
    /// What the machine runs, as Rust names it.
    pub target: Option<String>,
    /// The version installed.
    pub installed: Option<Version>,
    /// The layout of the data there is.
    pub data_format: Option<u32>,
}

impl Expect {
    /// A release for this machine.
    #[must_use]
    pub fn release(board: &str, installed: Version, data_format: u32) -> Self {
        Self {
            name: Some(RELEASE.to_owned()),
            board: Some(board.to_owned()),
            target: Some(super::TARGET.to_owned()),
            installed: Some(installed),
            data_format: Some(data_format),
        }
    }

    pub(super) fn check(&self, package: &Manifest) -> Result<(), Refusal> {
        if let Some(expected) = self.name.as_ref().filter(|name| **name != package.name) {
            return Err(Refusal::OtherName { found: package.name.clone(), expected: expected.clone() });
        }
        let for_any_board = package.boards.is_empty() && package.name != RELEASE;
        if let Some(board) = self.board.as_ref().filter(|board| !for_any_board && !package.boards.contains(board)) {
            return Err(Refusal::OtherBoard { found: package.boards.clone(), expected: board.clone() });
        }
        if let (Some(expected), Some(found)) = (&self.target, &package.target)
            && expected != found
        {
            return Err(Refusal::OtherTarget { found: found.clone(), expected: expected.clone() });
        }
        if let Some(installed) = &self.installed {
            check_version(package, installed)?;
        }
        // Not even a downgrade may leave data behind that it cannot read.
        match self.data_format {
            Some(present) if package.data_format < present => {
                Err(Refusal::DataFormat { found: package.data_format, present })
            }
            _ => Ok(()),
        }
    }
}

fn check_version(package: &Manifest, installed: &Version) -> Result<(), Refusal> {
    let found = &package.version;
    // What is said of a build makes no newer version.
    match found.cmp_precedence(installed) {
        Ordering::Less if !package.downgrade => {
            return Err(Refusal::Older { found: found.clone(), installed: installed.clone() });
        }
        Ordering::Equal if !package.downgrade => return Err(Refusal::Same(found.clone())),
        _ => {}
    }
    match &package.minimum {
        Some(minimum) if installed.cmp_precedence(minimum) == Ordering::Less => {
            Err(Refusal::BelowMinimum { minimum: minimum.clone(), installed: installed.clone() })
        }
        _ => Ok(()),
    }
}
