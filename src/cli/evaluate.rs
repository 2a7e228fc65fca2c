//! `facegate evaluate`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use facegate::clock::{Clock, SystemClock};
use facegate::evaluate::{self, Derived, Targets, Threshold};
use facegate::models::Sources;
use facegate::vision::EngineChoice;
use serde_json::json;

use super::Failure;

/// Its arguments.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// List of pictures: columns `file` (beside the list) and `identity`.
    #[arg(long, value_name = "FILE")]
    faces: PathBuf,
    /// Pictures of attacks: a folder a kind, or a list in it with the columns `file` and `label` (`real`: living people).
    #[arg(long, value_name = "DIR")]
    attacks: Option<PathBuf>,
    /// Folder of the model files, instead of FACEGATE_MODELS.
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Pack of that folder; without it the first complete one.
    #[arg(long, value_name = "ID")]
    pack: Option<String>,
    /// Engine: auto, builtin, or the path of a TensorFlow Lite C library.
    #[arg(long, default_value = "auto")]
    engine: EngineChoice,
    /// Folder the report is written into, with its pictures.
    #[arg(long, value_name = "DIR", default_value = "evaluation")]
    out: PathBuf,
    /// Print the figures as JSON instead of the report.
    #[arg(long)]
    json: bool,
    /// Print the `[similarity]` section of the pack that these pictures give, and the threshold of its `[liveness]`, instead
    /// of the report.
    #[arg(long)]
    derive: bool,
    /// Rates of false matches that 80, 85 and 90 are to stand for in that section.
    #[arg(long, value_name = "RATES", default_value = "4e-5,5e-6,3e-7")]
    fmr: Targets,
    /// The most attacks of a kind that may be taken for living people, for that threshold.
    #[arg(long, value_name = "RATE", default_value = "0.05", value_parser = share)]
    apcer: f64,
}

/// From 0 to below 1.
fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no rate; write one from 0 to below 1, as 0.05"))
}

/// Evaluates a pack.
pub fn run(args: EvaluateArgs) -> Result<ExitCode, Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let options = evaluate::Options {
        faces: args.faces,
        attacks: args.attacks,
        models: Sources::here(args.models).choose().0,
        pack: args.pack,
        engine: args.engine,
    };
    let report = evaluate::run(&options, &clock, &mut |line| eprintln!("{line}"))?;
    evaluate::write(&report, &args.out)?;
    eprintln!("written into {}", args.out.display());
    if args.derive {
        let map = evaluate::derive(&report.comparisons.photo_to_camera, report.comparison, args.fmr);
        let liveness = match report.presented() {
            Some(presented) => evaluate::threshold(presented, args.apcer),
            None => Err("these models judge none".to_owned()),
        };
        if args.json {
            let [map, liveness] = [map.as_ref().map(Derived::to_json), liveness.as_ref().map(Threshold::to_json)]
                .map(|derived| derived.unwrap_or_else(|why| json!({ "error": why })));
            println!("{:#}", json!({ "similarity": map, "liveness": liveness }));
        } else {
            // The section comes last: what stands behind it would belong to it.
            match &liveness {
                Ok(threshold) => println!("{threshold}"),
                Err(why) => println!("# No threshold of liveness: {why}.\n"),
            }
            match &map {
                Ok(map) => print!("{map}"),
                Err(why) => println!("# No map of similarity: {why}."),
            }
        }
        return Ok(if map.is_err() && liveness.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    if args.json {
        println!("{:#}", report.to_json());
    } else {
        print!("{}", report.to_markdown());
    }
    Ok(ExitCode::SUCCESS)
}
