//! A package as an open file. All is read through one descriptor, at places of its own choosing, so what was verified is
//! what is unpacked even where the name leads to another file by then.

use std::fs::{self, File};
use std::io::{self, Chain, Cursor, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::head::{BLOCK, HEAD, Head, MANIFEST_AT};
use super::manifest::{Entry, Manifest};
use super::refusal::Refusal;

/// An open package. Only its head was looked at.
#[derive(Debug)]
pub(super) struct Container {
    file: File,
    path: PathBuf,
    head: Head,
    block: [u8; BLOCK],
    manifest: Vec<u8>,
}

impl Container {
    /// Opens a package, and reads what stands before its parts.
    pub(super) fn open(path: &Path) -> Result<Self, Refusal> {
        let read = Refusal::io("read", path);
        // Asked before it is opened: opening a pipe would wait for who writes into it.
        if !fs::metadata(path).map_err(&read)?.is_file() {
            return Err(Refusal::NotAPackage);
        }
        let file = File::open(path).map_err(&read)?;
        let length = file.metadata().map_err(&read)?.len();
        let mut start = Vec::with_capacity(HEAD + BLOCK);
        Section::new(&file, 0, MANIFEST_AT).read_to_end(&mut start).map_err(&read)?;
        let head = Head::decode(&start, length)?;
        let mut block = [0; BLOCK];
        block.copy_from_slice(&start[HEAD..]);
        let mut manifest = vec![0; head.manifest as usize];
        file.read_exact_at(&mut manifest, MANIFEST_AT).map_err(&read)?;
        Ok(Self { file, path: path.to_owned(), head, block, manifest })
    }

    /// The block with the signature.
    pub(super) fn block(&self) -> &[u8; BLOCK] {
        &self.block
    }

    /// The manifest's text: the very bytes that [`Container::signed`] gives.
    pub(super) fn manifest(&self) -> &[u8] {
        &self.manifest
    }

    /// What the signature is made of: all but the signature.
    pub(super) fn signed(&self) -> Signed<'_> {
        let parts = Section::new(&self.file, self.parts_at(), self.head.parts);
        Signed(Cursor::new(self.head.encode()).chain(self.manifest.as_slice()).chain(parts))
    }

    /// Checks that the parts of a manifest are exactly those there are.
    pub(super) fn check_length(&self, manifest: &Manifest) -> Result<(), Refusal> {
        let expected = manifest.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.packed));
        match expected == self.head.parts {
            true => Ok(()),
            false => Err(Refusal::Parts { found: self.head.parts, expected }),
        }
    }

    /// Each file with its part.
    pub(super) fn parts<'a>(
        &'a self,
        manifest: &'a Manifest,
    ) -> Result<impl Iterator<Item = (&'a Entry, Section<'a>)>, Refusal> {
        self.check_length(manifest)?;
        Ok(manifest.files.iter().scan(self.parts_at(), |at, file| {
            let section = Section::new(&self.file, *at, file.packed);
            *at += file.packed;
            Some((file, section))
        }))
    }

    /// For `map_err` around reading.
    pub(super) fn unreadable(&self, error: io::Error) -> Refusal {
        Refusal::io("read", &self.path)(error)
    }

    fn parts_at(&self) -> u64 {
        MANIFEST_AT + u64::from(self.head.manifest)
    }
}

/// A stretch of a file, read from its start.
#[derive(Debug)]
pub(super) struct Section<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl<'a> Section<'a> {
    fn new(file: &'a File, at: u64, left: u64) -> Self {
        Self { file, at, left }
    }

    /// Bytes that were not read yet.
    pub(super) fn left(&self) -> u64 {
        self.left
    }
}

impl Read for Section<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        let read = self.file.read_at(&mut into[..most], self.at)?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// What a signature is made of, as a stream.
pub(super) struct Signed<'a>(Chain<Chain<Cursor<[u8; HEAD]>, &'a [u8]>, Section<'a>>);

impl Read for Signed<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

/// minisign asks for it, to print what was verified; nobody here wants that.
impl Seek for Signed<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
