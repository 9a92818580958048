//! The customers: one row each, everything the model knows and predicts of them.

use arrow::array::{Array, Float64Array, Int32Array, StringArray, UInt8Array, UInt16Array, UInt32Array};

use crate::ModelError;
use crate::drivers::{Driver, Facts};
use crate::ids::{CustomerIx, check_ascending, find};
use crate::lifecycle::LifecycleStage;
use crate::rfm::RfmGroup;
use crate::table::{Nullable, table};
use crate::value::{ValueCuts, ValueTier};

table! {
    /// One row a customer, ascending by id. Names as in the buy-till-you-die literature (Fader, Hardie & Lee 2005).
    pub struct Customers in "customers.arrow" {
        /// The shop's id.
        pub customer_id: StringArray,
        /// Orders, those returned later included.
        pub orders: UInt32Array,
        /// Distinct calendar days with an order.
        pub purchase_days: UInt32Array,
        /// Repeat purchase days x: `purchase_days - 1`, 0 for a prospect.
        pub frequency: UInt32Array,
        /// First to last purchase t_x, in days.
        pub recency_days: UInt32Array,
        /// First purchase to as-of T, in days.
        pub age_days: UInt32Array,
        /// As-of minus last purchase, in days; 0 for a prospect.
        pub days_since_last: UInt32Array,
        /// Day of the first order (days since 1970-01-01); 0 for a prospect.
        pub first_day: Int32Array,
        /// Day of the last order (days since 1970-01-01); 0 for a prospect.
        pub last_day: Int32Array,
        /// All that was paid less all that was paid back, as the shop's books have it; below 0 where more was paid back.
        pub spend: Float64Array,
        /// Mean spend per repeat purchase day; 0 without one.
        pub monetary_value: Float64Array,
        /// Distinct items bought.
        pub distinct_items: UInt32Array,
        /// Distinct categories bought.
        pub distinct_categories: UInt32Array,
        /// Lines with negative quantity.
        pub returns: UInt32Array,
        /// The customer's typical days between purchases, shrunk towards the shop's mean; null without an order.
        pub gap_days: Nullable<Float64Array>,
        /// RFM score of days_since_last, 1 to 5, 5 = bought most lately; null for a prospect.
        pub rfm_recency: Nullable<UInt8Array>,
        /// RFM score of purchase days, 1 to 5, 5 = most often; null for a prospect.
        pub rfm_frequency: Nullable<UInt8Array>,
        /// RFM score of spend, 1 to 5, 5 = most; null for a prospect.
        pub rfm_monetary: Nullable<UInt8Array>,
        /// RFM group, as the position in [`RfmGroup::ALL`]; null for a prospect.
        pub rfm_group: Nullable<UInt8Array>,
        /// Lifecycle stage, as the position in [`LifecycleStage::ALL`].
        pub lifecycle: UInt8Array,
        /// Value tier, as the position in [`ValueTier::ALL`].
        pub value_tier: UInt8Array,
        /// Segment by behaviour: row of the segments table.
        pub segment: UInt16Array,
        /// Segment by needs: row of the segments table; null where the shop has no categories.
        pub needs_segment: Nullable<UInt16Array>,
        /// P(no purchase within the horizon after as-of), calibrated, 0 to 1, larger = more likely gone; null where it would be invented.
        pub churn_probability: Nullable<Float64Array>,
        /// Share of customers with a lower churn probability, 0 to 100; null where that is null.
        pub churn_percentile: Nullable<Float64Array>,
        /// P(still a customer) by the purchase model, 0 to 1; not a churn score. Null without a purchase model.
        pub p_alive: Nullable<Float64Array>,
        /// Expected purchase days within the horizon; null without a churn probability.
        pub expected_purchases: Nullable<Float64Array>,
        /// Expected spend within the horizon; null without a churn probability.
        pub expected_spend: Nullable<Float64Array>,
        /// Expected spend within the horizon of one who buys in it at all, less the share that went back to them so far: the customer's own pace.
        /// Null without a churn probability.
        pub spend_if_active: Nullable<Float64Array>,
        /// Expected spend within the year after as-of, discounted by 10 % a year; null without a purchase model or a churn probability.
        pub lifetime_value: Nullable<Float64Array>,
        /// Days from as-of to the next order, if it falls within the horizon: 1 of 10 comes earlier. Null without a churn probability, and where an
        /// order within the horizon, or that they are still a customer, is less likely than the value rules' `gone_below`.
        pub next_order_from: Nullable<Float64Array>,
        /// The same, where half of them come earlier.
        pub next_order: Nullable<Float64Array>,
        /// The same, where 9 of 10 come earlier.
        pub next_order_until: Nullable<Float64Array>,
        /// Purchase days in the last 91 days.
        pub days_last_91: UInt32Array,
        /// Spend in the last 91 days, less what came back of it.
        pub spend_last_91: Float64Array,
        /// Purchase days in the season of the horizon a year ago.
        pub days_year_ago: UInt32Array,
        /// What moves the churn probability most, as a [`Driver`] in a byte; 0 where nothing does.
        pub driver_1: UInt8Array,
        /// What moves it second most.
        pub driver_2: UInt8Array,
        /// What moves it third most.
        pub driver_3: UInt8Array,
        /// The weekday of most of their orders, 0 = Monday to 6 = Sunday; null without an order.
        pub usual_weekday: Nullable<UInt8Array>,
        /// The hour of most of their orders by the shop's clock, 0 to 23; null without an order, or where orders have no time.
        pub usual_hour: Nullable<UInt8Array>,
        /// The channel of most of their orders; null where none is said.
        pub usual_channel: Nullable<StringArray>,
        /// Different channels of their orders; null where none is said.
        pub channels: Nullable<UInt32Array>,
        /// Share of their orders that came through the usual channel, above 0 to 1; null where none is said.
        pub usual_channel_share: Nullable<Float64Array>,
        /// Share of their last three orders that came through another channel, 0 to 1; null where none is said.
        pub channel_shift: Nullable<Float64Array>,
        /// Share of the price that discounts took off, 0 to 1; null without an order, or where the shop has no discounts.
        pub discount_share: Nullable<Float64Array>,
    }
}

/// What is said of the next order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextOrder {
    /// A day and an interval.
    Expected,
    /// Less likely than the value rules' `gone_below` to come within the horizon, or from somebody who is that likely not a customer any more.
    Unlikely,
    /// Too little is known.
    InsufficientData,
}

impl NextOrder {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Expected, Self::Unlikely, Self::InsufficientData];

    /// The name used in the API and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Unlikely => "unlikely",
            Self::InsufficientData => "insufficient_data",
        }
    }
}

impl Customers {
    /// How many customers there are.
    pub fn len(&self) -> usize {
        self.customer_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The customer with this id.
    pub fn find(&self, id: &str) -> Option<CustomerIx> {
        find(&self.customer_id, id).map(CustomerIx)
    }

    /// The shop's id of a customer.
    pub fn id(&self, customer: CustomerIx) -> &str {
        self.customer_id.value(customer.row())
    }

    /// Whether the customer is in a segment, of either kind: a row of the segments table.
    pub fn is_in_segment(&self, customer: CustomerIx, segment: usize) -> bool {
        let row = customer.row();
        self.segment.value(row) as usize == segment || self.needs_segment.get(row).is_some_and(|needs| needs as usize == segment)
    }

    /// Where the customer stands in the relation with the shop.
    pub fn lifecycle_stage(&self, customer: CustomerIx) -> LifecycleStage {
        LifecycleStage::ALL[self.lifecycle.value(customer.row()) as usize]
    }

    /// The named group of the customer's RFM scores; none for a prospect.
    pub fn group(&self, customer: CustomerIx) -> Option<RfmGroup> {
        self.rfm_group.get(customer.row()).map(|group| RfmGroup::ALL[group as usize])
    }

    /// High, medium or low by spend at the customer's own pace.
    pub fn tier(&self, customer: CustomerIx) -> ValueTier {
        ValueTier::ALL[self.value_tier.value(customer.row()) as usize]
    }

    /// Whether a new customer is, or nearly is, of high value by spend at their own pace; by past spend where no churn was fitted.
    pub fn is_potential_high_value(&self, customer: CustomerIx, cuts: &ValueCuts) -> bool {
        let row = customer.row();
        let value = self.spend_if_active.get(row).unwrap_or_else(|| self.spend.value(row));
        self.lifecycle_stage(customer) == LifecycleStage::New && value > 0.0 && value >= cuts.newcomer()
    }

    /// Whether the day of the next order is said, and if not, why.
    pub fn next_order_status(&self, customer: CustomerIx) -> NextOrder {
        match (self.churn_probability.get(customer.row()), self.next_order(customer)) {
            (None, _) => NextOrder::InsufficientData,
            (Some(_), None) => NextOrder::Unlikely,
            (Some(_), Some(_)) => NextOrder::Expected,
        }
    }

    /// Expected revenue loss within the horizon: churn probability x expected spend. The part of the forecast that is at stake: little for those
    /// who surely stay, and for those who are surely gone and from whom nothing is forecast any more; most for good customers in the balance.
    pub fn expected_loss(&self, customer: CustomerIx) -> Option<f64> {
        let row = customer.row();
        Some(self.churn_probability.get(row)? * self.expected_spend.get(row)?)
    }

    /// Days from as-of to the next order if it falls within the horizon: 8 of 10 come between the first and the last, half before the middle.
    pub fn next_order(&self, customer: CustomerIx) -> Option<[f64; 3]> {
        let row = customer.row();
        Some([self.next_order_from.get(row)?, self.next_order.get(row)?, self.next_order_until.get(row)?])
    }

    /// What moves the churn probability, strongest first, in words.
    pub fn drivers(&self, customer: CustomerIx) -> impl Iterator<Item = String> + '_ {
        let row = customer.row();
        let facts = Facts {
            purchase_days: self.purchase_days.value(row),
            age_days: self.age_days.value(row),
            days_since_last: self.days_since_last.value(row),
            gap_days: self.gap_days.get(row).unwrap_or(0.0),
            days_last_91: self.days_last_91.value(row),
            spend: self.spend.value(row),
            spend_last_91: self.spend_last_91.value(row),
            distinct_items: self.distinct_items.value(row),
            returns: self.returns.value(row),
            days_year_ago: self.days_year_ago.value(row),
            discount_share: self.discount_share.get(row).unwrap_or(0.0),
            channels: self.channels.get(row).unwrap_or(0),
            usual_channel_share: self.usual_channel_share.get(row).unwrap_or(0.0),
        };
        let bytes = [&self.driver_1, &self.driver_2, &self.driver_3].map(|driver| driver.value(row));
        bytes
            .into_iter()
            .filter_map(Driver::from_byte)
            .filter(move |driver| driver.is_plain(&facts))
            .map(move |driver| driver.words(&facts))
    }

    pub(crate) fn check(&self, segments: usize) -> Result<(), ModelError> {
        check_ascending(Self::FILE, &self.customer_id)?;
        let out_of_range =
            |name: &str, found: String, expected: String| Err(ModelError::corrupt(Self::FILE, format!("{name} {found}"), expected));
        for row in 0..self.len() {
            if self.lifecycle.value(row) as usize >= LifecycleStage::ALL.len() {
                return out_of_range(
                    "lifecycle",
                    self.lifecycle.value(row).to_string(),
                    format!("a number below {}", LifecycleStage::ALL.len()),
                );
            }
            if self.value_tier.value(row) as usize >= ValueTier::ALL.len() {
                return out_of_range(
                    "value_tier",
                    self.value_tier.value(row).to_string(),
                    format!("a number below {}", ValueTier::ALL.len()),
                );
            }
            for (name, scores) in
                [("rfm_recency", &self.rfm_recency), ("rfm_frequency", &self.rfm_frequency), ("rfm_monetary", &self.rfm_monetary)]
            {
                if let Some(score) = scores.get(row).filter(|score| !(1..=5).contains(score)) {
                    return out_of_range(name, score.to_string(), "1 to 5".into());
                }
            }
            if let Some(group) = self.rfm_group.get(row).filter(|&group| group as usize >= RfmGroup::ALL.len()) {
                return out_of_range("rfm_group", group.to_string(), format!("a number below {}", RfmGroup::ALL.len()));
            }
            if self.segment.value(row) as usize >= segments {
                return out_of_range("segment", self.segment.value(row).to_string(), format!("a number below {segments}"));
            }
            if let Some(needs) = self.needs_segment.get(row).filter(|&needs| needs as usize >= segments) {
                return out_of_range("needs_segment", needs.to_string(), format!("a number below {segments}"));
            }
            if self.churn_probability.get(row).is_some_and(|p| !(0.0..=1.0).contains(&p)) {
                return out_of_range("churn_probability", format!("{:?}", self.churn_probability.get(row)), "0..=1".into());
            }
        }
        Ok(())
    }
}
