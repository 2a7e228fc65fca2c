//! What the screen says at a moment, in words: what happened, as the settings and the language want it shown.

use std::net::IpAddr;

use super::texts::{Texts, texts};
use super::{Message, Mood, Said, Scene, Work};
use crate::access::Reading;
use crate::field::LocalTime;
use crate::settings::{PASS_TEXT, Panel, REFUSED_TEXT, STRANGER_TEXT, Settings, ShowName};
use crate::vision::Rect;

/// What the terminal knows about itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Facts {
    /// What the clock on the wall shows.
    pub now: LocalTime,
    /// Where the API is reached; `None`: not known.
    pub address: Option<(IpAddr, u16)>,
    /// The terminal's number.
    pub device_id: u32,
    /// Registered people.
    pub people: usize,
    /// Version of the software.
    pub version: String,
}

/// All that is to be seen beside pictures, in words.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct View {
    /// Nothing at all: the light behind the panel is out.
    pub dark: bool,
    /// Box around the face, in pixels of the camera frame.
    pub face: Option<Rect>,
    /// Name of the terminal.
    pub title: Option<String>,
    /// Date and weekday.
    pub date: Option<String>,
    /// Hours and minutes.
    pub time: Option<String>,
    /// Address, number, people, version.
    pub foot: Vec<String>,
    /// What is said.
    pub tip: Option<Tip>,
    /// The keypad.
    pub keypad: Option<Keypad>,
    /// The terminal starts: in place of all else.
    pub start: Option<Start>,
    /// An upgrade: in place of all else.
    pub progress: Option<Progress>,
}

/// The keypad, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keypad {
    /// What to enter.
    pub words: String,
    /// How many digits were.
    pub digits: usize,
}

/// The start of the terminal, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Start {
    /// Name of the terminal.
    pub name: String,
    /// Version of the software.
    pub version: String,
    /// That it starts.
    pub words: String,
    /// Before what does not work.
    pub out_of_order: String,
    /// What does not work.
    pub faults: Vec<String>,
}

/// The progress of an upgrade, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What is being done.
    pub words: String,
    /// How far it is.
    pub percent: u8,
    /// What not to do meanwhile.
    pub note: String,
}

/// What is said, in words.
#[derive(Clone, PartialEq, Debug)]
pub struct Tip {
    /// How it is meant.
    pub mood: Mood,
    /// The words; empty where there are none.
    pub words: String,
    /// To whom.
    pub name: Option<String>,
    /// A temperature, and whether it is too high.
    pub temperature: Option<(String, bool)>,
    /// Numbers of cards.
    pub cards: Vec<String>,
    /// Whether a picture of the person goes with it.
    pub pictured: bool,
}

impl View {
    /// Whether the camera's picture is to be seen: nothing stands in its place.
    #[must_use]
    pub const fn shows_camera(&self) -> bool {
        !self.dark && self.start.is_none() && self.progress.is_none()
    }

    /// What `scene` looks like under `settings`.
    #[must_use]
    pub fn new(scene: &Scene, settings: &Settings, facts: &Facts) -> Self {
        if scene.dark {
            return Self { dark: true, ..Self::default() };
        }
        let panel = &settings.panel;
        let words = texts(settings.system.language.get());
        if let Some((work, percent)) = scene.progress {
            let doing = match work {
                Work::Fetching => words.fetching,
                Work::Installing => words.installing,
                Work::Restarting => words.restarting,
            };
            let progress = Progress { words: doing.to_owned(), percent, note: words.stay_on.to_owned() };
            return Self { progress: Some(progress), ..Self::default() };
        }
        if let Some(faults) = &scene.start {
            let start = Start {
                name: settings.device.name.as_str().to_owned(),
                version: facts.version.clone(),
                words: words.starting.to_owned(),
                out_of_order: words.out_of_order.to_owned(),
                faults: faults.iter().map(|part| words.parts.name(*part).to_owned()).collect(),
            };
            return Self { start: Some(start), ..Self::default() };
        }
        let tip = scene.message.as_deref().and_then(|message| Tip::new(message, settings, words));
        // A tip takes the keypad's place: what became of the digits is more than that more could be entered.
        let digits = scene.keypad.filter(|_| tip.is_none());
        let address = facts.address.filter(|_| !panel.hide_ip.on()).map(|(ip, port)| match port {
            80 => format!("IP {ip}"),
            _ => format!("IP {ip}:{port}"),
        });
        let device_id = panel.show_device_id.on().then(|| format!("{} {}", words.device, facts.device_id));
        let people = panel.show_person_count.on().then(|| format!("{} {}", words.people, facts.people));
        let version = panel.show_version.on().then(|| facts.version.clone());
        let now = facts.now.0;
        Self {
            dark: false,
            face: scene.face,
            title: panel.show_title.on().then(|| settings.device.name.as_str().to_owned()),
            date: panel.show_date.on().then(|| words.day(now.date())),
            time: panel.show_time.on().then(|| format!("{:02}:{:02}", now.hour(), now.minute())),
            foot: [address, device_id, people, version].into_iter().flatten().collect(),
            tip,
            keypad: digits.map(|digits| Keypad { words: words.enter_pin.to_owned(), digits }),
            start: None,
            progress: None,
        }
    }
}

impl Tip {
    /// A message in words; `None` where the settings do not want it seen.
    fn new(message: &Message, settings: &Settings, words: &Texts) -> Option<Self> {
        let panel = &settings.panel;
        if !wanted(&message.said, panel) {
            return None;
        }
        let name = message.person.as_ref().and_then(|person| shown_name(&person.name, panel.show_name));
        let card = message.card.as_ref().filter(|_| !panel.hide_card.on());
        let id_card = message.id_card.as_ref().filter(|_| !panel.hide_id_card.on());
        let cards = [card.map(|n| format!("{} {n}", words.card)), id_card.map(|n| format!("{} {n}", words.id_card))];
        Some(Self {
            mood: message.said.mood(),
            words: said(&message.said, panel, words),
            name,
            temperature: message.temperature.map(|reading| (temperature(reading, settings, words), reading.high)),
            cards: cards.into_iter().flatten().collect(),
            pictured: message.is_pictured(),
        })
    }
}

/// Whether the settings want it seen. A prompt and the platform's own words are always: who has to do something
/// must know, and the platform would not have sent them.
const fn wanted(said: &Said, panel: &Panel) -> bool {
    match said {
        Said::Pass => panel.pass_tip.on(),
        Said::Refused | Said::NotAlive | Said::NoMask | Said::Fever | Said::WrongPin | Said::NotBearer => {
            panel.fail_tip.on()
        }
        Said::Stranger | Said::UnknownCard => panel.stranger_tip.on(),
        Said::ShowCard
        | Said::ShowIdCard
        | Said::ShowFace
        | Said::WearMask
        | Said::Measuring
        | Said::Platform { .. } => true,
    }
}

fn said(said: &Said, panel: &Panel, words: &Texts) -> String {
    // The document's own words, and none, stand for those of the language.
    let own = |set: &str, document: &str, word: &str| {
        if set.trim().is_empty() || set == document { word.to_owned() } else { set.to_owned() }
    };
    let word = match said {
        Said::Pass => return own(panel.pass_text.as_str(), PASS_TEXT, words.pass),
        Said::Refused => return own(panel.refused_text.as_str(), REFUSED_TEXT, words.refused),
        Said::Stranger => return own(panel.stranger_text.as_str(), STRANGER_TEXT, words.stranger),
        Said::Platform { text, .. } => return text.clone(),
        Said::NotAlive => words.not_alive,
        Said::NoMask | Said::WearMask => words.no_mask,
        Said::Fever => words.fever,
        Said::UnknownCard => words.unknown_card,
        Said::WrongPin => words.wrong_pin,
        Said::NotBearer => words.not_bearer,
        Said::ShowCard => words.show_card,
        Said::ShowIdCard => words.show_id_card,
        Said::ShowFace => words.show_face,
        Said::Measuring => words.measuring,
    };
    word.to_owned()
}

/// A name as `IsShowName` wants it. Of its characters the first half stays, so that "张三" becomes "张*" and
/// "欧阳修" "欧**"; of a single one nothing, since it would be the whole name.
fn shown_name(name: &str, show: ShowName) -> Option<String> {
    let name = name.trim();
    let shown = match show {
        ShowName::Hidden => return None,
        ShowName::Whole => name.to_owned(),
        ShowName::Part => {
            let kept = name.chars().count() / 2;
            name.chars().enumerate().map(|(n, c)| if n < kept || c == ' ' { c } else { '*' }).collect()
        }
    };
    Some(shown).filter(|shown| !shown.is_empty())
}

fn temperature(reading: Reading, settings: &Settings, words: &Texts) -> String {
    if reading.high && !settings.temperature.show_abnormal.on() {
        return words.abnormal.to_owned();
    }
    if settings.temperature.fahrenheit.on() {
        format!("{:.1} °F", reading.celsius * 1.8 + 32.0)
    } else {
        format!("{:.1} °C", reading.celsius)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::Person;
    use crate::clock::Mono;
    use crate::field::{Bytes, Flag, Int, Text};
    use crate::ui::Part;
    use crate::ui::texts::LANGUAGES;

    fn facts() -> Facts {
        Facts {
            now: LocalTime::parse("2026-03-01T08:05:09").unwrap(),
            address: Some(([192, 168, 2, 10].into(), 80)),
            device_id: 1_300_001,
            people: 12,
            version: "v1.2.3".into(),
        }
    }

    fn message(said: Said) -> Message {
        let person = Person { name: "张三".into(), ..Person::new(LocalTime::UNSET) };
        Message {
            person: Some(Arc::new(person)),
            card: Some("123456".into()),
            id_card: Some("110101".into()),
            ..Message::new(said, Mono(1))
        }
    }

    fn view(message: Message, change: impl Fn(&mut Settings)) -> View {
        let mut settings = Settings::default();
        change(&mut settings);
        View::new(&Scene { message: Some(Arc::new(message)), ..Scene::default() }, &settings, &facts())
    }

    fn tip(message: Message, change: impl Fn(&mut Settings)) -> Option<Tip> {
        view(message, change).tip
    }

    #[test]
    fn tips_are_shown_as_their_switches_say() {
        let platform = |good| Said::Platform { text: "hello".into(), good };
        for (said, switch) in [
            (Said::Pass, Some(0)),
            (Said::Refused, Some(1)),
            (Said::NotAlive, Some(1)),
            (Said::NoMask, Some(1)),
            (Said::Fever, Some(1)),
            (Said::WrongPin, Some(1)),
            (Said::NotBearer, Some(1)),
            (Said::Stranger, Some(2)),
            (Said::UnknownCard, Some(2)),
            (Said::ShowCard, None),
            (Said::ShowIdCard, None),
            (Said::ShowFace, None),
            (Said::WearMask, None),
            (Said::Measuring, None),
            (platform(true), None),
            (platform(false), None),
        ] {
            for off in 0..3 {
                let flag = |n| Flag::from(n != off);
                let shown = tip(message(said.clone()), |settings| {
                    settings.panel.pass_tip = flag(0);
                    settings.panel.fail_tip = flag(1);
                    settings.panel.stranger_tip = flag(2);
                });
                assert_eq!(shown.is_some(), switch != Some(off), "{said:?}, switch {off} off");
            }
        }
    }

    #[test]
    fn words_are_the_languages_until_they_are_set() {
        for (language, texts) in (0..).zip(&LANGUAGES) {
            for (said, expect) in [
                (Said::Pass, texts.pass),
                (Said::Refused, texts.refused),
                (Said::Stranger, texts.stranger),
                (Said::NotAlive, texts.not_alive),
                (Said::NoMask, texts.no_mask),
                (Said::WearMask, texts.no_mask),
                (Said::Fever, texts.fever),
                (Said::UnknownCard, texts.unknown_card),
                (Said::WrongPin, texts.wrong_pin),
                (Said::NotBearer, texts.not_bearer),
                (Said::ShowCard, texts.show_card),
                (Said::ShowIdCard, texts.show_id_card),
                (Said::ShowFace, texts.show_face),
                (Said::Measuring, texts.measuring),
            ] {
                let shown = tip(message(said.clone()), |s| s.system.language = Int::of(language));
                assert_eq!(shown.unwrap().words, expect, "language {language}: {said:?}");
            }
        }
        for (set, expect) in [("欢迎", "欢迎"), ("  ", "Please pass"), (PASS_TEXT, "Please pass")] {
            let shown = tip(message(Said::Pass), |settings| {
                settings.system.language = Int::of(0);
                settings.panel.pass_text = Bytes::new(set).unwrap();
            });
            assert_eq!(shown.unwrap().words, expect);
        }
        for said in [Said::Refused, Said::Stranger] {
            let shown = tip(message(said), |settings| {
                settings.panel.refused_text = Bytes::new("own").unwrap();
                settings.panel.stranger_text = Bytes::new("own").unwrap();
            });
            assert_eq!(shown.unwrap().words, "own");
        }
    }

    #[test]
    fn names_are_hidden_by_characters() {
        for (name, part) in [
            ("张三", Some("张*")),
            ("欧阳修", Some("欧**")),
            ("司马相如", Some("司马**")),
            ("王", Some("*")),
            ("John Smith", Some("John *****")),
            ("Žižek", Some("Ži***")),
            ("", None),
            (" ", None),
        ] {
            assert_eq!(shown_name(name, ShowName::Part).as_deref(), part, "{name}");
            assert_eq!(shown_name(name, ShowName::Hidden), None);
        }
        assert_eq!(shown_name("张三", ShowName::Whole).as_deref(), Some("张三"));
    }

    #[test]
    fn card_numbers_are_hidden_each_by_its_switch() {
        for (hide, hide_id, expect) in [
            (0, 0, &["Card 123456", "ID card 110101"][..]),
            (1, 0, &["ID card 110101"]),
            (0, 1, &["Card 123456"]),
            (1, 1, &[]),
        ] {
            let shown = tip(message(Said::Pass), |settings| {
                settings.system.language = Int::of(0);
                settings.panel.hide_card = Flag::of(hide);
                settings.panel.hide_id_card = Flag::of(hide_id);
            });
            assert_eq!(shown.unwrap().cards, expect);
        }
    }

    #[test]
    fn temperatures_are_shown_as_asked_for() {
        let (normal, high) = (Reading { celsius: 36.54, high: false }, Reading { celsius: 38.0, high: true });
        for (reading, fahrenheit, abnormal, expect) in [
            (normal, 0, 0, "36.5 °C"),
            (normal, 1, 0, "97.8 °F"),
            (high, 0, 0, "Abnormal temperature"),
            (high, 0, 1, "38.0 °C"),
            (high, 1, 1, "100.4 °F"),
        ] {
            let shown = tip(Message { temperature: Some(reading), ..message(Said::Fever) }, |settings| {
                settings.system.language = Int::of(0);
                settings.temperature.fahrenheit = Flag::of(fahrenheit);
                settings.temperature.show_abnormal = Flag::of(abnormal);
            });
            assert_eq!(shown.unwrap().temperature, Some((expect.to_owned(), reading.high)));
        }
    }

    #[test]
    fn a_tip_takes_the_keypads_place_and_a_page_that_of_everything() {
        let settings = Settings::default();
        let tip = Some(Arc::new(message(Said::WrongPin)));
        for (digits, tip, page, expect) in [
            (None, None, 0, "      "),
            (Some(0), None, 0, "k0    "),
            (Some(3), None, 0, "k3    "),
            (Some(3), tip.clone(), 0, "  tip "),
            (Some(3), tip.clone(), 1, "start "),
            (Some(3), tip.clone(), 2, "bar 40"),
            (Some(3), tip, 3, "bar 40"),
        ] {
            let scene = Scene {
                message: tip,
                keypad: digits,
                start: (page & 1 > 0).then(|| Arc::from([Part::Camera, Part::Network])),
                progress: (page & 2 > 0).then_some((Work::Installing, 40)),
                ..Scene::default()
            };
            let view = View::new(&scene, &settings, &facts());
            let told = match &view {
                View { progress: Some(progress), tip: None, keypad: None, start: None, time: None, .. } => {
                    format!("bar {}", progress.percent)
                }
                View { start: Some(start), tip: None, keypad: None, time: None, .. } => {
                    assert_eq!((start.faults.len(), start.version.as_str()), (2, "v1.2.3"));
                    "start".to_owned()
                }
                View { tip: Some(_), keypad: None, .. } => "  tip".to_owned(),
                View { keypad: Some(keypad), .. } => format!("k{}", keypad.digits),
                _ => String::new(),
            };
            assert_eq!(format!("{told:<6}"), expect);
        }
    }

    #[test]
    fn every_part_has_its_own_name_in_every_language() {
        let parts = [
            Part::Camera,
            Part::Recognition,
            Part::Lock,
            Part::Inputs,
            Part::CardReader,
            Part::Keypad,
            Part::Thermometer,
            Part::Loudspeaker,
            Part::Light,
            Part::Network,
        ];
        for texts in &LANGUAGES {
            let mut names = parts.map(|part| texts.parts.name(part));
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        }
    }

    #[test]
    fn what_stands_around_follows_its_switches() {
        let idle = view(message(Said::Measuring), |settings| settings.system.language = Int::of(0));
        assert_eq!((idle.title, idle.time.as_deref()), (None, Some("08:05")));
        assert_eq!(idle.date.as_deref(), Some("2026-03-01 Sunday"));
        assert_eq!(idle.foot, ["IP 192.168.2.10"]);
        let full = view(message(Said::Measuring), |settings| {
            settings.system.language = Int::of(0);
            settings.device.name = Text::new("Gate 7").unwrap();
            let panel = &mut settings.panel;
            for flag in [&mut panel.show_title, &mut panel.show_version, &mut panel.show_device_id] {
                *flag = Flag::of(1);
            }
            panel.show_person_count = Flag::of(1);
        });
        assert_eq!(full.title.as_deref(), Some("Gate 7"));
        assert_eq!(full.foot, ["IP 192.168.2.10", "ID 1300001", "People 12", "v1.2.3"]);
        let bare = view(message(Said::Measuring), |settings| {
            let panel = &mut settings.panel;
            (panel.hide_ip, panel.show_date, panel.show_time) = (Flag::of(1), Flag::of(0), Flag::of(0));
        });
        assert_eq!((bare.date, bare.time, bare.foot.len()), (None, None, 0));
        let scene = Scene { dark: true, message: Some(Arc::new(message(Said::Pass))), ..Scene::default() };
        let dark = View::new(&scene, &Settings::default(), &facts());
        assert_eq!(dark, View { dark: true, ..View::default() });
    }
}
