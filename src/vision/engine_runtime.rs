//! The faster engine: a library opened at run time (64-bit targets only).
//!
//! Two kinds of library exist. `libtensorflowlite_c.so` has the TensorFlow Lite C interface, which is used where
//! it is there; the `libLiteRt.so` of LiteRT's own packages has only the newer one, see `engine_litert`.
//! Both apply their XNNPACK kernels by themselves; nothing is asked for here.

use std::path::{Path, PathBuf};

use edgefirst_tflite::litert::Environment;
use edgefirst_tflite::{Interpreter, Library, Model};

use super::engine_litert::Compiled;
use super::model::Engine;
use crate::bail;
use crate::error::{Error, Fault, Result};

/// An opened library; a copy opens nothing again.
///
/// What it refers to is leaked on purpose: networks borrow from it, it is opened once a start, and a C++
/// library with threads of its own is better never unloaded.
#[derive(Clone, Debug)]
pub struct Shared {
    path: PathBuf,
    interface: Interface,
}

#[derive(Clone, Copy, Debug)]
enum Interface {
    TfLite(&'static Library),
    LiteRt(&'static Library, &'static Environment<'static>),
}

impl Shared {
    /// Opens the library at `path`.
    ///
    /// # Errors
    /// When it cannot be loaded or has neither interface in a version that fits.
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |e: edgefirst_tflite::Error| Error::new(Fault::Unavailable, format!("{}: {e}", path.display()));
        let library: &'static Library = Box::leak(Box::new(Library::from_path(path).map_err(failed)?));
        let interface = if has_tflite(library) {
            Interface::TfLite(library)
        } else if has_litert(library) {
            Interface::LiteRt(library, Box::leak(Box::new(Environment::new(library).map_err(failed)?)))
        } else {
            bail!(
                Unavailable,
                "{}: neither TensorFlow Lite's C interface nor LiteRT's of version 2.1.6 or later; the libLiteRt.so \
                 of the ai-edge-litert 2.3.0 wheel is known to work",
                path.display()
            );
        };
        Ok(Self { path: path.to_owned(), interface })
    }

    /// Where it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn load(&self, name: &str, bytes: Vec<u8>) -> Result<Box<dyn Engine>> {
        Ok(match self.interface {
            Interface::TfLite(library) => Box::new(Interpreted::load(library, name, bytes)?),
            Interface::LiteRt(library, environment) => Box::new(Compiled::load(library, environment, name, bytes)?),
        })
    }
}

/// Whether the functions used here are there; calling a missing one would end the program.
fn has_tflite(library: &Library) -> bool {
    let f = library.as_sys();
    f.TfLiteModelCreate.is_ok()
        && f.TfLiteModelDelete.is_ok()
        && f.TfLiteInterpreterOptionsCreate.is_ok()
        && f.TfLiteInterpreterOptionsSetNumThreads.is_ok()
        && f.TfLiteInterpreterOptionsDelete.is_ok()
        && f.TfLiteInterpreterCreate.is_ok()
        && f.TfLiteInterpreterDelete.is_ok()
        && f.TfLiteInterpreterAllocateTensors.is_ok()
        && f.TfLiteInterpreterInvoke.is_ok()
        && f.TfLiteInterpreterGetInputTensorCount.is_ok()
        && f.TfLiteInterpreterGetInputTensor.is_ok()
        && f.TfLiteInterpreterGetOutputTensorCount.is_ok()
        && f.TfLiteInterpreterGetOutputTensor.is_ok()
        && f.TfLiteTensorType.is_ok()
        && f.TfLiteTensorNumDims.is_ok()
        && f.TfLiteTensorDim.is_ok()
        && f.TfLiteTensorByteSize.is_ok()
        && f.TfLiteTensorData.is_ok()
}

/// Whether LiteRT's interface is there in a version that takes the arguments we give: older ones (seen in 2.1.0)
/// have functions of the same names with other arguments. The one asked for came with the change.
fn has_litert(library: &Library) -> bool {
    // SAFETY: the function is only looked up, never called.
    let newer = unsafe { library.as_sys().library().get::<unsafe extern "C" fn()>(b"LiteRtCreateModelFromFd\0") };
    library.has_litert() && newer.is_ok()
}

/// One network behind the TensorFlow Lite C interface.
struct Interpreted {
    interpreter: Interpreter<'static>,
    /// Declared after the interpreter, which reads its weights.
    _model: Model<'static>,
    name: String,
}

impl Interpreted {
    fn load(library: &'static Library, name: &str, bytes: Vec<u8>) -> Result<Self> {
        let failed = |e| failed(name, e);
        let model = Model::from_bytes(library, bytes).map_err(failed)?;
        let builder = Interpreter::builder(library).map_err(failed)?.num_threads(1);
        let interpreter = builder.build(&model).map_err(failed)?;
        if (interpreter.input_count(), interpreter.output_count()) != (1, 1) {
            bail!(Unavailable, "{name}: one input and one output are needed");
        }
        Ok(Self { interpreter, _model: model, name: name.to_owned() })
    }
}

impl Engine for Interpreted {
    fn shapes(&self) -> Result<[Vec<usize>; 2]> {
        let failed = |e| failed(&self.name, e);
        let (inputs, outputs) = (self.interpreter.inputs(), self.interpreter.outputs());
        Ok([inputs.map_err(failed)?[0].shape().map_err(failed)?, outputs.map_err(failed)?[0].shape().map_err(failed)?])
    }

    fn input(&mut self) -> Result<&mut [f32]> {
        let failed = |e| failed(&self.name, e);
        let mut tensors = self.interpreter.inputs_mut().map_err(failed)?;
        let data = tensors[0].as_mut_slice::<f32>().map_err(failed)?;
        let (start, length) = (data.as_mut_ptr(), data.len());
        // SAFETY: the slice was just checked for type and size; its memory belongs to the interpreter, which
        // never allocates tensors again, and the exclusive borrow of `self` covers the returned slice.
        // The library's own slice only borrows from the short-lived handle `tensors`.
        Ok(unsafe { std::slice::from_raw_parts_mut(start, length) })
    }

    fn invoke(&mut self) -> Result<()> {
        self.interpreter.invoke().map_err(|e| failed(&self.name, e))
    }

    fn output(&self) -> Result<&[f32]> {
        let failed = |e| failed(&self.name, e);
        let tensors = self.interpreter.outputs().map_err(failed)?;
        let data = tensors[0].as_slice::<f32>().map_err(failed)?;
        // SAFETY: as above; running needs `&mut self`, so nothing writes while this slice is borrowed.
        Ok(unsafe { std::slice::from_raw_parts(data.as_ptr(), data.len()) })
    }
}

pub(super) fn failed(name: &str, error: edgefirst_tflite::Error) -> Error {
    Error::new(Fault::Unavailable, format!("{name}: {error}"))
}
