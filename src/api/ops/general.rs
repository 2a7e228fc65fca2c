//! The general parameters (3.23), which are a view over door, network and restart settings, and the restart
//! that is asked for (3.24).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::network::{self, number};
use super::{Changes, Nothing};
use crate::api::wire::{Answer, Fields, fields, is_blank};
use crate::api::{Context, Liveness};
use crate::bail;
use crate::error::Result;
use crate::field::{Address, Flag, Int, Netmask};
use crate::numbered;
use crate::settings::{ControlType, Direction, Door, General, WiegandProtocol};

numbered! {
    /// What opens the door, in the numbers of 3.23; those of 3.2 mean other things.
    pub enum Opener {
        /// The relay.
        Relay = 0,
        /// A Wiegand frame of 26 bits.
        Wiegand26 = 1,
        /// A Wiegand frame of 34 bits.
        Wiegand34 = 2,
    }
}

/// The general parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct GeneralParam {
    /// Similarity from which a face is somebody on the lists.
    #[serde(rename = "FaceThreshold")]
    face_threshold: Int<50, 100>,
    /// Similarity from which a face is the ID card's.
    #[serde(rename = "IDCardThreshold")]
    id_card_threshold: Int<50, 100>,
    /// What opens the door: 0 the relay, 1 a Wiegand frame of 26 bits, 2 one of 34.
    #[serde(rename = "ControlType")]
    opener: Opener,
    /// Score from which a face is alive, 0 to 1; shown, not to be set.
    #[serde(rename = "LiveThreshold")]
    live_threshold: f64,
    /// Frames it is averaged over; shown, not to be set.
    #[serde(rename = "LiveFrameNum")]
    live_frames: usize,
    /// When the terminal restarts by itself: 0 never, 1 every day, 2 to 8 on Monday to Sunday.
    #[serde(rename = "AutoRebootDay")]
    reboot_day: Int<0, 8>,
    /// At which full hour.
    #[serde(rename = "AutoRebootHour")]
    reboot_hour: Int<0, 23>,
    /// Which way people pass: 0 either, 1 in, 2 out.
    #[serde(rename = "Direction")]
    direction: Direction,
    /// Address.
    #[serde(rename = "IPAddr")]
    address: Address,
    /// Netmask.
    #[serde(rename = "Submask")]
    mask: Netmask,
    /// Gateway.
    #[serde(rename = "Gateway")]
    gateway: Address,
    /// Name server.
    #[serde(rename = "DNS")]
    dns: Address,
    /// Whether the address comes from the network: 0 no, 1 and 2 yes.
    #[serde(rename = "DHCP")]
    dhcp: Int<0, 2>,
}

/// The fields of each of the settings behind them.
const DOOR: [&str; 2] = ["FaceThreshold", "IDCardThreshold"];
const GENERAL: [&str; 3] = ["AutoRebootDay", "AutoRebootHour", "Direction"];
const NETWORK: [&str; 5] = ["IPAddr", "Submask", "Gateway", "DNS", "DHCP"];

pub fn get(cx: &Context, _: Nothing) -> Result<Answer> {
    let liveness = cx.liveness.unwrap_or(Liveness::UNAVAILABLE);
    let all = cx.settings.now();
    let network = network::shown(cx, &all)?;
    let info = GeneralParam {
        face_threshold: all.door.face_threshold,
        id_card_threshold: all.door.id_card_threshold,
        opener: opener(&all.door),
        live_threshold: (f64::from(liveness.threshold) * 1e6).round() / 1e6,
        live_frames: liveness.frames,
        reboot_day: all.general.reboot_day,
        reboot_hour: all.general.reboot_hour,
        direction: all.general.direction,
        address: network.address,
        mask: network.mask,
        gateway: network.gateway,
        dns: network.dns,
        dhcp: network.dhcp,
    };
    let mut beside = Fields::new();
    beside.insert("DeviceID".into(), cx.device_id.into());
    Ok(Answer::DataBeside(fields(info)?, beside))
}

/// All of it or nothing: no door is left half changed because an address was wrong.
pub fn set(cx: &Context, changes: Changes<GeneralParam>) -> Result<Answer> {
    let given = changes.fields;
    let of = |names: &[&str]| -> Fields {
        names.iter().filter_map(|name| Some(((*name).to_owned(), given.get(*name)?.clone()))).collect()
    };
    cx.network.change(|draft| {
        draft.patch::<Door>(&of(&DOOR))?;
        if let Some(value) = given.get("ControlType").filter(|value| !is_blank(value)) {
            let wanted: Opener = number("ControlType", value)?;
            draft.change::<Door>(|door| {
                open_with(door, wanted);
                Ok(())
            })?;
        }
        draft.patch::<General>(&of(&GENERAL))?;
        network::change(cx, draft, &of(&NETWORK))
    })?;
    Ok(Answer::Done)
}

/// The relay, where it takes part; what stands beside it has no number here.
fn opener(door: &Door) -> Opener {
    match door.control {
        ControlType::Relay | ControlType::Both => Opener::Relay,
        ControlType::Wiegand if has_26_bits(door.wiegand) => Opener::Wiegand26,
        ControlType::Wiegand => Opener::Wiegand34,
    }
}

/// What is shown already changes nothing: relay and frame together survive being given back.
fn open_with(door: &mut Door, wanted: Opener) {
    if wanted == opener(door) {
        return;
    }
    let (control, protocol) = match wanted {
        Opener::Relay => (ControlType::Relay, door.wiegand),
        Opener::Wiegand26 if has_26_bits(door.wiegand) => (ControlType::Wiegand, door.wiegand),
        Opener::Wiegand26 => (ControlType::Wiegand, WiegandProtocol::W26),
        Opener::Wiegand34 if has_26_bits(door.wiegand) => (ControlType::Wiegand, WiegandProtocol::W34),
        Opener::Wiegand34 => (ControlType::Wiegand, door.wiegand),
    };
    (door.control, door.wiegand) = (control, protocol);
}

const fn has_26_bits(protocol: WiegandProtocol) -> bool {
    matches!(protocol, WiegandProtocol::W26 | WiegandProtocol::W26Facility | WiegandProtocol::W26FacilitySplit)
}

/// Restarts the terminal.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["IsRebootDevice"]))]
pub struct RebootDevice {
    /// Whether to: 0 does nothing.
    #[serde(rename = "IsRebootDevice", default, deserialize_with = "super::blank")]
    pub wanted: Option<Flag>,
}

pub fn reboot(cx: &Context, request: RebootDevice) -> Result<Answer> {
    let Some(wanted) = request.wanted else { bail!(BadParameter, "IsRebootDevice: is missing") };
    if wanted.on() {
        tracing::info!("a restart is asked for");
        cx.host.reboot()?;
    }
    Ok(Answer::Done)
}
