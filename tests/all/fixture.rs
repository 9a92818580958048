//! A tiny shop made by hand, so that serving is tested without training.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, RecordBatch, StringArray, UInt8Array, UInt32Array, UInt64Array};
use shopkeeper_models::affinity::Affinity;
use shopkeeper_models::attributes::Attributes;
use shopkeeper_models::buy_till_you_die::BuyTillYouDie;
use shopkeeper_models::churn::{self, Centre, ChurnModel, Scorer};
use shopkeeper_models::co_purchase::{CoPurchase, Neighbour};
use shopkeeper_models::customers::Customers;
use shopkeeper_models::drivers::{Driver, Theme};
use shopkeeper_models::evaluation::Evaluation;
use shopkeeper_models::factors::{Factors, WIDTH};
use shopkeeper_models::histories::{Bought, Histories};
use shopkeeper_models::insights::INSIGHTS;
use shopkeeper_models::items::Items;
use shopkeeper_models::lifecycle::LifecycleRules;
use shopkeeper_models::logistic::{Logistic, Weight};
use shopkeeper_models::loyalty::{Loyalty, LoyaltyRules, LoyaltyTier};
use shopkeeper_models::manifest::{CustomerRules, DataSummary, FORMAT_VERSION};
use shopkeeper_models::model::{AFFINITY_FILE, ALIKE_FILE, CUSTOMER_FACTORS_FILE, ITEM_FACTORS_FILE, LATELY_FILE, TOGETHER_FILE};
use shopkeeper_models::recommender::{EXPLORE_FEATURES, Head, REPEAT_FEATURES, Ranker, Trees};
use shopkeeper_models::rfm::{RfmCuts, RfmGroup, RfmGroups};
use shopkeeper_models::rules::{Rules, RulesSummary};
use shopkeeper_models::segments::{Favourites, Segments};
use shopkeeper_models::store::{ModelStore, Run};
use shopkeeper_models::table::{self, Nullable};
use shopkeeper_models::value::{SpendModel, ValueCuts, ValueRules};
use shopkeeper_models::{ItemIx, Manifest};

/// The customers, ascending. The third has an id that needs percent-encoding, the first one that a spreadsheet would run.
pub(crate) const CUSTOMERS: [&str; 6] = ["=1+2", "anna", "b/c d+ü", "carl", "dora", "eve"];
/// The items, ascending; the last is not available.
pub(crate) const ITEMS: [&str; 12] =
    ["bread", "butter", "cheese", "eggs", "ham", "honey", "jam", "milk", "oats", "salt", "tea", "withdrawn"];

/// How one fixture differs from the next.
#[derive(Clone, Copy)]
pub(crate) struct Shop {
    /// Days since 1970-01-01; another day gives another version.
    pub(crate) as_of_day: i32,
    /// Whether churn was fitted.
    pub(crate) churn: bool,
}

impl Default for Shop {
    fn default() -> Self {
        Self { as_of_day: 17_500, churn: true }
    }
}

/// Writes a version and makes it current. Returns its name.
pub(crate) fn publish(folder: &Path, shop: Shop) -> String {
    let staging = ModelStore::new(folder).stage().unwrap();
    let write = |file: &str, batch| table::write(&staging.folder().join(file), &batch).unwrap();
    write(Items::FILE, items().to_batch());
    write(Customers::FILE, customers(shop).to_batch());
    write(Attributes::FILE, attributes().to_batch());
    write(Loyalty::FILE, loyalty().to_batch());
    write(Segments::FILE, segments(shop).to_batch());
    write(Rules::FILE, rules().to_batch());
    for insight in INSIGHTS {
        let empty = RecordBatch::new_empty(insight.schema());
        write(&insight.file(), if insight.name == "retention" { retention(empty) } else { empty });
    }
    write(Histories::FILE, histories().to_batch());
    write(TOGETHER_FILE, together().to_batch());
    write(ALIKE_FILE, alike().to_batch());
    for file in [AFFINITY_FILE, LATELY_FILE] {
        write(file, Affinity::new(&vec![Vec::new(); CUSTOMERS.len()]).to_batch());
    }
    for (file, rows) in [(CUSTOMER_FACTORS_FILE, CUSTOMERS.len()), (ITEM_FACTORS_FILE, ITEMS.len())] {
        write(file, Factors::new(&vec![[0.0; WIDTH]; rows]).to_batch());
    }
    staging.write(BuyTillYouDie::FILE, &serde_json::to_vec(&BuyTillYouDie::default()).unwrap()).unwrap();
    staging.write(SpendModel::FILE, b"null").unwrap();
    staging.write(ChurnModel::FILE, &serde_json::to_vec(&churn_model(shop)).unwrap()).unwrap();
    staging.write(Ranker::FILE, &serde_json::to_vec(&ranker()).unwrap()).unwrap();
    let run =
        Run { finished_at: format!("2017-12-0{}T00:00:00Z", shop.as_of_day % 9 + 1), threads: 1, stages: vec![], peak_memory_bytes: 0 };
    staging.publish(manifest(shop), &[], &run, true).unwrap()
}

/// Two between items, one of them redundant, and one between categories.
fn rules() -> Rules {
    Rules {
        level: vec![0, 0, 1].into(),
        antecedent: Rules::antecedents([vec!["bread"], vec!["bread", "ham"], vec!["DAIRY"]].into_iter()),
        consequent: vec!["butter", "butter", "GROCERY/BREAD"].into(),
        baskets: vec![12, 3, 20].into(),
        antecedent_baskets: vec![20, 5, 25].into(),
        consequent_baskets: vec![30, 30, 50].into(),
        p_value: vec![0.001, 0.2, 0.0001].into(),
        redundant: vec![false, true, false].into(),
    }
}

/// November and December of everybody, December of a segment; the figures of December are withheld.
fn retention(empty: RecordBatch) -> RecordBatch {
    let starts = [17_471, 17_501, 17_501];
    let schema = empty.schema();
    let arrays = schema.fields().iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "by" => Arc::new(StringArray::from(vec!["month"; 3])),
            "period" => Arc::new(Date32Array::from(starts.map(Some).to_vec())),
            "segment" => Arc::new(StringArray::from(vec![None, None, Some("s1")])),
            "suppressed" => Arc::new(BooleanArray::from(vec![false, true, false])),
            name if name.ends_with("rate") || name.ends_with("share") => Arc::new(Float64Array::from(vec![Some(0.5), None, Some(0.25)])),
            _ => Arc::new(UInt64Array::from(vec![Some(6), None, Some(3)])),
        }
    });
    RecordBatch::try_new(empty.schema(), arrays.collect()).unwrap()
}

fn nullable_text(values: impl IntoIterator<Item = Option<&'static str>>) -> Nullable<StringArray> {
    Nullable(values.into_iter().collect())
}

fn items() -> Items {
    let count = ITEMS.len() as u32;
    let category = |row: u32| [Some("GROCERY/BREAD"), Some("DAIRY"), None][row as usize % 3];
    Items {
        item_id: ITEMS.to_vec().into(),
        title: nullable_text((0..count).map(|row| (row > 0).then_some(ITEMS[row as usize]))),
        category: nullable_text((0..count).map(category)),
        brand: nullable_text((0..count).map(|row| (row % 2 == 1).then_some("Own"))),
        price: Nullable((0..count).map(|row| (row > 1).then_some(f64::from(row) + 0.5)).collect()),
        available: (0..count).map(|row| Some(row + 1 < count)).collect(),
        baskets: (0..count).map(|row| 40 - row).collect::<Vec<_>>().into(),
        buyers: (0..count).map(|row| 20 - row).collect::<Vec<_>>().into(),
        recent_buyers: (0..count).map(|row| 12 - row).collect::<Vec<_>>().into(),
        new_buyers: (0..count).map(|row| 6_u32.saturating_sub(row)).collect::<Vec<_>>().into(),
        week_buyers: (0..count).map(|row| 6_u32.saturating_sub(row)).collect::<Vec<_>>().into(),
        revenue: vec![100.0; ITEMS.len()].into(),
        repeat_rate: vec![0.5; ITEMS.len()].into(),
        recent_repeat_rate: vec![0.5; ITEMS.len()].into(),
        gap_days: vec![7.0; ITEMS.len()].into(),
    }
}

/// The three scores of each customer; the last one is a prospect.
const SCORES: [Option<u8>; 6] = [Some(5), Some(4), Some(3), Some(2), Some(1), None];

fn scores() -> Nullable<UInt8Array> {
    Nullable(SCORES.into_iter().collect())
}

/// The position of the group of three equal scores; on odd days the third customer is at risk.
fn group_of(shop: Shop, score: u8) -> u8 {
    let group = if shop.as_of_day % 2 == 1 && score == 3 { RfmGroup::AtRisk } else { RfmGroups::default().group(score, score, score) };
    RfmGroup::ALL.iter().position(|one| *one == group).unwrap() as u8
}

/// Signed up, region, consent and age; nothing is known of the last customer.
fn attributes() -> Attributes {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("age", Arc::new(Float64Array::from(vec![Some(31.0), Some(47.0), None, Some(52.0), Some(19.0), None]))),
        ("email_opt_in", Arc::new(BooleanArray::from(vec![Some(true), Some(false), Some(true), Some(true), None, None]))),
        ("region", Arc::new(StringArray::from(vec![Some("north"), Some("south"), Some("north"), None, Some("=west"), None]))),
        ("signed_up_at", Arc::new(Date32Array::from(vec![Some(17_000), Some(17_100), Some(17_200), Some(17_300), None, None]))),
    ];
    Attributes::from_batch(RecordBatch::try_from_iter(columns).unwrap(), CUSTOMERS.len()).unwrap()
}

/// Silver and gold; the first two are gold, the next two silver.
fn loyalty() -> Loyalty {
    Loyalty {
        tier: Nullable(vec![Some(1), Some(1), Some(0), Some(0), None, None].into()),
        spend: vec![500.0, 410.0, 320.0, 230.123, 40.0, 0.0].into(),
        orders: vec![10, 8, 6, 4, 2, 0].into(),
        falls_on: Nullable(vec![Some(17_845), Some(17_600), Some(17_840), Some(17_830), None, None].into()),
        falls_to: Nullable(vec![Some(0), Some(0), None, None, None, None].into()),
        points: Nullable(vec![Some(500.0), Some(410.0), Some(320.0), Some(230.0), Some(40.0), Some(0.0)].into()),
        points_expiring: Nullable(vec![None; 6].into()),
        points_expire_on: Nullable(vec![None; 6].into()),
    }
}

fn loyalty_rules() -> LoyaltyRules {
    let tier = |name: &str, min_spend, min_orders| LoyaltyTier { name: name.to_owned(), min_spend, min_orders };
    let tiers = vec![tier("silver", 200.0, 2), tier("gold", 400.0, 8)];
    LoyaltyRules { window_days: 365, tiers, derived: false, points_per_unit: Some(1.0), points_expire_days: None }
}

fn customers(shop: Shop) -> Customers {
    let all = || 0..CUSTOMERS.len() as u32;
    let counts = |of: fn(u32) -> u32| -> UInt32Array { all().map(of).collect::<Vec<_>>().into() };
    let churn = |of: fn(u32) -> f64| Nullable(all().map(|row| (shop.churn && row != 5).then(|| of(row))).collect());
    Customers {
        customer_id: CUSTOMERS.to_vec().into(),
        orders: counts(|row| 10 - 2 * row),
        purchase_days: counts(|row| 10 - 2 * row),
        frequency: counts(|row| 9_u32.saturating_sub(2 * row)),
        recency_days: counts(|row| 100 - row),
        age_days: counts(|row| 120 - row),
        days_since_last: counts(|row| 20 + row),
        first_day: vec![17_380; CUSTOMERS.len()].into(),
        last_day: vec![17_480; CUSTOMERS.len()].into(),
        spend: all().map(|row| 500.0 - f64::from(row) * 90.0).collect::<Vec<_>>().into(),
        monetary_value: vec![25.0; CUSTOMERS.len()].into(),
        distinct_items: counts(|_| 3),
        distinct_categories: counts(|_| 2),
        returns: counts(|_| 0),
        gap_days: Nullable((0..CUSTOMERS.len()).map(|row| (row != 5).then_some(10.0)).collect()),
        rfm_recency: scores(),
        rfm_frequency: scores(),
        rfm_monetary: scores(),
        rfm_group: Nullable(SCORES.map(|score| score.map(|score| group_of(shop, score))).into_iter().collect()),
        lifecycle: vec![3, 2, 2, 4, 5, 0].into(),
        value_tier: vec![0, 0, 1, 1, 2, 2].into(),
        segment: vec![0, 0, 0, 1, 1, 1].into(),
        needs_segment: Nullable(vec![Some(2), Some(2), Some(3), Some(3), Some(3), Some(3)].into()),
        churn_probability: churn(|row| [0.1, 0.4, 0.4, 0.7, 0.9, 0.0][row as usize]),
        churn_percentile: churn(|row| f64::from(row) * 20.0),
        p_alive: churn(|row| 1.0 - f64::from(row) * 0.1),
        spend_if_active: churn(|row| 200.0 - f64::from(row) * 40.0),
        lifetime_value: churn(|row| 900.0 - f64::from(row) * 100.0),
        next_order_from: churn(|_| 1.0),
        next_order: churn(|row| 7.5 + f64::from(row)),
        next_order_until: churn(|_| 60.0),
        days_last_91: all().map(|row| 6 - row).collect::<Vec<_>>().into(),
        spend_last_91: all().map(|row| 120.0 - f64::from(row) * 20.0).collect::<Vec<_>>().into(),
        days_year_ago: all().collect::<Vec<_>>().into(),
        driver_1: all()
            .map(|row| if shop.churn && row != 5 { Driver { theme: Theme::Rhythm, raises: row > 2 }.byte() } else { 0 })
            .collect::<Vec<_>>()
            .into(),
        driver_2: vec![0; CUSTOMERS.len()].into(),
        driver_3: vec![0; CUSTOMERS.len()].into(),
        usual_weekday: Nullable((0..CUSTOMERS.len() as u8).map(|row| (row > 0).then_some(row % 7)).collect()),
        usual_hour: Nullable((0..CUSTOMERS.len() as u8).map(|row| (row > 0).then_some(8 + row)).collect()),
        usual_channel: Nullable((0..CUSTOMERS.len()).map(|row| (row > 0).then_some(["shop", "web"][row % 2])).collect()),
        channels: Nullable((0..CUSTOMERS.len() as u32).map(|row| (row > 0).then_some(1 + row % 2)).collect()),
        usual_channel_share: Nullable((0..CUSTOMERS.len()).map(|row| (row > 0).then_some(0.75)).collect()),
        channel_shift: Nullable((0..CUSTOMERS.len()).map(|row| (row > 0).then_some(0.0)).collect()),
        discount_share: Nullable((0..CUSTOMERS.len()).map(|row| (row != 5).then_some(0.125)).collect()),
        expected_purchases: churn(|row| 5.0 - f64::from(row)),
        expected_spend: churn(|row| 200.0 - f64::from(row) * 40.0),
    }
}

fn segments(shop: Shop) -> Segments {
    let numbers = |values: [f64; 4]| Float64Array::from(values.to_vec());
    let maybe = |values: [f64; 4]| Nullable(values.map(|value| shop.churn.then_some(value)).to_vec().into());
    let over_items: Vec<(&str, ArrayRef)> = vec![
        ("item", Arc::new(UInt32Array::from(vec![7]))),
        ("buyers", Arc::new(UInt32Array::from(vec![3]))),
        ("lift", Arc::new(Float64Array::from(vec![1.5]))),
    ];
    let over_categories: Vec<(&str, ArrayRef)> = vec![
        ("category", Arc::new(StringArray::from(vec!["DAIRY"]))),
        ("share", Arc::new(Float64Array::from(vec![0.6]))),
        ("lift", Arc::new(Float64Array::from(vec![2.0]))),
    ];
    Segments {
        segment_id: vec!["s1", "s2", "n1", "n2"].into(),
        kind: vec![0, 0, 1, 1].into(),
        name: vec!["Weekly families", "Rare visitors", "Dairy lovers", "A bit of everything"].into(),
        description: vec!["Buy every week", "Buy now and then", "Mostly dairy", "As everyone"].into(),
        since: vec!["2017-10-01", "2017-12-01", "2017-12-01", "2017-12-01"].into(),
        change: vec!["kept", "split", "new", "new"].into(),
        from: nullable_text([None, Some("s1"), None, None]),
        customers: vec![3, 3, 2, 4].into(),
        mean_purchase_days: numbers([8.0, 2.0, 9.0, 4.0]),
        mean_days_since_last: numbers([21.0, 24.0, 20.5, 23.5]),
        mean_gap_days: numbers([10.0; 4]),
        mean_spend: numbers([410.0, 140.0, 455.0, 185.0]),
        mean_spend_a_day: numbers([51.0, 70.0, 50.0, 45.0]),
        mean_distinct_items: numbers([3.0; 4]),
        mean_distinct_categories: numbers([2.0; 4]),
        bought_once: numbers([0.0, 0.3, 0.0, 0.2]),
        total_spend: numbers([1230.0, 420.0, 910.0, 740.0]),
        mean_churn_probability: maybe([0.3, 0.8, 0.25, 0.7]),
        mean_expected_spend: maybe([160.0, 60.0, 180.0, 80.0]),
        total_expected_spend: maybe([480.0, 120.0, 360.0, 240.0]),
        favourites: Favourites::new(&[vec![(2, 3), (3, 2)], vec![(4, 1)], vec![(7, 2)], vec![]]).to_list(),
        over_items: table::list_of_structs(table::offsets([0, 0, 1, 0]), over_items),
        over_categories: table::list_of_structs(table::offsets([0, 0, 1, 0]), over_categories),
    }
}

fn histories() -> Histories {
    let bought = |item, orders| Bought {
        item: ItemIx(item),
        orders,
        recent_orders: 1,
        units: orders as f32,
        days_since_last: 20,
        days_since_first: 100,
        fast: 0.5,
        slow: 1.0,
        by_order: 0.5,
    };
    let rows: Vec<Vec<Bought>> = (0..CUSTOMERS.len() as u32)
        .map(|row| if row == 5 { vec![] } else { (row..row + 3).map(|item| bought(item, 4)).collect() })
        .collect();
    Histories::new(&rows)
}

fn neighbours(step: u32, together: u32) -> CoPurchase {
    let count = ITEMS.len() as u32;
    let rows: Vec<Vec<Neighbour>> = (0..count)
        .map(|item| {
            let at = |distance: u32| Neighbour {
                item: ItemIx((item + distance) % count),
                together: together / distance,
                score: 0.5 / distance as f32,
            };
            vec![at(step), at(step + 1)]
        })
        .collect();
    CoPurchase::new(&rows)
}

fn together() -> CoPurchase {
    neighbours(1, 12)
}

fn alike() -> CoPurchase {
    neighbours(3, 9)
}

fn logistic(features: &[&str]) -> Logistic {
    let weight = |feature: &&str| Weight { feature: (*feature).to_owned(), mean: 0.0, scale: 1.0, weight: 0.1 };
    Logistic { intercept: -2.0, weights: features.iter().map(weight).collect() }
}

fn ranker() -> Ranker {
    Ranker {
        repeat: Head { logistic: logistic(&REPEAT_FEATURES), trees: Trees::default() },
        explore: Head { logistic: logistic(&EXPLORE_FEATURES), trees: Trees::default() },
        basket: None,
        window_days: 28,
        windows: vec!["2017-11-01".into()],
        unlearned: None,
        orders: 100,
        customers: 30,
        recent_customers: 20,
    }
}

fn churn_model(shop: Shop) -> ChurnModel {
    if shop.churn {
        ChurnModel::Fitted {
            horizon_days: 90,
            method: "logistic".into(),
            scorer: Scorer::Logistic(logistic(&churn::FEATURES)),
            centres: vec![Centre { mean: 0.0, least: -10.0, most: 10.0 }; churn::WIDTH],
            level: 0.0,
            candidates: Vec::new(),
            validated_on: None,
            origins: vec!["2017-08-01".into()],
            rows: 100,
        }
    } else {
        ChurnModel::InsufficientData { horizon_days: 90, reason: "12 days of history".into() }
    }
}

fn manifest(shop: Shop) -> Manifest {
    Manifest {
        format: FORMAT_VERSION,
        as_of: "2017-12-01T00:00:00Z".into(),
        as_of_day: shop.as_of_day,
        timezone: "UTC".into(),
        data: DataSummary { customers: CUSTOMERS.len() as u64, items: ITEMS.len() as u64, ..DataSummary::default() },
        settings: serde_json::json!({"seed": 1, "insights": {"min_group": 5}}),
        rules: CustomerRules {
            rfm: RfmCuts::default(),
            rfm_groups: RfmGroups::default(),
            lifecycle: LifecycleRules::default(),
            value: ValueCuts { high: 100.0, medium: 50.0, rules: ValueRules::default() },
            loyalty: loyalty_rules(),
        },
        association_rules: RulesSummary { orders: 100, min_confidence: 0.1, max_items: 6, levels: Vec::new() },
        segments: Vec::new(),
        evaluation: Evaluation::default(),
        files: Default::default(),
    }
}
