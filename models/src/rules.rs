//! Association rules: what stands in an order that holds something else, with the orders that are the evidence.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, ListArray, StringArray, UInt8Array, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::table::table;

/// What a rule speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleLevel {
    /// Items, by id.
    #[default]
    Item,
    /// Categories, by path: every step of a path is a category of its own.
    Category,
}

impl RuleLevel {
    /// Every level; the position here is what the table holds.
    pub const ALL: [Self; 2] = [Self::Item, Self::Category];

    /// The name in files and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Category => "category",
        }
    }
}

table! {
    /// One row a rule: those between items, then those between categories; highest lift first in each.
    pub struct Rules in "rules.arrow" {
        /// Position in [`RuleLevel::ALL`].
        pub level: UInt8Array,
        /// What the order holds: ids or categories, ascending.
        pub antecedent: ListArray,
        /// What it then often holds as well.
        pub consequent: StringArray,
        /// Orders with all of the antecedent and the consequent.
        pub baskets: UInt32Array,
        /// Orders with all of the antecedent.
        pub antecedent_baskets: UInt32Array,
        /// Orders with the consequent.
        pub consequent_baskets: UInt32Array,
        /// Fisher's exact test, one-sided: how likely at least so many common orders are by chance, 0 to 1.
        pub p_value: Float64Array,
        /// Whether leaving some or all of the antecedent out gives at least the same confidence.
        pub redundant: BooleanArray,
    }
}

/// The orders behind a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Orders with all of it.
    pub baskets: u32,
    /// Orders with the antecedent.
    pub antecedent: u32,
    /// Orders with the consequent.
    pub consequent: u32,
    /// All orders.
    pub orders: u32,
}

impl Evidence {
    /// P(antecedent and consequent), 0 to 1.
    pub fn support(self) -> f64 {
        share(self.baskets, self.orders)
    }

    /// P(consequent | antecedent), 0 to 1.
    pub fn confidence(self) -> f64 {
        share(self.baskets, self.antecedent)
    }

    /// Confidence over P(consequent); 1 = independent.
    pub fn lift(self) -> f64 {
        let expected = share(self.consequent, self.orders);
        if expected > 0.0 { self.confidence() / expected } else { 0.0 }
    }

    /// Support less what independence would give, -0.25 to 0.25.
    pub fn leverage(self) -> f64 {
        self.support() - share(self.antecedent, self.orders) * share(self.consequent, self.orders)
    }

    /// P(not consequent) over P(not consequent | antecedent): how much more often the rule would fail by chance. None for a rule that never fails.
    pub fn conviction(self) -> Option<f64> {
        (self.baskets < self.antecedent).then(|| (1.0 - share(self.consequent, self.orders)) / (1.0 - self.confidence()))
    }

    /// Pearson's chi-square of the two-by-two table, one degree of freedom, without correction; 0 where one side is in every order.
    pub fn chi_square(self) -> f64 {
        let [both, a, b, n] = [self.baskets, self.antecedent, self.consequent, self.orders].map(f64::from);
        let margins = a * (n - a) * b * (n - b);
        if margins > 0.0 { n * (both * n - a * b).powi(2) / margins } else { 0.0 }
    }
}

fn share(part: u32, whole: u32) -> f64 {
    if whole > 0 { f64::from(part) / f64::from(whole) } else { 0.0 }
}

impl Rules {
    /// How many.
    pub fn len(&self) -> usize {
        self.consequent.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A rule's level.
    pub fn level(&self, row: usize) -> RuleLevel {
        RuleLevel::ALL[usize::from(self.level.value(row)) % RuleLevel::ALL.len()]
    }

    /// What the order holds.
    pub fn antecedent(&self, row: usize) -> impl ExactSizeIterator<Item = &str> {
        let offsets = self.antecedent.value_offsets();
        let texts = self.antecedent.values().as_any().downcast_ref::<StringArray>();
        (offsets[row] as usize..offsets[row + 1] as usize).map(move |at| texts.map_or("", |texts| texts.value(at)))
    }

    /// The orders behind a rule, among so many.
    pub fn evidence(&self, row: usize, orders: u32) -> Evidence {
        Evidence {
            baskets: self.baskets.value(row),
            antecedent: self.antecedent_baskets.value(row),
            consequent: self.consequent_baskets.value(row),
            orders,
        }
    }

    /// The list column of antecedents.
    pub fn antecedents<'a>(of: impl Iterator<Item = Vec<&'a str>>) -> ListArray {
        let (mut lengths, mut texts) = (Vec::new(), Vec::new());
        for antecedent in of {
            lengths.push(antecedent.len());
            texts.extend(antecedent);
        }
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        ListArray::new(Arc::new(Field::new("entry", DataType::Utf8, false)), OffsetBuffer::from_lengths(lengths), texts, None)
    }

    pub(crate) fn check(&self, summary: &RulesSummary) -> Result<(), ModelError> {
        let refuse = |found: String, expected: String| Err(ModelError::corrupt(Self::FILE, found, expected));
        let texts = self.antecedent.values();
        if texts.data_type() != &DataType::Utf8 || texts.null_count() > 0 {
            return refuse(format!("antecedents of {}", self.antecedent.data_type()), "lists of texts".into());
        }
        for row in 0..self.len() {
            let Evidence { baskets, antecedent, consequent, orders } = self.evidence(row, summary.orders);
            let possible = baskets > 0 && baskets <= antecedent.min(consequent) && antecedent.max(consequent) <= orders;
            if !possible || usize::from(self.level.value(row)) >= RuleLevel::ALL.len() || !(0.0..=1.0).contains(&self.p_value.value(row)) {
                return refuse(
                    format!("a rule of {baskets} in {antecedent} and {consequent} of {orders} orders"),
                    "counts that fit".into(),
                );
            }
        }
        Ok(())
    }
}

/// How the rules were found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RulesSummary {
    /// Orders that they were looked for in: those of which something was kept.
    pub orders: u32,
    /// The least confidence, 0 to 1.
    pub min_confidence: f64,
    /// The most items of a rule, its consequent included.
    pub max_items: usize,
    /// What was found, one entry a level; none between categories in a shop without.
    pub levels: Vec<RulesFound>,
}

/// The rules of one level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RulesFound {
    /// Items or categories.
    pub level: RuleLevel,
    /// The fewest orders that hold all of a rule.
    pub min_baskets: u32,
    /// Whether that was chosen here: halved from a hundredth of the orders for as long as there are at most so many itemsets.
    pub automatic: bool,
    /// Itemsets of that support, those of one item included.
    pub itemsets: usize,
    /// Rules.
    pub rules: usize,
}
