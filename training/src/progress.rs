//! Progress: what the trainer tells whoever waits for it.

/// Hears of every stage. The terminal draws a bar, a log prints a line, a test ignores it.
pub trait Progress: Sync {
    /// A stage begins; `total` is in `unit`s, if it is known.
    fn start(&self, stage: &'static str, total: Option<u64>, unit: &'static str);
    /// So many more units of the current stage are done.
    fn advance(&self, units: u64);
    /// The current stage is over: seconds it took, units done.
    fn finish(&self, seconds: f64);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _stage: &'static str, _total: Option<u64>, _unit: &'static str) {}
    fn advance(&self, _units: u64) {}
    fn finish(&self, _seconds: f64) {}
}
