//! The software of a face-recognition access terminal.
//!
//! In reading order: [`app`] joins everything; [`clock`], [`error`], [`field`] and [`settings`] are what all
//! others are written in; [`board`] (read by [`strict`]) opens [`hal`]'s devices; [`camera`] brings frames to
//! [`vision`]; [`access`] and [`door`] are the pure rules and [`control`] the one loop that asks them and acts;
//! [`store`] keeps what must survive, [`roster`] the people in it and in the gallery; [`api`] (with [`fetch`])
//! lets platforms in and [`push`] tells them what happened, [`shown`] being what both show alike; [`upgrade`] fetches new software, [`package`] verifies it and
//! [`release`] keeps it in slots; [`network`], [`ntp`] and [`restart`] look after the machine; [`ui`] is the screen, [`sound`]
//! and [`light`] what is heard and shines; [`sim`] moves the pretend devices, [`bench`] and [`evaluate`] measure, [`models`]
//! says which pack is used, and [`backup`] carries a stopped terminal to another.
//!
//! ```text
//! hal::Camera → camera → vision::Pipeline → Event::Sighting ─┐
//! api ─────────────────────────────────────→ Event::Command ─┴→ control → access::session, decide → door::step
//!                     relay and Wiegand lines first, then store (record + event log → push), ui, decisions ←┘
//! ```
//!
//! `ARCHITECTURE.md` has the map with what each part leaves to others, the invariants, and where to add what.

pub mod access;
pub mod api;
pub mod app;
pub mod backup;
pub mod bench;
pub mod board;
pub mod camera;
pub mod clock;
pub mod condition;
pub mod control;
pub mod door;
pub mod error;
pub mod evaluate;
pub mod fetch;
pub mod field;
pub mod hal;
pub mod light;
pub mod models;
pub mod mqtt;
pub mod network;
pub mod ntp;
pub mod package;
pub mod push;
pub mod release;
pub mod restart;
pub mod roster;
pub mod sense;
pub mod settings;
pub mod shown;
pub mod sim;
pub mod sound;
pub mod store;
pub mod strict;
pub mod ui;
pub mod upgrade;
pub mod vision;
pub mod watchdog;
