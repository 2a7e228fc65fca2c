//! What people present, taken to `access::session`: faces, cards, identity cards, passwords, codes, and what is measured
//! of whoever stands there.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tracing::{info, warn};

use super::decisions::Note;
use super::outcome::Cause;
use super::{Credential, ReadIdCard, Running, reset};
use crate::access::keypad::FORGOTTEN_AFTER;
use crate::access::mode::takes_cards;
use crate::access::session::{Liveness, Look, Now};
use crate::access::{
    Card, CardFormat, CardNumber, CardReader, Key, Keypad, LibId, Notice, Person, Reading, What, WiegandFrame, pin,
};
use crate::clock::Mono;
use crate::settings::{OpenWay, Settings};
use crate::store::Picture;
use crate::ui::{Message, Said};
use crate::vision::{Embedding, Sighting};

/// Wrong passwords that cost nothing: typing errors.
const FREE_FAILURES: u32 = 5;
/// How long the keypad is not listened to after more of them; doubles with each further one.
const FIRST_REFUSAL: Duration = Duration::from_secs(10);
const LONGEST_REFUSAL: Duration = Duration::from_secs(600);

/// What was presented lately, as far as `access` does not need it.
#[derive(Default)]
pub(super) struct Presented {
    /// The last good look at a face.
    sighting: Option<Sighting>,
    /// The face on the identity card presented last, and until when it counts.
    on_id_card: Option<(Option<Embedding>, Mono)>,
    /// The code read last, and until when it is not reported again.
    code: Option<(String, Mono)>,
    /// Until when a temperature too low is not told again.
    cold_until: Mono,
    /// What was typed at the keypad so far.
    keypad: Keypad,
    /// Until when the keypad is on the screen; `None`: it is not.
    keypad_until: Option<Mono>,
    /// Wrong passwords in a row, and until when none is taken.
    wrong_pins: u32,
    pins_from: Mono,
}

impl Presented {
    /// When the keypad is put away.
    pub(super) const fn keypad_until(&self) -> Option<Mono> {
        self.keypad_until
    }

    /// The face that is, or just was, before the camera.
    pub(super) fn face(&self, now: Mono, settings: &Settings) -> Option<&Sighting> {
        self.sighting.as_ref().filter(|sighting| now.since(sighting.frame.at) < reset(settings))
    }
}

impl Running {
    pub(super) fn look(&mut self, sighting: Sighting, settings: &Settings) {
        self.parts.presenter.face(sighting.face.bbox);
        let now = self.now(settings);
        if self.session.watches(&settings.door, now.mono) {
            self.looks.count(&sighting);
        }
        if sighting.quality.is_err() {
            return;
        }
        let best = sighting.best.as_ref();
        let look = Look {
            track: sighting.track.0,
            person: best.and_then(|m| self.parts.store.person(LibId(m.id))),
            similarity: best.map_or(0.0, |m| m.similarity.get()),
            liveness: match sighting.liveness.map(|l| l.alive) {
                None => Liveness::Off,
                Some(None) => Liveness::Undecided,
                Some(Some(alive)) => Liveness::Alive(alive),
            },
            to_id_card: self.to_id_card(&sighting, now.mono),
        };
        let cause = Cause::look(&sighting);
        self.presented.sighting = Some(sighting);
        let heard = self.session.look(&look, &settings.door, now);
        self.hear(heard, cause, settings, now);
    }

    /// How much the face looks like the one on the identity card, 0 to 100.
    fn to_id_card(&self, sighting: &Sighting, now: Mono) -> Option<f32> {
        let (on_card, _) = self.presented.on_id_card.as_ref().filter(|(_, until)| now < *until)?;
        let (seen, on_card) = (sighting.embedding.as_ref()?, on_card.as_ref()?);
        Some(self.parts.comparison.get()?.similarity(seen, on_card).get())
    }

    pub(super) fn present(&mut self, credential: Credential, settings: &Settings) {
        let now = self.now(settings);
        match credential {
            Credential::Wiegand(frame) => self.wiegand_card(frame, settings, now),
            Credential::RfCard(number) => self.rf_card(number, settings, now),
            Credential::IdCard(read) => self.id_card(*read, settings, now),
            Credential::Pin(entered) => self.pin(&entered, settings, now),
            Credential::QrCode(text) => self.code(text, settings, now),
        }
    }

    /// A key of a keypad: the password is complete with its enter key.
    pub(super) fn key(&mut self, key: Key, settings: &Settings) {
        let now = self.now(settings);
        let entered = self.presented.keypad.press(key, now.mono);
        let typed = self.presented.keypad.typed(now.mono);
        self.show_keypad((typed > 0).then_some(typed), now.mono);
        if let Some(digits) = entered {
            self.pin(&digits, settings, now);
        }
    }

    /// A finger on the panel: the first one brings the keypad, one beside its keys takes it away.
    pub(super) fn touch(&mut self, x: f32, y: f32, settings: &Settings) {
        let now = self.now(settings).mono;
        if self.presented.keypad_until.is_none() {
            return self.show_keypad(Some(0), now);
        }
        match self.parts.presenter.key_at(x, y) {
            // Its enter key on nothing is how it is put away too.
            Some(key) => self.key(key, settings),
            None => self.key(Key::Clear, settings),
        }
    }

    fn show_keypad(&mut self, digits: Option<usize>, now: Mono) {
        let until = now.after(FORGOTTEN_AFTER);
        self.presented.keypad_until = digits.map(|_| until);
        self.parts.presenter.keypad(digits, until);
    }

    /// Nobody has gone on with it.
    pub(super) fn put_keypad_away(&mut self) {
        let now = self.parts.clock.mono();
        if self.presented.keypad_until.is_some_and(|until| until <= now) {
            self.show_keypad(None, now);
        }
    }

    fn wiegand_card(&mut self, frame: WiegandFrame, settings: &Settings, now: Now) {
        if let Some(key) = Key::of_frame(frame) {
            return self.key(key, settings);
        }
        let Some(data) = frame.data() else {
            warn!(bits = frame.bits, "a Wiegand frame with wrong parity or length is passed over");
            return self.tell("misread", json!({ "reader": "wiegand", "bits": frame.bits }), settings);
        };
        let format = if frame.bits == 26 { CardFormat::W26 } else { CardFormat::W34 };
        let bytes = if frame.bits == 26 { 3 } else { 4 };
        let whole = if settings.door.endian.on() { data.swap_bytes() >> (32 - 8 * bytes) } else { data };
        let Ok(card) = Card::new(format, None, whole) else { return };
        let bearer = self.parts.store.by_card(whole);
        self.card(CardNumber::Wiegand(card), bearer, settings, now);
    }

    fn rf_card(&mut self, number: u64, settings: &Settings, now: Now) {
        let number = match (settings.door.endian.on(), u32::try_from(number)) {
            (true, Ok(number)) => u64::from(number.swap_bytes()),
            _ => number,
        };
        let bearer = self.parts.store.by_rf_card(number.into());
        self.card(CardNumber::Rf(format!("{number:X}")), bearer, settings, now);
    }

    fn card(&mut self, number: CardNumber, bearer: Option<Arc<Person>>, settings: &Settings, now: Now) {
        let reader = number.reader();
        if !takes_cards(settings.door.verify_mode, reader) {
            let reader = match reader {
                CardReader::Rf => "rf",
                CardReader::Wiegand => "wiegand",
            };
            let mode = settings.door.verify_mode.number();
            return self.tell("card_unused", json!({ "reader": reader, "verify_mode": mode }), settings);
        }
        let heard = self.session.card(number, bearer, &settings.door, now);
        self.hear(heard, Cause::reader(now.mono), settings, now);
    }

    fn id_card(&mut self, read: ReadIdCard, settings: &Settings, now: Now) {
        let photo = read.photo.map(|frame| {
            let (width, height) = frame.dimensions();
            Picture { frame, crop: (0, 0, width, height) }
        });
        let notice = Notice::new(now.local, What::IdCard(read.card.clone()));
        self.parts.store.append_notice(notice, photo);
        self.presented.on_id_card = Some((read.embedding, now.mono.after(reset(settings))));
        let heard = self.session.id_card(Arc::new(read.card), &settings.door, now);
        self.hear(heard, Cause::reader(now.mono), settings, now);
    }

    fn code(&mut self, text: String, settings: &Settings, now: Now) {
        let known = self.presented.code.as_ref().is_some_and(|(last, until)| *last == text && now.mono < *until);
        // As long as it stays before the camera it is one presentation.
        self.presented.code = Some((text.clone(), now.mono.after(reset(settings))));
        if known {
            return;
        }
        info!("a QR code was read");
        self.tell("qr_code", json!({ "text": text }), settings);
        self.parts.store.append_notice(Notice::new(now.local, What::QrCode(text)), None);
    }

    fn pin(&mut self, entered: &str, settings: &Settings, now: Now) {
        let until = now.mono.after(reset(settings));
        let refused = now.mono < self.presented.pins_from;
        let kind = if refused { None } else { self.parts.pins.admits(&settings.passwords.digests, entered, now.local) };
        let Some(kind) = kind else {
            if !refused {
                self.presented.wrong_pins += 1;
                if let Some(beyond) = self.presented.wrong_pins.checked_sub(FREE_FAILURES) {
                    let wait = FIRST_REFUSAL.saturating_mul(1 << beyond.min(10)).min(LONGEST_REFUSAL);
                    self.presented.pins_from = now.mono.after(wait);
                    warn!(
                        failures = self.presented.wrong_pins,
                        wait_s = wait.as_secs(),
                        "wrong passwords at the keypad"
                    );
                }
            }
            let reason =
                if refused { "too many wrong passwords, none is taken for a while" } else { "no such password" };
            self.parts.presenter.say(Message::new(Said::WrongPin, until));
            return self.parts.decisions.note(Note::new(now.local, "refuse", reason));
        };
        self.presented.wrong_pins = 0;
        let relay = self.open(None, settings);
        if settings.door.open_way != OpenWay::Remote {
            let picture = self.picture(settings, now.mono);
            self.parts.store.append_notice(Notice::new(now.local, What::Pin), picture);
        }
        self.parts.presenter.say(Message::new(Said::Pass, until));
        let reason = match kind {
            pin::Kind::Kept => "a password that opens",
            pin::Kind::Temporary => "the temporary password of this hour",
        };
        info!(reason, "opened by a password");
        self.parts
            .decisions
            .note(Note { frame_to_relay: relay.map(|at| at.since(now.mono)), ..Note::new(now.local, "admit", reason) });
    }

    pub(super) fn mask(&mut self, worn: bool, settings: &Settings) {
        let now = self.now(settings);
        let heard = self.session.mask(worn, &settings.door, now);
        self.hear(heard, Cause::reader(now.mono), settings, now);
    }

    pub(super) fn temperature(&mut self, measured: f64, settings: &Settings) {
        let rules = &settings.temperature;
        let celsius = measured + rules.correction.get();
        let now = self.now(settings);
        if celsius < rules.low.get() {
            // A sensor that looks into an empty hall says so many times a second.
            if now.mono >= self.presented.cold_until {
                self.tell("too_cold", json!({ "celsius": celsius }), settings);
            }
            self.presented.cold_until = now.mono.after(reset(settings));
            return;
        }
        let reading = Reading { celsius, high: celsius > rules.high.get() };
        let heard = self.session.temperature(reading, &settings.door, now);
        self.hear(heard, Cause::reader(now.mono), settings, now);
    }
}
