//! Arguments → board and options → `App` → wait for a signal.

mod cli;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use embedded_hal::digital::OutputPin;
use facegate::api::publish::{markdown, openapi, postman};
use facegate::app::{self, App, Options};
use facegate::board::{Board, Fail, PinDriver};
use facegate::clock::{Clock, SystemClock};
use facegate::models::{Origin, Sources};
use facegate::{backup, bench, control, vision};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The software of a face-recognition access terminal.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the terminal on a board.
    Run {
        /// Board profile.
        #[arg(long, value_name = "FILE")]
        board: PathBuf,
        #[command(flatten)]
        options: RunArgs,
    },
    /// Run the simulated terminal: the same daemon around pretend devices, with control routes below /sim/.
    Sim {
        #[command(flatten)]
        options: RunArgs,
    },
    /// Check board profiles: every problem, with file, key and value; then every device, one line each. The terminal
    /// has to be stopped: it holds its devices.
    Check {
        /// Board profiles.
        #[arg(long = "board", value_name = "FILE", required = true)]
        boards: Vec<PathBuf>,
        /// Only read the profiles: on another machine than the board.
        #[arg(long)]
        profile_only: bool,
    },
    /// Leave the door as its board's `relay.fail` says: for whoever supervises the terminal, after it ended in whatever
    /// way.
    Rest {
        /// Board profile.
        #[arg(long, value_name = "FILE")]
        board: PathBuf,
        /// Folder of all data, instead of the profile's.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Measure: milliseconds per stage, frame to decision and relay, search in large galleries.
    #[command(args_conflicts_with_subcommands = true)]
    Bench {
        #[command(subcommand)]
        what: Option<BenchVerb>,
        /// Folder of the model files, instead of FACEGATE_MODELS.
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
        /// Engine: auto, builtin, or the path of a TensorFlow Lite C library.
        #[arg(long, default_value = "auto")]
        engine: vision::EngineChoice,
        /// Folder of photos of one face each, for the stages that need one.
        #[arg(long, value_name = "DIR")]
        faces: Option<PathBuf>,
        /// Check liveness too.
        #[arg(long)]
        liveness: bool,
        /// Print JSON only.
        #[arg(long)]
        json: bool,
    },
    /// Write people, settings and sounds of a stopped terminal into one sealed file.
    Backup {
        #[command(flatten)]
        what: BackupArgs,
    },
    /// Put what a backup holds in the place of a stopped terminal's data; the old data stays beside it.
    Restore {
        #[command(flatten)]
        what: BackupArgs,
        /// Keep what makes this terminal itself: number, network, name, port and MQTT topic. The admin password is
        /// that of the backup all the same.
        #[arg(long)]
        clone: bool,
    },
    /// Print the API as OpenAPI 3.1.
    Openapi,
    /// Print the API as a page to read, in Markdown.
    Docs {
        /// Print a Postman collection instead.
        #[arg(long)]
        postman: bool,
    },
    /// Measure how well a model pack recognises people and attacks on given pictures; write a report.
    Evaluate(cli::evaluate::EvaluateArgs),
    /// Model packs.
    Models {
        #[command(subcommand)]
        verb: cli::models::ModelsVerb,
    },
    /// Packages of new software: make, sign, verify.
    Package {
        #[command(subcommand)]
        verb: cli::package::Verb,
    },
}

#[derive(Debug, Subcommand)]
enum BenchVerb {
    /// Measure the timing of the Wiegand lines instead: sends frames over them.
    Wiegand {
        /// Board profile.
        #[arg(long, value_name = "FILE")]
        board: PathBuf,
    },
}

#[derive(Debug, Args)]
struct BackupArgs {
    /// The backup.
    file: PathBuf,
    /// Folder of all data, instead of the profile's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Board profile, instead of the simulated board's.
    #[arg(long, value_name = "FILE")]
    board: Option<PathBuf>,
    /// File whose first line is the passphrase; else it is asked for, or read from a pipe.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Address of the API, instead of the profile's.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of all data, instead of the profile's.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Folder of the model files, instead of FACEGATE_MODELS or the profile's.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Engine, instead of the profile's: auto, builtin, or the path of a TensorFlow Lite C library.
    #[arg(long)]
    engine: Option<vision::EngineChoice>,
    /// Enrol the photos of a folder at start; the file name becomes the name.
    #[arg(long, value_name = "DIR")]
    people: Option<PathBuf>,
    /// Number of the terminal (1300001 in the simulator, else made at the first start).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    device_id: Option<u32>,
}

fn main() -> ExitCode {
    if let Some(missing) = missing_feature() {
        eprintln!(
            "facegate: this build needs a processor with {missing}; build it without -march and target-cpu in .cargo/config.toml"
        );
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sled=warn")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    match perform(cli.verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("facegate: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the engine was compiled for and this processor lacks.
fn missing_feature() -> Option<&'static str> {
    #[cfg(target_arch = "x86_64")]
    if !std::arch::is_x86_feature_detected!("avx2") {
        return Some("AVX2");
    }
    None
}

fn perform(verb: Verb) -> Result<ExitCode, Failure> {
    match verb {
        Verb::Run { board, options } => run(Board::load(&board)?, options),
        Verb::Sim { options } => run(Board::sim()?, options),
        Verb::Check { boards, profile_only } => check(&boards, profile_only),
        Verb::Rest { board, data } => rest(&Board::load(&board)?, data),
        Verb::Bench { what: Some(BenchVerb::Wiegand { board }), .. } => {
            let report = bench::wiegand::run(&Board::load(&board)?)?;
            eprintln!("{report}");
            println!("{}", report.to_json());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Bench { models, engine, faces, liveness, json, what: None } => {
            let report = bench::run(&bench::Options {
                models: Sources::here(models).choose().0,
                engine,
                faces: faces.or_else(|| folder_from("FACEGATE_FACES")),
                liveness,
            })?;
            if !json {
                eprintln!("{report}");
            }
            println!("{}", report.to_json());
            Ok(ExitCode::SUCCESS)
        }
        Verb::Backup { what } => {
            let passphrase = passphrase(what.passphrase_file.as_deref(), true)?;
            let totals = with_tools(&what, |tools| backup::backup(tools, &what.file, &passphrase))?;
            Ok(told("written", totals))
        }
        Verb::Restore { what, clone } => {
            let passphrase = passphrase(what.passphrase_file.as_deref(), false)?;
            let totals = with_tools(&what, |tools| backup::restore(tools, &what.file, &passphrase, clone))?;
            println!("the admin password is that of the backup");
            Ok(told("restored", totals))
        }
        Verb::Openapi => print(&openapi::text()),
        Verb::Docs { postman: false } => print(&markdown::page()),
        Verb::Docs { postman: true } => print(&postman::text()),
        Verb::Evaluate(args) => cli::evaluate::run(args),
        Verb::Models { verb } => cli::models::run(verb),
        Verb::Package { verb } => cli::package::perform(verb),
    }
}

/// Runs `work` on the data folder that is meant.
fn with_tools<T>(
    what: &BackupArgs,
    work: impl FnOnce(&mut backup::Tools<'_>) -> Result<T, backup::Problem>,
) -> Result<T, Failure> {
    let board = what.board.as_deref().map_or_else(Board::sim, Board::load)?;
    let data = what.data.as_ref().unwrap_or(&board.data);
    let mut tools = backup::Tools {
        data,
        limits: board.capacity.limits(),
        clock: Arc::new(SystemClock::default()),
        say: &mut |line| eprintln!("{line}"),
    };
    Ok(work(&mut tools)?)
}

fn told(done: &str, totals: backup::Totals) -> ExitCode {
    println!("{done}: {} people, {} photos, {} sounds", totals.people, totals.photos, totals.sounds);
    ExitCode::SUCCESS
}

/// The passphrase from a file, the terminal (`twice` where a slip would be found out too late) or a pipe.
fn passphrase(file: Option<&Path>, twice: bool) -> Result<String, Failure> {
    if let Some(file) = file {
        let file = std::fs::File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
        return Ok(backup::passphrase_from(file)?);
    }
    if !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return Ok(backup::passphrase_from(std::io::stdin())?);
    }
    let passphrase = rpassword::prompt_password("Passphrase of the backup: ")?;
    if twice && rpassword::prompt_password("Again: ")? != passphrase {
        return Err("the two passphrases differ".into());
    }
    Ok(passphrase)
}

/// Prints a text; who reads it may stop early, as `head` does.
fn print(text: &str) -> Result<ExitCode, Failure> {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn check(boards: &[PathBuf], profile_only: bool) -> Result<ExitCode, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let mut sound = true;
    for file in boards {
        match Board::load(file) {
            Ok(board) if profile_only || board.gpio == PinDriver::Sim => {
                println!("{}: {} is complete", file.display(), board.name);
            }
            Ok(mut board) => {
                choose_models(&mut board, None);
                let findings = board.check(&clock)?;
                findings.iter().for_each(|finding| println!("{finding}"));
                let failing = findings.iter().filter(|finding| finding.found.is_err()).count();
                println!("{}: {} devices of {}, {failing} do not work", file.display(), findings.len(), board.name);
                sound &= failing == 0;
            }
            Err(problems) => {
                println!("{problems}");
                sound = false;
            }
        }
    }
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Drives the relay into the state the profile wants without a terminal.
fn rest(board: &Board, data: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let Some(mut relay) = board.relay_alone()? else {
        println!("{} has no relay", board.name);
        return Ok(ExitCode::SUCCESS);
    };
    let file = data.as_ref().unwrap_or(&board.data).join(app::REST_FILE);
    // Without the file the terminal never ran: a contact that is open at rest is the default.
    let rest = std::fs::read_to_string(file).is_ok_and(|word| word.trim() == "closed");
    let fail = board.relay.as_ref().map_or(Fail::Secure, |relay| relay.fail);
    // A terminal that ends during a fire alarm must not lock the door.
    let fire = board.is_fire().unwrap_or_else(|error| {
        eprintln!("facegate: the fire alarm cannot be read: {}", facegate::error::reason(&error));
        false
    });
    let closed = if fire { !rest } else { control::left_closed(fail, rest) };
    let driven = if closed { relay.set_high() } else { relay.set_low() };
    driven.map_err(|error| format!("the relay is as the hardware left it: {}", facegate::error::reason(&error)))?;
    println!("the relay's contact is {}", if closed { "closed" } else { "open" });
    Ok(ExitCode::SUCCESS)
}

fn run(mut board: Board, args: RunArgs) -> Result<ExitCode, Failure> {
    if let Some(listen) = args.listen {
        board.listen = listen;
    }
    if let Some(data) = args.data {
        board.data = data;
    }
    let origin = choose_models(&mut board, args.models);
    tracing::info!(folder = %board.vision.models.display(), "face models: {origin}");
    if let Some(engine) = args.engine {
        board.vision.engine = engine;
    }
    let clock = Arc::new(SystemClock::default());
    let devices = board.open(clock.clone())?;
    let simulated = devices.sim.is_some();
    let app = App::start(board, devices, clock, Options { device_id: args.device_id, people: args.people })?;
    if simulated {
        println!("{}", app.welcome());
    }
    app.wait_for_signal();
    app.stop();
    Ok(ExitCode::SUCCESS)
}

/// Points the board to the folder of models that counts.
fn choose_models(board: &mut Board, argument: Option<PathBuf>) -> Origin {
    let sources = Sources {
        data: Some(board.data.clone()),
        profile: Some(board.vision.models.clone()),
        ..Sources::here(argument)
    };
    let (folder, origin) = sources.choose();
    if origin == Origin::Installed {
        // The profile's choice of a pack is among those of its own folder.
        "auto".clone_into(&mut board.vision.pack);
    }
    board.vision.models = folder;
    origin
}

fn folder_from(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}
