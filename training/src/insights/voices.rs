//! Feedback: would they recommend the shop, what do they say, and which good customers are unhappy.

use std::collections::{BTreeMap, HashSet};

use shopkeeper_models::calendar::Day;

use super::table::{Of, Table, values};
use super::{Tables, Z, lexicon, ratio, share};
use crate::records::Feedback;

/// The most terms shown.
const TERMS: usize = 50;

/// Answers of a group.
#[derive(Clone, Debug, Default)]
struct Answers {
    answers: u64,
    promoters: u64,
    passives: u64,
    detractors: u64,
    score: f64,
    texts: u64,
    positive: u64,
    neutral: u64,
    negative: u64,
    customers: HashSet<u32>,
}

impl Answers {
    fn add(&mut self, said: &Feedback, tone: Option<i32>) {
        self.customers.insert(said.customer);
        if let Some(score) = said.score {
            self.answers += 1;
            self.score += score;
            // whole numbers are asked for; what lies between belongs to the lower one
            match score.floor() as u32 {
                9.. => self.promoters += 1,
                7..9 => self.passives += 1,
                _ => self.detractors += 1,
            }
        }
        self.texts += u64::from(said.text.is_some());
        match tone.map(i32::signum) {
            Some(1) => self.positive += 1,
            Some(-1) => self.negative += 1,
            Some(_) => self.neutral += 1,
            None => {}
        }
    }

    /// The score from -100 to 100 with its interval, from the variance of one answer that counts 1, 0 or -1.
    fn nps(&self) -> Option<[f64; 3]> {
        let n = self.answers as f64;
        let (up, down) = (self.promoters as f64 / n, self.detractors as f64 / n);
        let half = Z * ((up + down - (up - down).powi(2)).max(0.0) / n).sqrt();
        let at = |value: f64| 100.0 * value.clamp(-1.0, 1.0);
        (self.answers > 0).then(|| [at(up - down), at(up - down - half), at(up - down + half)])
    }
}

impl Tables<'_> {
    fn tones(&self) -> Vec<Option<i32>> {
        self.records.feedback.iter().map(|said| said.text.as_deref().and_then(lexicon::tone)).collect()
    }

    /// The feedback looked at, with its tone.
    fn said(&self) -> impl Iterator<Item = (&Feedback, Option<i32>)> {
        let tones = self.tones();
        self.records.feedback.iter().zip(tones).filter(|(said, _)| said.day >= self.shop.first && said.day < self.shop.past.day)
    }

    pub(super) fn feedback(&self, table: &mut Table<'_>) {
        type Key = (&'static str, Option<Day>, Option<String>);
        let mut groups: BTreeMap<(Key, usize), Answers> = BTreeMap::new();
        for (said, tone) in self.said() {
            let mut keys: Vec<Key> = vec![("all", None, None)];
            for periods in &self.shop.periods {
                keys.push((periods.name, Some(periods.starts[periods.of(said.day)]), None));
            }
            keys.extend(said.kind.clone().map(|kind| ("kind", None, Some(kind))));
            keys.extend(said.channel.clone().map(|channel| ("channel", None, Some(channel))));
            keys.extend(self.tier(said.customer).map(|tier| ("tier", None, Some(tier.to_owned()))));
            for key in keys {
                for group in self.shop.groups_of(said.customer as usize) {
                    groups.entry((key.clone(), group)).or_default().add(said, tone);
                }
            }
        }
        let mut sums: BTreeMap<(&'static str, usize), Vec<usize>> = BTreeMap::new();
        for (((by, period, name), group), answers) in groups {
            let customers = answers.customers.len() as u64;
            let nps = answers.nps();
            let of = |at: usize| nps.map(|nps| nps[at]);
            let asked = self.buyers_of(by, period, group);
            let coverage = asked.and_then(|asked| share(customers.min(asked), asked));
            let values = values![
                name.as_deref(),
                customers,
                coverage,
                answers.answers,
                answers.promoters,
                answers.passives,
                answers.detractors,
                of(0),
                of(1),
                of(2),
                ratio(answers.score, answers.answers as f64),
                answers.texts,
                answers.positive,
                answers.neutral,
                answers.negative
            ];
            let row = table.push(Of { by, period, segment: self.names[group] }, customers, values);
            if period.is_none() {
                sums.entry((by, group)).or_default().push(row);
            }
        }
        sums.into_values().for_each(|rows| table.adds_up(None, rows));
    }

    /// Customers with an order in a period, or at all.
    fn buyers_of(&self, by: &str, period: Option<Day>, group: usize) -> Option<u64> {
        match (by, period) {
            ("all", _) => Some(self.counts.reached[group][1]),
            (by, Some(period)) => {
                let length = self.shop.periods.iter().position(|periods| periods.name == by)?;
                let at = self.shop.periods[length].starts.binary_search(&period).ok()?;
                Some(self.counts.flows[length][at * self.names.len() + group].customers())
            }
            _ => None,
        }
    }

    pub(super) fn themes(&self, table: &mut Table<'_>) {
        let mut terms: BTreeMap<String, Answers> = BTreeMap::new();
        let mut texts = 0_u64;
        for (said, tone) in self.said() {
            let Some(text) = &said.text else { continue };
            texts += 1;
            for term in lexicon::terms(text) {
                terms.entry(term).or_default().add(said, tone);
            }
        }
        let mut terms: Vec<(String, Answers)> = terms.into_iter().filter(|(_, answers)| answers.customers.len() > 1).collect();
        terms.sort_by_key(|(_, answers)| std::cmp::Reverse(answers.texts));
        for (term, answers) in terms.into_iter().take(TERMS) {
            let customers = answers.customers.len() as u64;
            // a rare word may be a name: it is withheld with its figures
            if super::is_few(customers, self.withholding.least) {
                continue;
            }
            let values = values![
                term.as_str(),
                answers.texts,
                share(answers.texts, texts),
                customers,
                answers.positive,
                answers.negative,
                ratio(answers.score, answers.answers as f64),
                share(answers.detractors, answers.answers)
            ];
            table.push(Of { by: "all", period: None, segment: None }, customers, values);
        }
    }

    /// Customers of high value whose last score is 0 to 6, the latest first.
    pub(super) fn detractors(&self, table: &mut Table<'_>) {
        let log = self.shop.past.log();
        let mut last: BTreeMap<u32, &Feedback> = BTreeMap::new();
        for (said, _) in self.said().filter(|(said, _)| said.score.is_some()) {
            last.insert(said.customer, said);
        }
        let mut unhappy: Vec<(u32, &Feedback)> = last
            .into_iter()
            .filter(|(customer, said)| self.tier(*customer) == Some("high") && said.score.is_some_and(|score| score < 7.0))
            .collect();
        unhappy.sort_by_key(|(customer, said)| (std::cmp::Reverse(said.day), *customer));
        for (customer, said) in unhappy {
            let revenue: f64 = self.shop.past.orders_of(customer as usize).map(|order| self.counts.orders[order].1).sum();
            let values = values![
                log.customer_ids.value(customer as usize),
                shopkeeper_models::calendar::date(said.day).as_str(),
                said.kind.as_deref(),
                said.channel.as_deref(),
                said.score,
                revenue
            ];
            // a list of people to call, not a figure of a group
            table.push(Of { by: "customer", period: None, segment: None }, 0, values);
        }
    }

    /// The value tier of a customer, where tiers are known.
    pub(super) fn tier(&self, customer: u32) -> Option<&'static str> {
        self.tiers.get(customer as usize).copied()
    }
}
