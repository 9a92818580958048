//! A demo customer: their tempo, when they leave, what they like and what they buy by the clock for as long as they like it.

use rand::Rng;
use rand_distr::{Beta, Distribution, Exp1, Gamma, LogNormal, Poisson};

use super::TRUE_TEMPO;
use super::catalogue::{DemoCatalogue, pick_by_sum, running_sum};
use super::shelves::SHELVES;

/// How closely customers follow their household's taste: the sum of the Dirichlet parameters. Smaller = more personal.
const TASTE_CONCENTRATION: f64 = 14.0;
/// Share of customers who are there from the beginning; the others arrive evenly over the time.
const FROM_THE_START: f64 = 0.6;
/// The days within which those make their first order.
const START_DAYS: f64 = 40.0;
/// Mean days until a favourite gives way to another one.
const FAVOURED_DAYS: f64 = 150.0;

/// A kind of household.
#[derive(Debug)]
pub(super) struct Household {
    pub(super) name: &'static str,
    /// Share of customers, relative to the others.
    share: f64,
    /// Mean unplanned lines an order.
    basket: f64,
    /// Mean favourites beyond the first three.
    favourites: f64,
    /// Mean share of orders placed on the web.
    web: f64,
    /// Categories or departments that they buy more (or less) of.
    likes: &'static [(&'static str, f64)],
}

#[rustfmt::skip]
const HOUSEHOLDS: &[Household] = &[
    Household { name: "family", share: 0.24, basket: 3.6, favourites: 8.0, web: 0.30, likes: &[("Pantry/Breakfast", 2.0), ("Snacks", 1.5), ("Dairy/Milk", 1.6), ("Drinks/Wine", 0.5)] },
    Household { name: "young_family", share: 0.10, basket: 3.2, favourites: 7.0, web: 0.55, likes: &[("Baby", 25.0), ("Household/Laundry", 1.8), ("Fresh/Fruit", 1.5)] },
    Household { name: "couple", share: 0.24, basket: 2.4, favourites: 5.0, web: 0.35, likes: &[("Drinks/Wine", 2.2), ("Dairy/Cheese", 1.6), ("Fresh/Fish", 2.0), ("Pantry/Coffee", 1.5)] },
    Household { name: "single", share: 0.20, basket: 1.6, favourites: 3.5, web: 0.50, likes: &[("Frozen/Meals", 3.0), ("Drinks/Beer", 2.2), ("Snacks/Crisps", 1.8), ("Pantry/Baking", 0.3)] },
    Household { name: "pensioner", share: 0.12, basket: 2.0, favourites: 6.0, web: 0.05, likes: &[("Bakery", 2.0), ("Pantry/Tea", 2.5), ("Garden", 4.0), ("Fresh/Vegetables", 1.4)] },
    Household { name: "pet_owner", share: 0.10, basket: 2.2, favourites: 5.0, web: 0.45, likes: &[("Pet", 14.0)] },
];

/// One customer's nature.
#[derive(Debug)]
pub(super) struct Nature {
    pub(super) household: &'static Household,
    /// Orders a day while they stay: Gamma(r, alpha).
    pub(super) orders_per_day: f64,
    /// Probability of leaving after an order: Beta(a, b).
    pub(super) leave_probability: f64,
    /// Day of the first order, from the shop's first day.
    pub(super) first_order: f64,
    /// Probability that an order comes over the web.
    pub(super) web: f64,
    /// Mean unplanned lines an order.
    pub(super) basket: f64,
    /// Weight of each shelf.
    pub(super) taste: Vec<f64>,
    /// Running sums of the weights of the shelves that favourites come from.
    rhythmic: Vec<f64>,
    pub(super) favourites: Vec<Favourite>,
}

/// An item bought again whenever it is used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Favourite {
    pub(super) item: u32,
    /// Days until it is used up.
    pub(super) rhythm: f64,
    /// When it is used up next.
    pub(super) due: f64,
    /// When another item takes its place.
    pub(super) until: f64,
}

impl Nature {
    /// Draws a customer of a shop that is open for `days` days.
    pub(super) fn draw(catalogue: &DemoCatalogue, days: f64, rng: &mut impl Rng) -> Self {
        let household = &HOUSEHOLDS[pick_by_sum(&running_sum(HOUSEHOLDS.iter().map(|household| household.share)), rng)];
        let taste = household.taste(rng);
        let first_order = if rng.gen_bool(FROM_THE_START) { rng.gen_range(0.0..START_DAYS.min(days)) } else { rng.gen_range(0.0..days) };
        let rhythmic = running_sum(SHELVES.iter().zip(&taste).map(|(shelf, taste)| shelf.rhythm_days.map_or(0.0, |_| taste + 0.01)));
        let mut nature = Self {
            household,
            orders_per_day: gamma(TRUE_TEMPO.r, 1.0 / TRUE_TEMPO.alpha, rng).max(1e-4),
            leave_probability: beta(TRUE_TEMPO.a, TRUE_TEMPO.b, rng),
            first_order,
            web: beta(3.0 * household.web, 3.0 * (1.0 - household.web), rng),
            basket: household.basket * log_normal(0.3, rng),
            favourites: Vec::new(),
            rhythmic,
            taste,
        };
        for _ in 0..3 + poisson(household.favourites, rng) {
            let favourite = nature.favourite(catalogue, first_order, rng);
            if nature.favourites.iter().all(|other| other.item != favourite.item) {
                nature.favourites.push(favourite);
            }
        }
        nature
    }

    /// An item that becomes a favourite at some time.
    fn favourite(&self, catalogue: &DemoCatalogue, from: f64, rng: &mut impl Rng) -> Favourite {
        let shelf = pick_by_sum(&self.rhythmic, rng);
        let usual = SHELVES[shelf].rhythm_days.unwrap_or(30.0);
        let rhythm = usual * log_normal(0.4, rng);
        let favoured: f64 = Exp1.sample(rng);
        Favourite {
            item: catalogue.pick(shelf, rng),
            rhythm,
            due: from + rng.gen_range(0.0..rhythm),
            until: from + FAVOURED_DAYS * favoured,
        }
    }

    /// Puts other items in the place of favourites that have had their time.
    pub(super) fn change_favourites(&mut self, catalogue: &DemoCatalogue, now: f64, rng: &mut impl Rng) {
        for at in 0..self.favourites.len() {
            if self.favourites[at].until < now {
                let favourite = self.favourite(catalogue, now, rng);
                if self.favourites.iter().all(|other| other.item != favourite.item) {
                    self.favourites[at] = favourite;
                }
            }
        }
    }
}

impl Household {
    /// Dirichlet weights over the shelves, around the shelves' traffic times what the household likes.
    fn taste(&self, rng: &mut impl Rng) -> Vec<f64> {
        let liking = |category: &str| {
            let fits = |like: &&(&str, f64)| category.starts_with(like.0);
            self.likes.iter().filter(fits).map(|&(_, factor)| factor).product::<f64>()
        };
        let means: Vec<f64> = SHELVES.iter().map(|shelf| shelf.traffic * liking(shelf.category)).collect();
        let all: f64 = means.iter().sum();
        means.iter().map(|mean| gamma(TASTE_CONCENTRATION * mean / all, 1.0, rng)).collect()
    }
}

/// Gamma with a shape and a scale, both positive.
fn gamma(shape: f64, scale: f64, rng: &mut impl Rng) -> f64 {
    Gamma::new(shape, scale).map_or(0.0, |gamma| gamma.sample(rng))
}

/// Beta with two positive shapes.
fn beta(a: f64, b: f64, rng: &mut impl Rng) -> f64 {
    Beta::new(a, b).map_or(0.0, |beta| beta.sample(rng)).clamp(0.0, 1.0)
}

/// Log-normal with median 1.
pub(super) fn log_normal(sigma: f64, rng: &mut impl Rng) -> f64 {
    LogNormal::new(0.0, sigma).map_or(1.0, |spread| spread.sample(rng))
}

/// A count with this mean.
pub(super) fn poisson(mean: f64, rng: &mut impl Rng) -> u32 {
    Poisson::new(mean).map_or(0, |poisson| poisson.sample(rng) as u32)
}
