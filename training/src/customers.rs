//! Customers: the single row of each, put together from tempo, outlook, scores, stage, tier and segment.

use arrow::array::{Float64Array, UInt8Array, UInt16Array, UInt32Array};
use shopkeeper_models::customers::Customers;
use shopkeeper_models::drivers::Driver;
use shopkeeper_models::lifecycle::{self, LifecycleRules, LifecycleStage};
use shopkeeper_models::loyalty::LoyaltyRules;
use shopkeeper_models::manifest::CustomerRules;
use shopkeeper_models::rfm::{Quintiles, RfmCuts, RfmGroup, RfmGroups};
use shopkeeper_models::table::Nullable;
use shopkeeper_models::value::{ValueCuts, ValueRules, ValueTier};

use crate::habits::habits;
use crate::lifecycle::purchase_days_since_return;
use crate::log::Past;
use crate::outlook::Outlook;
use crate::segments::Segmentation;
use crate::tempo::Tempo;

/// Cut points from the customers with orders.
pub fn rules(
    tempos: &[Tempo],
    outlooks: &[Option<Outlook>],
    lifecycle: &LifecycleRules,
    rfm_groups: &RfmGroups,
    loyalty: LoyaltyRules,
    value_rules: ValueRules,
) -> CustomerRules {
    let of_buyers = |value: fn(&Tempo) -> f64| tempos.iter().filter(|tempo| tempo.orders > 0).map(value).collect();
    let mut cuts = ValueCuts { high: 0.0, medium: 0.0, rules: value_rules };
    let stays = |outlook: &Option<Outlook>| !cuts.is_gone(outlook.map(|outlook| outlook.churn_probability));
    let known = tempos.iter().zip(outlooks).filter(|(tempo, outlook)| tempo.orders > 0 && stays(outlook));
    let mut values: Vec<f64> = known.map(|(tempo, outlook)| value(tempo, outlook)).collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    (cuts.high, cuts.medium) =
        (reached_by(&values, value_rules.high_share), reached_by(&values, value_rules.high_share + value_rules.medium_share));
    CustomerRules {
        rfm: RfmCuts {
            recency: Quintiles::of(of_buyers(|tempo| -f64::from(tempo.days_since_last))),
            frequency: Quintiles::of(of_buyers(|tempo| tempo.purchase_days.into())),
            monetary: Quintiles::of(of_buyers(|tempo| tempo.spend)),
        },
        rfm_groups: rfm_groups.clone(),
        lifecycle: lifecycle.clone(),
        loyalty,
        value: cuts,
    }
}

/// The value that about this share of the values, largest first, reach. Equal values stand together on the side that leaves the share nearer.
fn reached_by(values: &[f64], share: f64) -> f64 {
    let wanted = (share * values.len() as f64).round() as usize;
    let Some(&last) = values.get(wanted.saturating_sub(1)) else { return 0.0 };
    let (above, with) = (values.partition_point(|&value| value > last), values.partition_point(|&value| value >= last));
    if above > 0 && wanted - above < with - wanted { values[above - 1] } else { last }
}

/// What the value tier goes by: spend in the horizon at the customer's own pace, less the share that they have been paid back of what they paid so
/// far; past spend where churn could not be fitted.
fn value(tempo: &Tempo, outlook: &Option<Outlook>) -> f64 {
    outlook.map_or(tempo.spend.max(0.0), |outlook| tempo.kept_share() * outlook.spend_if_active)
}

/// One row a customer of the log.
pub fn fit(
    past: &Past<'_>,
    tempos: &[Tempo],
    (outlooks, horizon_days): (&[Option<Outlook>], u32),
    rules: &CustomerRules,
    segmentation: &Segmentation,
) -> Customers {
    let count = |value: fn(&Tempo) -> u32| -> UInt32Array { tempos.iter().map(value).collect::<Vec<_>>().into() };
    let amount = |value: fn(&Tempo) -> f64| -> Float64Array { tempos.iter().map(value).collect::<Vec<_>>().into() };
    let score = |value: fn(&RfmCuts, &Tempo) -> u8| -> Vec<Option<u8>> {
        tempos.iter().map(|tempo| (tempo.orders > 0).then(|| value(&rules.rfm, tempo))).collect()
    };
    let expected =
        |value: fn(&Outlook) -> f64| Nullable(outlooks.iter().map(|outlook| outlook.as_ref().map(value)).collect::<Float64Array>());
    let optional = |value: fn(&Outlook) -> Option<f64>| {
        Nullable(outlooks.iter().map(|outlook| outlook.as_ref().and_then(value)).collect::<Float64Array>())
    };
    let of_scored = tempos.iter().zip(outlooks);
    let next_order = |place: usize| {
        let gone = |outlook: &Outlook| {
            rules.value.is_gone(Some(outlook.churn_probability))
                || outlook.p_alive.is_some_and(|alive| alive < rules.value.rules.gone_below)
        };
        let day = |outlook: &Option<Outlook>| outlook.filter(|outlook| !gone(outlook)).map(|outlook| outlook.next_order[place]);
        Nullable(outlooks.iter().map(day).collect::<Float64Array>())
    };
    let driver = |place: usize| -> UInt8Array {
        let byte = |outlook: &Option<Outlook>| outlook.and_then(|outlook| outlook.drivers[place]).map_or(0, Driver::byte);
        outlooks.iter().map(byte).collect::<Vec<_>>().into()
    };
    let recency = score(|cuts, tempo| cuts.recency.score(-f64::from(tempo.days_since_last)));
    let frequency = score(|cuts, tempo| cuts.frequency.score(tempo.purchase_days.into()));
    let monetary = score(|cuts, tempo| cuts.monetary.score(tempo.spend));
    let group = |customer: usize| {
        let group = rules.rfm_groups.group(recency[customer]?, frequency[customer]?, monetary[customer]?);
        Some(position(&RfmGroup::ALL, group))
    };
    let returned = purchase_days_since_return(past, tempos, rules.lifecycle.lapsed_gaps);
    let stage = |((tempo, rfm_frequency), &purchase_days_since_return): ((&Tempo, &Option<u8>), &Option<u32>)| {
        let seen = lifecycle::Tempo {
            purchase_days: tempo.purchase_days,
            returns: tempo.returns,
            age_days: tempo.age_days,
            days_since_last: tempo.days_since_last,
            gap_days: tempo.gap_days,
            rfm_frequency: rfm_frequency.unwrap_or(1),
            purchase_days_since_return,
        };
        position(&LifecycleStage::ALL, rules.lifecycle.stage(&seen))
    };
    let tier = |(tempo, outlook): (&Tempo, &Option<Outlook>)| {
        let churn_probability = outlook.map(|outlook| outlook.churn_probability);
        let tier = if tempo.orders > 0 { rules.value.tier_of(value(tempo, outlook), churn_probability) } else { ValueTier::Low };
        position(&ValueTier::ALL, tier)
    };
    let habits = habits(past);
    let needs_segment: UInt16Array = match &segmentation.needs_of {
        Some(of) => of.clone().into(),
        None => vec![None; tempos.len()].into(),
    };
    Customers {
        customer_id: past.log().customer_ids.clone(),
        orders: count(|tempo| tempo.orders),
        purchase_days: count(|tempo| tempo.purchase_days),
        frequency: count(Tempo::frequency),
        recency_days: count(Tempo::recency_days),
        age_days: count(|tempo| tempo.age_days),
        days_since_last: count(|tempo| tempo.days_since_last),
        first_day: tempos.iter().map(|tempo| tempo.first_day).collect::<Vec<_>>().into(),
        last_day: tempos.iter().map(|tempo| tempo.last_day).collect::<Vec<_>>().into(),
        spend: amount(|tempo| tempo.spend),
        monetary_value: amount(|tempo| if tempo.frequency() > 0 { tempo.repeat_spend / f64::from(tempo.frequency()) } else { 0.0 }),
        distinct_items: count(|tempo| tempo.distinct_items),
        distinct_categories: count(|tempo| tempo.distinct_categories),
        returns: count(|tempo| tempo.returns),
        gap_days: Nullable(tempos.iter().map(|tempo| (tempo.orders > 0).then_some(tempo.gap_days)).collect()),
        lifecycle: tempos.iter().zip(&frequency).zip(&returned).map(stage).collect::<Vec<_>>().into(),
        value_tier: tempos.iter().zip(outlooks).map(tier).collect::<Vec<_>>().into(),
        rfm_group: Nullable((0..tempos.len()).map(group).collect()),
        rfm_recency: Nullable(recency.into()),
        rfm_frequency: Nullable(frequency.into()),
        rfm_monetary: Nullable(monetary.into()),
        segment: segmentation.of.clone().into(),
        needs_segment: Nullable(needs_segment),
        churn_probability: expected(|outlook| outlook.churn_probability),
        churn_percentile: Nullable(percentiles(outlooks)),
        p_alive: optional(|outlook| outlook.p_alive),
        expected_purchases: expected(|outlook| outlook.expected_purchases),
        expected_spend: expected(|outlook| outlook.expected_spend),
        spend_if_active: Nullable(of_scored.map(|(tempo, outlook)| outlook.is_some().then(|| value(tempo, outlook))).collect()),
        lifetime_value: optional(|outlook| outlook.lifetime_value),
        next_order_from: next_order(0),
        next_order: next_order(1),
        next_order_until: next_order(2),
        days_last_91: count(|tempo| tempo.days_in_last[3]),
        spend_last_91: amount(|tempo| tempo.spend_in_last[1]),
        days_year_ago: tempos.iter().map(|tempo| tempo.in_season(horizon_days)).collect::<Vec<_>>().into(),
        driver_1: driver(0),
        driver_2: driver(1),
        driver_3: driver(2),
        usual_weekday: Nullable(habits.iter().map(|habits| habits.weekday).collect()),
        usual_hour: Nullable(habits.iter().map(|habits| habits.hour).collect()),
        usual_channel: Nullable(habits.iter().map(|habits| Some(past.log().channels[usize::from(habits.channel?)].as_str())).collect()),
        channels: Nullable(tempos.iter().map(|tempo| tempo.channels.map(|mix| mix.channels)).collect()),
        usual_channel_share: Nullable(tempos.iter().map(|tempo| tempo.channels.map(|mix| mix.usual_share)).collect()),
        channel_shift: Nullable(tempos.iter().map(|tempo| tempo.channels.map(|mix| mix.shift)).collect()),
        discount_share: Nullable(tempos.iter().map(|tempo| tempo.discount_share).collect()),
    }
}

fn position<T: PartialEq>(all: &[T], one: T) -> u8 {
    all.iter().position(|each| *each == one).unwrap_or(0) as u8
}

/// The share of the other scored customers with a lower churn probability, 0 to 100; ties share the lower value.
fn percentiles(outlooks: &[Option<Outlook>]) -> Float64Array {
    let mut sorted: Vec<f64> = outlooks.iter().flatten().map(|outlook| outlook.churn_probability).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let others = sorted.len().saturating_sub(1).max(1) as f64;
    let below = |p: f64| sorted.partition_point(|&other| other < p) as f64;
    outlooks.iter().map(|outlook| outlook.map(|outlook| 100.0 * below(outlook.churn_probability) / others)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::churn::ChurnParams;
    use crate::log::Return;
    use crate::outlook::outlooks;
    use crate::tempo::tempos;
    use crate::{buy_till_you_die, simulated, value};

    #[test]
    fn what_went_back_is_no_value() {
        let mut log = simulated::log(1500);
        let tiers = |log: &crate::log::PurchaseLog| {
            let past = log.before(log.as_of_day);
            let (known, params) = (tempos(&past), ChurnParams::new(91));
            let fitted = buy_till_you_die::fit(&known);
            let lessons = params.lessons(&past, fitted.converged("bg_nbd"));
            let churn = params.fit_on(&lessons);
            let outlooks = outlooks(&churn, value::fit(&lessons, &params.boosting, &churn).as_ref(), &fitted, &known);
            let cuts = rules(
                &known,
                &outlooks,
                &LifecycleRules::default(),
                &RfmGroups::default(),
                crate::loyalty::rules(&Default::default(), &past),
                ValueRules::default(),
            )
            .value;
            let of = |(tempo, outlook): (&Tempo, &Option<Outlook>)| {
                let value = super::value(tempo, outlook);
                (value, cuts.tier_of(value, outlook.map(|outlook| outlook.churn_probability)))
            };
            known.iter().zip(&outlooks).map(of).collect::<Vec<_>>()
        };
        let before = tiers(&log);
        let by_value = |&a: &usize, &b: &usize| before[a].0.total_cmp(&before[b].0);
        let best = (0..before.len()).filter(|&at| before[at].1 == ValueTier::High).max_by(by_value).unwrap();
        let half = (0..before.len()).filter(|&at| before[at].1 == ValueTier::High && at != best).max_by(by_value).unwrap();
        // more than was ever paid goes back to one, half of it to another
        for (customer, share) in [(best, 1.5), (half, 0.5)] {
            let paid = log.orders_of(customer).map(|order| log.line_amount[order]).sum::<f64>();
            let back = Return { customer: customer as u32, item: 0, day: log.as_of_day - 1, quantity: 1.0, amount: share * paid };
            log.returns.push(back);
        }
        log.returns.sort_by_key(|back| back.customer);
        let after = tiers(&log);
        assert_eq!(after[best], (0.0, ValueTier::Low));
        assert!(after[half].0 < 0.7 * before[half].0, "{:?} {:?}", before[half], after[half]);
    }

    #[test]
    fn equal_values_stand_on_the_side_that_leaves_the_share_nearer() {
        let cut = |values: &[f64], share| reached_by(values, share);
        let ten: Vec<f64> = (1..=10).rev().map(f64::from).collect();
        assert_eq!((cut(&ten, 0.2), cut(&ten, 0.5), cut(&ten, 1.0)), (9.0, 6.0, 1.0));
        assert_eq!(cut(&[9.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 1.0, 1.0, 1.0], 0.2), 9.0, "two wanted: one is nearer than seven");
        assert_eq!(cut(&[9.0, 5.0, 5.0, 1.0], 0.5), 5.0);
        assert_eq!((cut(&[], 0.2), cut(&[3.0; 8], 0.2)), (0.0, 3.0));
    }
}
