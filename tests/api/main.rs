//! The action API as platforms see it: every operator over a real store, and the server on a real socket.
//!
//! Most tests see with `PlainEyes`, which know a person by the colour of the photo, so they need no model
//! weights. Those that need weights and faces say plainly when they are skipped.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod bad_input;
mod examples;
mod factory;
mod general;
mod manual_push;
#[path = "../material/mod.rs"]
mod material;
mod mqtt;
mod network;
mod operators;
mod passwords;
mod published;
mod real_faces;
mod rig;
mod schema;
mod server;
mod settings;
mod shapes;
mod signature;
mod sound;
mod time;
mod upgrade;
mod web;
