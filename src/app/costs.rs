//! What a run with the settings takes, told before it begins.

use std::sync::{Arc, Weak};

use crate::data::DataSet;
use crate::gpu::Gpu;
use crate::train::{Capture, Config, Engine, engine_options};

/// The memory that the next run takes on the adapter; it is planned again when the settings or the data change.
#[derive(Default)]
pub struct Costs {
    planned: Option<(Config, Weak<DataSet>)>,
    memory: Option<u64>,
}

impl Costs {
    /// Plans the step of a run on `data`, unless that is done.
    pub fn refresh(&mut self, gpu: &Gpu, config: &Config, data: &Arc<DataSet>) {
        let is_planned = self
            .planned
            .as_ref()
            .is_some_and(|(of, on)| of == config && std::ptr::eq(on.as_ptr(), Arc::as_ptr(data)));
        if is_planned {
            return;
        }
        self.memory = memory(gpu, config, data);
        self.planned = Some((config.clone(), Arc::downgrade(data)));
    }

    /// Bytes on the adapter; `None` before they are planned, or if no run can have the settings.
    pub fn memory(&self) -> Option<u64> {
        self.memory
    }
}

fn memory(gpu: &Gpu, config: &Config, data: &DataSet) -> Option<u64> {
    // Why a run cannot have the settings is told when it begins.
    config.validate(data.train.height, data.train.width).ok()?;
    let options = engine_options(config, data, Capture::Views).ok()?;
    let (.., recording) = Engine::plan(gpu, &options).ok()?;
    Some(recording.memory().total())
}
