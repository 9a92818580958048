//! Stability: how much of what a customer is shown stays from one fit to the next.

use rayon::prelude::*;
use shopkeeper_models::CustomerIx;
use shopkeeper_models::calendar::Day;
use shopkeeper_models::evaluation::Stability;
use shopkeeper_models::recommender::{Query, Recommender, Scratch};

use super::K;
use super::methods::served;

/// What each customer with an order would have been shown at some day.
#[derive(Clone, Debug)]
pub struct Shown {
    day: Day,
    answers: Vec<(CustomerIx, Vec<u32>)>,
}

impl Shown {
    /// By a recommender that was fitted at `day`.
    pub fn at(day: Day, recommender: &Recommender) -> Self {
        let customers = (0..recommender.customers() as u32).into_par_iter().map(CustomerIx);
        let buyers = customers.filter(|customer| recommender.parts().orders.value(customer.row()) > 0);
        let ask = |scratch: &mut Scratch, customer: CustomerIx| (customer, ask(recommender, customer, scratch));
        Self { day, answers: buyers.map_init(Scratch::default, ask).collect() }
    }

    /// How much of it is shown by a recommender fitted on the same log at a later `day`; `None` when nobody was shown anything.
    pub fn stability(&self, day: Day, later: &Recommender) -> Option<Stability> {
        let kept = |scratch: &mut Scratch, (customer, before): &(CustomerIx, Vec<u32>)| {
            let now = ask(later, *customer, scratch);
            let stayed = before.iter().filter(|item| now.contains(item)).count();
            (!before.is_empty()).then(|| stayed as f64 / before.len() as f64)
        };
        let kept: Vec<f64> = self.answers.par_iter().map_init(Scratch::default, kept).flatten().collect();
        (!kept.is_empty()).then(|| Stability {
            days: (day - self.day).max(0) as u32,
            customers: kept.len() as u32,
            kept: kept.iter().sum::<f64>() / kept.len() as f64,
        })
    }
}

fn ask(recommender: &Recommender, customer: CustomerIx, scratch: &mut Scratch) -> Vec<u32> {
    served(recommender, &Query { customer: Some(customer), n: K, ..Query::default() }, scratch)
}
