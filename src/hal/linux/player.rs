//! Sounds through a program of the profile, `aplay` as a rule.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Bell, Clock};
use crate::error::{Error, Fault, Result};
use crate::hal::Player;

/// How often the program is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How much longer than the sound the program may take, to open the loudspeaker and to end.
const SLACK: Duration = Duration::from_secs(3);
/// Samples begin here in files as short as ours; a header may be longer, and then some of it is quieter too.
const HEADER: usize = 44;
/// Bytes a second of 16 kHz, 16 bit, mono: what every file is checked to be when it is taken in (3.1.4).
const RATE: usize = 32_000;

/// Starts a program for each sound.
#[derive(Debug)]
pub struct ProgramPlayer {
    command: Vec<String>,
    clock: Arc<dyn Clock>,
    pause: Bell,
}

impl ProgramPlayer {
    /// `command` is the program and its arguments; the file comes behind them.
    #[must_use]
    pub fn new(command: Vec<String>, clock: Arc<dyn Clock>) -> Self {
        Self { command, clock, pause: Bell::default() }
    }

    /// Finds the program.
    ///
    /// # Errors
    /// When it is not there.
    pub fn probe(&self) -> Result<String> {
        let program = self.command.first().map(String::as_str).unwrap_or_default();
        let folders = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&folders).map(|folder| folder.join(program));
        let found = places.chain([PathBuf::from(program)]).find(|file| file.is_file());
        let missing = || Error::new(Fault::Unavailable, format!("there is no program {program}; install it"));
        found.map(|file| file.display().to_string()).ok_or_else(missing)
    }

    /// Runs the program until it ends, or has had time enough.
    fn run(&self, file: &Path, longest: Duration) -> Result<()> {
        let command = self.command.join(" ");
        let failed = |e: std::io::Error| Error::new(Fault::Unavailable, format!("{command} does not run")).because(e);
        let [program, arguments @ ..] = &self.command[..] else { return Ok(()) };
        let mut child = Command::new(program)
            .args(arguments)
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let until = self.clock.mono().after(longest);
        loop {
            match child.try_wait().map_err(failed)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Error::new(Fault::Unavailable, format!("{command} {}: {status}", file.display())));
                }
                None if self.clock.mono() >= until => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(Error::new(Fault::Unavailable, format!("{command} did not end and was stopped")));
                }
                None => self.clock.wait(&self.pause, Some(self.clock.mono().after(LOOK).min(until))),
            }
        }
    }
}

impl Player for ProgramPlayer {
    fn play(&mut self, file: &Path, volume: u8) -> Result<()> {
        if volume == 0 {
            return Ok(());
        }
        let unread = |e| Error::new(Fault::Unavailable, format!("{} cannot be read", file.display())).because(e);
        let mut sound = std::fs::read(file).map_err(unread)?;
        let longest = Duration::from_secs((sound.len() / RATE) as u64) + SLACK;
        if volume >= 100 {
            return self.run(file, longest);
        }
        // Programs have no common way to be told a volume, so the samples are made smaller.
        soften(&mut sound, volume);
        let softened = std::env::temp_dir().join(format!("facegate-{}.wav", std::process::id()));
        passing(&softened, &sound).map_err(|e| {
            Error::new(Fault::Unavailable, format!("{} cannot be written", softened.display())).because(e)
        })?;
        let played = self.run(&softened, longest);
        let _ = std::fs::remove_file(&softened);
        played
    }
}

/// Writes a file of ours alone that nobody can have put there before.
fn passing(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let _ = std::fs::remove_file(file);
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(bytes)
}

/// Makes the 16-bit samples of a WAV file smaller.
fn soften(sound: &mut [u8], volume: u8) {
    // Half the scale sounds half as loud: loudness follows about the square root of power.
    let factor = i32::from(volume.min(100)).pow(2);
    for sample in sound.get_mut(HEADER..).unwrap_or_default().chunks_exact_mut(2) {
        let value = i32::from(i16::from_le_bytes([sample[0], sample[1]])) * factor / 10_000;
        sample.copy_from_slice(&i16::try_from(value).unwrap_or_default().to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_is_heard_in_the_samples() {
        for (volume, expect) in [(100, [10_000_i16, -10_000]), (50, [2500, -2500]), (0, [0, 0])] {
            let mut sound = vec![7; HEADER];
            sound.extend([10_000_i16, -10_000].iter().flat_map(|sample| sample.to_le_bytes()));
            soften(&mut sound, volume);
            let samples: Vec<_> = sound[HEADER..].chunks(2).map(|s| i16::from_le_bytes([s[0], s[1]])).collect();
            assert_eq!(samples, expect, "at {volume}");
            assert!(sound[..HEADER].iter().all(|byte| *byte == 7), "the header stays");
        }
        soften(&mut [1, 2, 3], 50);
    }
}
