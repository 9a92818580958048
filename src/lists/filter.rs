//! Filters: which customers, and in what order. One set of parameters for every list of customers, over HTTP and on the command line.
//!
//! A text is met by `lifecycle=at_risk,lapsed`, a number or a date by `min_spend=100` and `max_spend=500`, an attribute of the customers table by
//! `attributes.region=north`; `sort=spend` puts the most first. A customer of whom a value is not known never meets it and stands last.

use std::borrow::Cow;
use std::cmp::Ordering;

use arrow::datatypes::DataType;
use shopkeeper_models::attributes::Attribute;
use shopkeeper_models::calendar::day;
use shopkeeper_models::customers::NextOrder;
use shopkeeper_models::groups::{GroupBy, NONE};
use shopkeeper_models::segments::SegmentKind;
use shopkeeper_models::{CustomerIx, Model};

use super::columns::Cell;
use super::customers::CUSTOMERS;

/// What stands before the name of an attribute.
pub const ATTRIBUTES: &str = "attributes.";
/// Other names of columns, from before the columns bore theirs.
const ALIASES: [(&str, &str); 2] = [("probability", "churn_probability"), ("segment", "segment_id")];
/// Columns that hold probabilities.
const PROBABILITIES: [&str; 2] = ["churn_probability", "p_alive"];

/// Why a filter cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The model has no such segment.
    #[error("segment {found:?} is none of {known}")]
    Segment {
        /// The segment asked for.
        found: String,
        /// Those there are.
        known: String,
    },
    /// Anything else: the parameter, what was found and what was expected.
    #[error("{0}")]
    Parameter(String),
}

/// Something that customers can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// A position in [`CUSTOMERS`].
    Column(usize),
    /// A column of the attributes.
    Attribute(usize),
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A number.
    Number,
    /// A calendar date.
    Date,
    /// Yes or no.
    Flag,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Text, Self::Number, Self::Date, Self::Flag];
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
enum Condition {
    /// One of these texts; [`NONE`] where there is none.
    OneOf(Vec<String>),
    /// One of these numbers.
    Equal(Vec<f64>),
    AtLeast(f64),
    AtMost(f64),
}

/// Which customers, and in what order. Its `Debug` text is the same for the same question.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomerFilter {
    conditions: Vec<(Field, Condition)>,
    sort: Field,
    descending: bool,
}

/// A value of a customer.
enum Value<'m> {
    Text(Cow<'m, str>),
    Number(f64),
    Missing,
}

impl CustomerFilter {
    /// Reads parameters: names with their values, `sort` and `order` among them. `sort` is what the list is sorted by without them.
    ///
    /// # Errors
    /// For a name that is no field, a value that the field cannot have, and a parameter given twice.
    pub fn new(model: &Model, params: &[(String, String)], sort: &str) -> Result<Self, FilterError> {
        let mut filter = Self { conditions: Vec::new(), sort: Field::Column(0), descending: false };
        let (mut by, mut order) = (sort, None);
        for (at, (name, value)) in params.iter().enumerate() {
            if params[..at].iter().any(|(other, _)| other == name) {
                return refuse(format!("{name} stands twice; give it once, several texts with commas between them"));
            }
            match name.as_str() {
                "sort" => by = value,
                "order" => order = Some(value.as_str()),
                _ => filter.conditions.push(condition(model, name, value)?),
            }
        }
        let Some(sort) = find(model, by) else {
            return refuse(format!("sort={by}: no such field; expected one of {}", labels(model, &Kind::ALL).join(", ")));
        };
        filter.sort = sort;
        filter.descending = match order {
            Some("asc") => false,
            Some("desc") => true,
            None => matches!(kind(model, sort), Kind::Number | Kind::Date),
            Some(other) => return refuse(format!("order={other}: expected asc or desc")),
        };
        Ok(filter)
    }

    /// The same, and only these segments: rows of the model's segments.
    pub fn in_segment(mut self, model: &Model, segment: usize) -> Self {
        let column = match model.segments.kind(segment) {
            SegmentKind::Behaviour => "segment_id",
            SegmentKind::Needs => "needs_segment_id",
        };
        let field = find(model, column).unwrap_or(self.sort);
        self.conditions.push((field, Condition::OneOf(vec![model.segments.segment_id.value(segment).to_owned()])));
        self
    }

    /// Whether a customer meets every condition.
    pub(super) fn keeps(&self, model: &Model, customer: CustomerIx) -> bool {
        self.conditions.iter().all(|(field, condition)| match (value(model, *field, customer), condition) {
            (Value::Text(text), Condition::OneOf(texts)) => texts.iter().any(|wanted| *wanted == text),
            (Value::Missing, Condition::OneOf(texts)) => texts.iter().any(|wanted| wanted == NONE),
            (Value::Number(number), Condition::Equal(numbers)) => numbers.contains(&number),
            (Value::Number(number), Condition::AtLeast(least)) => number >= *least,
            (Value::Number(number), Condition::AtMost(most)) => number <= *most,
            _ => false,
        })
    }

    /// The customers kept, in order, those of `window` alone; and how many there are in all. Sorts only the window.
    pub(super) fn rows(&self, model: &Model, window: super::Window) -> (Vec<CustomerIx>, usize) {
        let all = (0..model.customers.len() as u32).map(CustomerIx);
        let mut rows: Vec<CustomerIx> = all.filter(|&customer| self.keeps(model, customer)).collect();
        let (total, range) = (rows.len(), window.of(rows.len()));
        let direction = |order: Ordering| if self.descending { order.reverse() } else { order };
        // ids ascend with row numbers, so that they need no comparison of texts
        let by_id = self.sort == Field::Column(0);
        let compare = |a: &CustomerIx, b: &CustomerIx| {
            if by_id {
                return direction(a.cmp(b));
            }
            let order = match (value(model, self.sort, *a), value(model, self.sort, *b)) {
                (Value::Text(a), Value::Text(b)) => direction(a.cmp(&b)),
                (Value::Number(a), Value::Number(b)) => direction(a.total_cmp(&b)),
                (Value::Missing, Value::Missing) => Ordering::Equal,
                (Value::Missing, _) => Ordering::Greater,
                _ => Ordering::Less,
            };
            order.then(a.cmp(b))
        };
        if range.end < total {
            rows.select_nth_unstable_by(range.end, compare);
            rows.truncate(range.end);
        }
        if (1..rows.len()).contains(&range.start) {
            rows.select_nth_unstable_by(range.start, compare);
        }
        rows.drain(..range.start);
        rows.sort_unstable_by(compare);
        (rows, total)
    }
}

fn refuse<T>(why: String) -> Result<T, FilterError> {
    Err(FilterError::Parameter(why))
}

fn condition(model: &Model, name: &str, text: &str) -> Result<(Field, Condition), FilterError> {
    // `segment` is either kind's
    let needs = |row: usize| model.segments.segment_id.value(row) == text.split(',').next().unwrap_or_default();
    let name = if name == "segment" && model.segments.of_kind(SegmentKind::Needs).any(needs) { "needs_segment_id" } else { name };
    if let Some(field) = find(model, name) {
        return Ok((field, one_of(model, name, field, text)?));
    }
    for (prefix, make) in [("min_", Condition::AtLeast as fn(f64) -> Condition), ("max_", Condition::AtMost)] {
        let Some((bare, field)) = name.strip_prefix(prefix).and_then(|bare| Some((bare, find(model, bare)?))) else { continue };
        if !matches!(kind(model, field), Kind::Number | Kind::Date) {
            return refuse(format!("{name}: {bare} has no least and most; give the values wanted: {bare}=..."));
        }
        return Ok((field, make(number(model, name, field, text)?)));
    }
    refuse(format!("{name}: no such parameter; expected {}, or sort, order", names(model)))
}

fn one_of(model: &Model, name: &str, field: Field, text: &str) -> Result<Condition, FilterError> {
    if matches!(kind(model, field), Kind::Number | Kind::Date) {
        let numbers: Result<Vec<f64>, FilterError> = text.split(',').map(|part| number(model, name, field, part)).collect();
        return numbers.map(Condition::Equal);
    }
    let texts: Vec<String> = text.split(',').map(str::to_owned).collect();
    let Some(known) = choices(model, field) else { return Ok(Condition::OneOf(texts)) };
    match texts.iter().find(|text| !known.contains(text)) {
        None => Ok(Condition::OneOf(texts)),
        Some(found) if matches!(label(model, field).as_str(), "segment_id" | "needs_segment_id") => {
            let all = || model.segments.segment_id.iter().flatten().map(str::to_owned).collect();
            let known: Vec<String> = if name == "segment" { all() } else { known };
            Err(FilterError::Segment { found: found.clone(), known: known.join(", ") })
        }
        Some(found) => refuse(format!("{name}={found}: expected one of {}", known.join(", "))),
    }
}

fn number(model: &Model, name: &str, field: Field, text: &str) -> Result<f64, FilterError> {
    if kind(model, field) == Kind::Date {
        return day(text).map_or_else(|| refuse(format!("{name}={text}: expected a date such as 2017-11-06")), |day| Ok(day.into()));
    }
    let is_probability = PROBABILITIES.contains(&label(model, field).as_str());
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && (!is_probability || (0.0..=1.0).contains(&number)) => Ok(number),
        _ if is_probability => refuse(format!("{name}={text}: expected a number from 0 to 1")),
        _ => refuse(format!("{name}={text}: expected a number")),
    }
}

fn find(model: &Model, name: &str) -> Option<Field> {
    if let Some(attribute) = name.strip_prefix(ATTRIBUTES) {
        return model.attributes.find(attribute).map(Field::Attribute);
    }
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, column)| column);
    CUSTOMERS.iter().position(|column| column.name == name).map(Field::Column)
}

fn label(model: &Model, field: Field) -> String {
    match field {
        Field::Column(at) => CUSTOMERS[at].name.to_owned(),
        Field::Attribute(at) => format!("{ATTRIBUTES}{}", model.attributes.names()[at]),
    }
}

fn kind_of_cell<R>(cell: &Cell<R>) -> Kind {
    match cell {
        Cell::Text(_) | Cell::Name(_) | Cell::Texts(_) => Kind::Text,
        Cell::Flag(_) => Kind::Flag,
        Cell::Date(_) => Kind::Date,
        Cell::Count(_) | Cell::Maybe(_) | Cell::Number(_) | Cell::Money(_) | Cell::Score(_) => Kind::Number,
    }
}

fn kind(model: &Model, field: Field) -> Kind {
    match field {
        Field::Column(at) => kind_of_cell(&CUSTOMERS[at].cell),
        Field::Attribute(at) => match model.attributes.kind(at) {
            DataType::Boolean => Kind::Flag,
            DataType::Date32 => Kind::Date,
            DataType::Float64 => Kind::Number,
            _ => Kind::Text,
        },
    }
}

/// The texts that a field can have, where they are known beforehand.
fn choices(model: &Model, field: Field) -> Option<Vec<String>> {
    let label = label(model, field);
    let by = match label.as_str() {
        "segment_id" => GroupBy::Segment,
        "needs_segment_id" => GroupBy::NeedsSegment,
        "lifecycle" => GroupBy::Lifecycle,
        "value_tier" => GroupBy::ValueTier,
        "rfm_group" => GroupBy::RfmGroup,
        "loyalty_tier" | "loyalty_next_tier" | "loyalty_falls_to" => GroupBy::LoyaltyTier,
        "next_order_status" => return Some(NextOrder::ALL.map(|status| status.name().to_owned()).into()),
        "potential_high_value" => return Some(vec!["true".into(), "false".into()]),
        "status" => return Some(vec!["ok".into(), "insufficient_data".into()]),
        _ if kind(model, field) == Kind::Flag => return Some(vec!["true".into(), "false".into(), NONE.into()]),
        _ => return None,
    };
    let nullable = matches!(by, GroupBy::NeedsSegment | GroupBy::RfmGroup | GroupBy::LoyaltyTier);
    Some(model.standing().names(by).into_iter().chain(nullable.then(|| NONE.to_owned())).collect())
}

fn value<'m>(model: &'m Model, field: Field, customer: CustomerIx) -> Value<'m> {
    let number = |number: Option<f64>| number.map_or(Value::Missing, Value::Number);
    match field {
        Field::Column(at) => match CUSTOMERS[at].cell {
            Cell::Text(of) => of(model, &customer).map_or(Value::Missing, |text| Value::Text(text.into())),
            Cell::Name(of) => of(model, &customer).map_or(Value::Missing, |text| Value::Text(text.into())),
            Cell::Texts(of) => Value::Text(of(model, &customer).join(" + ").into()),
            Cell::Flag(of) => Value::Text(of(model, &customer).to_string().into()),
            Cell::Count(of) => Value::Number(of(model, &customer).into()),
            Cell::Maybe(of) => number(of(model, &customer).map(f64::from)),
            Cell::Number(of) => number(of(model, &customer)),
            Cell::Money(of) => number(of(model, &customer).map(super::columns::cents)),
            Cell::Score(of) => Value::Number(of(model, &customer).into()),
            Cell::Date(of) => number(of(model, &customer).map(f64::from)),
        },
        Field::Attribute(at) => match model.attributes.get(at, customer) {
            None => Value::Missing,
            Some(Attribute::Text(text)) => Value::Text(text.into()),
            Some(Attribute::Flag(flag)) => Value::Text(if flag { "true" } else { "false" }.into()),
            Some(Attribute::Number(found)) => Value::Number(found),
            Some(Attribute::Date(day)) => Value::Number(day.into()),
        },
    }
}

/// The fields of a kind by name, in the order of the columns, attributes of no model among them.
pub fn columns(of: Kind) -> impl Iterator<Item = (&'static str, &'static str)> {
    CUSTOMERS.iter().filter(move |column| kind_of_cell(&column.cell) == of).map(|column| (column.name, column.about))
}

/// Every field of a model of these kinds.
fn labels(model: &Model, of: &[Kind]) -> Vec<String> {
    let fields = (0..CUSTOMERS.len()).map(Field::Column).chain((0..model.attributes.names().len()).map(Field::Attribute));
    fields.filter(|&field| of.contains(&kind(model, field))).map(|field| label(model, field)).collect()
}

/// Every parameter of a filter, for a message.
fn names(model: &Model) -> String {
    let (texts, numbers) = (labels(model, &[Kind::Text, Kind::Flag]), labels(model, &[Kind::Number, Kind::Date]));
    format!("one of {}, or, also with min_ or max_ in front, one of {}", texts.join(", "), numbers.join(", "))
}
