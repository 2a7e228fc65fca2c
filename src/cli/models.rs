//! `facegate models`.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use facegate::board::Board;
use facegate::clock::SystemClock;
use facegate::fetch::{Fetch, Link};
use facegate::models::{self, Sources};
use facegate::package::Keys;
use facegate::release::Releases;
use facegate::vision::{self, Pack};

use super::Failure;

/// How long a server may be silent.
const LONGEST: Duration = Duration::from_secs(60);
/// The most bytes a package may have, as for an upgrade.
const LARGEST: u64 = 256 << 20;

/// Its verbs.
#[derive(Debug, Subcommand)]
pub enum ModelsVerb {
    /// Verify the model files of a folder and say what each is.
    Check {
        /// The folder.
        dir: PathBuf,
    },
    /// Put a pack into a terminal's data folder; it counts from the next start on, and the one before stays.
    Install {
        /// A signed package (`.swx`) or its address (http, https); or the folder of a pack, which nobody has signed: at a
        /// desk.
        #[arg(value_name = "FILE|URL|DIR")]
        from: String,
        /// Id of the pack, where a folder holds several.
        #[arg(long, value_name = "ID")]
        pack: Option<String>,
        /// Folder of the keys whose packages are trusted, instead of the profile's.
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Say which models a terminal takes, and which others are installed.
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Go back to the pack that was installed before, or to the terminal's own where none was.
    Rollback {
        #[command(flatten)]
        place: Place,
    },
}

/// Which terminal.
#[derive(Debug, Args)]
pub struct Place {
    /// Folder of all data, instead of the profile's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Board profile, instead of the simulated board's.
    #[arg(long, value_name = "FILE")]
    board: Option<PathBuf>,
}

impl Place {
    fn board(&self) -> Result<Board, Failure> {
        let mut board = self.board.as_deref().map_or_else(Board::sim, Board::load)?;
        if let Some(data) = &self.data {
            board.data.clone_from(data);
        }
        Ok(board)
    }
}

/// Does it.
pub fn run(verb: ModelsVerb) -> Result<ExitCode, Failure> {
    match verb {
        ModelsVerb::Check { dir } => {
            let report = vision::check(&dir)?;
            println!("{report}");
            Ok(if report.complete.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
        ModelsVerb::Install { from, pack, keys, place } => {
            let board = place.board()?;
            let clock = Arc::new(SystemClock::default());
            let say = &mut |line: &str| eprintln!("{line}");
            let folder = Path::new(&from);
            let pack = if folder.is_dir() {
                models::install_folder(&board.data, folder, pack.as_deref(), clock, say)?
            } else {
                if !from.contains("://") && !folder.exists() {
                    return Err(format!("{from}: there is no such file or folder").into());
                }
                if place.board.is_none() {
                    return Err("a package is for a board or for any: name the terminal's profile with --board".into());
                }
                if pack.is_some() {
                    return Err("--pack chooses among the packs of a folder; a package holds one".into());
                }
                // Without a key nothing is fetched either.
                let keys = Keys::load(keys.as_deref().unwrap_or(&board.upgrade.keys))?;
                let fetched = from.contains("://").then(|| download(&from, &board.data)).transpose()?;
                let file = fetched.as_ref().map_or(folder, |fetched| fetched.path.as_path());
                models::install_package(&board.data, file, &keys, &board.name, clock, say)?
            };
            println!("installed: {}", pack.id);
            Ok(told(&pack))
        }
        ModelsVerb::List { place } => list(&place.board()?),
        ModelsVerb::Rollback { place } => {
            let board = place.board()?;
            let (own, _) = Sources { data: None, ..sources(&board) }.choose();
            let named = (board.vision.pack != "auto").then_some(board.vision.pack.as_str());
            let pack = models::rollback(&board.data, || Pack::locate(&own, named))?;
            println!("back to: {}", pack.id);
            Ok(told(&pack))
        }
    }
}

/// A file that goes when it is not needed any more.
struct Fetched {
    path: PathBuf,
}

impl Drop for Fetched {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Fetches a package into the data folder.
fn download(address: &str, data: &Path) -> Result<Fetched, Failure> {
    let link = Link::parse(address, address).map_err(|error| error.detail)?;
    std::fs::create_dir_all(data)?;
    let fetched = Fetched { path: data.join("models-download.swx") };
    let mut file = File::create(&fetched.path).map_err(|e| format!("{}: {e}", fetched.path.display()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fetch = Fetch::new(runtime.handle().clone(), LONGEST);
    runtime.block_on(async {
        let mut download = fetch.open(&link, address).await.map_err(|error| error.detail)?;
        if download.status() != 200 {
            return Err(format!("{address}: the server answers {}", download.status()).into());
        }
        let (mut done, mut told) = (0_u64, 0_u64);
        while let Some(bytes) = tokio::time::timeout(LONGEST, download.next())
            .await
            .map_err(|_| format!("{address}: nothing came for {} s", LONGEST.as_secs()))??
        {
            done += bytes.len() as u64;
            if done > LARGEST {
                return Err(format!("{address}: more than {} MiB", LARGEST >> 20).into());
            }
            file.write_all(&bytes)?;
            if done >> 22 > told {
                told = done >> 22;
                eprintln!("fetched {} of {} MiB", done >> 20, download.total().map_or(0, |total| total >> 20));
            }
        }
        Ok(fetched)
    })
}

/// What another pack means for the people there are.
fn told(pack: &Pack) -> ExitCode {
    println!("it counts from the next start on; people are then measured anew from their registered photos");
    if pack.liveness.is_none() {
        println!(
            "it cannot tell a living face from a picture: where LiveDetectType demands that, nobody passes by face"
        );
    }
    ExitCode::SUCCESS
}

/// Where the terminal takes models from, as its next start finds it: of the release that is chosen, too.
fn sources(board: &Board) -> Sources {
    let here = Sources::here(None);
    let releases = Releases::of(&board.data);
    let chosen = || Some(releases.slot(releases.load().ok()?.chosen)?.into_os_string());
    let release = here.release.clone().or_else(chosen);
    Sources { data: Some(board.data.clone()), profile: Some(board.vision.models.clone()), release, ..here }
}

fn list(board: &Board) -> Result<ExitCode, Failure> {
    let describe = |folder: &Path| match Pack::locate(folder, None) {
        Ok(pack) => format!("{} in {}", pack.id, folder.display()),
        Err(error) => error.detail.lines().next().unwrap_or_default().to_owned(),
    };
    let (folder, origin) = sources(board).choose();
    println!("next start  {} ({origin})", describe(&folder));
    if let Some(installed) = models::installed(&board.data) {
        println!("installed   {}", describe(&installed.folder));
        if let Some(previous) = installed.previous {
            println!("before it   {}", describe(&previous));
        }
    }
    Ok(ExitCode::SUCCESS)
}
