//! What is kept of a decision: control records (3.22) of people, capture records (3.26) of strangers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::person::Person;
use crate::field::LocalTime;
use crate::numbered;

numbered! {
    /// How a verification ended (`VerifyStatus`, 3.12.4).
    pub enum VerifyStatus {
        /// Nothing was decided.
        None = 0,
        /// The person may pass.
        Allowed = 1,
        /// The person was recognised and refused.
        Refused = 2,
        /// Nobody of the lists.
        NotRegistered = 3,
        /// The platform is asked (`OpendoorWay` 3).
        Pending = 22,
    }
}

numbered! {
    /// What a pushed capture shows (`PictureType`, 3.12.3).
    pub enum PictureType {
        /// Nobody of the lists.
        Unmatched = 0,
        /// Somebody of the block list.
        BlockListed = 1,
        /// Somebody of the allow list.
        AllowListed = 2,
        /// Another face than the ID card's.
        IdCardUnmatched = 3,
        /// The face of the ID card.
        IdCardMatched = 4,
    }
}

/// `VerfyType` of a face of the lists.
pub const VERIFY_FACE: u16 = 1;
/// `VerfyType` of a door opened by the platform.
pub const VERIFY_REMOTE: u16 = 27;
/// What the document calls somebody the platform let in: a name control records can be searched by.
pub const REMOTE_NAME: &str = "远程开门";

/// Somebody was verified, or the platform opened the door.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ControlRecord {
    /// Number of the record, from 1, given by the store.
    pub id: u64,
    /// When, in the terminal's zone.
    pub time: LocalTime,
    /// The person as they were then; `None` for a remote opening.
    pub person: Option<Arc<Person>>,
    /// 0 to 100.
    pub similarity: f32,
    /// How it ended.
    pub status: VerifyStatus,
    /// `VerfyType`.
    pub verify_type: u16,
    /// File of the picture taken, in the store's capture folder.
    pub snap: Option<String>,
}

/// A stranger was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaptureRecord {
    /// Number of the record, from 1, given by the store.
    pub id: u64,
    /// When, in the terminal's zone.
    pub time: LocalTime,
    /// What it shows.
    pub picture_type: PictureType,
    /// File of the picture taken, in the store's capture folder.
    pub snap: Option<String>,
}

/// One entry of the ordered log that sinks read from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A control record.
    Control(ControlRecord),
    /// A capture record.
    Capture(CaptureRecord),
}

impl Event {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> LocalTime {
        match self {
            Self::Control(record) => record.time,
            Self::Capture(record) => record.time,
        }
    }
}
