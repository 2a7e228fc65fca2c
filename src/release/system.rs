//! What of a package needs root: units of the service manager, and keys that packages are verified with.
//!
//! Runs as root, started by a unit that watches for a file of the daemon's, and trusts the daemon in nothing: the file is
//! copied to where only root can write, verified there with the keys that are trusted before it, and compared with the
//! version applied last, of which it keeps a note of its own. That version never falls, whatever a package says of
//! downgrades, and a key that was revoked stays so: nobody gets an old hole back with an old package. Only plain files of
//! known names are written, each whole.

use std::cmp::Ordering;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use semver::Version;

use super::{Problem, own_version};
use crate::hal::linux::files;
use crate::package::{self, Entry, Expect, Keys, Kind, Refusal, Verified};

/// Kinds of units that are written.
const UNITS: [&str; 5] = [".service", ".socket", ".path", ".timer", ".mount"];
/// The version applied last, in the folder of keys.
const APPLIED: &str = "applied";
/// Larger packages are not looked at, bytes.
const LARGEST: u64 = package::LARGEST + (1 << 20);

/// Where things are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Folder of units.
    pub units: PathBuf,
    /// Folder of trusted keys, writable by root alone.
    pub keys: PathBuf,
    /// Folder on a disk with room, in which a folder of root's own is made and removed again.
    pub workshop: PathBuf,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// The package's version.
    pub version: Option<Version>,
    /// Files that were written.
    pub written: Vec<PathBuf>,
}

/// Applies what of `package` needs root on a board named `board`. The package stays where it is.
///
/// # Errors
/// Why it is refused: nothing is written then; or what the disk says: then it may be done again ([`Problem::may_pass`]).
pub fn apply(package: &Path, board: &str, places: &Places) -> Result<Applied, Problem> {
    let workshop = Workshop::make(&places.workshop)?;
    let copy = workshop.copy(package)?;
    // Whether it may go over the release before it, the daemon has judged: there may have been some that root never saw.
    let expect = Expect { name: Some(package::RELEASE.to_owned()), board: Some(board.to_owned()), ..Expect::default() };
    let verified = package::verify(&copy, &Keys::load(&places.keys)?, &expect)?;
    let (version, installed) = (verified.manifest().version.clone(), applied(&places.keys)?);
    match version.cmp_precedence(&installed) {
        Ordering::Less => return Err(Refusal::Older { found: version, installed }.into()),
        // Done before, and cut short before that could be said.
        Ordering::Equal => return Ok(Applied::default()),
        Ordering::Greater => {}
    }
    let folder = workshop.0.join("unpacked");
    let targets = targets(&verified, &folder, places)?;
    verified.unpack_only(&folder, &|kind| matches!(kind, Kind::Units | Kind::Keys), &mut |_, _| {})?;
    let mut done = Applied { version: Some(version.clone()), written: Vec::new() };
    for (from, to) in targets {
        let mut text = fs::read_to_string(&from).map_err(Problem::disk(&from, "cannot be read as text"))?;
        if to == places.keys.join(package::REVOKED) {
            text = with_what_is_there(&to, &text)?;
        }
        if files::keep(&to, Some(&text), 0o644).map_err(Problem::disk(&to, "cannot be written"))? {
            done.written.push(to);
        }
    }
    let note = places.keys.join(APPLIED);
    let text = format!("{version}\n");
    files::keep(&note, Some(&text), 0o644).map_err(Problem::disk(&note, "cannot be written"))?;
    Ok(done)
}

/// The lines of a list that is there, and those of another that it lacks.
fn with_what_is_there(list: &Path, more: &str) -> Result<String, Problem> {
    let mut text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(more.to_owned()),
        Err(error) => return Err(Problem::disk(list, "cannot be read")(error)),
    };
    for line in more.lines() {
        if !text.lines().any(|there| there == line) {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text = text + line + "\n";
        }
    }
    Ok(text)
}

/// The version applied last, or the factory release's where that is newer.
fn applied(keys: &Path) -> Result<Version, Problem> {
    let path = keys.join(APPLIED);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(|version: Version| version.max(own_version())).map_err(|error| {
            Problem::disk(&path, "is no version; write the one that is installed into it")(io::Error::other(
                error.to_string(),
            ))
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(own_version()),
        Err(error) => Err(Problem::disk(&path, "cannot be read")(error)),
    }
}

/// Whether a file of a package is none that root refuses: one of those, and nothing of the package that needs root is applied.
#[must_use]
pub fn is_accepted(file: &Entry) -> bool {
    match (file.kind(), file.path.split_once('/')) {
        (Some(Kind::Units), Some((_, name))) => is_unit(name),
        (Some(Kind::Keys), Some((_, name))) => is_key(name),
        _ => true,
    }
}

/// Where each file goes. A name that is not allowed refuses all of them.
fn targets(package: &Verified, folder: &Path, places: &Places) -> Result<Vec<(PathBuf, PathBuf)>, Problem> {
    let mut targets = Vec::new();
    for entry in &package.manifest().files {
        if !is_accepted(entry) {
            return Err(Problem::NotForRoot { path: (&entry.path).into(), why: "no such unit or key is written" });
        }
        let to = match (entry.kind(), entry.path.split_once('/')) {
            (Some(Kind::Units), Some((_, name))) => places.units.join(name),
            (Some(Kind::Keys), Some((_, name))) => places.keys.join(name),
            _ => continue,
        };
        targets.push((folder.join(&entry.path), to));
    }
    Ok(targets)
}

/// What starts the launcher, and what starts root's part, decide whether a release stays and is there to go back to: no
/// release brings them.
fn is_unit(name: &str) -> bool {
    name.starts_with("facegate-")
        && !name.starts_with("facegate-upgrade.")
        && !name.contains('/')
        && UNITS.iter().any(|kind| name.ends_with(kind))
}

fn is_key(name: &str) -> bool {
    !name.contains('/') && (name == package::REVOKED || name.ends_with(".pub"))
}

/// A folder that only its maker can enter; gone with its end.
struct Workshop(PathBuf);

impl Workshop {
    fn make(place: &Path) -> Result<Self, Problem> {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(|error| {
            Problem::disk(place, "has no chance to draw a name from")(io::Error::other(error.to_string()))
        })?;
        let folder = place.join(format!("facegate-{:016x}", u64::from_ne_bytes(chance)));
        // Fails where somebody has made it already.
        DirBuilder::new().mode(0o700).create(&folder).map_err(Problem::disk(&folder, "cannot be made"))?;
        Ok(Self(folder))
    }

    /// Copies a plain file; whoever owns it changes the copy no more.
    fn copy(&self, from: &Path) -> Result<PathBuf, Problem> {
        let failed = |error: io::Error| {
            if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::FileTooLarge) {
                return Problem::NotForRoot {
                    path: from.to_owned(),
                    why: "is no package: no plain file, or too large",
                };
            }
            Problem::disk(from, "cannot be copied")(error)
        };
        let copy = self.0.join("package.swx");
        let source = files::open_plain(from).map_err(failed)?;
        let to = OpenOptions::new().write(true).create_new(true).open(&copy).map_err(failed)?;
        copy_at_most(source, to, LARGEST).map_err(failed)?;
        Ok(copy)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the folder stays");
        }
    }
}

fn copy_at_most(from: File, mut to: File, most: u64) -> io::Result<()> {
    if io::copy(&mut from.take(most), &mut to)? == most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is too large"));
    }
    Ok(())
}
