//! Insights: what the purchases tell the shop, as tables that the trainer made. This is the one list of them: names, definitions and columns.
//!
//! Each table begins with `by` (what its rows stand for), `period` (the first day of a period of that length, in the shop's time zone) and
//! `segment` (null = everybody), then come the columns said here, then `suppressed`: whether the figures of the row are withheld because fewer
//! customers than the smallest group shown stand behind them.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Date32Array, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::calendar::Day;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text that says what the row stands for.
    Text,
    /// A whole number that says what the row stands for.
    Key,
    /// A whole number from 0.
    Count,
    /// A finite number.
    Number,
    /// A share, 0 to 1.
    Share,
    /// Money in the currency of the purchases, to the cent.
    Money,
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Key | Self::Count => DataType::UInt64,
            Self::Number | Self::Share | Self::Money => DataType::Float64,
        }
    }

    /// Whether it says what the row stands for, rather than a figure of it.
    pub fn is_key(self) -> bool {
        matches!(self, Self::Text | Self::Key)
    }
}

/// A column of an insight.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it is, with its formula.
    pub about: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// One insight.
#[derive(Clone, Copy, Debug)]
pub struct Insight {
    /// Its name in the API and on the command line.
    pub name: &'static str,
    /// The question that it answers.
    pub question: &'static str,
    /// What must be known to read it, in a line or two.
    pub definition: &'static str,
    /// What its rows can stand for; the first is the default.
    pub by: &'static [&'static str],
    /// Whether its rows are periods that `from` and `to` choose among.
    pub has_periods: bool,
    /// Whether it can be asked for one segment.
    pub has_segments: bool,
    /// Its columns.
    pub columns: &'static [Column],
}

const fn text(name: &'static str, about: &'static str) -> Column {
    Column { name, about, kind: Kind::Text }
}
const fn key(name: &'static str, about: &'static str) -> Column {
    Column { name, about, kind: Kind::Key }
}
const fn count(name: &'static str, about: &'static str) -> Column {
    Column { name, about, kind: Kind::Count }
}
const fn number(name: &'static str, about: &'static str) -> Column {
    Column { name, about, kind: Kind::Number }
}
const fn share(name: &'static str, about: &'static str) -> Column {
    Column { name, about, kind: Kind::Share }
}
const fn money(name: &'static str, about: &'static str) -> Column {
    Column { name, about, kind: Kind::Money }
}

/// The lengths of a period.
pub const PERIODS: &[&str] = &["month", "week", "quarter", "year"];

/// Every insight.
pub const INSIGHTS: &[Insight] = &[
    Insight {
        name: "customers",
        question: "How many customers are new, stay, come back and are lost, and what do they bring?",
        definition: "customers = new + returning + reactivated; customers of the period before = returning + lost. revenue = revenue_new + revenue_returning + revenue_reactivated - refunds; a return is taken off the period of its purchase, so that all periods add up to all that was paid less all that was paid back.",
        by: PERIODS,
        has_periods: true,
        has_segments: true,
        columns: &[
            count("days", "Days of the period that the data covers; fewer than its length at both ends of the data."),
            count("customers", "Customers with an order in the period."),
            count("new", "Of those, the ones whose first order is in it."),
            count("returning", "Of those, the ones with an order in the period before as well."),
            count("reactivated", "Of those, the ones with an earlier order, but none in the period before."),
            count("lost", "Customers with an order in the period before and none in this one."),
            count("orders", "Orders."),
            number("units", "Units kept."),
            money("revenue", "Money kept, less refunds."),
            money("revenue_new", "Revenue from new customers."),
            money("revenue_returning", "Revenue from returning customers."),
            money("revenue_reactivated", "Revenue from reactivated customers."),
            money("refunds", "Money paid back in the period for purchases that are not in the data, or for more than was paid."),
            money("revenue_lost", "What the lost customers had brought in the period before."),
        ],
    },
    Insight {
        name: "revenue",
        question: "Why did revenue change from one period to the next?",
        definition: "revenue = customers x orders per customer x units per order x price of a unit; each effect = L ln(now / before) with L = change / ln(revenue / revenue before), and the four add up to the change (LMDI, Ang 2004).",
        by: PERIODS,
        has_periods: true,
        has_segments: true,
        columns: &[
            count("days", "Days of the period that the data covers; the change at either end of the data is one of length too."),
            count("customers", "Customers with an order."),
            money("revenue", "Money kept, less refunds for purchases that are not in the data."),
            number("orders_per_customer", "orders / customers."),
            number("units_per_order", "units / orders."),
            money("unit_price", "revenue / units."),
            money("change", "revenue - revenue of the period before."),
            money("by_customers", "Part of the change that comes from more or fewer customers."),
            money("by_orders_per_customer", "Part that comes from more or fewer orders of each."),
            money("by_units_per_order", "Part that comes from larger or smaller orders."),
            money("by_unit_price", "Part that comes from dearer or cheaper units, the mix of items included."),
        ],
    },
    Insight {
        name: "retention",
        question: "How many customers of a period buy in the next one, and how many buy twice?",
        definition: "retention = returning / customers of the period before; repurchase = customers with orders on two days or more of the period / customers.",
        by: PERIODS,
        has_periods: true,
        has_segments: true,
        columns: &[
            count("customers_before", "Customers with an order in the period before."),
            count("retained", "Of those, the ones with an order in this period."),
            share("retention_rate", "retained / customers_before."),
            count("customers", "Customers with an order in this period."),
            count("repurchased", "Of those, the ones with orders on at least two days of it."),
            share("repurchase_rate", "repurchased / customers."),
            count("bought_before", "Customers of this period with an order before it."),
            share("bought_before_share", "bought_before / customers."),
        ],
    },
    Insight {
        name: "cohorts",
        question: "Of the customers who first bought in a period, how many buy so many periods later?",
        definition: "A cohort is everybody whose first order is in the period; retention_rate = active / cohort; refunds to people without an order belong to none. A period that the data covers only in part counts as it is.",
        by: &["month", "quarter", "year"],
        has_periods: true,
        has_segments: true,
        columns: &[
            key("since", "Periods since the first order, from 0."),
            count("cohort", "Customers of the cohort."),
            count("active", "Of those, the ones with an order in that period."),
            share("retention_rate", "active / cohort."),
            count("orders", "Their orders in that period."),
            money("revenue", "Their revenue in that period."),
            money("value_so_far", "Revenue of the cohort up to the end of that period / cohort."),
        ],
    },
    Insight {
        name: "purchase_gaps",
        question: "How many days lie between purchases, and how many customers buy again?",
        definition: "A gap is the days from one purchase day of a customer to the next; percentiles are of gaps that ended, so that long ones still open are not in them.",
        by: &["all", "purchase"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("purchase", "The how-manieth purchase day the gap begins with, 1 to 10; null for all of them."),
            count("customers", "Customers with that many purchase days; of all: with at least one."),
            count("came_back", "Of those, the ones with one more."),
            share("came_back_rate", "came_back / customers; the latest customers have had little time."),
            number("p10", "Days within which a tenth of the gaps ended."),
            number("p25", "The same for a quarter."),
            number("median", "The same for half."),
            number("p75", "The same for three quarters."),
            number("p90", "The same for nine tenths."),
            number("mean", "Mean gap in days."),
        ],
    },
    Insight {
        name: "baskets",
        question: "How large are orders?",
        definition: "An order's items are the different items kept, its value the money kept; orders that came back in whole are left out.",
        by: PERIODS,
        has_periods: true,
        has_segments: true,
        columns: &[
            count("customers", "Customers with an order."),
            count("orders", "Orders of which something was kept."),
            number("mean_items", "Mean of the different items."),
            number("median_items", "Median of the different items (the lower middle one)."),
            money("mean_value", "Mean value."),
            money("p25_value", "Value that a quarter of the orders do not exceed."),
            money("median_value", "Median value (the lower middle one)."),
            money("p75_value", "Value that three quarters of the orders do not exceed."),
            money("p90_value", "Value that nine tenths of the orders do not exceed."),
        ],
    },
    Insight {
        name: "basket_sizes",
        question: "How are orders spread over sizes and values?",
        definition: "Sizes by different items kept, values in steps of 1, 2 and 5; orders that came back in whole are left out.",
        by: &["items", "value"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("position", "The steps in order, from 0."),
            text("step", "From (inclusive) and to (exclusive)."),
            count("customers", "Customers with such an order."),
            count("orders", "Orders."),
            share("share", "orders / all orders."),
            money("revenue", "Their revenue."),
            share("revenue_share", "revenue / all revenue."),
        ],
    },
    Insight {
        name: "hours",
        question: "On which weekdays and at what hours do customers order?",
        definition: "By the shop's clock; an order counts in the hour of its first line, its returns with it. Hours say nothing where purchases are dated to the day alone.",
        by: &["weekday_hour", "weekday", "hour"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("weekday", "1 = Monday to 7 = Sunday; null by hour."),
            key("hour", "0 to 23; null by weekday."),
            count("customers", "Customers with an order then."),
            count("orders", "Orders."),
            share("share", "orders / all orders."),
            money("revenue", "Money kept."),
        ],
    },
    Insight {
        name: "growth",
        question: "Which items and categories gain, and which lose?",
        definition: "The last 28 days beside the 28 days before and the same days a year (364 days) earlier. Only what was sold in one of the three; categories at every step of their paths. Returns are netted out; those of purchases that are not in the data on their own day.",
        by: &["category", "item"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("name", "The category's path, or the item's id."),
            text("title", "The item's title, where the catalogue has one."),
            count("customers", "Customers who bought it in the last 56 days."),
            money("revenue", "Revenue of the last 28 days."),
            money("revenue_before", "Revenue of the 28 days before."),
            money("change", "revenue - revenue_before."),
            number("growth", "change / revenue_before."),
            money("revenue_year_ago", "Revenue of the same 28 days a year earlier; null where the data does not go back so far."),
            number("growth_year", "(revenue - revenue_year_ago) / revenue_year_ago."),
            count("buyers", "Customers who bought it in the last 28 days."),
            count("buyers_before", "Customers who bought it in the 28 days before."),
            count("gained", "Of the buyers, the ones who are not among those before."),
            count("lost", "Of the buyers before, the ones who are no buyers now."),
        ],
    },
    Insight {
        name: "cross_shop",
        question: "Do the customers of one category buy in another one?",
        definition: "Customers who ever bought in both, among the 64 first steps of category paths with the most customers; lift = share / share of all customers who bought in the other. The row of a category with itself says how many customers it has.",
        by: &["category"],
        has_periods: false,
        has_segments: true,
        columns: &[
            text("category", "The category."),
            text("other_category", "The other one."),
            count("customers", "Customers who bought in both."),
            share("share", "customers / customers of the category."),
            number("lift", "share / (customers of the other / customers); 1 = independent."),
        ],
    },
    Insight {
        name: "price_bands",
        question: "At what prices does the shop sell?",
        definition: "Order lines by money per unit, in steps of 1, 2 and 5; lines of no units, or that came back in whole, are left out.",
        by: &["all"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("position", "The bands in order, from 0."),
            text("band", "From (inclusive) and to (exclusive)."),
            count("customers", "Customers who bought at such a price."),
            count("lines", "Order lines."),
            number("units", "Units kept."),
            money("revenue", "Money kept."),
            share("revenue_share", "revenue / all revenue."),
        ],
    },
    Insight {
        name: "entry",
        question: "With which items and categories do customers start, and which of these keep them?",
        definition: "Customers whose first order holds it and is at least one horizon old; came_back = another purchase day within the horizon after it. The interval is Wilson's, 95 %.",
        by: &["category", "item"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("name", "The category's path, or the item's id."),
            text("title", "The item's title, where the catalogue has one."),
            count("customers", "Customers who started with it."),
            share("share", "customers / all customers who started so long ago."),
            number("over_orders", "share / share of all orders that hold it: above 1 it is bought more by those who start."),
            count("came_back", "Of those customers, the ones who came back within the horizon."),
            share("came_back_rate", "came_back / customers."),
            share("least", "Lower end of the interval."),
            share("most", "Upper end of the interval."),
            number("over_all", "came_back_rate / that of all who started; above 1 it keeps customers."),
        ],
    },
    Insight {
        name: "keepers",
        question: "Which items and categories are bought again, and which go with customers who stay?",
        definition: "Customers whose first order with it is at least one horizon old; again = another order with it within the horizon after that day, stayed = another order at all.",
        by: &["category", "item"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("name", "The category's path, or the item's id."),
            text("title", "The item's title, where the catalogue has one."),
            count("customers", "Customers who bought it so long ago."),
            count("again", "Of those, the ones who bought it again within the horizon."),
            share("again_rate", "again / customers."),
            count("stayed", "Of those, the ones who bought anything within the horizon."),
            share("stayed_rate", "stayed / customers."),
            share("least", "Lower end of its interval (Wilson, 95 %)."),
            share("most", "Upper end of the interval."),
            share(
                "expected_rate",
                "stayed_rate to be expected of any orders that are as far into their customers' histories (1st to 10th, later).",
            ),
            number("over_expected", "stayed_rate / expected_rate; above 1 its buyers stay. It need not be the reason."),
        ],
    },
    Insight {
        name: "survival",
        question: "How long do customers stay away after a purchase?",
        definition: "Kaplan-Meier: the waits that are still open count for as long as they were watched. not_back = product over the days so far of (1 - came back on the day / still watched on it); the interval is Greenwood's on the log-log scale, 95 %.",
        by: &["first", "later"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("days", "Days since the purchase: a first one (`first`) or any later one (`later`)."),
            count("watched", "Waits that had not ended by then and were still watched."),
            share("not_back", "Share of the customers who have not bought again by then."),
            share("least", "Lower end of the interval."),
            share("most", "Upper end of the interval."),
        ],
    },
    Insight {
        name: "discounts",
        question: "Who buys only when something is off?",
        definition: "Customers by the share of their orders with money off; a shop without a discount column has no rows.",
        by: &["dependence"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("position", "The steps in order, from 0."),
            text("step", "Share of the customer's orders with money off."),
            count("customers", "Customers."),
            share("share", "customers / all customers with an order."),
            count("orders", "Their orders."),
            money("revenue", "Money kept."),
            money("discount", "Money off the price."),
            share("discount_rate", "discount / (revenue + discount)."),
            money("revenue_per_customer", "revenue / customers."),
        ],
    },
    Insight {
        name: "channels",
        question: "Through which channels do customers order?",
        definition: "An order's channel is that of its first line; orders that do not say theirs are `unknown`, those of all but the 12 channels with the most orders `other`. A customer of two channels counts in both. Refunds of purchases that are not in the data belong to no channel.",
        by: PERIODS,
        has_periods: true,
        has_segments: true,
        columns: &[
            text("channel", "The channel."),
            count("customers", "Customers with an order through it in the period."),
            count("orders", "Orders."),
            share("orders_share", "orders / all orders of the period."),
            money("revenue", "Money kept."),
            share("revenue_share", "revenue / that of all channels."),
            money("order_value", "revenue / orders."),
        ],
    },
    Insight {
        name: "channel_moves",
        question: "Who moves from one channel to another?",
        definition: "Customers with orders in a period and in the one before, by their most used channel of each (on a tie the one used first).",
        by: PERIODS,
        has_periods: true,
        has_segments: true,
        columns: &[
            text("channel_before", "Most used channel of the period before."),
            text("channel", "Most used channel of this period."),
            count("customers", "Customers."),
            share("share", "customers / all who used channel_before and came back in this period."),
        ],
    },
    Insight {
        name: "channel_value",
        question: "Are customers of several channels worth more?",
        definition: "Customers by how many channels they ever ordered through. They also order more often, and who orders often has more occasion to use two.",
        by: &["channels"],
        has_periods: false,
        has_segments: true,
        columns: &[
            key("channels", "How many channels; 5 = five or more, 0 = no order says its channel."),
            text("names", "Which ones, of customers of one channel."),
            count("customers", "Customers."),
            share("share", "customers / all customers with an order."),
            number("orders_per_customer", "orders / customers."),
            money("revenue_per_customer", "revenue / customers."),
            money("order_value", "revenue / orders."),
            share("came_back_rate", "Share of the customers with a second purchase day."),
        ],
    },
    Insight {
        name: "demand",
        question: "What will be sold in the next weeks?",
        definition: "Forecasts of the 13 weeks from the as-of, each of seven days: a local level on the root of weekly sales (ETS(A,N,N), one smoothing for all series of a kind); once there is a year behind it, the mean (on roots) of the same weeks a year ago times the growth since and of the level times the shop's course a year ago. The interval is to hold 80 % of the weeks; its width is that of the errors at past origins. See demand_accuracy.",
        by: &["all", "category", "item"],
        has_periods: true,
        has_segments: false,
        columns: &[
            text(
                "name",
                "The category's path or the item's id: the 200 categories and 100 items with the most revenue of the last 52 weeks; null for all.",
            ),
            text("title", "The item's title, where the catalogue has one."),
            text("measure", "`revenue` or `units`."),
            key("week", "How many weeks ahead, 1 to 13."),
            number("forecast", "The forecast."),
            number("low", "Lower end of the interval."),
            number("high", "Upper end of the interval."),
            number("naive", "The seasonal naive forecast: the same week a year ago; with less than a year of data the last week."),
        ],
    },
    Insight {
        name: "demand_accuracy",
        question: "How good are the forecasts?",
        definition: "Up to eight origins two weeks apart, the last one 13 weeks before the as-of: at each the forecast from what was known then is held against the 13 weeks that came. mase = error / naive_error: below 1 it beats the seasonal naive forecast.",
        by: &["all", "category", "item"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("name", "The category's path or the item's id; null for the mean of all of them."),
            text("title", "The item's title, where the catalogue has one."),
            text("measure", "`revenue` or `units`."),
            count("series", "How many series the row is of."),
            count("weeks", "Weeks of history."),
            count("origins", "Origins that were tried; 0 where the history is shorter than 29 weeks."),
            number("error", "Mean absolute error of the forecast."),
            number("naive_error", "That of the seasonal naive forecast of the same weeks."),
            number("mase", "error / naive_error; of all of them the mean."),
            share("better", "Share of the series with mase below 1."),
            share("coverage", "Share of the weeks within the interval, whose width is taken from the other origins; it is to be 80 %."),
        ],
    },
    Insight {
        name: "campaigns",
        question: "Whom did the campaigns reach, and who redeemed something?",
        definition: "A campaign is followed from the day it was sent to its last day, or for 28 days where the shop does not say, but no longer than to the as-of. What the customers bought then is not what the campaign brought: see campaign_lift. Returns are netted out.",
        by: &["campaign", "kind", "channel"],
        has_periods: true,
        has_segments: false,
        columns: &[
            text("name", "The campaign's id, or the kind or channel, whose campaigns are added up."),
            text("kind", "The campaign's kind."),
            key("days", "Days that it has been followed for."),
            count("sent", "Customers to whom it was sent."),
            count("control", "Customers kept back to compare with."),
            count("reached", "Of those it was sent to, the ones it reached; null without a column that says so."),
            share("reached_rate", "reached / sent."),
            count("redeemed", "Of those it was sent to, the ones who redeemed something."),
            share("redemption_rate", "redeemed / sent."),
            count("buyers", "Of those it was sent to, the ones with an order in the days."),
            share("buyer_rate", "buyers / sent."),
            money("revenue", "What they bought in the days."),
            money("revenue_per_customer", "revenue / sent."),
        ],
    },
    Insight {
        name: "campaign_lift",
        question: "What did the campaigns change?",
        definition: "With a control group (evidence `randomised`) the difference between the two, each adjusted by the own past of 56 days or more before (analysis of covariance). Without one (`matched, weaker`) the same against customers whom the campaign was not for, within tenths alike in orders, money, recency, tenure and campaigns before (propensity): what was not recorded can still be the cause. Everybody counts whom it was meant for, reached or not.",
        by: &["campaign"],
        has_periods: true,
        has_segments: false,
        columns: &[
            text("name", "The campaign's id."),
            text("outcome", "`bought`: share of the customers with an order; `orders`: orders of each; `revenue`: money of each."),
            text("evidence", "`randomised`, `matched, weaker` or `none`."),
            key("days", "Days that it has been followed for."),
            count("treated", "Customers to whom it was sent, and who are compared."),
            count("compared", "Customers they are compared with."),
            number("mean", "Mean outcome of the treated."),
            number("expected", "mean - lift: what it would have been without."),
            number("lift", "The difference that it made to a customer."),
            number("least", "Lower end of its interval, 95 %."),
            number("most", "Upper end of the interval."),
            number("relative", "lift / expected."),
            share("p_value", "Chance of a difference as large where there is none, two-sided."),
            number("detectable", "Smallest true lift that would be found four times of five: 2.8 standard errors."),
            text("says", "The interval in words."),
        ],
    },
    Insight {
        name: "feedback",
        question: "Would customers recommend the shop, and in what tone do they write?",
        definition: "Promoters answer 9 or 10, passives 7 or 8, detractors 0 to 6; nps = 100 (promoters - detractors) / answers, its interval is that of the mean of answers that count 1, 0 and -1. The tone of a text is its praising less its blaming words, in English or Chinese; it is coarse.",
        by: &["all", "month", "week", "quarter", "year", "kind", "channel", "tier"],
        has_periods: true,
        has_segments: true,
        columns: &[
            text("name", "The kind, channel or value tier."),
            count("customers", "Customers who said something."),
            share(
                "coverage",
                "customers / customers with an order, in the period or at all; an answer may come from somebody without one.",
            ),
            count("answers", "Answers with a score."),
            count("promoters", "Of those 9 or 10."),
            count("passives", "Of those 7 or 8."),
            count("detractors", "Of those 0 to 6."),
            number("nps", "100 (promoters - detractors) / answers."),
            number("least", "Lower end of its interval, 95 %."),
            number("most", "Upper end of the interval."),
            number("mean_score", "Mean score, 0 to 10."),
            count("texts", "Texts."),
            count("positive", "Of those with more praising than blaming words."),
            count("neutral", "Of those with as many."),
            count("negative", "Of those with more blaming words; the rest hold neither."),
        ],
    },
    Insight {
        name: "themes",
        question: "What do customers write about?",
        definition: "The 50 terms that stand in the most texts, of two customers at least: words without the commonest, in Chinese pairs of letters.",
        by: &["all"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("term", "The term."),
            count("texts", "Texts that hold it."),
            share("share", "texts / all texts."),
            count("customers", "Customers who wrote it."),
            count("positive", "Texts with it that praise more than they blame."),
            count("negative", "Texts with it that blame more."),
            number("mean_score", "Mean score of the answers with it."),
            share("detractors_share", "Share of their scores that are 0 to 6."),
        ],
    },
    Insight {
        name: "detractors",
        question: "Which customers of high value are unhappy?",
        definition: "Customers of the value tier high whose last score is 0 to 6, the latest first. A list of people to call: nothing is withheld.",
        by: &["customer"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("customer_id", "The customer."),
            text("day", "The day of the score."),
            text("kind", "What it was about."),
            text("channel", "Where it was asked."),
            number("score", "The score."),
            money("revenue", "What the customer has spent so far."),
        ],
    },
    Insight {
        name: "service",
        question: "How soon are customers answered?",
        definition: "Tickets by the day they were opened; medians and 90 % points of the hours until the first reply and until they were closed are of those that were. Age is counted to the as-of.",
        by: &["all", "month", "week", "quarter", "year", "kind", "channel"],
        has_periods: true,
        has_segments: true,
        columns: &[
            text("name", "The kind or channel."),
            count("customers", "Customers with a ticket."),
            count("tickets", "Tickets."),
            count("replied", "Of those the ones that were answered."),
            share("reply_rate", "replied / tickets."),
            number("reply_hours", "Median hours until the first reply."),
            number("reply_hours_p90", "Hours within which nine tenths of the replies came."),
            count("closed", "Tickets that were closed."),
            number("close_hours", "Median hours until they were."),
            number("close_hours_p90", "Hours within which nine tenths were."),
            count("open", "Tickets still open."),
            number("open_days", "Their median age in days."),
            number("oldest_days", "Age of the oldest."),
        ],
    },
    Insight {
        name: "service_return",
        question: "Do customers come back after a ticket, and does a quick reply go with it?",
        definition: "Tickets of customers with an order before, at least one horizon old; came_back = an order within the horizon after the day it was opened. A quick reply need not be the reason. The last row is of all orders so long ago.",
        by: &["reply"],
        has_periods: false,
        has_segments: false,
        columns: &[
            key("position", "The steps in order, from 0."),
            text("reply", "When the first reply came."),
            count("tickets", "Tickets, or orders in the last row."),
            count("came_back", "Of those, the ones followed by an order."),
            share("came_back_rate", "came_back / tickets."),
            share("least", "Lower end of its interval (Wilson, 95 %)."),
            share("most", "Upper end of the interval."),
        ],
    },
    Insight {
        name: "referrals",
        question: "Who brings customers, and what are those worth?",
        definition: "By whether somebody was brought by a customer, by how many referrals lead to them (a circle has no depth), and by the 100 customers who brought the most.",
        by: &["all", "depth", "referrer"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("name", "Which customers; by referrer the id of who brought them."),
            key("depth", "How many referrals lead to them."),
            count("customers", "Customers, those without an order included."),
            count("bought", "Of those the ones with an order."),
            share("bought_rate", "bought / customers."),
            money("revenue", "What they have spent."),
            money("revenue_per_buyer", "revenue / bought."),
            number("orders_per_buyer", "Orders / bought."),
            share("came_back_rate", "Share of the buyers with a second purchase day."),
        ],
    },
    Insight {
        name: "quality",
        question: "Can the data be trusted?",
        definition: "score = 100 (1 - affected / checked), except where a check says otherwise; the dimension's score is the least of its checks, that of everything the mean of the dimensions.",
        by: &["check"],
        has_periods: false,
        has_segments: false,
        columns: &[
            text("dimension", "completeness, validity, uniqueness, timeliness, consistency, drift; `all` for everything."),
            text("check", "What was looked at; null in the row of a whole dimension."),
            count("checked", "Rows, items, orders or days that were looked at."),
            count("affected", "Those of them that are not as they should be."),
            number("score", "0 to 100; 100 = nothing is wrong."),
            text("says", "What was found, with examples."),
        ],
    },
];

/// The insight of that name.
pub fn find(name: &str) -> Option<&'static Insight> {
    INSIGHTS.iter().find(|insight| insight.name == name)
}

/// The names of all, for messages.
pub fn names() -> String {
    INSIGHTS.iter().map(|insight| insight.name).collect::<Vec<_>>().join(", ")
}

impl Insight {
    /// Its file in a version folder.
    pub fn file(&self) -> String {
        format!("insight_{}.arrow", self.name)
    }

    /// The columns of its table.
    pub fn schema(&self) -> SchemaRef {
        let own = self.columns.iter().map(|column| Field::new(column.name, column.kind.data_type(), true));
        let frame = [
            Field::new("by", DataType::Utf8, false),
            Field::new("period", DataType::Date32, true),
            Field::new("segment", DataType::Utf8, true),
        ];
        let fields: Vec<Field> = frame.into_iter().chain(own).chain([Field::new("suppressed", DataType::Boolean, false)]).collect();
        Arc::new(Schema::new(fields))
    }
}

impl Insight {
    /// Whether a table has the columns of this insight.
    fn fits(&self, table: &RecordBatch) -> bool {
        let (found, expected) = (table.schema(), self.schema());
        let same = |(found, expected): (&Arc<Field>, &Arc<Field>)| {
            found.name() == expected.name() && found.data_type() == expected.data_type() && found.is_nullable() == expected.is_nullable()
        };
        found.fields().len() == expected.fields().len() && found.fields().iter().zip(expected.fields()).all(same)
    }
}

/// Which rows of an insight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InsightQuery {
    /// One of [`Insight::by`]; by default the first.
    pub by: Option<String>,
    /// The first day that a period may begin on.
    pub from: Option<Day>,
    /// The last day that a period may begin on.
    pub to: Option<Day>,
    /// A segment's id; by default everybody.
    pub segment: Option<String>,
}

/// The tables, in the order of [`INSIGHTS`]; none where the version is older than the insight.
#[derive(Clone, Debug)]
pub struct Insights {
    tables: Vec<Option<RecordBatch>>,
}

impl Insights {
    /// From one table for each of [`INSIGHTS`].
    ///
    /// # Errors
    /// For a table that has not the columns of its insight.
    pub fn new(tables: Vec<RecordBatch>) -> Result<Self, ModelError> {
        for (insight, table) in INSIGHTS.iter().zip(&tables) {
            if !insight.fits(table) {
                let schema = insight.schema();
                return Err(ModelError::corrupt(insight.file(), format!("columns {}", table.schema()), format!("columns {schema}")));
            }
        }
        if tables.len() != INSIGHTS.len() {
            return Err(ModelError::corrupt("insights", format!("{} tables", tables.len()), format!("{}", INSIGHTS.len())));
        }
        Ok(Self { tables: tables.into_iter().map(Some).collect() })
    }

    /// From those tables of a version of an earlier format that still mean the same.
    pub fn of_earlier(mut tables: Vec<Option<RecordBatch>>) -> Self {
        tables.resize(INSIGHTS.len(), None);
        let fits = |(insight, table): (&Insight, Option<RecordBatch>)| table.filter(|table| insight.fits(table));
        Self { tables: INSIGHTS.iter().zip(tables).map(fits).collect() }
    }

    /// The whole table of an insight.
    pub fn table(&self, insight: &Insight) -> Option<&RecordBatch> {
        INSIGHTS.iter().position(|known| known.name == insight.name).and_then(|at| self.tables[at].as_ref())
    }

    /// The rows that are asked for. `segments` are the ids of the model's segments.
    ///
    /// # Errors
    /// Says what is wrong with the question, and what it may be.
    pub fn query(&self, insight: &Insight, query: &InsightQuery, segments: &StringArray) -> Result<RecordBatch, String> {
        let by = query.by.as_deref().unwrap_or(insight.by[0]);
        if !insight.by.contains(&by) {
            return Err(format!("by={by}: expected one of {}", insight.by.join(", ")));
        }
        if !insight.has_periods && (query.from.is_some() || query.to.is_some()) {
            return Err(format!("{} has no periods; leave from and to out", insight.name));
        }
        if let (Some(from), Some(to)) = (query.from, query.to)
            && from > to
        {
            return Err(format!("from={} is after to={}", crate::calendar::date(from), crate::calendar::date(to)));
        }
        if let Some(segment) = &query.segment {
            if !insight.has_segments {
                return Err(format!("{} is of the whole shop; leave segment out", insight.name));
            }
            if !segments.iter().flatten().any(|known| known == segment) {
                return Err(format!("segment={segment}: expected one of {}", segments.iter().flatten().collect::<Vec<_>>().join(", ")));
            }
        }
        let table = self
            .table(insight)
            .ok_or_else(|| format!("this version is older than the insight {}; train again to have it", insight.name))?;
        let column = |at: usize| table.column(at).as_any();
        let (Some(bys), Some(periods), Some(of)) =
            (column(0).downcast_ref::<StringArray>(), column(1).downcast_ref::<Date32Array>(), column(2).downcast_ref::<StringArray>())
        else {
            return Err("the table has not the columns that were checked".to_owned());
        };
        let has_none = |row: usize| bys.value(row) == by && periods.is_null(row);
        if (query.from.is_some() || query.to.is_some()) && (0..table.num_rows()).any(has_none) {
            return Err(format!("{} by {by} has no periods; leave from and to out", insight.name));
        }
        let within = |row: usize| {
            let period = periods.is_valid(row).then(|| periods.value(row));
            period.is_none_or(|period| query.from.is_none_or(|from| period >= from) && query.to.is_none_or(|to| period <= to))
        };
        let wanted =
            |row: usize| bys.value(row) == by && within(row) && of.is_valid(row).then(|| of.value(row)) == query.segment.as_deref();
        let keep: BooleanArray = (0..table.num_rows()).map(|row| Some(wanted(row))).collect();
        filter_record_batch(table, &keep).map_err(|error| error.to_string())
    }
}
