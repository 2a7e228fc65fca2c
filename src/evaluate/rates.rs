//! Counted error rates: how often, of how many, and between which bounds the true rate lies.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Standard normal quantile of a two-sided 95 % interval.
const Z95: f64 = 1.959_963_984_540_054;

/// So many of so many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rate {
    /// How often it happened.
    pub count: usize,
    /// How often it could have happened.
    pub of: usize,
    /// How many people, or pairs of people, it could have happened to: pictures of one person are much alike, so that the
    /// interval counts each of them once.
    pub independent: usize,
}

impl Rate {
    /// Counts what `happened` says of each of `all`, which have nothing to do with each other.
    pub fn among<T>(all: impl IntoIterator<Item = T>, mut happened: impl FnMut(T) -> bool) -> Self {
        let mut rate = Self::default();
        for one in all {
            rate.of += 1;
            rate.count += usize::from(happened(one));
        }
        Self { independent: rate.of, ..rate }
    }

    /// The same of cases of so many people, or pairs of people.
    #[must_use]
    pub fn of_people(self, independent: usize) -> Self {
        Self { independent, ..self }
    }

    /// 0 to 1; `None` when it could not have happened.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// Between which rates the true one lies with 95 % confidence, for people such as these (Wilson's interval: it says
    /// something of no case in many, too). The whole scale when there was no case.
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        let Some(p) = self.value() else { return (0.0, 1.0) };
        let n = self.independent.max(1) as f64;
        let z2 = Z95 * Z95;
        let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z95 / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        let low = if self.count == 0 { 0.0 } else { middle - half };
        let high = if self.count == self.of { 1.0 } else { middle + half };
        (low.max(0.0), high.min(1.0))
    }

    /// For programs.
    #[must_use]
    pub fn to_json(self) -> Value {
        let (low, high) = self.interval();
        json!({ "count": self.count, "of": self.of, "independent": self.independent, "rate": self.value(),
                "low": low, "high": high })
    }
}

/// Scores of comparisons, larger is more alike.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scores {
    /// Of one person with themselves, in rising order.
    same: Vec<f32>,
    /// Of two people, in rising order.
    different: Vec<f32>,
    /// How many people, and how many pairs of people, they are of.
    people: [usize; 2],
}

impl Scores {
    /// Of pairs with the numbers of whom both show.
    pub fn of(pairs: impl IntoIterator<Item = ([usize; 2], f32)>) -> Self {
        let (mut scores, mut people) = ([Vec::new(), Vec::new()], [BTreeSet::new(), BTreeSet::new()]);
        for ([one, other], score) in pairs {
            let side = usize::from(one != other);
            scores[side].push(score);
            people[side].insert((one.min(other), one.max(other)));
        }
        let [same, different] = scores.map(|mut scores| {
            scores.sort_by(f32::total_cmp);
            scores
        });
        Self { same, different, people: people.map(|people| people.len()) }
    }

    /// Of one person with themselves, in rising order.
    #[must_use]
    pub fn same(&self) -> &[f32] {
        &self.same
    }

    /// Of two people, in rising order.
    #[must_use]
    pub fn different(&self) -> &[f32] {
        &self.different
    }

    /// False matches: two people whose score reaches `threshold`.
    #[must_use]
    pub fn fmr(&self, threshold: f32) -> Rate {
        let below = self.different.partition_point(|score| *score < threshold);
        Rate { count: self.different.len() - below, of: self.different.len(), independent: self.people[1] }
    }

    /// False non-matches: one person whose score does not reach `threshold`.
    #[must_use]
    pub fn fnmr(&self, threshold: f32) -> Rate {
        let count = self.same.partition_point(|score| *score < threshold);
        Rate { count, of: self.same.len(), independent: self.people[0] }
    }

    /// Where both errors are closest to each other: their mean, and the threshold. `None` without both kinds of pairs.
    #[must_use]
    pub fn eer(&self) -> Option<(f64, f32)> {
        let errors = |threshold: f32| Some((self.fmr(threshold).value()?, self.fnmr(threshold).value()?));
        let candidates = self.same.iter().chain(&self.different);
        candidates
            .filter_map(|threshold| errors(*threshold).map(|(fmr, fnmr)| ((fmr - fnmr).abs(), fmr, fnmr, *threshold)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, fmr, fnmr, threshold)| ((fmr + fnmr) / 2.0, threshold))
    }

    /// The share of different people's scores that reach each threshold against that of the same person's: from nothing
    /// accepted to everything.
    #[must_use]
    pub fn roc(&self) -> Vec<(f64, f64)> {
        let mut thresholds: Vec<f32> = self.same.iter().chain(&self.different).copied().collect();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let at = |t: f32| Some((self.fmr(t).value()?, 1.0 - self.fnmr(t).value()?));
        std::iter::once((0.0, 0.0)).chain(thresholds.into_iter().filter_map(at)).collect()
    }
}

/// Mean and standard deviation; `None` of nothing.
#[must_use]
pub fn mean_and_deviation(values: &[f32]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
    Some((mean, variance.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // Of the literature: 0 of 10, 1 of 10, 5 of 10, 10 of 10; and the rule of thumb 3.84/n for none of many.
        for (count, of, low, high) in [
            (0, 10, 0.0, 0.2775),
            (1, 10, 0.0179, 0.4042),
            (5, 10, 0.2366, 0.7634),
            (10, 10, 0.7225, 1.0),
            (0, 771, 0.0, 0.004_96),
            (0, 0, 0.0, 1.0),
        ] {
            let found = Rate { count, of, independent: of }.interval();
            assert!((found.0 - low).abs() < 1e-4 && (found.1 - high).abs() < 1e-4, "{count} of {of}: {found:?}");
        }
    }

    #[test]
    fn more_pictures_of_the_same_people_make_no_interval_narrower() {
        let few = Scores::of([([0, 1], 0.1), ([0, 2], 0.2), ([1, 2], 0.3)]);
        let many = Scores::of((0..100).flat_map(|_| [([0, 1], 0.1), ([2, 0], 0.2), ([1, 2], 0.3)]));
        assert_eq!((few.fmr(0.5).of, many.fmr(0.5).of), (3, 300));
        assert_eq!(few.fmr(0.5).interval(), many.fmr(0.5).interval());
    }

    #[test]
    fn errors_are_counted_on_either_side_of_a_threshold() {
        let pairs = [([0, 0], 0.9), ([1, 1], 0.4), ([0, 0], 0.7), ([0, 1], 0.5), ([1, 0], 0.1), ([2, 0], 0.2)];
        let scores = Scores::of(pairs);
        assert_eq!((scores.fmr(0.5).independent, scores.fnmr(0.5).independent), (2, 2), "pairs of people, people");
        for (threshold, false_matches, false_non_matches) in
            [(0.0, 3, 0), (0.4, 1, 0), (0.41, 1, 1), (0.5, 1, 1), (0.51, 0, 1), (0.9, 0, 2), (0.91, 0, 3)]
        {
            let found = (scores.fmr(threshold).count, scores.fnmr(threshold).count);
            assert_eq!(found, (false_matches, false_non_matches), "{threshold}");
        }
        let (eer, threshold) = scores.eer().unwrap();
        assert!((eer - 1.0 / 3.0).abs() < 1e-9 && threshold > 0.4 && threshold <= 0.5, "{eer} {threshold}");
        let roc = scores.roc();
        assert_eq!((roc.first(), roc.last()), (Some(&(0.0, 0.0)), Some(&(1.0, 1.0))));
        assert!(roc.windows(2).all(|w| w[0].0 <= w[1].0 && w[0].1 <= w[1].1));
        assert_eq!(Scores::default().eer(), None);
    }
}
