//! A matrix of who moved from which group to which: the stronger the colour, the larger the share of the group before.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;
use shopkeeper_models::groups::GroupBy;
use shopkeeper_models::migration::Migration;

use super::ink::{GRID, INK, MUTED, OURS, letters, svg};
use super::words::{count, group, in_brief};

const WIDTH: i32 = 720;
const ROW: i32 = 28;
/// Pixels that a character of a label takes at most, and the most characters shown.
const LABEL_CHAR: i32 = 8;
const LABEL_CHARS: usize = 22;
/// The widest that a column gets.
const WIDEST: i32 = 84;
/// Ink of a cell that holds the whole row: figures must stay readable on it.
const DARKEST: f64 = 0.5;

/// The matrix as SVG: a row for each group before and one for who joined, a column for each group after and one for who left.
pub(super) fn chart(migration: &Migration) -> String {
    let label = |name: &String| {
        shortened(&if matches!(migration.by, GroupBy::Segment | GroupBy::NeedsSegment) { name.clone() } else { group(name) })
    };
    let mut rows: Vec<String> = migration.from_groups.iter().map(label).collect();
    let mut columns: Vec<String> = migration.to_groups.iter().map(label).collect();
    rows.push("Joined".to_owned());
    columns.push("Left".to_owned());
    let longest = |labels: &[String]| labels.iter().map(|label| label.chars().count()).max().unwrap_or(0) as i32;
    let (left, top) = (longest(&rows) * LABEL_CHAR + 16, longest(&columns) * LABEL_CHAR + 12);
    let cell = ((WIDTH - left) / columns.len().max(1) as i32).min(WIDEST);
    let height = top + ROW * rows.len() as i32 + 2;
    let width = left + cell * columns.len() as i32 + 2;
    let customers = |row: usize, column: usize| match (migration.moved.get(row), column < migration.to_groups.len()) {
        (Some(moved), true) => Some(moved[column]),
        (Some(_), false) => Some(migration.left[row]),
        (None, true) => Some(migration.joined[column]),
        (None, false) => None,
    };
    svg(width as u32, height as u32, |canvas| {
        for (at, label) in columns.iter().enumerate() {
            let middle = left + cell * at as i32 + cell / 2;
            let upwards = letters(13.0, INK, HPos::Left).transform(FontTransform::Rotate270);
            canvas.draw(&Text::new(label.clone(), (middle, top - 8), upwards))?;
        }
        for (row, label) in rows.iter().enumerate() {
            let y = top + ROW * row as i32;
            canvas.draw(&Text::new(label.clone(), (left - 10, y + ROW / 2), letters(13.0, INK, HPos::Right)))?;
            let whole: u64 = (0..columns.len()).filter_map(|column| customers(row, column)).sum();
            for column in 0..columns.len() {
                let Some(found) = customers(row, column) else { continue };
                let x = left + cell * column as i32;
                let corners = [(x + 1, y + 1), (x + cell - 1, y + ROW - 1)];
                let share = found as f64 / whole.max(1) as f64;
                if found > 0 {
                    canvas.draw(&Rectangle::new(corners, OURS.mix(0.06 + (DARKEST - 0.06) * share).filled()))?;
                }
                let stayed = migration.from_groups.get(row).is_some_and(|from| migration.to_groups.get(column) == Some(from));
                canvas.draw(&Rectangle::new(corners, if stayed { MUTED } else { GRID }))?;
                let figure = if found == 0 {
                    "·".to_owned()
                } else if cell < 60 {
                    in_brief(found)
                } else {
                    count(found)
                };
                let ink = if found == 0 { MUTED } else { INK };
                canvas.draw(&Text::new(figure, (x + cell / 2, y + ROW / 2), letters(12.0, ink, HPos::Center)))?;
            }
        }
        Ok(())
    })
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARS {
        return label.to_owned();
    }
    label.chars().take(LABEL_CHARS - 1).chain(['…']).collect()
}
