"""Figures of insights and rules again, from the raw purchases with polars: insights.py JOURNEY ONLINE WORK. Ends with 1 when one differs."""
import sys
from datetime import datetime, timedelta

import polars as pl

journey, online, work = sys.argv[1:]
lines = pl.read_parquet(f"{journey}/transactions.parquet").select(
    customer=pl.col("household_id").cast(pl.String),
    order=pl.col("basket_id").cast(pl.String),
    item=pl.col("product_id").cast(pl.String),
    quantity=pl.col("quantity").cast(pl.Float64),
    amount=pl.col("sales_value").cast(pl.Float64),
    time=pl.col("transaction_timestamp").dt.replace_time_zone(None),
    discount=(pl.col("retail_disc").cast(pl.Float64) + pl.col("coupon_disc").cast(pl.Float64)).abs(),
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
    discount=pl.col("discount").sum(),
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
    revenue=pl.col("amount").filter((ago >= 1) & (ago <= 28)).sum(),
    revenue_before=pl.col("amount").filter((ago > 28) & (ago <= 56)).sum(),
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
# who buys only when something is off
off = orders.group_by("customer").agg(off=(pl.col("discount") > 0).sum(), orders=pl.len(), revenue=pl.col("value").sum(), discount=pl.col("discount").sum())
step = pl.when(pl.col("off") == 0).then(0).when(pl.col("off") == pl.col("orders")).then(5).otherwise((4 * pl.col("off") / pl.col("orders")).ceil())
theirs = off.group_by(position=step.cast(pl.UInt64)).agg(customers=pl.len(), orders=pl.col("orders").sum(), revenue=pl.col("revenue").sum())
check("discounts", ours("discounts").filter(pl.col("customers") > 0), theirs, ["position"], ["customers", "orders", "revenue"])
# who stays after an item
horizon = 56
days = orders.select("customer", "day").unique().sort("customer", "day").with_columns(next=pl.col("day").shift(-1).over("customer"))
gap = (pl.col("next") - pl.col("day")).dt.total_days()
keepers = pl.read_parquet(f"{work}/keepers_item.parquet")
bought = lines.filter(pl.col("quantity") > 0).select("customer", "item", "day").unique().sort("customer", "item", "day")
bought = bought.with_columns(nth=pl.int_range(pl.len()).over("customer", "item"), later=pl.col("day").shift(-1).over("customer", "item")).filter(pl.col("nth") == 0)
bought = bought.join(days, on=["customer", "day"])
old = bought.filter((pl.lit(end) - pl.col("day")).dt.total_days() > horizon)
theirs = old.group_by(name="item").agg(customers=pl.len(), again=((pl.col("later") - pl.col("day")).dt.total_days() <= horizon).sum(), stayed=(gap <= horizon).sum())
check("keepers", keepers, theirs, ["name"], ["customers", "again", "stayed"])
# Kaplan-Meier after a first purchase
waits = days.group_by("customer").agg(pl.col("day").first(), pl.col("next").first())
waits = waits.select(days=pl.coalesce((pl.col("next") - pl.col("day")).dt.total_days(), (pl.lit(end) - pl.col("day")).dt.total_days() - 1), back=pl.col("next").is_not_null())
share, left, at = 1.0, waits.height, {}
for day in range(int(waits["days"].max()) + 1):
    ended = waits.filter(pl.col("days") == day)
    share *= 1 - ended["back"].sum() / left if left else 1
    left -= ended.height
    at[day] = (share, left)
survival = ours("survival")
theirs = pl.DataFrame({"days": survival["days"], "not_back": [at[day][0] for day in survival["days"]], "watched": [at[day][1] for day in survival["days"]]}).unique()
check("survival", survival, theirs, ["days"], ["not_back", "watched"])
# campaigns
members = pl.read_parquet(f"{journey}/campaigns.parquet").select(name=pl.col("campaign_id").cast(pl.String), customer=pl.col("household_id").cast(pl.String)).unique()
runs = pl.read_parquet(f"{journey}/campaign_descriptions.parquet").select(
    name=pl.col("campaign_id").cast(pl.String), start=pl.col("start_date").dt.date(), last=pl.min_horizontal(pl.col("end_date").dt.date(), pl.lit(end - timedelta(days=1)))
).filter(pl.col("start") < end)
redeemed = pl.read_parquet(f"{journey}/coupon_redemptions.parquet").select(
    name=pl.col("campaign_id").cast(pl.String), customer=pl.col("household_id").cast(pl.String), on=pl.col("redemption_date").dt.date()
).filter(pl.col("on") < end).select("name", "customer").unique().with_columns(redeemed=True)
members = members.join(lines.select("customer").unique(), on="customer", how="semi").join(runs, on="name").join(redeemed, on=["name", "customer"], how="left")
during = members.join(orders.select("customer", "order", "day", "value"), on="customer").filter(pl.col("day").is_between("start", "last"))
during = during.group_by("name", "customer").agg(revenue=pl.col("value").sum())
members = members.join(during, on=["name", "customer"], how="left")
theirs = members.group_by("name").agg(sent=pl.len(), redeemed=pl.col("redeemed").sum(), buyers=pl.col("revenue").is_not_null().sum(), revenue=pl.col("revenue").sum())
check("campaigns", pl.read_parquet(f"{work}/campaigns.parquet"), theirs, ["name"], ["sent", "redeemed", "buyers", "revenue"])
print(pl.read_parquet(f"{work}/campaign_lift.parquet").filter(pl.col("outcome") == "revenue").select("name", "evidence", "treated", "compared", "mean", "lift", "least", "most").head(30))
# the ledger: all periods together are what was paid less what was paid back, to the cent of each row
raw = pl.read_parquet(online).filter(pl.col("Customer ID").is_not_null() & ((pl.col("Price") >= 0) | (pl.col("Quantity") < 0)))
paid = (raw["Quantity"].cast(pl.Float64) * raw["Price"].cast(pl.Float64)).sum()
for by in ("month", "week", "quarter", "year"):
    table = pl.read_parquet(f"{work}/ledger_{by}.parquet")
    found = table["revenue"].sum()
    print(f"ledger by {by:8} ours {found:.2f}, polars {paid:.2f}")
    if abs(found - paid) > 0.01 * len(table):
        wrong.append(f"ledger by {by}: {found} instead of {paid}")
# forecasts beat the seasonal naive one, whose error is counted again
ago = (pl.lit(end - timedelta(days=1)) - pl.col("day")).dt.total_days() // 7
weeks = ((end - lines["day"].min()).days) // 7
sold = lines.group_by(week=weeks - 1 - ago).agg(revenue=pl.col("amount").sum()).filter(pl.col("week") >= 0).sort("week")["revenue"].to_list()
origins = [weeks - 13 - 2 * back for back in range(8) if weeks - 13 - 2 * back >= 16]
naive = [sold[origin - 52 + week] if origin >= 52 else sold[origin - 1] for origin in origins for week in range(13)]
error = sum(abs(sold[origin + week] - naive[at * 13 + week]) for at, origin in enumerate(origins) for week in range(13)) / len(naive)
all_weeks = pl.read_parquet(f"{work}/demand_accuracy_all.parquet").filter(pl.col("measure") == "revenue")
theirs = pl.DataFrame({"measure": ["revenue"], "weeks": [weeks], "origins": [len(origins)], "naive_error": [error]})
check("demand_accuracy", all_weeks, theirs, ["measure"], ["weeks", "origins", "naive_error"])
for name in ("demand_accuracy_all", "demand_accuracy_category", "demand_accuracy_item", "ledger_demand_all", "ledger_demand_item"):
    for row in pl.read_parquet(f"{work}/{name}.parquet").group_by("measure", maintain_order=True).first().iter_rows(named=True):
        print(f"{name:26} {row['measure']:8} {row['series']:4} series, mase {row['mase']:.3f}, better {row['better']:.2f}, coverage {row['coverage']:.3f}")
        if row["mase"] >= 1:
            wrong.append(f"{name} {row['measure']}: mase {row['mase']}")
print(*(wrong or ["all figures are the same"]), sep="\n")
sys.exit(bool(wrong))
