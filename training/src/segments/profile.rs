//! Profile: what is known of the customers of one segment, beside the whole shop.

use shopkeeper_models::CustomerIx;
use shopkeeper_models::histories::Histories;
use shopkeeper_models::items::RECENT_DAYS;

use super::needs::CategorySpend;
use crate::outlook::Outlook;
use crate::tempo::Tempo;

/// Favourites kept a segment.
const FAVOURITES: usize = 100;
/// Over-indexed items and categories kept a segment.
const OVER: usize = 20;
/// Lift from which on something counts as over-indexed.
const LIFT: f64 = 1.1;
/// Share of a segment's spend from which on a category is worth telling.
const CATEGORY_SHARE: f64 = 0.01;
/// Share of a segment's customers, and number of them, from which on an item is worth telling.
const BUYERS_SHARE: f64 = 0.02;
const BUYERS: u32 = 5;

/// Means are over the customers with an order, 0 without any.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    pub(super) customers: u32,
    pub(super) buyers: u32,
    pub(super) purchase_days: f64,
    pub(super) days_since_last: f64,
    pub(super) gap_days: f64,
    pub(super) spend: f64,
    pub(super) spend_a_day: f64,
    pub(super) distinct_items: f64,
    pub(super) distinct_categories: f64,
    /// Share of the price that discounts took off; none where the shop has no discounts.
    pub(super) discount_share: Option<f64>,
    /// Share of one-time buyers among the buyers.
    pub(super) bought_once: f64,
    /// Median of the own mean gaps of those who came back; none if nobody did.
    pub(super) median_gap: Option<f64>,
    pub(super) median_days_since_last: f64,
    pub(super) median_spend: f64,
    pub(super) median_spend_a_day: f64,
    pub(super) total_spend: f64,
    pub(super) churn: Option<f64>,
    pub(super) expected_spend: Option<f64>,
    pub(super) total_expected_spend: Option<f64>,
    /// (item, recent buyers), most first.
    pub(super) favourites: Vec<(u32, u32)>,
    /// (item, buyers, lift), highest lift first.
    pub(super) over_items: Vec<(u32, u32, f64)>,
    /// (category, mean share, lift), highest lift first.
    pub(super) over_categories: Vec<(u32, f64, f64)>,
    /// (category, mean share) of the categories with the largest shares, largest first.
    pub(super) main_categories: Vec<(u32, f64)>,
}

/// What segments are held against: the whole shop.
pub(super) struct Everyone<'a> {
    pub(super) tempos: &'a [Tempo],
    pub(super) outlooks: &'a [Option<Outlook>],
    pub(super) histories: &'a Histories,
    pub(super) categories: Option<&'a CategorySpend>,
    /// Customers with an order who bought each item.
    item_buyers: Vec<u32>,
    /// Mean share of each category.
    category_shares: Vec<f64>,
}

impl<'a> Everyone<'a> {
    pub(super) fn new(
        tempos: &'a [Tempo],
        outlooks: &'a [Option<Outlook>],
        histories: &'a Histories,
        items: usize,
        categories: Option<&'a CategorySpend>,
    ) -> Self {
        let all: Vec<u32> = (0..tempos.len() as u32).collect();
        let item_buyers = item_buyers(histories, items, &all, false);
        let category_shares = categories.map(|spend| mean_shares(spend, &all)).unwrap_or_default();
        Self { tempos, outlooks, histories, categories, item_buyers, category_shares }
    }

    /// The profile of these customers.
    pub(super) fn profile(&self, members: &[u32]) -> Profile {
        let buyers: Vec<&Tempo> = members.iter().map(|&member| &self.tempos[member as usize]).filter(|tempo| tempo.orders > 0).collect();
        let mean_of = |field: fn(&Tempo) -> f64| mean(buyers.iter().map(|tempo| field(tempo)));
        let median_of = |field: fn(&Tempo) -> f64| median(buyers.iter().map(|tempo| field(tempo)).collect());
        let own_gaps = buyers.iter().filter(|tempo| tempo.frequency() > 0);
        let outlooks: Vec<&Outlook> = members.iter().filter_map(|&member| self.outlooks[member as usize].as_ref()).collect();
        let expected =
            |field: fn(&Outlook) -> f64| (!outlooks.is_empty()).then(|| outlooks.iter().fold(0.0, |sum, outlook| sum + field(outlook)));
        let known = outlooks.len().max(1) as f64;
        let (over_categories, main_categories) = self.categories_of(members);
        Profile {
            customers: members.len() as u32,
            buyers: buyers.len() as u32,
            purchase_days: mean_of(|tempo| tempo.purchase_days.into()),
            days_since_last: mean_of(|tempo| tempo.days_since_last.into()),
            gap_days: mean_of(|tempo| tempo.gap_days),
            spend: mean_of(|tempo| tempo.spend),
            spend_a_day: mean_of(Tempo::spend_per_day),
            distinct_items: mean_of(|tempo| tempo.distinct_items.into()),
            distinct_categories: mean_of(|tempo| tempo.distinct_categories.into()),
            discount_share: buyers
                .iter()
                .any(|tempo| tempo.discount_share.is_some())
                .then(|| mean_of(|tempo| tempo.discount_share.unwrap_or(0.0))),
            bought_once: mean_of(|tempo| f64::from(tempo.purchase_days == 1)),
            median_gap: median(own_gaps.map(|tempo| f64::from(tempo.recency_days()) / f64::from(tempo.frequency())).collect()),
            median_days_since_last: median_of(|tempo| tempo.days_since_last.into()).unwrap_or(0.0),
            median_spend: median_of(|tempo| tempo.spend).unwrap_or(0.0),
            median_spend_a_day: median_of(Tempo::spend_per_day).unwrap_or(0.0),
            total_spend: buyers.iter().fold(0.0, |sum, tempo| sum + tempo.spend),
            churn: expected(|outlook| outlook.churn_probability).map(|sum| (sum / known).clamp(0.0, 1.0)),
            expected_spend: expected(|outlook| outlook.expected_spend).map(|sum| sum / known),
            total_expected_spend: expected(|outlook| outlook.expected_spend),
            favourites: self.favourites(members),
            over_items: self.items_of(members, buyers.len()),
            over_categories,
            main_categories,
        }
    }

    /// The items that most of them bought lately.
    pub(super) fn favourites(&self, members: &[u32]) -> Vec<(u32, u32)> {
        favourites(self.histories, self.item_buyers.len(), members)
    }

    fn items_of(&self, members: &[u32], buyers: usize) -> Vec<(u32, u32, f64)> {
        let shop = self.tempos.iter().filter(|tempo| tempo.orders > 0).count();
        let least = BUYERS.max((BUYERS_SHARE * buyers as f64).ceil() as u32);
        let bought = item_buyers(self.histories, self.item_buyers.len(), members, false);
        let lift = |(item, (bought, all)): (usize, (u32, &u32))| {
            let lift = f64::from(bought) / buyers.max(1) as f64 / (f64::from(*all) / shop.max(1) as f64);
            (item as u32, bought, lift)
        };
        let over = bought.into_iter().zip(&self.item_buyers).enumerate().filter(|(_, (bought, _))| *bought >= least).map(lift);
        let mut over: Vec<_> = over.filter(|(_, _, lift)| *lift >= LIFT).collect();
        over.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        over.truncate(OVER);
        over
    }

    #[allow(clippy::type_complexity)]
    fn categories_of(&self, members: &[u32]) -> (Vec<(u32, f64, f64)>, Vec<(u32, f64)>) {
        let Some(spend) = self.categories else { return Default::default() };
        let shares = mean_shares(spend, members);
        let mut main: Vec<(u32, f64)> = (0_u32..).zip(shares.iter().copied()).filter(|(_, share)| *share > 0.0).collect();
        main.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        main.truncate(OVER);
        let lifts =
            (0_u32..).zip(shares).zip(&self.category_shares).map(|((category, share), all)| (category, share, share / all.max(1e-12)));
        let mut over: Vec<_> = lifts.filter(|(_, share, lift)| *share >= CATEGORY_SHARE && *lift >= LIFT).collect();
        over.sort_by(|a, b| b.2.total_cmp(&a.2).then(a.0.cmp(&b.0)));
        over.truncate(OVER);
        (over, main)
    }
}

/// The items that most of these customers bought lately, and how many of them did.
pub(super) fn favourites(histories: &Histories, items: usize, members: &[u32]) -> Vec<(u32, u32)> {
    let buyers = item_buyers(histories, items, members, true);
    let mut ranked: Vec<(u32, u32)> = (0_u32..).zip(buyers).filter(|&(_, buyers)| buyers > 0).collect();
    ranked.sort_unstable_by_key(|&(item, buyers)| (std::cmp::Reverse(buyers), item));
    ranked.truncate(FAVOURITES);
    ranked
}

/// How many of these customers bought each item, ever or lately.
fn item_buyers(histories: &Histories, items: usize, members: &[u32], lately: bool) -> Vec<u32> {
    let mut buyers = vec![0_u32; items];
    for &member in members {
        for bought in histories.of(CustomerIx(member)) {
            let counts = bought.orders > 0 && (!lately || bought.days_since_last < RECENT_DAYS as u32);
            buyers[bought.item.row()] += u32::from(counts);
        }
    }
    buyers
}

/// The mean over these customers of their shares of spend; customers without any are left out.
fn mean_shares(spend: &CategorySpend, members: &[u32]) -> Vec<f64> {
    let mut sums = vec![0.0; spend.categories.len()];
    let mut n = 0_u32;
    for &member in members {
        n += u32::from(!spend.of[member as usize].is_empty());
        spend.shares(member as usize).for_each(|(category, share)| sums[category as usize] += share);
    }
    sums.iter_mut().for_each(|sum| *sum /= f64::from(n.max(1)));
    sums
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    if n > 0 { sum / f64::from(n) } else { 0.0 }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
