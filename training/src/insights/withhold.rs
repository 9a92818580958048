//! Which rows are withheld: those of few people, and as many beside them as keep them from being found by taking the others from their sum.

use std::collections::{BTreeMap, HashMap};

use shopkeeper_models::calendar::Day;

/// Rows that add up to something a reader knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    /// The row that says what they add up to; none where other tables say it.
    pub(super) whole: Option<usize>,
    /// The rows that add up.
    pub(super) parts: Vec<usize>,
}

/// Whether so many people are too few to be shown; nobody at all is no secret.
pub(super) fn is_few(people: u64, least: u64) -> bool {
    people > 0 && people < least
}

/// Which rows are withheld, with `people` behind each: those of 1 to `least` - 1, those marked in `hidden`, and in each sum that holds such a row the
/// smallest others, until two rows and `least` people are withheld; where there is nobody else, the whole.
pub(super) fn withheld(people: &[u64], mut hidden: Vec<bool>, least: u64, sums: &[Sum]) -> Vec<bool> {
    hidden.iter_mut().zip(people).for_each(|(hidden, &people)| *hidden |= is_few(people, least));
    let mut changed = hidden.iter().any(|&hidden| hidden);
    while changed {
        changed = false;
        for sum in sums.iter().filter(|sum| sum.parts.len() > 1) {
            if sum.whole.is_some_and(|whole| hidden[whole]) {
                continue;
            }
            loop {
                let secret = || sum.parts.iter().filter(|&&part| hidden[part]);
                let (rows, behind) = (secret().count(), secret().map(|&part| people[part]).sum::<u64>());
                if rows == 0 || rows > 1 && behind >= least {
                    break;
                }
                let next =
                    sum.parts.iter().copied().filter(|&part| !hidden[part] && people[part] > 0).min_by_key(|&part| (people[part], part));
                let Some(row) = next.or(sum.whole) else { break };
                hidden[row] = true;
                changed = true;
                if next.is_none() {
                    break;
                }
            }
        }
    }
    hidden
}

/// What a row is told apart by, beside its segment.
pub(super) type Key = (String, Option<Day>, String);

/// A row's key with its segment; none for everybody.
pub(super) type Keyed = (Key, Option<String>);

/// The same, borrowed.
type Place<'a> = (&'a str, Option<Day>, &'a str, Option<&'a str>);

/// A row's length of period, the whole that it is a part of, what else it says and its segment.
type Part<'a> = (&'a str, Option<usize>, &'a str, Option<&'a str>);

/// The sums of segments: the rows of all segments of a kind add up to that of everybody. `kind_of` is none for everybody.
pub(super) fn of_segments(rows: &[Keyed], kind_of: &HashMap<String, u8>) -> Vec<Sum> {
    let mut groups: BTreeMap<&Key, [Vec<usize>; 3]> = BTreeMap::new();
    for (row, (key, segment)) in rows.iter().enumerate() {
        let kind = segment.as_ref().map_or(2, |segment| kind_of.get(segment).copied().unwrap_or(0));
        groups.entry(key).or_default()[usize::from(kind.min(2))].push(row);
    }
    let sums = groups.into_values().flat_map(|[behaviour, needs, everybody]| {
        let whole = everybody.first().copied();
        [behaviour, needs].map(|parts| Sum { whole, parts })
    });
    sums.filter(|sum| sum.whole.is_some() && !sum.parts.is_empty()).collect()
}

/// The sums of periods: months add up to their quarter, quarters to their year, and those of each length to all there is.
pub(super) fn of_periods(rows: &[Keyed], within: impl Fn(&str, Day) -> Day) -> Vec<Sum> {
    let at: HashMap<Place<'_>, usize> = rows
        .iter()
        .enumerate()
        .map(|(row, ((by, period, says), segment))| ((by.as_str(), *period, says.as_str(), segment.as_deref()), row))
        .collect();
    let mut sums: BTreeMap<Part<'_>, Vec<usize>> = BTreeMap::new();
    for (row, ((by, period, says), segment)) in rows.iter().enumerate() {
        let Some(period) = *period else { continue };
        let of = (says.as_str(), segment.as_deref());
        sums.entry((by, None, of.0, of.1)).or_default().push(row);
        let longer = [("month", "quarter"), ("quarter", "year")].into_iter().find(|(short, _)| short == by);
        let whole = longer.and_then(|(_, longer)| at.get(&(longer, Some(within(longer, period)), of.0, of.1)));
        if let Some(&whole) = whole {
            sums.entry((by, Some(whole), of.0, of.1)).or_default().push(row);
        }
    }
    sums.into_iter().map(|((_, whole, ..), parts)| Sum { whole, parts }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_cannot_be_found_by_subtraction() {
        let of = |people: &[u64], sums: &[Sum]| {
            withheld(people, vec![false; people.len()], 5, sums).into_iter().map(u8::from).collect::<Vec<_>>()
        };
        // the whole, then its parts: the smallest other part is withheld too; a row of nobody hides nothing
        let one = [Sum { whole: Some(0), parts: vec![1, 2, 3, 4] }];
        assert_eq!(of(&[40, 3, 30, 7, 0], &one), [0, 1, 0, 1, 0]);
        // two parts of 1 and 2 are still three people: a third one
        assert_eq!(of(&[40, 1, 30, 7, 2], &one), [0, 1, 0, 1, 1]);
        assert_eq!(of(&[40, 3, 30, 7, 2], &one), [0, 1, 0, 0, 1]);
        // nobody else: the whole
        assert_eq!(of(&[6, 3, 0, 0, 3], &one), [0, 1, 0, 0, 1]);
        assert_eq!(of(&[9, 3, 0, 0, 0], &one), [1, 1, 0, 0, 0]);
        // one row in two sums
        let two = [Sum { whole: None, parts: vec![0, 1] }, Sum { whole: None, parts: vec![1, 2] }];
        assert_eq!(of(&[3, 20, 30], &two), [1, 1, 1]);
        assert_eq!(of(&[9, 20, 30], &two), [0, 0, 0]);
    }

    #[test]
    fn months_add_up_to_quarters_and_segments_to_everybody() {
        let row = |by: &str, period: Day, segment: Option<&str>| ((by.to_owned(), Some(period), String::new()), segment.map(str::to_owned));
        let rows = [
            row("month", 1, None),
            row("month", 2, None),
            row("quarter", 0, None),
            row("month", 1, Some("s1")),
            row("month", 1, Some("s2")),
        ];
        let sums = of_periods(&rows, |_, _| 0);
        assert!(
            sums.contains(&Sum { whole: Some(2), parts: vec![0, 1] }) && sums.contains(&Sum { whole: None, parts: vec![3] }),
            "{sums:?}"
        );
        let kinds = HashMap::from([("s1".to_owned(), 0), ("s2".to_owned(), 0)]);
        assert_eq!(of_segments(&rows, &kinds), [Sum { whole: Some(0), parts: vec![3, 4] }]);
    }
}
