//! Everybody against everybody: one against one, and each against all who are enrolled.

use std::collections::{BTreeMap, BTreeSet};

use super::rates::{Rate, Scores};
use crate::vision::{Embedding, Metric};

/// What one look at a picture gave.
#[derive(Clone, Debug)]
pub(super) enum Acquisition {
    /// No face was found.
    NoFace,
    /// A face was found and not compared: why.
    Rejected(String),
    /// What it is compared by.
    Acquired(Embedding),
}

/// A picture and what the terminal makes of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) file: String,
    pub(super) identity: String,
    /// As a registered photo; or why it is none.
    pub(super) enrolled: Result<Embedding, String>,
    /// Through the camera's stages as it is, at its own size.
    pub(super) still: Acquisition,
    /// The same, scaled into the sensor's frame.
    pub(super) frame: Acquisition,
}

impl Acquisition {
    fn embedding(&self) -> Option<&Embedding> {
        match self {
            Self::Acquired(embedding) => Some(embedding),
            Self::NoFace | Self::Rejected(_) => None,
        }
    }
}

/// The scores of all pairs.
#[derive(Clone, Debug, Default)]
pub struct Comparisons {
    /// A registered photo against another picture before the camera, each way: what the terminal does.
    pub photo_to_camera: Scores,
    /// Two pictures at their own sizes, each pair once: what papers do.
    pub picture_to_picture: Scores,
    /// One against all.
    pub identification: Identification,
}

/// One against all who are enrolled: the first picture of each person that can be, the others before the camera.
#[derive(Clone, Debug, Default)]
pub struct Identification {
    /// How many are enrolled.
    pub enrolled: usize,
    probes: Vec<Probe>,
}

/// Somebody before the camera. Who was not acquired is like nobody.
#[derive(Clone, Copy, Debug)]
struct Probe {
    /// Who it is.
    person: usize,
    /// Their score with their own registered photo, where there is one.
    own: Option<f32>,
    /// The best score with somebody else's.
    other: f32,
}

/// A number for each person.
fn numbered(seen: &[Seen]) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    seen.iter()
        .map(|one| {
            let next = numbers.len();
            *numbers.entry(one.identity.as_str()).or_insert(next)
        })
        .collect()
}

impl Comparisons {
    pub(super) fn of(seen: &[Seen], metric: Metric) -> Self {
        let people = &numbered(seen);
        let photo_to_camera = seen.iter().enumerate().flat_map(|(i, photo)| {
            seen.iter().enumerate().filter(move |(j, _)| i != *j).filter_map(move |(j, camera)| {
                let (a, b) = (photo.enrolled.as_ref().ok()?, camera.frame.embedding()?);
                Some(([people[i], people[j]], metric.compare(a, b)))
            })
        });
        let picture_to_picture = seen.iter().enumerate().flat_map(|(i, one)| {
            seen.iter().enumerate().skip(i + 1).filter_map(move |(j, other)| {
                let (a, b) = (one.still.embedding()?, other.still.embedding()?);
                Some(([people[i], people[j]], metric.compare(a, b)))
            })
        });
        Self {
            photo_to_camera: Scores::of(photo_to_camera),
            picture_to_picture: Scores::of(picture_to_picture),
            identification: Identification::of(seen, metric),
        }
    }
}

impl Identification {
    fn of(seen: &[Seen], metric: Metric) -> Self {
        let mut enrolled: BTreeMap<usize, &Embedding> = BTreeMap::new();
        let mut probes = Vec::new();
        for (person, one) in numbered(seen).into_iter().zip(seen) {
            match &one.enrolled {
                Ok(embedding) if !enrolled.contains_key(&person) => drop(enrolled.insert(person, embedding)),
                _ => probes.push((person, one.frame.embedding())),
            }
        }
        let probe = |(person, embedding): (usize, Option<&Embedding>)| {
            let mut probe = Probe { person, own: None, other: f32::NEG_INFINITY };
            for (other, registered) in &enrolled {
                let score = embedding.map_or(f32::NEG_INFINITY, |embedding| metric.compare(registered, embedding));
                if *other == person {
                    probe.own = Some(score);
                } else {
                    probe.other = probe.other.max(score);
                }
            }
            probe
        };
        let probes = probes.into_iter().map(probe).collect();
        Self { enrolled: enrolled.len(), probes }
    }

    /// How often the right person is the most alike.
    #[must_use]
    pub fn rank_1(&self) -> Rate {
        self.known(|own, other| own > other)
    }

    /// How often a known person is not found at `threshold`, not acquired, or somebody else is more alike.
    #[must_use]
    pub fn fnir(&self, threshold: f32) -> Rate {
        self.known(|own, other| own < threshold || own <= other)
    }

    /// The least threshold at which no more than `fpir` of the searches find somebody else; `None` of no searches.
    #[must_use]
    pub fn threshold(&self, fpir: f64) -> Option<f32> {
        let mut others: Vec<_> = self.probes.iter().map(|probe| probe.other).collect();
        others.sort_by(|a, b| b.total_cmp(a));
        let allowed = (others.len() as f64 * fpir) as usize;
        others.get(allowed).map(|first_refused| first_refused.next_up())
    }

    /// How often somebody is found for a person whose own photo is taken out.
    #[must_use]
    pub fn fpir(&self, threshold: f32) -> Rate {
        Rate::among(&self.probes, |probe| probe.other >= threshold).of_people(people(&self.probes))
    }

    fn known(&self, happened: impl Fn(f32, f32) -> bool) -> Rate {
        let known = || self.probes.iter().filter_map(|probe| Some((probe, probe.own?)));
        Rate::among(known(), |(probe, own)| happened(own, probe.other))
            .of_people(people(known().map(|(probe, _)| probe)))
    }
}

/// How many people they are of.
fn people<'a>(probes: impl IntoIterator<Item = &'a Probe>) -> usize {
    probes.into_iter().map(|probe| probe.person).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(identity: &str, direction: [f32; 2]) -> Seen {
        let embedding = Embedding::new(&direction, Metric::Cosine).unwrap();
        let acquired = Acquisition::Acquired(embedding.clone());
        Seen {
            file: String::new(),
            identity: identity.into(),
            enrolled: Ok(embedding),
            still: acquired.clone(),
            frame: acquired,
        }
    }

    #[test]
    fn pairs_are_counted_once_or_each_way() {
        let mut all = vec![seen("a", [1.0, 0.0]), seen("a", [1.0, 0.1]), seen("b", [0.0, 1.0])];
        let found = Comparisons::of(&all, Metric::Cosine);
        assert_eq!((found.photo_to_camera.same().len(), found.photo_to_camera.different().len()), (2, 4));
        assert_eq!((found.picture_to_picture.same().len(), found.picture_to_picture.different().len()), (1, 2));
        // What cannot be enrolled or is not seen makes no pairs.
        all[1].enrolled = Err("no face".into());
        all[2].frame = Acquisition::Rejected("Blurred".into());
        let found = Comparisons::of(&all, Metric::Cosine);
        assert_eq!((found.photo_to_camera.same().len(), found.photo_to_camera.different().len()), (1, 2));
    }

    #[test]
    fn the_first_picture_of_each_is_enrolled_and_the_others_are_looked_for() {
        let all = [
            seen("a", [1.0, 0.0]),
            seen("b", [0.0, 1.0]),
            seen("a", [0.9, 0.1]),
            seen("b", [0.9, 0.3]),
            seen("c", [1.0, 1.0]),
        ];
        let found = Identification::of(&all, Metric::Cosine);
        assert_eq!(found.enrolled, 3);
        // The first of them is nearer to itself; the second, for all that it is b, to c and a.
        let rate = |count, of| Rate { count, of, independent: of };
        assert_eq!(found.rank_1(), rate(1, 2));
        assert_eq!(found.fnir(0.5), rate(1, 2));
        assert_eq!(found.fnir(0.9999), rate(2, 2));
        assert_eq!(found.fpir(0.9), rate(1, 2));
        assert_eq!(found.fpir(0.0), rate(2, 2));
        for (most, count) in [(0.0, 0), (0.4, 0), (0.5, 1)] {
            assert_eq!(found.fpir(found.threshold(most).unwrap()), rate(count, 2), "{most}");
        }
        assert_eq!(Identification::default().threshold(0.003), None);
    }

    #[test]
    fn who_is_not_acquired_is_not_found() {
        let mut all = [seen("a", [1.0, 0.0]), seen("a", [1.0, 0.1]), seen("a", [1.0, 0.2]), seen("b", [0.0, 1.0])];
        all[2].frame = Acquisition::Rejected("Blurred".into());
        let found = Identification::of(&all, Metric::Cosine);
        let rate = |count, of| Rate { count, of, independent: 1 };
        assert_eq!((found.rank_1(), found.fnir(0.5), found.fpir(-1.0)), (rate(1, 2), rate(1, 2), rate(1, 2)));
    }
}
