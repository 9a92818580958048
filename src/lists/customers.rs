//! Customers: one row each, everything the model knows and predicts of them. The columns of every list of customers stand here.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StructArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use shopkeeper_models::churn::ChurnModel;
use shopkeeper_models::{CustomerIx, Model};

use super::columns::Cell::{Count, Date, Flag, Maybe, Money, Name, Number, Text};
use super::columns::{self, Column, column, nullable};
use super::{CustomerFilter, List, Window};

type Of = Column<CustomerIx>;

pub(super) const CUSTOMER_ID: Of = column("customer_id", "The shop's id of the customer.", Text(|m, c| Some(m.customers.id(*c))));
pub(super) const SEGMENT_ID: Of = column(
    "segment_id",
    "The segment of the customer by behaviour.",
    Text(|m, c| Some(m.segments.segment_id.value(m.customers.segment.value(c.row()) as usize))),
);
pub(super) const SEGMENT_NAME: Of = column(
    "segment_name",
    "The readable name of the segment by behaviour.",
    Text(|m, c| Some(m.segments.name.value(m.customers.segment.value(c.row()) as usize))),
);
pub(super) const NEEDS_SEGMENT_ID: Of = nullable(
    "needs_segment_id",
    "The segment of the customer by needs; none where the shop has no categories.",
    Text(|m, c| m.customers.needs_segment.get(c.row()).map(|row| m.segments.segment_id.value(row as usize))),
);
pub(super) const NEEDS_SEGMENT_NAME: Of = nullable(
    "needs_segment_name",
    "The readable name of the segment by needs.",
    Text(|m, c| m.customers.needs_segment.get(c.row()).map(|row| m.segments.name.value(row as usize))),
);
pub(super) const LIFECYCLE: Of = column(
    "lifecycle",
    "Lifecycle stage: prospect, new, active, loyal, at_risk, lapsed, won_back, or insufficient_data for those with returns alone.",
    Text(|m, c| Some(m.customers.lifecycle_stage(*c).name())),
);
pub(super) const VALUE_TIER: Of = column(
    "value_tier",
    "Value tier by spend_if_active: high, medium or low; low, too, where hardly any purchase is likely.",
    Text(|m, c| Some(m.customers.tier(*c).name())),
);
pub(super) const POTENTIAL_HIGH_VALUE: Of = column(
    "potential_high_value",
    "Whether a new customer is, or nearly is, of high value by spend_if_active (GET /v1/groups shows the rule).",
    Flag(|m, c| m.customers.is_potential_high_value(*c, &m.manifest.rules.value)),
);
pub(super) const NEXT_ORDER_STATUS: Of = column(
    "next_order_status",
    "`expected`: a day is said; `unlikely`: no order within the horizon is likely enough, or hardly still a customer; `insufficient_data`.",
    Text(|m, c| Some(m.customers.next_order_status(*c).name())),
);
pub(super) const STATUS: Of = column(
    "status",
    "`ok`, or `insufficient_data` where a churn probability would be invented.",
    Text(|m, c| Some(if m.customers.churn_probability.get(c.row()).is_some() { "ok" } else { "insufficient_data" })),
);
pub(super) const CHURN_PROBABILITY: Of = nullable(
    "churn_probability",
    "P(no purchase within `horizon_days` after as-of), calibrated, 0 to 1, larger = more likely gone.",
    Number(|m, c| m.customers.churn_probability.get(c.row())),
);
pub(super) const CHURN_PERCENTILE: Of = nullable(
    "churn_percentile",
    "Share of customers with a lower churn probability, 0 to 100.",
    Number(|m, c| m.customers.churn_percentile.get(c.row())),
);
pub(super) const HORIZON_DAYS: Of =
    column("horizon_days", "Days after as-of without a purchase that count as churned.", Count(|m, _| ChurnModel::horizon_days(&m.churn)));
pub(super) const EXPECTED_PURCHASES: Of = nullable(
    "expected_purchases",
    "Expected purchase days within the horizon.",
    Number(|m, c| m.customers.expected_purchases.get(c.row())),
);
pub(super) const EXPECTED_SPEND: Of = nullable(
    "expected_spend",
    "Expected spend within the horizon, returns not taken off: between the mean and the median.",
    Money(|m, c| m.customers.expected_spend.get(c.row())),
);
pub(super) const P_ALIVE: Of = nullable(
    "p_alive",
    "P(still a customer) by the purchase model, 0 to 1; says nothing of when they buy: not a churn score.",
    Number(|m, c| m.customers.p_alive.get(c.row())),
);
pub(super) const SPEND_IF_ACTIVE: Of = nullable(
    "spend_if_active",
    "Expected spend within the horizon if the customer buys in it at all, less the share that went back to them so far: their own pace.",
    Money(|m, c| m.customers.spend_if_active.get(c.row())),
);
pub(super) const LIFETIME_VALUE: Of = nullable(
    "lifetime_value",
    "Expected spend within the year after as-of, discounted by 10 % a year.",
    Money(|m, c| m.customers.lifetime_value.get(c.row())),
);
/// The day in as-of's future on which a share of the next orders has come.
fn next_order(model: &Model, customer: CustomerIx, place: usize) -> Option<i32> {
    let days = model.customers.next_order(customer)?[place];
    Some(model.manifest.as_of_day.saturating_add(days as i32))
}
pub(super) const NEXT_ORDER_FROM: Of = nullable(
    "next_order_from",
    "If the next order falls within the horizon, 1 of 10 comes before this day.",
    Date(|m, c| next_order(m, *c, 0)),
);
pub(super) const NEXT_ORDER: Of = nullable(
    "next_order",
    "Expected day of the next order, if it falls within the horizon: half come earlier.",
    Date(|m, c| next_order(m, *c, 1)),
);
pub(super) const NEXT_ORDER_UNTIL: Of = nullable(
    "next_order_until",
    "If the next order falls within the horizon, 9 of 10 come up to this day.",
    Date(|m, c| next_order(m, *c, 2)),
);
pub(super) const EXPECTED_LOSS: Of = nullable(
    "expected_loss",
    "Churn probability x expected_spend: the part of the forecast within the horizon that is at stake, most for good customers in the balance.",
    Money(|m, c| m.customers.expected_loss(*c)),
);
pub(super) const DRIVERS: Of = nullable(
    "drivers",
    "What moves the churn probability most against a mean customer's, at most three, strongest first, parted by semicolons.",
    Name(|m, c| Some(m.customers.drivers(*c).collect::<Vec<_>>().join("; ")).filter(|words| !words.is_empty())),
);
pub(super) const DAYS_SINCE_LAST: Of = nullable(
    "days_since_last",
    "Days from the last purchase to as-of; none for a prospect.",
    Maybe(|m, c| (m.customers.purchase_days.value(c.row()) > 0).then(|| m.customers.days_since_last.value(c.row()))),
);
pub(super) const ORDERS: Of = column("orders", "Orders, those returned later included.", Count(|m, c| m.customers.orders.value(c.row())));
pub(super) const PURCHASE_DAYS: Of =
    column("purchase_days", "Distinct calendar days with an order.", Count(|m, c| m.customers.purchase_days.value(c.row())));
const FREQUENCY: Of =
    column("frequency", "Repeat purchase days: purchase days less one.", Count(|m, c| m.customers.frequency.value(c.row())));
const RECENCY_DAYS: Of =
    column("recency_days", "Days from the first to the last purchase.", Count(|m, c| m.customers.recency_days.value(c.row())));
const AGE_DAYS: Of = column("age_days", "Days from the first purchase to as-of.", Count(|m, c| m.customers.age_days.value(c.row())));
const FIRST_DAY: Of = nullable(
    "first_day",
    "Calendar day of the first order; none for a prospect.",
    Date(|m, c| (m.customers.purchase_days.value(c.row()) > 0).then(|| m.customers.first_day.value(c.row()))),
);
const LAST_DAY: Of = nullable(
    "last_day",
    "Calendar day of the last order; none for a prospect.",
    Date(|m, c| (m.customers.purchase_days.value(c.row()) > 0).then(|| m.customers.last_day.value(c.row()))),
);
pub(super) const SPEND: Of = column(
    "spend",
    "All that was paid less all that was paid back; below 0 where more was paid back.",
    Money(|m, c| Some(m.customers.spend.value(c.row()))),
);
const AVERAGE_ORDER_VALUE: Of = nullable(
    "average_order_value",
    "Spend over orders; none for a prospect.",
    Money(|m, c| {
        let orders = m.customers.orders.value(c.row());
        (orders > 0).then(|| m.customers.spend.value(c.row()) / f64::from(orders))
    }),
);
const USUAL_WEEKDAY: Of = nullable(
    "usual_weekday",
    "The weekday of most of their orders, monday to sunday; the first of equal ones.",
    Text(|m, c| WEEKDAYS.get(usize::from(m.customers.usual_weekday.get(c.row())?)).copied()),
);
const USUAL_HOUR: Of = nullable(
    "usual_hour",
    "The hour of most of their orders by the shop's clock, 0 to 23; none where orders have no time.",
    Maybe(|m, c| m.customers.usual_hour.get(c.row()).map(u32::from)),
);
const USUAL_CHANNEL: Of = nullable(
    "usual_channel",
    "The channel of most of their orders; none where none is said.",
    Text(|m, c| m.customers.usual_channel.get(c.row())),
);
const CHANNELS: Of =
    nullable("channels", "Different channels of their orders; none where none is said.", Maybe(|m, c| m.customers.channels.get(c.row())));
const USUAL_CHANNEL_SHARE: Of = nullable(
    "usual_channel_share",
    "Share of their orders that came through the usual channel, above 0 to 1.",
    Number(|m, c| m.customers.usual_channel_share.get(c.row())),
);
const CHANNEL_SHIFT: Of = nullable(
    "channel_shift",
    "Share of their last three orders that came through another channel than the usual one, 0 to 1.",
    Number(|m, c| m.customers.channel_shift.get(c.row())),
);
const DISCOUNT_SHARE: Of = nullable(
    "discount_share",
    "Share of the price that discounts took off, 0 to 1; none where the shop has no discounts.",
    Number(|m, c| m.customers.discount_share.get(c.row())),
);
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONETARY_VALUE: Of = column(
    "monetary_value",
    "Mean spend per repeat purchase day; 0 without one.",
    Money(|m, c| Some(m.customers.monetary_value.value(c.row()))),
);
const DISTINCT_ITEMS: Of = column("distinct_items", "Distinct items bought.", Count(|m, c| m.customers.distinct_items.value(c.row())));
const DISTINCT_CATEGORIES: Of =
    column("distinct_categories", "Distinct categories bought.", Count(|m, c| m.customers.distinct_categories.value(c.row())));
const RETURNS: Of = column("returns", "Lines sent back.", Count(|m, c| m.customers.returns.value(c.row())));
const GAP_DAYS: Of = nullable(
    "gap_days",
    "Typical days between purchases, shrunk towards the shop's mean; none without an order.",
    Number(|m, c| m.customers.gap_days.get(c.row())),
);
const RFM_RECENCY: Of = nullable(
    "rfm_recency",
    "RFM score of days since the last purchase, 1 to 5, 5 = bought most lately; none for a prospect.",
    Maybe(|m, c| m.customers.rfm_recency.get(c.row()).map(u32::from)),
);
const RFM_FREQUENCY: Of = nullable(
    "rfm_frequency",
    "RFM score of purchase days, 1 to 5, 5 = most often; none for a prospect.",
    Maybe(|m, c| m.customers.rfm_frequency.get(c.row()).map(u32::from)),
);
const RFM_MONETARY: Of = nullable(
    "rfm_monetary",
    "RFM score of spend, 1 to 5, 5 = most; none for a prospect.",
    Maybe(|m, c| m.customers.rfm_monetary.get(c.row()).map(u32::from)),
);
pub(super) const RFM_GROUP: Of = nullable(
    "rfm_group",
    "Named group of the RFM scores, such as champions or at_risk; none for a prospect.",
    Text(|m, c| m.customers.group(*c).map(|group| group.name())),
);
/// The name of a loyalty tier.
fn tier_name(model: &Model, tier: Option<usize>) -> Option<&str> {
    model.manifest.rules.loyalty.tiers.get(tier?).map(|tier| tier.name.as_str())
}
pub(super) const LOYALTY_TIER: Of =
    nullable("loyalty_tier", "Loyalty tier; none below the lowest.", Text(|m, c| tier_name(m, m.loyalty.tier_of(*c))));
const LOYALTY_SPEND: Of = column(
    "loyalty_spend",
    "Spend within the loyalty window (GET /v1/groups says how long it is).",
    Money(|m, c| Some(m.loyalty.spend.value(c.row()))),
);
const LOYALTY_ORDERS: Of = column("loyalty_orders", "Orders within the loyalty window.", Count(|m, c| m.loyalty.orders.value(c.row())));
const LOYALTY_NEXT_TIER: Of = nullable(
    "loyalty_next_tier",
    "The next loyalty tier; none at the highest.",
    Text(|m, c| tier_name(m, m.loyalty.to_next(&m.manifest.rules.loyalty, *c).map(|next| next.tier))),
);
const LOYALTY_SPEND_TO_NEXT: Of = nullable(
    "loyalty_spend_to_next",
    "Money missing for it, 0 where enough was spent.",
    Money(|m, c| m.loyalty.to_next(&m.manifest.rules.loyalty, *c).map(|next| next.spend)),
);
const LOYALTY_ORDERS_TO_NEXT: Of = nullable(
    "loyalty_orders_to_next",
    "Orders missing for it, 0 where there are enough.",
    Maybe(|m, c| m.loyalty.to_next(&m.manifest.rules.loyalty, *c).map(|next| next.orders)),
);
const LOYALTY_FALLS_ON: Of = nullable(
    "loyalty_falls_on",
    "Day on which the tier is lost if the customer buys nothing more; none where there is none to lose.",
    Date(|m, c| m.loyalty.falls_on.get(c.row())),
);
const LOYALTY_FALLS_TO: Of = nullable(
    "loyalty_falls_to",
    "The tier from that day on; none below the lowest.",
    Text(|m, c| tier_name(m, m.loyalty.falls_to.get(c.row()).map(usize::from))),
);
const LOYALTY_POINTS: Of = nullable(
    "loyalty_points",
    "Points earned and not expired, redemptions not known; none without a rule for points.",
    Number(|m, c| m.loyalty.points.get(c.row())),
);
const LOYALTY_POINTS_EXPIRING: Of = nullable(
    "loyalty_points_expiring",
    "Points that expire next; none where none do.",
    Number(|m, c| m.loyalty.points_expiring.get(c.row())),
);
const LOYALTY_POINTS_EXPIRE_ON: Of =
    nullable("loyalty_points_expire_on", "The day on which they do.", Date(|m, c| m.loyalty.points_expire_on.get(c.row())));

/// The columns of [`customers`].
pub const CUSTOMERS: &[Of] = &[
    CUSTOMER_ID,
    SEGMENT_ID,
    SEGMENT_NAME,
    NEEDS_SEGMENT_ID,
    NEEDS_SEGMENT_NAME,
    LIFECYCLE,
    VALUE_TIER,
    POTENTIAL_HIGH_VALUE,
    STATUS,
    CHURN_PROBABILITY,
    CHURN_PERCENTILE,
    HORIZON_DAYS,
    EXPECTED_PURCHASES,
    EXPECTED_SPEND,
    SPEND_IF_ACTIVE,
    EXPECTED_LOSS,
    DRIVERS,
    LIFETIME_VALUE,
    P_ALIVE,
    NEXT_ORDER_STATUS,
    NEXT_ORDER_FROM,
    NEXT_ORDER,
    NEXT_ORDER_UNTIL,
    ORDERS,
    PURCHASE_DAYS,
    FREQUENCY,
    RECENCY_DAYS,
    AGE_DAYS,
    DAYS_SINCE_LAST,
    FIRST_DAY,
    LAST_DAY,
    SPEND,
    AVERAGE_ORDER_VALUE,
    USUAL_WEEKDAY,
    USUAL_HOUR,
    USUAL_CHANNEL,
    CHANNELS,
    USUAL_CHANNEL_SHARE,
    CHANNEL_SHIFT,
    DISCOUNT_SHARE,
    MONETARY_VALUE,
    DISTINCT_ITEMS,
    DISTINCT_CATEGORIES,
    RETURNS,
    GAP_DAYS,
    RFM_RECENCY,
    RFM_FREQUENCY,
    RFM_MONETARY,
    RFM_GROUP,
    LOYALTY_TIER,
    LOYALTY_SPEND,
    LOYALTY_ORDERS,
    LOYALTY_NEXT_TIER,
    LOYALTY_SPEND_TO_NEXT,
    LOYALTY_ORDERS_TO_NEXT,
    LOYALTY_FALLS_ON,
    LOYALTY_FALLS_TO,
    LOYALTY_POINTS,
    LOYALTY_POINTS_EXPIRING,
    LOYALTY_POINTS_EXPIRE_ON,
];

/// Where one customer belongs.
pub const CUSTOMER_SEGMENT: &[Of] = &[
    CUSTOMER_ID,
    SEGMENT_ID,
    SEGMENT_NAME,
    NEEDS_SEGMENT_ID,
    NEEDS_SEGMENT_NAME,
    LIFECYCLE,
    VALUE_TIER,
    LOYALTY_TIER,
    RFM_GROUP,
    RFM_RECENCY,
    RFM_FREQUENCY,
    RFM_MONETARY,
];

/// What [`customers`] are sorted by unless something else is asked for.
pub const CUSTOMERS_SORT: &str = "customer_id";

/// The customers that a filter keeps, with everything that is known of them.
pub fn customers(model: &Arc<Model>, filter: &CustomerFilter, window: Window) -> List {
    List::of_customers(model, CUSTOMERS, filter, window)
}

/// The schema of customers: the columns, and their attributes as one more, a struct.
pub(super) fn schema(model: &Model, columns: &[Of]) -> SchemaRef {
    let fields = columns::schema(columns).fields().iter().cloned().chain([Arc::new(attributes_field(model))]).collect::<Vec<_>>();
    Arc::new(Schema::new(fields))
}

fn attributes_field(model: &Model) -> Field {
    Field::new("attributes", DataType::Struct(model.attributes.to_batch().schema().fields().clone()), false)
}

/// Customers as a table.
pub fn batch(columns: &[Of], model: &Model, rows: &[CustomerIx]) -> RecordBatch {
    let at = UInt32Array::from_iter_values(rows.iter().map(|customer| customer.0));
    let taken = |array: &ArrayRef| take(array, &at, None).unwrap_or_else(|error| unreachable!("rows of the model: {error}"));
    let values: Vec<ArrayRef> = model.attributes.columns().iter().map(taken).collect();
    let attributes = match attributes_field(model).data_type() {
        DataType::Struct(fields) if !fields.is_empty() => StructArray::new(fields.clone(), values, None),
        _ => StructArray::new_empty_fields(rows.len(), None),
    };
    let arrays = columns::batch(columns, model, rows).columns().iter().cloned().chain([Arc::new(attributes) as ArrayRef]).collect();
    RecordBatch::try_new(schema(model, columns), arrays)
        .unwrap_or_else(|error| unreachable!("columns of one length and their own type: {error}"))
}
