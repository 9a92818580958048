//! Progress of a training run for whoever waits: a bar on a terminal, a line a stage in a log.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use shopkeeper_training::progress::Progress;

/// How progress is shown, on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A bar that moves; for a terminal.
    Bar,
    /// A line for each finished stage.
    Lines,
    /// A JSON object for each finished stage.
    Json,
    /// Nothing.
    Silent,
}

impl Style {
    /// A bar on a terminal, lines elsewhere; JSON or nothing when that was asked for.
    pub fn choose(quiet: bool, json: bool) -> Self {
        match (quiet, json, std::io::stderr().is_terminal()) {
            (true, _, _) => Self::Silent,
            (_, true, _) => Self::Json,
            (_, _, true) => Self::Bar,
            _ => Self::Lines,
        }
    }
}

/// Shows the stages of a run, one after the other.
#[derive(Debug)]
pub struct StageProgress {
    style: Style,
    done: AtomicU64,
    stage: Mutex<Stage>,
}

#[derive(Debug, Default)]
struct Stage {
    name: &'static str,
    unit: &'static str,
    bar: Option<ProgressBar>,
}

impl StageProgress {
    /// In this style.
    pub fn new(style: Style) -> Self {
        Self { style, done: AtomicU64::new(0), stage: Mutex::default() }
    }
}

impl Progress for StageProgress {
    fn start(&self, stage: &'static str, total: Option<u64>, unit: &'static str) {
        self.done.store(0, Ordering::Relaxed);
        let bar = (self.style == Style::Bar).then(|| bar(stage, total, unit));
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = Stage { name: stage, unit, bar };
    }

    fn advance(&self, units: u64) {
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        if self.style == Style::Bar
            && let Some(bar) = &self.stage.lock().unwrap_or_else(PoisonError::into_inner).bar
        {
            bar.set_position(done);
        }
    }

    fn finish(&self, seconds: f64) {
        let Stage { name, unit, bar } = std::mem::take(&mut *self.stage.lock().unwrap_or_else(PoisonError::into_inner));
        let done = Finished { stage: name, unit, units: self.done.load(Ordering::Relaxed), seconds, memory: resident_bytes() };
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        match self.style {
            Style::Bar | Style::Lines => eprintln!("{}", done.line()),
            Style::Json => eprintln!("{}", done.json()),
            Style::Silent => {}
        }
    }
}

fn bar(stage: &'static str, total: Option<u64>, unit: &'static str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{prefix:<26} {bar:24} {human_pos}/{human_len} {msg}, {human_per_sec}, {memory}"),
        None => (ProgressBar::new_spinner(), "{prefix:<26} {spinner} {elapsed}, {memory}"),
    };
    let memory = |_: &ProgressState, out: &mut dyn Write| {
        let _ = write!(out, "{}", mebibytes(resident_bytes()));
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.with_key("memory", memory).with_key("human_per_sec", per_second));
    bar.set_prefix(stage);
    bar.set_message(unit);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn per_second(state: &ProgressState, out: &mut dyn Write) {
    let _ = write!(out, "{}/s", grouped(state.per_sec().max(0.0) as u64));
}

/// A stage that is over.
struct Finished {
    stage: &'static str,
    unit: &'static str,
    units: u64,
    seconds: f64,
    memory: u64,
}

impl Finished {
    fn per_second(&self) -> u64 {
        if self.seconds > 0.0 { (self.units as f64 / self.seconds) as u64 } else { 0 }
    }

    /// `read                       1,297,318 rows in 1.2 s, 1,081,098/s, 310 MiB`.
    fn line(&self) -> String {
        let (units, rate) = (grouped(self.units), grouped(self.per_second()));
        format!("{:<26} {units} {} in {:.1} s, {rate}/s, {}", self.stage, self.unit, self.seconds, mebibytes(self.memory))
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "timestamp": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            "level": "INFO",
            "message": "stage finished",
            "stage": self.stage,
            "units": self.units,
            "unit": self.unit,
            "seconds": self.seconds,
            "per_second": self.per_second(),
            "resident_bytes": self.memory,
        })
    }
}

/// Resident memory of this process in bytes; 0 where the system does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    resident.unwrap_or(0) * 1024
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", grouped(bytes >> 20))
}

fn grouped(value: u64) -> String {
    indicatif::HumanCount(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_stage_says_how_much_how_fast_and_how_big() {
        let read = Finished { stage: "read", unit: "rows", units: 1_297_318, seconds: 1.25, memory: 310 << 20 };
        assert_eq!(read.line(), "read                       1,297,318 rows in 1.2 s, 1,037,854/s, 310 MiB");
        assert_eq!(read.json()["per_second"], 1_037_854);
    }
}
