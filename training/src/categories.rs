//! Categories as a tree: every step of every path, such as `DAIRY` and `DAIRY/MILK`.

use shopkeeper_models::recommender::canonical;

/// Every step of every category path, and which of them each item is in.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    /// Paths, ascending.
    pub names: Vec<String>,
    /// The category of each item, if it has one.
    pub of: Vec<Option<u32>>,
    /// The steps above each category, the first one first.
    pub above: Vec<Vec<u32>>,
}

impl Categories {
    /// From the catalogue's column, one entry an item. What a step is, is what the server's filters take for one.
    pub fn new(of_items: &[Option<String>]) -> Self {
        let paths: Vec<Option<String>> =
            of_items.iter().map(|name| name.as_deref().map(canonical).filter(|name| !name.is_empty())).collect();
        let mut leaves: Vec<&String> = paths.iter().flatten().collect();
        leaves.sort_unstable();
        leaves.dedup();
        let steps = |path: &str| path.match_indices('/').map(|(at, _)| path[..at].to_owned()).collect::<Vec<_>>();
        let mut names: Vec<String> = leaves.iter().flat_map(|path| steps(path).into_iter().chain([(*path).clone()])).collect();
        names.sort_unstable();
        names.dedup();
        let find = |name: &String| names.binary_search(name).ok().map(|at| at as u32);
        let above = names.iter().map(|name| steps(name).iter().filter_map(find).collect()).collect();
        let of = paths.iter().map(|path| path.as_ref().and_then(find)).collect();
        Self { names, of, above }
    }

    /// The category of an item and all steps above it; none of an item without one.
    pub fn of_item(&self, item: u32) -> impl Iterator<Item = u32> + '_ {
        let category = self.of[item as usize];
        category.into_iter().flat_map(|category| self.above[category as usize].iter().copied().chain([category]))
    }

    /// The first step of an item's path.
    pub fn first_of(&self, item: u32) -> Option<u32> {
        self.of_item(item).next()
    }

    /// For each category the steps above and below it: they say the same.
    pub fn kin(&self) -> Vec<Vec<u32>> {
        let mut kin = self.above.clone();
        for (below, above) in self.above.iter().enumerate() {
            above.iter().for_each(|&step| kin[step as usize].push(below as u32));
        }
        kin
    }
}
