//! Boosted regression trees that have been fitted: log-odds, or a mean, as a sum of small trees.

use serde::{Deserialize, Serialize};

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// Goes on at `below` where the feature is at most `at`, else at `above`.
    Split {
        /// Position of the feature.
        feature: u16,
        /// The largest value that goes below.
        at: f32,
        /// A later node.
        below: u16,
        /// A later node.
        above: u16,
    },
    /// Ends with this change of the sum.
    Leaf {
        /// The change.
        value: f32,
    },
}

/// A tree: the first node is its root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tree(pub Vec<Node>);

/// start + the sum of the trees' leaves is the log-odds of a yes, or a mean (Friedman 2001, "Greedy function approximation").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    /// The sum before the first tree.
    pub start: f64,
    /// The trees, in the order in which they were grown.
    pub trees: Vec<Tree>,
}

impl Tree {
    /// The leaf that `x` falls into.
    pub fn value(&self, x: &[f64]) -> f64 {
        let mut node = 0;
        loop {
            match self.0[node] {
                Node::Leaf { value } => return value.into(),
                Node::Split { feature, at, below, above } => {
                    node = if x[feature as usize] as f32 <= at { below } else { above } as usize;
                }
            }
        }
    }

    /// Whether every path ends within the tree.
    fn is_sound(&self, features: usize) -> bool {
        let node = |(place, node): (usize, &Node)| match *node {
            Node::Leaf { value } => value.is_finite(),
            Node::Split { feature, at, below, above } => {
                let later = |next: u16| (place + 1..self.0.len()).contains(&(next as usize));
                (feature as usize) < features && at.is_finite() && later(below) && later(above)
            }
        };
        !self.0.is_empty() && self.0.iter().enumerate().all(node)
    }
}

impl Boosted {
    /// The sum. `x` has one value a feature.
    pub fn sum(&self, x: &[f64]) -> f64 {
        self.start + self.trees.iter().map(|tree| tree.value(x)).sum::<f64>()
    }

    /// Whether every number is finite and every path ends, for so many features.
    pub fn is_sound(&self, features: usize) -> bool {
        self.start.is_finite() && self.trees.iter().all(|tree| tree.is_sound(features))
    }
}
