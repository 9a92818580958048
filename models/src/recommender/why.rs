//! Why an item is in an answer, or why not.

use super::{EXPLORE_FEATURES, Features, MAX_N, Query, REPEAT_FEATURES, Recommendation, Recommender, Scratch, Unmet};
use crate::ItemIx;

/// What became of an item that was asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// Where it stands.
    pub verdict: Verdict,
    /// What the answer says, or would say of it; `None` when a rule keeps it out or it is not among the best [`MAX_N`].
    pub recommendation: Option<Recommendation>,
    /// What the signals say of it for this customer, by name; empty for a stranger, and for an item that nothing speaks for.
    pub features: Vec<(&'static str, f32)>,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// In the answer, at this rank from 1.
    Shown {
        /// The rank.
        rank: usize,
    },
    /// Allowed, but others come first: its rank from 1 if the answer were longer, `None` beyond [`MAX_N`].
    Outranked {
        /// The rank.
        rank: Option<usize>,
    },
    /// A rule keeps it out.
    KeptOut(Rule),
}

/// The rule that keeps an item out: the first of them that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It lies in the basket.
    InBasket,
    /// It was excluded by name.
    Excluded,
    /// The customer has bought it, and the rule on purchased items keeps it back.
    Purchased,
    /// The filter does not let it in.
    Filter(Unmet),
    /// Better items of its category fill the most that are allowed of one.
    MaxPerCategory,
}

impl Recommender {
    /// Why an item is in the answer to a question, or why not.
    pub fn why(&self, query: &Query<'_>, item: ItemIx, scratch: &mut Scratch) -> Why {
        let place = |query: &Query<'_>, scratch: &mut Scratch| {
            let answer = self.recommend(query, scratch);
            answer.items.into_iter().enumerate().find(|(_, entry)| entry.item == item).map(|(at, entry)| (at + 1, entry))
        };
        let features = self.features_of(query, item, scratch);
        if let Some(rule) = self.kept_out_by(query, item) {
            return Why { verdict: Verdict::KeptOut(rule), recommendation: None, features };
        }
        if let Some((rank, entry)) = place(query, scratch) {
            return Why { verdict: Verdict::Shown { rank }, recommendation: Some(entry), features };
        }
        let longer = Query { n: MAX_N, ..*query };
        let found = place(&longer, scratch);
        let crowded =
            found.is_none().then(|| query.max_per_category.and_then(|_| place(&Query { max_per_category: None, ..longer }, scratch)));
        let (verdict, entry) = match (found, crowded.flatten()) {
            (Some((rank, entry)), _) => (Verdict::Outranked { rank: Some(rank) }, Some(entry)),
            (None, Some((_, entry))) => (Verdict::KeptOut(Rule::MaxPerCategory), Some(entry)),
            (None, None) => (Verdict::Outranked { rank: None }, None),
        };
        Why { verdict, recommendation: entry, features }
    }

    fn kept_out_by(&self, query: &Query<'_>, item: ItemIx) -> Option<Rule> {
        if query.basket.contains(&item) {
            return Some(Rule::InBasket);
        }
        if query.exclude.contains(&item) {
            return Some(Rule::Excluded);
        }
        let gap_days = self.standing(query.customer, &query.fresh).gap_days;
        let bought = self.history_with(query.customer, &query.fresh).into_iter().find(|bought| bought.item == item);
        if bought.is_some_and(|bought| self.is_kept_back(&bought, gap_days, query)) {
            return Some(Rule::Purchased);
        }
        self.unmet(item, query).map(Rule::Filter)
    }

    /// The inputs of the head that scores an item for the customer of a question, whether or not a rule keeps it out.
    fn features_of(&self, query: &Query<'_>, item: ItemIx, scratch: &mut Scratch) -> Vec<(&'static str, f32)> {
        let mut found = Vec::new();
        if query.has_history() {
            scratch.reset(self.parts.items.len());
            let asked = Query {
                filter: super::Filter { only: Some(std::slice::from_ref(&item)), ..Default::default() },
                catalogue: None,
                ..*query
            };
            self.candidates(&asked, true, scratch, |candidate, _| {
                if candidate.item == item {
                    found = match &candidate.features {
                        Features::Repeat(x) => REPEAT_FEATURES.into_iter().zip(x.iter().copied()).collect(),
                        Features::Explore(x) => EXPLORE_FEATURES.into_iter().zip(x.iter().copied()).collect(),
                    };
                }
            });
        }
        found
    }
}
