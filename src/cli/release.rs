//! `facegate release`: starting releases, counting how they end, and looking after them by hand.

use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use facegate::board::{Board, Essentials};
use facegate::hal::linux::process;
use facegate::package::{self, Keys};
use facegate::release::ended::{Ending, ended};
use facegate::release::install::{Order, install};
use facegate::release::launch::Launcher;
use facegate::release::system::{Places, apply};
use facegate::release::trial::Function;
use facegate::release::{self, Contents, Problem, Releases, Running, Slot};
use facegate::upgrade::installer::expect;

use crate::Failure;

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start the release that is chosen: this process becomes its daemon. For whoever supervises the terminal.
    Start {
        /// Board profile.
        #[arg(long, value_name = "FILE")]
        board: PathBuf,
        /// Further options of `facegate run`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
        options: Vec<OsString>,
    },
    /// Count how the daemon ended, as SERVICE_RESULT, EXIT_CODE and EXIT_STATUS say: a release on trial that ends by
    /// itself too often is given up.
    Ended {
        #[command(flatten)]
        which: Which,
    },
    /// Show which releases there are.
    Status {
        #[command(flatten)]
        which: Which,
    },
    /// Install a package from a file, as an upgrade over the API would; it is used from the next start on.
    Install {
        /// The package.
        file: PathBuf,
        #[command(flatten)]
        which: Which,
        /// What does not work on this terminal and so need not work with the new release: camera, models, people, api,
        /// inputs, lock.
        #[arg(long, value_name = "FUNCTION", value_parser = function)]
        without: Vec<Function>,
    },
    /// Go back to the release before; it is used from the next start on.
    Rollback {
        #[command(flatten)]
        which: Which,
    },
    /// Write units and keys of a package where only root can. Run as root; the package is verified anew.
    System {
        /// The package.
        package: PathBuf,
        /// Board profile.
        #[arg(long, value_name = "FILE")]
        board: PathBuf,
        /// Folder of units.
        #[arg(long, value_name = "DIR", default_value = "/etc/systemd/system")]
        units: PathBuf,
        /// Folder of keys, instead of the profile's.
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        /// Folder for what is needed meanwhile.
        #[arg(long, value_name = "DIR", default_value = "/var/tmp")]
        workshop: PathBuf,
        /// Remove the package afterwards, applied or refused; it stays where the disk is to blame.
        #[arg(long)]
        remove: bool,
    },
}

/// Which terminal's releases.
#[derive(Debug, Args)]
pub struct Which {
    /// Board profile.
    #[arg(long, value_name = "FILE")]
    board: PathBuf,
    /// Folder of all data, instead of the profile's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Which {
    /// The releases, and how often one may end.
    fn releases(&self) -> Result<(Releases, u32), Failure> {
        let Essentials { data, attempts, .. } = Essentials::of(&self.board);
        let data = self.data.clone().or(data);
        let data = data.ok_or_else(|| format!("{}: storage.data: is missing", self.board.display()))?;
        Ok((Releases::of(&data), attempts))
    }

    /// The same, to change them.
    fn own_releases(&self) -> Result<(Releases, u32), Failure> {
        let (releases, attempts) = self.releases()?;
        if is_another_user_s(releases.data()) {
            return Err(format!(
                "{}: is not root's, and what root writes there the terminal could not change; run this as its user: \
                 runuser -u facegate -- facegate release ...",
                releases.data().display()
            )
            .into());
        }
        Ok((releases, attempts))
    }
}

/// Whether this is root and the terminal of `data` is not: root neither writes there nor runs what lies there.
fn is_another_user_s(data: &Path) -> bool {
    process::is_root() && std::fs::metadata(data).is_ok_and(|folder| folder.uid() != 0)
}

fn function(text: &str) -> Result<Function, String> {
    let function = serde_json::from_value(text.into()).unwrap_or(Function::Unknown);
    if function == Function::Unknown {
        Err("should be camera, models, people, api, inputs or lock".into())
    } else {
        Ok(function)
    }
}

pub fn perform(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Start { board, options } => start(&board, &options),
        Verb::Ended { which } => {
            let (releases, attempts) = which.own_releases()?;
            println!("{}", ended(&releases, attempts, &Ending::from_environment())?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::Status { which } => status(&which.releases()?.0),
        Verb::Install { file, which, without } => install_file(&file, &which, &without),
        Verb::Rollback { which } => {
            println!("{} is started next", which.own_releases()?.0.go_back()?);
            Ok(ExitCode::SUCCESS)
        }
        Verb::System { package, board, units, keys, workshop, remove } => {
            let essentials = Essentials::of(&board);
            let name = essentials.name.ok_or_else(|| format!("{}: name: is missing", board.display()))?;
            let places = Places { units, keys: keys.unwrap_or(essentials.keys), workshop };
            let applied = apply(&package, &name, &places);
            if remove && !applied.as_ref().is_err_and(Problem::may_pass) {
                std::fs::remove_file(&package).map_err(|e| format!("{}: {e}", package.display()))?;
            }
            let applied = applied?;
            applied.written.iter().for_each(|file| println!("{}", file.display()));
            match applied.version {
                Some(version) => println!("{} files of version {version} written", applied.written.len()),
                None => println!("nothing to do: it was applied before"),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Becomes the daemon of the release that is chosen.
fn start(board: &Path, options: &[OsString]) -> Result<ExitCode, Failure> {
    let essentials = Essentials::of(board);
    let mut arguments: Vec<OsString> = vec!["run".into(), "--board".into(), board.into()];
    arguments.extend(options.iter().cloned());
    let Some(data) = given_data(options).or(essentials.data) else {
        // The daemon says what is wrong with the profile.
        let own = std::env::current_exe()?;
        let folder = own.parent().unwrap_or(&own);
        return Err(process::become_program(&own, &arguments, (release::VARIABLE, folder)).into());
    };
    if is_another_user_s(&data) {
        return Err(format!("{}: is not root's, and root does not run what lies there", data.display()).into());
    }
    let launcher = Launcher::new(Releases::of(&data), essentials.attempts)?;
    // As often as there are releases.
    for _ in Slot::ALL {
        let choice = launcher.choose();
        tracing::info!(slot = %choice.slot, daemon = %choice.daemon.display(), "starting");
        let error = process::become_program(&choice.daemon, &arguments, (release::VARIABLE, &choice.folder));
        if choice.slot == Slot::Factory {
            return Err(format!("{}: {error}", choice.daemon.display()).into());
        }
        launcher.cannot_start(choice.slot, &error.to_string());
    }
    Err("no release can be started".into())
}

/// Becomes the daemon of the release that is chosen, for another verb; returns only if that is this one, or cannot be.
pub fn leave_to_chosen(verb: &str, board: &Path, data: Option<&Path>) -> Option<std::io::Error> {
    if std::env::var_os(release::VARIABLE).is_some() {
        return None;
    }
    let releases = Releases::of(&data.map(Path::to_owned).or(Essentials::of(board).data)?);
    if is_another_user_s(releases.data()) {
        return None;
    }
    let folder = releases.slot(releases.load().ok()?.chosen)?;
    let mut arguments: Vec<OsString> = vec![verb.into(), "--board".into(), board.into()];
    arguments.extend(data.iter().flat_map(|data| ["--data".into(), data.into()]));
    Some(process::become_program(&folder.join(package::DAEMON), &arguments, (release::VARIABLE, &folder)))
}

/// The folder that the daemon's own option names. What else newer daemons understand is theirs.
fn given_data(options: &[OsString]) -> Option<PathBuf> {
    let at = options.iter().position(|option| option == "--data");
    let next = at.and_then(|at| options.get(at + 1)).map(PathBuf::from);
    let joined = || options.iter().find_map(|option| option.to_str()?.strip_prefix("--data=").map(PathBuf::from));
    next.or_else(joined)
}

fn status(releases: &Releases) -> Result<ExitCode, Failure> {
    let state = releases.load()?;
    println!("{:8} {:14} {:8} ", "release", "version", "");
    for slot in Slot::ALL {
        let (version, sound) = match releases.slot(slot) {
            None => (release::own_version().to_string(), String::new()),
            Some(folder) => match Contents::read(&folder) {
                Ok(contents) => {
                    let sound = contents.check(&folder).err().map(|problem| problem.to_string());
                    (contents.version.to_string(), sound.unwrap_or_default())
                }
                Err(_) => ("-".to_owned(), String::new()),
            },
        };
        let role = match &state.trial {
            Some(trial) if slot == state.chosen => format!("on trial, {} starts ended", trial.ended),
            _ if slot == state.chosen => "in use".to_owned(),
            _ if slot == state.previous => "before".to_owned(),
            _ => String::new(),
        };
        println!("{:8} {version:14} {role:8} {sound}", slot.to_string());
    }
    if let Some(why) = state.trial.and_then(|trial| trial.why) {
        println!("the last start on trial ended: {why}");
    }
    if let Some(news) = state.news {
        let version = news.version.map_or_else(String::new, |version| format!(" {version}"));
        println!("last: {}{version}: {}", news.what, news.why);
    }
    Ok(ExitCode::SUCCESS)
}

fn install_file(file: &Path, which: &Which, without: &[Function]) -> Result<ExitCode, Failure> {
    let board = Board::load(&which.board)?;
    let (releases, _) = which.own_releases()?;
    let running = in_use(&releases)?;
    let keys = Keys::load(&board.upgrade.keys)?;
    let verified = package::verify(file, &keys, &expect(&board.name, &running, &releases))?;
    let healthy: Vec<_> = Function::ALL.into_iter().filter(|function| !without.contains(function)).collect();
    let order = Order { package: &verified, file, running: &running, healthy: &healthy };
    let slot = install(&order, &releases, &mut |_, _| {})?;
    println!("version {} is in slot {slot}: it is started next", verified.manifest().version);
    Ok(ExitCode::SUCCESS)
}

/// The release that is chosen, as if this process were of it.
fn in_use(releases: &Releases) -> Result<Running, Failure> {
    let slot = releases.load()?.chosen;
    let Some(folder) = releases.slot(slot) else { return Ok(Running::default()) };
    Ok(Running { version: Contents::read(&folder)?.version, folder: Some(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_folder_is_found_among_what_is_not_known() {
        for (options, data) in [
            (&[][..], None),
            (&["--listen", "1.2.3.4:80", "--data", "/d", "--new"], Some("/d")),
            (&["--data=/d"], Some("/d")),
            (&["--data"], None),
        ] {
            let options: Vec<OsString> = options.iter().map(OsString::from).collect();
            assert_eq!(given_data(&options), data.map(PathBuf::from), "{options:?}");
        }
    }
}
