//! The shop's rules beside the filter: what is blocked for this shopper, what is lifted or lowered, what stands first.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::scratch::Scratch;
use super::{Query, Reason, Recommendation, Recommender, Source};
use crate::ItemIx;
use crate::catalogue::Catalogue;
use crate::histories::Bought;

/// The least and the most that boosts may multiply an item's odds by, all of its boosts together.
pub const BOOSTS: std::ops::RangeInclusive<f32> = 0.1..=10.0;
/// Items of a boosted category or brand, most popular first, that become candidates.
const BOOSTED: usize = 50;

/// Whether items that the customer has bought before may be shown. Written `include`, `exclude`, `exclude:30d` or `until_due`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Purchased {
    /// Yes: what is due again is often the best answer.
    #[default]
    Include,
    /// No: only what is new to them, not even what they sent back.
    Exclude,
    /// Not if they bought it within so many days, counted to the newest purchase that is known.
    ExcludeWithin(u32),
    /// Not before their usual time between purchases of it has passed; an item bought once has the usual time of all its buyers.
    UntilDue,
}

impl TryFrom<String> for Purchased {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let days = |text: &str| text.strip_prefix("exclude:")?.strip_suffix('d')?.parse().ok().filter(|&days: &u32| days > 0);
        match text.as_str() {
            "include" => Ok(Self::Include),
            "exclude" => Ok(Self::Exclude),
            "until_due" => Ok(Self::UntilDue),
            other => days(other)
                .map(Self::ExcludeWithin)
                .ok_or_else(|| format!("`{other}`; expected include, exclude, exclude:30d (of the last 30 days) or until_due")),
        }
    }
}

impl From<Purchased> for String {
    fn from(purchased: Purchased) -> Self {
        match purchased {
            Purchased::Include => "include".to_owned(),
            Purchased::Exclude => "exclude".to_owned(),
            Purchased::ExcludeWithin(days) => format!("exclude:{days}d"),
            Purchased::UntilDue => "until_due".to_owned(),
        }
    }
}

/// What a boost is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// One item.
    Item(ItemIx),
    /// The categories in this range: see [`Categories::find`](super::Categories::find).
    Category(Range<u32>),
    /// A brand: a position in [`Recommender::brands`].
    Brand(u32),
}

/// Lifts items above their own score, or buries them below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Boost {
    /// Which items.
    pub target: Target,
    /// Multiplies their odds: above 1 lifts, below 1 buries. Kept within [`BOOSTS`], the product of all boosts of an item, too.
    pub factor: f32,
}

impl Recommender {
    /// Blocks what must not be shown to this shopper.
    pub(super) fn start(&self, query: &Query<'_>, scratch: &mut Scratch) {
        scratch.reset(self.parts.items.len());
        scratch.shown_categories.reset(self.categories.names.len() + query.catalogue.map_or(0, Catalogue::more_categories));
        for &item in query.basket.iter().chain(query.exclude) {
            scratch.tally(item).blocked = true;
        }
        if query.purchased != Purchased::Include && query.has_history() {
            let gap_days = self.standing(query.customer, &query.fresh).gap_days;
            let mut look = |bought: Bought| {
                if self.is_kept_back(&bought, gap_days, query) {
                    scratch.tally(bought.item).kept_back = true;
                }
            };
            match query.customer {
                Some(customer) if query.fresh.purchases.is_empty() => self.parts.histories.of(customer).for_each(&mut look),
                customer => self.history_with(customer, &query.fresh).into_iter().for_each(&mut look),
            }
        }
    }

    /// Whether the rule on purchased items keeps back one that the customer, who has this usual gap, has bought.
    pub(super) fn is_kept_back(&self, bought: &Bought, gap_days: f32, query: &Query<'_>) -> bool {
        let fresh = query.fresh.purchases.binary_search_by_key(&bought.item, |fresh| fresh.item).ok().map(|at| &query.fresh.purchases[at]);
        let days_ago = match fresh {
            Some(fresh) if fresh.orders > 0 && fresh.days_since_last == 0 => fresh.days_ago,
            _ => bought.days_since_last.saturating_add(query.days_later),
        };
        match query.purchased {
            Purchased::Include => false,
            Purchased::Exclude => true,
            Purchased::ExcludeWithin(days) => bought.orders > 0 && days_ago < days,
            Purchased::UntilDue => bought.orders > 0 && (days_ago as f32) < self.usual_gap(bought, gap_days),
        }
    }

    /// Days between a customer's purchases of an item: their own gaps and one of the item's buyers, or of theirs where the item has none.
    pub(super) fn usual_gap(&self, bought: &Bought, gap_days: f32) -> f32 {
        let of_item = self.parts.items.gap_days.value(bought.item.row());
        let prior = if of_item > 0.0 { of_item } else { gap_days };
        let span = bought.days_since_first - bought.days_since_last.min(bought.days_since_first);
        (span as f32 + prior) / (bought.orders as f32).max(1.0)
    }

    /// Whether the rules let an item into the answer.
    pub(super) fn eligible(&self, item: ItemIx, query: &Query<'_>, scratch: &mut Scratch) -> bool {
        let tally = *scratch.tally(item);
        !tally.blocked && !tally.kept_back && self.unmet(item, query).is_none()
    }

    /// Whether the answer has room for another item of this one's category.
    pub(super) fn has_room(&self, item: ItemIx, query: &Query<'_>, scratch: &Scratch) -> bool {
        query.max_per_category.is_none_or(|most| scratch.shown_categories.share(self.category_now(item, query)).1 < most as f32)
    }

    /// Notes that an item is in the answer.
    pub(super) fn note_shown(&self, item: ItemIx, query: &Query<'_>, scratch: &mut Scratch) {
        scratch.shown_categories.add(self.category_now(item, query), 1.0, 1.0);
    }

    /// What the boosts add to the log-odds of an item.
    pub(super) fn lift(&self, item: ItemIx, query: &Query<'_>) -> f32 {
        let meant = |target: &Target| match target {
            Target::Item(meant) => *meant == item,
            Target::Category(range) => self.category_tree.is_within(self.category_now(item, query), std::slice::from_ref(range)),
            Target::Brand(brand) => query.catalogue.map_or(self.brands.of[item.row()], |now| now.brand(item)) == *brand,
        };
        let factor: f32 = query.boosts.iter().filter(|boost| meant(&boost.target)).map(|boost| boost.factor).product();
        factor.clamp(*BOOSTS.start(), *BOOSTS.end()).ln()
    }

    /// The most popular items that boosts lift and the filter lets in: they are candidates even where nothing else speaks for them.
    pub(super) fn boosted<'a>(&'a self, query: &Query<'a>) -> impl Iterator<Item = ItemIx> + 'a {
        let query = *query;
        query.boosts.iter().filter(|boost| boost.factor > 1.0).flat_map(move |boost| {
            let (item, lists): (Option<ItemIx>, Vec<&[ItemIx]>) = match &boost.target {
                Target::Item(item) => (Some(*item), Vec::new()),
                Target::Brand(brand) => (None, self.lists_of_brand(*brand, query.catalogue).collect()),
                Target::Category(range) => (None, self.lists_within(range, query.catalogue)),
            };
            item.into_iter().chain(self.merge(lists)).filter(move |&item| self.unmet(item, &query).is_none()).take(BOOSTED)
        })
    }

    /// The pinned items that the rules let in, in their order, for the head of the answer.
    pub(super) fn pin(&self, query: &Query<'_>, scratch: &mut Scratch) -> Vec<Recommendation> {
        let mut pinned = Vec::new();
        for &item in query.pinned {
            if pinned.len() < query.n && self.eligible(item, query, scratch) && self.has_room(item, query, scratch) {
                scratch.tally(item).blocked = true;
                self.note_shown(item, query, scratch);
                pinned.push(Recommendation { item, score: self.popularity(item), source: Source::Pinned, reason: Reason::Pinned });
            }
        }
        pinned
    }

    /// Share of recent customers who bought an item lately, 0 to 1.
    pub(super) fn popularity(&self, item: ItemIx) -> f32 {
        self.parts.items.recent_buyers.value(item.row()) as f32 / self.parts.ranker.recent_customers.max(1) as f32
    }
}
