//! Churn: labels from past origins with complete horizons, a ridge-regularised logistic regression, calibrated on the newest origin.

use shopkeeper_models::calendar::{Day, date};
use shopkeeper_models::churn::{ChurnModel, FEATURES};

use crate::log::{Past, PurchaseLog};
use crate::logistic::{LogisticParams, Rows, recalibrate};
use crate::tempo::{Tempo, tempos};

/// How churn is learned.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ChurnParams {
    /// Days after as-of without a purchase that count as churned.
    pub horizon_days: u32,
    /// Most past origins, one horizon apart. Default 4.
    pub origins: u32,
    /// Ridge of the regression, in rows. Default 5.
    pub ridge: f64,
}

impl ChurnParams {
    /// Defaults for a horizon.
    pub fn new(horizon_days: u32) -> Self {
        Self { horizon_days, origins: 4, ridge: 5.0 }
    }

    /// Learns from what was known at `past.day`: never from a horizon that reaches beyond it. Too little history is a stated
    /// [`ChurnModel::InsufficientData`].
    pub fn fit(&self, past: &Past<'_>) -> ChurnModel {
        let insufficient = |reason: String| ChurnModel::InsufficientData { horizon_days: self.horizon_days, reason };
        let origins = self.origins(past);
        if origins.is_empty() {
            return insufficient(format!("the history is shorter than two horizons of {} days", self.horizon_days));
        }
        let mut rows = Rows::default();
        let mut newest = None;
        for &origin in &origins {
            let labelled = label(past.log(), origin, self.horizon_days);
            rows.append(labelled.clone());
            newest.get_or_insert(labelled);
        }
        let churned = rows.labels.iter().filter(|&&label| label).count();
        if churned.min(rows.labels.len() - churned) < 20 {
            return insufficient(format!(
                "{} past customers of whom {churned} left: at least 20 of each kind are needed",
                rows.labels.len()
            ));
        }
        match (LogisticParams { ridge: self.ridge }).fit(&FEATURES, &rows) {
            Ok(mut logistic) => {
                if let Some(newest) = newest.filter(|rows| rows.labels.len() >= 200) {
                    recalibrate(&mut logistic, &newest);
                }
                ChurnModel::Fitted {
                    horizon_days: self.horizon_days,
                    logistic,
                    origins: origins.into_iter().map(date).collect(),
                    rows: rows.labels.len() as u64,
                }
            }
            Err(error) => insufficient(error.to_string()),
        }
    }

    /// Origins whose horizon is complete before `past.day` and that have at least half a horizon of history, newest first.
    fn origins(&self, past: &Past<'_>) -> Vec<Day> {
        let horizon = self.horizon_days as Day;
        let Some((first, _)) = past.log().days() else { return Vec::new() };
        (1..=self.origins as Day).map(|back| past.day - back * horizon).filter(|origin| origin - first >= horizon / 2).collect()
    }
}

/// Every customer with a history at `origin`, and whether they then bought nothing for `horizon_days`.
fn label(log: &PurchaseLog, origin: Day, horizon_days: u32) -> Rows {
    let mut rows = Rows::default();
    for (customer, tempo) in tempos(&log.before(origin)).iter().enumerate().filter(|(_, tempo)| tempo.orders > 0) {
        rows.push(&tempo.churn_inputs().features().map(|x| x as f32), churned(log, customer, origin, horizon_days), 1.0);
    }
    rows
}

/// Whether a customer has no order from `origin` on for `horizon_days`.
pub fn churned(log: &PurchaseLog, customer: usize, origin: Day, horizon_days: u32) -> bool {
    let days = &log.order_day[log.orders_of(customer)];
    let next = days.partition_point(|&day| day < origin);
    days.get(next).is_none_or(|&day| day >= origin + horizon_days as Day)
}

/// What a customer is expected to do within the horizon, from their own pace and the chance that they come back at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// P(no purchase).
    pub churn_probability: f64,
    /// Expected purchase days.
    pub expected_purchases: f64,
    /// Expected spend.
    pub expected_spend: f64,
}

/// The outlook of every customer with an order; `None` for prospects and where churn was not fitted.
pub fn outlooks(model: &ChurnModel, tempos: &[Tempo]) -> Vec<Option<Outlook>> {
    let (spend, days) =
        tempos.iter().fold((0.0, 0_u64), |(spend, days), tempo| (spend + tempo.spend.max(0.0), days + u64::from(tempo.purchase_days)));
    let mean_value = if days > 0 { spend / days as f64 } else { 0.0 };
    let horizon = f64::from(model.horizon_days());
    tempos
        .iter()
        .map(|tempo| {
            let churn_probability = model.probability(&tempo.churn_inputs()).filter(|_| tempo.orders > 0)?;
            // who comes back at all comes back at least once, and otherwise at their own pace
            let expected_purchases = (1.0 - churn_probability) * (horizon / tempo.gap_days.max(1.0)).max(1.0);
            // two purchase days of the shop's mean are added to the customer's own
            let value = (tempo.spend.max(0.0) + 2.0 * mean_value) / (f64::from(tempo.purchase_days) + 2.0);
            Some(Outlook { churn_probability, expected_purchases, expected_spend: expected_purchases * value })
        })
        .collect()
}
