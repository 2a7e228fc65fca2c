//! The terminal from outside: a whole simulated terminal, its real HTTP port, real photos, real models.
#![allow(clippy::unwrap_used)]

mod backup;
mod crash;
mod load;
mod machine;
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
