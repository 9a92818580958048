//! Outlook: what each customer is expected to do, from churn, buy-till-you-die and spend together.

use rayon::prelude::*;
use shopkeeper_models::buy_till_you_die::{BuyTillYouDie, GammaGamma, PurchaseModel};
use shopkeeper_models::churn::ChurnModel;
use shopkeeper_models::drivers::{Driver, MOST};
use shopkeeper_models::value::SpendModel;

use crate::churn::ChurnParams;
use crate::tempo::Tempo;

/// Days over which the customer lifetime value is counted.
pub const CLV_DAYS: u32 = 365;
/// What money in a year is worth less: 0.1 = 10 %.
pub const DISCOUNT_RATE: f64 = 0.1;

/// What a customer is expected to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// P(no purchase within the horizon).
    pub churn_probability: f64,
    /// P(still a customer); none without a purchase model.
    pub p_alive: Option<f64>,
    /// Expected purchase days within the horizon.
    pub expected_purchases: f64,
    /// Expected spend within the horizon: by the learned model, else expected purchases x spend a purchase day.
    pub expected_spend: f64,
    /// Expected spend within the horizon of one who buys in it at all: their own pace.
    pub spend_if_active: f64,
    /// Expected spend within [`CLV_DAYS`], discounted; none without a purchase model.
    pub lifetime_value: Option<f64>,
    /// Days from as-of to the next order, if there is one within the horizon: the earliest and latest that 8 of 10 lie between, and the middle.
    pub next_order: [f64; 3],
    /// What moves the churn probability most, strongest first.
    pub drivers: [Option<Driver>; MOST],
}

/// The outlook of every customer with an order; `None` for prospects and where churn was not fitted.
pub fn outlooks(churn: &ChurnModel, spend: Option<&SpendModel>, fitted: &BuyTillYouDie, tempos: &[Tempo]) -> Vec<Option<Outlook>> {
    let value = SpendADay::new(fitted.spend_model(), tempos);
    let (purchases, days) = (fitted.purchase_model(), f64::from(churn.horizon_days()));
    let (params, anchor) = (ChurnParams::new(churn.horizon_days()), fitted.converged("bg_nbd"));
    let one = |tempo: &Tempo| {
        let inputs = params.inputs(anchor, Some(tempo).filter(|tempo| tempo.orders > 0)?);
        let (probability, drivers) = churn.explained(&inputs)?;
        let outlook = Outlook { drivers, ..outlook(tempo, probability, purchases, value.of(tempo), days) };
        let Some(spend) = spend else { return Some(outlook) };
        let if_active = spend.if_active(&inputs);
        Some(Outlook { expected_spend: spend.expected(if_active, probability), spend_if_active: if_active, ..outlook })
    };
    tempos.par_iter().map(one).collect()
}

fn outlook(tempo: &Tempo, churn_probability: f64, purchases: Option<PurchaseModel>, value: f64, days: f64) -> Outlook {
    let timing = tempo.timing();
    let returns = 1.0 - churn_probability;
    // purchases of one who buys at all: what the silence says of leaving cancels, their pace remains
    let own_pace = (days / tempo.gap_days.max(1.0)).max(1.0);
    let bought = purchases.map(|model| 1.0 - model.p_no_purchase(days, &timing)).filter(|&bought| bought > 1e-9);
    let if_active = match (purchases, bought) {
        (Some(model), Some(bought)) => (model.expected_purchases(days, &timing) / bought).clamp(1.0, days.max(1.0)),
        _ => own_pace,
    };
    let lifetime = |model: PurchaseModel| {
        let discounted = model.discounted_purchases(CLV_DAYS.into(), DISCOUNT_RATE, &timing);
        // the model's chance of a return gives way to the churn model's, which knows more
        value * discounted * bought.map_or(1.0, |bought| (returns / bought).min(10.0))
    };
    Outlook {
        churn_probability,
        p_alive: purchases.map(|model| model.p_alive(&timing)),
        expected_purchases: returns * if_active,
        expected_spend: returns * if_active * value,
        spend_if_active: if_active * value,
        lifetime_value: purchases.map(lifetime),
        next_order: [0.1, 0.5, 0.9].map(|share| next_order(if_active, days, share)),
        drivers: Default::default(),
    }
}

/// Days after which `share` of those who buy within `days` have bought, when they buy `purchases` times on average, at random.
fn next_order(purchases: f64, days: f64, share: f64) -> f64 {
    // of those who buy at all, the mean number of purchases is rate/(1 - e^-rate)
    let rate = (0..40).fold(purchases, |rate, _| -(-rate).exp_m1() * purchases).max(1e-3);
    -(share * (-rate).exp_m1()).ln_1p() / rate * days
}

/// Expected spend a purchase day.
struct SpendADay {
    model: Option<GammaGamma>,
    mean: f64,
}

impl SpendADay {
    fn new(model: Option<GammaGamma>, tempos: &[Tempo]) -> Self {
        let add = |(spend, days): (f64, u64), tempo: &Tempo| (spend + tempo.spend.max(0.0), days + u64::from(tempo.purchase_days));
        let (spend, days) = tempos.iter().fold((0.0, 0), add);
        Self { model, mean: spend / days.max(1) as f64 }
    }

    /// By Gamma-Gamma, or the customer's own mean with two purchase days of the shop's mean added.
    fn of(&self, tempo: &Tempo) -> f64 {
        let days = f64::from(tempo.purchase_days);
        self.model.map_or((tempo.spend.max(0.0) + 2.0 * self.mean) / (days + 2.0), |model| {
            model.expected_spend(tempo.purchase_days, tempo.spend_per_day())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tempo::tempos;
    use crate::{buy_till_you_die, simulated, value};

    #[test]
    fn eight_of_ten_next_orders_fall_within_the_interval() {
        let log = simulated::log(3000);
        let cut = log.as_of_day - 91;
        let past = log.before(cut);
        let (known, params) = (tempos(&past), ChurnParams::new(91));
        let fitted = buy_till_you_die::fit(&known);
        let lessons = params.lessons(&past, fitted.converged("bg_nbd"));
        let churn = params.fit_on(&lessons);
        let outlooks = outlooks(&churn, value::fit(&lessons, &params.boosting, &churn).as_ref(), &fitted, &known);
        let (mut within, mut all) = (0, 0);
        for (customer, outlook) in outlooks.iter().enumerate().filter_map(|(customer, outlook)| Some((customer, outlook.as_ref()?))) {
            let next = log.orders_of(customer).map(|order| log.order_day[order]).find(|day| (cut..cut + 91).contains(day));
            let Some(days) = next.map(|day| f64::from(day - cut)) else { continue };
            // a day counts as a whole
            within += u32::from(outlook.next_order[0] - 1.0 <= days && days <= outlook.next_order[2]);
            all += 1;
        }
        assert!(all > 200 && (0.7..=0.9).contains(&(f64::from(within) / f64::from(all))), "{within} of {all}");
    }
}
