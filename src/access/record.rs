//! What is kept of a decision: control records (3.22) of people, capture records (3.26) of strangers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::person::Person;
use crate::field::{Date, LocalTime};
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
/// `VerfyType` of an ID card and the face on it.
pub const VERIFY_ID_CARD: u16 = 2;
/// `VerfyType` of a face of the lists with the ID card of the same person.
pub const VERIFY_FACE_AND_ID_CARD: u16 = 3;
/// `VerfyType` of a card of the built-in reader.
pub const VERIFY_RF_CARD: u16 = 21;
/// `VerfyType` of such a card and its bearer's face.
pub const VERIFY_RF_CARD_AND_FACE: u16 = 22;
/// `VerfyType` of a card of a Wiegand reader.
pub const VERIFY_WIEGAND: u16 = 24;
/// `VerfyType` of such a card and its bearer's face.
pub const VERIFY_WIEGAND_AND_FACE: u16 = 25;
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
    /// Similarity to the ID card's photo, 0 to 100; 0 without one.
    #[serde(default)]
    pub id_similarity: f32,
    /// The temperature measured, where the mode asks for it.
    #[serde(default)]
    pub temperature: Option<Reading>,
    /// Whether a mask was worn, where the mode asks for it.
    #[serde(default)]
    pub masked: Option<bool>,
    /// What a platform's verdict (`OpendoorWay` 3) answers: drawn for this passage alone; 0: nothing is asked.
    #[serde(default)]
    pub question: u64,
    /// File of the picture taken, in the store's capture folder.
    pub snap: Option<String>,
}

impl ControlRecord {
    /// A record of nobody, to be filled in; the store numbers it.
    #[must_use]
    pub const fn new(time: LocalTime, status: VerifyStatus, verify_type: u16) -> Self {
        Self {
            id: 0,
            time,
            person: None,
            similarity: 0.0,
            status,
            verify_type,
            id_similarity: 0.0,
            temperature: None,
            masked: None,
            question: 0,
            snap: None,
        }
    }
}

/// A body temperature.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// Degrees Celsius, corrected.
    pub celsius: f64,
    /// Whether it counts as fever.
    pub high: bool,
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
    /// The temperature measured, where the mode asks for it.
    #[serde(default)]
    pub temperature: Option<Reading>,
    /// File of the picture taken, in the store's capture folder.
    pub snap: Option<String>,
}

impl CaptureRecord {
    /// A record to be filled in; the store numbers it.
    #[must_use]
    pub const fn new(time: LocalTime, picture_type: PictureType) -> Self {
        Self { id: 0, time, picture_type, temperature: None, snap: None }
    }
}

/// Something platforms are told that is neither a control record nor a capture (3.12.5 to 3.12.8).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Number of the notice, from 1, given by the store.
    pub id: u64,
    /// When, in the terminal's zone.
    pub time: LocalTime,
    /// What.
    pub what: What,
    /// File of the picture taken, or of the ID card's photo.
    pub snap: Option<String>,
}

impl Notice {
    /// A notice; the store numbers it.
    #[must_use]
    pub const fn new(time: LocalTime, what: What) -> Self {
        Self { id: 0, time, what, snap: None }
    }
}

/// What a notice tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum What {
    /// A QR code was read.
    QrCode(String),
    /// An identity card was read.
    IdCard(IdCard),
    /// A card was admitted.
    Card(String),
    /// A password was admitted.
    Pin,
}

/// What an identity card says, its photo aside (3.12.6).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IdCard {
    /// Number.
    pub number: String,
    /// Name.
    pub name: String,
    /// 0 male, 1 female.
    pub gender: u8,
    /// Row 1 to 57 of appendix D.1.
    pub nation: u8,
    /// Date of birth.
    pub birthday: Option<Date>,
    /// Address.
    pub address: String,
    /// Who issued it.
    pub issuer: String,
    /// `YYYYMMDD-YYYYMMDD`.
    pub period: String,
}

/// One entry of the ordered log that sinks read from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// A control record.
    Control(ControlRecord),
    /// A capture record.
    Capture(CaptureRecord),
    /// A notice.
    Notice(Notice),
}

impl Event {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> LocalTime {
        match self {
            Self::Control(record) => record.time,
            Self::Capture(record) => record.time,
            Self::Notice(notice) => notice.time,
        }
    }
}
