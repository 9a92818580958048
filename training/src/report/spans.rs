//! Intervals beside one another, with nothing as a line through them: what each campaign changed.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::ink::{GRID, INK, MUTED, OURS, letters, svg};

const WIDTH: i32 = 720;
const LABELS: i32 = 200;
const FIGURES: i32 = 190;
const ROW: i32 = 27;
/// The most characters of a label.
const LABEL_CHARS: usize = 24;

/// An interval with its middle.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) label: String,
    pub(super) least: f64,
    pub(super) value: f64,
    pub(super) most: f64,
    /// What is written beside it.
    pub(super) figure: String,
    /// Drawn paler where it is weaker evidence.
    pub(super) weaker: bool,
}

/// The intervals as SVG, on one scale that holds 0.
pub(super) fn chart(spans: &[Span]) -> String {
    let low = spans.iter().map(|span| span.least).fold(0.0, f64::min);
    let high = spans.iter().map(|span| span.most).fold(0.0, f64::max);
    let scale = f64::from(WIDTH - LABELS - FIGURES - 20) / if high > low { high - low } else { 1.0 };
    let x = |value: f64| LABELS + 10 + ((value - low) * scale).round() as i32;
    let height = ROW * spans.len() as i32;
    svg(WIDTH as u32, height.max(1) as u32, |canvas| {
        canvas.draw(&PathElement::new(vec![(x(0.0), 0), (x(0.0), height)], GRID.stroke_width(2)))?;
        for (row, span) in spans.iter().enumerate() {
            let y = ROW * row as i32 + ROW / 2;
            let mut label: String = span.label.chars().take(LABEL_CHARS).collect();
            if span.label.chars().count() > LABEL_CHARS {
                label.push('…');
            }
            let ink = if span.weaker { OURS.mix(0.45) } else { OURS.to_rgba() };
            canvas.draw(&Text::new(label, (LABELS - 10, y), letters(13.0, INK, HPos::Right)))?;
            canvas.draw(&PathElement::new(vec![(x(span.least), y), (x(span.most), y)], ink.stroke_width(3)))?;
            canvas.draw(&Circle::new((x(span.value), y), 5, ink.filled()))?;
            canvas.draw(&Text::new(span.figure.clone(), (WIDTH - FIGURES + 10, y), letters(12.0, MUTED, HPos::Left)))?;
        }
        Ok(())
    })
}
