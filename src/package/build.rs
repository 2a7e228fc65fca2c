//! A folder becomes a package. The same files give the same bytes: paths are sorted, the level is fixed, and neither times
//! nor owners are kept.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use semver::Version;
use sha2::{Digest as _, Sha256};
use zstd::stream::write::Encoder;

use super::head::{BLOCK, Head};
use super::manifest::{DAEMON, Digest, Entry, Manifest, kind};
use super::refusal::Refusal;

/// How hard files are compressed. What a board needs to unpack them is a window of at most 8 MiB.
const LEVEL: i32 = 19;
/// Bytes read at a time.
const STEP: usize = 256 << 10;

/// Why there is no package, no signature or no key.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Terminals would refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something that is neither file nor folder.
    #[error("{}: is a {what}, and a package holds plain files alone", .path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The daemon is for another processor than the target.
    #[error("{}: is built for {found}; --target says {target}: name the one it is built for, or pack another", .path.display())]
    OtherTarget {
        /// The daemon.
        path: PathBuf,
        /// What it says of itself.
        found: &'static str,
        /// What was said of it.
        target: String,
    },
    /// The secret key's trouble.
    #[error("{}: {why}", .file.display())]
    Key {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The disk's trouble.
    #[error("{}: cannot {doing}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl Problem {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, path: path.to_owned(), source }
    }
}

/// What a package says of itself, beside its files.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// [`super::RELEASE`], or the name of a pack of models.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// The least version it may be installed over.
    pub minimum: Option<Version>,
    /// The boards it is for.
    pub boards: Vec<String>,
    /// The target of its daemon.
    pub target: Option<String>,
    /// It may be installed over newer versions.
    pub downgrade: bool,
    /// The layout of data it writes.
    pub data_format: u32,
}

/// Makes the package `out`, unsigned, of all files below `folder`; whole or not at all. `progress` is told how much is done,
/// of how much: bytes, unpacked.
///
/// # Errors
/// [`Problem`]; a file that was there before is as it was.
pub fn build(
    folder: &Path,
    recipe: &Recipe,
    out: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, Problem> {
    let (parts, whole) = (beside(out, "parts"), beside(out, "part"));
    let made = pack(folder, recipe, &parts, progress).and_then(|manifest| {
        join(&manifest, &parts, &whole)?;
        fs::rename(&whole, out).map_err(Problem::io("write", out))?;
        Ok(manifest)
    });
    for file in [&parts, &whole] {
        drop(fs::remove_file(file));
    }
    made
}

/// Compresses all files, one behind the other, into `parts`.
fn pack(folder: &Path, recipe: &Recipe, parts: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Manifest, Problem> {
    let mut found = Vec::new();
    walk(folder, "", &mut found)?;
    found.sort();
    let total = found.iter().map(|(_, size)| size).sum();
    let recipe = recipe.clone();
    let mut manifest = Manifest {
        name: recipe.name,
        version: recipe.version,
        minimum: recipe.minimum,
        boards: recipe.boards,
        target: recipe.target,
        downgrade: recipe.downgrade,
        data_format: recipe.data_format,
        files: found.into_iter().map(|(path, size)| Entry { path, size, packed: 0, sha256: Digest([0; 32]) }).collect(),
    };
    // Before minutes of work.
    manifest.check()?;
    if let Some(target) = &manifest.target {
        check_daemon(&folder.join(DAEMON), target)?;
    }
    let mut out = BufWriter::new(File::create(parts).map_err(Problem::io("write", parts))?);
    let mut done = 0;
    for entry in &mut manifest.files {
        let path = folder.join(&entry.path);
        *entry = compress(&path, entry, &mut out, &mut |bytes| {
            done += bytes;
            progress(done, total);
        })
        .map_err(Problem::io("pack", &path))?;
    }
    out.flush().map_err(Problem::io("write", parts))?;
    Ok(manifest)
}

/// Whether a program that says which processor it is for is for the target's. Only some are known here.
fn check_daemon(daemon: &Path, target: &str) -> Result<(), Problem> {
    let mut head = [0; 20];
    let read = File::open(daemon).and_then(|mut file| file.read_exact(&mut head));
    // What is shorter, or begins otherwise, says nothing.
    if read.is_err() || !head.starts_with(b"\x7FELF") {
        return Ok(());
    }
    let found = u16::from_le_bytes([head[18], head[19]]);
    let known = [("aarch64", 183), ("arm", 40), ("x86_64", 62)];
    let found = known.into_iter().find(|(_, number)| *number == found).map(|(name, _)| name);
    let fits = |name: &str| target.starts_with(name);
    match found {
        Some(name) if fits(name) => Ok(()),
        None if !known.into_iter().any(|(name, _)| fits(name)) => Ok(()),
        _ => {
            let found = found.unwrap_or("another processor");
            Err(Problem::OtherTarget { path: daemon.to_owned(), found, target: target.to_owned() })
        }
    }
}

fn compress(path: &Path, entry: &Entry, out: &mut impl Write, step: &mut dyn FnMut(u64)) -> io::Result<Entry> {
    let mut file = File::open(path)?;
    let mut encoder = Encoder::new(Counter { out, written: 0 }, LEVEL)?;
    // A file that grows or shrinks meanwhile is found out by it.
    encoder.set_pledged_src_size(Some(entry.size))?;
    let (mut buffer, mut sum) = (vec![0; STEP], Sha256::new());
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sum.update(&buffer[..read]);
        encoder.write_all(&buffer[..read])?;
        step(read as u64);
    }
    let packed = encoder.finish()?.written;
    Ok(Entry { path: entry.path.clone(), size: entry.size, packed, sha256: Digest(sum.finalize().into()) })
}

/// Puts head, empty block, manifest and parts together.
fn join(manifest: &Manifest, parts: &Path, whole: &Path) -> Result<(), Problem> {
    let json = manifest.to_json()?;
    let mut parts = BufReader::new(File::open(parts).map_err(Problem::io("read", parts))?);
    let mut write = || -> io::Result<()> {
        let head = Head {
            manifest: u32::try_from(json.len()).map_err(io::Error::other)?,
            parts: parts.seek(io::SeekFrom::End(0))?,
        };
        parts.rewind()?;
        let mut file = File::create(whole)?;
        file.write_all(&head.encode())?;
        file.write_all(&[0; BLOCK])?;
        file.write_all(&json)?;
        io::copy(&mut parts, &mut file)?;
        file.sync_all()
    };
    write().map_err(Problem::io("write", whole))
}

/// Finds all files below `folder`, which stands at `prefix` in the package, with their lengths.
fn walk(folder: &Path, prefix: &str, found: &mut Vec<(String, u64)>) -> Result<(), Problem> {
    let list = Problem::io("list", folder);
    for entry in fs::read_dir(folder).map_err(&list)? {
        let entry = entry.map_err(&list)?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // Of the entry itself, not of what a link leads to.
        let there = entry.metadata().map_err(&list)?;
        if there.is_dir() {
            walk(&entry.path(), &format!("{path}/"), found)?;
        } else if there.is_file() {
            kind(&path).map_err(|why| Refusal::Path { path: path.clone(), why })?;
            found.push((path, there.len()));
        } else {
            let what = if there.is_symlink() { "link" } else { "device, pipe or socket" };
            return Err(Problem::NotAFile { path: entry.path(), what });
        }
    }
    Ok(())
}

fn beside(out: &Path, extension: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Counts what goes through it.
struct Counter<W> {
    out: W,
    written: u64,
}

impl<W: Write> Write for Counter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
