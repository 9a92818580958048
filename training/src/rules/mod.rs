//! Association rules from orders: between items, and between categories at every step of their paths.

mod itemsets;
mod significance;

use arrow::array::{BooleanArray, Float64Array, StringArray, UInt32Array};
use hashbrown::HashMap;
use rayon::prelude::*;
use shopkeeper_models::rules::{Evidence, RuleLevel, Rules, RulesFound, RulesSummary};

pub use itemsets::{Baskets, ItemsetParams, Itemsets, TooMany};
pub use significance::fisher;

use crate::categories::Categories;
use crate::log::Past;

/// Itemsets at which the automatic support stops.
pub const AUTOMATIC_ITEMSETS: usize = 50_000;
/// The fewest orders that the automatic support asks for, and the share of all orders.
const FEWEST: u32 = 5;
const LEAST_SHARE: f64 = 1e-4;

/// How rules are looked for.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RuleParams {
    /// The least share of the orders that hold all of a rule, above 0 to 1. Default: halved from 0.01 for as long as there are at most
    /// [`AUTOMATIC_ITEMSETS`] itemsets, a ten-thousandth of the orders and at least 5 of them at the lowest.
    pub min_support: Option<f64>,
    /// The least confidence, 0 to 1. Default 0.1.
    pub min_confidence: f64,
    /// The most items of a rule, its consequent included, 2 to [`MOST_ITEMS`]. Default 6.
    pub max_items: usize,
    /// The most itemsets, at least 1,000: bounds the memory, at some 100 bytes each. Default 1,000,000.
    pub max_itemsets: usize,
}

/// The largest [`RuleParams::max_items`].
pub const MOST_ITEMS: usize = 12;

impl Default for RuleParams {
    fn default() -> Self {
        Self { min_support: None, min_confidence: 0.1, max_items: 6, max_itemsets: 1_000_000 }
    }
}

/// The support that was asked for gives more itemsets than the setting allows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "--rules-support {support}: more than {max_itemsets} sets of {what} stand in {min_baskets} of the {orders} orders or more. \
     Ask for {enough} or more, which gives {itemsets} of them; leave it out to have it chosen; or allow more memory: --rules-itemsets N"
)]
pub struct Explosion {
    support: f64,
    max_itemsets: usize,
    what: &'static str,
    min_baskets: u32,
    orders: usize,
    enough: String,
    itemsets: usize,
}

impl RuleParams {
    /// Finds the rules in what was kept of the orders.
    pub fn fit(&self, past: &Past<'_>) -> Result<(Rules, RulesSummary), Explosion> {
        let items = past.log().items();
        let mut baskets = Baskets::new(items);
        for order in (0..past.log().customers()).flat_map(|customer| past.orders_of(customer)) {
            let mut kept = past.lines_of(order).filter(|line| line.quantity > 0.0).map(|line| line.item).peekable();
            if kept.peek().is_some() {
                baskets.push(kept);
            }
        }
        let orders = baskets.len() as u32;
        let mut summary = RulesSummary { orders, min_confidence: self.min_confidence, max_items: self.max_items, levels: Vec::new() };
        let mut table = Vec::new();
        let ids = |item: u32| past.log().item_ids.value(item as usize);
        self.level(&baskets, RuleLevel::Item, &[], ids, &mut table, &mut summary)?;
        let categories = Categories::new(&past.log().catalogue.category);
        if categories.names.len() > 1 {
            let of_orders = in_categories(&categories, &baskets);
            let names = |category: u32| categories.names[category as usize].as_str();
            self.level(&of_orders, RuleLevel::Category, &categories.kin(), names, &mut table, &mut summary)?;
        }
        Ok((to_table(&table), summary))
    }

    /// The rules of one level, added to `table`.
    fn level<'a>(
        &self,
        baskets: &Baskets,
        level: RuleLevel,
        kin: &[Vec<u32>],
        name: impl Fn(u32) -> &'a str + Sync,
        table: &mut Vec<Rule<'a>>,
        summary: &mut RulesSummary,
    ) -> Result<(), Explosion> {
        let (min_baskets, itemsets) = self.itemsets(baskets, level, kin)?;
        let rules = self.rules(&itemsets, summary.orders);
        summary.levels.push(RulesFound {
            level,
            min_baskets,
            automatic: self.min_support.is_none(),
            itemsets: itemsets.len(),
            rules: rules.len(),
        });
        let named: Vec<Rule<'a>> = rules
            .into_par_iter()
            .map(|Found { antecedent, consequent, evidence, redundant }| {
                let mut antecedent: Vec<&'a str> = antecedent.into_iter().map(&name).collect();
                antecedent.sort_unstable();
                Rule { level, antecedent, consequent: name(consequent), evidence, p_value: fisher(evidence), redundant }
            })
            .collect();
        let start = table.len();
        table.extend(named);
        table[start..].par_sort_unstable_by(|a, b| {
            let rank = |rule: &Rule<'_>| (rule.evidence.lift(), rule.evidence.baskets);
            let (a_rank, b_rank) = (rank(a), rank(b));
            b_rank
                .0
                .total_cmp(&a_rank.0)
                .then(b_rank.1.cmp(&a_rank.1))
                .then_with(|| (&a.antecedent, a.consequent).cmp(&(&b.antecedent, b.consequent)))
        });
        Ok(())
    }

    /// The itemsets of the support that was asked for, or of one that gives a useful number of them.
    fn itemsets(&self, baskets: &Baskets, level: RuleLevel, kin: &[Vec<u32>]) -> Result<(u32, Itemsets), Explosion> {
        let mine = |min_baskets: u32, max_itemsets: usize| {
            ItemsetParams { min_baskets, max_items: self.max_items, max_itemsets }.mine(baskets, kin)
        };
        let orders = baskets.len();
        let Some(support) = self.min_support else {
            let least = ((orders as f64 * LEAST_SHARE).ceil() as u32).max(FEWEST);
            return Ok(self.widest(orders, least, AUTOMATIC_ITEMSETS.min(self.max_itemsets), &mine));
        };
        // a share that was written with few digits must not lose a set to rounding
        let min_baskets = ((support * orders as f64 - 1e-6).ceil() as u32).max(1);
        mine(min_baskets, self.max_itemsets).map(|sets| (min_baskets, sets)).map_err(|TooMany| {
            let (enough, sets) = self.widest(orders, min_baskets, self.max_itemsets, &mine);
            // shown rounded upwards, so that the figure does what it says
            let share = (f64::from(enough) / orders.max(1) as f64 * 1e6).ceil() / 1e6;
            Explosion {
                support,
                max_itemsets: self.max_itemsets,
                what: if level == RuleLevel::Item { "items" } else { "categories" },
                min_baskets,
                orders,
                enough: share.to_string(),
                itemsets: sets.len(),
            }
        })
    }

    /// The lowest of a row of halved supports, down to `least` orders, that gives at most so many itemsets.
    fn widest(&self, orders: usize, least: u32, most: usize, mine: &impl Fn(u32, usize) -> Result<Itemsets, TooMany>) -> (u32, Itemsets) {
        let mut asked = (orders as u32 / 100).max(least);
        let mut found = mine(asked, most);
        while found.is_err() && asked < orders as u32 {
            asked = asked.saturating_mul(2);
            found = mine(asked, most);
        }
        let mut best = (asked, found.unwrap_or_default());
        while best.0 > least {
            let lower = (best.0 / 2).max(least);
            match mine(lower, most) {
                Ok(sets) => best = (lower, sets),
                Err(TooMany) => break,
            }
        }
        best
    }

    /// Every way to leave one item of a set out that is right often enough.
    fn rules(&self, itemsets: &Itemsets, orders: u32) -> Vec<Found> {
        let counts: HashMap<&[u32], u32> = itemsets.iter().collect();
        let count = |set: &[u32]| counts.get(set).copied().unwrap_or(0);
        let sets: Vec<(&[u32], u32)> = itemsets.iter().filter(|(set, _)| set.len() >= 2).collect();
        let of_set = |(set, baskets): (&[u32], u32)| {
            let rules = set.iter().filter_map(|&consequent| {
                let antecedent: Vec<u32> = set.iter().copied().filter(|&item| item != consequent).collect();
                let evidence = Evidence { baskets, antecedent: count(&antecedent), consequent: count(&[consequent]), orders };
                let confident = f64::from(baskets) >= self.min_confidence * f64::from(evidence.antecedent) - 1e-9;
                confident.then(|| {
                    let redundant = is_redundant(&antecedent, consequent, evidence, &count);
                    Found { antecedent, consequent, evidence, redundant }
                })
            });
            rules.collect::<Vec<_>>()
        };
        sets.into_par_iter().flat_map_iter(of_set).collect()
    }
}

/// Whether some part of the antecedent, or nothing at all, leads to the consequent at least as surely.
fn is_redundant(antecedent: &[u32], consequent: u32, evidence: Evidence, count: &impl Fn(&[u32]) -> u32) -> bool {
    // a / b >= c / d without rounding
    let as_sure =
        |baskets: u32, of: u32| u64::from(baskets) * u64::from(evidence.antecedent) >= u64::from(evidence.baskets) * u64::from(of);
    let part_is_as_sure = |part: u32| {
        let mut set: Vec<u32> = (0..antecedent.len()).filter(|ix| part >> ix & 1 == 1).map(|ix| antecedent[ix]).collect();
        let of = count(&set);
        set.insert(set.partition_point(|&item| item < consequent), consequent);
        as_sure(count(&set), of)
    };
    as_sure(evidence.consequent, evidence.orders) || (1..(1_u32 << antecedent.len()) - 1).any(part_is_as_sure)
}

/// A rule in numbers.
struct Found {
    antecedent: Vec<u32>,
    consequent: u32,
    evidence: Evidence,
    redundant: bool,
}

/// A rule in the shop's words.
struct Rule<'a> {
    level: RuleLevel,
    antecedent: Vec<&'a str>,
    consequent: &'a str,
    evidence: Evidence,
    p_value: f64,
    redundant: bool,
}

fn to_table(rules: &[Rule<'_>]) -> Rules {
    let counts = |of: fn(&Evidence) -> u32| -> UInt32Array { rules.iter().map(|rule| of(&rule.evidence)).collect::<Vec<_>>().into() };
    let level = |rule: &Rule<'_>| RuleLevel::ALL.iter().position(|level| *level == rule.level).unwrap_or(0) as u8;
    Rules {
        level: rules.iter().map(level).collect::<Vec<u8>>().into(),
        antecedent: Rules::antecedents(rules.iter().map(|rule| rule.antecedent.clone())),
        consequent: StringArray::from_iter_values(rules.iter().map(|rule| rule.consequent)),
        baskets: counts(|evidence| evidence.baskets),
        antecedent_baskets: counts(|evidence| evidence.antecedent),
        consequent_baskets: counts(|evidence| evidence.consequent),
        p_value: Float64Array::from_iter_values(rules.iter().map(|rule| rule.p_value)),
        redundant: rules.iter().map(|rule| Some(rule.redundant)).collect::<BooleanArray>(),
    }
}

/// The orders in categories, with all steps of their paths.
fn in_categories(categories: &Categories, of_items: &Baskets) -> Baskets {
    let mut baskets = Baskets::new(categories.names.len());
    let mut held: Vec<u32> = Vec::new();
    for order in of_items.iter() {
        held.clear();
        held.extend(order.iter().flat_map(|&item| categories.of_item(item)));
        held.sort_unstable();
        held.dedup();
        baskets.push(held.iter().copied());
    }
    baskets
}

#[cfg(test)]
mod tests;
