//! The demo shop's campaigns: who is chosen and who is kept back is drawn by lot, so that what they brought is known.

use rand::Rng;

use super::household::Nature;
use super::visits::{Life, Shop};

/// Share of the customers so far whom a campaign is for, and the share of those who are kept back to compare with.
const CHOSEN: f64 = 0.7;
const CONTROL: f64 = 0.35;
/// Days within which a customer responds.
pub(super) const DAYS: u32 = 28;
/// The hour at which messages are sent.
const SENT_MS: i64 = 9 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A campaign.
#[derive(Debug)]
pub(super) struct DemoCampaign {
    pub(super) id: &'static str,
    /// When it is sent, as a share of the shop's days.
    at: f64,
    pub(super) channel: &'static str,
    /// Chance that its message is seen.
    reached: f64,
    /// Chance that a customer who is still there makes one more order for it.
    pub(super) brings: f64,
}

/// One works, one works well, one does nothing.
pub(super) const CAMPAIGNS: [DemoCampaign; 3] = [
    DemoCampaign { id: "welcome-mail", at: 0.45, channel: "mail", reached: 0.7, brings: 0.12 },
    DemoCampaign { id: "app-coupon", at: 0.65, channel: "app", reached: 0.5, brings: 0.25 },
    DemoCampaign { id: "brand-letter", at: 0.85, channel: "letter", reached: 0.9, brings: 0.0 },
];

/// What became of one customer in one campaign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) campaign: usize,
    pub(super) is_control: bool,
    /// Milliseconds since the shop's first midnight.
    pub(super) sent_ms: i64,
    pub(super) reached_ms: Option<i64>,
    /// The order made for it.
    pub(super) redeemed_ms: Option<i64>,
}

impl Shop {
    /// Sends the campaigns to a customer who has lived through them, and adds the orders made for them.
    pub(super) fn send(&self, nature: &mut Nature, life: &mut Life, rng: &mut impl Rng) -> Vec<Sent> {
        let mut all = Vec::new();
        for (campaign, DemoCampaign { at, reached, brings, .. }) in CAMPAIGNS.iter().enumerate() {
            let day = (f64::from(self.days) * at) as i64;
            let sent_ms = day * DAY_MS + SENT_MS;
            // the same numbers are drawn whatever comes of them
            let [chosen, control, is_reached, responds] = [CHOSEN, CONTROL, *reached, *brings].map(|chance| rng.gen_bool(chance));
            let (seen_day, order_day) = (rng.gen_range(0..2_i64), day + rng.gen_range(1..i64::from(DAYS)));
            if life.first_ms >= sent_ms || !chosen {
                continue;
            }
            let mut sent = Sent { campaign, is_control: control, sent_ms, reached_ms: None, redeemed_ms: None };
            if !control {
                sent.reached_ms = is_reached.then_some(sent_ms + (seen_day * 24 + 1) * 3_600_000);
                let is_there = life.left_ms.is_none_or(|left| left > order_day * DAY_MS);
                if responds && is_there && order_day < i64::from(self.days) {
                    sent.redeemed_ms = Some(self.order_more(nature, order_day as f64, life, rng));
                }
            }
            all.push(sent);
        }
        all
    }
}
