//! Journal and rows at the start: whichever is behind or broken is brought in line with the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::journal::{self, BaseWriter};
use super::replay::Replay;
use super::rows::{Rows, Unusable, WITHOUT_JOURNAL};
use crate::error::{Error, Result};

/// Databases moved aside that are kept, for whoever wants to know what happened.
const KEPT_ASIDE: usize = 1;

/// Opens the rows and brings them in line with the journal, or the journal with the rows where it is damaged. Returns
/// the folder they are in, where that is a temporary one.
pub(super) fn settle(
    dir: &Path,
    folder: &Path,
    replay: &mut Replay,
    said: &mut Vec<String>,
) -> Result<(Option<Rows>, Option<PathBuf>)> {
    let at = dir.join("db");
    let why = match Rows::open(&at) {
        Ok(rows) => match in_line(rows, folder, replay, said) {
            Ok(rows) => return Ok((Some(rows), None)),
            Err(why) => why,
        },
        Err(Unusable::Locked) => {
            crate::bail!(StoreFailed, "{}: another process has the database open; stop it first", dir.display())
        }
        // Written by newer software that was given up before it settled: what the journal says is made anew.
        Err(Unusable::Format(format)) if !replay.is_empty() => {
            format!("software that writes format {format} has changed it")
        }
        Err(Unusable::Format(format)) => crate::bail!(
            StoreFailed,
            "{}: the database has format {format}, newer than this software knows; install the software that wrote \
             it, or move the folder away to start with an empty one",
            dir.display()
        ),
        Err(Unusable::Broken(why)) => why,
    };
    match rebuilt(&at, replay, &why, said) {
        Ok(rows) => Ok((Some(rows), None)),
        Err(why) => {
            said.push(format!("the database cannot be made anew: {why}; it is made in a temporary folder"));
            let at = std::env::temp_dir().join(format!("facegate-rows-{}", std::process::id()));
            drop(fs::remove_dir_all(&at));
            let rows = Rows::open(&at).map_err(|why| format!("{why:?}"));
            let rows = rows.and_then(|rows| rows.settle(replay).map(|()| rows).map_err(|discord| discord.0));
            Ok((rows.inspect_err(|why| said.push(format!("records are not to be read: {why}"))).ok(), Some(at)))
        }
    }
}

/// Brings rows and journal in line; `Err`: why the rows are to be made anew.
fn in_line(
    rows: Rows,
    folder: &Path,
    replay: &mut Replay,
    said: &mut Vec<String>,
) -> std::result::Result<Rows, String> {
    let text = |error: Error| error.to_string();
    let applied = rows.applied().map_err(text)?;
    let is_old = rows.format().map_err(text)? == Some(WITHOUT_JOURNAL);
    let migrates = is_old && replay.is_empty();
    // A database that was only just made has no better word to say than a damaged journal.
    let knows_nothing = !is_old && applied == 0;
    if knows_nothing || !migrates && replay.damage.is_none() && applied <= replay.last {
        return rows.settle(replay).map(|()| rows).map_err(|discord| discord.0);
    }
    if !migrates {
        let why = replay.damage.clone().unwrap_or_else(|| "it ends before the last change".to_owned());
        said.push(format!("the journal is damaged ({why}); it is made anew from the database"));
        rows.catch_up(replay, &mut replay.values()).map_err(text)?;
    }
    // Above every file there is, so that it counts at once.
    let listing = journal::list(folder).unwrap_or_default();
    let number = listing.highest().map_or(2, |highest| highest + 1);
    let mut made = || -> io::Result<()> {
        let mut base = BaseWriter::begin(folder, number, applied.max(replay.last).max(1))?;
        rows.each(|tree, key, value| base.put(tree, key, value)).map_err(io::Error::other)?;
        base.finish()?;
        if migrates {
            journal::tidy(folder, number);
        } else {
            journal::set_aside(folder, number);
        }
        *replay = Replay::read(folder, None)?;
        replay.was_damaged = !migrates;
        Ok(())
    };
    match made() {
        Ok(()) => rows.agree(replay.last).map(|()| rows).map_err(text),
        Err(error) => {
            said.push(format!("the journal cannot be made anew: {error}"));
            Ok(rows)
        }
    }
}

/// Makes the rows anew from the journal; the old ones are moved aside.
pub(super) fn rebuilt(
    at: &Path,
    replay: &Replay,
    why: &str,
    said: &mut Vec<String>,
) -> std::result::Result<Rows, String> {
    if at.exists() {
        let aside = set_aside(at)?;
        said.push(format!(
            "the database cannot be used ({why}); it is moved to {} and made anew from the journal",
            aside.display()
        ));
    }
    let rows = Rows::open(at).map_err(|why| format!("{why:?}"))?;
    rows.settle(replay).map(|()| rows).map_err(|discord| discord.0)
}

/// Moves a damaged database aside; earlier ones go, as they take space.
fn set_aside(at: &Path) -> std::result::Result<PathBuf, String> {
    let named = |number: u32| at.with_extension(format!("damaged-{number}"));
    let mut there: Vec<u32> = (1..1000).filter(|number| named(*number).exists()).collect();
    let next = there.last().map_or(1, |last| last + 1);
    while there.len() >= KEPT_ASIDE {
        drop(fs::remove_dir_all(named(there.remove(0))));
    }
    let aside = named(next);
    fs::rename(at, &aside).map(|()| aside).map_err(|error| error.to_string())
}
