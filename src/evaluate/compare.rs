//! Everybody against everybody: one against one, and each against all who are enrolled.

use super::rates::{Rate, Scores};
use crate::vision::{Embedding, Metric};

/// What one look at a picture gave.
#[derive(Clone, Debug)]
pub(super) enum Glimpse {
    /// No face was found.
    Nothing,
    /// A face was found and not compared: why.
    TurnedAway(String),
    /// What it is compared by.
    Measured(Embedding),
}

/// A picture and what the terminal makes of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) file: String,
    pub(super) identity: String,
    /// As a registered photo; or why it is none.
    pub(super) enrolled: Result<Embedding, String>,
    /// Through the camera's stages as it is, at its own size.
    pub(super) still: Glimpse,
    /// The same, scaled into the sensor's frame.
    pub(super) frame: Glimpse,
}

impl Glimpse {
    fn embedding(&self) -> Option<&Embedding> {
        match self {
            Self::Measured(embedding) => Some(embedding),
            Self::Nothing | Self::TurnedAway(_) => None,
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

/// Somebody before the camera.
#[derive(Clone, Copy, Debug)]
struct Probe {
    /// Their score with their own registered photo, where there is one.
    own: Option<f32>,
    /// The best score with somebody else's.
    other: f32,
}

impl Comparisons {
    pub(super) fn of(seen: &[Seen], metric: Metric) -> Self {
        let photo_to_camera = seen.iter().enumerate().flat_map(|(i, photo)| {
            seen.iter().enumerate().filter(move |(j, _)| i != *j).filter_map(move |(_, camera)| {
                let (a, b) = (photo.enrolled.as_ref().ok()?, camera.frame.embedding()?);
                Some((photo.identity == camera.identity, metric.compare(a, b)))
            })
        });
        let picture_to_picture = seen.iter().enumerate().flat_map(|(i, one)| {
            seen[i + 1..].iter().filter_map(move |other| {
                let (a, b) = (one.still.embedding()?, other.still.embedding()?);
                Some((one.identity == other.identity, metric.compare(a, b)))
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
        let mut enrolled: Vec<(&Seen, &Embedding)> = Vec::new();
        let mut probes = Vec::new();
        for one in seen {
            let known = enrolled.iter().any(|(other, _)| other.identity == one.identity);
            match &one.enrolled {
                Ok(embedding) if !known => enrolled.push((one, embedding)),
                _ => probes.extend(one.frame.embedding().map(|embedding| (one, embedding))),
            }
        }
        let probe = |(one, embedding): (&Seen, &Embedding)| {
            let mut probe = Probe { own: None, other: f32::NEG_INFINITY };
            for (other, registered) in &enrolled {
                let score = metric.compare(registered, embedding);
                if other.identity == one.identity {
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
        Rate::among(self.known(), |(own, other)| own > other)
    }

    /// How often a known person is not found at `threshold`, or somebody else is more alike.
    #[must_use]
    pub fn fnir(&self, threshold: f32) -> Rate {
        Rate::among(self.known(), |(own, other)| own < threshold || own <= other)
    }

    /// How often somebody is found for a person whose own photo is taken out.
    #[must_use]
    pub fn fpir(&self, threshold: f32) -> Rate {
        Rate::among(&self.probes, |probe| probe.other >= threshold)
    }

    fn known(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        self.probes.iter().filter_map(|probe| Some((probe.own?, probe.other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(identity: &str, direction: [f32; 2]) -> Seen {
        let embedding = Embedding::new(&direction, Metric::Cosine).unwrap();
        let glimpse = Glimpse::Measured(embedding.clone());
        Seen {
            file: String::new(),
            identity: identity.into(),
            enrolled: Ok(embedding),
            still: glimpse.clone(),
            frame: glimpse,
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
        all[2].frame = Glimpse::TurnedAway("Blurred".into());
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
        assert_eq!(found.rank_1(), Rate { count: 1, of: 2 });
        assert_eq!(found.fnir(0.5), Rate { count: 1, of: 2 });
        assert_eq!(found.fnir(0.9999), Rate { count: 2, of: 2 });
        assert_eq!(found.fpir(0.9), Rate { count: 1, of: 2 });
        assert_eq!(found.fpir(0.0), Rate { count: 2, of: 2 });
    }
}
