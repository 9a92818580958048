//! The report's section of insights: the main figures of a few of them, as pictures.

use arrow::array::{Array, AsArray, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, UInt64Type};
use serde::Serialize;
use shopkeeper_models::calendar::date;
use shopkeeper_models::insights::{Insight, InsightQuery, Insights, find};

use super::bars::{self, Bar, Group};
use super::spans::Span;
use super::words::{NONE, amount, count, in_brief, percent};
use super::{columns, heat, spans};

/// Months that cohorts are shown for at most, the latest ones.
const COHORTS: usize = 24;
/// Months that the bars show at most, the latest ones.
const MONTHS: usize = 36;
/// Categories or items in the table of growth, at each end.
const MOVERS: usize = 6;

/// A picture with what it says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Picture {
    title: &'static str,
    chart: String,
    caption: String,
}

/// A line of a table.
pub(super) type Row = Vec<String>;

/// What the section shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Trading {
    pictures: Vec<Picture>,
    /// The change of the last whole month, in words; empty where there is none.
    change: String,
    movers_of: &'static str,
    movers: Vec<Row>,
    /// Score of the data, and the checks that are not perfect.
    quality: String,
    checks: Vec<Row>,
}

/// The rows of an insight, with its columns by name.
struct Rows {
    batch: RecordBatch,
    insight: &'static Insight,
}

impl Rows {
    fn of(insights: &Insights, name: &str, by: &str) -> Option<Self> {
        let insight = find(name)?;
        let query = InsightQuery { by: Some(by.to_owned()), ..InsightQuery::default() };
        let batch = insights.query(insight, &query, &StringArray::from(Vec::<&str>::new())).ok()?;
        Some(Self { batch, insight })
    }

    fn len(&self) -> usize {
        self.batch.num_rows()
    }

    fn number(&self, name: &str, row: usize) -> Option<f64> {
        let column = self.batch.column_by_name(name)?;
        if column.is_null(row) {
            return None;
        }
        let counts = || Some(column.as_primitive_opt::<UInt64Type>()?.value(row) as f64);
        column.as_primitive_opt::<Float64Type>().map(|column| column.value(row)).or_else(counts)
    }

    fn text(&self, name: &str, row: usize) -> String {
        let column = self.batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        column.filter(|column| column.is_valid(row)).map_or(String::new(), |column| column.value(row).to_owned())
    }

    /// `2017-11-06`.
    fn day(&self, row: usize) -> String {
        let periods = self.batch.column(1).as_any().downcast_ref::<Date32Array>().filter(|periods| periods.is_valid(row));
        periods.map_or(String::new(), |periods| date(periods.value(row)))
    }

    /// `2017-11`.
    fn month(&self, row: usize) -> String {
        let periods = self.batch.column(1).as_any().downcast_ref::<Date32Array>();
        periods.map_or(String::new(), |periods| date(periods.value(row)).chars().take(7).collect())
    }

    /// The name of a column, for the reader to look it up.
    fn named(&self, sentence: &str) -> String {
        format!("{sentence} shopkeeper insights {}", self.insight.name)
    }
}

impl Trading {
    /// From the tables; what there is too little for is left out.
    pub(super) fn new(insights: &Insights) -> Self {
        let pictures = [
            revenue(insights),
            cohorts(insights),
            gaps(insights),
            hours(insights),
            sizes(insights),
            demand(insights),
            campaigns(insights),
            channels(insights),
            feedback(insights),
        ];
        let (movers_of, movers) = movers(insights);
        let (quality, checks) = quality(insights);
        Self {
            pictures: pictures.into_iter().flatten().collect(),
            change: change(insights).unwrap_or_default(),
            movers_of,
            movers,
            quality,
            checks,
        }
    }
}

fn revenue(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "customers", "month")?;
    let shown: Vec<usize> = (rows.len().saturating_sub(MONTHS)..rows.len()).collect();
    let has_money = shown.iter().any(|&row| rows.number("revenue", row).unwrap_or(0.0) > 0.0);
    let names = if has_money { ["revenue_returning", "revenue_reactivated", "revenue_new"] } else { ["returning", "reactivated", "new"] };
    let labels: Vec<String> = shown.iter().map(|&row| rows.month(row)).collect();
    let part = |name: &str| shown.iter().map(|&row| rows.number(name, row).unwrap_or(0.0)).collect::<Vec<_>>();
    let parts = [("returning", part(names[0])), ("reactivated", part(names[1])), ("new customers", part(names[2]))];
    let what = if has_money { "Revenue" } else { "Customers" };
    let caption = rows.named(&format!(
        "{what} of each month by customers who bought in the month before as well, who bought earlier but not then, and who are new. The first and the last month may be covered only in part."
    ));
    let is_shown = parts.iter().flat_map(|(_, values)| values).any(|&value| value > 0.0);
    is_shown.then(|| Picture {
        title: if has_money { "Who the revenue comes from" } else { "Who buys" },
        chart: columns::chart(&labels, &parts),
        caption,
    })
}

/// The last month that the data covers whole beside the one before.
fn change(insights: &Insights) -> Option<String> {
    let rows = Rows::of(insights, "revenue", "month")?;
    let whole = |row: usize| rows.number("days", row).is_some_and(|days| days >= 28.0);
    let last = (1..rows.len()).rev().find(|&row| whole(row) && whole(row - 1) && rows.number("by_customers", row).is_some())?;
    let figure = |name: &str| rows.number(name, last).unwrap_or(0.0);
    let signed = |value: f64| if value >= 0.0 { format!("+{}", amount(value)) } else { amount(value) };
    let before = figure("revenue") - figure("change");
    Some(format!(
        "{} brought {} after {} in the month before, {}: {} by the number of customers, {} by orders of each, {} by units in an order, {} by the price of a unit.",
        rows.month(last),
        amount(figure("revenue")),
        amount(before),
        signed(figure("change")),
        signed(figure("by_customers")),
        signed(figure("by_orders_per_customer")),
        signed(figure("by_units_per_order")),
        signed(figure("by_unit_price")),
    ))
}

fn cohorts(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "cohorts", "month")?;
    let mut months: Vec<String> = (0..rows.len()).map(|row| rows.month(row)).collect();
    months.dedup();
    let shown = months.split_off(months.len().saturating_sub(COHORTS));
    let most =
        (0..rows.len()).filter(|&row| shown.contains(&rows.month(row))).filter_map(|row| rows.number("since", row)).fold(0.0, f64::max)
            as usize;
    if shown.len() < 2 {
        return None;
    }
    let mut cells = vec![vec![None; most + 1]; shown.len()];
    let mut labels = shown.clone();
    for row in 0..rows.len() {
        let Some(at) = shown.iter().position(|month| *month == rows.month(row)) else { continue };
        let Some(since) = rows.number("since", row) else { continue };
        cells[at][since as usize] = Some(rows.number("retention_rate", row));
        if since == 0.0 {
            let size = rows.number("cohort", row).map_or(NONE.to_owned(), |size| count(size as u64));
            labels[at] = format!("{} ({size})", shown[at]);
        }
    }
    // the first month is always all of them
    let columns: Vec<String> = (1..=most).map(|since| format!("+{since}")).collect();
    let chart = heat::chart(&labels, &columns, |row, column| {
        let rate = cells[row][column + 1]?;
        Some(rate.map_or((0.0, NONE.to_owned()), |rate| (rate, format!("{:.0}", 100.0 * rate))))
    });
    let caption = rows.named("Of the customers who first bought in a month (how many), the share in % that bought so many months later. A dash: fewer customers than are shown.");
    Some(Picture { title: "How many come back", chart, caption })
}

fn gaps(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "purchase_gaps", "purchase")?;
    let bar = |row: usize| {
        let rate = rows.number("came_back_rate", row)?;
        let days = rows.number("median", row).map_or(String::new(), |median| format!(", after {median:.0} days"));
        let after = rows.number("purchase", row)? as u64;
        Some(Bar { label: format!("after purchase {after}{days}"), value: rate, error: 0.0, figure: percent(rate), ours: true })
    };
    let shown: Vec<Bar> = (0..rows.len()).filter_map(bar).collect();
    let caption = rows.named("Share of the customers with so many purchase days who have one more, and the median of the days until then.");
    (!shown.is_empty()).then(|| Picture {
        title: "Who buys again, and how soon",
        chart: bars::chart(&[Group { title: String::new(), bars: shown }]),
        caption,
    })
}

fn hours(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "hours", "weekday_hour")?;
    let at = |weekday: usize, hour: usize| rows.number("orders", weekday * 24 + hour).unwrap_or(0.0);
    let most = (0..rows.len()).filter_map(|row| rows.number("orders", row)).fold(0.0, f64::max);
    let timed = (0..7).any(|weekday| (1..24).any(|hour| at(weekday, hour) > 0.0));
    let days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"].map(str::to_owned);
    if rows.len() < 7 * 24 || most <= 0.0 {
        return None;
    }
    let (title, chart) = if timed {
        let hours: Vec<String> = (0..24).map(|hour: u32| hour.to_string()).collect();
        (
            "When they order",
            heat::chart(&days, &hours, |row, column| {
                let orders = at(row, column);
                Some((orders / most, if orders > 0.0 { in_brief(orders as u64) } else { String::new() }))
            }),
        )
    } else {
        let all: f64 = (0..7).map(|weekday| at(weekday, 0)).sum();
        let bar = |(weekday, label): (usize, String)| {
            let share = at(weekday, 0) / all.max(1.0);
            Bar { label, value: share, error: 0.0, figure: percent(share), ours: true }
        };
        let bars = days.into_iter().enumerate().map(bar).collect();
        ("On which days they order", bars::chart(&[Group { title: String::new(), bars }]))
    };
    Some(Picture { title, chart, caption: rows.named("Orders by weekday and hour of the shop's clock.") })
}

fn sizes(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "basket_sizes", "items")?;
    let bar = |row: usize| {
        let share = rows.number("share", row)?;
        let step = rows.text("step", row);
        let label = if step == "1" { "1 item".to_owned() } else { format!("{step} items") };
        Some(Bar { label, value: share, error: 0.0, figure: percent(share), ours: true })
    };
    let shown: Vec<Bar> = (0..rows.len()).filter_map(bar).collect();
    let caption = rows.named("Orders by the number of different items kept.");
    (!shown.is_empty()).then(|| Picture {
        title: "How large orders are",
        chart: bars::chart(&[Group { title: String::new(), bars: shown }]),
        caption,
    })
}

/// The weeks to come, with how good such forecasts were.
fn demand(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "demand", "all")?;
    let measure = ["revenue", "units"].into_iter().find(|measure| {
        let of_measure = |row: &usize| rows.text("measure", *row) == *measure;
        (0..rows.len()).filter(of_measure).any(|row| rows.number("forecast", row).unwrap_or(0.0) > 0.0)
    })?;
    let shown: Vec<usize> = (0..rows.len()).filter(|&row| rows.text("measure", row) == measure).collect();
    let labels: Vec<String> = shown.iter().map(|&row| rows.day(row).chars().skip(5).collect()).collect();
    let of = |name: &str| shown.iter().map(|&row| rows.number(name, row).unwrap_or(0.0)).collect::<Vec<_>>();
    let (low, forecast, high) = (of("low"), of("forecast"), of("high"));
    let between = |from: &[f64], to: &[f64]| from.iter().zip(to).map(|(from, to)| (to - from).max(0.0)).collect::<Vec<_>>();
    let parts = [("at least", low.clone()), ("forecast", between(&low, &forecast)), ("at most", between(&forecast, &high))];
    let accuracy = Rows::of(insights, "demand_accuracy", "all")?;
    let tried = (0..accuracy.len()).find(|&row| accuracy.text("measure", row) == measure && accuracy.number("mase", row).is_some());
    let how = tried.map_or("There is too little past to try such forecasts at.".to_owned(), |row| {
        let figure = |name: &str| accuracy.number(name, row).unwrap_or(0.0);
        let verdict = if figure("mase") < 1.0 { "" } else { ", so that it is no better" };
        format!(
            "At {} origins of the past the error was {:.2} times that of the seasonal naive forecast{verdict}; {} of the weeks lay within the interval.",
            figure("origins"),
            figure("mase"),
            percent(figure("coverage"))
        )
    });
    let what = if measure == "revenue" { "Revenue" } else { "Units" };
    Some(Picture {
        title: "What the next weeks will bring",
        chart: columns::chart(&labels, &parts),
        caption: rows
            .named(&format!("{what} of each of the next 13 weeks from the as-of, with an interval that is to hold 80 % of them. {how}")),
    })
}

/// What each campaign changed.
fn campaigns(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "campaign_lift", "campaign")?;
    let span = |row: usize| {
        let [least, value, most] = ["least", "lift", "most"].map(|name| rows.number(name, row));
        let evidence = rows.text("evidence", row);
        let relative = rows.number("relative", row).map_or(String::new(), |relative| format!(" ({:+.0} %)", 100.0 * relative));
        Some(Span {
            label: rows.text("name", row),
            least: least?,
            value: value?,
            most: most?,
            figure: format!("{:+.3}{relative}, {}", value?, if evidence == "randomised" { "by lot" } else { "weaker" }),
            weaker: evidence != "randomised",
        })
    };
    let shown: Vec<Span> = (0..rows.len()).filter(|&row| rows.text("outcome", row) == "orders").filter_map(span).collect();
    (!shown.is_empty()).then(|| Picture {
        title: "What the campaigns changed",
        chart: spans::chart(&shown),
        caption: rows.named("Orders that each campaign added for a customer it was sent to, with the interval of 95 %; an interval that holds the line is not told apart from nothing. Pale: no control group, so customers alike whom it was not for stand in, which is weaker evidence."),
    })
}

/// Orders by channel and month, of the three with the most.
fn channels(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "channels", "month")?;
    let mut months: Vec<String> = (0..rows.len()).map(|row| rows.month(row)).collect();
    months.dedup();
    let months = months.split_off(months.len().saturating_sub(MONTHS));
    let mut names: Vec<(f64, String)> = Vec::new();
    for row in 0..rows.len() {
        let (name, orders) = (rows.text("channel", row), rows.number("orders", row).unwrap_or(0.0));
        match names.iter_mut().find(|(_, known)| *known == name) {
            Some((sum, _)) => *sum += orders,
            None => names.push((orders, name)),
        }
    }
    names.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    names.truncate(3);
    let orders = |name: &str| {
        let of = |month: &String| (0..rows.len()).find(|&row| rows.month(row) == *month && rows.text("channel", row) == name);
        months.iter().map(|month| of(month).and_then(|row| rows.number("orders", row)).unwrap_or(0.0)).collect::<Vec<_>>()
    };
    let parts: Vec<(&str, Vec<f64>)> = names.iter().map(|(_, name)| (name.as_str(), orders(name))).collect();
    (parts.len() > 1).then(|| Picture {
        title: "Through which channels they order",
        chart: columns::chart(&months, &parts),
        caption: rows.named("Orders of each month by channel, of the three channels with the most."),
    })
}

/// Would they recommend the shop, month by month.
fn feedback(insights: &Insights) -> Option<Picture> {
    let rows = Rows::of(insights, "feedback", "month")?;
    let span = |row: usize| {
        let [least, value, most] = ["least", "nps", "most"].map(|name| rows.number(name, row));
        let answers = rows.number("answers", row)? as u64;
        let figure = format!("{:+.0}, {} answers", value?, count(answers));
        Some(Span { label: rows.month(row), least: least?, value: value?, most: most?, figure, weaker: false })
    };
    let mut shown: Vec<Span> = (0..rows.len()).filter_map(span).collect();
    let shown = shown.split_off(shown.len().saturating_sub(COHORTS));
    (!shown.is_empty()).then(|| Picture {
        title: "Would they recommend the shop?",
        chart: spans::chart(&shown),
        caption: rows.named("Net promoter score of each month, from -100 to 100: promoters (9, 10) less detractors (0 to 6) of 100 answers, with the interval of 95 %."),
    })
}

/// The categories, or items in a shop without, that gained and lost most: name, revenue, before, change, buyers gained and lost.
fn movers(insights: &Insights) -> (&'static str, Vec<Row>) {
    for by in ["category", "item"] {
        let Some(rows) = Rows::of(insights, "growth", by) else { continue };
        let mut changed: Vec<(f64, usize)> = (0..rows.len()).filter_map(|row| Some((rows.number("change", row)?, row))).collect();
        changed.retain(|(change, _)| *change != 0.0);
        changed.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        if changed.is_empty() {
            continue;
        }
        let ends = changed.len().saturating_sub(MOVERS).max(MOVERS.min(changed.len()));
        let chosen = changed[..MOVERS.min(changed.len())].iter().chain(&changed[ends..]);
        let figure = |name: &str, row: usize, show: fn(f64) -> String| rows.number(name, row).map_or(NONE.to_owned(), show);
        let whole = |value: f64| count(value as u64);
        let row = |&(_, row): &(f64, usize)| {
            let title = rows.text("title", row);
            let name = if title.is_empty() { rows.text("name", row) } else { title };
            vec![
                name,
                figure("revenue", row, amount),
                figure("revenue_before", row, amount),
                figure("change", row, amount),
                figure("gained", row, whole),
                figure("lost", row, whole),
            ]
        };
        return (if by == "category" { "Category" } else { "Item" }, chosen.map(row).collect());
    }
    ("", Vec::new())
}

fn quality(insights: &Insights) -> (String, Vec<Row>) {
    let Some(rows) = Rows::of(insights, "quality", "check").filter(|rows| rows.len() > 0) else { return Default::default() };
    let imperfect =
        (1..rows.len()).filter(|&row| !rows.text("check", row).is_empty() && rows.number("score", row).is_some_and(|score| score < 100.0));
    let score = |row: usize| rows.number("score", row).map_or(NONE.to_owned(), |score| format!("{score:.1}"));
    let checks =
        imperfect.map(|row| vec![rows.text("dimension", row), rows.text("check", row), score(row), rows.text("says", row)]).collect();
    (score(0), checks)
}
