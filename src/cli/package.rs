//! `facegate package`: packages are made, signed and looked at on a desk.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use facegate::backup;
use facegate::package::{self, Expect, Inspected, Keys, Manifest, RELEASE, Recipe, SigningKey};
use facegate::release::system;
use facegate::upgrade::Limits;
use semver::Version;

use crate::{Failure, print};

/// What is done with packages.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a pair of keys: NAME.pub for the terminals, NAME.key to sign with. minisign can use both.
    Keygen {
        /// NAME, with its folder.
        #[arg(long, value_name = "NAME")]
        out: PathBuf,
        /// File whose first line is the passphrase that seals the secret key; else it has none.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Make a package of a folder with `facegate`, `models/`, `units/` and `keys/`. It is not signed yet.
    Build(BuildArgs),
    /// Sign a package in place, after all of it was checked.
    Sign {
        /// The package.
        file: PathBuf,
        /// The secret key.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// File whose first line is the passphrase of the key, if it has one; else it is asked for, or read from a pipe.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Show what a package says of itself. Nothing of it is verified.
    Inspect {
        /// The package.
        file: PathBuf,
    },
    /// Verify a package as a terminal does, all its files included.
    Verify {
        /// The package.
        file: PathBuf,
        /// Folder of the trusted keys.
        #[arg(long, value_name = "DIR")]
        keys: PathBuf,
        /// Name of the board it should be for.
        #[arg(long, value_name = "NAME")]
        board: Option<String>,
        /// Version it should go over.
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
    },
}

/// What a package is made of.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The folder.
    folder: PathBuf,
    /// The package.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Its version.
    #[arg(long, value_name = "VERSION")]
    version: Version,
    /// Name of a board it is for, as the profile has it; once for each. A pack of models for none is for any.
    #[arg(long = "board", value_name = "NAME")]
    boards: Vec<String>,
    /// The least version it may be installed over.
    #[arg(long, value_name = "VERSION")]
    minimum: Option<Version>,
    /// Let it be installed over the same and over newer versions.
    #[arg(long)]
    downgrade: bool,
    /// What its daemon is built for, as Rust names it: aarch64-unknown-linux-gnu.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// Its name: that of a release, or of a pack of models.
    #[arg(long, default_value = RELEASE)]
    name: String,
    /// The layout of data it writes once it is confirmed, where its daemon is of another version than this program.
    #[arg(long, value_name = "N", default_value_t = facegate::store::FORMAT)]
    data_format: u32,
}

/// Does what is asked.
pub fn perform(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Keygen { out, passphrase_file } => {
            let passphrase = passphrase_file.as_deref().map(passphrase_of).transpose()?;
            let id = package::keygen(&out, passphrase)?;
            print(&format!("key {id}: {0}.pub belongs on the terminals, {0}.key stays with you\n", out.display()))
        }
        Verb::Build(args) => {
            let recipe = Recipe {
                name: args.name,
                version: args.version,
                minimum: args.minimum,
                boards: args.boards,
                target: args.target,
                downgrade: args.downgrade,
                data_format: args.data_format,
            };
            let manifest = with_progress("packed", |told| package::build(&args.folder, &recipe, &args.out, told))?;
            for file in manifest.files.iter().filter(|file| !system::is_accepted(file)) {
                eprintln!("{}: no terminal takes that, nor the other units and keys beside it", file.path);
            }
            let (packed, most) = (manifest.files.iter().map(|file| file.packed).sum::<u64>(), Limits::default().bytes);
            if packed > most {
                eprintln!(
                    "it is larger than the {most} bytes a terminal fetches: it can be installed from a stick alone"
                );
            }
            print(&format!("{}: {}, not signed yet\n", args.out.display(), summary(&manifest)))
        }
        Verb::Sign { file, key, passphrase_file } => {
            let key = SigningKey::load(&key, &mut || match &passphrase_file {
                Some(file) => passphrase_of(file).map_err(io::Error::other),
                None if io::stdin().is_terminal() => rpassword::prompt_password("Passphrase of the key: "),
                None => backup::passphrase_from(io::stdin()).map_err(io::Error::other),
            })?;
            let manifest = with_progress("checked", |told| package::sign(&file, &key, told))?;
            print(&format!("{}: {}, signed with key {}\n", file.display(), summary(&manifest), key.id()))
        }
        Verb::Inspect { file } => print(&table(&file, &package::inspect(&file)?)),
        Verb::Verify { file, keys, board, version } => {
            let expect = Expect { board, installed: version, ..Expect::default() };
            let verified = package::verify(&file, &Keys::load(&keys)?, &expect)?;
            with_progress("checked", |told| verified.check_parts(told))?;
            let (what, signer) = (summary(verified.manifest()), verified.signer());
            print(&format!("{}: {what}, signed with key {signer}: good\n", file.display()))
        }
    }
}

fn passphrase_of(file: &Path) -> Result<String, String> {
    let wrong = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let open = std::fs::File::open(file).map_err(|e| wrong(&e))?;
    backup::passphrase_from(open).map_err(|e| wrong(&e))
}

fn summary(manifest: &Manifest) -> String {
    let boards = if manifest.boards.is_empty() { "any board".to_owned() } else { manifest.boards.join(", ") };
    format!("{} {} for {boards}, {} files", manifest.name, manifest.version, manifest.files.len())
}

fn table(file: &Path, seen: &Inspected) -> String {
    let manifest = &seen.manifest;
    let or = |value: Option<String>, none: &str| value.unwrap_or_else(|| none.to_owned());
    let signature = match &seen.signature {
        Ok((id, comment)) => format!("says it is by key {id}, {comment:?}"),
        Err(why) => why.to_string(),
    };
    let mut text = format!("{}: NOT VERIFIED, as it says of itself:\n\n", file.display());
    for (name, value) in [
        ("name", manifest.name.clone()),
        ("version", manifest.version.to_string()),
        ("goes over", or(manifest.minimum.as_ref().map(|v| format!("{v} and newer")), "any version")),
        ("downgrade", if manifest.downgrade { "yes, over newer ones too" } else { "no" }.to_owned()),
        ("boards", if manifest.boards.is_empty() { "any".to_owned() } else { manifest.boards.join(", ") }),
        ("target", or(manifest.target.clone(), "none")),
        ("data layout", manifest.data_format.to_string()),
        ("signature", signature),
    ] {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name:<12} {value}");
    }
    let _ = writeln!(text, "\n{:>12} {:>12}  {:<12}  path", "bytes", "packed", "sha256");
    for file in &manifest.files {
        let sum = file.sha256.to_string();
        let _ = writeln!(text, "{:>12} {:>12}  {:<12}  {}", file.size, file.packed, &sum[..12], file.path);
    }
    let packed: u64 = manifest.files.iter().map(|file| file.packed).sum();
    let _ = writeln!(text, "{:>12} {packed:>12}  {} files", manifest.size(), manifest.files.len());
    text
}

/// Runs `work`; somebody at a terminal sees how far it is.
fn with_progress<T, E>(done: &str, work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, E>) -> Result<T, E> {
    let watched = io::stderr().is_terminal();
    let mut last = None;
    let result = work(&mut |bytes, total| {
        let percent = (bytes * 100).checked_div(total).unwrap_or(100);
        if watched && last != Some(percent) {
            last = Some(percent);
            eprint!("\r{done} {percent:>3} %");
            // Who cannot be told is not told.
            drop(io::stderr().flush());
        }
    });
    if last.is_some() {
        eprintln!();
    }
    result
}
