//! A network behind LiteRT's own interface, which keeps tensors in buffers of its own.

use edgefirst_tflite::Library;
use edgefirst_tflite::litert::{CompiledModel, Environment, HwAccelerators, Model, Options, TensorBuffer};

use super::engine_runtime::failed;
use super::model::Engine;
use crate::bail;
use crate::error::Result;

/// `kLiteRtElementTypeFloat32`.
const FLOAT32: u32 = 1;

/// One network, compiled for the processor.
pub(super) struct Compiled {
    compiled: CompiledModel<'static>,
    inputs: [TensorBuffer<'static>; 1],
    outputs: [TensorBuffer<'static>; 1],
    shapes: [Vec<usize>; 2],
    input: Vec<f32>,
    output: Vec<f32>,
    name: String,
}

impl Compiled {
    /// Loads verified bytes.
    pub(super) fn load(
        library: &'static Library,
        environment: &'static Environment<'static>,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<Self> {
        let failed = |e| failed(name, e);
        let model = Model::from_buffer(environment, bytes).map_err(failed)?;
        let counts = (model.num_signatures(), model.num_inputs(0), model.num_outputs(0));
        let (Ok(1), Ok(1), Ok(1)) = counts else {
            bail!(Unavailable, "{name}: one input and one output are needed");
        };
        // Leaked like the library: the compiled network borrows it, and networks are loaded once a start.
        let model: &'static Model<'static> = Box::leak(Box::new(model));
        let options =
            Options::new(library).and_then(|o| o.hardware_accelerators(HwAccelerators::CPU)).map_err(failed)?;
        let compiled = CompiledModel::create(environment, model, &options).map_err(failed)?;
        let types = [model.input_tensor_type(0, 0).map_err(failed)?, model.output_tensor_type(0, 0).map_err(failed)?];
        if types.iter().any(|t| t.element_type != FLOAT32) {
            bail!(Unavailable, "{name}: its tensors are no plain 32-bit floats");
        }
        let shapes = types.map(|t| {
            let rank = usize::try_from(t.layout.rank()).unwrap_or(0);
            t.layout.dimensions.iter().take(rank).map(|n| usize::try_from(*n).unwrap_or(0)).collect::<Vec<_>>()
        });
        let lengths = [0, 1].map(|i: usize| shapes[i].iter().product::<usize>());
        Ok(Self {
            inputs: [compiled.create_input_buffer(0, 0).map_err(failed)?],
            outputs: [compiled.create_output_buffer(0, 0).map_err(failed)?],
            compiled,
            shapes,
            input: vec![0.0; lengths[0]],
            output: vec![0.0; lengths[1]],
            name: name.to_owned(),
        })
    }
}

impl Engine for Compiled {
    fn shapes(&self) -> Result<[Vec<usize>; 2]> {
        Ok(self.shapes.clone())
    }

    fn input(&mut self) -> Result<&mut [f32]> {
        Ok(&mut self.input)
    }

    fn invoke(&mut self) -> Result<()> {
        let Self { compiled, inputs, outputs, input, output, name, .. } = self;
        let failed = |e| failed(name, e);
        inputs[0].write_bytes(bytes(input)).map_err(failed)?;
        compiled.run_default(inputs, outputs).map_err(failed)?;
        outputs[0].read_bytes_into(bytes_mut(output)).map_err(failed)
    }

    fn output(&self) -> Result<&[f32]> {
        Ok(&self.output)
    }
}

fn bytes(floats: &[f32]) -> &[u8] {
    // SAFETY: every float is four bytes, any of which may be read as such, and bytes need no alignment.
    unsafe { std::slice::from_raw_parts(floats.as_ptr().cast(), size_of_val(floats)) }
}

fn bytes_mut(floats: &mut [f32]) -> &mut [u8] {
    // SAFETY: as above, and any four bytes are a float.
    unsafe { std::slice::from_raw_parts_mut(floats.as_mut_ptr().cast(), size_of_val(floats)) }
}
