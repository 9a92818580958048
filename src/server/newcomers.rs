//! Newcomers: items that the model does not know yet take a few places of an answer, beside the items that they are like.

use shopkeeper_models::Model;
use shopkeeper_models::catalogue::{Catalogue, NewItem};

use super::storefront::{Shown, Why};

/// One place in so many may go to a new item.
const PLACES: usize = 5;

/// Puts new items behind the items of the answer that they are like, one in [`PLACES`] at most, and fills an answer that is short of `n` with
/// the others. `wanted` says what may be shown, `most` how many of a category; new items of one category take turns, and `turn` says who is first.
pub(super) fn join<'a>(
    answer: &mut Vec<Shown<'a>>,
    model: &'a Model,
    catalogue: &'a Catalogue,
    wanted: impl Fn(&str, &NewItem) -> bool,
    most: Option<usize>,
    turn: u64,
    n: usize,
) {
    let has_room = |answer: &[Shown<'_>], item: &NewItem| {
        let same = |shown: &&Shown<'_>| shown.category.is_some() && shown.category == item.category.as_deref();
        most.is_none_or(|most| answer.iter().filter(same).count() < most)
    };
    let mut shown: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < answer.len() && at + 1 < n && shown.len() < n / PLACES {
        let beside = &answer[at];
        let (like_item_id, score) = (beside.item_id, beside.score);
        let mut new = model.items().find(like_item_id).into_iter().flat_map(|item| catalogue.new_beside(item, beside.category, turn));
        if let Some((id, new)) = new.find(|(id, new)| !shown.contains(id) && wanted(id, new) && has_room(answer, new)) {
            shown.push(id);
            at += 1;
            answer.insert(at, show(id, new, score, Some(like_item_id)));
        }
        at += 1;
    }
    answer.truncate(n);
    let floor = answer.last().map_or(0.0, |last| last.score);
    for (id, new) in catalogue.new_items() {
        if answer.len() == n {
            break;
        }
        if !shown.contains(&id) && wanted(id, new) && has_room(answer, new) {
            answer.push(show(id, new, floor, None));
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
        text: None,
        title: item.title.as_deref(),
        category: item.category.as_deref(),
    }
}
