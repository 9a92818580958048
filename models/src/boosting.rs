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
        self.leaf(0, |feature| x[feature] as f32)
    }

    /// The leaf below a node.
    fn leaf(&self, mut node: usize, x: impl Fn(usize) -> f32) -> f64 {
        loop {
            match self.0[node] {
                Node::Leaf { value } => return value.into(),
                Node::Split { feature, at, below, above } => node = if x(feature as usize) <= at { below } else { above } as usize,
            }
        }
    }

    /// The leaf that `x` falls into; adds to the entry of each group of features by how much it lies above the leaf that `x` would fall into with 0
    /// for the features of the group. Only a group that is asked for on the way can move anything.
    fn moved<const GROUPS: usize>(&self, x: &[f32], group_of: &[u8], moved: &mut [f64; GROUPS]) -> f64 {
        let (mut node, mut asked) = (0, [None; GROUPS]);
        let value = loop {
            match self.0[node] {
                Node::Leaf { value } => break f64::from(value),
                Node::Split { feature, at, below, above } => {
                    asked[group_of[feature as usize] as usize].get_or_insert(node);
                    node = if x[feature as usize] <= at { below } else { above } as usize;
                }
            }
        };
        for (group, (asked, moved)) in asked.into_iter().zip(moved).enumerate() {
            if let Some(node) = asked {
                *moved += value - self.leaf(node, |feature| if usize::from(group_of[feature]) == group { 0.0 } else { x[feature] });
            }
        }
        value
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

    /// The sum, and by how much each group of features moves it: what it falls by with 0 for all of them. `group_of` has an entry a feature.
    pub fn moved<const GROUPS: usize>(&self, x: &[f64], group_of: &[u8]) -> (f64, [f64; GROUPS]) {
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let mut moved = [0.0; GROUPS];
        let sum = self.trees.iter().map(|tree| tree.moved(&x, group_of, &mut moved)).sum::<f64>();
        (self.start + sum, moved)
    }

    /// Whether every number is finite and every path ends, for so many features.
    pub fn is_sound(&self, features: usize) -> bool {
        self.start.is_finite() && self.trees.iter().all(|tree| tree.is_sound(features))
    }
}
