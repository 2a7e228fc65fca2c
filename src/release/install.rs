//! Puts a verified package into the slot that does not run, and chooses it for a trial.
//!
//! The slot's list of contents goes first and comes last; the switch is the one replacement of the state. So whatever moment
//! the power goes, the slot is no release or a whole one, and the state names the old or the new one. What is in the slot is
//! noted as unproved before anything of it is touched, so nothing but the switch leads to it.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::contents::{self, Contents};
use super::state::{Releases, Trial};
use super::trial::Function;
use super::{Problem, Running, Slot};
use crate::hal::linux::files;
use crate::package::{Kind, Verified};

/// In the slot: the package itself, where some of it needs root. `/` is no part of it, so no file of a package is in its way.
pub(crate) const PACKAGE: &str = "package.swx";

/// What is to be installed.
#[derive(Debug)]
pub struct Order<'a> {
    /// The package.
    pub package: &'a Verified,
    /// Its file.
    pub file: &'a Path,
    /// What this process is of.
    pub running: &'a Running,
    /// What works now and has to work then.
    pub healthy: &'a [Function],
}

/// Installs a package and chooses it for the next start. `progress` is told how many bytes of how many are written. Blocks;
/// meant for a thread of its own.
///
/// # Errors
/// [`Problem::Busy`], [`Problem::OnTrial`], [`Problem::NoRoom`] before anything is changed; what the disk or the package
/// says, with the slot then empty. What runs is chosen still.
pub fn install(order: &Order<'_>, releases: &Releases, progress: &mut dyn FnMut(u64, u64)) -> Result<Slot, Problem> {
    let _turn = releases.turn_to_install()?;
    let state = releases.load()?;
    if let Some(trial) = state.trial {
        return Err(Problem::OnTrial(trial.version));
    }
    let (slot, folder) = free_slot(state.chosen, order.running, releases);
    let contents = Contents::from(order.package.manifest());
    check_room(releases.folder(), &folder, &contents)?;
    releases.change(|state| {
        state.unproved.insert(slot);
        if state.previous == slot {
            state.previous = Slot::Factory;
        }
    })?;
    clear(releases.folder(), &folder)?;
    let filled = fill(order, &folder, &contents, progress).and_then(|()| sync(releases.folder()));
    if let Err(problem) = filled.and_then(|()| switch(order, slot, releases)) {
        if let Err(problem) = clear(releases.folder(), &folder) {
            tracing::warn!(%problem, "what was written of the package stays until the next one");
        }
        return Err(problem);
    }
    Ok(slot)
}

/// Chooses the release in `slot` for a trial.
fn switch(order: &Order<'_>, slot: Slot, releases: &Releases) -> Result<(), Problem> {
    let version = &order.package.manifest().version;
    releases.change(|state| {
        (state.chosen, state.previous) = (slot, state.chosen);
        state.trial = Some(Trial {
            version: version.clone(),
            ended: 0,
            why: None,
            running: false,
            boot: None,
            healthy: order.healthy.to_vec(),
        });
        (state.installed, state.news) = (Some(version.clone()), None);
    })
}

/// Makes an empty slot a whole release.
fn fill(
    order: &Order<'_>,
    slot: &Path,
    contents: &Contents,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), Problem> {
    order.package.unpack(slot, progress)?;
    let failed = |error| Problem::disk(order.file, "cannot be kept beside the release")(error);
    let needs_root = |kind| matches!(kind, Some(Kind::Units | Kind::Keys));
    if order.package.manifest().files.iter().any(|file| needs_root(file.kind())) {
        let kept = slot.join(PACKAGE);
        // Another disk takes no link.
        if fs::hard_link(order.file, &kept).is_err() {
            fs::copy(order.file, &kept).and_then(|_| File::open(&kept)?.sync_all()).map_err(failed)?;
        }
    }
    contents.write(slot)
}

/// A slot that neither is to be kept nor runs, and its folder.
fn free_slot(chosen: Slot, running: &Running, releases: &Releases) -> (Slot, PathBuf) {
    let mut slot = chosen.beside();
    // After a rollback by hand the release that was given up runs on until the restart.
    if chosen == Slot::Factory && running.slot(releases) == Some(slot) {
        slot = slot.beside();
    }
    (slot, releases.folder().join(slot.to_string()))
}

/// What is in the slot now makes room for the new release.
fn check_room(releases: &Path, slot: &Path, contents: &Contents) -> Result<(), Problem> {
    let spare = files::spare(releases).map_err(Problem::disk(releases, "does not say how much room there is"))?;
    let needed = contents.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.size));
    let free = spare.saturating_add(files::length(slot));
    if free < needed {
        return Err(Problem::NoRoom { path: releases.to_owned(), needed, free });
    }
    Ok(())
}

/// Removes a release, its list of contents first.
fn clear(releases: &Path, slot: &Path) -> Result<(), Problem> {
    let failed = |error| Problem::disk(slot, "cannot be cleared")(error);
    match fs::remove_file(slot.join(contents::NAME)) {
        Ok(()) => sync(slot)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    match fs::remove_dir_all(slot) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    sync(releases)
}

fn sync(folder: &Path) -> Result<(), Problem> {
    files::sync(folder).map_err(Problem::disk(folder, "cannot be synced"))
}
