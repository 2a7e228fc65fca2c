//! The HTTP subscription in force (3.12).

use serde::{Deserialize, Serialize};

use super::Rules;
use crate::field::LocalTime;

/// The HTTP subscription in force (3.12); no topics means none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// Counts up with every Subscribe, so a pusher notices a replacement.
    pub generation: u64,
    /// Topics as given: `Snap`, `Verify`, `VerifyWithSnap`, …
    pub topics: Vec<String>,
    /// `http://host:port`.
    pub address: String,
    /// Path by topic, as given.
    pub paths: std::collections::BTreeMap<String, String>,
    /// Seconds between heartbeats.
    pub beat_s: u32,
    /// Seconds between timed pushes; `None`: at once.
    pub push_interval_s: Option<u32>,
    /// User and password for Basic authentication; `None`: none.
    pub login: Option<(String, String)>,
    /// Whether events wait for an acknowledgement.
    pub resume: bool,
    /// Events before this local time are not pushed.
    pub begin: Option<LocalTime>,
}

impl Rules for Subscription {}
