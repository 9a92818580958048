//! The two churn curves: are the probabilities true, and how many of the leavers does a short list hold.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use shopkeeper_models::evaluation::{ReliabilityBin, Survival};

use super::ink::{GRID, MUTED, OURS, THEIRS, letters, svg};

const WIDTH: u32 = 460;
const HEIGHT: u32 = 380;

type Point = (f64, f64);

/// Share that churned against predicted probability; the diagonal is perfect.
pub(super) fn reliability(bins: &[ReliabilityBin]) -> String {
    let points: Vec<Point> = bins.iter().map(|bin| (bin.predicted, bin.actual)).collect();
    unit_square("predicted probability", "share that left", &[(0.0, 0.0), (1.0, 1.0)], &points)
}

/// Share of all churners found against share of customers contacted; the diagonal is chance.
pub(super) fn gains(found: &[f64]) -> String {
    unit_square("share of customers contacted", "share of leavers found", &[(0.0, 0.0), (1.0, 1.0)], &gains_points(found))
}

/// The curve's points from nothing to everything. `found[0]` is at a twentieth, or at nothing when there are 21.
fn gains_points(found: &[f64]) -> Vec<Point> {
    let first = usize::from(found.len() <= 20);
    let points = found.iter().enumerate().map(|(at, &share)| ((at + first) as f64 / 20.0, share));
    std::iter::once((0.0, 0.0)).take(first).chain(points).collect()
}

/// Share not yet back by days since a purchase: after a first one dashed, after a later one drawn through.
pub(super) fn survival(survival: &Survival) -> String {
    let points = |shares: &[f64]| survival.days.iter().map(|&day| f64::from(day)).zip(shares.iter().copied()).collect::<Vec<Point>>();
    let longest = survival.days.last().map_or(1.0, |&day| f64::from(day.max(1)));
    let days = |value: &f64| format!("{value:.0}");
    let dashed = points(&survival.after_first);
    chart("days since a purchase", "share not yet back", (longest, &days), &dashed, &points(&survival.after_later), 0)
}

fn unit_square(x: &str, y: &str, reference: &[Point], points: &[Point]) -> String {
    chart(x, y, (1.0, &percent), reference, points, 4)
}

fn percent(value: &f64) -> String {
    format!("{:.0} %", 100.0 * value)
}

/// A dashed line and one drawn through, with dots of that size, over 0 to the most of x and 0 to 100 %.
fn chart(x: &str, y: &str, (most, x_label): (f64, &dyn Fn(&f64) -> String), dashed: &[Point], points: &[Point], dots: i32) -> String {
    svg(WIDTH, HEIGHT, |canvas| {
        let mut chart = ChartBuilder::on(canvas)
            .margin(12)
            .margin_right(32)
            .x_label_area_size(46)
            .y_label_area_size(58)
            .build_cartesian_2d(0.0..most, 0.0..1.0)?;
        chart
            .configure_mesh()
            .x_desc(x)
            .y_desc(y)
            .x_labels(6)
            .y_labels(6)
            .x_label_formatter(&x_label)
            .y_label_formatter(&percent)
            .label_style(letters(12.0, MUTED, HPos::Left))
            .axis_desc_style(letters(13.0, MUTED, HPos::Left))
            .axis_style(GRID)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        chart.draw_series(DashedLineSeries::new(dashed.iter().copied(), 5, 5, THEIRS.stroke_width(2)))?;
        chart.draw_series(LineSeries::new(points.iter().copied(), OURS.stroke_width(2)))?;
        chart.draw_series(points.iter().filter(|_| dots > 0).map(|&point| Circle::new(point, dots, OURS.filled())))?;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::gains_points;

    #[test]
    fn gains_begin_at_nothing_and_end_at_everything() {
        let twentieths: Vec<f64> = (0..=20).map(|at| f64::from(at) / 20.0).collect();
        let ends = |points: Vec<(f64, f64)>| (points.len(), points[0], points[20]);
        assert_eq!(ends(gains_points(&twentieths)), (21, (0.0, 0.0), (1.0, 1.0)));
        assert_eq!(ends(gains_points(&twentieths[1..])), (21, (0.0, 0.0), (1.0, 1.0)));
    }
}
