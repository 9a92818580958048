//! Factors: implicit matrix factorisation by alternating least squares (Hu, Koren & Volinsky 2008, Collaborative Filtering for Implicit
//! Feedback Datasets, equations 3 to 5), each least squares by a few steps of conjugate gradients from the last answer (Takács, Pilászy & Tikk
//! 2011, Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative Filtering, section 3).

use rayon::prelude::*;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::factors::{Factors, WIDTH, product};
use shopkeeper_models::histories::Histories;

use crate::split_mix::{STEP, split_mix};

/// How factors are fitted.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct FactorsParams {
    /// Rounds of fitting the customers to the items and the items to the customers; 0 = none. Default 8.
    pub rounds: usize,
    /// Steps of conjugate gradients a round. Default 3.
    pub steps: usize,
    /// Weight of the ridge. Default 5.
    pub ridge: f32,
    /// Weight of a bought item, times 1 + ln(orders of it), where one that was not bought weighs 1. Default 10.
    pub confidence: f32,
    /// Items with fewer buyers get no factors. Default 3.
    pub least_buyers: usize,
}

impl Default for FactorsParams {
    fn default() -> Self {
        Self { rounds: 8, steps: 3, ridge: 5.0, confidence: 10.0, least_buyers: 3 }
    }
}

type Point = [f32; WIDTH];
/// What one row was bought with: the other side's row, and the weight of that.
type Row = Vec<(u32, f32)>;

/// Rows that one task sums.
const BLOCK: usize = 4096;

impl FactorsParams {
    /// The points of the customers and of the items, from the histories over so many items.
    pub fn fit(&self, histories: &Histories, items: usize) -> (Factors, Factors) {
        let mut buyers: Vec<Row> = vec![Vec::new(); items];
        for customer in 0..histories.customers() as u32 {
            for bought in histories.of(CustomerIx(customer)).filter(|bought| bought.orders > 0) {
                buyers[bought.item.row()].push((customer, self.confidence * (1.0 + (bought.orders as f32).ln())));
            }
        }
        let mut bought: Vec<Row> = vec![Vec::new(); histories.customers()];
        for (item, buyers) in buyers.iter_mut().enumerate() {
            if buyers.len() < self.least_buyers {
                buyers.clear();
            }
            buyers.iter().for_each(|&(customer, weight)| bought[customer as usize].push((item as u32, weight)));
        }
        let mut customers = vec![[0.0; WIDTH]; bought.len()];
        let mut points: Vec<Point> = (0..items).map(start).collect();
        for _ in 0..self.rounds {
            self.solve(&bought, &points, &mut customers);
            self.solve(&buyers, &customers, &mut points);
        }
        points
            .iter_mut()
            .zip(&buyers)
            .filter(|(_, buyers)| buyers.is_empty() || self.rounds == 0)
            .for_each(|(point, _)| *point = [0.0; WIDTH]);
        (Factors::new(&customers), Factors::new(&points))
    }

    /// Moves each point towards (Y'Y + Y'(C - I)Y + ridge I)^-1 Y'C p, equation 4, where Y are the points of the other side.
    fn solve(&self, rows: &[Row], others: &[Point], points: &mut [Point]) {
        let gram = self.gram(others);
        points.par_iter_mut().zip(rows).with_min_len(64).for_each(|(point, row)| {
            if row.is_empty() {
                return;
            }
            // the matrix of the normal equations times a vector
            let times = |x: &Point| {
                let mut sum = [0.0; WIDTH];
                gram.iter().zip(x).for_each(|(line, &x)| add(&mut sum, x, line));
                for &(other, weight) in row {
                    let other = &others[other as usize];
                    add(&mut sum, (weight - 1.0) * product(other, x), other);
                }
                sum
            };
            let mut residual = times(point).map(|value| -value);
            row.iter().for_each(|&(other, weight)| add(&mut residual, weight, &others[other as usize]));
            let mut direction = residual;
            let mut left = product(&residual, &residual);
            for _ in 0..self.steps {
                if left < 1e-12 {
                    break;
                }
                let image = times(&direction);
                let step = left / product(&direction, &image);
                add(point, step, &direction);
                add(&mut residual, -step, &image);
                let next = product(&residual, &residual);
                let mut turned = residual;
                add(&mut turned, next / left, &direction);
                (direction, left) = (turned, next);
            }
        });
    }

    /// Y'Y + ridge I, block by block so that the sums do not depend on the threads.
    fn gram(&self, points: &[Point]) -> [Point; WIDTH] {
        let blocks: Vec<[Point; WIDTH]> = points
            .par_chunks(BLOCK)
            .map(|points| {
                let mut sum = [[0.0; WIDTH]; WIDTH];
                points.iter().for_each(|point| sum.iter_mut().zip(point).for_each(|(line, &x)| add(line, x, point)));
                sum
            })
            .collect();
        let mut gram = [[0.0; WIDTH]; WIDTH];
        blocks.iter().for_each(|block| gram.iter_mut().zip(block).for_each(|(line, more)| add(line, 1.0, more)));
        gram.iter_mut().enumerate().for_each(|(at, line)| line[at] += self.ridge);
        gram
    }
}

/// Adds a multiple of a point to a sum.
fn add(sum: &mut Point, factor: f32, point: &Point) {
    sum.iter_mut().zip(point).for_each(|(sum, x)| *sum += factor * x);
}

/// Where an item starts: a small point of its own, the same in every run.
fn start(item: usize) -> Point {
    std::array::from_fn(|at| {
        let drawn = split_mix(((item * WIDTH + at) as u64).wrapping_mul(STEP));
        ((drawn >> 40) as f32 / (1 << 24) as f32 - 0.5) * 0.02
    })
}

#[cfg(test)]
mod tests {
    use shopkeeper_models::ItemIx;
    use shopkeeper_models::histories::Bought;

    use super::*;

    /// Two crowds of forty, each with sixty items of its own, of which each customer has bought two thirds by chance.
    fn crowds() -> Histories {
        let bought = |item: u32| Bought {
            item: ItemIx(item),
            orders: 1,
            recent_orders: 1,
            units: 1.0,
            days_since_last: 1,
            days_since_first: 1,
            fast: 1.0,
            slow: 1.0,
            by_order: 1.0,
        };
        let row = |customer: u32| (0..120).filter(|&item| has(customer, item)).map(bought).collect();
        Histories::new(&(0..80).map(row).collect::<Vec<_>>())
    }

    fn has(customer: u32, item: u32) -> bool {
        item / 60 == customer / 40 && start((120 * customer + item) as usize)[0] < 0.01 / 3.0
    }

    #[test]
    fn a_customer_is_nearer_to_what_their_crowd_buys() {
        let (customers, items) = FactorsParams::default().fit(&crowds(), 120);
        for customer in 0..80_u32 {
            let mean = |crowd: u32| {
                let others = (60 * crowd..60 * (crowd + 1)).filter(|&item| !has(customer, item));
                let wants: Vec<f32> = others.map(|item| product(customers.of(customer as usize), items.of(item as usize))).collect();
                wants.iter().sum::<f32>() / wants.len() as f32
            };
            let (own, strange) = (mean(customer / 40), mean(1 - customer / 40));
            assert!(own > strange + 0.3 && strange.abs() < 0.1, "{customer}: {own} {strange}");
        }
    }

    #[test]
    fn what_too_few_bought_has_no_place_and_threads_change_nothing() {
        let params = FactorsParams { least_buyers: 41, ..FactorsParams::default() };
        let (_, items) = params.fit(&crowds(), 121);
        assert!((0..121).all(|item| items.of(item) == &[0.0; WIDTH]));
        let fit = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| FactorsParams::default().fit(&crowds(), 120))
        };
        let ((one, _), (three, _)) = (fit(1), fit(3));
        assert!((0..80).all(|customer| one.of(customer) == three.of(customer)));
    }
}
