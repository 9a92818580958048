//! What the shop knows beside purchases: campaigns, feedback, tickets and referrals, by the customers of the log.

use std::collections::BTreeMap;

use shopkeeper_models::calendar::Day;

/// All of them; empty where the shop has no such table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Records {
    /// Campaigns, ascending by id.
    pub campaigns: Vec<Campaign>,
    /// What customers said, ascending by customer and time.
    pub feedback: Vec<Feedback>,
    /// What customers wanted help with, ascending by customer and time.
    pub tickets: Vec<Ticket>,
    /// Who brought whom, ascending by customer brought; each of them once.
    pub referrals: Vec<Referral>,
    /// For each table that was read its rows, and those taken.
    pub rows: BTreeMap<&'static str, [u64; 2]>,
}

/// A campaign.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Campaign {
    /// Its id.
    pub id: String,
    /// What kind it is, if the shop says.
    pub kind: Option<String>,
    /// Its first day: as the shop says, else the first day that it was sent on.
    pub starts: Option<Day>,
    /// Its last day, if the shop says.
    pub ends: Option<Day>,
    /// Whom it was for, ascending by customer; each once.
    pub members: Vec<Member>,
}

/// A customer whom a campaign was for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Member {
    /// Row of the customer.
    pub customer: u32,
    /// Whether nothing was sent on purpose, to compare with.
    pub is_control: bool,
    /// The day it was sent; for the control group the day it would have been.
    pub sent: Option<Day>,
    /// The day it reached the customer, such as that of opening a mail.
    pub reached: Option<Day>,
    /// The day of the first redemption.
    pub redeemed: Option<Day>,
    /// How it was sent.
    pub channel: Option<String>,
}

/// Something a customer said.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// Row of the customer.
    pub customer: u32,
    /// The day.
    pub day: Day,
    /// 0 to 10, the answer to "would you recommend us?".
    pub score: Option<f64>,
    /// What it is about, such as delivery.
    pub kind: Option<String>,
    /// Their words.
    pub text: Option<String>,
    /// Where it was asked.
    pub channel: Option<String>,
}

/// Something a customer wanted help with.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    /// Row of the customer.
    pub customer: u32,
    /// The day it was opened.
    pub day: Day,
    /// When, Unix seconds.
    pub opened: i64,
    /// When it was answered first.
    pub replied: Option<i64>,
    /// When it was closed.
    pub closed: Option<i64>,
    /// Through which channel it came.
    pub channel: Option<String>,
    /// What it is about.
    pub kind: Option<String>,
}

/// A customer brought by another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Referral {
    /// Row of the customer who brought.
    pub referrer: u32,
    /// Row of the customer who was brought.
    pub referred: u32,
    /// The day, if the shop says.
    pub day: Option<Day>,
}
