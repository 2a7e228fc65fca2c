//! Parameters of the multi-channel server (3.15 to 3.17), kept for platforms that write them to every device.
//!
//! Two of the groups are lists whose members have a number; [`put`] changes a member or adds one.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Rules, merged};
use crate::bail;
use crate::error::Result;
use crate::field::{Bytes, Flag, Int, Text};
use crate::numbered;

/// A member of a list that is known by its number.
pub trait Member: Serialize + DeserializeOwned {
    /// The field its number stands in.
    const NUMBER: &'static str;
    /// What `number` has until it is set; `None`: there can be no such number.
    fn fresh(number: i64) -> Option<Self>;
    /// Its number.
    fn number(&self) -> i64;
}

/// Lays `fields` over the member of that number, or over a fresh one; the list stays in order.
///
/// # Errors
/// [`crate::error::Fault::BadParameter`] naming the field; the list is as it was then.
pub fn put<T: Member>(list: &mut Vec<T>, number: i64, fields: &Map<String, Value>) -> Result<()> {
    match list.binary_search_by_key(&number, T::number) {
        Ok(at) => list[at] = merged(&list[at], fields)?,
        Err(at) => {
            let Some(fresh) = T::fresh(number) else {
                bail!(BadParameter, "{}: {number} is more than there can be", T::NUMBER)
            };
            list.insert(at, merged(&fresh, fields)?);
        }
    }
    Ok(())
}

/// Whether the members stand in the order of their numbers, each once.
fn in_order<T: Member>(list: &[T], name: &str) -> Result<()> {
    if !list.is_sorted_by(|a, b| a.number() < b.number()) {
        bail!(BadParameter, "{name}: a number is there twice");
    }
    Ok(())
}

/// A camera of the server (3.15).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IpCamera {
    /// Channel the camera is on.
    #[serde(rename = "IPC_Channel")]
    pub channel: Int<0, 15>,
    /// Whether it is used.
    #[serde(rename = "IPC_Enable")]
    pub enabled: Flag,
    /// Its address, at most 64 bytes.
    #[serde(rename = "IPC_URL")]
    pub address: Bytes<64>,
    /// Its port.
    #[serde(rename = "IPC_Port")]
    pub port: Int<1, 65_535>,
    /// User name, at most 32 bytes.
    #[serde(rename = "IPC_Username")]
    pub user: Bytes<32>,
    /// Password, at most 32 bytes.
    #[serde(rename = "IPC_Password")]
    pub password: Bytes<32>,
    /// Its name, at most 32 bytes.
    #[serde(rename = "IPC_Name")]
    pub name: Bytes<32>,
}

impl Member for IpCamera {
    const NUMBER: &'static str = "IPC_Channel";

    fn fresh(channel: i64) -> Option<Self> {
        Some(Self {
            channel: Int::new(channel)?,
            enabled: Flag::of(0),
            address: Bytes::default(),
            port: Int::of(5000),
            user: Bytes::default(),
            password: Bytes::default(),
            name: Bytes::default(),
        })
    }

    fn number(&self) -> i64 {
        self.channel.get()
    }
}

/// The cameras of the server (3.15), in the order of their channels.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct EnterIpc {
    /// The cameras.
    pub cameras: Vec<IpCamera>,
}

impl Rules for EnterIpc {
    fn check(&self) -> Result<()> {
        in_order(&self.cameras, "IPC_Info")
    }
}

numbered! {
    /// How many channels the server shows.
    pub enum Channels {
        /// As many as there are.
        Adaptive = 0,
        /// One.
        One = 1,
        /// Two.
        Two = 2,
        /// Four.
        Four = 4,
        /// Nine.
        Nine = 9,
    }
}

/// Basic parameters of the server (3.16).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ServerBasics {
    /// What is announced on the screen, at most 128 characters.
    #[serde(rename = "InformationRelease")]
    pub announcement: Text<128>,
    /// How many channels are shown.
    #[serde(rename = "Channelselection")]
    pub channels: Channels,
    /// Whether captures and matches are cleared from the screen at intervals.
    #[serde(rename = "DisplaySnapVerify")]
    pub clears: Flag,
}

impl Default for ServerBasics {
    fn default() -> Self {
        Self { announcement: Text::default(), channels: Channels::Adaptive, clears: Flag::of(0) }
    }
}

impl Rules for ServerBasics {}

/// A kind of people (3.17), of which there are ten at the most.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Worktype {
    /// Which of the kinds it is.
    #[serde(rename = "WorkTypeIndex")]
    pub index: Int<0, 9>,
    /// Whether it is used.
    #[serde(rename = "WorktypeEnable")]
    pub enabled: Flag,
    /// Its name, at most 32 bytes.
    #[serde(rename = "Worktype")]
    pub name: Bytes<32>,
    /// Its place in lists.
    #[serde(rename = "Num")]
    pub place: Int<0, 65_535>,
}

impl Member for Worktype {
    const NUMBER: &'static str = "WorkTypeIndex";

    fn fresh(index: i64) -> Option<Self> {
        let (index, place) = (Int::new(index)?, Int::new(index)?);
        Some(Self { index, enabled: Flag::of(0), name: Bytes::default(), place })
    }

    fn number(&self) -> i64 {
        self.index.get()
    }
}

/// The kinds of people (3.17), in the order of their indices.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Worktypes {
    /// The kinds.
    pub kinds: Vec<Worktype>,
}

impl Rules for Worktypes {
    fn check(&self) -> Result<()> {
        in_order(&self.kinds, "WorkTypeInfo")
    }
}
