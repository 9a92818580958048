//! Newcomers: items that the model does not know yet take a few places of an answer, beside the items that they are like.

use shopkeeper_models::Model;
use shopkeeper_models::catalogue::{Catalogue, NewItem};

use super::storefront::{Shown, Why};

/// One place in so many may go to a new item.
const PLACES: usize = 5;

/// Puts new items behind the items of the answer that they are like, one in [`PLACES`] at most, and fills an answer that is short of `n` with
/// the others. `wanted` says what may be shown, `most` how many of a category.
pub(super) fn join<'a>(
    answer: &mut Vec<Shown<'a>>,
    model: &'a Model,
    catalogue: &'a Catalogue,
    wanted: impl Fn(&str, &NewItem) -> bool,
    most: Option<usize>,
    n: usize,
) {
    let has_room = |answer: &[Shown<'_>], item: &NewItem| {
        let same = |shown: &&Shown<'_>| shown.category.is_some() && shown.category == item.category.as_deref();
        most.is_none_or(|most| answer.iter().filter(same).count() < most)
    };
    let mut left: Vec<(&'a str, &'a NewItem)> = catalogue.new_items().filter(|(id, item)| wanted(id, item)).collect();
    let mut places = n / PLACES;
    let mut at = 0;
    while at < answer.len() && at + 1 < n && places > 0 && !left.is_empty() {
        let beside = &answer[at];
        let (like_item_id, score) = (beside.item_id, beside.score);
        let item = model.items().find(like_item_id);
        let likeness = |item_: &NewItem| item_.like.iter().find(|(like, _)| Some(*like) == item).map_or(0.0, |&(_, likeness)| likeness);
        // the most alike; of equals the first id
        let allowed = (0..left.len()).rev().filter(|&at| has_room(answer, left[at].1));
        let best = allowed.max_by(|&a, &b| likeness(left[a].1).total_cmp(&likeness(left[b].1)));
        if let Some(best) = best.filter(|&best| likeness(left[best].1) > 0.0) {
            let (id, item) = left.remove(best);
            answer.insert(at + 1, show(id, item, score, Some(like_item_id)));
            places -= 1;
            at += 1;
        }
        at += 1;
    }
    answer.truncate(n);
    let floor = answer.last().map_or(0.0, |last| last.score);
    for (id, item) in left {
        if answer.len() < n && has_room(answer, item) {
            answer.push(show(id, item, floor, None));
        }
    }
    answer.iter_mut().zip(1..).for_each(|(shown, rank)| shown.rank = rank);
}

fn show<'a>(item_id: &'a str, item: &'a NewItem, score: f32, like_item_id: Option<&'a str>) -> Shown<'a> {
    Shown {
        item_id,
        rank: 0,
        score,
        source: "new_item",
        reason: Why::NewItem { like_item_id },
        title: item.title.as_deref(),
        category: item.category.as_deref(),
    }
}
