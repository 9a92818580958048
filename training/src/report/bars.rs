//! Horizontal bars with their labels and figures: methods beside each other, segments by size.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::ink::{GRID, INK, MUTED, OURS, THEIRS, letters, svg};

const WIDTH: i32 = 720;
const FIGURES: i32 = 110;
const ROW: i32 = 27;
const TITLE: i32 = 34;
/// Pixels that a character of a label takes at most, and the most characters shown.
const LABEL_CHAR: i32 = 8;
const LABEL_CHARS: usize = 44;

/// One bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    /// Length, 0 or more; all bars of a chart share one scale.
    pub(super) value: f64,
    /// Half the length of the whisker, 0 = none.
    pub(super) error: f64,
    /// What is written after it.
    pub(super) figure: String,
    /// Drawn in the model's colour.
    pub(super) ours: bool,
}

/// Bars under a title, which may be empty.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

/// The chart as SVG.
pub(super) fn chart(groups: &[Group]) -> String {
    let title = |group: &Group| if group.title.is_empty() { 0 } else { TITLE };
    let height: i32 = groups.iter().map(|group| title(group) + ROW * group.bars.len() as i32).sum();
    let longest = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.value + bar.error).fold(0.0, f64::max);
    let label_chars = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.label.chars().count().min(LABEL_CHARS)).max();
    let labels = LABEL_CHAR * label_chars.unwrap_or(0) as i32 + 15;
    let scale = f64::from(WIDTH - labels - FIGURES) / if longest > 0.0 { longest } else { 1.0 };
    svg(WIDTH as u32, height.max(1) as u32, |canvas| {
        let mut y = 0;
        for group in groups {
            if !group.title.is_empty() {
                canvas.draw(&Text::new(group.title.clone(), (0, y + TITLE / 2 + 3), letters(14.0, INK, HPos::Left)))?;
                y += TITLE;
            }
            for bar in &group.bars {
                let middle = y + ROW / 2;
                let end = labels + (bar.value.max(0.0) * scale).round() as i32;
                let whisker = (bar.error.max(0.0) * scale).round() as i32;
                let colour = if bar.ours { OURS } else { THEIRS };
                canvas.draw(&Text::new(shortened(&bar.label), (labels - 10, middle), letters(13.0, INK, HPos::Right)))?;
                canvas.draw(&Rectangle::new([(labels, y + 5), (end.max(labels + 1), y + ROW - 5)], colour.filled()))?;
                if whisker > 0 {
                    canvas.draw(&PathElement::new(vec![(end - whisker, middle), (end + whisker, middle)], MUTED.stroke_width(2)))?;
                }
                canvas.draw(&Text::new(bar.figure.clone(), (end + whisker + 8, middle), letters(13.0, INK, HPos::Left)))?;
                y += ROW;
            }
        }
        canvas.draw(&PathElement::new(vec![(labels, 0), (labels, height)], GRID))?;
        Ok(())
    })
}

fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_CHARS {
        return label.to_owned();
    }
    let mut short: String = label.chars().take(LABEL_CHARS - 1).collect();
    short.push('…');
    short
}
