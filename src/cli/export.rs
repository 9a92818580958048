//! `shopkeeper export`: answers for every customer as a file, through the same scoring as HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand};
use shopkeeper_models::Model;
use shopkeeper_models::groups::GroupBy;
use shopkeeper_models::migration::Migration;
use shopkeeper_models::recommender::{MAX_N, Purchased};
use shopkeeper_models::rules::RuleLevel;
use shopkeeper_models::store::ModelStore;

use super::{CliError, Global, say};
use crate::config::DEFAULT_STORE;
use crate::encode::export_to_file;
use crate::lists::{self, CHURN_SORT, CUSTOMERS_SORT, CustomerFilter, List, RuleFilter, RuleSort, Window};

const EXAMPLES: &str = "Examples:
  shopkeeper export recommendations --n 10 --out recommendations.parquet
  shopkeeper export recommendations --purchased exclude --out discover.csv
  shopkeeper export churn --out churn.csv
  shopkeeper export churn --where lifecycle=at_risk --where min_spend=100 --sort expected_loss --limit 500 --out win-back.csv
  shopkeeper export migration --by rfm_group --out moves.csv
  shopkeeper export rules --min-confidence 0.2 --prune --out rules.ndjson
  shopkeeper export rules --level category --consequent DAIRY/MILK --sort confidence --out milk.csv

The extension chooses the format: .parquet, .csv, .ndjson or .json.";

/// Write answers for every customer to a file
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ExportCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// What each customer will want next: customer_id, rank, item_id, score, source
    Recommendations {
        /// Items for each customer
        #[arg(long, default_value_t = 10, value_name = "N", value_parser = items_wanted)]
        n: usize,
        /// Whether items that the customer has bought before may be recommended: include, exclude, exclude:30d or until_due
        #[arg(long, default_value = "include", value_name = "WHETHER", value_parser = purchased)]
        purchased: Purchased,
        #[command(flatten)]
        to: To,
    },
    /// Who is about to leave and what that would cost, most money at stake first
    Churn {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        to: To,
    },
    /// The segments of each customer, by behaviour and by needs, with their names
    Segments {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        to: To,
    },
    /// What orders that hold something often hold as well, with the orders behind it
    Rules {
        #[command(flatten)]
        which: WhichRules,
        #[command(flatten)]
        to: To,
    },
    /// Everything the model knows and predicts of each customer
    Customers {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        to: To,
    },
    /// Every rule by which customers are told apart, in words, with the count that it gives
    Groups {
        #[command(flatten)]
        to: To,
    },
    /// Who moved from which group to which since another version
    Migration {
        /// The version before [default: the latest one that ends before the other]
        #[arg(long, value_name = "VERSION")]
        from: Option<String>,
        /// What customers are grouped by: segment, rfm_group, lifecycle, value_tier or loyalty_tier
        #[arg(long, default_value = "lifecycle", value_name = "WHAT", value_parser = group_by)]
        by: GroupBy,
        #[command(flatten)]
        to: To,
    },
}

/// Which customers, and in what order: the parameters of GET /v1/churn.
#[derive(Args, Debug)]
struct Which {
    /// Only customers like this; may be given again: lifecycle=at_risk,lapsed, min_spend=100, attributes.region=north
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = condition)]
    conditions: Vec<(String, String)>,
    /// What comes first: a column, the largest number or latest date first
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// asc or desc [default: desc for numbers and dates, asc for texts]
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// The first so many [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

impl Which {
    fn filter(&self, model: &Model, sort: &str) -> Result<(CustomerFilter, Window), CliError> {
        let also = [("sort", &self.sort), ("order", &self.order)];
        let also = also.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        let params: Vec<(String, String)> = self.conditions.iter().cloned().chain(also).collect();
        let filter = CustomerFilter::new(model, &params, sort).map_err(|error| CliError::Usage(error.to_string()))?;
        Ok((filter, Window { offset: 0, limit: self.limit.map_or(usize::MAX, |limit| limit as usize) }))
    }
}

/// Which rules: the parameters of GET /v1/rules.
#[derive(Args, Debug)]
struct WhichRules {
    /// Only rules between items, or between categories
    #[arg(long, value_name = "LEVEL", value_parser = rule_level)]
    level: Option<RuleLevel>,
    /// Only rules that name this item or category, on either side
    #[arg(long, value_name = "ID")]
    item: Option<String>,
    /// Only rules that name it on the left
    #[arg(long, value_name = "ID")]
    antecedent: Option<String>,
    /// Only rules that lead to it
    #[arg(long, value_name = "ID")]
    consequent: Option<String>,
    /// The fewest items of a rule
    #[arg(long, default_value_t = 2, value_name = "N")]
    min_size: usize,
    /// The most items of a rule [default: as many as there are]
    #[arg(long, value_name = "N")]
    max_size: Option<usize>,
    /// The least share of all orders that hold all of it, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    min_support: f64,
    /// The least share of the orders with the antecedent that hold the consequent, 0 to 1
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    min_confidence: f64,
    /// The least lift; 1 = independent
    #[arg(long, default_value_t = 0.0, value_name = "LIFT", value_parser = lift)]
    min_lift: f64,
    /// The largest p-value of Fisher's test, 0 to 1
    #[arg(long, value_name = "P", value_parser = share)]
    max_p_value: Option<f64>,
    /// Leave out rules that a shorter one says as surely
    #[arg(long)]
    prune: bool,
    /// What comes first: lift, confidence, support, leverage, conviction, chi_square or p_value [default: lift, items before categories]
    #[arg(long, value_name = "WHAT", value_parser = rule_sort)]
    sort: Option<RuleSort>,
}

impl WhichRules {
    fn filter(&self) -> RuleFilter {
        RuleFilter {
            level: self.level,
            item: self.item.clone(),
            antecedent: self.antecedent.clone(),
            consequent: self.consequent.clone(),
            min_size: self.min_size,
            max_size: self.max_size,
            min_support: self.min_support,
            min_confidence: self.min_confidence,
            min_lift: self.min_lift,
            max_p_value: self.max_p_value,
            prune: self.prune,
            sort: self.sort,
        }
    }
}

/// From which model, to which file.
#[derive(Args, Debug)]
struct To {
    /// Where fitted models are kept
    #[arg(long, default_value = DEFAULT_STORE, value_name = "DIR", env = "SHOPKEEPER_STORE")]
    store: PathBuf,
    /// The version [default: the current one]
    #[arg(long, value_name = "VERSION")]
    model: Option<String>,
    /// The file to write; its extension chooses the format: .parquet, .csv, .ndjson or .json
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl ExportCommand {
    pub(super) fn run(self, global: &Global) -> Result<(), CliError> {
        let (What::Recommendations { ref to, .. }
        | What::Churn { ref to, .. }
        | What::Segments { ref to, .. }
        | What::Rules { ref to, .. }
        | What::Groups { ref to }
        | What::Migration { ref to, .. }
        | What::Customers { ref to, .. }) = self.what;
        let store = ModelStore::new(&to.store);
        let model = Arc::new(to.model.as_ref().map_or_else(|| store.load_current(), |version| store.load(version))?);
        let list = match &self.what {
            What::Migration { from, by, .. } => migration(&store, from.clone(), &model, *by)?,
            what => what.list(&model)?,
        };
        let rows = export_to_file(&to.out, list)?;
        if global.quiet {
            return Ok(());
        }
        say(&format!("{}: {rows} rows of model {}\n", to.out.display(), model.version))
    }
}

impl What {
    fn list(&self, model: &Arc<Model>) -> Result<List, CliError> {
        let of_customers = |which: &Which, sort: &str, make: fn(&Arc<Model>, &CustomerFilter, Window) -> List| {
            which.filter(model, sort).map(|(filter, window)| make(model, &filter, window))
        };
        match self {
            Self::Recommendations { n, purchased, .. } => Ok(lists::recommendations(model, *n, *purchased)),
            Self::Churn { which, .. } => of_customers(which, CHURN_SORT, lists::churn),
            Self::Segments { which, .. } => of_customers(which, CUSTOMERS_SORT, lists::members),
            Self::Rules { which, .. } => {
                let filter = which.filter();
                filter.check(model).map_err(CliError::Usage)?;
                Ok(lists::rules(model, &filter, Window::ALL))
            }
            Self::Customers { which, .. } => of_customers(which, CUSTOMERS_SORT, lists::customers),
            Self::Groups { .. } | Self::Migration { .. } => Ok(lists::groups(model, None, Window::ALL)),
        }
    }
}

/// Who moved between `from`, by default the version before, and `model`.
fn migration(store: &ModelStore, from: Option<String>, model: &Model, by: GroupBy) -> Result<List, CliError> {
    let before = || -> Result<String, CliError> {
        let none = || CliError::Usage(format!("the store has no version that ends before {}. Name one: --from VERSION", model.version));
        store.before(model.manifest.as_of_day)?.ok_or_else(none)
    };
    let from = from.map_or_else(before, Ok)?;
    if from == model.version {
        return Err(CliError::Usage(format!("{from} would be compared with itself. Name two versions: --from VERSION --model VERSION")));
    }
    Ok(lists::migration(&Migration::between(&store.standing(&from)?, &model.standing(), by)))
}

fn purchased(text: &str) -> Result<Purchased, String> {
    Purchased::try_from(text.to_owned())
}

fn group_by(text: &str) -> Result<GroupBy, String> {
    GroupBy::from_name(text).ok_or_else(|| format!("expected one of {}", GroupBy::names()))
}

fn condition(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected a name and a value, such as lifecycle=at_risk or min_spend=100".to_owned()),
    }
}

fn items_wanted(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| (1..=MAX_N).contains(n)).ok_or_else(|| format!("expected a whole number from 1 to {MAX_N}"))
}

fn rule_level(text: &str) -> Result<RuleLevel, String> {
    RuleLevel::ALL.into_iter().find(|level| level.name() == text).ok_or_else(|| "expected item or category".to_owned())
}

fn rule_sort(text: &str) -> Result<RuleSort, String> {
    let names = RuleSort::ALL.map(RuleSort::name).join(", ");
    RuleSort::ALL.into_iter().find(|sort| sort.name() == text).ok_or_else(|| format!("expected one of {names}"))
}

fn lift(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|lift: &f64| lift.is_finite() && *lift >= 0.0).ok_or_else(|| "expected a number from 0".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| "expected a share from 0 to 1".to_owned())
}
