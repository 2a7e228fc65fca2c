//! Curves of an evaluation as SVG.

use plotters::prelude::*;

use super::SIMILARITIES;
use super::compare::Comparisons;
use crate::vision::{Comparison, Metric, Similarity};

const SIZE: (u32, u32) = (760, 480);
const BINS: usize = 60;
/// Points that are closer than this share of a decade, or of the whole height, are one.
const PIXELS: f64 = 500.0;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many of the same person's pairs are accepted where so many of different people are, on a logarithmic scale.
pub(super) fn roc(comparisons: &Comparisons) -> Result<String, Failure> {
    let curves = [
        ("registered photo, camera", RED, &comparisons.photo_to_camera),
        ("picture, picture", BLUE, &comparisons.picture_to_picture),
    ];
    let most = curves.iter().map(|(_, _, scores)| scores.different().len()).max().unwrap_or(1).max(2);
    let least_x = 0.5 / most as f64;
    let lowest = curves.iter().flat_map(|(_, _, s)| s.roc()).filter(|(x, _)| *x > 0.0).map(|(_, y)| y);
    let bottom = (lowest.fold(0.99, f64::min) - 0.02).clamp(0.0, 0.95);
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .caption("ROC", ("sans-serif", 20))
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d((least_x..1.0).log_scale(), bottom..1.0)?;
        chart
            .configure_mesh()
            .x_desc("false matches (FMR)")
            .y_desc("true matches (1 - FNMR)")
            .x_label_formatter(&|x| format!("{x:.0e}"))
            .draw()?;
        for (name, colour, scores) in curves {
            let mut points: Vec<_> = scores.roc().into_iter().map(|(x, y)| (x.max(least_x), y.max(bottom))).collect();
            // A line of every pair would be as long as the list of pairs.
            points.dedup_by_key(|(x, y)| ((x.log10() * PIXELS).round() as i64, (*y * PIXELS).round() as i64));
            chart.draw_series(LineSeries::new(points, &colour))?.label(name).legend(legend(colour));
        }
        chart.configure_series_labels().position(SeriesLabelPosition::LowerRight).border_style(BLACK).draw()?;
        root.present()?;
    }
    Ok(svg)
}

/// How often each cosine or distance occurs, of the same person and of different people, with the thresholds.
pub(super) fn histogram(comparisons: &Comparisons, comparison: Comparison) -> Result<String, Failure> {
    let scores = &comparisons.photo_to_camera;
    let measure = |score: f32| f64::from(comparison.metric.score(score));
    let all: Vec<f64> = scores.same().iter().chain(scores.different()).map(|s| measure(*s)).collect();
    let (low, high) = all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    let (low, high) = if high > low { (low, high) } else { (0.0, 1.0) };
    let width = (high - low) / BINS as f64;
    let share = |values: &[f32]| -> Vec<(f64, f64)> {
        let mut bins = vec![0_usize; BINS];
        for value in values {
            let bin = ((measure(*value) - low) / width) as usize;
            bins[bin.min(BINS - 1)] += 1;
        }
        let of = values.len().max(1) as f64;
        bins.iter().enumerate().map(|(i, n)| (low + (i as f64 + 0.5) * width, *n as f64 * 100.0 / of)).collect()
    };
    let curves = [("same person", GREEN, share(scores.same())), ("different people", RED, share(scores.different()))];
    let top = curves.iter().flat_map(|(_, _, curve)| curve).fold(1.0, |top: f64, (_, y)| top.max(*y)) * 1.1;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .margin(16)
            .caption("Registered photo against camera", ("sans-serif", 20))
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(low..high, 0.0..top)?;
        let axis = match comparison.metric {
            Metric::Cosine => "cosine",
            Metric::Euclidean => "distance",
        };
        chart.configure_mesh().x_desc(axis).y_desc("% of the pairs").draw()?;
        for (name, colour, curve) in curves {
            chart.draw_series(LineSeries::new(curve, &colour))?.label(name).legend(legend(colour));
        }
        for similarity in SIMILARITIES {
            let x = measure(comparison.map.score(Similarity::new(similarity)));
            if (low..=high).contains(&x) {
                chart.draw_series(LineSeries::new([(x, 0.0), (x, top * 0.94)], &BLACK))?;
                let label = Text::new(similarity.to_string(), (x, top), ("sans-serif", 13));
                chart.draw_series(std::iter::once(label))?;
            }
        }
        chart.configure_series_labels().border_style(BLACK).draw()?;
        root.present()?;
    }
    Ok(svg)
}

fn legend(colour: RGBColor) -> impl Fn((i32, i32)) -> PathElement<(i32, i32)> {
    move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::rates::Scores;
    use crate::vision::SimilarityMap;

    #[test]
    fn any_scores_can_be_drawn() {
        let map = SimilarityMap { slope: 8.11, centre: 0.229 };
        let many = (0..60_000_usize).map(|i| ([0, usize::from(i % 5 > 0)], i as f32 / 60_000.0));
        for scores in [Scores::default(), Scores::of([([0, 0], 0.5)]), Scores::of(many)] {
            let comparisons = Comparisons { photo_to_camera: scores.clone(), ..Comparisons::default() };
            let comparison = Comparison { metric: Metric::Cosine, map };
            for svg in [roc(&comparisons).unwrap(), histogram(&comparisons, comparison).unwrap()] {
                assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
                assert!(svg.len() < 100_000, "{} bytes", svg.len());
            }
        }
    }
}
