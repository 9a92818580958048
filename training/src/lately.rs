//! Lately: what customers who buy like this one have bought lately, by ridge regression of the recent purchases on the decayed histories.
//!
//! With x_u the customer's items, each at 0.5^(days since last / `history_half_life`), and y_u the same at the shorter `target_half_life`, the
//! regression Y ~ X W has the dual solution (X X' + ridge I)^-1 Y (Saunders, Gammerman & Vovk 1998, equation 12). What it says of a customer
//! without their own row, the leave-one-out prediction, is y_u - (K Y)_u / K_uu with K the inverse (Allen 1974, PRESS). A shop with more
//! customers than can be solved has the primal solution W = (X'X + ridge I)^-1 X'Y over its most bought items instead.

use faer::Mat;
use faer::linalg::solvers::Solve;
use rayon::prelude::*;
use shopkeeper_models::affinity::Affinity;
use shopkeeper_models::histories::Histories;
use shopkeeper_models::{CustomerIx, ItemIx};

use crate::affinity::{add_pairs, factor, inverse, keep, most_bought, nothing};

/// How lately is fitted.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LatelyParams {
    /// Weight of the ridge. Default 100.
    pub ridge: f64,
    /// Days after which an item of a history counts half. Default 90.
    pub history_half_life: f64,
    /// The same for what is predicted. Default 28.
    pub target_half_life: f64,
    /// Most customers that are solved over. Default 4,000.
    pub most_customers: usize,
    /// Most items that are solved over where there are more customers. Default 2,500.
    pub most_items: usize,
    /// Scored items kept a customer beside their own. Default 150.
    pub kept: usize,
    /// Weights kept of each item's row of W, when it is solved over items. Default 200.
    pub weights_of_an_item: usize,
}

impl Default for LatelyParams {
    fn default() -> Self {
        Self {
            ridge: 100.0,
            history_half_life: 90.0,
            target_half_life: 28.0,
            most_customers: 4000,
            most_items: 2500,
            kept: 150,
            weights_of_an_item: 200,
        }
    }
}

/// An item of a history: its row, its weight there, its weight in the target.
type Weighted = (u32, f32, f32);

impl LatelyParams {
    /// From the histories, over so many items.
    pub fn fit(&self, histories: &Histories, items: usize) -> Affinity {
        let weighted: Vec<Vec<Weighted>> = (0..histories.customers() as u32)
            .into_par_iter()
            .map(|customer| {
                let weight = |days: u32, half_life: f64| 0.5_f64.powf(f64::from(days) / half_life) as f32;
                let weigh = |days: u32| (weight(days, self.history_half_life), weight(days, self.target_half_life));
                let kept = histories.of(CustomerIx(customer)).filter(|bought| bought.orders > 0);
                kept.map(|bought| (bought.item.0, weigh(bought.days_since_last))).map(|(item, (x, y))| (item, x, y)).collect()
            })
            .collect();
        let customers = weighted.iter().filter(|row| !row.is_empty()).count();
        if customers <= self.most_customers { self.over_customers(&weighted, items) } else { self.over_items(&weighted, items) }
    }

    fn over_customers(&self, weighted: &[Vec<Weighted>], items: usize) -> Affinity {
        let asked: Vec<usize> = (0..weighted.len()).filter(|&customer| !weighted[customer].is_empty()).collect();
        let side = asked.len();
        let mut buyers: Vec<Vec<(usize, f64)>> = vec![Vec::new(); items];
        for (place, &customer) in asked.iter().enumerate() {
            weighted[customer].iter().for_each(|&(item, x, _)| buyers[item as usize].push((place, f64::from(x))));
        }
        let mut gram = Mat::<f64>::zeros(side, side);
        buyers.iter().for_each(|buyers| add_pairs(&mut gram, buyers));
        let Some(kernel) = inverse(gram, self.ridge) else { return nothing(weighted.len()) };
        let rows: Vec<_> = (0..side)
            .into_par_iter()
            .map_init(
                || vec![0.0_f32; items],
                |sums, place| {
                    sums.fill(0.0);
                    let own = &weighted[asked[place]];
                    for (other, &customer) in asked.iter().enumerate() {
                        let weight = (-kernel[(place, other)] / kernel[(place, place)]) as f32;
                        weighted[customer].iter().for_each(|&(item, _, y)| sums[item as usize] += weight * y);
                    }
                    own.iter().for_each(|&(item, _, y)| sums[item as usize] += y);
                    keep(sums, &own.iter().map(|entry| entry.0).collect::<Vec<_>>(), self.kept)
                },
            )
            .collect();
        let mut all = vec![Vec::new(); weighted.len()];
        asked.iter().zip(rows).for_each(|(&customer, row)| all[customer] = row);
        Affinity::new(&all)
    }

    fn over_items(&self, weighted: &[Vec<Weighted>], items: usize) -> Affinity {
        let mut buyers = vec![0_u32; items];
        weighted.iter().flatten().for_each(|entry| buyers[entry.0 as usize] += 1);
        let solved = most_bought(&buyers, self.most_items);
        let mut place = vec![usize::MAX; items];
        solved.iter().enumerate().for_each(|(at, &item)| place[item as usize] = at);
        let side = solved.len();
        let (mut gram, mut target) = (Mat::<f64>::zeros(side, side), Mat::<f64>::zeros(side, side));
        for row in weighted {
            let known: Vec<(usize, f64, f64)> = row
                .iter()
                .filter(|entry| place[entry.0 as usize] != usize::MAX)
                .map(|&(item, x, y)| (place[item as usize], f64::from(x), f64::from(y)))
                .collect();
            for &(a, x, _) in &known {
                for &(b, other, y) in &known {
                    gram[(a, b)] += x * other;
                    target[(a, b)] += x * y;
                }
            }
        }
        let Some(factor) = factor(gram, self.ridge) else { return nothing(weighted.len()) };
        factor.solve_in_place(&mut target);
        let weights: Vec<Vec<(u32, f32)>> = (0..side)
            .into_par_iter()
            .map(|from| {
                let mut row: Vec<(u32, f32)> = (0..side).map(|to| (to as u32, target[(from, to)] as f32)).collect();
                if row.len() > self.weights_of_an_item {
                    row.select_nth_unstable_by(self.weights_of_an_item - 1, |a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
                    row.truncate(self.weights_of_an_item);
                }
                row
            })
            .collect();
        let rows: Vec<Vec<(ItemIx, f32)>> = weighted
            .par_iter()
            .map_init(
                || vec![0.0_f32; items],
                |sums, own| {
                    sums.fill(0.0);
                    for &(item, x, _) in own.iter().filter(|entry| place[entry.0 as usize] != usize::MAX) {
                        for &(to, weight) in &weights[place[item as usize]] {
                            sums[solved[to as usize] as usize] += x * weight;
                        }
                    }
                    keep(sums, &own.iter().map(|entry| entry.0).collect::<Vec<_>>(), self.kept)
                },
            )
            .collect();
        Affinity::new(&rows)
    }
}

#[cfg(test)]
mod tests {
    use shopkeeper_models::histories::Bought;

    use super::*;

    /// Two kinds of customers, by what they bought long ago; the first kind has lately taken to item 4, the second to item 5. The last customer
    /// of each kind has not yet.
    fn histories() -> Histories {
        let bought = |item: u32, days: u32| Bought {
            item: ItemIx(item),
            orders: 1,
            recent_orders: 0,
            units: 1.0,
            days_since_last: days,
            days_since_first: days,
            fast: 0.0,
            slow: 0.0,
            by_order: 0.0,
        };
        let customer = |kind: u32, adopted: bool| {
            let mut row = vec![bought(2 * kind, 40), bought(2 * kind + 1, 50)];
            row.extend(adopted.then(|| bought(4 + kind, 3)));
            row
        };
        Histories::new(&[
            customer(0, true),
            customer(0, true),
            customer(0, true),
            customer(0, false),
            customer(1, true),
            customer(1, true),
            customer(1, true),
            customer(1, false),
        ])
    }

    #[test]
    fn both_ways_of_solving_find_what_customers_alike_took_to() {
        for most_customers in [100, 1] {
            let params = LatelyParams { ridge: 0.5, most_customers, ..LatelyParams::default() };
            let lately = params.fit(&histories(), 6);
            let says = |customer: u32, item: u32| {
                let row: Vec<(ItemIx, f32)> = lately.of(CustomerIx(customer)).collect();
                row.iter().find(|entry| entry.0 == ItemIx(item)).map_or(0.0, |entry| entry.1)
            };
            assert!(says(3, 4) > 0.1 && says(3, 4) > 3.0 * says(3, 5), "{most_customers}: {} {}", says(3, 4), says(3, 5));
            assert!(says(7, 5) > 0.1 && says(7, 5) > 3.0 * says(7, 4), "{most_customers}: {} {}", says(7, 5), says(7, 4));
        }
    }
}
