//! Backup, restore and clone of a stopped terminal: one sealed file with people, settings and sounds.
//!
//! A restore builds a whole new data folder beside the old one and switches by renames only when everything was
//! read, checked and synced. `container` seals, `contents` names the items; records, captures and downloads stay behind.

mod container;
mod contents;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use self::container::{Opener, Sealer};
use self::contents::{Item, Reader, Writer};
pub use self::contents::{Manifest, Totals};
use crate::access::Person;
use crate::clock::Clock;
use crate::error::Error;
use crate::settings::{Account, Device, Group, Mqtt, Network, NetworkUndo, Settings, Wifi};
use crate::store::{Limits, Registered, Store};

/// The fewest characters of a passphrase.
pub const SHORTEST_PASSPHRASE: usize = 8;
/// People written to the disk at once, and between two lines of progress.
const BATCH: usize = 64;
/// The secret a terminal's own number is made from.
const DEVICE_ID: &str = "device-id";
/// Groups that make a terminal itself: a clone keeps its own.
const OWN_GROUPS: [&str; 4] = [Network::NAME, Wifi::NAME, NetworkUndo::NAME, Device::NAME];
/// Fields of the MQTT group that no two terminals may share.
const OWN_MQTT: [&str; 2] = ["MQTopic", "MQCloudID"];

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Something else altogether.
    #[error("the file is no backup of a terminal")]
    NotABackup,
    /// The layout of another software.
    #[error("the backup has format {theirs}, this software ({}) knows {ours}; install newer software", env!("CARGO_PKG_VERSION"))]
    Format {
        /// Of the file.
        theirs: u16,
        /// Of this software.
        ours: u16,
    },
    /// Newer software wrote it.
    #[error("facegate {theirs} wrote the backup, this is {ours}; install {theirs} or newer")]
    Newer {
        /// Of the file.
        theirs: String,
        /// Of this software.
        ours: String,
    },
    /// Another passphrase sealed it.
    #[error("the passphrase is not that of the backup")]
    WrongPassphrase,
    /// Not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// Whole, and yet not to be had here.
    #[error("{0}")]
    Unfit(String),
    /// The disk's trouble.
    #[error("{0}: {1}")]
    Io(String, #[source] io::Error),
    /// The store's.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The terminal meant, and who is told of progress.
pub struct Tools<'a> {
    /// Folder of all data.
    pub data: &'a Path,
    /// What the board holds.
    pub limits: Limits,
    /// For the store and the time of the backup.
    pub clock: Arc<dyn Clock>,
    /// Takes lines of progress.
    pub say: &'a mut dyn FnMut(String),
}

/// Writes all of a stopped terminal into `file`, whole or not at all.
///
/// # Errors
/// [`Problem`]; a file that was there before is as it was.
pub fn backup(tools: &mut Tools<'_>, file: &Path, passphrase: &str) -> Result<Totals, Problem> {
    long_enough(passphrase)?;
    unswitched(tools.data).map_err(Problem::Unfit)?;
    if !tools.data.join("db").is_dir() {
        return Err(Problem::Unfit(format!("{}: there is no terminal's data", tools.data.display())));
    }
    let store = Store::open(tools.data, tools.limits, tools.clock.clone())?;
    let temporary = beside(file, "part");
    let done = write_backup(tools, &store, &temporary, passphrase).and_then(|totals| {
        fs::rename(&temporary, file).and_then(|()| sync_parent(file)).map_err(of(file))?;
        Ok(totals)
    });
    if done.is_err() {
        drop(fs::remove_file(&temporary));
    }
    done
}

fn write_backup(tools: &mut Tools<'_>, store: &Store, path: &Path, passphrase: &str) -> Result<Totals, Problem> {
    drop(fs::remove_file(path));
    let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(of(path))?;
    let secrets = store.secrets()?;
    let device = secrets
        .iter()
        .find(|(name, _)| name == DEVICE_ID)
        .and_then(|(_, bytes)| Some(u32::from_be_bytes(bytes.as_slice().try_into().ok()?)));
    let all = store.count();
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        device,
        taken: tools.clock.wall().as_second(),
        people: all,
        counters: store.counters()?,
    };
    let mut writer = Writer::new(Sealer::new(BufWriter::new(out), passphrase)?, &manifest)?;
    for (name, stored) in store.groups()? {
        match Settings::check_stored(&name, &stored) {
            // The terminal itself does without such a group, but not without its login.
            Some(Err(why)) if name != Account::NAME => (tools.say)(format!("settings {name} left out: {why}")),
            Some(Err(why)) => return Err(Problem::Unfit(format!("settings {name}: {why}"))),
            Some(Ok(())) | None => writer.group(name, &stored)?,
        }
    }
    for (name, bytes) in secrets {
        writer.secret(name, bytes)?;
    }
    for (name, path) in sounds(tools.data)? {
        writer.sound(name, &fs::read(&path).map_err(of(&path))?)?;
    }
    let mut done = 0;
    store.export(|person, photo| -> Result<(), Problem> {
        writer.person(person, photo.as_ref())?;
        done += 1;
        if done % BATCH == 0 || done == all {
            (tools.say)(format!("{done} of {all} people"));
        }
        Ok(())
    })?;
    let (out, totals) = writer.finish()?;
    let out = out.into_inner().map_err(|e| of(path)(e.into_error()))?;
    out.sync_all().map_err(of(path))?;
    Ok(totals)
}

/// Puts what `file` holds in the place of the data folder, all or nothing; the old folder stays beside it as
/// `….before-restore`. A `clone` keeps what makes the target itself.
///
/// # Errors
/// [`Problem`]; the data folder is as it was, unless the message says how to mend it.
pub fn restore(tools: &mut Tools<'_>, file: &Path, passphrase: &str, clone: bool) -> Result<Totals, Problem> {
    let (data, before, fresh) =
        (tools.data.to_owned(), beside(tools.data, "before-restore"), beside(tools.data, "restoring"));
    unswitched(&data).map_err(Problem::Unfit)?;
    let from = File::open(file).map_err(of(file))?;
    let (manifest, mut reader) = Reader::new(Opener::new(io::BufReader::new(from), passphrase)?)?;
    if version(&manifest.version) > version(env!("CARGO_PKG_VERSION")) {
        let ours = env!("CARGO_PKG_VERSION").to_owned();
        return Err(Problem::Newer { theirs: manifest.version, ours });
    }
    if manifest.people > tools.limits.people {
        let (people, limit) = (manifest.people, tools.limits.people);
        return Err(Problem::Unfit(format!("the backup holds {people} people, this board at most {limit}")));
    }
    // Held while the new folder is built: the terminal cannot be started meanwhile.
    let old =
        if data.join("db").is_dir() { Some(Store::open(&data, tools.limits, tools.clock.clone())?) } else { None };
    if fresh.exists() {
        fs::remove_dir_all(&fresh).map_err(of(&fresh))?;
    }
    let done = fill(tools, &manifest, &mut reader, &fresh, clone, old.as_ref());
    drop(old);
    let switched = done.and_then(|()| switch(&data, &before, &fresh));
    if switched.is_err() && (data.exists() || !before.exists()) {
        drop(fs::remove_dir_all(&fresh));
    }
    switched.map(|()| reader.totals())
}

/// Builds the new data folder.
fn fill<R: io::Read>(
    tools: &mut Tools<'_>,
    manifest: &Manifest,
    reader: &mut Reader<R>,
    fresh: &Path,
    clone: bool,
    old: Option<&Store>,
) -> Result<(), Problem> {
    let store = Store::open(fresh, tools.limits, tools.clock.clone())?;
    let (own_groups, own_secrets) = match old {
        Some(old) => (old.groups()?, old.secrets()?),
        None => (Vec::new(), Vec::new()),
    };
    let (mut groups, mut secrets, mut batch, mut done) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let all = manifest.people;
    while let Some(item) = reader.next()? {
        match item {
            Item::Group(name, stored) => match Settings::check_stored(&name, &stored) {
                Some(Err(why)) => return Err(Problem::Damaged(format!("settings {name}: {why}"))),
                Some(Ok(())) => groups.push((name, stored)),
                None => (tools.say)(format!("settings {name} left out: this software has none of that name")),
            },
            Item::Secret(name, bytes) => secrets.push((name, bytes)),
            Item::Sound(name, bytes) => write_sound(&fresh.join("sounds"), &name, &bytes)?,
            Item::Person(person, photo) => {
                obeys(&person, photo.as_ref())?;
                batch.push((*person, photo));
                done += 1;
                if batch.len() == BATCH {
                    store.import(std::mem::take(&mut batch))?;
                    (tools.say)(format!("{done} of {all} people"));
                }
            }
        }
    }
    store.import(batch)?;
    if done != all {
        return Err(Problem::Damaged(format!("it says it holds {all} people and holds {done}")));
    }
    (tools.say)(format!("{done} of {all} people"));
    if clone {
        groups.retain(|(name, _)| !OWN_GROUPS.contains(&name.as_str()));
        groups.extend(own_groups.iter().filter(|(name, _)| OWN_GROUPS.contains(&name.as_str())).cloned());
        for (_, stored) in groups.iter_mut().filter(|(name, _)| name == Mqtt::NAME) {
            let own = own_groups.iter().find(|(name, _)| name == Mqtt::NAME);
            *stored = own_mqtt(stored, own.map(|(_, stored)| stored.as_slice()))?;
        }
        secrets.retain(|(name, _)| name != DEVICE_ID);
        secrets.extend(own_secrets.into_iter().filter(|(name, _)| name == DEVICE_ID));
    }
    store.set_groups(&groups)?;
    store.set_secrets(&secrets)?;
    store.continue_from(&manifest.counters)?;
    Ok(())
}

/// The group with the topic and the cloud's number of `own`, or those of a new terminal.
fn own_mqtt(stored: &[u8], own: Option<&[u8]>) -> Result<Vec<u8>, Problem> {
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes);
    let merge = || -> serde_json::Result<Vec<u8>> {
        let mut merged = read(stored)?;
        let own = own.map_or_else(|| serde_json::to_value(Mqtt::default()), read)?;
        for field in OWN_MQTT {
            merged[field] = own[field].clone();
        }
        serde_json::to_vec(&merged)
    };
    merge().map_err(|e| Problem::Damaged(format!("settings {}: {e}", Mqtt::NAME)))
}

/// What the API would have refused, and the store does not ask.
fn obeys(person: &Person, photo: Option<&Registered>) -> Result<(), Problem> {
    let wrong = |what: &str| Err(Problem::Damaged(format!("LibID {}: {what}", person.id)));
    if person.uuid.as_ref().is_some_and(|uuid| uuid.is_empty() || uuid.len() > 48) {
        return wrong("PersonUUID has not 1 to 48 bytes");
    }
    if person.gender > 1 || !(1..=57).contains(&person.nation) {
        return wrong("Gender or Nation is out of range");
    }
    if person.rf_card.is_some() && person.rf_number().is_none() {
        return wrong("RFIDCard is no number");
    }
    if photo.is_some_and(|photo| !photo.jpeg.starts_with(&[0xFF, 0xD8, 0xFF])) {
        return wrong("the photo is no JPEG file");
    }
    Ok(())
}

/// Old folder aside, new folder in its place.
fn switch(data: &Path, before: &Path, fresh: &Path) -> Result<(), Problem> {
    sync_tree(fresh).map_err(of(fresh))?;
    if data.exists() {
        if before.exists() {
            fs::remove_dir_all(before).map_err(of(before))?;
        }
        fs::rename(data, before).map_err(of(data))?;
    }
    fs::rename(fresh, data).map_err(|error| {
        // Nothing has happened yet that a rename does not undo.
        drop(fs::rename(before, data));
        of(fresh)(error)
    })?;
    sync_parent(data).map_err(of(data))
}

/// Whether a restore was cut short between its two renames: then there is no data folder, and this says what to do.
///
/// # Errors
/// The message for the operator.
pub fn unswitched(data: &Path) -> Result<(), String> {
    let (before, fresh) = (beside(data, "before-restore"), beside(data, "restoring"));
    if data.exists() || !before.exists() {
        return Ok(());
    }
    let (data, before) = (data.display(), before.display());
    Err(if fresh.exists() {
        let fresh = fresh.display();
        format!(
            "a restore was cut short at its end: rename {fresh} to {data} to finish it, or {before} to {data} to undo it"
        )
    } else {
        format!("{data} is missing, the folder from before a restore is there: rename {before} to {data}")
    })
}

/// Files the operator has put into the data folder.
fn sounds(data: &Path) -> Result<Vec<(String, PathBuf)>, Problem> {
    let folder = data.join("sounds");
    let entries = match fs::read_dir(&folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(of(&folder))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(of(&folder))?;
        if let Some(name) = entry.file_name().to_str().filter(|name| entry.path().is_file() && is_sound(name)) {
            found.push((name.to_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether it is a name of a file, and of no other folder's.
fn is_sound(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn write_sound(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Problem> {
    if !is_sound(name) {
        return Err(Problem::Damaged(format!("{name:?} is no name of a sound")));
    }
    let path = folder.join(name);
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes)).map_err(of(&path))
}

/// Syncs every file and folder below and including `root`.
fn sync_tree(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    File::open(root)?.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

/// The path with a further ending.
fn beside(path: &Path, ending: &str) -> PathBuf {
    // A slash at the end would put the ending inside.
    let mut name: std::ffi::OsString = path.components().collect::<PathBuf>().into();
    name.push(".");
    name.push(ending);
    name.into()
}

fn of(path: &Path) -> impl Fn(io::Error) -> Problem {
    let path = path.display().to_string();
    move |error| Problem::Io(path.clone(), error)
}

fn version(text: &str) -> [u32; 3] {
    let mut parts = text.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0));
    [0; 3].map(|_| parts.next().unwrap_or(0))
}

fn long_enough(passphrase: &str) -> Result<(), Problem> {
    if passphrase.chars().count() < SHORTEST_PASSPHRASE {
        return Err(Problem::Unfit(format!("the passphrase has fewer than {SHORTEST_PASSPHRASE} characters")));
    }
    Ok(())
}

/// Reads a passphrase from one line of text, as a file or a pipe gives it.
///
/// # Errors
/// [`Problem::Io`].
pub fn passphrase_from(from: impl io::Read) -> Result<String, Problem> {
    use io::BufRead;
    let mut line = String::new();
    // Longer than anyone types, shorter than a file given by mistake.
    io::BufReader::new(from.take(4096)).read_line(&mut line).map_err(|e| Problem::Io("passphrase".to_owned(), e))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (older, newer) in [("0.1.0", "0.1.1"), ("0.9.0", "0.10.0"), ("0.9.9", "1.0.0"), ("1.2", "1.2.1")] {
            assert!(version(older) < version(newer), "{older} {newer}");
        }
        assert_eq!(version("1.2.3"), version("1.2.3"));
    }

    #[test]
    fn a_sound_cannot_leave_its_folder() {
        for (name, good) in [("bell.wav", true), ("", false), ("../x.wav", false), (".x", false), ("a\\b", false)] {
            assert_eq!(is_sound(name), good, "{name}");
        }
    }

    #[test]
    fn folders_beside_are_named_after_the_folder_itself() {
        for (data, expected) in [("/a/data", "/a/data.part"), ("/a/data/", "/a/data.part"), ("data", "data.part")] {
            assert_eq!(beside(Path::new(data), "part"), Path::new(expected), "{data}");
        }
    }

    #[test]
    fn a_clone_keeps_its_own_topic() {
        let stored = br#"{"MQTopic":"old","MQCloudID":"old","MQPort":1884}"#;
        let own = br#"{"MQTopic":"mine","MQCloudID":"me","MQPort":1}"#;
        let merged: Value = serde_json::from_slice(&own_mqtt(stored, Some(own)).unwrap()).unwrap();
        assert_eq!(merged, serde_json::json!({ "MQTopic": "mine", "MQCloudID": "me", "MQPort": 1884 }));
        let fresh: Mqtt =
            serde_json::from_slice(&own_mqtt(&serde_json::to_vec(&Mqtt::default()).unwrap(), None).unwrap()).unwrap();
        assert_eq!(fresh.cloud_id, Mqtt::default().cloud_id);
    }

    fn person(id: u32, custom_id: u32) -> Person {
        let created = crate::field::LocalTime::parse("2024-05-06T07:08:09").unwrap();
        Person { id: crate::access::LibId(id), custom_id: Some(custom_id), ..Person::new(created) }
    }

    #[test]
    fn a_backup_that_does_not_fit_changes_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let (file, data) = (folder.path().join("backup"), folder.path().join("data"));
        let limits = Limits { people: 3, control_records: 9, captures: 9, notices: 9 };
        let clock = Arc::new(crate::clock::SystemClock::default());
        let photo = |jpeg: &[u8]| Registered { jpeg: jpeg.to_vec(), embedding: vec![0.5; 4], pack: "a".to_owned() };
        let jpeg = photo(&[0xFF, 0xD8, 0xFF, 0xE0]);
        let good = || (person(1, 1), Some(jpeg.clone()));
        for (version, said, people, refusal) in [
            ("99.1.2", 1, vec![good()], Some("facegate 99.1.2 wrote the backup, this is 0.")),
            ("0.0.1", 4, vec![good()], Some("holds 4 people, this board at most 3")),
            ("0.0.1", 2, vec![good()], Some("it says it holds 2 people and holds 1")),
            ("0.0.1", 2, vec![good(), (person(1, 2), None)], Some("LibID: 1 is 0 or taken")),
            ("0.0.1", 2, vec![good(), (person(2, 1), None)], Some("CustomizeID: 1 is borne by LibID 1")),
            ("0.0.1", 1, vec![(person(0, 1), None)], Some("LibID: 0 is 0 or taken")),
            ("0.0.1", 1, vec![(Person { nation: 58, ..person(1, 1) }, None)], Some("Nation")),
            ("0.0.1", 1, vec![(person(1, 1), Some(photo(b"GIF8")))], Some("no JPEG")),
            ("0.0.1", 2, vec![good(), (person(7, 2), None)], None),
        ] {
            let counters = serde_json::from_str(r#"{"next_person":5,"next_record":null}"#).unwrap();
            let manifest = Manifest { version: version.to_owned(), device: None, taken: 0, people: said, counters };
            let sealer = Sealer::new(File::create(&file).unwrap(), "long enough").unwrap();
            let mut writer = Writer::new(sealer, &manifest).unwrap();
            for (person, photo) in &people {
                writer.person(person, photo.as_ref()).unwrap();
            }
            writer.finish().unwrap();
            let mut tools = Tools { data: &data, limits, clock: clock.clone(), say: &mut |_| {} };
            let restored = restore(&mut tools, &file, "long enough", false);
            match refusal {
                Some(refusal) => {
                    let error = restored.unwrap_err().to_string();
                    assert!(error.contains(refusal), "{refusal:?} not in {error:?}");
                    assert!(!data.exists() && !beside(&data, "restoring").exists(), "{refusal}");
                }
                None => {
                    assert_eq!(restored.unwrap().people, 2);
                    let store = Store::open(&data, limits, clock.clone()).unwrap();
                    assert_eq!(store.photo(crate::access::LibId(1)).unwrap(), Some(jpeg.jpeg.clone()));
                    assert_eq!(store.add(person(0, 3), None).unwrap().0, 8);
                }
            }
        }
    }
}
