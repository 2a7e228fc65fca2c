//! The loop with a real store and pretend outputs, its clock moved by hand.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::access::{Card, CardFormat, CardSource, ControlRecord, LibId, Person, Validity};
use crate::clock::ManualClock;
use crate::condition::Conditions;
use crate::field::{Int, LocalTime};
use crate::hal::sim::{SimRelay, World};
use crate::settings::{Door as Rules, OpenWay, VerifyMode};
use crate::store::{Limits, Range};
use crate::ui::Screen;
use crate::vision::{Metric, SimilarityMap};

const CARD: u32 = 4711;

mod interleaved;

const LIMITS: Limits = Limits { people: 10, control_records: 100, captures: 10, notices: 10 };

struct Rig {
    folder: TempDir,
    clock: Arc<ManualClock>,
    world: Arc<World>,
    /// There but for the moment in which it is opened anew.
    store: Option<Arc<Store>>,
    decisions: Arc<Decisions>,
    /// How often it was started anew.
    restarts: u32,
    running: Option<Running>,
}

impl Rig {
    fn new(rules: impl FnOnce(&mut Rules)) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let store = Arc::new(Store::open(folder.path(), LIMITS, clock.clone()).unwrap());
        Live::load(store.clone())
            .unwrap()
            .change::<Rules>(|door| {
                door.verify_mode = VerifyMode::from_number(24).unwrap();
                door.verify_reset_s = Int::of(1);
                rules(door);
                Ok(())
            })
            .unwrap();
        let card = CardSource::Manual(Card::new(CardFormat::W34, None, CARD).unwrap());
        let validity = Validity::Uses { left: 5 };
        let li = Person { name: "Li".into(), card, validity, ..Person::new(LocalTime::UNSET) };
        store.add(li, None).unwrap();
        let world = World::new(clock.clone(), 8, 8);
        let decisions = Arc::new(Decisions::default());
        let mut rig = Self { folder, clock, world, store: Some(store), decisions, restarts: 0, running: None };
        rig.start();
        rig
    }

    fn start(&mut self) {
        let settings = Arc::new(Live::load(self.store().clone()).unwrap());
        let conditions = Conditions::new(self.decisions.clone(), settings.clone(), self.clock.clone());
        let screen = Arc::new(Screen::default());
        let sounds = Arc::new(crate::sound::Sounds::new(self.folder.path(), None, false));
        self.running = Some(Running::new(Control {
            inbox: Inbox::default(),
            clock: self.clock.clone(),
            store: self.store().clone(),
            settings: settings.clone(),
            relay: Some((Output::new(SimRelay(self.world.clone())), conditions.of("relay"))),
            fail: Fail::Secure,
            wiegand: None,
            presenter: Presenter { screen, sounds, light: Inbox::default().sender(), settings, size: (720, 1280) },
            decisions: self.decisions.clone(),
            pins: pin::Key::new([7; 32]),
            comparison: Arc::new(OnceLock::from(Comparison {
                metric: Metric::Cosine,
                map: SimilarityMap { slope: 8.11, centre: 0.229 },
            })),
        }));
    }

    /// The loop ends and starts anew.
    fn restart(&mut self) {
        self.restarts += 1;
        self.start();
    }

    /// The same, and the store with it.
    fn reopen(&mut self) {
        // A folder is open once at a time.
        (self.running, self.store) = (None, None);
        self.store = Some(Arc::new(Store::open(self.folder.path(), LIMITS, self.clock.clone()).unwrap()));
        self.restart();
    }

    fn store(&self) -> &Arc<Store> {
        self.store.as_ref().unwrap()
    }

    fn handle(&mut self, event: Event) {
        self.running.as_mut().unwrap().handle(event);
    }

    fn present_card(&mut self) {
        let card = Card::new(CardFormat::W34, None, CARD).unwrap();
        let frame = WiegandFrame::of_card(card, crate::settings::WiegandProtocol::W34);
        self.handle(Event::Presented(Credential::Wiegand(frame)));
    }

    fn records(&self) -> Vec<ControlRecord> {
        self.store().flush().unwrap();
        let far = LocalTime::parse("2099-01-01T00:00:00").unwrap();
        let range = Range {
            begin: LocalTime::parse("1960-01-01T00:00:00").unwrap(),
            end: far,
            descending: false,
            skip: 0,
            limit: 10,
        };
        self.store().control_records(range, None, None).unwrap()
    }

    fn openings(&self) -> usize {
        self.world.relay().iter().filter(|change| change.closed).count()
    }

    fn uses_left(&self) -> Validity {
        self.store().person(LibId(1)).unwrap().validity
    }

    fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

#[test]
fn a_verdict_opens_once_in_time_and_for_the_passage_it_is_about() {
    // What the platform says (open), how long after the passage, to which question from it on, and how often.
    for (open, after_ms, question, times, opens) in [
        (true, 100, 0, 1, 1),
        (true, 9_999, 0, 1, 1),
        (true, 10_000, 0, 1, 0),
        (true, 100, 1, 1, 0),
        (true, 100, 0, 2, 1),
        (false, 100, 0, 2, 0),
    ] {
        let mut rig = Rig::new(|door| door.open_way = OpenWay::FaceThenRemote);
        rig.present_card();
        assert_eq!(rig.openings(), 0, "the platform is asked first");
        let record = rig.records().remove(0);
        assert_eq!((record.status.number(), record.verify_type), (22, 24));
        assert_ne!(record.question, 0);
        rig.pass(after_ms);
        for _ in 0..times {
            let question = record.question + question;
            rig.handle(Event::Command(Command::Verdict { question, open, text: None }));
        }
        assert_eq!(rig.openings(), opens, "{open} after {after_ms} ms to question +{question}, {times} times");
        rig.store().flush().unwrap();
        let left = 5 - u32::try_from(opens).unwrap();
        assert_eq!(rig.uses_left(), Validity::Uses { left }, "a use is spent by who passes");
    }
}

#[test]
fn the_next_passage_takes_the_place_of_the_one_before() {
    let mut rig = Rig::new(|door| door.open_way = OpenWay::FaceThenRemote);
    rig.present_card();
    rig.pass(1000);
    rig.present_card();
    let questions: Vec<u64> = rig.records().iter().map(|record| record.question).collect();
    rig.handle(Event::Command(Command::Verdict { question: questions[0], open: true, text: None }));
    assert_eq!(rig.openings(), 0);
    rig.handle(Event::Command(Command::Verdict { question: questions[1], open: true, text: None }));
    assert_eq!(rig.openings(), 1);
}

#[test]
fn a_verdict_nobody_asked_for_opens_nothing() {
    let mut rig = Rig::new(|_| {});
    rig.present_card();
    assert_eq!((rig.openings(), rig.records()[0].question), (1, 0));
    for question in [0, 1] {
        rig.handle(Event::Command(Command::Verdict { question, open: true, text: None }));
    }
    assert_eq!(rig.openings(), 1);
}

#[test]
fn a_keypad_that_is_tried_out_is_not_listened_to() {
    let mut rig = Rig::new(|_| {});
    for _ in 0..6 {
        rig.handle(Event::Presented(Credential::Pin("0000".into())));
    }
    let reasons: Vec<_> = rig.decisions.since(0).iter().map(|note| note.reason).collect();
    assert_eq!(reasons[4], "no such password");
    assert!(reasons[5].starts_with("too many"), "{reasons:?}");
    rig.pass(10_000);
    rig.handle(Event::Presented(Credential::Pin("0000".into())));
    assert_eq!(rig.decisions.since(6)[0].reason, "no such password");
    assert_eq!(rig.openings(), 0);
}
