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
        definition: "customers = new + returning + reactivated; customers of the period before = returning + lost. Returns are netted out of revenue.",
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
            money("revenue", "Money kept."),
            money("revenue_new", "Revenue from new customers."),
            money("revenue_returning", "Revenue from returning customers."),
            money("revenue_reactivated", "Revenue from reactivated customers."),
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
            money("revenue", "Money kept."),
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
        definition: "A cohort is everybody whose first order is in the period; retention_rate = active / cohort. A period that the data covers only in part counts as it is.",
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
        definition: "By the shop's clock; an order counts in the hour of its first line. Hours say nothing where purchases are dated to the day alone.",
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
        definition: "The last 28 days beside the 28 days before and the same days a year (364 days) earlier. Only what was sold in one of the three; categories at every step of their paths.",
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
        definition: "Order lines by money per unit, in steps of 1, 2 and 5; lines of no units are left out.",
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

/// The tables, in the order of [`INSIGHTS`].
#[derive(Clone, Debug)]
pub struct Insights {
    tables: Vec<RecordBatch>,
}

impl Insights {
    /// From one table for each of [`INSIGHTS`].
    ///
    /// # Errors
    /// For a table that has not the columns of its insight.
    pub fn new(tables: Vec<RecordBatch>) -> Result<Self, ModelError> {
        for (insight, table) in INSIGHTS.iter().zip(&tables) {
            let schema = insight.schema();
            let differs = |(found, expected): (&Arc<Field>, &Arc<Field>)| {
                found.name() != expected.name()
                    || found.data_type() != expected.data_type()
                    || found.is_nullable() != expected.is_nullable()
            };
            let found = table.schema();
            if found.fields().len() != schema.fields().len() || found.fields().iter().zip(schema.fields()).any(differs) {
                return Err(ModelError::corrupt(insight.file(), format!("columns {found}"), format!("columns {schema}")));
            }
        }
        if tables.len() != INSIGHTS.len() {
            return Err(ModelError::corrupt("insights", format!("{} tables", tables.len()), format!("{}", INSIGHTS.len())));
        }
        Ok(Self { tables })
    }

    /// The whole table of an insight.
    pub fn table(&self, insight: &Insight) -> Option<&RecordBatch> {
        INSIGHTS.iter().position(|known| known.name == insight.name).map(|at| &self.tables[at])
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
        let table = self.table(insight).ok_or_else(|| format!("no insight {}", insight.name))?;
        let column = |at: usize| table.column(at).as_any();
        let (Some(bys), Some(periods), Some(of)) =
            (column(0).downcast_ref::<StringArray>(), column(1).downcast_ref::<Date32Array>(), column(2).downcast_ref::<StringArray>())
        else {
            return Err("the table has not the columns that were checked".to_owned());
        };
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
