//! The terminal from outside: a whole simulated terminal, its real HTTP port, real photos, real models.
#![allow(clippy::unwrap_used)]

mod backup;
mod broker;
mod centre;
mod crash;
mod evaluate;
mod leap;
mod load;
mod machine;
#[path = "../material/mod.rs"]
mod material;
mod misbehave;
mod mqtt;
mod package;
mod packs;
mod passage;
mod presented;
mod push;
mod rig;
mod rules;
mod screens;
mod senses;
mod settings;
mod soak;
mod subscriber;
mod wiegand;
