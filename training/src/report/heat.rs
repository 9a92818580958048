//! A map of cells: the stronger the colour, the larger the figure.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::ink::{GRID, INK, MUTED, OURS, letters, svg};

const WIDTH: i32 = 860;
const ROW: i32 = 24;
const LABEL_CHAR: i32 = 8;
const WIDEST: i32 = 60;
/// Room for a character of a figure.
const DIGIT: i32 = 6;
/// Ink of the strongest cell: figures must stay readable on it.
const DARKEST: f64 = 0.6;

/// The map as SVG. `cell` gives the strength, 0 to 1, and what is written; none for a cell that there is none of.
pub(super) fn chart(rows: &[String], columns: &[String], cell: impl Fn(usize, usize) -> Option<(f64, String)>) -> String {
    let longest = rows.iter().map(|label| label.chars().count()).max().unwrap_or(0) as i32;
    let (left, top) = (longest * LABEL_CHAR + 16, 26);
    let width = ((WIDTH - left) / columns.len().max(1) as i32).clamp(12, WIDEST);
    let size = ((left + width * columns.len() as i32 + 2) as u32, (top + ROW * rows.len() as i32 + 2) as u32);
    // heads that would run into each other are left out
    let every = columns.iter().map(|label| label.chars().count() as i32 * LABEL_CHAR).max().unwrap_or(0) / width + 1;
    svg(size.0, size.1, |canvas| {
        for (at, label) in columns.iter().enumerate().filter(|(at, _)| *at as i32 % every == 0) {
            let middle = left + width * at as i32 + width / 2;
            canvas.draw(&Text::new(label.clone(), (middle, top / 2), letters(12.0, MUTED, HPos::Center)))?;
        }
        for (row, label) in rows.iter().enumerate() {
            let y = top + ROW * row as i32;
            canvas.draw(&Text::new(label.clone(), (left - 10, y + ROW / 2), letters(12.0, INK, HPos::Right)))?;
            for column in 0..columns.len() {
                let Some((strength, text)) = cell(row, column) else { continue };
                let x = left + width * column as i32;
                let corners = [(x + 1, y + 1), (x + width - 1, y + ROW - 1)];
                if strength > 0.0 {
                    canvas.draw(&Rectangle::new(corners, OURS.mix(0.05 + (DARKEST - 0.05) * strength.min(1.0)).filled()))?;
                }
                canvas.draw(&Rectangle::new(corners, GRID))?;
                if text.chars().count() as i32 * DIGIT <= width {
                    canvas.draw(&Text::new(text, (x + width / 2, y + ROW / 2), letters(11.0, INK, HPos::Center)))?;
                }
            }
        }
        Ok(())
    })
}
