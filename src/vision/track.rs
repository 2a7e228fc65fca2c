//! Which face of this frame is which face of the last one.
//!
//! Faces are told apart by place alone, never by identity: boxes that overlap well belong together, and so
//! do boxes of like size whose middles are near. A face that is missed for a few frames is lost.

use super::geometry::{Face, Rect};

/// Names one face from when it appears until it is lost; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TrackId(pub u64);

/// Boxes that overlap at least this much (IoU) may be one face.
const LEAST_OVERLAP: f32 = 0.3;
/// Boxes whose middles are nearer than this share of their width may be one face too: somebody moves fast.
const NEAR: f32 = 0.6;
/// How much wider than the other the wider one of two such boxes may be.
const LIKE_SIZE: f32 = 1.5;
/// For so many frames in a row a face may be missed.
const PATIENCE: u32 = 5;

/// Follows any number of faces; `T` is what the caller remembers about each.
#[derive(Debug, Default)]
pub struct Tracker<T> {
    tracks: Vec<Track<T>>,
    last: u64,
}

#[derive(Debug)]
struct Track<T> {
    id: TrackId,
    bbox: Rect,
    missed: u32,
    memory: T,
}

impl<T: Default> Tracker<T> {
    /// Follows the faces of one more frame. Gives the track of each face, in their order, and the tracks now lost.
    pub fn follow(&mut self, faces: &[Face]) -> (Vec<TrackId>, Vec<TrackId>) {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (t, track) in self.tracks.iter().enumerate() {
            for (f, face) in faces.iter().enumerate() {
                let likeness = likeness(&track.bbox, &face.bbox);
                if likeness > 0.0 {
                    pairs.push((likeness, t, f));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.tracks.iter_mut().for_each(|track| track.missed += 1);
        let mut ids: Vec<Option<TrackId>> = vec![None; faces.len()];
        for (_, t, f) in pairs {
            let track = &mut self.tracks[t];
            // A track still counted as missed has found no face yet in this frame.
            if track.missed > 0 && ids[f].is_none() {
                (track.missed, track.bbox) = (0, faces[f].bbox);
                ids[f] = Some(track.id);
            }
        }
        let lost = self.tracks.iter().filter(|t| t.missed > PATIENCE).map(|t| t.id).collect();
        self.tracks.retain(|t| t.missed <= PATIENCE);
        let ids = ids.into_iter().zip(faces).map(|(id, face)| id.unwrap_or_else(|| self.appear(face))).collect();
        (ids, lost)
    }

    /// What is remembered about a track; `None` when it is not followed.
    pub fn memory(&mut self, id: TrackId) -> Option<&mut T> {
        self.tracks.iter_mut().find(|t| t.id == id).map(|t| &mut t.memory)
    }

    fn appear(&mut self, face: &Face) -> TrackId {
        self.last += 1;
        let id = TrackId(self.last);
        self.tracks.push(Track { id, bbox: face.bbox, missed: 0, memory: T::default() });
        id
    }
}

/// How well two boxes go together, above 0 when they may be one face: overlap counts more than nearness.
fn likeness(a: &Rect, b: &Rect) -> f32 {
    let overlap = a.iou(b);
    if overlap >= LEAST_OVERLAP {
        return 1.0 + overlap;
    }
    let (p, q) = (a.centre(), b.centre());
    let (narrow, wide) = (a.width().min(b.width()), a.width().max(b.width()));
    let distance = (p.x - q.x).hypot(p.y - q.y) / wide;
    if distance < NEAR && wide < narrow * LIKE_SIZE { 1.0 - distance } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Point;
    use super::*;

    fn face(x: f32, width: f32) -> Face {
        Face { bbox: Rect::sized(x, 100.0, width, width), landmarks: [Point::default(); 5], score: 1.0 }
    }

    /// Runs frames of (left edge, width) through a tracker; gives the track numbers of each frame.
    fn follow(frames: &[&[(f32, f32)]]) -> Vec<Vec<u64>> {
        let mut tracker = Tracker::<()>::default();
        let ids = |faces: &&[(f32, f32)]| {
            let faces: Vec<_> = faces.iter().map(|(x, w)| face(*x, *w)).collect();
            tracker.follow(&faces).0.into_iter().map(|id| id.0).collect()
        };
        frames.iter().map(ids).collect()
    }

    #[test]
    fn faces_are_followed_by_place() {
        // (frames, tracks a frame)
        type Case = (&'static [&'static [(f32, f32)]], &'static [&'static [u64]]);
        let cases: [Case; 5] = [
            (&[&[(0.0, 100.0)], &[(20.0, 105.0)], &[(75.0, 100.0)]], &[&[1], &[1], &[1]]),
            (&[&[(0.0, 100.0)], &[(400.0, 100.0)]], &[&[1], &[2]]),
            (&[&[(0.0, 100.0)], &[(0.0, 30.0)]], &[&[1], &[2]]),
            // Two stay themselves when their order changes.
            (
                &[&[(0.0, 100.0), (300.0, 90.0)], &[(290.0, 110.0), (10.0, 100.0)], &[(20.0, 100.0)]],
                &[&[1, 2], &[2, 1], &[1]],
            ),
            // Of two faces near one track the nearer has it.
            (&[&[(0.0, 100.0)], &[(50.0, 100.0), (5.0, 100.0)]], &[&[1], &[2, 1]]),
        ];
        for (frames, tracks) in cases {
            assert_eq!(follow(frames), tracks, "{frames:?}");
        }
    }

    #[test]
    fn a_face_is_lost_after_some_missed_frames_and_never_comes_back_under_its_number() {
        let mut tracker = Tracker::<u8>::default();
        tracker.follow(&[face(0.0, 100.0)]);
        *tracker.memory(TrackId(1)).unwrap() = 7;
        for _ in 0..PATIENCE {
            assert_eq!(tracker.follow(&[]).1, []);
        }
        assert_eq!(tracker.follow(&[face(0.0, 100.0)]), (vec![TrackId(1)], vec![]));
        assert_eq!(tracker.memory(TrackId(1)), Some(&mut 7));
        for _ in 0..PATIENCE {
            tracker.follow(&[]);
        }
        assert_eq!(tracker.follow(&[]).1, [TrackId(1)]);
        assert_eq!(tracker.memory(TrackId(1)), None);
        assert_eq!(tracker.follow(&[face(0.0, 100.0)]).0, [TrackId(2)]);
    }
}
