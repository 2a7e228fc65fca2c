//! The loudspeaker.

use std::path::PathBuf;

use serde::Deserialize;

use crate::strict::Section;

/// Who plays sounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SoundDriver {
    /// A program.
    Command,
    /// Nobody: what would be heard is told.
    Sim,
}

/// A loudspeaker.
#[derive(Clone, Debug)]
pub struct Sound {
    /// Who plays.
    pub driver: SoundDriver,
    /// Program and arguments that play the file named last; empty in memory.
    pub player: Vec<String>,
    /// Folder of sounds that come before the built-in ones of the same names.
    pub folder: Option<PathBuf>,
}

pub(super) fn read(s: &mut Section<'_>) -> Option<Sound> {
    let driver = s.or("driver", SoundDriver::Command);
    let (player, folder) = (s.or("player", Vec::<String>::new()), s.may("folder"));
    if driver == Some(SoundDriver::Command) && player.as_ref().is_some_and(Vec::is_empty) {
        s.wrong("player", "names no program");
    }
    Some(Sound { driver: driver?, player: player?, folder })
}
