//! Reusable working memory of one scoring thread: dense per item, emptied by a new epoch instead of by writing.

use super::contest::{Contest, Entrant};
use super::ranker::{BASKET_FEATURES, EXPLORE_FEATURES, REPEAT_FEATURES};
use crate::ItemIx;

/// What the signals say of one item so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    epoch: u32,
    /// Must not be shown.
    pub(crate) blocked: bool,
    /// The rule on purchased items keeps it back.
    pub(crate) kept_back: bool,
    /// Already taken as a candidate or into the answer.
    pub(crate) taken: bool,
    /// What the linear item model says; 0 when it says nothing.
    pub(crate) affinity: f32,
    /// What customers alike bought lately; 0 when they did not.
    pub(crate) lately: f32,
    /// Product over the basket of (1 - confidence), less one: 0 when nothing in the basket points here.
    pub(crate) basket_miss: f32,
    /// Items of the basket that point here, and the sum of their shrunk cosines.
    pub(crate) basket_pointing: u32,
    pub(crate) basket_cosine: f32,
    /// The basket item with the highest confidence, and that confidence.
    pub(crate) basket_from: u32,
    pub(crate) basket_strongest: f32,
    pub(crate) basket_together: u32,
}

/// Working memory for [`Recommender::recommend`](super::Recommender::recommend). Make one a thread and use it again.
#[derive(Debug, Default)]
pub struct Scratch {
    epoch: u32,
    items: Vec<Tally>,
    /// Sum over the history of its neighbours' scores with each item, weighted by how lately.
    pub(crate) together: Sums,
    /// Working memory for choosing candidates.
    pub(crate) keys: Vec<u64>,
    pub(crate) basket_touched: Vec<u32>,
    /// Weight of each category and brand in the customer's history.
    pub(crate) categories: Weights,
    pub(crate) brands: Weights,
    /// Items of the basket by category.
    pub(crate) basket_categories: Weights,
    /// Items of the answer by category.
    pub(crate) shown_categories: Weights,
    pub(crate) seeds: Vec<(f32, u32)>,
    /// Candidates of the answer, at their final log-odds.
    pub(crate) scored: Vec<Entrant>,
    pub(crate) repeat_contest: Contest<{ REPEAT_FEATURES.len() }>,
    pub(crate) explore_contest: Contest<{ EXPLORE_FEATURES.len() }>,
    pub(crate) basket_contest: Contest<{ BASKET_FEATURES.len() }>,
}

impl Scratch {
    /// Empties the memory for a model of so many items.
    pub(crate) fn reset(&mut self, items: usize) {
        self.epoch = self.epoch.wrapping_add(1);
        if self.items.len() != items || self.epoch == 0 {
            self.items = vec![Tally::default(); items];
            self.epoch = 1;
        }
        self.together.reset(items);
        self.basket_touched.clear();
        self.seeds.clear();
        self.scored.clear();
    }

    /// The tally of an item, fresh if this question has not touched it yet.
    pub(crate) fn tally(&mut self, item: ItemIx) -> &mut Tally {
        let tally = &mut self.items[item.row()];
        if tally.epoch != self.epoch {
            *tally = Tally { epoch: self.epoch, ..Tally::default() };
        }
        tally
    }
}

/// A sum for each item, of which only those that were touched are emptied: dense, so that adding stays in the cache.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    of: Vec<f32>,
    /// Room for every item and one more; the first `count` hold what was touched.
    touched: Vec<u32>,
    count: usize,
}

impl Sums {
    fn reset(&mut self, items: usize) {
        if self.of.len() == items {
            self.touched[..self.count].iter().for_each(|&item| self.of[item as usize] = 0.0);
        } else {
            self.of = vec![0.0; items];
            self.touched = vec![0; items + 1];
        }
        self.count = 0;
    }

    /// Adds `weight` times each score to its item. Scores are above 0.
    pub(crate) fn add(&mut self, scores: &[(u32, f32)], weight: f32) {
        let (of, touched, mut count) = (&mut self.of[..], &mut self.touched[..], self.count);
        for &(item, score) in scores {
            let sum = &mut of[item as usize];
            // written always and kept only for a first touch: which it is cannot be foretold, so a branch would stall
            touched[count] = item;
            count += usize::from(*sum == 0.0);
            *sum += weight * score;
        }
        self.count = count;
    }

    /// The sum of an item.
    pub(crate) fn of(&self, item: ItemIx) -> f32 {
        self.of[item.row()]
    }

    /// Takes an item out.
    pub(crate) fn forget(&mut self, item: ItemIx) {
        self.of[item.row()] = 0.0;
    }

    /// Every item with a sum, and the sum.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.touched[..self.count].iter().map(|&item| (item, self.of[item as usize])).filter(|&(_, sum)| sum > 0.0)
    }
}

/// Weights of a few of many groups.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    of: Vec<(f32, f32)>,
    touched: Vec<u32>,
    total: f32,
}

impl Weights {
    /// Empties the weights, for so many groups.
    pub(crate) fn reset(&mut self, groups: usize) {
        self.touched.drain(..).for_each(|group| self.of[group as usize] = (0.0, 0.0));
        self.of.resize(groups, (0.0, 0.0));
        self.total = 0.0;
    }

    /// Adds a weight and a count to a group; [`NONE`](crate::items::NONE) belongs nowhere.
    pub(crate) fn add(&mut self, group: u32, weight: f32, count: f32) {
        let Some(entry) = self.of.get_mut(group as usize) else { return };
        if *entry == (0.0, 0.0) {
            self.touched.push(group);
        }
        entry.0 += weight;
        entry.1 += count;
        self.total += weight;
    }

    /// The group's share of all weight, 0 to 1, and its count.
    pub(crate) fn share(&self, group: u32) -> (f32, f32) {
        self.of.get(group as usize).map_or((0.0, 0.0), |&(weight, count)| (weight / self.total.max(f32::MIN_POSITIVE), count))
    }

    /// The heaviest group.
    pub(crate) fn heaviest(&self) -> Option<u32> {
        self.touched.iter().copied().max_by(|&a, &b| self.of[a as usize].0.total_cmp(&self.of[b as usize].0).then(b.cmp(&a)))
    }
}
