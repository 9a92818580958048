//! The tables beside purchases, items and customers: campaigns with their list and redemptions, feedback, tickets and referrals.

use std::collections::{BTreeMap, HashMap};

use shopkeeper_models::calendar::Day;

use super::ReadError;
use super::clock::Clock;
use super::intern::{Interner, LocalIds, MISSING, TOO_LONG, ranks};
use super::rejects::{Reason, Rejects};
use super::schema::{Batch, CAMPAIGN_LIST, CAMPAIGNS, FEEDBACK, REDEMPTIONS, REFERRALS, Source, TICKETS, Table};
use super::settings::ReadSettings;
use super::values::{Ids, Numbers, Texts};
use crate::records::{Campaign, Feedback, Member, Records, Referral, Ticket};

/// The longest text kept, bytes; the rest of a longer one is not looked at.
const MAX_TEXT: usize = 4_096;

/// The files of these tables, their columns checked.
pub(super) struct RecordFiles {
    campaigns: Vec<Source>,
    list: Vec<Source>,
    redemptions: Vec<Source>,
    feedback: Vec<Source>,
    tickets: Vec<Source>,
    referrals: Vec<Source>,
}

impl RecordFiles {
    pub(super) fn open(settings: &ReadSettings) -> Result<Self, ReadError> {
        let open = |table: Table, source: &Option<String>| {
            let sources: Vec<String> = source.iter().cloned().collect();
            table.open(&sources, &settings.columns)
        };
        if settings.campaigns.is_none() && (settings.campaign_list.is_some() || settings.redemptions.is_some()) {
            let found = "nothing, with --campaign-list or --redemptions".into();
            return Err(ReadError::Setting { name: "--campaigns", found, expected: "the table of who was in which campaign" });
        }
        Ok(Self {
            campaigns: open(CAMPAIGNS, &settings.campaigns)?,
            list: open(CAMPAIGN_LIST, &settings.campaign_list)?,
            redemptions: open(REDEMPTIONS, &settings.redemptions)?,
            feedback: open(FEEDBACK, &settings.feedback)?,
            tickets: open(TICKETS, &settings.tickets)?,
            referrals: open(REFERRALS, &settings.referrals)?,
        })
    }

    /// Every file with its table's name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        let tables = [
            ("campaigns", &self.campaigns),
            ("campaign_list", &self.list),
            ("redemptions", &self.redemptions),
            ("feedback", &self.feedback),
            ("tickets", &self.tickets),
            ("referrals", &self.referrals),
        ];
        tables.into_iter().flat_map(|(name, files)| files.iter().map(move |file| (name, file)))
    }
}

/// What rows are judged by.
pub(super) struct Judge<'a> {
    pub(super) clock: &'a Clock,
    /// Exclusive end of what is read, Unix seconds.
    pub(super) as_of: i64,
    pub(super) customers: &'a Interner,
    pub(super) max_reject_rate: f64,
}

/// A row of a table, its values by the names of the columns.
struct Row<'a> {
    batch: &'a Columns,
    at: usize,
}

/// The columns of a batch.
struct Columns {
    ids: HashMap<&'static str, Vec<Option<String>>>,
    times: HashMap<&'static str, Vec<Option<i64>>>,
    texts: HashMap<&'static str, Texts>,
    score: Numbers,
}

/// The columns that these tables have, by what they say.
const IDS: [&str; 4] = ["customer_id", "campaign_id", "referrer_id", "referred_id"];
const TIMES: [&str; 9] =
    ["timestamp", "sent_at", "reached_at", "redeemed_at", "starts_at", "ends_at", "opened_at", "first_reply_at", "closed_at"];
const TEXTS: [&str; 4] = ["group", "kind", "channel", "text"];

impl Columns {
    fn new(batch: &Batch<'_>, clock: &Clock) -> Result<Self, ReadError> {
        let mut columns =
            Self { ids: HashMap::new(), times: HashMap::new(), texts: HashMap::new(), score: Numbers::new(batch.column("score")?) };
        for name in IDS {
            let mut local = LocalIds::default();
            let codes = local.codes(&Ids::new(batch.column(name)?), batch.rows());
            let id = |code: u32| (![MISSING, TOO_LONG].contains(&code)).then(|| local.get(code).to_owned());
            columns.ids.insert(name, codes.into_iter().map(id).collect());
        }
        for name in TIMES {
            columns.times.insert(name, batch.times(name, clock)?);
        }
        for name in TEXTS {
            columns.texts.insert(name, Texts::new(batch.column(name)?));
        }
        Ok(columns)
    }
}

impl Row<'_> {
    fn id(&self, name: &str) -> Result<&str, Reason> {
        self.batch.ids.get(name).and_then(|ids| ids[self.at].as_deref()).ok_or(Reason::RecordWithoutId)
    }

    fn time(&self, name: &str) -> Option<i64> {
        self.batch.times.get(name).and_then(|times| times[self.at])
    }

    fn text(&self, name: &str) -> Option<String> {
        let mut text = self.batch.texts.get(name)?.get(self.at)?;
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Some(text)
    }
}

/// Reads all of them. Customers are known by their rows in the log.
pub(super) fn read_records(
    files: &RecordFiles,
    judge: &Judge<'_>,
    rejects: &mut Rejects,
    warnings: &mut Vec<String>,
) -> Result<Records, ReadError> {
    let ranks = ranks(&judge.customers.ascending());
    let known = |id: &str| judge.customers.find(id).map(|at| ranks[at as usize]).ok_or(Reason::RecordOfStranger);
    let seen = |time: Option<i64>| time.filter(|&time| time < judge.as_of);
    let day = |time: i64| judge.clock.day(time);
    let mut records = Records::default();
    let mut reader = Reader { judge, rejects, warnings, rows: BTreeMap::new() };

    let mut campaigns: BTreeMap<String, Campaign> = BTreeMap::new();
    reader.each("campaign_list", &files.list, |row| {
        let campaign = campaigns.entry(row.id("campaign_id")?.to_owned()).or_default();
        campaign.kind = row.text("kind").or(campaign.kind.take());
        campaign.starts = row.time("starts_at").map(day).or(campaign.starts);
        campaign.ends = row.time("ends_at").map(day).or(campaign.ends);
        Ok(true)
    })?;
    let mut members: BTreeMap<(String, u32), Member> = BTreeMap::new();
    reader.each("campaigns", &files.campaigns, |row| {
        let id = row.id("campaign_id")?.to_owned();
        let customer = known(row.id("customer_id")?)?;
        let is_control = match row.text("group").map(|group| group.trim().to_lowercase()).as_deref() {
            None | Some("treated" | "treatment" | "test" | "target" | "1" | "true") => false,
            Some("control" | "holdout" | "hold_out" | "0" | "false") => true,
            Some(_) => return Err(Reason::RecordGroup),
        };
        let sent_at = row.time("sent_at");
        let starts = campaigns.get(&id).and_then(|campaign| campaign.starts);
        if sent_at.is_none() && starts.is_none() {
            return Err(Reason::RecordWithoutTime);
        }
        let sent = sent_at.map(day).or(starts);
        if sent_at.is_some_and(|time| time >= judge.as_of) || sent.is_some_and(|sent| sent > day(judge.as_of - 1)) {
            return Ok(false);
        }
        let member = Member {
            customer,
            is_control,
            sent,
            reached: seen(row.time("reached_at")).map(day),
            redeemed: seen(row.time("redeemed_at")).map(day),
            channel: row.text("channel"),
        };
        // of several rows the earliest; somebody to whom something was sent is no control
        members
            .entry((id, customer))
            .and_modify(|known| {
                let first = |a: Option<Day>, b: Option<Day>| a.into_iter().chain(b).min();
                known.is_control &= member.is_control;
                known.sent = first(known.sent, member.sent);
                known.reached = first(known.reached, member.reached);
                known.redeemed = first(known.redeemed, member.redeemed);
                known.channel = known.channel.clone().into_iter().chain(member.channel.clone()).min();
            })
            .or_insert(member);
        Ok(true)
    })?;
    reader.each("redemptions", &files.redemptions, |row| {
        let key = (row.id("campaign_id")?.to_owned(), known(row.id("customer_id")?)?);
        let time = row.time("redeemed_at").ok_or(Reason::RecordWithoutTime)?;
        let member = members.get_mut(&key).ok_or(Reason::RecordOfNoMember)?;
        if let Some(time) = seen(Some(time)) {
            member.redeemed = member.redeemed.into_iter().chain([day(time)]).min();
        }
        Ok(time < judge.as_of)
    })?;
    for ((id, _), member) in members {
        let campaign = campaigns.entry(id).or_default();
        campaign.members.push(member);
    }
    campaigns.retain(|_, campaign| !campaign.members.is_empty());
    for (id, mut campaign) in campaigns {
        let first = campaign.members.iter().filter_map(|member| member.sent).min();
        campaign.starts = campaign.starts.or(first);
        records.campaigns.push(Campaign { id, ..campaign });
    }

    reader.each("feedback", &files.feedback, |row| {
        let customer = known(row.id("customer_id")?)?;
        let time = row.time("timestamp").ok_or(Reason::RecordWithoutTime)?;
        let score = row.batch.score.get(row.at);
        if score.is_some_and(|score| !(0.0..=10.0).contains(&score)) {
            return Err(Reason::RecordScore);
        }
        if time < judge.as_of {
            let (kind, text, channel) = (row.text("kind"), row.text("text"), row.text("channel"));
            records.feedback.push(Feedback { customer, day: day(time), score, kind, text, channel });
        }
        Ok(time < judge.as_of)
    })?;
    let text = |said: &Feedback| (said.kind.clone(), said.text.clone(), said.channel.clone());
    records.feedback.sort_by(|a, b| {
        let by_score = || a.score.unwrap_or(-1.0).total_cmp(&b.score.unwrap_or(-1.0));
        (a.customer, a.day).cmp(&(b.customer, b.day)).then_with(by_score).then_with(|| text(a).cmp(&text(b)))
    });

    reader.each("tickets", &files.tickets, |row| {
        let customer = known(row.id("customer_id")?)?;
        let opened = row.time("opened_at").ok_or(Reason::RecordWithoutTime)?;
        if opened < judge.as_of {
            let after = |name: &str| seen(row.time(name)).filter(|&time| time >= opened);
            let (replied, closed) = (after("first_reply_at"), after("closed_at"));
            records.tickets.push(Ticket {
                customer,
                day: day(opened),
                opened,
                replied,
                closed,
                channel: row.text("channel"),
                kind: row.text("kind"),
            });
        }
        Ok(opened < judge.as_of)
    })?;
    records.tickets.sort_by(|a, b| {
        let rest = |ticket: &Ticket| (ticket.replied, ticket.closed, ticket.channel.clone(), ticket.kind.clone());
        (a.customer, a.opened).cmp(&(b.customer, b.opened)).then_with(|| rest(a).cmp(&rest(b)))
    });

    reader.each("referrals", &files.referrals, |row| {
        let (referrer, referred) = (known(row.id("referrer_id")?)?, known(row.id("referred_id")?)?);
        let time = row.time("timestamp");
        let is_seen = time.is_none_or(|time| time < judge.as_of);
        if referrer == referred {
            return Err(Reason::RecordOfThemselves);
        }
        if is_seen {
            records.referrals.push(Referral { referrer, referred, day: time.map(day) });
        }
        Ok(is_seen)
    })?;
    // whoever was brought twice was brought by the first
    records.referrals.sort_by_key(|brought| (brought.referred, brought.day.is_none(), brought.day, brought.referrer));
    records.referrals.dedup_by_key(|brought| brought.referred);
    records.rows = reader.rows;
    Ok(records)
}

/// Reads the rows of tables one by one.
struct Reader<'a> {
    judge: &'a Judge<'a>,
    rejects: &'a mut Rejects,
    warnings: &'a mut Vec<String>,
    rows: BTreeMap<&'static str, [u64; 2]>,
}

impl Reader<'_> {
    /// Hands every row to `take`, which says whether it was taken, or why it cannot be.
    fn each(
        &mut self,
        table: &'static str,
        files: &[Source],
        mut take: impl FnMut(&Row<'_>) -> Result<bool, Reason>,
    ) -> Result<(), ReadError> {
        if files.is_empty() {
            return Ok(());
        }
        let first = self.rejects.add_files(files.iter().map(|source| source.name.clone()));
        let mut rejected = Rejects::default();
        let (mut rows, mut taken, mut strangers, mut unusable) = (0_u64, 0_u64, 0_u64, 0_u64);
        for (file, source) in (first..).zip(files) {
            let mut row = 0_u32;
            for group in 0..source.row_groups().len() {
                source.decode(group, |batch| {
                    let columns = Columns::new(&batch, self.judge.clock)?;
                    for at in 0..batch.rows() {
                        match take(&Row { batch: &columns, at }) {
                            Ok(is_taken) => taken += u64::from(is_taken),
                            Err(reason) => {
                                let is_stranger = matches!(reason, Reason::RecordOfStranger | Reason::RecordOfNoMember);
                                *(if is_stranger { &mut strangers } else { &mut unusable }) += 1;
                                rejected.add(file, row + at as u32, reason);
                            }
                        }
                    }
                    row += batch.rows() as u32;
                    Ok(())
                })?;
            }
            rows += u64::from(row);
        }
        if unusable as f64 > self.judge.max_reject_rate * rows as f64 {
            return Err(ReadError::TooManyRejects { found: unusable, rows, max: self.judge.max_reject_rate, rejects: Box::new(rejected) });
        }
        if strangers > 0 {
            let who = if table == "redemptions" {
                "customers who are not in that campaign"
            } else {
                "customers who are in neither purchases nor the customers table"
            };
            self.warnings.push(format!("{table}: {strangers} of {rows} rows are of {who}; they were left out"));
        }
        self.rejects.take(rejected);
        self.rows.insert(table, [rows, taken]);
        Ok(())
    }
}
