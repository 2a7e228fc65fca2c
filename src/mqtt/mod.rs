//! The terminal at an MQTT server (3.31): the second carrier of what HTTP carries.
//!
//! `connection` keeps the connection, the subscription to the terminal's topic, and the signs of life; `sink` sends
//! events and waits for their confirmation; `message` makes the bodies; `commands` answers a platform's commands with
//! the operators of the HTTP table.

pub mod connection;
pub mod message;
pub mod sink;
