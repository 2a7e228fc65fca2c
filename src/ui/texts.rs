//! The words on the screen by language (3.30): a language is one file below this one, and its line in `LANGUAGES`. A word
//! that is missing in one of them does not compile, and a test says which signs no font has.

mod chinese;
mod english;
mod french;
mod italian;
mod japanese;
mod korean;
mod portuguese;
mod russian;
mod spanish;
mod traditional_chinese;

use jiff::civil::Date;

use super::Part;

/// How a date is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DateOrder {
    /// 2026-03-01
    YearFirst,
    /// 01/03/2026
    DayFirst,
    /// 01.03.2026
    DayFirstDotted,
}

/// The words of a language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Texts {
    /// Admitted.
    pub pass: &'static str,
    /// Known and refused.
    pub refused: &'static str,
    /// Not on the lists.
    pub stranger: &'static str,
    /// Not a living face.
    pub not_alive: &'static str,
    /// A mask has to be worn and is not.
    pub no_mask: &'static str,
    /// Too high a temperature.
    pub fever: &'static str,
    /// A card nobody bears.
    pub unknown_card: &'static str,
    /// A password that opens nothing.
    pub wrong_pin: &'static str,
    /// The face is not that of the card's bearer.
    pub not_bearer: &'static str,
    /// A card has to be presented too.
    pub show_card: &'static str,
    /// An identity card has to be presented too.
    pub show_id_card: &'static str,
    /// The face has to be shown too.
    pub show_face: &'static str,
    /// The temperature is still to be measured.
    pub measuring: &'static str,
    /// Stands for the number of a temperature outside the limits.
    pub abnormal: &'static str,
    /// Before the number of a card.
    pub card: &'static str,
    /// Before the number of an identity card.
    pub id_card: &'static str,
    /// Before the terminal's number.
    pub device: &'static str,
    /// Before the number of registered people.
    pub people: &'static str,
    /// Over the keys while a password is entered.
    pub enter_pin: &'static str,
    /// The terminal starts.
    pub starting: &'static str,
    /// Before the parts that do not work.
    pub out_of_order: &'static str,
    /// New software is fetched.
    pub fetching: &'static str,
    /// New software is installed.
    pub installing: &'static str,
    /// The terminal restarts.
    pub restarting: &'static str,
    /// Under the progress of an upgrade.
    pub stay_on: &'static str,
    /// Names of the terminal's parts.
    pub parts: Parts,
    /// How a date is written.
    pub date: DateOrder,
    /// Monday first.
    pub weekdays: [&'static str; 7],
}

/// Names of the terminal's parts, for who has to know which one does not work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    /// Colour or infrared camera.
    pub camera: &'static str,
    /// Models and engine.
    pub recognition: &'static str,
    /// The relay, or the lines to a door controller.
    pub lock: &'static str,
    /// Exit button, door contact and the like.
    pub inputs: &'static str,
    /// Reader of cards.
    pub card_reader: &'static str,
    /// Keypad.
    pub keypad: &'static str,
    /// Thermal sensor.
    pub thermometer: &'static str,
    /// Loudspeaker.
    pub loudspeaker: &'static str,
    /// White light, or the one behind the panel.
    pub light: &'static str,
    /// Cable and WiFi.
    pub network: &'static str,
}

impl Parts {
    /// The name of a part.
    #[must_use]
    pub const fn name(&self, part: Part) -> &'static str {
        match part {
            Part::Camera => self.camera,
            Part::Recognition => self.recognition,
            Part::Lock => self.lock,
            Part::Inputs => self.inputs,
            Part::CardReader => self.card_reader,
            Part::Keypad => self.keypad,
            Part::Thermometer => self.thermometer,
            Part::Loudspeaker => self.loudspeaker,
            Part::Light => self.light,
            Part::Network => self.network,
        }
    }
}

/// By the document's language number (3.30), 0 first.
pub static LANGUAGES: [Texts; 10] = [
    english::TEXTS,
    chinese::TEXTS,
    traditional_chinese::TEXTS,
    portuguese::TEXTS,
    korean::TEXTS,
    russian::TEXTS,
    italian::TEXTS,
    french::TEXTS,
    spanish::TEXTS,
    japanese::TEXTS,
];

/// The words of a language; English where the number has none.
#[must_use]
pub fn texts(language: i64) -> &'static Texts {
    usize::try_from(language).ok().and_then(|n| LANGUAGES.get(n)).unwrap_or(&LANGUAGES[0])
}

impl Texts {
    /// A date with its weekday.
    #[must_use]
    pub fn day(&self, date: Date) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let written = match self.date {
            DateOrder::YearFirst => format!("{year:04}-{month:02}-{day:02}"),
            DateOrder::DayFirst => format!("{day:02}/{month:02}/{year:04}"),
            DateOrder::DayFirstDotted => format!("{day:02}.{month:02}.{year:04}"),
        };
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).ok().and_then(|n| self.weekdays.get(n));
        format!("{written} {}", weekday.unwrap_or(&""))
    }

    /// Every text, for who has to know that each can be drawn.
    #[must_use]
    pub fn all(&self) -> Vec<&'static str> {
        // Without `..`: a new text that is forgotten here does not compile.
        let Self {
            pass,
            refused,
            stranger,
            not_alive,
            no_mask,
            fever,
            unknown_card,
            wrong_pin,
            not_bearer,
            show_card,
            show_id_card,
            show_face,
            measuring,
            abnormal,
            card,
            id_card,
            device,
            people,
            enter_pin,
            starting,
            out_of_order,
            fetching,
            installing,
            restarting,
            stay_on,
            parts,
            date: _,
            weekdays,
        } = *self;
        let Parts { camera, recognition, lock, inputs, card_reader, keypad, thermometer, loudspeaker, light, network } =
            parts;
        let mut all = vec![
            pass,
            refused,
            stranger,
            not_alive,
            no_mask,
            fever,
            unknown_card,
            wrong_pin,
            not_bearer,
            show_card,
            show_id_card,
            show_face,
            measuring,
            abnormal,
            card,
            id_card,
            device,
            people,
            enter_pin,
            starting,
            out_of_order,
            fetching,
            installing,
            restarting,
            stay_on,
            camera,
            recognition,
            lock,
            inputs,
            card_reader,
            keypad,
            thermometer,
            loudspeaker,
            light,
            network,
        ];
        all.extend(weekdays);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_language_is_in_the_list_once() {
        let files = std::fs::read_dir("src/ui/texts").unwrap().count();
        assert_eq!(files, LANGUAGES.len());
        for (number, texts) in LANGUAGES.iter().enumerate() {
            let same = LANGUAGES.iter().filter(|other| other.all() == texts.all()).count();
            assert_eq!(same, 1, "language {number} is there twice");
        }
    }

    #[test]
    fn dates_are_written_as_the_language_does() {
        let date = Date::constant(2026, 3, 1);
        for (language, expect) in [
            (0, "2026-03-01 Sunday"),
            (1, "2026-03-01 星期日"),
            (5, "01.03.2026 Воскресенье"),
            (7, "01/03/2026 Dimanche"),
        ] {
            assert_eq!(texts(language).day(date), expect);
        }
        assert_eq!(texts(99), &LANGUAGES[0]);
    }
}
