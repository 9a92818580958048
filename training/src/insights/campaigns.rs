//! Campaigns: whom they reached, who redeemed, and what they changed.

use std::collections::BTreeMap;

use rayon::prelude::*;
use shopkeeper_models::calendar::Day;

use super::lift::{Lift, Person, lift, strata};
use super::table::{Of, Table, values};
use super::{Tables, ratio, share};
use crate::records::{Campaign, Member};

/// Days that a campaign without a last day is followed for.
const DAYS: Day = 28;
/// Days before a campaign that the own past is seen over, at least.
const PAST_DAYS: Day = 56;
/// What is compared.
const OUTCOMES: [&str; 3] = ["bought", "orders", "revenue"];
/// What people are found alike by.
const FEATURES: [&str; 6] =
    ["orders", "revenue", "days since the last order", "orders long before", "days since the first order", "campaigns before"];

/// Orders and money of some days.
#[derive(Clone, Copy, Debug, Default)]
struct Bought {
    orders: u64,
    revenue: f64,
}

impl Bought {
    fn outcome(self, at: usize) -> f64 {
        match at {
            0 => f64::from(u8::from(self.orders > 0)),
            1 => self.orders as f64,
            _ => self.revenue,
        }
    }
}

/// How far a campaign came.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    sent: u64,
    control: u64,
    reached: u64,
    redeemed: u64,
    buyers: u64,
    revenue: f64,
}

impl Tables<'_> {
    fn bought(&self, customer: u32, from: Day, until: Day) -> Bought {
        let log = self.shop.past.log();
        let orders = self.shop.past.orders_of(customer as usize);
        let days = &log.order_day[orders.clone()];
        let (start, end) = (days.partition_point(|&day| day < from), days.partition_point(|&day| day < until));
        let orders = orders.start + start..orders.start + end.max(start);
        Bought { orders: orders.len() as u64, revenue: orders.map(|order| self.counts.orders[order].1).sum() }
    }

    /// Days that a campaign is followed for, so far.
    fn days_of(&self, campaign: &Campaign) -> Day {
        let Some(starts) = campaign.starts else { return 0 };
        let whole = campaign.ends.map_or(DAYS, |ends| (ends - starts + 1).max(1));
        whole.min(self.shop.past.day - starts).max(0)
    }

    /// The days in which a member is followed.
    fn followed(&self, campaign: &Campaign, member: &Member) -> Option<(Day, Day)> {
        let from = member.sent.or(campaign.starts)?;
        let until = (from + self.days_of(campaign)).min(self.shop.past.day);
        (until > from).then_some((from, until))
    }

    pub(super) fn campaigns(&self, table: &mut Table<'_>) {
        let mut kinds: BTreeMap<&str, Reach> = BTreeMap::new();
        let mut channels: BTreeMap<&str, Reach> = BTreeMap::new();
        let mut each: Vec<(&Campaign, Reach)> = Vec::new();
        for campaign in &self.records.campaigns {
            let mut all = Reach::default();
            for member in &campaign.members {
                let mut one = Reach { control: u64::from(member.is_control), ..Reach::default() };
                if !member.is_control {
                    let bought = self
                        .followed(campaign, member)
                        .map_or(Bought::default(), |(from, until)| self.bought(member.customer, from, until));
                    one = Reach {
                        sent: 1,
                        reached: u64::from(member.reached.is_some()),
                        redeemed: u64::from(member.redeemed.is_some()),
                        buyers: u64::from(bought.orders > 0),
                        revenue: bought.revenue,
                        ..one
                    };
                }
                let kind = campaign.kind.as_deref().map(|kind| kinds.entry(kind).or_default());
                let channel = member.channel.as_deref().map(|channel| channels.entry(channel).or_default());
                for sum in [Some(&mut all), kind, channel].into_iter().flatten() {
                    sum.sent += one.sent;
                    sum.control += one.control;
                    sum.reached += one.reached;
                    sum.redeemed += one.redeemed;
                    sum.buyers += one.buyers;
                    sum.revenue += one.revenue;
                }
            }
            each.push((campaign, all));
        }
        each.sort_by(|a, b| (a.0.starts, &a.0.id).cmp(&(b.0.starts, &b.0.id)));
        let mut row = |by: &'static str, period: Option<Day>, name: &str, kind: Option<&str>, days: Option<u64>, reach: Reach| {
            // a table without such a column says nothing of who was reached
            let reached = self.has_reached.then_some(reach.reached);
            let values = values![
                name,
                kind,
                days,
                reach.sent,
                reach.control,
                reached,
                reached.and_then(|reached| share(reached, reach.sent)),
                reach.redeemed,
                share(reach.redeemed, reach.sent),
                reach.buyers,
                share(reach.buyers, reach.sent),
                reach.revenue,
                ratio(reach.revenue, reach.sent as f64)
            ];
            table.push(Of { by, period, segment: None }, reach.sent, values);
        };
        for (campaign, reach) in each {
            row("campaign", campaign.starts, &campaign.id, campaign.kind.as_deref(), Some(self.days_of(campaign) as u64), reach);
        }
        kinds.into_iter().for_each(|(kind, reach)| row("kind", None, kind, None, None, reach));
        channels.into_iter().for_each(|(channel, reach)| row("channel", None, channel, None, None, reach));
    }

    pub(super) fn campaign_lift(&self, table: &mut Table<'_>) {
        let mut campaigns: Vec<&Campaign> = self.records.campaigns.iter().collect();
        campaigns.sort_by(|a, b| (a.starts, &a.id).cmp(&(b.starts, &b.id)));
        let found: Vec<(&'static str, [Option<Lift>; 3])> = campaigns.par_iter().map(|campaign| self.compared(campaign)).collect();
        for (campaign, (evidence, lifts)) in campaigns.into_iter().zip(found) {
            for (outcome, lift) in OUTCOMES.into_iter().zip(lifts) {
                let of = Of { by: "campaign", period: campaign.starts, segment: None };
                let says = match lift {
                    None => "nobody to compare with",
                    Some(lift) if lift.least > 0.0 => "more than without",
                    Some(lift) if lift.most < 0.0 => "less than without",
                    Some(_) => "not told apart from nothing",
                };
                let compared = lift.unwrap_or_default();
                let shown = |value: f64| lift.map(|_| value);
                let relative = lift.and_then(|lift| if lift.expected > 0.0 { ratio(lift.lift, lift.expected) } else { None });
                let values = values![
                    campaign.id.as_str(),
                    outcome,
                    evidence,
                    self.days_of(campaign) as u64,
                    compared.treated,
                    compared.compared,
                    shown(compared.mean),
                    shown(compared.expected),
                    shown(compared.lift),
                    shown(compared.least),
                    shown(compared.most),
                    relative,
                    lift.and_then(|lift| lift.p_value),
                    shown(compared.detectable),
                    says
                ];
                let people = compared.treated.min(compared.compared);
                table.push(of, people, values);
            }
        }
    }

    /// The control group where there is one; else those whom it was not for, alike in what they had done.
    fn compared(&self, campaign: &Campaign) -> (&'static str, [Option<Lift>; 3]) {
        let days = self.days_of(campaign);
        let Some(starts) = campaign.starts.filter(|_| days > 0) else { return ("none", [None; 3]) };
        let past_days = days.max(PAST_DAYS);
        if campaign.members.iter().filter(|member| member.is_control).count() >= 2 {
            let seen = |member: &Member| {
                let (from, until) = self.followed(campaign, member)?;
                let (then, before) = (self.bought(member.customer, from, until), self.bought(member.customer, from - past_days, from));
                Some((!member.is_control, 0, then, before))
            };
            let people: Vec<_> = campaign.members.iter().filter_map(seen).collect();
            return ("randomised", lifts(&people));
        }
        let log = self.shop.past.log();
        let (mut people, mut features, mut treated) = (Vec::new(), Vec::new(), Vec::new());
        for customer in 0..log.customers() as u32 {
            let orders = self.shop.past.orders_of(customer as usize);
            let before = log.order_day[orders.clone()].partition_point(|&day| day < starts);
            // who had not bought before has no past to be alike in
            if before == 0 {
                continue;
            }
            let member = campaign.members.binary_search_by_key(&customer, |member| member.customer).ok().map(|at| &campaign.members[at]);
            let from = member.and_then(|member| member.sent).unwrap_or(starts);
            let until = (from + days).min(self.shop.past.day);
            let ago = |order: usize| f64::from(starts - log.order_day[orders.start + order]);
            let (recent, long) =
                (self.bought(customer, starts - past_days, starts), self.bought(customer, starts - 4 * past_days, starts - past_days));
            let log1p = |value: f64| value.max(0.0).ln_1p();
            features.push([
                log1p(recent.orders as f64),
                log1p(recent.revenue),
                log1p(ago(before - 1)),
                log1p(long.orders as f64),
                log1p(ago(0)),
                log1p(self.campaigns_before(customer, starts)),
            ]);
            treated.push(member.is_some());
            people.push((member.is_some(), 0, self.bought(customer, from, until), recent));
        }
        let strata = strata(FEATURES, &features, &treated);
        people.iter_mut().zip(strata).for_each(|(person, stratum)| person.1 = stratum);
        ("matched, weaker", lifts(&people))
    }

    /// How many campaigns a customer had been in that began before.
    fn campaigns_before(&self, customer: u32, day: Day) -> f64 {
        let is_in = |campaign: &&Campaign| campaign.members.binary_search_by_key(&customer, |member| member.customer).is_ok();
        self.records.campaigns.iter().filter(|campaign| campaign.starts.is_some_and(|starts| starts < day)).filter(is_in).count() as f64
    }
}

/// The lift of each outcome: whether treated, stratum, what was bought then and before.
fn lifts(people: &[(bool, usize, Bought, Bought)]) -> [Option<Lift>; 3] {
    std::array::from_fn(|at| {
        let person = |&(treated, stratum, then, before): &(bool, usize, Bought, Bought)| {
            // whether somebody bought goes with how often they did
            let past = if at == 0 { before.orders as f64 } else { before.outcome(at) };
            Person { treated, stratum, outcome: then.outcome(at), past }
        };
        lift(&people.iter().map(person).collect::<Vec<_>>())
    })
}
