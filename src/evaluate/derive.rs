//! The similarity map of a pack, derived from measured scores: the logistic curve on which 80, 85 and 90 stand for wished
//! rates of false matches.
//!
//! Such rates are smaller than any sample of pairs shows, so the upper tail of the scores of different people is
//! continued: as a normal distribution fitted to that tail alone (a straight line on normal probability paper), because
//! the whole of it is often not normal. What is continued is said beside each figure.

use std::fmt;

use serde_json::{Value, json};

use super::SIMILARITIES;
use super::rates::{Rate, Scores};
use crate::vision::{Comparison, Similarity, SimilarityMap};

/// Which share of the scores is the tail.
const TAIL: f64 = 0.1;
/// Fewer scores in the tail say nothing.
const LEAST_TAIL: usize = 20;

/// Rates of false matches that 80, 85 and 90 are to stand for, 0 to 1, falling.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Targets(pub [f64; 3]);

impl Default for Targets {
    fn default() -> Self {
        Self([4e-5, 5e-6, 3e-7])
    }
}

impl std::str::FromStr for Targets {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: three falling rates between 0 and 0.5 are needed, as 4e-5,5e-6,3e-7");
        let rates: Vec<f64> =
            text.split(',').map(|r| r.trim().parse()).collect::<Result<_, _>>().map_err(|_| wrong())?;
        match rates[..] {
            [a, b, c] if 0.5 > a && a > b && b > c && c > 0.0 => Ok(Self([a, b, c])),
            _ => Err(wrong()),
        }
    }
}

/// A derived map, and what it was derived from.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The map, and the pack's metric.
    pub comparison: Comparison,
    /// The wished rates.
    pub targets: Targets,
    points: Vec<Point>,
}

/// One similarity of a derived map.
#[derive(Clone, Copy, Debug)]
struct Point {
    similarity: f32,
    /// Cosine or distance.
    measure: f32,
    /// What the continued tail says of it.
    expected: f64,
    fmr: Rate,
    fnmr: Rate,
}

/// Derives the map of a pack that compares as `now` from the scores of its pairs.
///
/// # Errors
/// When there are too few different people.
pub fn derive(scores: &Scores, now: Comparison, targets: Targets) -> Result<Derived, String> {
    let tail = Tail::of(scores.different())?;
    let wanted: Vec<_> = SIMILARITIES.iter().zip(targets.0).map(|(s, fmr)| (tail.score(fmr), logit(*s))).collect();
    let (slope, at_zero) = line(&wanted);
    if slope.is_nan() || slope <= 0.0 {
        return Err("the scores do not rise with the similarity: they cannot be this pack's".into());
    }
    let map = SimilarityMap { slope: slope as f32, centre: (-at_zero / slope) as f32 };
    let points = SIMILARITIES.map(|similarity| {
        let score = map.score(Similarity::new(similarity));
        Point {
            similarity,
            measure: now.metric.score(score),
            expected: tail.rate(f64::from(score)),
            fmr: scores.fmr(score),
            fnmr: scores.fnmr(score),
        }
    });
    Ok(Derived { comparison: Comparison { metric: now.metric, map }, targets, points: points.to_vec() })
}

/// The normal distribution that the largest scores are the tail of.
#[derive(Clone, Copy, Debug)]
struct Tail {
    mean: f64,
    deviation: f64,
}

impl Tail {
    fn of(rising: &[f32]) -> Result<Self, String> {
        let n = rising.len();
        let count = (n as f64 * TAIL) as usize;
        if count < LEAST_TAIL {
            let needed = (LEAST_TAIL as f64 / TAIL) as usize;
            return Err(format!("{n} pairs of different people are too few, at least {needed} are needed"));
        }
        // The i-th largest of n scores stands for the rate (i + 1/2)/n.
        let points: Vec<_> = rising
            .iter()
            .rev()
            .take(count)
            .enumerate()
            .map(|(i, score)| (quantile(1.0 - (i as f64 + 0.5) / n as f64), f64::from(*score)))
            .collect();
        let (deviation, mean) = line(&points);
        Ok(Self { mean, deviation })
    }

    /// The score that this share of different people reaches.
    fn score(self, rate: f64) -> f64 {
        self.mean + self.deviation * quantile(1.0 - rate)
    }

    /// The share of different people that reaches a score.
    fn rate(self, score: f64) -> f64 {
        upper_tail((score - self.mean) / self.deviation)
    }
}

fn logit(similarity: f32) -> f64 {
    let s = f64::from(similarity) / 100.0;
    (s / (1.0 - s)).ln()
}

/// Slope, and value at 0, of the straight line closest to `points`.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = points.len() as f64;
    let (sx, sy) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0, y + p.1));
    let (mx, my) = (sx / n, sy / n);
    let (sxy, sxx) =
        points.iter().fold((0.0, 0.0), |(xy, xx), p| (xy + (p.0 - mx) * (p.1 - my), xx + (p.0 - mx).powi(2)));
    let slope = sxy / sxx;
    (slope, my - slope * mx)
}

/// Share of a standard normal distribution above `z`: the complementary error function by its continued fraction, and by
/// its series near the middle.
fn upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        return 1.0 - upper_tail(-z);
    }
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 2.0 {
        let (mut term, mut sum) = (z, z);
        for k in 1..60_u32 {
            term *= z * z / f64::from(2 * k + 1);
            sum += term;
        }
        return 0.5 - density * sum;
    }
    density / (1..=60_u32).rev().fold(z, |below, k| z + f64::from(k) / below)
}

/// The value that a standard normal distribution stays below with probability `p`, by halving.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        // Told by the smaller tail: near 1, its complement would be rounded away.
        if upper_tail(middle) > 1.0 - p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

impl Derived {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let points: Vec<_> = self
            .points
            .iter()
            .zip(self.targets.0)
            .map(|(p, target)| {
                json!({
                    "similarity": p.similarity, "measure": p.measure, "target_fmr": target, "expected_fmr": p.expected,
                    "fmr": p.fmr.to_json(), "fnmr": p.fnmr.to_json(),
                })
            })
            .collect();
        json!({ "slope": self.comparison.map.slope, "centre": self.centre(), "points": points })
    }

    /// In the metric's own measure, as packs have it.
    fn centre(&self) -> f32 {
        self.comparison.metric.score(self.comparison.map.centre)
    }
}

/// The `[similarity]` section of the pack.
impl fmt::Display for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Derived by `facegate evaluate --derive`; FMR expected from the tail of different people's scores."
        )?;
        for (point, target) in self.points.iter().zip(self.targets.0) {
            let Point { similarity, measure, expected, fmr, fnmr } = point;
            writeln!(
                f,
                "# {similarity}: {measure:.3}, FMR {expected:.1e} (wished {target:.0e}, counted {} of {}), FNMR {} of {}",
                fmr.count, fmr.of, fnmr.count, fnmr.of
            )?;
        }
        writeln!(f, "[similarity]\nformula = \"logistic\"")?;
        writeln!(f, "slope = {:.2}\ncentre = {:.3}", self.comparison.map.slope, self.centre())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vision::Metric;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (p, z) in [(0.5, 0.0), (0.9, 1.281_55), (0.975, 1.959_96), (0.999, 3.090_23), (1.0 - 4e-5, 3.944_40)] {
            assert!((quantile(p) - z).abs() < 1e-4, "{p}: {}", quantile(p));
            assert!((upper_tail(z) / (1.0 - p) - 1.0).abs() < 1e-3, "{z}: {}", upper_tail(z));
        }
        assert!((upper_tail(-1.0) - 0.841_345).abs() < 1e-6);
    }

    /// Scores at the quantiles of a normal distribution: the line through their tail is that distribution.
    #[test]
    fn a_normal_tail_gives_the_curve_through_its_own_quantiles() {
        let n = 20_000;
        let normal = |mean: f64, deviation: f64, sign: f64| {
            let score = move |i: usize| mean + deviation * quantile((i as f64 + 0.5) / f64::from(n));
            let different = (0..n as usize).map(move |i| ([0, 1], (sign * score(i)) as f32));
            Scores::of(different.chain([([0, 0], sign as f32 * 0.9)]))
        };
        let map = SimilarityMap { slope: 1.0, centre: 0.0 };
        for (metric, scores, at_80) in
            [(Metric::Cosine, normal(0.005, 0.099, 1.0), 0.395), (Metric::Euclidean, normal(0.842, 0.05, -1.0), 0.645)]
        {
            let derived = derive(&scores, Comparison { metric, map }, Targets::default()).unwrap();
            let [p80, _, p90] = derived.points[..] else { panic!() };
            assert!((p80.measure - at_80).abs() < 5e-3, "{metric:?} {p80:?}");
            assert!(p80.expected > 2e-5 && p80.expected < 8e-5 && p90.expected < 6e-7, "{p80:?} {p90:?}");
            let text = derived.to_string();
            assert!(text.contains("[similarity]\nformula = \"logistic\"\nslope = "), "{text}");
            assert!(derived.centre() > 0.0, "{text}");
        }
    }

    #[test]
    fn wishes_are_three_falling_rates() {
        assert_eq!("1e-3, 1e-4,1e-5".parse(), Ok(Targets([1e-3, 1e-4, 1e-5])));
        for text in ["", "1e-3", "1e-3,1e-4", "1e-5,1e-4,1e-3", "0.6,0.1,0.01", "1e-3,1e-4,0", "a,b,c"] {
            assert!(text.parse::<Targets>().is_err(), "{text}");
        }
    }

    #[test]
    fn few_pairs_are_refused() {
        let scores = Scores::of((0..100_u8).map(|i| ([0, 1], f32::from(i))));
        let map = SimilarityMap { slope: 1.0, centre: 0.0 };
        let error = derive(&scores, Comparison { metric: Metric::Cosine, map }, Targets::default()).unwrap_err();
        assert!(error.contains("at least 200"), "{error}");
    }
}
