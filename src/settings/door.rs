//! Door conditions (3.2): who may open, what has to be presented, which outputs move.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rules;
use crate::error::Result as Checked;
use crate::field::{Flag, Int};
use crate::numbered;

numbered! {
    /// Who decides that the door opens (3.2.3).
    pub enum OpenWay {
        /// A recognised face opens; remote opening has no effect.
        Face = 0,
        /// The platform opens; recognised faces open too but leave no record.
        Remote = 1,
        /// Both open.
        FaceOrRemote = 2,
        /// A recognised face asks the platform, which answers in its acknowledgement.
        FaceThenRemote = 3,
    }
}

numbered! {
    /// How a card number is laid out on the Wiegand lines (3.2).
    pub enum WiegandProtocol {
        /// 26 bits: one number of 24.
        W26 = 0,
        /// 34 bits: one number of 32.
        W34 = 1,
        /// 26 bits: facility code 8 and card 16.
        W26Facility = 4,
        /// 34 bits: facility code 8 and card 24.
        W34Facility = 5,
        /// As 4, entered in two fields.
        W26FacilitySplit = 6,
        /// As 5, entered in two fields.
        W34FacilitySplit = 7,
    }
}

numbered! {
    /// Which outputs open the door.
    pub enum ControlType {
        /// A frame to a door controller.
        Wiegand = 0,
        /// The terminal's relay.
        Relay = 1,
        /// Both.
        Both = 2,
    }
}

numbered! {
    /// What the relay does to open.
    pub enum IoType {
        /// The contact closes for the hold time.
        Close = 0,
        /// The contact opens for the hold time.
        Open = 1,
    }
}

numbered! {
    /// How card numbers are written in answers and pushes (3.10.5).
    pub enum CardMode {
        /// As a number.
        Decimal = 0,
        /// As a text of hexadecimal digits.
        Hex = 1,
    }
}

numbered! {
    /// What has to be presented, masks and temperature aside.
    pub enum Basis {
        /// A face of the allow list.
        Face = 1,
        /// An ID card and the face on it.
        IdCard = 2,
        /// A face of the allow list and the ID card of the same person.
        FaceAndIdCard = 3,
        /// Either.
        FaceOrIdCard = 4,
        /// Any face at all: only mask or temperature count.
        Anybody = 5,
        /// A card of the built-in RF reader.
        RfCard = 21,
        /// That card and the face of its bearer.
        RfCardAndFace = 22,
        /// Either.
        RfCardOrFace = 23,
        /// A card of a Wiegand reader.
        Wiegand = 24,
        /// That card and the face of its bearer.
        WiegandAndFace = 25,
        /// Either.
        WiegandOrFace = 26,
    }
}

/// What has to be presented (`VerifyMode`, 3.2): a basis, and whether a mask and a normal temperature are
/// needed besides (`0x100`, `0x200`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyMode {
    /// The basis.
    pub basis: Basis,
    /// Whether a mask must be worn.
    pub mask: bool,
    /// Whether the temperature must be normal.
    pub temperature: bool,
}

impl VerifyMode {
    /// A face of the allow list and nothing else.
    pub const FACE: Self = Self { basis: Basis::Face, mask: false, temperature: false };
    const MASK: i64 = 0x100;
    const TEMPERATURE: i64 = 0x200;

    /// The document's number for it.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.basis.number() | self.checks()
    }

    /// The part of the number that speaks of mask and temperature.
    #[must_use]
    pub const fn checks(self) -> i64 {
        (if self.mask { Self::MASK } else { 0 }) | (if self.temperature { Self::TEMPERATURE } else { 0 })
    }

    /// The meaning of the document's `number`, if it has one.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let basis = Basis::from_number(number & 0xFF).filter(|_| number >> 10 == 0)?;
        let mode = Self { basis, mask: number & Self::MASK != 0, temperature: number & Self::TEMPERATURE != 0 };
        (basis != Basis::Anybody || mode.checks() != 0).then_some(mode)
    }
}

impl Serialize for VerifyMode {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_i64(self.number())
    }
}

impl<'de> Deserialize<'de> for VerifyMode {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let number = Int::<1, 1023>::deserialize(d)?.get();
        Self::from_number(number).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "{number} is none of 1 to 4 and 21 to 26, nor one of them or 5 with 256 (mask) or 512 (temperature)"
            ))
        })
    }
}

impl JsonSchema for VerifyMode {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VerifyMode".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 794 })
    }
}

/// Door conditions (3.2).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Door {
    /// Similarity from which a face is somebody on the lists.
    #[serde(rename = "FaceThreshold")]
    pub face_threshold: Int<50, 100>,
    /// Similarity from which a face is the ID card's.
    #[serde(rename = "IDCardThreshold")]
    pub id_card_threshold: Int<50, 100>,
    /// Seconds a verdict stays on the screen and the same person is not verified again.
    #[serde(rename = "VerifyResetTime")]
    pub verify_reset_s: Int<1, 10>,
    /// Who decides that the door opens.
    #[serde(rename = "OpendoorWay")]
    pub open_way: OpenWay,
    /// What has to be presented: 1 a face of the lists, 2 an identity card and the face on it, 3 both, 4 either; 21 a
    /// card of the built-in reader, 22 that and the face of its bearer, 23 either; 24 to 26 the same with a Wiegand
    /// reader; 5 any face. With 256 a mask too, with 512 a normal temperature too; 5 needs one of them.
    #[serde(rename = "VerifyMode")]
    pub verify_mode: VerifyMode,
    /// Layout of the card number on the Wiegand lines.
    #[serde(rename = "Wiegand")]
    pub wiegand: WiegandProtocol,
    /// Which outputs open the door.
    #[serde(rename = "ControlType")]
    pub control: ControlType,
    /// What the relay does to open.
    #[serde(rename = "IOType")]
    pub io_type: IoType,
    /// How long the relay holds, milliseconds.
    #[serde(rename = "IOStayTime")]
    pub io_stay_ms: Int<0, 600_000>,
    /// Card number sent for people with the public card and for remote opening.
    #[serde(rename = "PublicMjCardNo")]
    pub public_card: Int<0, 4_294_967_295>,
    /// First number given out automatically.
    #[serde(rename = "AutoMjCardBgnNo")]
    pub auto_card_first: Int<0, 4_294_967_295>,
    /// Last number given out automatically.
    #[serde(rename = "AutoMjCardEndNo")]
    pub auto_card_last: Int<0, 4_294_967_295>,
    /// Byte order of card numbers read from a reader: 0 big, 1 little.
    #[serde(rename = "Endian")]
    pub endian: Flag,
    /// How card numbers are written in answers and pushes.
    #[serde(rename = "CardMode")]
    pub card_mode: CardMode,
    /// Whether a stranger sends a Wiegand frame of all ones.
    #[serde(rename = "IsOutFF")]
    pub stranger_sends_ones: Flag,
    /// Seconds after an admission before the next person is verified.
    #[serde(rename = "SnapResetTime")]
    pub snap_reset_s: Int<0, 15>,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            face_threshold: Int::of(80),
            id_card_threshold: Int::of(50),
            verify_reset_s: Int::of(2),
            open_way: OpenWay::Face,
            verify_mode: VerifyMode::FACE,
            wiegand: WiegandProtocol::W34,
            control: ControlType::Both,
            io_type: IoType::Close,
            io_stay_ms: Int::of(1000),
            public_card: Int::of(1),
            auto_card_first: Int::of(1),
            auto_card_last: Int::of(65_535),
            endian: Flag::of(0),
            card_mode: CardMode::Decimal,
            stranger_sends_ones: Flag::of(0),
            snap_reset_s: Int::of(0),
        }
    }
}

impl Rules for Door {
    fn check(&self) -> Checked<()> {
        if self.auto_card_first > self.auto_card_last {
            crate::bail!(
                BadParameter,
                "AutoMjCardBgnNo: {} is larger than AutoMjCardEndNo {}",
                self.auto_card_first.get(),
                self.auto_card_last.get()
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verify_modes_are_the_documents() {
        let basis = [1, 2, 3, 4, 5, 21, 22, 23, 24, 25, 26];
        for number in -1..1200 {
            let expect = (1..0x400).contains(&number) && basis.contains(&(number & 0xFF)) && number != 5;
            let mode = VerifyMode::from_number(number);
            assert_eq!(mode.is_some(), expect, "{number}");
            assert!(mode.is_none_or(|mode| mode.number() == number), "{number}");
        }
    }
}
