//! Co-purchase: counts which items share groups (orders or customers) and keeps the best neighbours of each.

use rayon::prelude::*;
use shopkeeper_models::ItemIx;
use shopkeeper_models::co_purchase::{CoPurchase, Neighbour};

use crate::log::Past;

/// How neighbours are chosen.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CoPurchaseParams {
    /// Neighbours kept an item. Default 40.
    pub neighbours: usize,
    /// Groups that must hold both items. Default 2.
    pub min_together: u32,
    /// Added to the denominator of the cosine, so that few groups prove little. Default 10.
    pub shrinkage: f32,
}

impl Default for CoPurchaseParams {
    fn default() -> Self {
        Self { neighbours: 40, min_together: 2, shrinkage: 10.0 }
    }
}

/// Which groups hold which items, both ways, as compressed sparse rows.
struct Incidence {
    group_offsets: Vec<u32>,
    group_items: Vec<u32>,
    item_offsets: Vec<u32>,
    item_groups: Vec<u32>,
}

impl CoPurchaseParams {
    /// From orders: items bought together. Lines that came back do not count.
    pub fn fit_orders(&self, past: &Past<'_>) -> CoPurchase {
        let mut group_offsets = vec![0_u32];
        let mut group_items = Vec::new();
        for order in (0..past.log().customers()).flat_map(|customer| past.orders_of(customer)) {
            group_items.extend(past.lines_of(order).filter(|line| line.quantity > 0.0).map(|line| line.item));
            group_offsets.push(group_items.len() as u32);
        }
        self.fit(&Incidence::new(group_offsets, group_items, past.log().items()))
    }

    /// From customers: items bought by the same customers.
    pub fn fit_customers(&self, items_of_customers: &[Vec<u32>], items: usize) -> CoPurchase {
        let mut group_offsets = vec![0_u32];
        let mut group_items = Vec::new();
        for bought in items_of_customers {
            group_items.extend_from_slice(bought);
            group_offsets.push(group_items.len() as u32);
        }
        self.fit(&Incidence::new(group_offsets, group_items, items))
    }

    /// One dense row of counts a thread: memory is that row, whatever the number of pairs.
    fn fit(&self, incidence: &Incidence) -> CoPurchase {
        let items = incidence.item_offsets.len() - 1;
        let rows: Vec<Vec<Neighbour>> = (0..items)
            .into_par_iter()
            .with_min_len(64)
            .map_init(|| (vec![0_u32; items], Vec::new()), |(counts, touched), item| self.neighbours_of(item, incidence, counts, touched))
            .collect();
        CoPurchase::new(&rows)
    }

    fn neighbours_of(&self, item: usize, incidence: &Incidence, counts: &mut [u32], touched: &mut Vec<u32>) -> Vec<Neighbour> {
        let size = |item: usize| (incidence.item_offsets[item + 1] - incidence.item_offsets[item]) as f32;
        if size(item) < self.min_together as f32 {
            return Vec::new();
        }
        for &group in incidence.groups(item) {
            for &other in incidence.items(group as usize) {
                let count = &mut counts[other as usize];
                if *count == 0 {
                    touched.push(other);
                }
                *count += 1;
            }
        }
        let own = size(item);
        let mut neighbours = Vec::with_capacity(touched.len().min(4 * self.neighbours));
        for other in touched.drain(..) {
            let together = std::mem::take(&mut counts[other as usize]);
            if together >= self.min_together && other as usize != item {
                let score = together as f32 / ((own * size(other as usize)).sqrt() + self.shrinkage);
                neighbours.push(Neighbour { item: ItemIx(other), together, score });
            }
        }
        let order = |a: &Neighbour, b: &Neighbour| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item));
        if neighbours.len() > self.neighbours {
            neighbours.select_nth_unstable_by(self.neighbours - 1, order);
            neighbours.truncate(self.neighbours);
        }
        neighbours.sort_unstable_by(order);
        neighbours.shrink_to_fit();
        neighbours
    }
}

impl Incidence {
    fn new(group_offsets: Vec<u32>, group_items: Vec<u32>, items: usize) -> Self {
        let mut item_offsets = vec![0_u32; items + 1];
        group_items.iter().for_each(|&item| item_offsets[item as usize + 1] += 1);
        (1..=items).for_each(|item| item_offsets[item] += item_offsets[item - 1]);
        let (mut next, mut item_groups) = (item_offsets.clone(), vec![0; group_items.len()]);
        for group in 0..group_offsets.len() - 1 {
            for &item in &group_items[group_offsets[group] as usize..group_offsets[group + 1] as usize] {
                item_groups[next[item as usize] as usize] = group as u32;
                next[item as usize] += 1;
            }
        }
        Self { group_offsets, group_items, item_offsets, item_groups }
    }

    fn items(&self, group: usize) -> &[u32] {
        &self.group_items[self.group_offsets[group] as usize..self.group_offsets[group + 1] as usize]
    }

    fn groups(&self, item: usize) -> &[u32] {
        &self.item_groups[self.item_offsets[item] as usize..self.item_offsets[item + 1] as usize]
    }
}
