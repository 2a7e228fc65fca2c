//! Wiegand card numbers: how they are entered, shown and laid out in a frame (3.10.5; SIA AC-01).

use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault, Result};
use crate::numbered;
use crate::settings::WiegandProtocol;

numbered! {
    /// How a card number was entered (`WiegandType`, 3.10).
    pub enum CardFormat {
        /// One number of 24 bits.
        W26 = 0,
        /// One number of 32 bits.
        W34 = 1,
        /// Facility code of 8 and number of 16 bits.
        W26Split = 6,
        /// Facility code of 8 and number of 24 bits.
        W34Split = 7,
    }
}

impl CardFormat {
    /// Bits of the number beside (or without) a facility code.
    #[must_use]
    pub const fn number_bits(self) -> u32 {
        match self {
            Self::W26 | Self::W34Split => 24,
            Self::W34 => 32,
            Self::W26Split => 16,
        }
    }

    /// Whether a facility code is entered in a field of its own.
    #[must_use]
    pub const fn is_split(self) -> bool {
        matches!(self, Self::W26Split | Self::W34Split)
    }
}

impl WiegandProtocol {
    /// Bits of the number beside (or without) a facility code.
    #[must_use]
    pub const fn number_bits(self) -> u32 {
        match self {
            Self::W26 | Self::W34Facility | Self::W34FacilitySplit => 24,
            Self::W34 => 32,
            Self::W26Facility | Self::W26FacilitySplit => 16,
        }
    }

    /// Whether 8 bits of facility code stand before the number.
    #[must_use]
    pub const fn has_facility(self) -> bool {
        !matches!(self, Self::W26 | Self::W34)
    }

    /// Bits between the two parity bits: 24 or 32.
    #[must_use]
    pub const fn data_bits(self) -> u32 {
        self.number_bits() + if self.has_facility() { 8 } else { 0 }
    }
}

/// A card number as it was entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Card {
    format: CardFormat,
    facility: u8,
    number: u32,
}

impl Card {
    /// A card of `format`.
    ///
    /// # Errors
    /// [`Fault::BadFacility`] without a facility code where the format needs one, [`Fault::BadCard`] when
    /// the number does not fit.
    pub fn new(format: CardFormat, facility: Option<u8>, number: u32) -> Result<Self> {
        let facility = match (format.is_split(), facility) {
            (true, Some(code)) => code,
            (true, None) => crate::bail!(BadFacility, "WGFacilityCode: needed with WiegandType {}", format.number()),
            (false, _) => 0,
        };
        if u64::from(number) >> format.number_bits() != 0 {
            return Err(Error::new(
                Fault::BadCard,
                format!("MjCardNo: {number} does not fit {} bits", format.number_bits()),
            ));
        }
        Ok(Self { format, facility, number })
    }

    /// How it was entered.
    #[must_use]
    pub const fn format(self) -> CardFormat {
        self.format
    }

    /// All bits as one number: what makes two cards the same card.
    #[must_use]
    pub const fn whole(self) -> u32 {
        match self.format {
            CardFormat::W26 | CardFormat::W34 => self.number,
            CardFormat::W26Split => (self.facility as u32) << 16 | self.number,
            CardFormat::W34Split => (self.facility as u32) << 24 | self.number,
        }
    }

    /// Facility code and number as `protocol` shows and sends them. A number too long for the protocol
    /// keeps its low bits; a facility code entered on its own stays the facility code.
    #[must_use]
    pub const fn parts(self, protocol: WiegandProtocol) -> (Option<u8>, u32) {
        let mask = u32::MAX >> (32 - protocol.number_bits());
        if !protocol.has_facility() {
            return (None, self.whole() & mask);
        }
        let facility = if self.format.is_split() {
            self.facility
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "the shifted-down top byte of the data bits")]
            let top = (self.number >> protocol.number_bits()) as u8;
            top
        };
        (Some(facility), (if self.format.is_split() { self.number } else { self.whole() }) & mask)
    }
}

/// A Wiegand frame as it goes over the lines, first bit highest, parity bits included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WiegandFrame {
    /// Number of bits, 4 to 64.
    pub bits: u32,
    /// The bits, right-aligned.
    pub value: u64,
}

impl WiegandFrame {
    /// The frame that tells a door controller `card`.
    #[must_use]
    pub fn of_card(card: Card, protocol: WiegandProtocol) -> Self {
        let (facility, number) = card.parts(protocol);
        let facility = u64::from(facility.unwrap_or(0)) << protocol.number_bits();
        Self::with_parity(facility | u64::from(number), protocol.data_bits())
    }

    /// The frame of a bare number; its low bits where it is too long.
    #[must_use]
    pub fn of_number(number: u32, protocol: WiegandProtocol) -> Self {
        let data = protocol.data_bits();
        Self::with_parity(u64::from(number) & (u64::MAX >> (64 - data)), data)
    }

    /// All data bits one: what a stranger sends under `IsOutFF`.
    #[must_use]
    pub fn all_ones(protocol: WiegandProtocol) -> Self {
        Self::of_number(u32::MAX, protocol)
    }

    /// Even parity over the first half in front, odd parity over the second half behind.
    fn with_parity(data: u64, data_bits: u32) -> Self {
        let half = data_bits / 2;
        let even = u64::from((data >> half).count_ones() % 2);
        let odd = u64::from((data & ((1 << half) - 1)).count_ones().is_multiple_of(2));
        Self { bits: data_bits + 2, value: even << (data_bits + 1) | data << 1 | odd }
    }

    /// The data bits of a frame of 26 or 34 bits whose parity holds.
    #[must_use]
    pub fn data(self) -> Option<u32> {
        if self.bits != 26 && self.bits != 34 {
            return None;
        }
        let data_bits = self.bits - 2;
        let data = self.value >> 1 & ((1 << data_bits) - 1);
        (Self::with_parity(data, data_bits) == self).then_some(data).and_then(|d| u32::try_from(d).ok())
    }

    /// The level sequence: `true` is a pulse on DATA1.
    pub fn pulses(self) -> impl Iterator<Item = bool> {
        (0..self.bits).rev().map(move |bit| self.value >> bit & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WiegandProtocol::*;

    fn card(format: CardFormat, facility: Option<u8>, number: u32) -> Card {
        Card::new(format, facility, number).unwrap()
    }

    #[test]
    fn every_protocol_shows_and_sends_the_entered_card() {
        let decimal = card(CardFormat::W34, None, 1_046_239);
        let w26 = card(CardFormat::W26, None, 0x9A_018B);
        let split34 = card(CardFormat::W34Split, Some(0x9A), 0x01_8B2D);
        let split26 = card(CardFormat::W26Split, Some(0x9A), 0x8B2D);
        for (card, protocol, parts, data) in [
            (decimal, W34, (None, 1_046_239), 1_046_239),
            (decimal, W26, (None, 1_046_239), 1_046_239),
            (decimal, W26Facility, (Some(0x0F), 0xF6DF), 0x0F_F6DF),
            (decimal, W34Facility, (Some(0), 0x0F_F6DF), 0x0F_F6DF),
            (w26, W26FacilitySplit, (Some(0x9A), 0x018B), 0x9A_018B),
            (split34, W34, (None, 0x9A01_8B2D), 0x9A01_8B2D),
            (split34, W26, (None, 0x01_8B2D), 0x01_8B2D),
            (split34, W34Facility, (Some(0x9A), 0x01_8B2D), 0x9A01_8B2D),
            (split34, W34FacilitySplit, (Some(0x9A), 0x01_8B2D), 0x9A01_8B2D),
            (split34, W26FacilitySplit, (Some(0x9A), 0x8B2D), 0x9A_8B2D),
            (split26, W26, (None, 0x9A_8B2D), 0x9A_8B2D),
            (split26, W34, (None, 0x9A_8B2D), 0x9A_8B2D),
            (split26, W26Facility, (Some(0x9A), 0x8B2D), 0x9A_8B2D),
            (split26, W34FacilitySplit, (Some(0x9A), 0x8B2D), 0x9A00_8B2D),
        ] {
            assert_eq!(card.parts(protocol), parts, "{card:?} {protocol:?}");
            assert_eq!(WiegandFrame::of_card(card, protocol).data(), Some(data), "{card:?} {protocol:?}");
        }
    }

    #[test]
    fn parity_follows_the_standard() {
        // 26 bits: facility 1, card 1. First twelve data bits 000000010000 hold one 1, so even parity is 1;
        // the last twelve 000000000001 hold one 1, so odd parity is 0.
        let frame = WiegandFrame::of_card(card(CardFormat::W26Split, Some(1), 1), W26Facility);
        assert_eq!(frame, WiegandFrame { bits: 26, value: 0b10_0000_0010_0000_0000_0000_0010 });
        assert_eq!(frame.pulses().count(), 26);
        assert_eq!(frame.pulses().next(), Some(true));
        for bit in 0..26 {
            assert_eq!(WiegandFrame { value: frame.value ^ 1 << bit, ..frame }.data(), None, "bit {bit}");
        }
    }

    #[test]
    fn a_stranger_sends_eight_f() {
        assert_eq!(WiegandFrame::all_ones(W34).data(), Some(0xFFFF_FFFF));
        assert_eq!(WiegandFrame::all_ones(W26).data(), Some(0xFF_FFFF));
    }

    #[test]
    fn cards_that_do_not_fit_are_refused() {
        for (format, facility, number, fault) in [
            (CardFormat::W26, None, 1 << 24, Fault::BadCard),
            (CardFormat::W26Split, Some(1), 1 << 16, Fault::BadCard),
            (CardFormat::W34Split, Some(1), 1 << 24, Fault::BadCard),
            (CardFormat::W34Split, None, 1, Fault::BadFacility),
        ] {
            assert_eq!(Card::new(format, facility, number).map_err(|e| e.fault), Err(fault));
        }
    }
}
