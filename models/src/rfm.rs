//! RFM: scores of how lately, how often and how much, and the named groups they make.

use serde::{Deserialize, Serialize};

/// A score and the lowest value that gets it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// 1 to 5, 5 = best.
    pub score: u8,
    /// The lowest value with this score.
    pub from: f64,
}

/// The scores in use, ascending; five of them where there are enough different values.
///
/// Equal values share one score: the fifth that the middle one of them stands in. The lowest value of a shop scores 1 and the highest 5, so that
/// two different values make the scores 1 and 5; a single one makes the score 3.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quintiles(pub Vec<Step>);

impl Quintiles {
    /// The steps of these values, which need not be sorted.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let all = values.len();
        let groups = values.chunk_by(|a, b| a == b).scan(0, |below, equal| {
            *below += equal.len();
            Some((equal[0], *below - equal.len(), *below))
        });
        let mut steps: Vec<Step> = Vec::new();
        for (from, start, end) in groups {
            let score = match (start == 0, end == all) {
                (true, true) => 3,
                (true, false) => 1,
                (false, true) => 5,
                (false, false) => (5 * (start + end)).div_ceil(2 * all) as u8,
            };
            if steps.last().is_none_or(|last| last.score < score) {
                steps.push(Step { score, from });
            }
        }
        Self(steps)
    }

    /// 1 to 5. A value below all that were seen scores as the lowest of them.
    pub fn score(&self, value: f64) -> u8 {
        let step = self.0.iter().rev().find(|step| step.from <= value).or(self.0.first());
        step.map_or(3, |step| step.score)
    }

    /// The values that get a score: from, and below; no end for the highest one. `None` for a score that is not in use.
    pub fn range(&self, score: u8) -> Option<(f64, Option<f64>)> {
        let at = self.0.iter().position(|step| step.score == score)?;
        Some((self.0[at].from, self.0.get(at + 1).map(|step| step.from)))
    }
}

/// The cut points of the three scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RfmCuts {
    /// Of days_since_last with a minus in front, so that 5 is the latest.
    pub recency: Quintiles,
    /// Of purchase days.
    pub frequency: Quintiles,
    /// Of spend.
    pub monetary: Quintiles,
}

/// One of the two axes of the groups: the mean of the frequency and the monetary score, halves going towards the frequency score.
pub fn fm(frequency: u8, monetary: u8) -> u8 {
    let sum = frequency + monetary;
    if frequency > monetary { sum.div_ceil(2) } else { sum / 2 }
}

/// The scores that make a group: a rectangle of the grid of recency and FM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cells {
    /// Lowest and highest recency score, 1 to 5.
    pub recency: [u8; 2],
    /// Lowest and highest [`fm`], 1 to 5.
    pub fm: [u8; 2],
}

impl Cells {
    fn hold(&self, recency: u8, fm: u8) -> bool {
        (self.recency[0]..=self.recency[1]).contains(&recency) && (self.fm[0]..=self.fm[1]).contains(&fm)
    }
}

/// The named groups, each with a rule of its own.
macro_rules! groups {
    ($( $(#[$doc:meta])* $group:ident $field:ident: $recency:expr, $fm:expr; )*) => {
        /// A named group of customers by their RFM scores, the best first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RfmGroup { $( $(#[$doc])* $group, )* }

        impl RfmGroup {
            /// Every group, in the order of their numbers in the customers table.
            pub const ALL: [Self; 11] = [$( Self::$group, )*];

            /// The name used in the API and in files.
            pub fn name(self) -> &'static str {
                match self { $( Self::$group => stringify!($field), )* }
            }
        }

        /// The rules of the groups, each a line of configuration: `[train.rfm_groups]`.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct RfmGroups { $( $(#[$doc])* pub $field: Cells, )* }

        impl Default for RfmGroups {
            fn default() -> Self {
                Self { $( $field: Cells { recency: $recency, fm: $fm }, )* }
            }
        }

        impl RfmGroups {
            /// The scores of a group.
            pub fn cells(&self, group: RfmGroup) -> Cells {
                match group { $( RfmGroup::$group => self.$field, )* }
            }
        }
    };
}
groups! {
    /// Bought very lately, often and much.
    Champions champions: [5, 5], [4, 5];
    /// Often and much, and not long ago.
    LoyalCustomers loyal_customers: [3, 4], [4, 5];
    /// Lately, and more than once.
    PotentialLoyalists potential_loyalists: [4, 5], [2, 3];
    /// Very lately, for the first time or nearly so.
    NewCustomers new_customers: [5, 5], [1, 1];
    /// Lately, but seldom and little.
    Promising promising: [4, 4], [1, 1];
    /// Middling in everything.
    NeedAttention need_attention: [3, 3], [3, 3];
    /// Not lately, seldom and little.
    AboutToSleep about_to_sleep: [3, 3], [1, 2];
    /// Used to buy often or much, some time ago.
    AtRisk at_risk: [1, 2], [3, 4];
    /// Used to buy most often and most, some time ago.
    CannotLoseThem cannot_lose_them: [1, 2], [5, 5];
    /// Some time ago, seldom and little.
    Hibernating hibernating: [2, 2], [1, 2];
    /// Longest ago, seldom and little.
    Lost lost: [1, 1], [1, 2];
}

impl RfmGroup {
    /// The group of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }
}

impl RfmGroups {
    /// Refuses rules that leave scores without a group, or give them two.
    pub fn check(&self) -> Result<(), String> {
        for group in RfmGroup::ALL {
            let Cells { recency, fm } = self.cells(group);
            let sound = |[low, high]: [u8; 2]| 1 <= low && low <= high && high <= 5;
            if !sound(recency) || !sound(fm) {
                let found = format!("recency = {recency:?}, fm = {fm:?}");
                return Err(format!(
                    "[train.rfm_groups] {}: {found}; expected lowest and highest score, 1 to 5, such as [4, 5]",
                    group.name()
                ));
            }
        }
        for (recency, fm) in (1..=5).flat_map(|recency| (1..=5).map(move |fm| (recency, fm))) {
            let found: Vec<&str> =
                RfmGroup::ALL.into_iter().filter(|&group| self.cells(group).hold(recency, fm)).map(RfmGroup::name).collect();
            if found.len() != 1 {
                let found = if found.is_empty() { "no group".to_owned() } else { found.join(" and ") };
                return Err(format!(
                    "[train.rfm_groups]: customers with recency {recency} and fm {fm} belong to {found}; expected exactly one group. \
                     Widen or narrow the lines of its neighbours"
                ));
            }
        }
        Ok(())
    }

    /// The group of these scores, each 1 to 5.
    pub fn group(&self, recency: u8, frequency: u8, monetary: u8) -> RfmGroup {
        let fm = fm(frequency, monetary);
        RfmGroup::ALL.into_iter().find(|&group| self.cells(group).hold(recency, fm)).unwrap_or(RfmGroup::NeedAttention)
    }

    /// The rule of a group in words.
    pub fn rule(&self, group: RfmGroup) -> String {
        let Cells { recency, fm } = self.cells(group);
        let range = |[low, high]: [u8; 2]| if low == high { low.to_string() } else { format!("{low} to {high}") };
        format!(
            "recency score {}, mean of frequency and monetary score {} (a half counts up if frequency is the higher, else down)",
            range(recency),
            range(fm)
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scores(values: &[f64]) -> Vec<u8> {
        let quintiles = Quintiles::of(values.to_vec());
        values.iter().map(|&value| quintiles.score(value)).collect()
    }

    #[test]
    fn many_values_make_fifths_and_few_make_fewer_scores() {
        let hundred: Vec<f64> = (0..100).map(f64::from).collect();
        let of = |score: u8| scores(&hundred).iter().filter(|&&found| found == score).count();
        assert_eq!([of(1), of(2), of(3), of(4), of(5)], [20; 5]);
        assert_eq!(scores(&[7.0; 4]), [3; 4], "all alike: none is better than another");
        assert_eq!(scores(&[1.0, 1.0, 1.0, 2.0]), [1, 1, 1, 5]);
        assert_eq!(scores(&[1.0, 2.0, 9.0]), [1, 3, 5]);
        assert_eq!(scores(&[4.0]), [3]);
        // eight of ten bought once: they score 1, not 1 to 4 by chance
        let ties: Vec<f64> = [vec![1.0; 8], vec![2.0], vec![3.0]].concat();
        assert_eq!(scores(&ties), [1, 1, 1, 1, 1, 1, 1, 1, 5, 5]);
    }

    #[test]
    fn every_combination_of_scores_has_exactly_one_group() {
        let rules = RfmGroups::default();
        rules.check().expect("the defaults are sound");
        let mut seen = Vec::new();
        for scores in 0..125_u8 {
            let (recency, frequency, monetary) = (scores / 25 + 1, scores / 5 % 5 + 1, scores % 5 + 1);
            let fm = fm(frequency, monetary);
            assert!((1..=5).contains(&fm));
            assert_eq!(RfmGroup::ALL.into_iter().filter(|&group| rules.cells(group).hold(recency, fm)).count(), 1);
            seen.push(rules.group(recency, frequency, monetary));
        }
        assert!(RfmGroup::ALL.iter().all(|group| seen.contains(group)), "no group is out of reach");
        assert_eq!(rules.group(5, 1, 1), RfmGroup::NewCustomers);
        assert_eq!(rules.group(1, 5, 5), RfmGroup::CannotLoseThem);
    }

    #[test]
    fn rules_that_leave_a_hole_or_overlap_are_refused() {
        let mut rules = RfmGroups::default();
        rules.lost.fm = [1, 1];
        let hole = rules.check().expect_err("a hole");
        assert!(hole.contains("recency 1 and fm 2 belong to no group"), "{hole}");
        rules.lost.fm = [1, 3];
        let both = rules.check().expect_err("an overlap");
        assert!(both.contains("recency 1 and fm 3 belong to at_risk and lost"), "{both}");
        rules.lost.fm = [2, 9];
        assert!(rules.check().expect_err("no score").contains("[train.rfm_groups] lost: recency = [1, 1], fm = [2, 9]; expected"));
    }

    proptest! {
        #[test]
        fn scores_are_1_to_5_and_rise_with_the_value(values in prop::collection::vec(-50.0_f64..50.0, 1..60), round: bool) {
            let values: Vec<f64> = values.into_iter().map(|value| if round { value.round() / 10.0 } else { value }).collect();
            let scored = scores(&values);
            prop_assert!(scored.iter().all(|score| (1..=5).contains(score)));
            for (a, b) in values.iter().zip(&scored).flat_map(|a| values.iter().zip(&scored).map(move |b| (a, b))) {
                prop_assert!(a.0 > b.0 || a.1 <= b.1);
            }
        }
    }
}
