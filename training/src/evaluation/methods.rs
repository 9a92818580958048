//! Ways to answer: the served model, and the simple rules and single signals that it must beat.

use rayon::prelude::*;
use shopkeeper_models::ItemIx;
use shopkeeper_models::recommender::{Purchased, Query, Recommender, Scratch};

use super::K;
use super::shoppers::Shopper;

/// A way to answer. What is short of K items is filled with popular ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// What is served.
    Shopkeeper,
    /// Items by their buyers of all time.
    Popular,
    /// Items by their buyers in the last four weeks.
    RecentPopular,
    /// The customer's own items by orders.
    PersonalFrequency,
    /// The customer's own items by orders, each counting half as much 90 days later.
    TimeDecay,
    /// The linear item model alone.
    LinearItems,
    /// Neighbours, by common customers, of the customer's own items: the sum of their scores.
    ItemNeighbours,
    /// What is served to a stranger with the same basket: co-purchase alone.
    BasketAlone,
}

impl Method {
    /// Those that answer from a customer.
    pub(super) const OF_CUSTOMERS: [Self; 7] = [
        Self::Shopkeeper,
        Self::Popular,
        Self::RecentPopular,
        Self::PersonalFrequency,
        Self::TimeDecay,
        Self::LinearItems,
        Self::ItemNeighbours,
    ];
    /// Those that complete a basket.
    pub(super) const OF_BASKETS: [Self; 4] = [Self::Shopkeeper, Self::Popular, Self::PersonalFrequency, Self::BasketAlone];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Shopkeeper => "shopkeeper",
            Self::Popular => "popular",
            Self::RecentPopular => "recent_popular",
            Self::PersonalFrequency => "personal_frequency",
            Self::TimeDecay => "time_decay",
            Self::LinearItems => "linear_items",
            Self::ItemNeighbours => "item_neighbours",
            Self::BasketAlone => "basket_alone",
        }
    }

    /// Whether it has anything to say beside popular items.
    fn applies(self, recommender: &Recommender, purchased: Purchased) -> bool {
        let parts = recommender.parts();
        match self {
            Self::PersonalFrequency | Self::TimeDecay => purchased == Purchased::Include,
            Self::LinearItems => !parts.affinity.is_empty(),
            Self::ItemNeighbours => (0..parts.items.len() as u32).any(|item| parts.alike.of(ItemIx(item)).next().is_some()),
            Self::Shopkeeper | Self::Popular | Self::RecentPopular | Self::BasketAlone => true,
        }
    }

    /// The first K items for each shopper, best first; `None` where the method has nothing to say.
    pub(super) fn answers(self, recommender: &Recommender, shoppers: &[Shopper], purchased: Purchased) -> Option<Vec<Vec<u32>>> {
        if !self.applies(recommender, purchased) {
            return None;
        }
        let items = &recommender.parts().items;
        let mut fill = recommender.popular().to_vec();
        if self != Self::RecentPopular {
            fill.sort_by_key(|item| (std::cmp::Reverse((items.buyers.value(item.row()), items.baskets.value(item.row()))), *item));
        }
        fill.retain(|item| items.available.value(item.row()));
        let answer = |(scratch, sums): &mut (Scratch, Vec<f64>), shopper: &Shopper| {
            let query = Query { customer: shopper.customer, basket: &shopper.basket, purchased, n: K, ..Query::default() };
            match self {
                Self::Shopkeeper => served(recommender, &query, scratch),
                Self::BasketAlone => served(recommender, &Query { customer: None, ..query }, scratch),
                _ => self.by_rule(recommender, &query, &fill, sums),
            }
        };
        Some(shoppers.par_iter().map_init(Default::default, answer).collect())
    }

    /// The best of the method's own items, then those of `fill`.
    fn by_rule(self, recommender: &Recommender, query: &Query<'_>, fill: &[ItemIx], sums: &mut Vec<f64>) -> Vec<u32> {
        let parts = recommender.parts();
        let known = query.customer.map_or(&[][..], |customer| parts.histories.items(customer));
        let allowed = |item: ItemIx| {
            let bought = query.purchased == Purchased::Exclude && known.binary_search(&item.0).is_ok();
            parts.items.available.value(item.row()) && !bought && !query.basket.contains(&item)
        };
        let mut own = self.own(recommender, query, sums);
        own.retain(|&(item, _)| allowed(item));
        let buyers = |item: ItemIx| parts.items.buyers.value(item.row());
        own.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then_with(|| buyers(b.0).cmp(&buyers(a.0))).then(a.0.cmp(&b.0)));
        let mut answer: Vec<u32> = own.iter().take(K).map(|(item, _)| item.0).collect();
        for item in fill.iter().copied().filter(|&item| allowed(item)) {
            if answer.len() == K {
                break;
            }
            if !answer.contains(&item.0) {
                answer.push(item.0);
            }
        }
        answer
    }

    /// What the method says of single items. `sums` is working memory.
    fn own(self, recommender: &Recommender, query: &Query<'_>, sums: &mut Vec<f64>) -> Vec<(ItemIx, f64)> {
        let parts = recommender.parts();
        let Some(customer) = query.customer else { return Vec::new() };
        let bought = || parts.histories.of(customer).filter(|bought| bought.orders > 0);
        match self {
            Self::PersonalFrequency => bought().map(|bought| (bought.item, bought.orders.into())).collect(),
            Self::TimeDecay => bought().map(|bought| (bought.item, bought.slow.into())).collect(),
            Self::LinearItems => parts.affinity.of(customer).map(|(item, score)| (item, score.into())).collect(),
            Self::ItemNeighbours => {
                sums.resize(parts.items.len(), 0.0);
                let mut touched = Vec::new();
                for neighbour in bought().flat_map(|bought| parts.alike.of(bought.item)) {
                    let sum = &mut sums[neighbour.item.row()];
                    if *sum == 0.0 {
                        touched.push(neighbour.item);
                    }
                    *sum += f64::from(neighbour.score);
                }
                touched.into_iter().map(|item| (item, std::mem::take(&mut sums[item.row()]))).filter(|&(_, sum)| sum > 0.0).collect()
            }
            Self::Shopkeeper | Self::Popular | Self::RecentPopular | Self::BasketAlone => Vec::new(),
        }
    }
}

/// The items of a served answer.
pub(super) fn served(recommender: &Recommender, query: &Query<'_>, scratch: &mut Scratch) -> Vec<u32> {
    recommender.recommend(query, scratch).items.iter().map(|entry| entry.item.0).collect()
}
