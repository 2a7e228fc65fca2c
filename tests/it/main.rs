//! The terminal from outside: a whole simulated terminal, its real HTTP port, real photos, real models.
#![allow(clippy::unwrap_used)]

// First, for its macro.
#[macro_use]
mod rig;

mod backup;
mod broker;
mod centre;
mod crash;
mod evaluate;
mod leap;
mod load;
mod machine;
mod misbehave;
mod mqtt;
mod packs;
mod passage;
mod presented;
mod push;
mod rules;
mod screens;
mod senses;
mod settings;
mod soak;
mod subscriber;
mod wiegand;
