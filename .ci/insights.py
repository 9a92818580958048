"""Figures of insights and rules again, from the raw purchases with polars: insights.py JOURNEY WORK. Ends with 1 when one differs."""
import sys
from datetime import datetime, timedelta

import polars as pl

journey, work = sys.argv[1:]
lines = pl.read_parquet(f"{journey}/transactions.parquet").select(
    customer=pl.col("household_id").cast(pl.String),
    order=pl.col("basket_id").cast(pl.String),
    item=pl.col("product_id").cast(pl.String),
    quantity=pl.col("quantity").cast(pl.Float64),
    amount=pl.col("sales_value").cast(pl.Float64),
    time=pl.col("transaction_timestamp").dt.replace_time_zone(None),
).with_columns(day=pl.col("time").dt.date(), month=pl.col("time").dt.date().dt.truncate("1mo"))
categories = pl.read_parquet(f"{journey}/products.parquet").select(
    item=pl.col("product_id").cast(pl.String), category=pl.col("product_category").str.split("/").list.first().str.strip_chars()
)
# one customer may stand in an order id of another one: an order is of both
orders = lines.group_by("customer", "order").agg(
    time=pl.col("time").min(),
    items=pl.col("item").filter(pl.col("quantity") > 0).n_unique(),
    units=pl.col("quantity").sum(),
    value=pl.col("amount").sum(),
).with_columns(day=pl.col("time").dt.date(), month=pl.col("time").dt.date().dt.truncate("1mo"))
wrong = []


def check(name, ours, theirs, keys, columns):
    """Both tables on the keys; figures may differ by rounding alone."""
    both = theirs.join(ours, on=keys, how="full", suffix="_ours", coalesce=True, nulls_equal=True)
    worst = 0.0
    for column in columns:
        a, b = both[column].cast(pl.Float64), both[f"{column}_ours"].cast(pl.Float64)
        if (a.is_null() != b.is_null()).any():
            wrong.append(f"{name} {column}: rows are missing on one side")
            print(both.filter(a.is_null() != b.is_null()).head(5))
            continue
        difference = ((a - b).abs() / (1 + a.abs())).max() or 0.0
        worst = max(worst, difference)
        if difference > 1e-6 and not (difference < 0.0051 and column in ("revenue", "mean_value", "median_value", "value")):
            wrong.append(f"{name} {column}: {difference}")
            print(both.filter((a - b).abs() / (1 + a.abs()) > 1e-6).head(5))
    print(f"{name:14} {len(both):6} rows, columns {', '.join(columns)}: largest difference {worst:.2g}")


def ours(name):
    return pl.read_parquet(f"{work}/{name}.parquet").rename({"period": "month"}, strict=False)


months = orders.select("month").unique().sort("month").with_columns(at=pl.int_range(pl.len()))
active = orders.group_by("customer", "month").agg(days=pl.col("day").n_unique(), revenue=pl.col("value").sum(), orders=pl.len()).join(months, on="month")
first = active.group_by("customer").agg(first=pl.col("at").min())
active = active.join(first, on="customer").sort("customer", "at").with_columns(before=pl.col("at").shift(1).over("customer"))
flows = active.group_by("month").agg(
    customers=pl.len(),
    new=(pl.col("at") == pl.col("first")).sum(),
    returning=(pl.col("at") - pl.col("before") == 1).sum(),
    reactivated=(pl.col("at") - pl.col("before") > 1).sum(),
    orders=pl.col("orders").sum(),
    revenue=pl.col("revenue").sum(),
)
check("customers", ours("customers"), flows, ["month"], ["customers", "new", "returning", "reactivated", "orders", "revenue"])
repurchase = active.group_by("month").agg(repurchase_rate=(pl.col("days") > 1).mean())
check("retention", ours("retention"), repurchase, ["month"], ["repurchase_rate"])
cohorts = active.with_columns(since=(pl.col("at") - pl.col("first")).cast(pl.UInt64)).join(months.rename({"month": "cohort_month", "at": "first"}), on="first")
cohorts = cohorts.group_by(pl.col("cohort_month").alias("month"), "since").agg(active=pl.len())
check("cohorts", ours("cohorts").filter(pl.col("active") > 0), cohorts, ["month", "since"], ["active"])
gaps = orders.select("customer", "day").unique().sort("customer", "day").with_columns(gap=pl.col("day").diff().over("customer").dt.total_days())["gap"].drop_nulls()
theirs = pl.DataFrame({"by": ["all"], "median": [gaps.quantile(0.5, "lower")], "mean": [gaps.mean()]})
check("purchase_gaps", ours("purchase_gaps"), theirs, ["by"], ["median", "mean"])
kept = orders.filter(pl.col("items") > 0)
baskets = kept.group_by("month").agg(orders=pl.len(), mean_items=pl.col("items").mean(), mean_value=pl.col("value").mean())
check("baskets", ours("baskets"), baskets, ["month"], ["orders", "mean_items", "mean_value"])
hours = orders.group_by(weekday=pl.col("time").dt.weekday().cast(pl.UInt64), hour=pl.col("time").dt.hour().cast(pl.UInt64)).agg(orders=pl.len())
check("hours", ours("hours").filter(pl.col("orders") > 0), hours, ["weekday", "hour"], ["orders"])
end = lines["day"].max() + timedelta(days=1)
ago = (pl.lit(end) - pl.col("day")).dt.total_days()
windows = lines.group_by(name=pl.col("item")).agg(
    revenue=pl.col("amount").filter((ago >= 1) & (ago <= 28) & (pl.col("quantity") > 0)).sum(),
    revenue_before=pl.col("amount").filter((ago > 28) & (ago <= 56) & (pl.col("quantity") > 0)).sum(),
    buyers=pl.col("customer").filter((ago >= 1) & (ago <= 28) & (pl.col("quantity") > 0)).n_unique(),
)
growth = ours("growth")
check("growth", growth, windows.join(growth.select("name"), on="name", how="semi"), ["name"], ["revenue", "buyers"])
of_categories = lines.filter(pl.col("quantity") > 0).join(categories, on="item").select("customer", "category").drop_nulls().unique()
chosen = ours("cross_shop").filter(pl.col("category") == pl.col("other_category"))["category"]
of_categories = of_categories.filter(pl.col("category").is_in(chosen.implode()))
pairs = of_categories.join(of_categories, on="customer", suffix="_other").group_by("category", other_category="category_other").agg(customers=pl.len())
check("cross_shop", ours("cross_shop"), pairs, ["category", "other_category"], ["customers"])
held = lines.filter(pl.col("quantity") > 0).select("customer", "order", "item").unique()
rules = pl.read_parquet(f"{work}/rules.parquet").with_columns(antecedent=pl.col("antecedent").list.first()).select("antecedent", "consequent", "baskets", "support")
named = pl.concat([rules["antecedent"], rules["consequent"]]).unique()
some = held.filter(pl.col("item").is_in(named.implode()))
together = some.join(some, on=["customer", "order"], suffix="_other").group_by(antecedent="item", consequent="item_other").agg(baskets=pl.len())
together = together.join(rules.select("antecedent", "consequent"), on=["antecedent", "consequent"], how="semi")
together = together.with_columns(support=pl.col("baskets") / held.select("customer", "order").unique().height)
check("rules", rules, together, ["antecedent", "consequent"], ["baskets", "support"])
print(*(wrong or ["all figures are the same"]), sep="\n")
sys.exit(bool(wrong))
