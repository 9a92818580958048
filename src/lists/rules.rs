//! Rules: what orders that hold something often hold as well, with the counts that are the evidence.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shopkeeper_models::Model;
use shopkeeper_models::rules::{Evidence, RuleLevel};

use super::columns::Cell::{Count, Flag, Number, Text, Texts};
use super::columns::{Column, column, nullable};
use super::{List, Window};

fn evidence(model: &Model, row: usize) -> Evidence {
    model.rules.evidence(row, model.manifest.association_rules.orders)
}

/// The columns of [`rules`]. A row is a row of the model's rules.
pub const RULES: &[Column<usize>] = &[
    column("level", "What it speaks of: `item` or `category`.", Text(|m, &row| Some(m.rules.level(row).name()))),
    column("antecedent", "What the order holds: ids of items or paths of categories.", Texts(|m, &row| m.rules.antecedent(row).collect())),
    column("consequent", "What it then often holds as well.", Text(|m, &row| Some(m.rules.consequent.value(row)))),
    column("size", "Items or categories in the rule, the consequent included.", Count(|m, &row| m.rules.antecedent(row).len() as u32 + 1)),
    column("baskets", "Orders with all of it.", Count(|m, &row| m.rules.baskets.value(row))),
    column("antecedent_baskets", "Orders with all of the antecedent.", Count(|m, &row| m.rules.antecedent_baskets.value(row))),
    column("consequent_baskets", "Orders with the consequent.", Count(|m, &row| m.rules.consequent_baskets.value(row))),
    column("support", "baskets / all orders, 0 to 1.", Number(|m, &row| Some(evidence(m, row).support()))),
    column("confidence", "baskets / antecedent_baskets, 0 to 1.", Number(|m, &row| Some(evidence(m, row).confidence()))),
    column(
        "lift",
        "confidence / share of all orders with the consequent; 1 = independent.",
        Number(|m, &row| Some(evidence(m, row).lift())),
    ),
    column(
        "leverage",
        "support - share with the antecedent x share with the consequent, -0.25 to 0.25; 0 = independent.",
        Number(|m, &row| Some(evidence(m, row).leverage())),
    ),
    nullable(
        "conviction",
        "(1 - share with the consequent) / (1 - confidence); 1 = independent, null = the rule never fails.",
        Number(|m, &row| evidence(m, row).conviction()),
    ),
    column(
        "chi_square",
        "Pearson's chi-square of antecedent and consequent, one degree of freedom; above 3.84 in one of twenty independent pairs.",
        Number(|m, &row| Some(evidence(m, row).chi_square())),
    ),
    column(
        "p_value",
        "Fisher's exact test, one-sided: how likely at least so many common orders are by chance, 0 to 1, not corrected for the number of rules.",
        Number(|m, &row| Some(m.rules.p_value.value(row))),
    ),
    column(
        "redundant",
        "Whether leaving some or all of the antecedent out gives at least the same confidence.",
        Flag(|m, &row| m.rules.redundant.value(row)),
    ),
];

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSort {
    /// The highest lift.
    #[default]
    Lift,
    /// The highest confidence.
    Confidence,
    /// The highest support.
    Support,
    /// The highest leverage.
    Leverage,
    /// The highest conviction; a rule that never fails stands before all others.
    Conviction,
    /// The highest chi-square.
    ChiSquare,
    /// The lowest p-value.
    PValue,
}

impl RuleSort {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Lift, Self::Confidence, Self::Support, Self::Leverage, Self::Conviction, Self::ChiSquare, Self::PValue];

    /// The name in questions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lift => "lift",
            Self::Confidence => "confidence",
            Self::Support => "support",
            Self::Leverage => "leverage",
            Self::Conviction => "conviction",
            Self::ChiSquare => "chi_square",
            Self::PValue => "p_value",
        }
    }

    /// Larger stands first.
    fn rank(self, model: &Model, row: usize) -> f64 {
        let evidence = evidence(model, row);
        match self {
            Self::Lift => evidence.lift(),
            Self::Confidence => evidence.confidence(),
            Self::Support => evidence.support(),
            Self::Leverage => evidence.leverage(),
            Self::Conviction => evidence.conviction().unwrap_or(f64::INFINITY),
            Self::ChiSquare => evidence.chi_square(),
            Self::PValue => -model.rules.p_value.value(row),
        }
    }
}

/// Which rules, and in what order. Default: all of them, those between items first, the highest lift first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleFilter {
    /// Only rules of this level.
    pub level: Option<RuleLevel>,
    /// Only rules that name it, on either side.
    pub item: Option<String>,
    /// Only rules that name it on the left.
    pub antecedent: Option<String>,
    /// Only rules that lead to it.
    pub consequent: Option<String>,
    /// The fewest items of a rule, the consequent included.
    pub min_size: usize,
    /// The most.
    pub max_size: Option<usize>,
    /// The least support, 0 to 1.
    pub min_support: f64,
    /// The least confidence, 0 to 1.
    pub min_confidence: f64,
    /// The least lift.
    pub min_lift: f64,
    /// The largest p-value, 0 to 1.
    pub max_p_value: Option<f64>,
    /// Whether to leave redundant rules out.
    pub prune: bool,
    /// What comes first; none = as they stand in the model.
    pub sort: Option<RuleSort>,
}

impl RuleFilter {
    /// Refuses a name that is neither an item nor a category of the model.
    pub fn check(&self, model: &Model) -> Result<(), String> {
        let items = model.items();
        let is_category = |name: &str| {
            let within = |path: &str| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
            (0..items.len()).any(|row| items.category.get(row).is_some_and(within))
        };
        for (parameter, name) in [("item", &self.item), ("antecedent", &self.antecedent), ("consequent", &self.consequent)] {
            if let Some(name) = name.as_deref().filter(|name| items.find(name).is_none() && !is_category(name)) {
                return Err(format!("{parameter}={name}: neither an item nor a category of the model"));
            }
        }
        Ok(())
    }

    fn keeps(&self, model: &Model, row: usize) -> bool {
        let rules = &model.rules;
        let evidence = evidence(model, row);
        let size = rules.antecedent(row).len() + 1;
        let holds = |name: &String| rules.antecedent(row).any(|part| part == name);
        let leads = |name: &String| rules.consequent.value(row) == name;
        self.level.is_none_or(|level| rules.level(row) == level)
            && (self.min_size..=self.max_size.unwrap_or(usize::MAX)).contains(&size)
            && evidence.support() >= self.min_support
            && evidence.confidence() >= self.min_confidence
            && evidence.lift() >= self.min_lift
            && self.max_p_value.is_none_or(|most| rules.p_value.value(row) <= most)
            && !(self.prune && rules.redundant.value(row))
            && self.consequent.as_ref().is_none_or(leads)
            && self.antecedent.as_ref().is_none_or(holds)
            && self.item.as_ref().is_none_or(|name| leads(name) || holds(name))
    }
}

/// The rules that pass the filter.
pub fn rules(model: &Arc<Model>, filter: &RuleFilter, window: Window) -> List {
    let mut rows: Vec<usize> = (0..model.rules.len()).filter(|&row| filter.keeps(model, row)).collect();
    if let Some(sort) = filter.sort {
        // stable: equal ones stay as they stand in the model
        rows.sort_by(|&a, &b| sort.rank(model, b).total_cmp(&sort.rank(model, a)));
    }
    let (total, range) = (rows.len(), window.of(rows.len()));
    List::of_rows(Arc::clone(model), RULES, total, rows[range].to_vec())
}
