//! Segments: clusters of customers, once by behaviour and, where the shop has categories, once by needs.

use std::sync::Arc;

use arrow::array::{Array, Float64Array, ListArray, StringArray, UInt8Array, UInt32Array};
use serde::{Deserialize, Serialize};

use crate::table::{Nullable, check_bounds, column, list_of_structs, list_parts, row_range, table};
use crate::{ItemIx, ModelError};

/// What customers of a segment have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentKind {
    /// How lately, how often and for how much they buy.
    #[default]
    Behaviour,
    /// Which categories they spend their money on.
    Needs,
}

impl SegmentKind {
    /// Every kind; the position here is what the table holds.
    pub const ALL: [Self; 2] = [Self::Behaviour, Self::Needs];

    /// The name in files and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Behaviour => "behaviour",
            Self::Needs => "needs",
        }
    }

    /// What ids of this kind begin with.
    pub fn letter(self) -> char {
        match self {
            Self::Behaviour => 's',
            Self::Needs => 'n',
        }
    }
}

table! {
    /// One row a segment: those by behaviour, highest mean spend first, then those by needs, largest first. Groups that no cluster was found for
    /// (customers without a purchase, outliers) stand behind the others of their kind.
    pub struct Segments in "segments.arrow" {
        /// Stable id, such as `s1` or `n1`: the same from one version to the next as long as the segment is.
        pub segment_id: StringArray,
        /// Position in [`SegmentKind::ALL`].
        pub kind: UInt8Array,
        /// Short readable name, different for every segment.
        pub name: StringArray,
        /// What sets it apart, in sentences with figures.
        pub description: StringArray,
        /// As-of day of the first version that had it, `2017-12-04`.
        pub since: StringArray,
        /// What became of it since the version before: `new`, `kept`, `split` or `merged`.
        pub change: StringArray,
        /// Segments of the version before that its customers came from where it was split off or merged, such as `s2, s5`; null otherwise.
        pub from: Nullable<StringArray>,
        /// Customers in it.
        pub customers: UInt32Array,
        /// Mean purchase days; this and the other means are over the customers with an order.
        pub mean_purchase_days: Float64Array,
        /// Mean days since the last purchase.
        pub mean_days_since_last: Float64Array,
        /// Mean typical days between purchases.
        pub mean_gap_days: Float64Array,
        /// Mean spend.
        pub mean_spend: Float64Array,
        /// Mean spend a purchase day.
        pub mean_spend_a_day: Float64Array,
        /// Mean of the distinct items bought.
        pub mean_distinct_items: Float64Array,
        /// Mean of the distinct categories bought; 0 without categories.
        pub mean_distinct_categories: Float64Array,
        /// Share of one-time buyers among the customers with an order, 0 to 1.
        pub bought_once: Float64Array,
        /// Spend of all of them together.
        pub total_spend: Float64Array,
        /// Mean churn probability; null when churn was not fitted or nobody in it has one.
        pub mean_churn_probability: Nullable<Float64Array>,
        /// Mean expected spend within the horizon; null like the churn probability.
        pub mean_expected_spend: Nullable<Float64Array>,
        /// Expected spend of all of them together; null like the churn probability.
        pub total_expected_spend: Nullable<Float64Array>,
        /// Most bought items of its customers lately: list of (item, buyers), most buyers first.
        pub favourites: ListArray,
        /// Items that more of its customers bought than of all customers: list of (item, buyers, lift), highest lift first.
        pub over_items: ListArray,
        /// Categories that hold more of its customers' spend than of all customers': list of (category, share, lift), highest lift first.
        pub over_categories: ListArray,
    }
}

/// The favourites of every segment, unpacked.
#[derive(Clone, Debug)]
pub struct Favourites {
    offsets: arrow::buffer::OffsetBuffer<i32>,
    item: UInt32Array,
    buyers: UInt32Array,
}

/// An item that is bought by more customers of a segment than of the shop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OverItem {
    /// The item.
    pub item: ItemIx,
    /// Customers of the segment who bought it.
    pub buyers: u32,
    /// Share of the segment's customers who bought it over the share of all customers; above 1.
    pub lift: f64,
}

/// A category that holds more of a segment's spend than of the shop's.
#[derive(Clone, Debug, PartialEq)]
pub struct OverCategory {
    /// Its name.
    pub category: String,
    /// Mean share of a customer's spend, over the segment's customers, 0 to 1.
    pub share: f64,
    /// That over the mean of all customers; above 1.
    pub lift: f64,
}

impl Segments {
    /// How many segments there are, of all kinds.
    pub fn len(&self) -> usize {
        self.segment_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The row of the segment with this id.
    pub fn find(&self, id: &str) -> Option<usize> {
        (0..self.len()).find(|&row| self.segment_id.value(row) == id)
    }

    /// What the customers of a segment have in common.
    pub fn kind(&self, row: usize) -> SegmentKind {
        SegmentKind::ALL[self.kind.value(row) as usize]
    }

    /// The rows of a kind.
    pub fn of_kind(&self, kind: SegmentKind) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(move |&row| self.kind(row) == kind)
    }

    /// The favourites, checked against the number of items.
    pub fn favourites(&self, items: usize) -> Result<Favourites, ModelError> {
        let (offsets, entries) = list_parts(Self::FILE, &self.favourites)?;
        let item: UInt32Array = column(Self::FILE, &entries, "item")?;
        check_bounds(Self::FILE, "favourites.item", &item, items)?;
        Ok(Favourites { offsets, item, buyers: column(Self::FILE, &entries, "buyers")? })
    }

    /// The over-indexed items of a segment, highest lift first.
    pub fn over_items(&self, row: usize) -> Result<Vec<OverItem>, ModelError> {
        let (offsets, entries) = list_parts(Self::FILE, &self.over_items)?;
        let item: UInt32Array = column(Self::FILE, &entries, "item")?;
        let buyers: UInt32Array = column(Self::FILE, &entries, "buyers")?;
        let lift: Float64Array = column(Self::FILE, &entries, "lift")?;
        let one = |at| OverItem { item: ItemIx(item.value(at)), buyers: buyers.value(at), lift: lift.value(at) };
        Ok(row_range(&offsets, row).map(one).collect())
    }

    /// The over-indexed categories of a segment, highest lift first.
    pub fn over_categories(&self, row: usize) -> Result<Vec<OverCategory>, ModelError> {
        let (offsets, entries) = list_parts(Self::FILE, &self.over_categories)?;
        let category: StringArray = column(Self::FILE, &entries, "category")?;
        let share: Float64Array = column(Self::FILE, &entries, "share")?;
        let lift: Float64Array = column(Self::FILE, &entries, "lift")?;
        let one = |at| OverCategory { category: category.value(at).to_owned(), share: share.value(at), lift: lift.value(at) };
        Ok(row_range(&offsets, row).map(one).collect())
    }

    pub(crate) fn check(&self, items: usize) -> Result<(), ModelError> {
        if let Some(kind) = self.kind.values().iter().find(|&&kind| kind as usize >= SegmentKind::ALL.len()) {
            return Err(ModelError::corrupt(Self::FILE, format!("kind {kind}"), format!("a number below {}", SegmentKind::ALL.len())));
        }
        if self.is_empty() {
            return Err(ModelError::corrupt(Self::FILE, "no segment", "at least one"));
        }
        let (_, entries) = list_parts(Self::FILE, &self.over_items)?;
        check_bounds(Self::FILE, "over_items.item", &column(Self::FILE, &entries, "item")?, items)?;
        self.over_items(0)?;
        self.over_categories(0)?;
        Ok(())
    }
}

impl Favourites {
    /// From the (item, buyers) of each segment, most buyers first.
    pub fn new(rows: &[Vec<(u32, u32)>]) -> Self {
        Self {
            offsets: crate::table::offsets(rows.iter().map(Vec::len)),
            item: rows.iter().flatten().map(|entry| entry.0).collect::<Vec<_>>().into(),
            buyers: rows.iter().flatten().map(|entry| entry.1).collect::<Vec<_>>().into(),
        }
    }

    /// The column to write.
    pub fn to_list(&self) -> ListArray {
        list_of_structs(self.offsets.clone(), vec![("item", Arc::new(self.item.clone())), ("buyers", Arc::new(self.buyers.clone()))])
    }

    /// The favourites of a segment: item and how many of the segment's customers bought it lately, most first.
    pub fn of(&self, segment: usize) -> impl Iterator<Item = (ItemIx, u32)> + '_ {
        row_range(&self.offsets, segment).map(|at| (ItemIx(self.item.value(at)), self.buyers.value(at)))
    }
}

/// How the segments of one kind were found, and what became of those of the version before. Stands in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentationSummary {
    /// Which segments.
    pub kind: SegmentKind,
    /// `k_means`, `gaussian_mixture` or `dbscan`.
    pub method: String,
    /// What customers were compared by.
    pub features: Vec<Feature>,
    /// Clusters found.
    pub clusters: u32,
    /// Why so many, in words.
    pub why: String,
    /// Every number of clusters that was tried, ascending; empty when there was nothing to try.
    pub tried: Vec<Tried>,
    /// Customers that the figures of `tried` were measured on.
    pub measured_on: u32,
    /// What else to know, such as that another method did better.
    pub notes: Vec<String>,
    /// What describes each cluster: the mean of each feature as it was measured, before scaling.
    pub centres: Vec<Centre>,
    /// The version whose ids went on, if any.
    pub previous: Option<String>,
    /// What became of the segments of that version, in words; only what is not simply kept.
    pub changes: Vec<String>,
    /// The number of the next new id.
    pub next_id: u32,
}

/// A feature and how it was put on one scale with the others: `(clamp(x, low, high) - centre) / scale`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// What it is, such as `ln(1 + purchase_days)` or `sqrt(share of Dairy)`.
    pub name: String,
    /// Lower winsorising bound.
    pub low: f64,
    /// Upper winsorising bound.
    pub high: f64,
    /// Median.
    pub centre: f64,
    /// Interquartile range / 1.349: the standard deviation of a normal distribution.
    pub scale: f64,
}

/// One number of clusters that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The method.
    pub method: String,
    /// Clusters.
    pub clusters: u32,
    /// Mean silhouette (Rousseeuw 1987), -1 to 1, larger = further apart.
    pub silhouette: f64,
    /// Mean adjusted Rand index (Hubert & Arabie 1985) between fits on bootstrap samples, each predicted on the whole: at most 1 = always the same
    /// clusters, 0 = chance.
    pub stability: f64,
    /// Share of customers in the smallest cluster, 0 to 1.
    pub smallest_share: f64,
    /// Sum of squared distances to the nearest centre, on scaled features.
    pub inertia: f64,
    /// Whether it is what was used.
    pub chosen: bool,
}

/// Where a cluster lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Centre {
    /// The segment.
    pub segment_id: String,
    /// Its name.
    pub name: String,
    /// Customers in it.
    pub customers: u32,
    /// One value a feature.
    pub values: Vec<f64>,
}
