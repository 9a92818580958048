//! The colours and letters of the charts. The page's style sheet replaces each colour by one that suits light or dark.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text.
pub(super) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Axes and what needs no attention.
pub(super) const MUTED: RGBColor = RGBColor(0x6B, 0x72, 0x80);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xE5, 0xE7, 0xEB);
/// This model.
pub(super) const OURS: RGBColor = RGBColor(0x0F, 0x76, 0x6E);
/// What it is compared with.
pub(super) const THEIRS: RGBColor = RGBColor(0xA8, 0xB0, 0xBA);

/// Letters of a size in pixels, placed left, right or in the middle of a point.
pub(super) fn letters(pixels: f64, colour: RGBColor, side: HPos) -> TextStyle<'static> {
    // The backend writes sizes divided by 1.24.
    let style = TextStyle::from(("sans-serif", pixels * 1.24).into_font()).pos(Pos::new(side, VPos::Center));
    TextStyle { color: colour.to_backend_color(), ..style }
}

/// Draws on a canvas of that size and returns the SVG. A chart that cannot be drawn is left out: every figure also stands in a table.
pub(super) fn svg<F>(width: u32, height: u32, draw: F) -> String
where
    F: FnOnce(&DrawingArea<SVGBackend<'_>, plotters::coord::Shift>) -> Result<(), Box<dyn std::error::Error>>,
{
    let mut text = String::new();
    let drawn = {
        let canvas = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        draw(&canvas).and_then(|()| Ok(canvas.present()?))
    };
    if let Err(error) = drawn {
        tracing::warn!("a chart was left out of the report: {error}");
        text.clear();
    }
    text
}
