//! Two packs and a pointer: install, roll back, say what is there.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::below;
use crate::bail;
use crate::clock::Clock;
use crate::error::{Error, Fault, Result};
use crate::hal::linux::files;
use crate::package::{self, Expect, Keys, Kind, Manifest, Refusal};
use crate::vision::{EngineChoice, Pack, Vision};

const NAMES: [&str; 2] = ["a", "b"];
const CURRENT: &str = "current";
/// The one the terminal started with last, and ran.
const STARTED: &str = "started";
const INCOMING: &str = "incoming";
const UNPACKED: &str = "unpacked";
const LOCK: &str = "lock";
/// The engine that may lie beside a pack, in a folder for each processor.
const ENGINE: &str = "libLiteRt.so";
/// What the package said of itself, kept beside the pack.
const MANIFEST: &str = "manifest.json";
/// Where builders put the texts of licences.
const LICENCES: &str = "licences";
/// Name of packages that hold a model pack and nothing else.
const PACKAGE: &str = "models";

/// A pack in the data folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// Its folder.
    pub folder: PathBuf,
    /// The other one, which a roll-back goes back to.
    pub previous: Option<PathBuf>,
}

/// The pack in use of a data folder; `None` when none was installed.
#[must_use]
pub fn installed(data: &Path) -> Option<Installed> {
    let name = named(data, CURRENT)?;
    let there = |name: &str| Some(below(data).join(name)).filter(|f| f.is_dir());
    Some(Installed { folder: there(name)?, previous: there(other(name)) })
}

/// The pack that one of the files with a name in it means, if it is there.
fn named(data: &Path, file: &str) -> Option<&'static str> {
    let said = fs::read_to_string(below(data).join(file)).ok()?;
    NAMES.into_iter().find(|name| *name == said.trim() && below(data).join(name).is_dir())
}

/// Notes that the terminal has started with the pack in `folder` and runs it: if it is an installed one, no installation takes
/// its place, until another one has run, so that there is always one to go back to that has worked.
///
/// # Errors
/// When it cannot be written down.
pub fn started(data: &Path, folder: &Path) -> Result<()> {
    let Some(name) = NAMES.into_iter().find(|name| below(data).join(name) == folder) else { return Ok(()) };
    point(data, STARTED, Some(name)).map_err(|e| failed(&below(data).join(STARTED), &e))
}

/// Writes a name into a file, or takes the file away.
fn point(data: &Path, file: &str, name: Option<&str>) -> io::Result<()> {
    let line = name.map(|name| format!("{name}\n"));
    files::keep(&below(data).join(file), line.as_deref(), 0o644).map(drop)
}

/// Installs the pack that lies in `from`: copied, checked by the sha256 of its description and by loading it, and then in
/// one step made the one that counts from the next start on. `say` hears how far it is.
///
/// # Errors
/// When `from` holds no complete pack, or not exactly one that `name` means, when a file is not what its description
/// says, when it cannot be loaded, or when the disk refuses; what ran before then still counts.
pub fn install_folder(
    data: &Path,
    from: &Path,
    name: Option<&str>,
    clock: Arc<dyn Clock>,
    say: &mut dyn FnMut(&str),
) -> Result<Pack> {
    let _turn = turn(data)?;
    let incoming = fresh_incoming(data)?;
    let pack = Pack::locate(from, name)?;
    say(&format!("copying {} from {} …", pack.id, from.display()));
    copy(&pack, from, &incoming).map_err(|e| failed(&incoming, &e))?;
    activate(data, clock, say)
}

/// Installs the pack of a signed package, as [`install_folder`] does. It has to be newer than the one in use, unless it says
/// otherwise of itself, and for this board or for any.
///
/// # Errors
/// Why the package is refused, and as [`install_folder`].
pub fn install_package(
    data: &Path,
    package: &Path,
    keys: &Keys,
    board: &str,
    clock: Arc<dyn Clock>,
    say: &mut dyn FnMut(&str),
) -> Result<Pack> {
    let refused = |refusal: Refusal| Error::new(Fault::Unavailable, format!("{}: {refusal}", package.display()));
    say("verifying …");
    let expect = Expect {
        name: Some(PACKAGE.to_owned()),
        board: Some(board.to_owned()),
        installed: installed(data).and_then(|now| version_of(&now.folder)),
        ..Expect::default()
    };
    let verified = package::verify(package, keys, &expect).map_err(refused)?;
    let _turn = turn(data)?;
    let incoming = fresh_incoming(data)?;
    let unpacked = below(data).join(UNPACKED);
    remove(&unpacked).map_err(|e| failed(&unpacked, &e))?;
    let mut told = 0;
    let mut progress = |done: u64, total: u64| {
        let tenth = done * 10 / total.max(1);
        if tenth > told {
            told = tenth;
            say(&format!("unpacked {} %", tenth * 10));
        }
    };
    verified.unpack_only(&unpacked, &|kind| kind == Kind::Models, &mut progress).map_err(refused)?;
    let manifest = verified.manifest().to_json().map_err(refused)?;
    let move_in = || -> io::Result<()> {
        fs::remove_dir(&incoming)?;
        fs::rename(unpacked.join("models"), &incoming)?;
        fs::remove_dir(&unpacked)?;
        fs::write(incoming.join(MANIFEST), &manifest)
    };
    move_in().map_err(|e| failed(&incoming, &e))?;
    activate(data, clock, say)
}

/// The version of a pack that came as a package.
fn version_of(folder: &Path) -> Option<semver::Version> {
    Manifest::parse(&fs::read(folder.join(MANIFEST)).ok()?).ok().map(|manifest| manifest.version)
}

/// The turn to change what is installed: two at once would share what is incoming.
fn turn(data: &Path) -> Result<File> {
    let path = below(data).join(LOCK);
    let opened = fs::create_dir_all(below(data))
        .and_then(|()| File::options().write(true).create(true).truncate(false).open(&path));
    let file = opened.map_err(|e| failed(&path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => bail!(Unavailable, "{}: models are being installed there", data.display()),
        Err(fs::TryLockError::Error(error)) => Err(failed(&path, &error)),
    }
}

/// An empty folder beside the installed packs, whatever a killed installation left there.
fn fresh_incoming(data: &Path) -> Result<PathBuf> {
    let incoming = below(data).join(INCOMING);
    remove(&incoming).and_then(|()| fs::create_dir_all(&incoming)).map_err(|e| failed(&incoming, &e))?;
    Ok(incoming)
}

/// Checks the pack in `incoming` and makes it the one in use.
fn activate(data: &Path, clock: Arc<dyn Clock>, say: &mut dyn FnMut(&str)) -> Result<Pack> {
    let incoming = below(data).join(INCOMING);
    say("checking …");
    // The engine inside this program, which every terminal has, has to take it.
    let pack = Vision::open(&incoming, None, &EngineChoice::BuiltIn, clock)?.pack;
    take_in(data).map_err(|e| failed(&incoming, &e))?;
    Ok(pack)
}

/// Puts what is in `incoming` in the place of the pack that did not run last, and makes it the one in use.
fn take_in(data: &Path) -> io::Result<&'static str> {
    let folder = below(data);
    let incoming = folder.join(INCOMING);
    let current = named(data, CURRENT);
    let kept = named(data, STARTED).or(current);
    let name = kept.map_or(NAMES[0], other);
    let place = folder.join(name);
    sync_all(&incoming)?;
    if current == Some(name) {
        // It was installed and never started; what ran counts while it goes.
        point(data, CURRENT, kept)?;
    }
    remove(&place)?;
    fs::rename(&incoming, &place)?;
    File::open(&folder)?.sync_all()?;
    point(data, CURRENT, Some(name))?;
    Ok(name)
}

/// Goes back to the pack before the one in use; the other way round it works too. Where none was installed before, nothing is
/// any more and what release or profile have counts again, which `own` finds; from there only an installation leads back.
///
/// # Errors
/// When none is installed, when there is none to go back to, or the disk refuses.
pub fn rollback(data: &Path, own: impl FnOnce() -> Result<Pack>) -> Result<Pack> {
    let _turn = turn(data)?;
    let Some(now) = installed(data) else {
        bail!(Unavailable, "{}: no models are installed there, nothing to go back from", below(data).display());
    };
    let pack = match &now.previous {
        Some(previous) => Pack::locate(previous, None)?,
        None => own().map_err(|none| {
            let why =
                format!("no pack was installed before this one, and the terminal has none of its own: {}", none.detail);
            Error::new(none.fault, why)
        })?,
    };
    let name = now.previous.and_then(|_| named(data, CURRENT)).map(other);
    point(data, CURRENT, name).map_err(|e| failed(&below(data).join(CURRENT), &e))?;
    Ok(pack)
}

fn other(name: &str) -> &'static str {
    if name == NAMES[0] { NAMES[1] } else { NAMES[0] }
}

/// The files of `pack`, its description, and what lies beside it: licences, notes, and this processor's engine.
fn copy(pack: &Pack, from: &Path, to: &Path) -> io::Result<()> {
    let mut names: Vec<String> = pack.files().into_iter().map(|(_, model)| model.file.clone()).collect();
    names.sort();
    names.dedup();
    for name in names {
        fs::copy(from.join(&name), to.join(&name))?;
    }
    fs::write(to.join(format!("{}.toml", pack.id)), &pack.description)?;
    copy_texts(from, to)?;
    let licences = from.join(LICENCES);
    if licences.is_dir() {
        let kept = to.join(LICENCES);
        fs::create_dir_all(&kept)?;
        copy_texts(&licences, &kept)?;
        sync_all(&kept)?;
    }
    let engine = Path::new(std::env::consts::ARCH).join(ENGINE);
    if from.join(&engine).is_file() {
        let kept = to.join(std::env::consts::ARCH);
        fs::create_dir_all(&kept)?;
        fs::copy(from.join(&engine), to.join(&engine))?;
        sync_all(&kept)?;
    }
    Ok(())
}

fn copy_texts(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let is_text = path.extension().is_some_and(|e| e == "txt" || e == "md");
        if let Some(name) = path.file_name().filter(|n| is_text || n.to_string_lossy().starts_with("LICENSE"))
            && path.is_file()
        {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

/// Files first, then the folder that names them.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        File::open(entry?.path())?.sync_all()?;
    }
    File::open(folder)?.sync_all()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(Fault::Unavailable, format!("{}: {error}; the models in use are unchanged", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(data: &Path, name: &str, id: &str) {
        let folder = below(data).join(name);
        fs::create_dir_all(&folder).unwrap();
        let text = include_str!("../../models/blazeface-dlib.toml").replace("\"blazeface-dlib\"", &format!("{id:?}"));
        fs::write(folder.join("pack.toml"), &text).unwrap();
        for (_, model) in Pack::parse(id, &text).unwrap().files() {
            fs::write(folder.join(&model.file), b"weights").unwrap();
        }
    }

    /// A terminal without models of its own.
    fn none() -> Result<Pack> {
        bail!(Unavailable, "nowhere")
    }

    #[test]
    fn a_roll_back_goes_to_the_other_pack_and_back() {
        let data = tempfile::tempdir().unwrap();
        assert!(rollback(data.path(), none).unwrap_err().detail.contains("no models are installed"));
        put(data.path(), "a", "one");
        files::keep(&below(data.path()).join(CURRENT), Some("a\n"), 0o644).unwrap();
        put(data.path(), "b", "two");
        for (id, name) in [("two", "b"), ("one", "a")] {
            assert_eq!(rollback(data.path(), none).unwrap().id, id);
            assert_eq!(installed(data.path()).unwrap().folder, below(data.path()).join(name));
        }
    }

    #[test]
    fn the_pack_that_ran_last_is_never_replaced() {
        let data = tempfile::tempdir().unwrap();
        let place = |name: &str| below(data.path()).join(name);
        // Which packs are there, which is in use, which has run, and whose place an installation takes.
        for (there, current, ran, taken) in [
            ("", None, None, "a"),
            ("a", Some("a"), None, "b"),
            ("a", Some("a"), Some("a"), "b"),
            ("ab", Some("b"), Some("b"), "a"),
            ("ab", Some("b"), Some("a"), "b"),
            ("ab", Some("a"), Some("b"), "a"),
            ("a", Some("a"), Some("b"), "b"),
            ("ab", None, Some("b"), "a"),
        ] {
            remove(&below(data.path())).unwrap();
            there.chars().for_each(|name| put(data.path(), &name.to_string(), "old"));
            point(data.path(), CURRENT, current).unwrap();
            for folder in ran.map(place).into_iter().chain(["/elsewhere".into()]) {
                started(data.path(), &folder).unwrap();
            }
            put(data.path(), INCOMING, "new");
            let name = take_in(data.path()).unwrap();
            assert_eq!(
                (name, installed(data.path()).unwrap().folder),
                (taken, place(taken)),
                "{there} {current:?} {ran:?}"
            );
            assert_eq!(Pack::locate(&place(taken), None).unwrap().id, "new");
            let kept = installed(data.path()).unwrap().previous;
            assert_eq!(kept.is_some(), there.contains(other(taken)), "{there} {current:?} {ran:?}");
        }
    }

    #[test]
    fn a_roll_back_of_the_only_pack_goes_to_the_terminals_own_if_it_has_one() {
        let data = tempfile::tempdir().unwrap();
        put(data.path(), "a", "one");
        files::keep(&below(data.path()).join(CURRENT), Some("a\n"), 0o644).unwrap();
        let before = installed(data.path());
        let error = rollback(data.path(), none).unwrap_err().detail;
        assert!(error.contains("before this one") && error.contains("nowhere"), "{error}");
        assert_eq!(installed(data.path()), before);
        let own = tempfile::tempdir().unwrap();
        put(own.path(), "", "own");
        let pack = rollback(data.path(), || Pack::locate(&below(own.path()), None)).unwrap();
        assert_eq!((pack.id.as_str(), installed(data.path())), ("own", None));
    }

    #[test]
    fn what_lies_beside_a_pack_goes_with_it() {
        let (data, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        put(data.path(), "a", "one");
        let from = below(data.path()).join("a");
        let engine = Path::new(std::env::consts::ARCH).join(ENGINE);
        for name in [engine.as_path(), Path::new("licences/dlib.txt"), Path::new("another/libLiteRt.so")] {
            fs::create_dir_all(from.join(name).parent().unwrap()).unwrap();
            fs::write(from.join(name), name.to_string_lossy().as_bytes()).unwrap();
        }
        copy(&Pack::locate(&from, Some("one")).unwrap(), &from, to.path()).unwrap();
        assert_eq!(Pack::locate(to.path(), None).unwrap().id, "one");
        assert_eq!(fs::read(to.path().join(&engine)).unwrap(), engine.to_string_lossy().as_bytes());
        assert!(to.path().join("licences/dlib.txt").is_file() && !to.path().join("another").exists());
    }

    #[test]
    fn one_installation_has_its_turn() {
        let data = tempfile::tempdir().unwrap();
        let held = turn(data.path()).unwrap();
        assert!(rollback(data.path(), none).unwrap_err().detail.contains("are being installed there"));
        drop(held);
        assert!(rollback(data.path(), none).unwrap_err().detail.contains("no models are installed"));
    }

    #[test]
    fn a_pointer_to_nothing_counts_as_no_pack() {
        let data = tempfile::tempdir().unwrap();
        fs::create_dir_all(below(data.path())).unwrap();
        for current in ["", "a", "b\n", "../a", "incoming"] {
            fs::write(below(data.path()).join(CURRENT), current).unwrap();
            assert_eq!(installed(data.path()), None, "{current:?}");
        }
    }

    #[test]
    fn what_is_no_pack_leaves_the_one_in_use() {
        let data = tempfile::tempdir().unwrap();
        put(data.path(), "a", "one");
        files::keep(&below(data.path()).join(CURRENT), Some("a\n"), 0o644).unwrap();
        let clock = || Arc::new(crate::clock::SystemClock::default());
        let from = tempfile::tempdir().unwrap();
        let install = || install_folder(data.path(), from.path(), None, clock(), &mut |_| ());
        assert!(install().unwrap_err().detail.contains("put "));
        // Complete by name, but not what the description says.
        put(from.path(), "", "three");
        for entry in fs::read_dir(from.path().join("models")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, from.path().join(path.file_name().unwrap())).unwrap();
        }
        assert!(install().unwrap_err().detail.contains("damaged or another version"));
        let now = installed(data.path()).unwrap();
        assert_eq!((now.folder, now.previous), (below(data.path()).join("a"), None));
    }
}
