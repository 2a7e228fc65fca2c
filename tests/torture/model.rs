//! What has to be there after a restart: built of the victim's words, held against what is seen.
//!
//! An acknowledged change is there. One that was tried and not acknowledged is there as a whole or not at all, and
//! what is seen decides which; one that was refused is no longer possible once a later change was acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use facegate::access::{LibId, Person, Validity};
use facegate::vision::{Embedding, Metric};

use super::words::{self, Act, Outcome, Passage, SeenPerson, Sight, Word};

/// All that was promised about one folder of data.
#[derive(Default)]
pub struct Model {
    people: BTreeMap<LibId, Known>,
    /// The highest number anybody was given.
    last_id: u32,
    /// In the order in which they were appended.
    records: Vec<Record>,
    /// The highest numbers seen of control records and captures.
    last_record: [u64; 2],
    /// Highest place of the log seen.
    last_seq: u64,
    /// Tag of the settings in force; `None`: the defaults.
    settings: Option<u32>,
    position: Option<u64>,
    /// Place in `records` of the last event that was delivered and acknowledged.
    delivered: Option<usize>,
    secret: Option<String>,
    /// Tried, and neither acknowledged nor out of the question.
    open: Vec<Act>,
    /// What the victim is about to do.
    current: Option<Act>,
    /// Whether calls of this run may fail: records may then have to do without their pictures.
    failing: bool,
}

/// A person who was acknowledged: whose fields, whose photo.
#[derive(Clone)]
struct Known {
    fields: u32,
    photo: u32,
    /// Uses spent, and those of them that were flushed.
    spent: u32,
    flushed: u32,
}

struct Record {
    passage: Passage,
    /// Known to be on the disk.
    kept: bool,
    /// Removed with its person or with all.
    gone: bool,
    /// Whether its picture may be missing.
    excused: bool,
    id: Option<u64>,
    seq: Option<u64>,
}

/// What a check looked at.
#[derive(Clone, Copy, Default)]
pub struct Checked {
    pub people: u64,
    pub records: u64,
}

macro_rules! demand {
    ($condition:expr, $($why:tt)+) => {
        if !$condition {
            return Err(format!($($why)+));
        }
    };
}

impl Model {
    /// A new run of the victim begins; `failing`: calls to the disk may fail in it.
    pub fn start(&mut self, failing: bool) {
        self.failing = failing;
    }

    /// Takes in a word of the victim.
    pub fn hear(&mut self, word: Word) -> Result<(), String> {
        match word {
            Word::Try(act) => {
                if let Act::Deliver { seq, tag } = act {
                    self.deliver(seq, tag)?;
                }
                if let Act::Pass { passages, spent } = &act {
                    for passage in passages {
                        let (passage, excused) = (passage.clone(), self.failing);
                        self.records.push(Record { passage, kept: false, gone: false, excused, id: None, seq: None });
                    }
                    for id in spent {
                        if let Some(known) = self.people.get_mut(id) {
                            known.spent += 1;
                        }
                    }
                }
                self.current = Some(act);
            }
            Word::Done(outcome) => {
                if let Some(act) = self.current.take() {
                    // A secret that is there is only read.
                    if !matches!(act, Act::Secret) {
                        self.open.clear();
                    }
                    self.apply(&act, &outcome)?;
                }
            }
            Word::Failed(_) => self.open.extend(self.current.take()),
            Word::Bug(what) => return Err(what),
            Word::End => {}
        }
        Ok(())
    }

    /// An event reaches the sink: the next one there is, and from now on it has to stay.
    fn deliver(&mut self, seq: u64, tag: u32) -> Result<(), String> {
        let at = self.records.iter().position(|record| record.passage.tag == tag && record.passage.push);
        let Some(at) = at else { return Err(format!("event {seq} is of no record (tag {tag})")) };
        let first = self.delivered.map_or(0, |last| last + 1);
        demand!(at >= first, "event {seq} (tag {tag}) is delivered again after it was acknowledged");
        demand!(!self.records[at].gone, "event {seq} (tag {tag}) is of a record that was removed");
        let skipped = self.records[first..at].iter().find(|record| record.passage.push && !record.gone);
        demand!(
            skipped.is_none(),
            "event {seq} (tag {tag}) skips that of tag {}",
            skipped.map_or(0, |r| r.passage.tag)
        );
        demand!(self.records[at].seq.is_none_or(|was| was == seq), "event of tag {tag} has moved to place {seq}");
        (self.records[at].kept, self.records[at].seq) = (true, Some(seq));
        Ok(())
    }

    fn apply(&mut self, act: &Act, outcome: &Outcome) -> Result<(), String> {
        match act {
            Act::Enrol { tag } => {
                let Some(id) = outcome.id else { return Err("an enrolment without a number".into()) };
                self.enrol(id, *tag)?;
            }
            Act::Edit { id, tag, photo } => {
                let Some(known) = self.people.get_mut(id) else { return Err(format!("nobody {id} was edited")) };
                let photo = if *photo { *tag } else { known.photo };
                *known = Known { fields: *tag, photo, spent: 0, flushed: 0 };
            }
            Act::Remove { ids } => self.remove(ids),
            Act::RemoveAll => self.remove_all(),
            Act::Settings { tag } => self.settings = Some(*tag),
            Act::Pass { .. } => {
                for record in &mut self.records {
                    record.kept = true;
                }
                for known in self.people.values_mut() {
                    known.flushed = known.spent;
                }
            }
            Act::Deliver { seq, tag } => {
                self.position = Some(*seq);
                self.delivered = self.records.iter().position(|record| record.passage.tag == *tag);
            }
            Act::Secret => {
                let same = self.secret.is_none() || self.secret == outcome.secret;
                demand!(same, "the secret was drawn again");
                self.secret.clone_from(&outcome.secret);
            }
        }
        Ok(())
    }

    fn enrol(&mut self, id: LibId, tag: u32) -> Result<(), String> {
        demand!(id.0 > self.last_id, "number {id} was given out before (highest: {})", self.last_id);
        self.last_id = id.0;
        self.people.insert(id, Known { fields: tag, photo: tag, spent: 0, flushed: 0 });
        Ok(())
    }

    fn remove(&mut self, ids: &[LibId]) {
        for id in ids {
            self.people.remove(id);
        }
        for record in &mut self.records {
            record.gone |= record.passage.who.is_some_and(|who| ids.contains(&who));
        }
    }

    fn remove_all(&mut self) {
        self.people.clear();
        for record in &mut self.records {
            record.gone |= record.passage.who.is_some();
        }
    }

    /// Holds what is there against what was promised, and takes over what was open.
    pub fn check(&mut self, sight: &Sight) -> Result<Checked, String> {
        self.open.extend(self.current.take());
        for act in std::mem::take(&mut self.open) {
            if self.came_through(&act, sight) {
                let id = |tag| {
                    sight.people.iter().find(|seen| seen.person.custom_id == Some(tag)).map(|seen| seen.person.id)
                };
                let id = if let Act::Enrol { tag } = act { id(tag) } else { None };
                self.apply(&act, &Outcome { id, secret: Some(sight.secret.clone()) })?;
            }
        }
        self.check_people(sight)?;
        self.check_records(sight)?;
        self.check_log(sight)?;

        let (volume, digests) = self.settings.map_or((None, vec![]), |tag| {
            let (volume, digest) = words::settings(tag);
            (Some(volume), vec![digest])
        });
        demand!(volume.is_none_or(|volume| volume == sight.volume), "volume {} for {volume:?}", sight.volume);
        demand!(digests == sight.digests, "passwords {:?} for {digests:?}", sight.digests);
        demand!(self.position == sight.position, "place {:?} for {:?}", sight.position, self.position);
        let same = self.secret.as_ref().is_none_or(|secret| *secret == sight.secret);
        demand!(same, "the secret was drawn again");
        self.secret = Some(sight.secret.clone());
        Ok(Checked { people: sight.people.len() as u64, records: sight.records.len() as u64 })
    }

    /// Whether a change that was not acknowledged is there all the same. If it is there in part, the checks that
    /// follow say so.
    fn came_through(&self, act: &Act, sight: &Sight) -> bool {
        let seen = |id: &LibId| sight.people.iter().find(|seen| seen.person.id == *id);
        match act {
            Act::Enrol { tag } => sight.people.iter().any(|seen| {
                // Tried twice, it may be here already.
                seen.person.custom_id == Some(*tag) && !self.people.contains_key(&seen.person.id)
            }),
            Act::Edit { id, tag, .. } => seen(id).is_some_and(|seen| seen.person.custom_id == Some(*tag)),
            Act::Remove { ids } => ids.iter().any(|id| self.people.contains_key(id) && seen(id).is_none()),
            Act::RemoveAll => {
                let records =
                    || self.records.iter().any(|record| record.kept && !record.gone && record.passage.who.is_some());
                let emptied = sight.people.is_empty() && sight.records.iter().all(|record| record.who.is_none());
                emptied && (!self.people.is_empty() || records())
            }
            Act::Settings { tag } => words::settings(*tag) == (sight.volume, sight.digests.concat()),
            Act::Deliver { seq, .. } => sight.position == Some(*seq),
            // Records are looked at one by one.
            Act::Pass { .. } => false,
            Act::Secret => true,
        }
    }

    fn check_people(&mut self, sight: &Sight) -> Result<(), String> {
        for (id, known) in &mut self.people {
            let seen = sight.people.iter().find(|seen| seen.person.id == *id);
            let Some(seen) = seen else { return Err(format!("LibID {id} (tag {}) is gone", known.fields)) };
            check_person(*id, known, seen)?;
        }
        let ids: BTreeSet<LibId> = sight.people.iter().map(|seen| seen.person.id).collect();
        demand!(ids.len() == sight.people.len(), "a LibID is there twice");
        let stranger = ids.iter().find(|id| !self.people.contains_key(id));
        demand!(stranger.is_none(), "LibID {stranger:?} should not be there");
        let cards: BTreeSet<_> = sight.people.iter().filter_map(|seen| seen.person.rf_number()).collect();
        let custom: BTreeSet<_> = sight.people.iter().filter_map(|seen| seen.person.custom_id).collect();
        demand!(cards.len() == ids.len() && custom.len() == ids.len(), "an id or a card is there twice");
        demand!(sight.faces == ids.len(), "the gallery knows {} faces of {} people", sight.faces, ids.len());
        Ok(())
    }

    fn check_records(&mut self, sight: &Sight) -> Result<(), String> {
        let seen: BTreeMap<u32, _> = sight.records.iter().map(|record| (record.tag, record)).collect();
        demand!(seen.len() == sight.records.len(), "a record is there twice");
        let mut highest = self.last_record;
        // Records come to the disk in their order: once one is missing, so are all after it.
        let mut missing = None;
        for record in &mut self.records {
            let tag = record.passage.tag;
            let Some(there) = seen.get(&tag) else {
                demand!(record.gone || !record.kept, "the record of tag {tag} is gone");
                if !record.gone {
                    missing = Some(tag);
                }
                continue;
            };
            demand!(!record.gone, "the record of tag {tag} was removed and is there");
            demand!(missing.is_none(), "the record of tag {tag} is there, an earlier one ({missing:?}) is not");
            demand!(there.who == record.passage.who, "the record of tag {tag} is of {:?}", there.who);
            let wanted = record.passage.picture.then_some(true);
            let excused = record.excused && there.picture.is_none();
            demand!(there.picture == wanted || excused, "the picture of tag {tag}: {:?} for {wanted:?}", there.picture);
            let kind = usize::from(there.who.is_none());
            match record.id {
                Some(id) => demand!(id == there.id, "the record of tag {tag} has number {} for {id}", there.id),
                None => {
                    demand!(there.id > highest[kind], "record number {} was given out before", there.id);
                    highest[kind] = there.id;
                }
            }
            (record.id, record.kept) = (Some(there.id), true);
        }
        let known: BTreeSet<u32> = self.records.iter().map(|record| record.passage.tag).collect();
        let stranger = seen.keys().find(|tag| !known.contains(tag));
        demand!(stranger.is_none(), "a record of tag {stranger:?} should not be there");
        self.last_record = highest;
        // What did not come through before the process ended never will.
        self.records.retain(|record| record.kept || record.gone);
        Ok(())
    }

    fn check_log(&mut self, sight: &Sight) -> Result<(), String> {
        let wanted: Vec<usize> =
            (0..self.records.len()).filter(|at| self.records[*at].passage.push && !self.records[*at].gone).collect();
        let tags: Vec<u32> = wanted.iter().map(|at| self.records[*at].passage.tag).collect();
        let seen: Vec<u32> = sight.log.iter().map(|(_, tag)| *tag).collect();
        demand!(tags == seen, "the log has the events {seen:?} for {tags:?}");
        let mut before: Option<(usize, u64)> = None;
        for (at, (seq, tag)) in wanted.iter().zip(&sight.log) {
            if let Some(was) = self.records[*at].seq {
                demand!(was == *seq, "the event of tag {tag} moved from place {was} to {seq}");
            } else {
                demand!(*seq > self.last_seq, "place {seq} of the log was given out before");
            }
            if let Some((last, place)) = before {
                demand!(*seq > place, "place {seq} follows {place}");
                let between = &self.records[last + 1..*at];
                let most = between.iter().filter(|record| record.passage.push).count() as u64;
                demand!(
                    seq - place - 1 <= most,
                    "places between {place} and {seq} are missing, {most} records were removed"
                );
            }
            before = Some((*at, *seq));
            self.records[*at].seq = Some(*seq);
        }
        self.last_seq = self.last_seq.max(before.map_or(0, |(_, place)| place));
        Ok(())
    }
}

fn check_person(id: LibId, known: &mut Known, seen: &SeenPerson) -> Result<(), String> {
    let mut wanted = Person { id, ..words::person(known.fields) };
    if let (Validity::Uses { left: all }, Validity::Uses { left }) = (wanted.validity, seen.person.validity) {
        let (least, most) = (all.saturating_sub(known.spent), all.saturating_sub(known.flushed));
        demand!((least..=most).contains(&left), "LibID {id} has {left} uses left, not {least} to {most}");
        wanted.validity = Validity::Uses { left };
        (known.spent, known.flushed) = (all - left, all - left);
    }
    demand!(wanted == seen.person, "LibID {id} (tag {}) has other fields: {:?}", known.fields, seen.person);
    let photo = words::photo(known.photo);
    demand!(seen.photo.is_some(), "LibID {id} has lost the photo");
    let same = seen.photo == Some(words::digest(photo.as_slice()));
    demand!(same, "LibID {id} has another photo than that of tag {}", known.photo);
    let picture = image::load_from_memory(&photo).map_err(|e| e.to_string())?.into_rgb8();
    let embedding = words::embedding(&picture);
    let kept = seen.embedding.as_ref().and_then(|values| Embedding::new(values, Metric::Cosine));
    let near = kept.is_some_and(|kept| Metric::Cosine.compare(&kept, &embedding) > 0.999_9);
    demand!(near, "LibID {id} has another embedding than that of its photo");
    demand!(seen.gallery.is_some_and(|near| near > 0.999_9), "the gallery does not know LibID {id}");
    Ok(())
}
