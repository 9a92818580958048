# What answers say in words. Variables: $title (of the other item), and the numbers named in each message.

bought-before = { $days_since_last ->
    [0] You bought it { $orders ->
        [one] just now
       *[other] { $orders } times, and just now
    }
    [one] You bought it { $orders ->
        [one] yesterday
       *[other] { $orders } times, last yesterday
    }
   *[other] You bought it { $orders ->
        [one] { $days_since_last } days ago
       *[other] { $orders } times, last { $days_since_last } days ago
    }
}
bought-with = Bought together with { $title } in { $baskets ->
    [one] one order
   *[other] { $baskets } orders
}
bought-by-the-same-customers = { $customers ->
    [one] One customer
   *[other] { $customers } customers
} of { $title } bought it, too
segment-favourite = A favourite of { $buyers ->
    [one] a customer
   *[other] { $buyers } customers
} like you
popular = { $recent_buyers ->
    [0] One of our range
    [one] One customer bought it lately
   *[other] { $recent_buyers } customers bought it lately
}
new-item = New in the shop
new-item-like = New, and like { $title }
pinned = Recommended by us

# Where an item stands that was asked about.
kept-out-in_basket = Not shown: it lies in the basket
kept-out-excluded = Not shown: it was excluded by name
kept-out-purchased = Not shown: this customer has bought it, and the rule on purchased items keeps it back
kept-out-available = Not shown: it is not available
kept-out-category = Not shown: it is of another category than asked for
kept-out-brand = Not shown: it is of another brand than asked for
kept-out-price = Not shown: its price is out of the range asked for, or not known
kept-out-only = Not shown: it is not one of the items asked for
kept-out-min_buyers = Not shown: too few customers have bought it
kept-out-max_per_category = Not shown: better items of its category fill the most that are allowed
outranked = Allowed, but others come first
unknown-item = Nobody has told of such an item
