//! Profiles: bars to the left and right of the shop's mean, on a scale on which twice as much and half as much are equally long.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::ink::{INK, MUTED, OURS, THEIRS, letters, svg};

const WIDTH: i32 = 460;
const LABELS: i32 = 190;
const FIGURES: i32 = 60;
const ROW: i32 = 24;
/// How many times the mean the longest bar stands for.
const MOST: f64 = 4.0;
/// The most characters of a label.
const LABEL_CHARS: usize = 26;

/// A figure as a multiple of the shop's mean, above 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Multiple {
    pub(super) label: String,
    pub(super) times: f64,
}

/// The chart as SVG; a bar that would be longer than four times or shorter than a quarter of the mean ends there, its figure does not.
pub(super) fn chart(multiples: &[Multiple]) -> String {
    let height = ROW * multiples.len() as i32;
    let (left, right) = (LABELS, WIDTH - FIGURES);
    let middle = (left + right) / 2;
    let half = f64::from((right - left) / 2 - 4);
    svg(WIDTH as u32, height.max(1) as u32, |canvas| {
        for (at, Multiple { label, times }) in multiples.iter().enumerate() {
            let y = at as i32 * ROW;
            let length = (times.max(1e-9).ln() / MOST.ln()).clamp(-1.0, 1.0) * half;
            let end = middle + length.round() as i32;
            let (from, to) = if end < middle { (end, middle) } else { (middle, end.max(middle + 1)) };
            let colour = if *times >= 1.0 { OURS } else { THEIRS };
            canvas.draw(&Text::new(shortened(label), (left - 8, y + ROW / 2), letters(12.5, INK, HPos::Right)))?;
            canvas.draw(&Rectangle::new([(from, y + 4), (to, y + ROW - 4)], colour.filled()))?;
            canvas.draw(&Text::new(figure(*times), (right + 6, y + ROW / 2), letters(12.5, INK, HPos::Left)))?;
        }
        canvas.draw(&PathElement::new(vec![(middle, 0), (middle, height)], MUTED))?;
        Ok(())
    })
}

fn figure(times: f64) -> String {
    if times >= 10.0 {
        format!("{times:.0} x")
    } else if times >= 0.095 {
        format!("{times:.1} x")
    } else {
        format!("{times:.2} x")
    }
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARS {
        return label.to_owned();
    }
    label.chars().take(LABEL_CHARS - 1).chain(['…']).collect()
}
