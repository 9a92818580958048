//! Migration: every way from group to group between two versions, as a table.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use shopkeeper_models::migration::{Migration, Way};

use super::List;

/// The ways that somebody took: who stayed, moved, joined and left.
pub fn migration(migration: &Migration) -> List {
    let ways: Vec<Way<'_>> = migration.ways().collect();
    let all = |text: &str| -> ArrayRef { Arc::new(ways.iter().map(|_| Some(text)).collect::<StringArray>()) };
    let text = |of: for<'a> fn(&Way<'a>) -> Option<&'a str>| -> ArrayRef { Arc::new(ways.iter().map(of).collect::<StringArray>()) };
    let columns: Vec<(&str, bool, ArrayRef)> = vec![
        ("from_version", false, all(&migration.from[0])),
        ("to_version", false, all(&migration.to[0])),
        ("by", false, all(migration.by.name())),
        ("from_group", true, text(|way| way.from)),
        ("to_group", true, text(|way| way.to)),
        ("change", false, text(|way| Some(way.change.name()))),
        ("customers", false, Arc::new(ways.iter().map(|way| way.customers).collect::<UInt64Array>())),
        ("share", true, Arc::new(ways.iter().map(|way| way.share).collect::<Float64Array>())),
    ];
    let field = |(name, nullable, array): &(&str, bool, ArrayRef)| {
        let kind: &DataType = array.data_type();
        Field::new(*name, kind.clone(), *nullable)
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.into_iter().map(|(_, _, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap_or_else(|error| unreachable!("one row a way: {error}"));
    List { schema, total: batch.num_rows(), batches: Box::new(std::iter::once(batch)) }
}
