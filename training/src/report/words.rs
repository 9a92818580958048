//! The report's words and figures, the same in the page and on the terminal.

use shopkeeper_models::evaluation::{Difference, Task};

/// What stands for a figure that there is none of.
pub(super) const NONE: &str = "–";

/// `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share of 0 to 1 as `12.3 %`.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { unsigned(format!("{:.1} %", 100.0 * share)) } else { NONE.to_owned() }
}

/// A figure without the sign of what is rounded to nothing.
pub(crate) fn unsigned(figure: String) -> String {
    if figure.starts_with('-') && !figure.contains(|digit| matches!(digit, '1'..='9')) { figure[1..].to_owned() } else { figure }
}

/// A part of a whole as `12.3 %`; nothing of nothing is nothing.
pub(super) fn share_of(part: u64, whole: u64) -> String {
    percent(if whole > 0 { part as f64 / whole as f64 } else { 0.0 })
}

/// `0.312`.
pub(super) fn decimal(value: f64) -> String {
    if value.is_finite() { unsigned(format!("{value:.3}")) } else { NONE.to_owned() }
}

/// `0.312`, or a dash for none.
pub(super) fn maybe_decimal(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), decimal)
}

/// `1,234.5`: one decimal, for means and money.
pub(crate) fn amount(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let tenths = (value.abs() * 10.0).round() as u64;
    let sign = if value < 0.0 && tenths > 0 { "-" } else { "" };
    format!("{sign}{}.{}", count(tenths / 10), tenths % 10)
}

/// The readable name of a method.
pub(super) fn method(name: &str) -> &str {
    match name {
        "shopkeeper" => "This model",
        "popular" => "Most bought ever",
        "recent_popular" => "Most bought lately",
        "personal_frequency" => "Own most bought",
        "time_decay" => "Own most bought lately",
        "linear_items" => "Linear item model",
        "item_neighbours" => "Item neighbours",
        "basket_alone" => "Basket alone",
        "days_since_last" => "Longest silence",
        other => other,
    }
}

/// What a method does, in a line; nothing for one that is not known here.
pub(super) fn method_meaning(name: &str) -> &str {
    match name {
        "popular" => "everyone is shown the items with the most buyers in the whole history",
        "recent_popular" => "everyone is shown the items with the most buyers in the last weeks before the cut",
        "personal_frequency" => "everyone is shown what they bought most often, then what is popular",
        "time_decay" => "everyone is shown what they bought most often, an order 90 days ago counting half",
        "linear_items" => "a linear model of which items go with which in a customer's history (EASE), without the rest of this model",
        "item_neighbours" => "everyone is shown the items that share most customers with their own",
        "basket_alone" => "this model, not told whose basket it is",
        "days_since_last" => "whoever has been silent the longest is taken for the most likely to leave",
        _ => "",
    }
}

/// The readable name of a task and the question that it asks.
pub(super) fn task(task: Task) -> (&'static str, &'static str) {
    match task {
        Task::All => ("Anything", "Does the answer hold what the customer bought next, whether bought before or not?"),
        Task::Repeat => ("Bought before", "Does it bring back the right one of the customer's usual items?"),
        Task::New => ("New to the customer", "Does it find an item that the customer had never bought?"),
        Task::ColdAll => ("Hardly known customers, anything", "The first question again, for customers with one to three orders so far."),
        Task::ColdNew => {
            ("Hardly known customers, new to them", "The third question again, for customers with one to three orders so far.")
        }
        Task::NextBasketAll => {
            ("Next basket, anything", "What does the next order hold? Asked of each customer's last order, from everything before it.")
        }
        Task::NextBasketNew => ("Next basket, new to the customer", "Which item of the next order had the customer never bought?"),
        Task::Completion => {
            ("Rest of a basket", "A third of an order is hidden: does it find that third from the rest and from whose order it is?")
        }
    }
}

/// What a paired difference says, as words that stand before the other method.
pub(super) fn verdict(difference: &Difference) -> &'static str {
    match difference.verdict() {
        std::cmp::Ordering::Greater => "better than",
        std::cmp::Ordering::Less => "worse than",
        std::cmp::Ordering::Equal => "not told apart from",
    }
}

/// `0.409–0.433`.
pub(super) fn interval([low, high]: [f64; 2]) -> String {
    format!("{}–{}", decimal(low), decimal(high))
}

/// `+0.0173`.
pub(super) fn signed(value: f64) -> String {
    if value.is_finite() { format!("{value:+.4}") } else { NONE.to_owned() }
}

/// A share of 0 to 1 as `12.3 %`, or a dash for none.
pub(super) fn maybe_percent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), percent)
}

/// A group's name as words: `at_risk` as `At risk`.
pub(super) fn group(name: &str) -> String {
    let words = plain(name);
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `12,345`, `123k`, `1.2M`: at most five characters up to a hundred million, for narrow cells.
pub(super) fn in_brief(value: u64) -> String {
    match value {
        0..100_000 => count(value),
        100_000..1_000_000 => format!("{}k", value / 1_000),
        _ => format!("{:.1}M", value as f64 / 1e6),
    }
}

/// A name from a file as words: `null_customer_id` as `null customer id`.
pub(super) fn plain(name: &str) -> String {
    name.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([amount(1234.56), amount(0.04), amount(-0.04), amount(-2.5), amount(f64::NAN)], ["1,234.6", "0.0", "0.0", "-2.5", NONE]);
        assert_eq!([in_brief(99_999), in_brief(123_456), in_brief(1_260_000)], ["99,999", "123k", "1.3M"]);
        assert_eq!(group("cannot_lose_them"), "Cannot lose them");
        assert_eq!(
            [percent(0.1234), percent(-0.0), percent(-0.12), share_of(1, 0), maybe_decimal(None)],
            ["12.3 %", "0.0 %", "-12.0 %", "0.0 %", NONE]
        );
        assert_eq!([decimal(-0.0001), decimal(-0.001)], ["0.000", "-0.001"]);
    }
}
