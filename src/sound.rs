//! What people hear (3.1): which sound goes with what is said, the files there are, and the thread that plays.
//!
//! One sound plays and at most one waits: a newer one replaces it, so that what is heard is never behind what
//! is seen. How a file becomes sound is [`Player`]'s matter.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Map, json};
use tracing::{error, warn};

use crate::bail;
use crate::clock::{Bell, Clock, lock};
use crate::control::decisions::Decisions;
use crate::error::{Error, Fault, Result};
use crate::hal::Player;
use crate::settings::{Live, Panel};
use crate::ui::Said;

/// The longest file name, bytes (3.1.4).
const LONGEST_NAME: usize = 64;
/// Sample rate of every file, hertz (3.1.4).
const RATE: u32 = 16_000;

/// A sound of the terminal's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// May pass.
    Welcome,
    /// May not pass.
    Refused,
    /// Nobody on the lists.
    Stranger,
    /// Something people around should notice.
    Alarm,
}

impl Tone {
    const ALL: [Self; 4] = [Self::Welcome, Self::Refused, Self::Stranger, Self::Alarm];

    /// The name of its file.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Welcome => "welcome.wav",
            Self::Refused => "refused.wav",
            Self::Stranger => "stranger.wav",
            Self::Alarm => "alarm.wav",
        }
    }

    /// The file as it was made by `assets/sounds/make.py`.
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Welcome => include_bytes!("../assets/sounds/welcome.wav"),
            Self::Refused => include_bytes!("../assets/sounds/refused.wav"),
            Self::Stranger => include_bytes!("../assets/sounds/stranger.wav"),
            Self::Alarm => include_bytes!("../assets/sounds/alarm.wav"),
        }
    }

    /// What is heard when something is said, if the settings want it heard; prompts are only shown.
    #[must_use]
    pub const fn of(said: &Said, panel: &Panel) -> Option<Self> {
        if panel.remote_audio.on() {
            return None;
        }
        let (tone, wanted) = match said {
            Said::Pass | Said::Platform { good: true, .. } => (Self::Welcome, panel.pass_audio),
            Said::Refused
            | Said::NotAlive
            | Said::NoMask
            | Said::WrongPin
            | Said::NotBearer
            | Said::Platform { good: false, .. } => (Self::Refused, panel.fail_audio),
            Said::Stranger | Said::UnknownCard => (Self::Stranger, panel.fail_audio),
            Said::Fever => (Self::Alarm, panel.fail_audio),
            Said::ShowCard | Said::ShowIdCard | Said::ShowFace | Said::WearMask | Said::Measuring => return None,
        };
        if wanted.on() { Some(tone) } else { None }
    }
}

/// Whose file is meant (`AudioType`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// The terminal's own.
    Own,
    /// One that was put into the data folder.
    Custom,
}

/// The files there are, and the sound that waits to be played.
#[derive(Debug)]
pub struct Sounds {
    /// Folders of the terminal's own files; the first that has a name wins.
    own: Vec<PathBuf>,
    custom: PathBuf,
    /// Whether anybody plays.
    audible: bool,
    queue: Mutex<Queue>,
    bell: Bell,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Option<Wanted>,
    closed: bool,
}

#[derive(Debug)]
enum Wanted {
    Tone(Tone),
    File(PathBuf),
}

impl Sounds {
    /// The sounds of a terminal whose data lies in `data`: custom files in `sounds`, the built-in ones, written
    /// there now, in `tones`. Files of the same names in the board's `folder` come before the built-in ones.
    ///
    /// Without a loudspeaker (`audible`) nothing is ever queued.
    #[must_use]
    pub fn new(data: &Path, folder: Option<PathBuf>, audible: bool) -> Self {
        let tones = data.join("tones");
        if let Err(error) = install(&tones) {
            warn!(folder = %tones.display(), %error, "the built-in sounds cannot be written, they stay silent");
        }
        let own = folder.into_iter().chain([tones]).collect();
        Self { own, custom: data.join("sounds"), audible, queue: Mutex::default(), bell: Bell::default() }
    }

    /// Names of all files that can be asked for, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.own.iter().chain([&self.custom]).flat_map(|folder| waves(folder)).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The file of that name, looked into: only what the document allows is played.
    ///
    /// # Errors
    /// [`Fault::BadParameter`] naming `AudioName` and what is wrong with it.
    pub fn find(&self, whose: Whose, name: &str) -> Result<PathBuf> {
        if name.len() > LONGEST_NAME {
            bail!(BadParameter, "AudioName: has {} bytes, at most {LONGEST_NAME} are allowed", name.len());
        }
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            bail!(BadParameter, "AudioName: {name:?} is not the name of a file");
        }
        let folders = match whose {
            Whose::Own => self.own.as_slice(),
            Whose::Custom => std::slice::from_ref(&self.custom),
        };
        let Some(path) = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()) else {
            let kind = if whose == Whose::Own { "own" } else { "custom" };
            bail!(BadParameter, "AudioName: there is no {kind} file {name:?}");
        };
        match check(&path) {
            Ok(()) => Ok(path),
            Err(why) => bail!(BadParameter, "AudioName: {name:?} {why}"),
        }
    }

    /// Has a file played once the one that plays has ended; replaces one that waits.
    ///
    /// # Errors
    /// [`Fault::Unavailable`] without a loudspeaker.
    pub fn play(&self, file: PathBuf) -> Result<()> {
        if !self.audible {
            return Err(Error::new(Fault::Unavailable, "the terminal has no loudspeaker"));
        }
        self.queue(Wanted::File(file));
        Ok(())
    }

    /// Lets something be heard that is said, where the settings want it. Touches no disk.
    pub fn say(&self, said: &Said, panel: &Panel) {
        if let Some(tone) = Tone::of(said, panel).filter(|_| self.audible) {
            self.queue(Wanted::Tone(tone));
        }
    }

    fn queue(&self, wanted: Wanted) {
        lock(&self.queue).waiting = Some(wanted);
        self.bell.ring();
    }

    /// Ends the thread that plays.
    pub fn close(&self) {
        lock(&self.queue).closed = true;
        self.bell.ring();
    }

    /// What is played next; `None` at the end.
    fn next(&self, clock: &dyn Clock) -> Option<Wanted> {
        loop {
            {
                let mut queue = lock(&self.queue);
                if queue.closed {
                    return None;
                }
                if let Some(wanted) = queue.waiting.take() {
                    return Some(wanted);
                }
            }
            clock.wait(&self.bell, None);
        }
    }
}

/// Plays what is asked for until [`Sounds::close`], each at the volume then in force, and tells of it.
pub fn run(sounds: &Sounds, mut player: Box<dyn Player>, settings: &Live, decisions: &Decisions, clock: &dyn Clock) {
    while let Some(wanted) = sounds.next(clock) {
        let file = match wanted {
            Wanted::File(file) => file,
            Wanted::Tone(tone) => match sounds.find(Whose::Own, tone.file()) {
                Ok(file) => file,
                Err(error) => {
                    error!(%error, ?tone, "not played");
                    continue;
                }
            },
        };
        let now = settings.now();
        let volume = u8::try_from(now.panel.volume.get()).unwrap_or(100);
        match player.play(&file, volume) {
            Ok(()) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let more = Map::from_iter([("file".to_owned(), json!(name)), ("volume".to_owned(), json!(volume))]);
                decisions.tell(now.ntp.local(clock.wall()), "played", more);
            }
            Err(error) => error!(%error, file = %file.display(), "not played"),
        }
    }
}

/// Writes the built-in sounds where they are missing or differ from this version's.
fn install(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for tone in Tone::ALL {
        let path = folder.join(tone.file());
        if std::fs::read(&path).ok().as_deref() != Some(tone.bytes()) {
            std::fs::write(&path, tone.bytes())?;
        }
    }
    Ok(())
}

/// Names of the WAV files of a folder that can be asked for; none where there is no such folder.
fn waves(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter(|entry| entry.path().is_file()).filter_map(|entry| entry.file_name().into_string().ok());
    let wave = |name: &String| name.len() <= LONGEST_NAME && name.to_ascii_lowercase().ends_with(".wav");
    names.filter(wave).collect()
}

/// Whether a file is what the document allows; else what is wrong, as a phrase that follows its name.
fn check(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|e| format!("cannot be opened: {e}"))?;
    let no_wave = |_| "is no WAV file".to_owned();
    let mut head = [0; 12];
    file.read_exact(&mut head).map_err(no_wave)?;
    if !(head.starts_with(b"RIFF") && head.ends_with(b"WAVE")) {
        return Err("is no WAV file".to_owned());
    }
    let mut format = false;
    loop {
        let mut chunk = [0; 8];
        file.read_exact(&mut chunk).map_err(no_wave)?;
        let [a, b, c, d, size @ ..] = chunk;
        let size = u32::from_le_bytes(size);
        match &[a, b, c, d] {
            b"fmt " => {
                let mut fields = [0; 16];
                file.read_exact(&mut fields).map_err(no_wave)?;
                check_format(&fields)?;
                format = true;
                // Chunks are padded to an even size.
                let rest = i64::from(size) - 16 + i64::from(size % 2);
                file.seek(SeekFrom::Current(rest.max(0))).map_err(no_wave)?;
            }
            b"data" if format => return Ok(()),
            _ => {
                file.seek(SeekFrom::Current(i64::from(size) + i64::from(size % 2))).map_err(no_wave)?;
            }
        }
    }
}

fn check_format(fields: &[u8; 16]) -> Result<(), String> {
    let [c0, c1, n0, n1, r0, r1, r2, r3, .., b0, b1] = *fields;
    let (coding, channels, bits) =
        (u16::from_le_bytes([c0, c1]), u16::from_le_bytes([n0, n1]), u16::from_le_bytes([b0, b1]));
    let rate = u32::from_le_bytes([r0, r1, r2, r3]);
    // Plain samples, said in the short or in the extensible way.
    if !matches!(coding, 1 | 0xFFFE) {
        return Err(format!("is coded (format {coding}), plain samples are needed"));
    }
    if (rate, bits, channels) != (RATE, 16, 1) {
        return Err(format!(
            "has {rate} Hz, {bits} bits, {channels} channels; 16000 Hz, 16 bits, 1 channel are needed"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::clock::SystemClock;
    use crate::field::{Flag, Int};

    /// A WAV file with an odd chunk before its format.
    fn wav(coding: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file.extend([coding.to_le_bytes(), channels.to_le_bytes()].concat());
        file.extend([rate.to_le_bytes(), (rate * 2).to_le_bytes()].concat());
        file.extend([2_u16.to_le_bytes(), bits.to_le_bytes()].concat());
        file.extend(b"data\x02\0\0\0\0\0");
        file
    }

    #[test]
    fn files_are_what_the_document_allows() {
        let folder = tempfile::tempdir().unwrap();
        let sounds = Sounds::new(folder.path(), None, true);
        let custom = folder.path().join("sounds");
        std::fs::create_dir(&custom).unwrap();
        let whole = wav(1, 1, 16_000, 16);
        for (name, bytes, wrong) in [
            ("good.wav", whole.clone(), None),
            ("extensible.wav", wav(0xFFFE, 1, 16_000, 16), None),
            ("fast.wav", wav(1, 1, 44_100, 16), Some("has 44100 Hz")),
            ("stereo.wav", wav(1, 2, 16_000, 16), Some("2 channels")),
            ("rough.wav", wav(1, 1, 16_000, 8), Some("8 bits")),
            ("law.wav", wav(7, 1, 16_000, 16), Some("is coded (format 7)")),
            ("cut.wav", whole[..40].to_vec(), Some("is no WAV file")),
            ("headless.wav", whole[..12].to_vec(), Some("is no WAV file")),
            ("text.wav", b"hello".to_vec(), Some("is no WAV file")),
            ("empty.wav", Vec::new(), Some("is no WAV file")),
        ] {
            std::fs::write(custom.join(name), bytes).unwrap();
            let found = sounds.find(Whose::Custom, name).map_err(|error| error.to_string());
            match wrong {
                None => assert_eq!(found, Ok(custom.join(name))),
                Some(wrong) => assert!(found.as_ref().is_err_and(|e| e.contains(wrong)), "{name}: {found:?}"),
            }
        }
        assert!(sounds.find(Whose::Own, "good.wav").is_err(), "custom files are not the terminal's own");
    }

    #[test]
    fn names_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("outside.wav"), wav(1, 1, 16_000, 16)).unwrap();
        let sounds = Sounds::new(folder.path(), None, true);
        let (long, missing) = (format!("{}.wav", "a".repeat(61)), "none.wav");
        for name in ["", ".", "..", "../outside.wav", "a/../../outside.wav", "a\\b.wav", "a\0.wav", &long, missing] {
            for whose in [Whose::Own, Whose::Custom] {
                let error = sounds.find(whose, name).unwrap_err();
                assert_eq!(error.fault, Fault::BadParameter);
                assert!(error.to_string().contains("AudioName"), "{name:?}: {error}");
            }
        }
    }

    #[test]
    fn every_own_sound_is_there_and_a_boards_comes_first() {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let voice = folder.path().join("refused.wav");
        std::fs::write(&voice, wav(1, 1, 16_000, 16)).unwrap();
        std::fs::write(folder.path().join("notes.txt"), "").unwrap();
        let sounds = Sounds::new(data.path(), Some(folder.path().into()), true);
        assert_eq!(sounds.names(), ["alarm.wav", "refused.wav", "stranger.wav", "welcome.wav"]);
        for tone in Tone::ALL {
            let found = sounds.find(Whose::Own, tone.file()).unwrap();
            assert_eq!(found == voice, tone == Tone::Refused, "{}", found.display());
        }
    }

    #[test]
    fn what_is_heard_follows_the_settings() {
        let (on, off) = (Flag::of(1), Flag::of(0));
        let words = |good| Said::Platform { text: "hello".into(), good };
        for (said, tone) in [
            (Said::Pass, Some(Tone::Welcome)),
            (words(true), Some(Tone::Welcome)),
            (Said::Refused, Some(Tone::Refused)),
            (Said::NotAlive, Some(Tone::Refused)),
            (Said::NoMask, Some(Tone::Refused)),
            (Said::WrongPin, Some(Tone::Refused)),
            (Said::NotBearer, Some(Tone::Refused)),
            (words(false), Some(Tone::Refused)),
            (Said::Stranger, Some(Tone::Stranger)),
            (Said::UnknownCard, Some(Tone::Stranger)),
            (Said::Fever, Some(Tone::Alarm)),
            (Said::ShowCard, None),
            (Said::ShowIdCard, None),
            (Said::ShowFace, None),
            (Said::Measuring, None),
        ] {
            for (pass, fail, remote) in [(on, on, off), (off, on, off), (on, off, off), (off, off, off), (on, on, on)] {
                let panel = Panel { pass_audio: pass, fail_audio: fail, remote_audio: remote, ..Panel::default() };
                let wanted = if tone == Some(Tone::Welcome) { pass } else { fail };
                let expect = tone.filter(|_| wanted.on() && !remote.on());
                assert_eq!(Tone::of(&said, &panel), expect, "{said:?} {pass:?} {fail:?} {remote:?}");
            }
        }
    }

    /// Says what it was given and plays until it is let go on.
    struct Held {
        given: Sender<(String, u8)>,
        ends: Receiver<()>,
    }

    impl Player for Held {
        fn play(&mut self, file: &Path, volume: u8) -> Result<()> {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            self.given.send((name, volume)).unwrap();
            self.ends.recv().unwrap();
            Ok(())
        }
    }

    #[test]
    fn a_newer_sound_replaces_the_one_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let sounds = Arc::new(Sounds::new(folder.path(), None, true));
        let settings = Live::unkept();
        let decisions = Arc::new(Decisions::default());
        let ((given, heard), (end, ends)) = (channel(), channel());
        let thread = std::thread::spawn({
            let (sounds, settings, decisions) = (sounds.clone(), settings.clone(), decisions.clone());
            let player = Box::new(Held { given, ends });
            move || run(&sounds, player, &settings, &decisions, &SystemClock::default())
        });
        let panel = Panel::default();
        sounds.say(&Said::Pass, &panel);
        assert_eq!(heard.recv().unwrap(), ("welcome.wav".into(), 80));
        sounds.say(&Said::Stranger, &panel);
        sounds.say(&Said::Refused, &panel);
        settings
            .change::<Panel>(|panel| {
                panel.volume = Int::of(35);
                Ok(())
            })
            .unwrap();
        end.send(()).unwrap();
        assert_eq!(heard.recv().unwrap(), ("refused.wav".into(), 35));
        sounds.close();
        end.send(()).unwrap();
        thread.join().unwrap();
        let told: Vec<_> = decisions.lines(0).iter().map(|l| (l["event"].clone(), l["file"].clone())).collect();
        assert_eq!(told, [(json!("played"), json!("welcome.wav")), (json!("played"), json!("refused.wav"))]);
    }

    #[test]
    fn without_a_loudspeaker_a_platform_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        let sounds = Sounds::new(folder.path(), None, false);
        sounds.say(&Said::Pass, &Panel::default());
        let file = sounds.find(Whose::Own, "welcome.wav").unwrap();
        assert_eq!(sounds.play(file).unwrap_err().fault, Fault::Unavailable);
        assert!(lock(&sounds.queue).waiting.is_none());
    }
}
