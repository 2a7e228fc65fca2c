//! Writes files that other programs read: whole or not at all, also when the power goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// Makes `path` hold `text` with these permissions, or removes it for `None`. Whether anything had to be done.
///
/// # Errors
/// What the system says; the file then is as it was.
pub fn keep(path: &Path, text: Option<&str>, mode: u32) -> io::Result<bool> {
    let folder = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let Some(text) = text else {
        return match fs::remove_file(path) {
            Ok(()) => sync(folder).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        };
    };
    if fs::read(path).is_ok_and(|old| old == text.as_bytes())
        && fs::metadata(path).is_ok_and(|old| old.permissions().mode() & 0o7777 == mode)
    {
        return Ok(false);
    }
    fs::create_dir_all(folder)?;
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = Path::new(&fresh);
    // Left by a power cut; it may have other permissions.
    let _ = fs::remove_file(fresh);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(fresh)?;
    // `mode` above passes the umask, this does not.
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(fresh, path)?;
    sync(folder)?;
    Ok(true)
}

/// Opens a plain file for reading; a link, a device or a pipe in its place is an error, and nothing is waited for.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for what is no plain file; what the system says.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let refused = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::LOOP) => return Err(refused("it is a link")),
        opened => File::from(opened?),
    };
    if !file.metadata()?.is_file() {
        return Err(refused("it is no plain file"));
    }
    Ok(file)
}

/// Free bytes and all bytes of the disk a folder is on.
///
/// # Errors
/// What the system says.
pub fn room(folder: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Ok((bytes(stat.f_bavail), bytes(stat.f_blocks)))
}

/// What is kept free on large disks.
const RESERVE: u64 = 64 << 20;
/// And on small ones, of all there is: one part of so many.
const PART: u64 = 50;

/// How much is kept free on a disk of so many bytes, whatever is written: the store goes on with it.
#[must_use]
pub const fn reserve(all: u64) -> u64 {
    let part = all / PART;
    if part < RESERVE { part } else { RESERVE }
}

/// Free bytes of the disk a folder is on, less the reserve.
///
/// # Errors
/// What the system says.
pub fn spare(folder: &Path) -> io::Result<u64> {
    let (free, all) = room(folder)?;
    Ok(free.saturating_sub(reserve(all)))
}

/// Bytes of all files below a folder, as far as they can be looked at.
#[must_use]
pub fn length(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let lengths = entries.map(|entry| match entry.metadata() {
        Ok(what) if what.is_dir() => length(&entry.path()),
        Ok(what) => what.len(),
        Err(_) => 0,
    });
    lengths.sum()
}

/// A new name is on the disk only when its folder is.
///
/// # Errors
/// What the system says.
pub fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_whole_with_their_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.conf");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        assert!(keep(&path, Some("one\n"), 0o600).unwrap());
        assert_eq!((fs::read_to_string(&path).unwrap(), mode()), ("one\n".into(), 0o600));
        assert!(!keep(&path, Some("one\n"), 0o600).unwrap(), "nothing to do");
        assert!(keep(&path, Some("one\n"), 0o644).unwrap(), "other permissions");
        fs::write(folder.path().join("a/b.conf.new"), "half").unwrap();
        assert!(keep(&path, Some("two\n"), 0o644).unwrap());
        assert_eq!((fs::read_to_string(&path).unwrap(), mode()), ("two\n".into(), 0o644));
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1, "nothing is left beside it");
        assert!(keep(&path, None, 0o644).unwrap() && !path.exists());
        assert!(!keep(&path, None, 0o644).unwrap());
    }
}
