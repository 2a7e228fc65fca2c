//! One network, loaded into whichever engine runs here: fill the input, run, read the output.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::engine_builtin;
#[cfg(target_pointer_width = "64")]
use super::engine_runtime;
use crate::bail;
use crate::clock::Clock;
use crate::error::Result;

/// What an engine offers for one loaded network: one float input, one float output, fixed shapes.
pub(super) trait Engine: Send {
    /// Shapes of input and output.
    fn shapes(&self) -> Result<[Vec<usize>; 2]>;
    /// The input tensor, row-major.
    fn input(&mut self) -> Result<&mut [f32]>;
    /// Computes the output from the input.
    fn invoke(&mut self) -> Result<()>;
    /// The output tensor, row-major.
    fn output(&self) -> Result<&[f32]>;
}

/// A loaded network that knows how long its last run took.
pub struct Model {
    engine: Box<dyn Engine>,
    clock: Arc<dyn Clock>,
    last_run: Duration,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("last_run", &self.last_run).finish_non_exhaustive()
    }
}

impl Model {
    /// Loads a network and checks that it has the shapes its description promises.
    ///
    /// `name` appears in errors; `input` and `output` are the expected shapes, batch included.
    ///
    /// # Errors
    /// When the engine refuses the bytes, or a shape or element type differs.
    pub fn load(
        runtime: &Runtime,
        name: &str,
        bytes: Vec<u8>,
        [input, output]: [&[usize]; 2],
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let mut engine = runtime.load(name, bytes)?;
        for (what, found, expected) in
            engine.shapes()?.iter().zip([("input", input), ("output", output)]).map(|(f, (w, e))| (w, f, e))
        {
            if found != expected {
                bail!(Unavailable, "{name}: its {what} has the shape {found:?}, the pack describes {expected:?}");
            }
        }
        let lengths = [engine.input()?.len(), engine.output()?.len()];
        if lengths != [input, output].map(|shape| shape.iter().product::<usize>()) {
            bail!(Unavailable, "{name}: its tensors are no plain 32-bit floats");
        }
        Ok(Self { engine, clock, last_run: Duration::ZERO })
    }

    /// The input tensor, row-major; what was written stays until the next run.
    ///
    /// # Errors
    /// When the engine cannot hand it out.
    pub fn input(&mut self) -> Result<&mut [f32]> {
        self.engine.input()
    }

    /// Computes the output tensor, row-major.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn run(&mut self) -> Result<&[f32]> {
        let start = self.clock.mono();
        self.engine.invoke()?;
        self.last_run = self.clock.mono().since(start);
        self.engine.output()
    }

    /// How long the engine took for the last run.
    #[must_use]
    pub fn last_run(&self) -> Duration {
        self.last_run
    }
}

/// Which engine is wished for: `auto`, `builtin`, or the path of a TensorFlow Lite or LiteRT library.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum EngineChoice {
    /// A library where one is found, else the built-in engine.
    #[default]
    Auto,
    /// The engine inside this program.
    BuiltIn,
    /// This library and no other.
    Library(PathBuf),
}

impl FromStr for EngineChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "builtin" => Ok(Self::BuiltIn),
            path if path.contains('/') || path.contains(".so") => Ok(Self::Library(path.into())),
            _ => Err(format!("{text:?} is no engine; write auto, builtin, or the path of a libLiteRt.so")),
        }
    }
}

/// An engine that loads networks.
#[derive(Clone, Debug)]
pub enum Runtime {
    /// TensorFlow Lite 1.15, part of this program.
    BuiltIn,
    /// A TensorFlow Lite or LiteRT library, opened at run time.
    #[cfg(target_pointer_width = "64")]
    Library(engine_runtime::Shared),
}

/// Where a library's path may be given.
pub const LIBRARY_VARIABLE: &str = "FACEGATE_TFLITE_LIB";
const LIBRARY_NAMES: [&str; 2] = ["libLiteRt.so", "libtensorflowlite_c.so"];

impl Runtime {
    /// Opens the chosen engine; `weights` is the first folder in which `auto` looks for a library.
    ///
    /// # Errors
    /// When a library named by path cannot be used. `auto` falls back to the built-in engine and logs why.
    pub fn open(choice: &EngineChoice, weights: &Path) -> Result<Self> {
        match choice {
            EngineChoice::BuiltIn => {
                tracing::info!("engine: built in");
                Ok(Self::BuiltIn)
            }
            EngineChoice::Library(path) => {
                let runtime = Self::library(path)?;
                tracing::info!(library = %path.display(), "engine: library, as chosen");
                Ok(runtime)
            }
            EngineChoice::Auto => {
                for path in candidates(weights).into_iter().filter(|p| p.is_file()) {
                    match Self::library(&path) {
                        Ok(runtime) => {
                            tracing::info!(library = %path.display(), "engine: library, the first one found");
                            return Ok(runtime);
                        }
                        Err(error) => {
                            tracing::warn!(library = %path.display(), %error, "engine: library unusable, looking on");
                        }
                    }
                }
                tracing::info!("engine: built in, no library was found");
                Ok(Self::BuiltIn)
            }
        }
    }

    /// What to call it in a report.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::BuiltIn => "builtin (TensorFlow Lite 1.15)".into(),
            #[cfg(target_pointer_width = "64")]
            Self::Library(library) => library.path().display().to_string(),
        }
    }

    /// Whether it is the one inside this program.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        match self {
            Self::BuiltIn => true,
            #[cfg(target_pointer_width = "64")]
            Self::Library(_) => false,
        }
    }

    #[cfg(target_pointer_width = "64")]
    fn library(path: &Path) -> Result<Self> {
        engine_runtime::Shared::open(path).map(Self::Library)
    }

    #[cfg(not(target_pointer_width = "64"))]
    fn library(path: &Path) -> Result<Self> {
        bail!(Unavailable, "{}: engine libraries need a 64-bit terminal, choose the builtin engine", path.display());
    }

    fn load(&self, name: &str, bytes: Vec<u8>) -> Result<Box<dyn Engine>> {
        match self {
            Self::BuiltIn => Ok(Box::new(engine_builtin::Network::load(name, bytes)?)),
            #[cfg(target_pointer_width = "64")]
            Self::Library(library) => library.load(name, bytes),
        }
    }
}

/// The paths at which `auto` looks for a library, first one first. A folder of weights may serve several machines: it has a
/// folder for each processor then.
fn candidates(weights: &Path) -> Vec<PathBuf> {
    let folders =
        [weights, Path::new("/usr/share/facegate/models"), Path::new("/usr/lib/facegate"), Path::new("/usr/local/lib")];
    let folders = folders.into_iter().flat_map(|folder| [folder.to_owned(), folder.join(std::env::consts::ARCH)]);
    let named = std::env::var_os(LIBRARY_VARIABLE).map(PathBuf::from);
    named.into_iter().chain(folders.flat_map(|folder| LIBRARY_NAMES.map(|name| folder.join(name)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_beside_the_weights_comes_before_those_of_the_system() {
        let found = candidates(Path::new("/pack"));
        let at = |path: &str| found.iter().position(|found| found == Path::new(path)).unwrap_or(usize::MAX);
        let own = format!("/pack/{}/libLiteRt.so", std::env::consts::ARCH);
        let shared = format!("/usr/share/facegate/models/{}/libLiteRt.so", std::env::consts::ARCH);
        let order = [at("/pack/libLiteRt.so"), at(&own), at(&shared), at("/usr/local/lib/libtensorflowlite_c.so")];
        assert!(order.is_sorted() && order[3] < found.len(), "{found:?}");
    }

    #[test]
    fn engines_are_chosen_by_text() {
        for (text, expect) in [
            ("auto", Some(EngineChoice::Auto)),
            ("builtin", Some(EngineChoice::BuiltIn)),
            ("/opt/libLiteRt.so", Some(EngineChoice::Library("/opt/libLiteRt.so".into()))),
            ("libLiteRt.so", Some(EngineChoice::Library("libLiteRt.so".into()))),
            ("fast", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<EngineChoice>().ok(), expect, "{text}");
        }
    }

    #[test]
    fn a_missing_library_is_an_error_only_when_it_was_asked_for() {
        let nowhere = Path::new("/nonexistent/libLiteRt.so");
        assert!(Runtime::open(&EngineChoice::Library(nowhere.into()), Path::new("/nonexistent")).is_err());
        assert!(Runtime::open(&EngineChoice::Auto, Path::new("/nonexistent")).is_ok());
    }

    #[test]
    fn bytes_that_are_no_network_are_refused() {
        let clock = Arc::new(crate::clock::SystemClock::default());
        let error = Model::load(&Runtime::BuiltIn, "empty", Vec::new(), [&[1], &[1]], clock);
        assert!(error.is_err());
    }
}
