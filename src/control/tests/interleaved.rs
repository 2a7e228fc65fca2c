//! Passages, answers, lost answers, resends and restarts in any order: the platform's yes opens for the passage it is
//! about, once, in time, or not at all.

use super::*;
use crate::access::record;

/// Steps of the walk: two thousand passages.
const STEPS: u32 = 30_000;
/// Where the pretended pusher keeps its place.
const SINK: &str = "http-0";

/// Chance that can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound as u64).unwrap()
    }
}

/// What the platform has answered to a record, on its way back.
#[derive(Clone, Copy)]
struct Answer {
    seq: u64,
    question: u64,
    open: bool,
}

/// A terminal, the pusher and the platform, as far as verdicts go.
struct Walk {
    rig: Rig,
    random: Random,
    /// The passage a yes would open for, and until when.
    asked: Option<(u64, Mono)>,
    /// What was asked, once per passage.
    questions: Vec<u64>,
    underway: Vec<Answer>,
    opened: Vec<u64>,
}

impl Walk {
    fn step(&mut self) {
        // Long enough for the relay to fall back, so that every opening is seen as one.
        self.rig.pass(20);
        self.rig.handle(Event::Command(Command::Settings));
        self.rig.world.forget();
        match self.random.below(100) {
            0..7 => self.passage(),
            // Sent, or sent again: the place has not moved on since.
            7..45 => self.push(),
            45..85 => return self.answer(),
            85..90 => drop(self.underway.pop()),
            90..97 => {
                let ms = [900, 3_000, 9_000, 10_001][self.random.below(4)];
                self.rig.pass(ms);
            }
            // The store with it now and then: opening it takes longest of all.
            97..99 if self.random.below(10) == 0 => self.rig.reopen(),
            _ => self.rig.restart(),
        }
        assert_eq!(self.rig.openings(), 0, "only an answer opens");
    }

    fn passage(&mut self) {
        // What was presented before no longer counts.
        self.rig.pass(1_000);
        self.rig.present_card();
        let until = self.rig.clock.mono().after(Duration::from_secs(10));
        self.rig.store().flush().unwrap();
        let newest = (self.rig.store().last_seq() - 1, self.rig.store().last_seq());
        let logged = self.rig.store().next_event(newest.0, None).unwrap().unwrap();
        let record::Event::Control(record) = logged.event else { panic!("{logged:?}") };
        assert!(record.question != 0 && !self.questions.contains(&record.question), "each passage is asked about anew");
        self.questions.push(record.question);
        self.asked = Some((record.question, until));
    }

    fn push(&mut self) {
        if self.underway.len() == 4 {
            return;
        }
        let place = self.rig.store().position(SINK).unwrap().unwrap_or_default();
        let Some(logged) = self.rig.store().next_event(place, None).unwrap() else { return };
        // A card that was admitted is told too; nothing is asked about it.
        let question = match logged.event {
            record::Event::Control(record) => record.question,
            _ => 0,
        };
        let open = self.random.below(4) != 0;
        self.underway.push(Answer { seq: logged.seq, question, open });
    }

    /// One of the answers arrives, whichever; it may be on its way more than once.
    fn answer(&mut self) {
        if self.underway.is_empty() {
            return;
        }
        let at = self.random.below(self.underway.len());
        let answer = if self.random.below(4) == 0 { self.underway[at] } else { self.underway.swap_remove(at) };
        let Answer { seq, question, open } = answer;
        let now = self.rig.clock.mono();
        let current = self.asked.take_if(|(asked, _)| *asked == question);
        let expect = open && current.is_some_and(|(_, until)| now < until);
        if question != 0 {
            self.rig.handle(Event::Command(Command::Verdict { question, open, text: None }));
        }
        assert_eq!(self.rig.openings(), usize::from(expect), "the answer to {question}, {open}");
        if expect {
            assert!(!self.opened.contains(&question), "the door opens for {question} a second time");
            self.opened.push(question);
        }
        // Acknowledged, unless the place moves on without this one.
        let place = self.rig.store().position(SINK).unwrap().unwrap_or_default();
        if seq > place && self.random.below(6) != 0 {
            self.rig.store().set_position(SINK, seq).unwrap();
        }
    }
}

#[test]
fn the_door_opens_at_most_once_per_passage_in_whatever_order_things_come() {
    let seed = u64::from(std::process::id()) << 20 | 1;
    let mut rig = Rig::new(|door| {
        door.open_way = OpenWay::FaceThenRemote;
        door.io_stay_ms = Int::of(10);
    });
    let li = Person::clone(&rig.store().person(LibId(1)).unwrap());
    rig.store().update(Person { validity: Validity::Permanent, ..li }, None).unwrap();
    rig.restart();
    let mut walk = Walk { rig, random: Random(seed), asked: None, questions: vec![], underway: vec![], opened: vec![] };
    for step in 0..STEPS {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let restarts = walk.rig.restarts;
            walk.step();
            if walk.rig.restarts != restarts {
                // Who was asked about before has gone.
                walk.asked = None;
            }
        }));
        if let Err(panic) = outcome {
            println!("seed {seed}, step {step}");
            std::panic::resume_unwind(panic);
        }
    }
    println!(
        "seed {seed}: {} passages, {} openings, {} restarts",
        walk.questions.len(),
        walk.opened.len(),
        walk.rig.restarts
    );
    assert!(walk.opened.len() > 100 && walk.rig.restarts > 50, "the walk was worth it");
}
