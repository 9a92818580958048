# 推荐理由。变量：$title 为另一商品的名称，其余为各条消息中的数字。

bought-before = { $days_since_last ->
    [0] 您刚刚买过，共 { $orders } 次
   *[other] 您买过 { $orders } 次，最近一次在 { $days_since_last } 天前
}
bought-with = 有 { $baskets } 笔订单与“{ $title }”一起购买
bought-by-the-same-customers = 买过“{ $title }”的顾客中有 { $customers } 位也买了它
segment-favourite = 有 { $buyers } 位与您相似的顾客喜欢
popular = { $recent_buyers ->
    [0] 本店商品
   *[other] 近期有 { $recent_buyers } 位顾客购买
}
new-item = 新品
new-item-like = 新品，与“{ $title }”相似
pinned = 本店推荐

kept-out-in_basket = 未展示：已在购物车中
kept-out-excluded = 未展示：已按名称排除
kept-out-purchased = 未展示：该顾客已经买过，按“已购商品”规则暂不展示
kept-out-available = 未展示：目前不可售
kept-out-category = 未展示：不属于所选类别
kept-out-brand = 未展示：不属于所选品牌
kept-out-price = 未展示：价格不在所选范围内，或价格未知
kept-out-only = 未展示：不在指定的商品之中
kept-out-min_buyers = 未展示：购买过的顾客太少
kept-out-max_per_category = 未展示：同类别中更合适的商品已达上限
outranked = 可以展示，但其他商品排在前面
unknown-item = 没有这个商品
