//! The plain question, answered from the [shortlist](crate::shortlists) of a customer, and how a shortlist is made.

use super::choose::best_first;
use super::contest::Entrant;
use super::{Answer, Purchased, Query, Reason, Recommendation, Recommender, Scratch, Source};
use crate::catalogue::Catalogue;
use crate::logistic::sigmoid;
use crate::shortlists::{BEST, BEST_NEW, ShortlistEvidence, Shortlisted};
use crate::{CustomerIx, ItemIx};

impl Recommender {
    /// The answer that scoring every candidate would give, read from the customer's shortlist; `None` where the question asks for more than that
    /// holds: anything that moves scores or candidates, or more items than are left of it once the rules have kept out theirs.
    pub(super) fn answer_of_shortlist(&self, query: &Query<'_>) -> Option<Answer> {
        let shortlists = self.parts.shortlists.as_ref()?;
        let plain = query.context_len() == 0
            && query.fresh.purchases.is_empty()
            && matches!(query.purchased, Purchased::Include | Purchased::Exclude)
            && !query.filter.narrows()
            && !query.reorders()
            && query.pinned.is_empty()
            && query.max_per_category.is_none()
            && query.catalogue.is_none_or(|now| !now.has_returned());
        let customer = query.customer.filter(|_| plain)?;
        let wanted = |entry: &Shortlisted| query.purchased == Purchased::Include || is_new(entry);
        let mut items = Vec::with_capacity(query.n);
        let complete = if query.purchased == Purchased::Include { BEST } else { usize::MAX };
        for entry in shortlists.of(customer).take(complete).filter(wanted) {
            if items.len() == query.n {
                break;
            }
            if !query.exclude.contains(&entry.item) && self.unmet(entry.item, query).is_none() {
                items.push(self.shown(&entry));
            }
        }
        (items.len() == query.n).then(|| Answer { fallback: fallback(&items), items })
    }

    /// A candidate of a shortlist as an answer shows it.
    fn shown(&self, entry: &Shortlisted) -> Recommendation {
        let (source, reason) = match entry.evidence {
            ShortlistEvidence::BoughtBefore { orders, days_since_last } => {
                (Source::Repeat, Reason::BoughtBefore { orders, days_since_last })
            }
            ShortlistEvidence::BoughtWith { item, baskets } => {
                (Source::CoPurchase, Reason::BoughtWith { item, baskets, lift: self.association(item, entry.item, baskets).lift })
            }
            ShortlistEvidence::BoughtByTheSameCustomers { item, customers } => {
                (Source::CoPurchase, Reason::BoughtByTheSameCustomers { item, customers })
            }
            ShortlistEvidence::Popular => (Source::Popular, self.popular_reason(entry.item)),
        };
        Recommendation { item: entry.item, score: sigmoid(f64::from(entry.log_odds)) as f32, source, reason }
    }

    /// What belongs on the shortlist of a customer: every available candidate takes part. Empty without a purchase.
    pub fn shortlist(&self, customer: CustomerIx, scratch: &mut Scratch) -> Vec<Shortlisted> {
        let query = Query { customer: Some(customer), n: BEST, ..Query::default() };
        self.start(&query, scratch);
        self.score_customer(&query, scratch);
        let mut entrants = std::mem::take(&mut scratch.scored);
        entrants.sort_unstable_by(best_first);
        let mut new = 0;
        let mut kept: Vec<Entrant> = Vec::with_capacity(BEST + BEST_NEW);
        for (place, entrant) in entrants.iter().enumerate() {
            let is_new = entrant.orders == 0;
            if place < BEST || (is_new && new < BEST_NEW) {
                kept.push(*entrant);
                new += usize::from(is_new);
            }
        }
        let list = kept.iter().map(|entrant| self.shortlisted(entrant, &query, scratch)).collect();
        entrants.clear();
        scratch.scored = entrants;
        list
    }

    fn shortlisted(&self, entrant: &Entrant, query: &Query<'_>, scratch: &mut Scratch) -> Shortlisted {
        let evidence = match self.explain(entrant, query, scratch).reason {
            Reason::BoughtBefore { orders, days_since_last } => ShortlistEvidence::BoughtBefore { orders, days_since_last },
            Reason::BoughtWith { item, baskets, .. } => ShortlistEvidence::BoughtWith { item, baskets },
            Reason::BoughtByTheSameCustomers { item, customers } => ShortlistEvidence::BoughtByTheSameCustomers { item, customers },
            Reason::SegmentFavourite { .. } | Reason::Popular { .. } | Reason::Pinned => ShortlistEvidence::Popular,
        };
        Shortlisted { item: entrant.item, log_odds: entrant.log_odds, evidence }
    }

    /// Whether an item takes part in the contest for an answer: the model or the catalogue of now has it as available, and the filter lets it in.
    /// What is excluded by name, lies in the basket or has become unavailable leaves only afterwards, so that nobody else's score depends on it.
    pub(super) fn takes_part(&self, item: ItemIx, query: &Query<'_>) -> bool {
        let known = self.parts.items.available.value(item.row());
        (known || query.catalogue.is_some_and(|now| Catalogue::is_available(now, item))) && self.narrowed_out(item, query).is_none()
    }
}

fn is_new(entry: &Shortlisted) -> bool {
    !matches!(entry.evidence, ShortlistEvidence::BoughtBefore { .. })
}

/// Where the ladder had to start: `None` when the customer's own history gave something.
pub(super) fn fallback(items: &[Recommendation]) -> Option<Source> {
    let own = items.iter().any(|entry| matches!(entry.source, Source::Repeat | Source::CoPurchase));
    if own { None } else { items.first().map(|entry| entry.source) }
}
