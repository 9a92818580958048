//! What the demo shop sells: its shelves, brands and sizes.

use super::season::Season;

/// One category and how it sells.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Path, department first.
    pub(super) category: &'static str,
    /// Product names.
    pub(super) products: &'static [&'static str],
    /// Sizes and what they cost, relative to the first.
    pub(super) sizes: &'static [(&'static str, f64)],
    /// Median price of the first size.
    pub(super) price: f64,
    /// Share of unplanned lines, relative to the other shelves.
    pub(super) traffic: f64,
    /// Typical days until a favourite from here is used up; `None` = nobody buys it by the clock.
    pub(super) rhythm_days: Option<f64>,
    /// When it sells more.
    pub(super) season: Season,
    /// The shelf with the complements, and the probability that the complement comes along.
    pub(super) goes_with: Option<(&'static str, f64)>,
}

impl Shelf {
    /// First step of the path.
    pub(super) fn department(&self) -> &'static str {
        self.category.split('/').next().unwrap_or(self.category)
    }
}

/// The shop's own label: in every department, cheaper.
pub(super) const OWN_LABEL: &str = "Everyday";

/// The other brands of a department.
pub(super) fn brands(department: &str) -> &'static [&'static str] {
    match department {
        "Pantry" => &["Millstone", "Casa Lunga", "Harbour Lane", "Two Rivers", "Old Orchard"],
        "Fresh" => &["Greenfield", "Valley Farm", "Sunny Acre"],
        "Dairy" => &["Alpine Meadow", "Clover Hill", "Bell & Daughter"],
        "Bakery" => &["Crumb & Co", "Stone Oven"],
        "Drinks" => &["Clearwater", "Copper Kettle", "Northwind", "Red Barn"],
        "Snacks" => &["Crackle", "Cocoa Bay", "Golden Hour"],
        "Frozen" => &["Frostfield", "Winter Garden"],
        "Household" => &["Brightside", "Purely", "Tidewash"],
        "Care" => &["Linden", "Soft Cotton", "Aqua Vita"],
        "Pet" => &["Good Paws", "Whisker"],
        "Baby" => &["Little Owl", "Tiny Steps"],
        _ => &["Fernhill", "Hearth & Home"],
    }
}

type Sizes = &'static [(&'static str, f64)];
const WEIGHT: Sizes = &[("250 g", 1.0), ("500 g", 1.8), ("1 kg", 3.3)];
const JAR: Sizes = &[("200 g", 1.0), ("400 g", 1.7)];
const BOTTLE: Sizes = &[("500 ml", 1.0), ("1 l", 1.7)];
const DRINK: Sizes = &[("0.5 l", 1.0), ("1.5 l", 1.9), ("6 x 1.5 l", 9.5)];
const COUNT: Sizes = &[("6 pieces", 1.0), ("12 pieces", 1.9)];
const PACK: Sizes = &[("", 1.0), ("family pack", 2.6)];
const PLAIN: Sizes = &[("", 1.0)];

macro_rules! shelf {
    ($category:literal, $price:literal, $traffic:literal, $rhythm:expr, $season:ident, $goes_with:expr, $sizes:ident, $products:expr) => {
        Shelf {
            category: $category,
            products: &$products,
            sizes: $sizes,
            price: $price,
            traffic: $traffic,
            rhythm_days: $rhythm,
            season: Season::$season,
            goes_with: $goes_with,
        }
    };
}

/// Every shelf: category, price, traffic, rhythm, season, complement, sizes, products.
#[rustfmt::skip]
pub(super) const SHELVES: &[Shelf] = &[
    shelf!("Pantry/Coffee", 5.2, 3.0, Some(14.0), None, Some(("Dairy/Milk", 0.25)), WEIGHT, ["Espresso Beans", "Filter Coffee", "Decaf Ground Coffee", "Dark Roast Beans", "Crema Beans"]),
    shelf!("Pantry/Tea", 3.1, 1.4, Some(30.0), Winter, None, PACK, ["Breakfast Tea", "Earl Grey", "Peppermint Tea", "Green Tea", "Rooibos", "Camomile Tea"]),
    shelf!("Pantry/Pasta", 1.5, 3.2, Some(18.0), None, Some(("Pantry/Pasta Sauce", 0.45)), WEIGHT, ["Spaghetti", "Penne", "Fusilli", "Tagliatelle", "Wholegrain Spaghetti", "Farfalle"]),
    shelf!("Pantry/Pasta Sauce", 2.2, 1.6, None, None, Some(("Dairy/Cheese", 0.20)), JAR, ["Tomato Basil Sauce", "Arrabbiata Sauce", "Green Pesto", "Bolognese Sauce", "Red Pesto"]),
    shelf!("Pantry/Rice and Grains", 2.4, 1.6, Some(35.0), None, None, WEIGHT, ["Basmati Rice", "Risotto Rice", "Couscous", "Red Lentils", "Quinoa"]),
    shelf!("Pantry/Breakfast", 3.4, 2.0, Some(16.0), None, Some(("Dairy/Milk", 0.35)), JAR, ["Crunchy Muesli", "Rolled Oats", "Corn Flakes", "Granola with Nuts", "Spelt Flakes"]),
    shelf!("Pantry/Spreads", 2.9, 1.3, Some(28.0), None, None, JAR, ["Strawberry Jam", "Wildflower Honey", "Peanut Butter", "Hazelnut Spread", "Orange Marmalade"]),
    shelf!("Pantry/Tins", 1.3, 2.0, None, None, None, JAR, ["Chopped Tomatoes", "Chickpeas", "Kidney Beans", "Sweetcorn", "Tuna in Olive Oil", "Coconut Milk"]),
    shelf!("Pantry/Oil and Vinegar", 5.6, 0.9, Some(60.0), None, None, BOTTLE, ["Olive Oil", "Rapeseed Oil", "Balsamic Vinegar", "Sunflower Oil"]),
    shelf!("Pantry/Baking", 1.6, 1.4, None, December, Some(("Dairy/Eggs", 0.30)), WEIGHT, ["Plain Flour", "Caster Sugar", "Dark Baking Chocolate", "Ground Almonds", "Icing Sugar", "Bread Flour"]),
    shelf!("Pantry/Spices", 2.0, 0.8, None, None, None, PLAIN, ["Sweet Paprika", "Black Pepper", "Curry Powder", "Oregano", "Cinnamon", "Sea Salt", "Cumin"]),
    shelf!("Fresh/Fruit", 2.3, 5.0, Some(8.0), None, None, WEIGHT, ["Bananas", "Royal Apples", "Pears", "Clementines", "Blueberries", "Grapes", "Lemons"]),
    shelf!("Fresh/Vegetables", 1.8, 5.2, Some(8.0), None, None, WEIGHT, ["Vine Tomatoes", "Courgettes", "Carrots", "Potatoes", "Onions", "Peppers", "Broccoli", "Spinach"]),
    shelf!("Fresh/Meat", 6.1, 2.2, Some(12.0), None, None, WEIGHT, ["Minced Beef", "Chicken Breast", "Pork Loin", "Turkey Strips"]),
    shelf!("Fresh/Barbecue", 6.8, 1.2, None, Summer, Some(("Pantry/Barbecue Sauce", 0.45)), PACK, ["Bratwurst", "Marinated Steaks", "Halloumi", "Vegetable Skewers", "Burger Patties"]),
    shelf!("Pantry/Barbecue Sauce", 2.7, 0.4, None, Summer, None, PLAIN, ["Smoky Barbecue Sauce", "Chilli Sauce", "Garlic Dip", "Ketchup", "Wholegrain Mustard"]),
    shelf!("Fresh/Fish", 7.4, 0.9, None, None, None, WEIGHT, ["Salmon Fillet", "Smoked Trout", "Cod Loin", "Prawns"]),
    shelf!("Dairy/Milk", 1.3, 3.6, Some(7.0), None, None, BOTTLE, ["Whole Milk", "Semi-skimmed Milk", "Lactose-free Milk", "Oat Drink", "Almond Drink"]),
    shelf!("Dairy/Cheese", 3.3, 2.4, Some(14.0), None, None, JAR, ["Mature Cheddar", "Gouda Slices", "Mozzarella", "Parmesan", "Feta", "Camembert"]),
    shelf!("Dairy/Yoghurt", 1.1, 2.6, Some(9.0), None, None, PACK, ["Natural Yoghurt", "Greek Yoghurt", "Strawberry Yoghurt", "Skyr", "Vanilla Yoghurt"]),
    shelf!("Dairy/Eggs", 2.1, 1.8, Some(12.0), None, None, COUNT, ["Free-range Eggs", "Organic Eggs"]),
    shelf!("Dairy/Butter", 2.5, 1.5, Some(18.0), December, None, PLAIN, ["Salted Butter", "Unsalted Butter", "Spreadable Butter", "Vegan Block"]),
    shelf!("Bakery/Bread", 2.6, 3.4, Some(6.0), None, Some(("Dairy/Butter", 0.22)), PLAIN, ["Sourdough Loaf", "Wholemeal Bread", "Rye Bread", "Toast Bread", "Baguette", "Seeded Rolls"]),
    shelf!("Bakery/Cakes", 3.2, 1.2, None, None, None, PLAIN, ["Lemon Drizzle Cake", "Croissants", "Apple Turnovers", "Cinnamon Buns", "Carrot Cake"]),
    shelf!("Bakery/Christmas", 4.6, 0.4, None, December, None, PLAIN, ["Gingerbread Hearts", "Butter Stollen", "Mince Pies", "Spiced Biscuits"]),
    shelf!("Drinks/Water", 0.7, 2.4, Some(10.0), Summer, None, DRINK, ["Sparkling Water", "Still Water", "Mineral Water with Lemon"]),
    shelf!("Drinks/Juice", 2.2, 1.7, Some(14.0), None, None, BOTTLE, ["Orange Juice", "Apple Juice", "Multivitamin Juice", "Grapefruit Juice"]),
    shelf!("Drinks/Soft Drinks", 1.2, 1.7, None, Summer, None, DRINK, ["Cola", "Lemonade", "Elderflower Spritz", "Iced Tea", "Ginger Beer"]),
    shelf!("Drinks/Beer", 1.3, 1.5, None, Summer, Some(("Snacks/Crisps", 0.30)), COUNT, ["Pilsner", "Wheat Beer", "Pale Ale", "Alcohol-free Lager"]),
    shelf!("Drinks/Wine", 7.2, 1.2, None, December, None, PLAIN, ["Riesling", "Pinot Noir", "Rioja", "Sauvignon Blanc", "Sparkling Brut", "Rosé"]),
    shelf!("Snacks/Crisps", 1.9, 1.8, None, None, None, PACK, ["Sea Salt Crisps", "Paprika Crisps", "Tortilla Chips", "Salted Peanuts", "Pretzels"]),
    shelf!("Snacks/Chocolate", 1.8, 2.1, None, December, None, PLAIN, ["Milk Chocolate", "Dark Chocolate 70 %", "Hazelnut Chocolate", "Caramel Bar", "Pralines"]),
    shelf!("Snacks/Biscuits", 2.0, 1.3, None, None, None, PACK, ["Butter Biscuits", "Oat Cookies", "Chocolate Wafers", "Digestive Biscuits"]),
    shelf!("Frozen/Meals", 3.9, 1.5, None, None, None, PLAIN, ["Margherita Pizza", "Spinach Pizza", "Vegetable Lasagne", "Fish Fingers", "Potato Wedges"]),
    shelf!("Frozen/Ice Cream", 3.7, 0.9, None, Summer, None, PACK, ["Vanilla Ice Cream", "Chocolate Ice Cream", "Mango Sorbet", "Strawberry Ice Cream"]),
    shelf!("Household/Laundry", 7.9, 0.8, Some(45.0), None, None, BOTTLE, ["Colour Detergent", "Gentle Detergent", "Fabric Softener", "Stain Remover"]),
    shelf!("Household/Dishes", 3.6, 0.9, Some(35.0), None, None, PACK, ["Dishwasher Tabs", "Washing-up Liquid", "Rinse Aid", "Dishwasher Salt"]),
    shelf!("Household/Paper", 4.1, 1.2, Some(28.0), None, None, PACK, ["Toilet Paper", "Kitchen Roll", "Tissues", "Baking Paper"]),
    shelf!("Household/Cleaning", 2.8, 0.9, None, None, None, BOTTLE, ["All-purpose Cleaner", "Bathroom Cleaner", "Glass Cleaner", "Scouring Cream"]),
    shelf!("Care/Hair", 3.9, 0.6, Some(50.0), None, None, PLAIN, ["Everyday Shampoo", "Repair Conditioner", "Dry Shampoo", "Styling Gel"]),
    shelf!("Care/Bath", 2.6, 0.8, Some(32.0), None, None, PLAIN, ["Shower Gel", "Hand Soap", "Bath Salts", "Body Lotion"]),
    shelf!("Care/Teeth", 2.4, 0.6, Some(40.0), None, None, PLAIN, ["Toothpaste", "Sensitive Toothpaste", "Soft Toothbrush", "Mouthwash", "Dental Floss"]),
    shelf!("Care/Sun", 8.9, 0.3, None, Summer, None, PLAIN, ["Sun Lotion SPF 30", "Sun Spray SPF 50", "After-sun Gel"]),
    shelf!("Pet/Cat", 4.4, 0.5, Some(10.0), None, None, PACK, ["Chicken Cat Food", "Salmon Cat Food", "Cat Litter", "Cat Treats"]),
    shelf!("Pet/Dog", 5.9, 0.4, Some(12.0), None, None, PACK, ["Beef Dog Food", "Puppy Food", "Dental Sticks", "Dog Biscuits"]),
    shelf!("Baby/Nappies", 9.8, 0.4, Some(9.0), None, Some(("Baby/Wipes", 0.40)), PACK, ["Nappies Size 3", "Nappies Size 4", "Night Nappies", "Newborn Nappies"]),
    shelf!("Baby/Wipes", 2.2, 0.2, None, None, None, PACK, ["Water Wipes", "Sensitive Wipes"]),
    shelf!("Garden/Plants", 4.9, 0.5, None, Spring, Some(("Garden/Soil", 0.35)), PLAIN, ["Basil Pot", "Geranium", "Lavender", "Tomato Plant", "Rosemary Pot"]),
    shelf!("Garden/Soil", 6.2, 0.2, None, Spring, None, PLAIN, ["Potting Soil", "Plant Food", "Herb Compost"]),
    shelf!("Home/Candles and Gifts", 5.4, 0.4, None, December, None, PLAIN, ["Beeswax Candle", "Gift Wrap", "Tea Lights", "Greeting Cards", "Scented Candle"]),
    shelf!("Home/Kitchen", 11.5, 0.4, None, None, None, PLAIN, ["Frying Pan", "Mixing Bowl", "Storage Box", "Chef's Knife", "Tea Towel", "Baking Tin"]),
];
