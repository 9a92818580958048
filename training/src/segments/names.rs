//! Names and descriptions of segments, from what sets each apart. No two are alike.

use super::profile::Profile;
use crate::report::words::{amount, percent};

/// A category is told of a segment that spends at least so many times the shop's share on it,
const TELLING_LIFT: f64 = 1.5;
/// and at least this share of its money.
const TELLING_SHARE: f64 = 0.02;
/// Where discounts take off less than this share of the price, nothing is said of them.
const LEAST_DISCOUNT: f64 = 0.02;

/// A name and a description.
pub(super) struct Label {
    pub(super) name: String,
    pub(super) description: String,
}

/// Names the segments by behaviour: tempo, silence, size of a purchase day and, where they say something, categories.
pub(super) fn by_behaviour(segments: &[Profile], shop: &Profile, categories: &[String]) -> Vec<Label> {
    let first = |segment: &Profile| {
        if segments.len() == 1 {
            return vec!["all customers".to_owned()];
        }
        let over = over_words(segment, categories);
        [tempo(segment).to_owned(), silence(segment), baskets(segment, shop).to_owned(), over, discounts(segment, shop).to_owned()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect()
    };
    labels(segments, shop, categories, first)
}

/// Names the segments by needs: the categories that hold more of their spend than of the shop's.
pub(super) fn by_needs(segments: &[Profile], shop: &Profile, categories: &[String]) -> Vec<Label> {
    let first = |segment: &Profile| {
        let over = over_words(segment, categories);
        vec![if over.is_empty() { "a bit of everything".to_owned() } else { over }]
    };
    labels(segments, shop, categories, first)
}

fn labels(segments: &[Profile], shop: &Profile, categories: &[String], first: impl Fn(&Profile) -> Vec<String>) -> Vec<Label> {
    let mut names: Vec<String> = segments.iter().map(|segment| capitalised(&first(segment).join(", "))).collect();
    // alike: what they spend tells them apart, in words where there are few, else in figures, else by number
    let alike = |names: &[String], at: usize| (0..names.len()).filter(|&other| names[other] == names[at]).collect::<Vec<usize>>();
    let spend = |at: usize| segments[at].median_spend;
    let told: Vec<String> = (0..names.len())
        .map(|at| {
            let among = alike(&names, at);
            let above = among.iter().filter(|&&other| spend(other).total_cmp(&spend(at)).then(at.cmp(&other)).is_gt()).count();
            match (among.len(), above) {
                (1, _) => names[at].clone(),
                _ if shop.total_spend <= 0.0 => names[at].clone(),
                (2, above) => format!("{}, {}", names[at], ["higher spend", "lower spend"][above]),
                (3, above) => format!("{}, {}", names[at], ["high spend", "medium spend", "low spend"][above]),
                _ => format!("{}, {} spent", names[at], amount(spend(at))),
            }
        })
        .collect();
    names = told;
    // from the end, so that the names before are still as they were
    for at in (0..names.len()).rev() {
        let same = (0..at).filter(|&other| names[other] == names[at]).count();
        if same > 0 {
            names[at] = format!("{} ({})", names[at], same + 1);
        }
    }
    names.into_iter().zip(segments).map(|(name, segment)| Label { name, description: description(segment, shop, categories) }).collect()
}

/// How often they buy.
fn tempo(segment: &Profile) -> &'static str {
    let Some(gap) = segment.median_gap.filter(|_| segment.bought_once < 0.5) else {
        return if segment.bought_once < 0.9 { "mostly bought once" } else { "bought once" };
    };
    match gap {
        gap if gap < 2.0 => "almost daily",
        gap if gap < 5.5 => "several times a week",
        gap if gap < 10.0 => "weekly",
        gap if gap < 17.5 => "every two weeks",
        gap if gap < 24.5 => "every three weeks",
        gap if gap < 45.0 => "monthly",
        gap if gap < 75.0 => "every two months",
        gap if gap < 135.0 => "quarterly",
        gap if gap < 270.0 => "twice a year",
        _ => "once a year or less",
    }
}

/// Whether they have gone quiet, by their own tempo.
fn silence(segment: &Profile) -> String {
    let silent = segment.median_days_since_last;
    let Some(gap) = segment.median_gap.filter(|_| segment.bought_once < 0.5) else {
        return match silent {
            silent if silent <= 60.0 => "lately".to_owned(),
            silent if silent <= 180.0 => "some months ago".to_owned(),
            _ => "long ago".to_owned(),
        };
    };
    match silent / gap.max(1.0) {
        gaps if gaps > 4.0 && silent > 28.0 => "long silent".to_owned(),
        gaps if gaps > 2.0 && silent > 14.0 => "gone quiet".to_owned(),
        _ => String::new(),
    }
}

/// How large a purchase day is beside the shop's.
fn baskets(segment: &Profile, shop: &Profile) -> &'static str {
    let (own, shop) = (segment.median_spend_a_day, shop.median_spend_a_day);
    match own / shop {
        _ if shop <= 0.0 => "",
        ratio if ratio >= 1.25 => "large baskets",
        ratio if ratio <= 0.8 => "small baskets",
        _ => "",
    }
}

/// How much of the price discounts take off beside the shop's mean; nothing where the shop has hardly any.
fn discounts(segment: &Profile, shop: &Profile) -> &'static str {
    match (segment.discount_share, shop.discount_share) {
        (Some(own), Some(shop)) if shop >= LEAST_DISCOUNT && own >= 1.5 * shop => "often discounted",
        (Some(own), Some(shop)) if shop >= LEAST_DISCOUNT && own <= 0.5 * shop => "rarely discounted",
        _ => "",
    }
}

/// The categories that hold clearly more of their spend than of the shop's, those that hold most more first: the same for the name and the
/// description.
fn telling(segment: &Profile) -> Vec<&(u32, f64, f64)> {
    let mut over: Vec<&(u32, f64, f64)> =
        segment.over_categories.iter().filter(|&&(_, share, lift)| lift >= TELLING_LIFT && share >= TELLING_SHARE).collect();
    // by how much more of their money it is, so that a tiny category with a large lift does not give the name
    over.sort_by(|a, b| (b.1 - b.1 / b.2).total_cmp(&(a.1 - a.1 / a.2)).then(a.0.cmp(&b.0)));
    over
}

/// The first two of them, in words.
fn over_words(segment: &Profile, categories: &[String]) -> String {
    let words: Vec<String> = telling(segment).iter().take(2).map(|over| category(&categories[over.0 as usize])).collect();
    words.join(" and ")
}

/// A category as it stands in a sentence: the last step of a path, shouting lowered.
fn category(name: &str) -> String {
    let last = name.rsplit('/').find(|step| !step.trim().is_empty()).unwrap_or(name).trim();
    if last.chars().any(char::is_lowercase) { last.to_owned() } else { last.to_lowercase() }
}

fn description(segment: &Profile, shop: &Profile, categories: &[String]) -> String {
    if segment.buyers == 0 {
        return "No purchase yet.".to_owned();
    }
    let mut sentences = Vec::new();
    let silent = days(segment.median_days_since_last);
    sentences.push(match segment.median_gap.filter(|_| segment.bought_once < 0.5) {
        Some(gap) => format!("They buy about every {}, last {silent} ago (medians).", days(gap)),
        None => format!("{} of them bought on one day only, the last time {silent} ago (median).", whole_percent(segment.bought_once)),
    });
    if shop.total_spend > 0.0 {
        let share = if segment.total_spend > 0.0 { segment.total_spend / shop.total_spend } else { 0.0 };
        sentences.push(format!(
            "{} a purchase day and {} in all on average, {} of the shop's money.",
            amount(segment.spend_a_day),
            amount(segment.spend),
            percent(share)
        ));
    }
    let over: Vec<String> = telling(segment)
        .into_iter()
        .take(3)
        .map(|(at, share, lift)| {
            format!("{} ({} of their spend, {lift:.1} x the shop)", category(&categories[*at as usize]), percent(*share))
        })
        .collect();
    if !over.is_empty() {
        sentences.push(format!("More than others: {}.", over.join(", ")));
    } else if !segment.main_categories.is_empty() {
        let main = segment.main_categories.iter().take(3);
        let main: Vec<String> = main.map(|(at, share)| format!("{} ({})", category(&categories[*at as usize]), percent(*share))).collect();
        sentences.push(format!("Mostly {}, as everyone.", main.join(", ")));
    }
    if let (Some(own), Some(shop)) = (segment.discount_share, shop.discount_share.filter(|&share| share >= LEAST_DISCOUNT)) {
        sentences.push(format!("Discounts take {} off the price, {} in the whole shop.", percent(own), percent(shop)));
    }
    if (0.05..0.5).contains(&segment.bought_once) {
        sentences.push(format!("{} bought on one day only.", whole_percent(segment.bought_once)));
    }
    sentences.join(" ")
}

fn days(days: f64) -> String {
    let rounded = if days < 10.0 && days.fract() != 0.0 { format!("{days:.1}") } else { format!("{days:.0}") };
    if rounded == "1" { "1 day".to_owned() } else { format!("{rounded} days") }
}

fn whole_percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(gap: Option<f64>, silent: f64, spend_a_day: f64) -> Profile {
        Profile {
            customers: 100,
            buyers: 100,
            bought_once: if gap.is_some() { 0.0 } else { 1.0 },
            median_gap: gap,
            median_days_since_last: silent,
            median_spend_a_day: spend_a_day,
            spend_a_day,
            median_spend: 10.0 * spend_a_day,
            spend: 10.0 * spend_a_day,
            total_spend: 1000.0 * spend_a_day,
            ..Profile::default()
        }
    }

    #[test]
    fn names_say_what_sets_apart_and_are_never_alike() {
        let shop = profile(Some(9.0), 8.0, 40.0);
        let categories = ["GROCERY/PRODUCE".to_owned(), "Dairy".to_owned()];
        let mut weekly = profile(Some(7.2), 4.0, 60.0);
        weekly.over_categories = vec![(1, 0.1, 1.6), (0, 0.2, 1.5), (0, 0.9, 1.4)];
        let shop = Profile { discount_share: Some(0.2), ..shop };
        weekly.discount_share = Some(0.1);
        let named = by_behaviour(&[weekly, profile(None, 300.0, 20.0), profile(Some(12.0), 90.0, 41.0)], &shop, &categories);
        let names: Vec<&str> = named.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Weekly, large baskets, produce and Dairy, rarely discounted",
                "Bought once, long ago, small baskets",
                "Every two weeks, long silent"
            ]
        );
        assert_eq!(
            named[0].description,
            "They buy about every 7.2 days, last 4 days ago (medians). 60.0 a purchase day and 600.0 in all on average, 150.0 % of the shop's money. \
             More than others: produce (20.0 % of their spend, 1.5 x the shop), Dairy (10.0 % of their spend, 1.6 x the shop). \
             Discounts take 10.0 % off the price, 20.0 % in the whole shop."
        );
        assert!(named[1].description.starts_with("100 % of them bought on one day only, the last time 300 days ago (median)."));
        let same: Vec<Profile> = (0..5).map(|at| profile(Some(7.0), 3.0, [40.0, 40.0, 41.0, 42.0, 40.0][at])).collect();
        for alike in [by_behaviour(&same, &shop, &categories), by_needs(&same, &shop, &categories)] {
            let mut names: Vec<String> = alike.into_iter().map(|label| label.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), 5, "{names:?}");
        }
    }
}
