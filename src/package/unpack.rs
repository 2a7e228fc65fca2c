//! From parts to files: each is checked while it is written, and what was written goes again when one of them is not as the
//! manifest has it.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use zstd::stream::read::Decoder;

use super::container::{Container, Section};
use super::manifest::{Digest, Entry, Kind, Manifest, folders};
use super::refusal::Refusal;

/// Bytes unpacked at a time.
const STEP: usize = 64 << 10;
/// The largest window a part may ask for, as a power of two: 8 MiB, which the level packages are built with needs.
const WINDOW: u32 = 23;

/// Told how much is done, of how much: bytes, unpacked.
pub(super) type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Unpacks what is `wanted` into `folder`, which is missing or empty, and makes it last. When something is refused, it is
/// missing or empty again.
pub(super) fn into_folder(
    container: &Container,
    manifest: &Manifest,
    folder: &Path,
    wanted: &dyn Fn(Kind) -> bool,
    progress: Progress<'_>,
) -> Result<(), Refusal> {
    let made = prepare(folder)?;
    let written = write_all(container, manifest, folder, wanted, progress);
    if written.is_err() {
        // What cannot be removed stays; why nothing was unpacked matters more.
        drop(clear(folder));
        if made {
            drop(fs::remove_dir(folder));
        }
    }
    written
}

/// Unpacks everything to nowhere.
pub(super) fn check_parts(container: &Container, manifest: &Manifest, progress: Progress<'_>) -> Result<(), Refusal> {
    let (mut done, total) = (0, manifest.size());
    for (entry, section) in container.parts(manifest)? {
        part(entry, section, &mut io::sink(), Path::new(&entry.path), &mut |bytes| {
            done += bytes;
            progress(done, total);
        })?;
    }
    Ok(())
}

fn write_all(
    container: &Container,
    manifest: &Manifest,
    folder: &Path,
    wanted: &dyn Fn(Kind) -> bool,
    progress: Progress<'_>,
) -> Result<(), Refusal> {
    let wanted = |entry: &Entry| entry.kind().is_some_and(wanted);
    let total = manifest.files.iter().filter(|file| wanted(file)).map(|file| file.size).sum();
    let mut done = 0;
    let mut made = BTreeSet::from([folder.to_owned()]);
    for (entry, section) in container.parts(manifest)?.filter(|(entry, _)| wanted(entry)) {
        for inner in folders(&entry.path).map(|inner| folder.join(inner)) {
            if !made.contains(&inner) {
                make_folder(&inner)?;
                made.insert(inner);
            }
        }
        let path = folder.join(&entry.path);
        let write = Refusal::io("write", &path);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(&write)?;
        part(entry, section, &mut file, &path, &mut |bytes| {
            done += bytes;
            progress(done, total);
        })?;
        let mode = if entry.kind() == Some(Kind::Daemon) { 0o755 } else { 0o644 };
        file.set_permissions(Permissions::from_mode(mode)).and_then(|()| file.sync_all()).map_err(&write)?;
    }
    // Inner folders first, then the one that holds the folder's own name.
    made.iter().rev().map(PathBuf::as_path).chain(parent(folder)).try_for_each(|folder| {
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(Refusal::io("sync", folder))
    })
}

/// Unpacks one part to `out`, which is called `name` where it fails.
fn part(
    entry: &Entry,
    section: Section<'_>,
    out: &mut dyn Write,
    name: &Path,
    step: &mut dyn FnMut(u64),
) -> Result<(), Refusal> {
    let broken = |e: io::Error| match e.raw_os_error() {
        Some(_) => Refusal::io("read the package for", name)(e),
        None => Refusal::Frame { path: entry.path.clone(), why: e.to_string() },
    };
    let mut decoder = Decoder::with_buffer(BufReader::with_capacity(STEP, section)).map_err(broken)?.single_frame();
    decoder.window_log_max(WINDOW).map_err(broken)?;
    let mut meter = Meter::new(entry);
    let mut buffer = vec![0; STEP];
    loop {
        let n = decoder.read(&mut buffer).map_err(broken)?;
        if n == 0 {
            break;
        }
        meter.take(&buffer[..n])?;
        out.write_all(&buffer[..n]).map_err(Refusal::io("write", name))?;
        step(n as u64);
    }
    meter.finish()?;
    let rest = decoder.finish();
    match rest.buffer().len() as u64 + rest.get_ref().left() {
        0 => Ok(()),
        left => Err(Refusal::Behind { path: entry.path.clone(), left }),
    }
}

/// Holds the bytes of a file against its entry.
struct Meter<'a> {
    entry: &'a Entry,
    seen: u64,
    sum: Sha256,
}

impl<'a> Meter<'a> {
    fn new(entry: &'a Entry) -> Self {
        Self { entry, seen: 0, sum: Sha256::new() }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.seen += bytes.len() as u64;
        if self.seen > self.entry.size {
            return Err(Refusal::Longer { path: self.entry.path.clone(), size: self.entry.size });
        }
        self.sum.update(bytes);
        Ok(())
    }

    fn finish(self) -> Result<(), Refusal> {
        let (path, size, expected) = (self.entry.path.clone(), self.entry.size, self.entry.sha256);
        if self.seen < size {
            return Err(Refusal::Shorter { path, found: self.seen, size });
        }
        let found = Digest(self.sum.finalize().into());
        if found == expected { Ok(()) } else { Err(Refusal::Sum { path, found, expected }) }
    }
}

/// Makes the folder, or finds it empty. Returns whether it was made.
fn prepare(folder: &Path) -> Result<bool, Refusal> {
    match fs::symlink_metadata(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => make_folder(folder).map(|()| true),
        Err(e) => Err(Refusal::io("use", folder)(e)),
        Ok(there) if !there.is_dir() => Err(Refusal::NotEmpty(folder.to_owned())),
        Ok(_) => match fs::read_dir(folder).map_err(Refusal::io("list", folder))?.next() {
            None => Ok(false),
            Some(_) => Err(Refusal::NotEmpty(folder.to_owned())),
        },
    }
}

fn make_folder(folder: &Path) -> Result<(), Refusal> {
    let readable = || fs::set_permissions(folder, Permissions::from_mode(0o755));
    DirBuilder::new().create(folder).and_then(|()| readable()).map_err(Refusal::io("make the folder", folder))
}

fn parent(folder: &Path) -> Option<&Path> {
    let parent = folder.parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
    }
    Ok(())
}
