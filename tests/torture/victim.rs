//! The processes that are started again and again: one that works until the disk fails it, one that only looks.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use facegate::access::record::Event;
use facegate::access::{CaptureRecord, ControlRecord, LibId, Person, PictureType, Reading, Validity, VerifyStatus};
use facegate::clock::{Bell, Clock};
use facegate::error::{Fault, Result};
use facegate::field::{Int, LocalTime};
use facegate::roster::Roster;
use facegate::settings::{Live, Panel, Passwords};
use facegate::store::{Limits, Picture, Range, Store};
use facegate::vision::{Embedding, Gallery, Metric};
use image::RgbImage;

use super::leap::LeapClock;
use super::words::{self, Act, LENGTH, Outcome, PACK, Passage, Random, SINK, SeenPerson, SeenRecord, Sight, Word};

const LIMITS: Limits = Limits { people: 1000, control_records: 10_000, captures: 10_000, notices: 100 };
/// How often the last changes are tried while the disk recovers, ten seconds of the terminal apart.
const TRIES: u32 = 400;
/// What those ten seconds take.
const PAUSE: Duration = Duration::from_millis(5);

/// Nothing but a flush.
const FLUSH: Act = Act::Pass { passages: vec![], spent: vec![] };

fn again(act: Act) -> Act {
    if let Act::Pass { .. } = act { FLUSH } else { act }
}

/// Store, settings, people and faces, as the terminal puts them together.
struct Terminal {
    store: Arc<Store>,
    gallery: Arc<Gallery>,
    roster: Roster,
    live: Live,
    clock: Arc<LeapClock>,
}

impl Terminal {
    fn open(dir: &Path) -> Result<Self> {
        let clock = Arc::new(LeapClock::default());
        let store = Arc::new(Store::open(dir, LIMITS, clock.clone())?);
        let live = Live::load(store.clone())?;
        let gallery = Arc::new(Gallery::new(LENGTH, Metric::Cosine));
        let roster = Roster::new(store.clone(), gallery.clone(), Some(words::models()));
        roster.load()?;
        Ok(Self { store, gallery, roster, live, clock })
    }

    fn perform(&self, act: &Act) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        match act {
            Act::Enrol { tag } => {
                outcome.id = Some(self.roster.enrol(words::person(*tag), &words::photo(*tag), None)?);
            }
            Act::Edit { id, tag, photo } => {
                let photo = photo.then(|| words::photo(*tag));
                self.roster.edit(*id, photo.as_deref(), None, |_| Ok(Person { id: *id, ..words::person(*tag) }))?;
            }
            Act::Remove { ids } => drop(self.roster.remove(ids)?),
            Act::RemoveAll => self.roster.remove_all()?,
            Act::Settings { tag } => {
                let (volume, digest) = words::settings(*tag);
                self.live.edit(|draft| {
                    draft.change::<Panel>(|panel| {
                        panel.volume = Int::of(volume.into());
                        Ok(())
                    })?;
                    draft.change::<Passwords>(|passwords| {
                        passwords.digests = [digest].into();
                        Ok(())
                    })
                })?;
            }
            Act::Pass { passages, spent } => {
                for passage in passages {
                    self.append(passage);
                }
                for id in spent {
                    self.store.spend_use(*id);
                }
                self.store.flush()?;
            }
            Act::Deliver { seq, .. } => self.store.set_position(SINK, *seq)?,
            Act::Secret => outcome.secret = Some(self.secret()?),
        }
        Ok(outcome)
    }

    fn append(&self, passage: &Passage) {
        let snap = passage.picture.then(|| Picture {
            frame: Arc::new(RgbImage::from_pixel(32, 24, image::Rgb([passage.tag.to_le_bytes()[0], 80, 160]))),
            crop: (0, 0, 32, 24),
        });
        if let Some(who) = passage.who {
            let record = ControlRecord {
                person: self.store.person(who),
                question: passage.tag.into(),
                ..ControlRecord::new(words::noon(), VerifyStatus::Allowed, 1)
            };
            self.store.append_control(record, snap, passage.push);
        } else {
            let record = CaptureRecord {
                temperature: Some(Reading { celsius: passage.tag.into(), high: false }),
                ..CaptureRecord::new(words::noon(), PictureType::Unmatched)
            };
            self.store.append_capture(record, snap, passage.push);
        }
    }

    /// What is mended at a pace of its own gets its chance.
    fn let_time_pass(&self) {
        self.clock.leap(Duration::from_secs(10));
        let machine = self.clock.machine();
        machine.wait(&Bell::default(), Some(machine.mono().after(PAUSE)));
    }

    fn secret(&self) -> Result<String> {
        Ok(self.store.secret("cookie", 16)?.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What must not change when a change fails.
    fn state(&self) -> (Vec<Arc<Person>>, usize, i64, Passwords, Option<u64>) {
        let now = self.live.now();
        let place = self.store.position(SINK).unwrap_or_default();
        (self.store.people(), self.gallery.len(), now.panel.volume.get(), now.passwords.clone(), place)
    }
}

fn say(word: &Word) {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, word).unwrap();
    out.write_all(b"\n").and_then(|()| out.flush()).unwrap();
}

/// Works for `acts` changes; tags from `first` on are free.
pub fn work(dir: &Path, seed: u64, first: u32, acts: u32) {
    let terminal = match Terminal::open(dir) {
        Ok(terminal) => terminal,
        Err(error) => {
            // The disk may fail at the start too: the terminal then ends with words and is started again.
            say(&Word::Failed(format!("start: {error} ({:?})", error.source)));
            return;
        }
    };
    let (mut random, mut tags) = (Random::new(seed), first..);
    for _ in 0..acts {
        for act in choose(&terminal, &mut random, &mut tags) {
            // A platform repeats what failed; records stay queued, so only the flush is repeated.
            if !attempt(&terminal, &act) && !attempt(&terminal, &again(act)) {
                break;
            }
        }
    }
    let tag = tags.next().unwrap();
    for act in [Act::Enrol { tag }, Act::Settings { tag }, FLUSH] {
        let recovered = (0..TRIES).any(|_| {
            attempt(&terminal, &act) || {
                terminal.let_time_pass();
                false
            }
        });
        if !recovered {
            say(&Word::Bug("the disk works again, and changes still fail".into()));
        }
    }
    drop(terminal);
    say(&Word::End);
}

/// Whether it was acknowledged.
fn attempt(terminal: &Terminal, act: &Act) -> bool {
    let before = terminal.state();
    say(&Word::Try(act.clone()));
    match terminal.perform(act) {
        Ok(outcome) => {
            say(&Word::Done(outcome));
            true
        }
        Err(error) => {
            if error.fault != Fault::StoreFailed {
                say(&Word::Bug(format!("{act:?} was refused: {error}")));
            }
            // A use that was spent is spent in memory, and its row is written with the next flush.
            if !matches!(act, Act::Pass { .. }) && terminal.state() != before {
                say(&Word::Bug(format!("{act:?} failed and changed something: {error}")));
            }
            say(&Word::Failed(format!("{error} ({:?})", error.source)));
            false
        }
    }
}

fn choose(terminal: &Terminal, random: &mut Random, tags: &mut impl Iterator<Item = u32>) -> Vec<Act> {
    let people = terminal.store.people();
    let some = |random: &mut Random| {
        people.get(usize::try_from(random.below(people.len() as u64)).unwrap()).map(|person| person.id)
    };
    let mut tag = || tags.next().unwrap();
    match random.below(100) {
        0..22 => vec![Act::Enrol { tag: tag() }],
        22..26 => (0..4).map(|_| Act::Enrol { tag: tag() }).collect(),
        26..44 => some(random).map(|id| Act::Edit { id, tag: tag(), photo: random.one_in(2) }).into_iter().collect(),
        44..52 => some(random).map(|id| Act::Remove { ids: vec![id] }).into_iter().collect(),
        52..56 => {
            let ids = people.iter().map(|person| person.id).filter(|_| random.one_in(3)).collect();
            vec![Act::Remove { ids }]
        }
        56 => vec![Act::RemoveAll],
        57..65 => vec![Act::Settings { tag: tag() }],
        65..67 => vec![Act::Secret],
        67..85 => {
            let passages = (0..random.below(6)).map(|_| Passage {
                tag: tag(),
                who: if random.one_in(3) { None } else { some(random) },
                picture: !random.one_in(3),
                push: !random.one_in(5),
            });
            let passages: Vec<_> = passages.collect();
            let limited = people.iter().filter(|person| matches!(person.validity, Validity::Uses { .. }));
            vec![Act::Pass { passages, spent: limited.map(|person| person.id).take(2).collect() }]
        }
        _ => deliver(&terminal.store, random),
    }
}

/// The next events behind the sink's place: each is delivered, then the place moved on.
fn deliver(store: &Store, random: &mut Random) -> Vec<Act> {
    let mut place = store.position(SINK).ok().flatten().unwrap_or_default();
    let mut acts = Vec::new();
    for _ in 0..=random.below(6) {
        let Ok(Some(logged)) = store.next_event(place, None) else { break };
        place = logged.seq;
        acts.push(Act::Deliver { seq: place, tag: tag_of(&logged.event) });
    }
    acts
}

fn tag_of(event: &Event) -> u32 {
    match event {
        Event::Control(record) => u32::try_from(record.question).unwrap(),
        Event::Capture(record) => record.temperature.map_or(0, |reading| reading.celsius as u32),
        Event::Notice(_) => 0,
    }
}

/// Says all that is there.
pub fn look(dir: &Path) {
    let terminal = match Terminal::open(dir) {
        Ok(terminal) => terminal,
        Err(error) => {
            eprintln!("does not start: {error} ({:?})", error.source);
            std::process::exit(1);
        }
    };
    serde_json::to_writer(std::io::stdout().lock(), &sight(&terminal).unwrap()).unwrap();
}

fn sight(Terminal { store, gallery, live, .. }: &Terminal) -> Result<Sight> {
    let mut embeddings = std::collections::BTreeMap::new();
    store.embeddings(PACK, &mut |id, values| drop(embeddings.insert(id, values.to_vec())))?;
    let mut people = Vec::new();
    for person in store.people() {
        let photo = store.photo(person.id)?.map(|bytes| words::digest(bytes.as_slice()));
        let embedding: Option<Vec<f32>> = embeddings.remove(&person.id);
        let gallery = embedding
            .as_ref()
            .and_then(|values| gallery.compare(person.id.0, &Embedding::new(values, Metric::Cosine)?));
        people.push(SeenPerson { person: Person::clone(&person), photo, embedding, gallery });
    }
    let always = Range { begin: LocalTime::UNSET, end: words::noon(), descending: false, skip: 0, limit: usize::MAX };
    let picture = |snap: Option<&String>| -> Result<Option<bool>> {
        let Some(name) = snap else { return Ok(None) };
        Ok(Some(store.snap(name)?.is_some_and(|bytes| image::load_from_memory(&bytes).is_ok())))
    };
    let mut records = Vec::new();
    for record in store.control_records(always, None, None)? {
        let tag = u32::try_from(record.question).unwrap();
        let who: Option<LibId> = record.person.as_ref().map(|person| person.id);
        records.push(SeenRecord { id: record.id, tag, who, picture: picture(record.snap.as_ref())? });
    }
    for record in store.captures(always)? {
        let (id, picture) = (record.id, picture(record.snap.as_ref())?);
        records.push(SeenRecord { id, tag: tag_of(&Event::Capture(record)), who: None, picture });
    }
    let (mut log, mut place) = (Vec::new(), 0);
    while let Some(logged) = store.next_event(place, None)? {
        place = logged.seq;
        log.push((place, tag_of(&logged.event)));
    }
    let now = live.now();
    Ok(Sight {
        people,
        records,
        log,
        faces: gallery.len(),
        position: store.position(SINK)?,
        volume: now.panel.volume.u32(),
        digests: now.passwords.digests.iter().cloned().collect(),
        secret: {
            let secret = store.secret("cookie", 16)?;
            secret.iter().map(|byte| format!("{byte:02x}")).collect()
        },
    })
}
