//! The JSON of an answer, written by hand: the same bytes as serde gives for the same structs, in a third of the time.
//! Names of fields and plain text are copied whole instead of being looked through for what needs escaping one byte at a time.

use serde::Serialize;

use super::answer::{RecommendationAnswer, Shown, Why};

/// Bytes of a usual answer, so that the buffer seldom grows.
const USUAL: usize = 4096;

/// The answer as JSON.
pub(super) fn answer(answer: &RecommendationAnswer<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(USUAL);
    // no field may be forgotten
    let RecommendationAnswer {
        recommendation_id,
        known,
        fallback,
        items,
        unknown_items,
        unknown_categories,
        unknown_brands,
        experiment,
        model,
    } = answer;
    field(&mut out, b"{\"recommendation_id\":", recommendation_id);
    field(&mut out, b",\"known\":", known);
    field(&mut out, b",\"fallback\":", fallback);
    out.extend_from_slice(b",\"items\":[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        shown(&mut out, item);
    }
    field(&mut out, b"],\"unknown_items\":", unknown_items);
    field(&mut out, b",\"unknown_categories\":", unknown_categories);
    field(&mut out, b",\"unknown_brands\":", unknown_brands);
    if let Some(place) = experiment {
        field(&mut out, b",\"experiment\":", place);
    }
    field(&mut out, b",\"model\":", model);
    out.push(b'}');
    out
}

fn shown(out: &mut Vec<u8>, item: &Shown<'_>) {
    let Shown { item_id, rank, score, source, reason, text: words, title, category } = item;
    text(out, b"{\"item_id\":", item_id);
    field(out, b",\"rank\":", rank);
    field(out, b",\"score\":", score);
    text(out, b",\"source\":", source);
    match reason {
        Why::BoughtBefore { orders, days_since_last } => {
            field(out, b",\"reason\":{\"code\":\"bought_before\",\"orders\":", orders);
            field(out, b",\"days_since_last\":", days_since_last);
        }
        Why::BoughtWith { item_id, baskets, lift } => {
            text(out, b",\"reason\":{\"code\":\"bought_with\",\"item_id\":", item_id);
            field(out, b",\"baskets\":", baskets);
            field(out, b",\"lift\":", lift);
        }
        Why::BoughtByTheSameCustomers { item_id, customers } => {
            text(out, b",\"reason\":{\"code\":\"bought_by_the_same_customers\",\"item_id\":", item_id);
            field(out, b",\"customers\":", customers);
        }
        Why::SegmentFavourite { segment_id, buyers } => {
            text(out, b",\"reason\":{\"code\":\"segment_favourite\",\"segment_id\":", segment_id);
            field(out, b",\"buyers\":", buyers);
        }
        Why::Popular { recent_buyers } => field(out, b",\"reason\":{\"code\":\"popular\",\"recent_buyers\":", recent_buyers),
        Why::NewItem { like_item_id } => optional(out, b",\"reason\":{\"code\":\"new_item\",\"like_item_id\":", *like_item_id),
        Why::Pinned => out.extend_from_slice(b",\"reason\":{\"code\":\"pinned\""),
    }
    out.push(b'}');
    if let Some(words) = words {
        text(out, b",\"text\":", words);
    }
    optional(out, b",\"title\":", *title);
    optional(out, b",\"category\":", *category);
    out.push(b'}');
}

/// What stands before a value, and the value.
fn field(out: &mut Vec<u8>, before: &[u8], value: &impl Serialize) {
    out.extend_from_slice(before);
    serde_json::to_writer(out, value).unwrap_or_else(|error| unreachable!("numbers, text and lists of it, to memory: {error}"));
}

fn optional(out: &mut Vec<u8>, before: &[u8], value: Option<&str>) {
    match value {
        Some(value) => text(out, before, value),
        None => field(out, before, &()),
    }
}

fn text(out: &mut Vec<u8>, before: &[u8], value: &str) {
    let escaped = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    // every byte is looked at, so that many can be at once
    if value.bytes().fold(0, |any, byte| any | escaped(byte)) == 0 {
        out.extend_from_slice(before);
        out.push(b'"');
        out.extend_from_slice(value.as_bytes());
        out.push(b'"');
    } else {
        field(out, before, &value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::experiment::PlaceRef;
    use crate::server::state::ModelRef;

    proptest! {
        #[test]
        fn the_bytes_are_those_of_serde(
            texts in prop::collection::vec(".{0,30}", 4),
            numbers in (any::<u32>(), 0.0_f64..1e9, 0.0_f32..=1.0, 1_usize..1000),
            some in any::<bool>(),
        ) {
            let (count, lift, score, rank) = numbers;
            let text = |at: usize| texts[at].as_str();
            let reasons = [
                Why::BoughtBefore { orders: count, days_since_last: 3 },
                Why::BoughtWith { item_id: text(0), baskets: count, lift },
                Why::BoughtByTheSameCustomers { item_id: text(1), customers: count },
                Why::SegmentFavourite { segment_id: text(2), buyers: count },
                Why::Popular { recent_buyers: count },
                Why::NewItem { like_item_id: some.then(|| text(3)) },
                Why::Pinned,
            ];
            let shown = |reason| Shown {
                item_id: text(0),
                rank,
                score,
                source: "repeat",
                reason,
                text: (!some).then(|| texts[2].clone()),
                title: some.then(|| text(1)),
                category: some.then(|| text(2)),
            };
            let body = RecommendationAnswer {
                recommendation_id: texts[3].clone(),
                known: some,
                fallback: some.then_some("popular"),
                items: reasons.map(shown).into(),
                unknown_items: texts.clone(),
                unknown_categories: Vec::new(),
                unknown_brands: vec![texts[1].clone()],
                experiment: some.then(|| PlaceRef::new(text(0), "b")),
                model: ModelRef { version: text(2), as_of: text(3) },
            };
            let expected = serde_json::to_vec(&body).expect("text and numbers");
            prop_assert_eq!(String::from_utf8(answer(&body)), String::from_utf8(expected));
        }
    }
}
