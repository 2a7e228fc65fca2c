//! The faster engine: a TensorFlow Lite C library opened at run time (64-bit targets only).
//!
//! LiteRT applies its XNNPACK kernels by itself when tensors are allocated; nothing is asked for here.

use std::path::{Path, PathBuf};

use edgefirst_tflite::{Interpreter, Library, Model};

use super::model::Engine;
use crate::bail;
use crate::error::{Error, Fault, Result};

/// An opened library; a copy opens nothing again.
#[derive(Clone, Debug)]
pub struct Shared {
    library: &'static Library,
    path: PathBuf,
}

impl Shared {
    /// Opens the library at `path`.
    ///
    /// # Errors
    /// When it cannot be loaded or lacks the TensorFlow Lite C interface.
    pub fn open(path: &Path) -> Result<Self> {
        let library =
            Library::from_path(path).map_err(|e| Error::new(Fault::Unavailable, format!("{}: {e}", path.display())))?;
        // Leaked on purpose: networks borrow from it, it is opened once a start, and a C++ library
        // with threads of its own is better never unloaded.
        Ok(Self { library: Box::leak(Box::new(library)), path: path.to_owned() })
    }

    /// Where it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn load(&self, name: &str, bytes: Vec<u8>) -> Result<Network> {
        let failed = |e| failed(name, e);
        let model = Model::from_bytes(self.library, bytes).map_err(failed)?;
        let interpreter =
            Interpreter::builder(self.library).map_err(failed)?.num_threads(1).build(&model).map_err(failed)?;
        if (interpreter.input_count(), interpreter.output_count()) != (1, 1) {
            bail!(Unavailable, "{name}: one input and one output are needed");
        }
        Ok(Network { interpreter, _model: model, name: name.to_owned() })
    }
}

/// One network in the library; the model is declared last because the interpreter reads its weights.
pub(super) struct Network {
    interpreter: Interpreter<'static>,
    _model: Model<'static>,
    name: String,
}

impl Engine for Network {
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

fn failed(name: &str, error: edgefirst_tflite::Error) -> Error {
    Error::new(Fault::Unavailable, format!("{name}: {error}"))
}
