//! The terminal from outside: a whole simulated terminal, its real HTTP port, real photos, real models.
#![allow(clippy::unwrap_used)]

mod crash;
mod leap;
mod load;
mod machine;
mod misbehave;
mod passage;
mod presented;
mod push;
mod rig;
mod rules;
mod screens;
mod senses;
mod settings;
mod subscriber;
mod wiegand;
