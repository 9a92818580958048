//! Upright bars over time, each stacked from parts.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::ink::{GRID, INK, MUTED, OURS, THEIRS, letters, svg};
use super::words::in_brief;

const WIDTH: i32 = 860;
const HEIGHT: i32 = 280;
const LEFT: i32 = 64;
const BOTTOM: i32 = 28;
const TOP: i32 = 30;

/// The bars as SVG: labels, and for each part its name and a value, 0 or more, for each label. At most three parts.
pub(super) fn chart(labels: &[String], parts: &[(&str, Vec<f64>)]) -> String {
    let sum = |at: usize| parts.iter().map(|(_, values)| values[at].max(0.0)).sum::<f64>();
    let highest = (0..labels.len()).map(sum).fold(0.0, f64::max);
    let scale = f64::from(HEIGHT - BOTTOM - TOP) / if highest > 0.0 { highest } else { 1.0 };
    let slot = f64::from(WIDTH - LEFT) / labels.len().max(1) as f64;
    let every = (labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) as f64 * 8.0 / slot) as usize + 1;
    let ink = |part: usize| [OURS.to_rgba(), OURS.mix(0.45), THEIRS.to_rgba()][part % 3];
    svg(WIDTH as u32, HEIGHT as u32, |canvas| {
        for quarter in 0..=4 {
            let value = highest * f64::from(quarter) / 4.0;
            let y = HEIGHT - BOTTOM - (value * scale).round() as i32;
            canvas.draw(&PathElement::new(vec![(LEFT, y), (WIDTH, y)], GRID))?;
            let figure = if highest < 8.0 { format!("{value:.1}") } else { in_brief(value.round() as u64) };
            canvas.draw(&Text::new(figure, (LEFT - 8, y), letters(12.0, MUTED, HPos::Right)))?;
        }
        let mut x = LEFT;
        for (at, (name, _)) in parts.iter().enumerate() {
            canvas.draw(&Rectangle::new([(x, 5), (x + 12, 17)], ink(at).filled()))?;
            canvas.draw(&Text::new((*name).to_owned(), (x + 18, 11), letters(12.0, INK, HPos::Left)))?;
            x += 40 + name.chars().count() as i32 * 8;
        }
        for (at, label) in labels.iter().enumerate() {
            let left = LEFT + (slot * at as f64 + slot.min(60.0) * 0.1) as i32;
            let right = left + (slot.min(60.0) * 0.8).max(1.0) as i32;
            let mut low = 0.0;
            for (part, (_, values)) in parts.iter().enumerate() {
                let high = low + values[at].max(0.0);
                let y = |value: f64| HEIGHT - BOTTOM - (value * scale).round() as i32;
                if y(low) > y(high) {
                    canvas.draw(&Rectangle::new([(left, y(high)), (right, y(low))], ink(part).filled()))?;
                }
                low = high;
            }
            if at % every == 0 {
                let middle = (left + right) / 2;
                canvas.draw(&Text::new(label.clone(), (middle, HEIGHT - BOTTOM / 2), letters(12.0, MUTED, HPos::Center)))?;
            }
        }
        Ok(())
    })
}
