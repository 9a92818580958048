//! A demo customer's life in the shop: orders at their tempo until they leave, and what comes back.

use rand::Rng;
use rand_distr::{Distribution, Exp1};

use super::catalogue::{DemoCatalogue, pick_by_sum, running_sum};
use super::household::{Nature, log_normal, poisson};
use super::shelves::SHELVES;

/// Probability that a line comes back.
const RETURNED: f64 = 0.015;
/// The most days until it does.
const RETURN_DAYS: u32 = 21;
/// Probability that a line is on offer, and the share of the price paid then.
const ON_OFFER: (f64, f64) = (0.12, 0.8);
/// Probability that a favourite that is used up is bought on the next visit.
const REMEMBERED: f64 = 0.85;

const DAY_MS: i64 = 86_400_000;

/// One row of the purchases table.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoldLine {
    /// Order number within the customer's life, from 1.
    pub(super) order: u32,
    pub(super) item: u32,
    /// Milliseconds since the shop's first midnight.
    pub(super) at_ms: i64,
    /// Units; negative = came back.
    pub(super) quantity: i32,
    pub(super) amount: f64,
    pub(super) web: bool,
}

/// What a customer did.
#[derive(Debug, Default)]
pub(super) struct Life {
    pub(super) lines: Vec<SoldLine>,
    /// Orders, returns not counted.
    pub(super) orders: u32,
    pub(super) returns: u32,
    /// Orders made for a campaign.
    pub(super) extra: u32,
    /// First order, milliseconds since the shop's first midnight.
    pub(super) first_ms: i64,
    /// The last order, if the customer left after it.
    pub(super) left_ms: Option<i64>,
    /// What they liked when it ended.
    pub(super) favourites: Vec<u32>,
}

/// The shop as its customers see it.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) catalogue: DemoCatalogue,
    pub(super) days: u32,
    /// How much more each shelf sells on each day, row by row.
    seasons: Vec<Vec<f64>>,
}

impl Shop {
    /// Opens on `first_day` (days since 1970-01-01) for `days` days.
    pub(super) fn new(catalogue: DemoCatalogue, first_day: i32, days: u32) -> Self {
        let season = |day: u32| {
            let day_of_year = day_of_year(first_day + day as i32);
            SHELVES.iter().map(|shelf| shelf.season.factor(day_of_year)).collect()
        };
        Self { catalogue, days, seasons: (0..days).map(season).collect() }
    }

    /// Lives a customer's life: a Poisson process of orders, after each of which they leave with their own probability (BG/NBD).
    pub(super) fn live(&self, nature: &mut Nature, rng: &mut impl Rng) -> Life {
        let mut life = Life::default();
        let mut now = nature.first_order;
        let end = f64::from(self.days);
        while now < end {
            life.orders += 1;
            let at_ms = self.order(nature, now, &mut life, rng);
            life.first_ms = if life.orders == 1 { at_ms } else { life.first_ms };
            if rng.gen_bool(nature.leave_probability) {
                life.left_ms = Some(at_ms);
                break;
            }
            let wait: f64 = Exp1.sample(rng);
            now += wait / nature.orders_per_day;
        }
        self.bring_back(&mut life, rng);
        life.favourites = nature.favourites.iter().map(|favourite| favourite.item).collect();
        life
    }

    /// One more order, numbered after all others; returns its time.
    pub(super) fn order_more(&self, nature: &mut Nature, day: f64, life: &mut Life, rng: &mut impl Rng) -> i64 {
        life.extra += 1;
        let mut more = Life { orders: life.orders + life.returns + life.extra, ..Life::default() };
        let at_ms = self.order(nature, day, &mut more, rng);
        life.lines.append(&mut more.lines);
        at_ms
    }

    fn order(&self, nature: &mut Nature, now: f64, life: &mut Life, rng: &mut impl Rng) -> i64 {
        let web = rng.gen_bool(nature.web);
        let at_ms = now as i64 * DAY_MS + time_of_day(web, rng);
        nature.change_favourites(&self.catalogue, now, rng);
        let mut basket = planned(nature, now, rng);
        self.add_unplanned(&mut basket, nature, now, rng);
        self.add_complements(&mut basket, rng);
        basket.sort_unstable();
        basket.dedup();
        for item in basket {
            let quantity = 1 + i32::from(rng.gen_bool(0.18)) + i32::from(rng.gen_bool(0.05));
            let offer = if rng.gen_bool(ON_OFFER.0) { ON_OFFER.1 } else { 1.0 };
            let amount = cents(self.catalogue.items[item as usize].price * offer * f64::from(quantity));
            life.lines.push(SoldLine { order: life.orders, item, at_ms, quantity, amount, web });
        }
        at_ms
    }

    fn add_unplanned(&self, basket: &mut Vec<u32>, nature: &Nature, now: f64, rng: &mut impl Rng) {
        let season = &self.seasons[now as usize];
        let shelves = running_sum(nature.taste.iter().zip(season).map(|(taste, season)| taste * season));
        let wanted = poisson(nature.basket, rng).max(u32::from(basket.is_empty()));
        basket.extend((0..wanted).map(|_| self.catalogue.pick(pick_by_sum(&shelves, rng), rng)));
    }

    fn add_complements(&self, basket: &mut Vec<u32>, rng: &mut impl Rng) {
        for at in 0..basket.len() {
            if let Some((other, probability)) = self.catalogue.items[basket[at] as usize].complement
                && rng.gen_bool(probability)
            {
                basket.push(other);
            }
        }
    }

    /// Some lines come back within three weeks, as orders of their own with negative quantity.
    fn bring_back(&self, life: &mut Life, rng: &mut impl Rng) {
        for at in 0..life.lines.len() {
            let line = life.lines[at];
            if !rng.gen_bool(RETURNED) {
                continue;
            }
            let day = line.at_ms / DAY_MS + i64::from(rng.gen_range(1..=RETURN_DAYS));
            if day >= i64::from(self.days) {
                continue;
            }
            life.returns += 1;
            let at_ms = day * DAY_MS + time_of_day(line.web, rng);
            let order = life.orders + life.returns;
            life.lines.push(SoldLine { order, at_ms, quantity: -line.quantity, amount: -line.amount, ..line });
        }
    }
}

/// The favourites that are used up.
fn planned(nature: &mut Nature, now: f64, rng: &mut impl Rng) -> Vec<u32> {
    let mut basket = Vec::new();
    for favourite in nature.favourites.iter_mut().filter(|favourite| favourite.due <= now) {
        if rng.gen_bool(REMEMBERED) {
            basket.push(favourite.item);
            favourite.due = now + favourite.rhythm * log_normal(0.12, rng);
        }
    }
    basket
}

/// Milliseconds after midnight: shop hours in the store, mostly evenings on the web.
fn time_of_day(web: bool, rng: &mut impl Rng) -> i64 {
    let (open, close) = if web { (6.0, 23.9) } else { (8.0, 20.0) };
    let share: f64 = rng.r#gen();
    let share = if web { share.sqrt() } else { (share + rng.r#gen::<f64>()) / 2.0 };
    ((open + share * (close - open)) * 3600.0) as i64 * 1000
}

fn day_of_year(day: i32) -> u32 {
    use chrono::Datelike;
    chrono::NaiveDate::default().checked_add_signed(chrono::TimeDelta::days(day.into())).map_or(0, |date| date.ordinal0())
}

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}
