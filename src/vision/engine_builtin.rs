//! The engine inside this program: TensorFlow Lite 1.15, built from source, on every target.

use tflite::ops::builtin::BuiltinOpResolver;
use tflite::{FlatBufferModel, Interpreter, InterpreterBuilder};

use super::model::Engine;
use crate::bail;
use crate::error::{Error, Fault, Result};

/// One network in the built-in engine.
pub(super) struct Network {
    interpreter: Interpreter<'static, BuiltinOpResolver>,
    name: String,
    input: i32,
    output: i32,
}

impl Network {
    /// Loads verified bytes: this engine trusts what it is given.
    pub(super) fn load(name: &str, bytes: Vec<u8>) -> Result<Self> {
        let failed = |e: tflite::Error| Error::new(Fault::Unavailable, format!("{name}: {e}"));
        // The smallest model file is some hundred bytes; the engine would read beyond an empty one.
        if bytes.len() < 64 || &bytes[4..8] != b"TFL3" {
            bail!(Unavailable, "{name}: no TensorFlow Lite file");
        }
        let network = FlatBufferModel::build_from_buffer(bytes).map_err(failed)?;
        let builder = InterpreterBuilder::new(network, BuiltinOpResolver::default()).map_err(failed)?;
        let interpreter = builder.build_with_threads(1).map_err(failed)?;
        let (&[input], &[output]) = (interpreter.inputs(), interpreter.outputs()) else {
            bail!(Unavailable, "{name}: one input and one output are needed");
        };
        Ok(Self { interpreter, name: name.to_owned(), input, output })
    }

    fn failed(&self, error: &tflite::Error) -> Error {
        Error::new(Fault::Unavailable, format!("{}: {error}", self.name))
    }
}

impl Engine for Network {
    fn shapes(&self) -> Result<[Vec<usize>; 2]> {
        let shape = |index| self.interpreter.tensor_info(index).map(|i| i.dims).unwrap_or_default();
        Ok([shape(self.input), shape(self.output)])
    }

    fn input(&mut self) -> Result<&mut [f32]> {
        let name = &self.name;
        let failed = |e: tflite::Error| Error::new(Fault::Unavailable, format!("{name}: {e}"));
        self.interpreter.tensor_data_mut(self.input).map_err(failed)
    }

    fn invoke(&mut self) -> Result<()> {
        self.interpreter.invoke().map_err(|e| self.failed(&e))
    }

    fn output(&self) -> Result<&[f32]> {
        self.interpreter.tensor_data(self.output).map_err(|e| self.failed(&e))
    }
}
