//! What is asked of the recommender, and what it answers.

use serde::{Deserialize, Serialize};

use super::{Boost, Filter, Fresh, Purchased};
use crate::catalogue::Catalogue;
use crate::{CustomerIx, ItemIx};

/// The most items one answer may hold.
pub const MAX_N: usize = 1000;

/// A question: what do I show this shopper now?
#[derive(Clone, Copy, Debug, Default)]
pub struct Query<'a> {
    /// Who asks; `None` for a stranger.
    pub customer: Option<CustomerIx>,
    /// What lies in the basket, or was looked at in this session. Never in the answer.
    pub basket: &'a [ItemIx],
    /// What they did since the model was fitted.
    pub fresh: Fresh<'a>,
    /// The catalogue as it is now; `None` = as the model has it.
    pub catalogue: Option<&'a Catalogue>,
    /// Items never to show.
    pub exclude: &'a [ItemIx],
    /// Which items may be shown, whoever asks.
    pub filter: Filter<'a>,
    /// Days from the model's today to the shop's: that of the newest purchase. What was bought counts as so much longer ago for `purchased`.
    pub days_later: u32,
    /// Whether bought items may be shown.
    pub purchased: Purchased,
    /// What to lift and what to bury.
    pub boosts: &'a [Boost],
    /// Items that stand first, in this order, each only if the other rules let it in.
    pub pinned: &'a [ItemIx],
    /// The most items of one category in the answer; `None` for any number. Items without a category are not counted.
    pub max_per_category: Option<usize>,
    /// How much each further item of a category gives way, 0 (not at all) to 1 (to any other category): its score counts (1 - diversity)^k when
    /// k of its category stand before it. Default 0.
    pub diversity: f32,
    /// How much popularity counts against an item, 0 (not at all) to 1 (rank by lift over the share of customers who bought it lately).
    /// Default 0.
    pub novelty: f32,
    /// How many items, `1..=MAX_N`. Exactly so many come back whenever so many are eligible.
    pub n: usize,
}

impl Query<'_> {
    /// Whether the answer is wanted in another order than the scores give.
    pub(super) fn reorders(&self) -> bool {
        self.diversity > 0.0 || self.novelty > 0.0 || !self.boosts.is_empty()
    }
}

/// Which signal an item owes its place to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The customer bought it before.
    Repeat,
    /// It goes with what lies in the basket.
    Basket,
    /// It goes with what the customer bought before.
    CoPurchase,
    /// A favourite of the customer's segment.
    Segment,
    /// Popular in a category the customer buys, or that was asked for.
    Category,
    /// Popular in the shop.
    Popular,
    /// The shop put it there.
    Pinned,
}

impl Source {
    /// The name used in the API and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Basket => "basket",
            Self::CoPurchase => "co_purchase",
            Self::Segment => "segment",
            Self::Category => "category",
            Self::Popular => "popular",
            Self::Pinned => "pinned",
        }
    }
}

/// The evidence for one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// The customer's own orders of it.
    BoughtBefore {
        /// Orders of this customer that hold it.
        orders: u32,
        /// Days since the last of them.
        days_since_last: u32,
    },
    /// Orders that hold both it and another item of the customer or the basket.
    BoughtWith {
        /// The other item.
        item: ItemIx,
        /// Orders with both.
        baskets: u32,
        /// Over what chance would give.
        lift: f64,
    },
    /// Customers who bought both it and another item of the customer.
    BoughtByTheSameCustomers {
        /// The other item.
        item: ItemIx,
        /// Customers of both.
        customers: u32,
    },
    /// Customers of the same segment who bought it lately.
    SegmentFavourite {
        /// Row of the segment.
        segment: usize,
        /// How many.
        buyers: u32,
    },
    /// Customers who bought it lately.
    Popular {
        /// How many.
        recent_buyers: u32,
    },
    /// The shop's own wish.
    Pinned,
}

impl Reason {
    /// The name used in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BoughtBefore { .. } => "bought_before",
            Self::BoughtWith { .. } => "bought_with",
            Self::BoughtByTheSameCustomers { .. } => "bought_by_the_same_customers",
            Self::SegmentFavourite { .. } => "segment_favourite",
            Self::Popular { .. } => "popular",
            Self::Pinned => "pinned",
        }
    }
}

/// One item of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommendation {
    /// The item.
    pub item: ItemIx,
    /// For a customer with a history: the probability of buying it within the next four weeks given that they buy anything, as learned.
    /// With a basket: the probability that it joins it. Otherwise a share of baskets or customers. Boosts have multiplied its odds. 0 to 1,
    /// never rising down the answer unless `diversity`, `novelty` or `pinned` is asked for.
    pub score: f32,
    /// The strongest signal.
    pub source: Source,
    /// The evidence.
    pub reason: Reason,
}

/// An answer: distinct items, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The items.
    pub items: Vec<Recommendation>,
    /// Where the answer had to start on the ladder when the customer's own history gave nothing; `None` when it did.
    pub fallback: Option<Source>,
}
