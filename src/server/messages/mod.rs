//! Messages: reasons in words, from a file for each language (Fluent, projectfluent.org), checked before the port opens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::problem::{Code, Problem};
use super::storefront::Why;

/// The languages that come with the program.
const OWN: [(&str, &str); 2] = [("en", include_str!("en.ftl")), ("zh-Hans", include_str!("zh-Hans.ftl"))];

/// Every message and the numbers that it may use; `$title` may stand in those of an item beside another.
const MESSAGES: [(&str, &[&str]); 20] = [
    ("bought-before", &["orders", "days_since_last"]),
    ("bought-with", &["title", "baskets"]),
    ("bought-by-the-same-customers", &["title", "customers"]),
    ("segment-favourite", &["buyers"]),
    ("popular", &["recent_buyers"]),
    ("new-item", &[]),
    ("new-item-like", &["title"]),
    ("pinned", &[]),
    ("kept-out-in_basket", &[]),
    ("kept-out-excluded", &[]),
    ("kept-out-purchased", &[]),
    ("kept-out-available", &[]),
    ("kept-out-category", &[]),
    ("kept-out-brand", &[]),
    ("kept-out-price", &[]),
    ("kept-out-only", &[]),
    ("kept-out-min_buyers", &[]),
    ("kept-out-max_per_category", &[]),
    ("outranked", &[]),
    ("unknown-item", &[]),
];

/// Why a folder of messages cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It cannot be read.
    #[error("cannot read the messages {path}: {source}. Name a folder of files such as en.ftl")]
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is none.
    #[error("the messages {path}: no file whose name ends in .ftl; expected one for each language, such as en.ftl or zh-Hans.ftl")]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A file is wrong.
    #[error("the messages {path} are wrong: {found}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        found: String,
    },
}

/// The messages of every language.
pub(super) struct Messages {
    by_language: BTreeMap<String, FluentBundle<FluentResource>>,
}

/// The messages of one language.
#[derive(Clone, Copy)]
pub(super) struct Language<'a> {
    pub(super) name: &'a str,
    bundle: &'a FluentBundle<FluentResource>,
}

impl Messages {
    /// Those that come with the program, and over them those of a folder, one file a language.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, MessageError> {
        let mut by_language = BTreeMap::new();
        for (name, text) in OWN {
            by_language.insert(name.to_owned(), read(name, text, Path::new(name))?);
        }
        let Some(folder) = folder else { return Ok(Self { by_language }) };
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| MessageError::Read { path, source }
        };
        let entries = std::fs::read_dir(folder).map_err(failed(folder))?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<PathBuf>, _>>().map_err(failed(folder))?;
        let files: Vec<&PathBuf> = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "ftl")).collect();
        if files.is_empty() {
            return Err(MessageError::Empty { path: folder.to_owned() });
        }
        for path in files {
            let text = std::fs::read_to_string(path).map_err(failed(path))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            by_language.insert(name.clone(), read(&name, &text, path)?);
        }
        Ok(Self { by_language })
    }

    /// The language that a request asks for by name, else the one that its `Accept-Language` likes best; `None` when it asks for none that there is.
    pub(super) fn choose(&self, named: Option<&str>, accepted: Option<&str>) -> Result<Option<Language<'_>>, Problem> {
        if let Some(named) = named {
            return self.find(named).map(Some).ok_or_else(|| {
                let known: Vec<&str> = self.by_language.keys().map(String::as_str).collect();
                Problem::new(Code::BadParameter, format!("lang={named}: expected one of {}", known.join(", ")))
            });
        }
        let Some(accepted) = accepted else { return Ok(None) };
        let mut ranges: Vec<(f32, &str)> = accepted
            .split(',')
            .map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let name = parts.next().unwrap_or_default();
                (parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0)), name)
            })
            .filter(|(q, _)| *q > 0.0)
            .collect();
        ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(ranges.into_iter().find_map(|(_, name)| self.find(name)))
    }

    /// A language by its tag: the same one, else one of the same language, as `zh-Hans` for `zh-CN`.
    fn find(&self, tag: &str) -> Option<Language<'_>> {
        let language = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let exact = self.by_language.iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
        let found = exact.or_else(|| self.by_language.iter().find(|(name, _)| language(name) == language(tag)));
        found.map(|(name, bundle)| Language { name, bundle })
    }
}

impl Language<'_> {
    /// A message without variables.
    pub(super) fn say(&self, message: &str) -> Option<String> {
        self.with(message, &FluentArgs::new())
    }

    /// A reason in words; `title` says what an item is called.
    pub(super) fn reason<'t>(&self, why: &Why<'_>, title: impl Fn(&str) -> Option<&'t str>) -> Option<String> {
        let mut args = FluentArgs::new();
        let named = |id: &str| title(id).unwrap_or(id).to_owned();
        let message = match why {
            Why::BoughtBefore { orders, days_since_last } => {
                args.set("orders", *orders);
                args.set("days_since_last", *days_since_last);
                "bought-before"
            }
            Why::BoughtWith { item_id, baskets, .. } => {
                args.set("title", named(item_id));
                args.set("baskets", *baskets);
                "bought-with"
            }
            Why::BoughtByTheSameCustomers { item_id, customers } => {
                args.set("title", named(item_id));
                args.set("customers", *customers);
                "bought-by-the-same-customers"
            }
            Why::SegmentFavourite { buyers, .. } => {
                args.set("buyers", *buyers);
                "segment-favourite"
            }
            Why::Popular { recent_buyers } => {
                args.set("recent_buyers", *recent_buyers);
                "popular"
            }
            Why::NewItem { like_item_id: Some(like) } => {
                args.set("title", named(like));
                "new-item-like"
            }
            Why::NewItem { like_item_id: None } => "new-item",
            Why::Pinned => "pinned",
        };
        self.with(message, &args)
    }

    fn with(&self, message: &str, args: &FluentArgs<'_>) -> Option<String> {
        let pattern = self.bundle.get_message(message)?.value()?;
        Some(self.bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned())
    }
}

/// Reads the messages of a language, and says each once with every kind of number, so that nothing is missing later.
fn read(name: &str, text: &str, path: &Path) -> Result<FluentBundle<FluentResource>, MessageError> {
    let wrong = |found: String| MessageError::Wrong { path: path.to_owned(), found };
    let tag = name.parse().map_err(|_| wrong(format!("{name:?} is no language; expected a name such as en.ftl or zh-Hans.ftl")))?;
    let resource = FluentResource::try_new(text.to_owned()).map_err(|(_, errors)| {
        let error = errors.first().map_or_else(String::new, ToString::to_string);
        let line = errors.first().map_or(0, |error| text.get(..error.pos.start).map_or(0, |before| before.lines().count().max(1)));
        wrong(format!("line {line}: {error}"))
    })?;
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // pages put the texts where they want; marks around variables would show
    bundle.set_use_isolating(false);
    bundle.add_resource(resource).map_err(|errors| wrong(errors.first().map_or_else(String::new, ToString::to_string)))?;
    for (message, variables) in MESSAGES {
        let pattern = bundle.get_message(message).and_then(|message| message.value());
        let pattern = pattern.ok_or_else(|| wrong(format!("no message {message}; expected every one of {}", names())))?;
        for (number, other) in [0_u32, 1, 2, 5, 21, 1000].into_iter().flat_map(|number| [(number, 1_u32), (number, 3)]) {
            let mut args = FluentArgs::new();
            for (at, variable) in variables.iter().enumerate() {
                match (*variable, at) {
                    ("title", _) => args.set("title", "X"),
                    (variable, 0) => args.set(variable, other),
                    (variable, _) => args.set(variable, number),
                }
            }
            let mut errors = Vec::new();
            let said = bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
            if let Some(error) = errors.first() {
                let variables: Vec<String> = variables.iter().map(|variable| format!("${variable}")).collect();
                let known = if variables.is_empty() { "none".to_owned() } else { variables.join(", ") };
                return Err(wrong(format!("message {message}: {error}; its variables are {known}")));
            }
            if said.trim().is_empty() {
                return Err(wrong(format!("message {message} says nothing; expected some text")));
            }
        }
    }
    Ok(bundle)
}

fn names() -> String {
    MESSAGES.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_said_in_both_languages() {
        let messages = Messages::open(None).expect("our own are sound");
        let say = |tag: &str, why: &Why<'_>| {
            let language = messages.choose(Some(tag), None).expect("known").expect("named");
            language.reason(why, |id| (id == "1").then_some("Bread")).expect("a message")
        };
        let with = |baskets| Why::BoughtWith { item_id: "1", baskets, lift: 2.0 };
        assert_eq!(say("en", &with(1)), "Bought together with Bread in one order");
        assert_eq!(say("en-GB", &with(412)), "Bought together with Bread in 412 orders");
        assert_eq!(say("zh-CN", &with(412)), "有 412 笔订单与“Bread”一起购买");
        assert_eq!(say("en", &Why::BoughtBefore { orders: 3, days_since_last: 0 }), "You bought it 3 times, and just now");
        assert_eq!(say("en", &Why::BoughtBefore { orders: 1, days_since_last: 9 }), "You bought it 9 days ago");
        assert_eq!(say("en", &Why::NewItem { like_item_id: Some("2") }), "New, and like 2");
        assert!(messages.choose(Some("xx"), None).is_err());
        let accepted = |text: &str| messages.choose(None, Some(text)).expect("no error").map(|language| language.name.to_owned());
        assert_eq!(accepted("fr, zh-CN;q=0.8, en;q=0.9").as_deref(), Some("en"));
        assert_eq!(accepted("zh-CN,zh;q=0.9").as_deref(), Some("zh-Hans"));
        assert_eq!((accepted("fr"), accepted("*"), accepted("en;q=0")), (None, None, None));
    }

    #[test]
    fn a_file_that_lacks_something_is_refused_in_words() {
        let own = OWN[0].1;
        for (text, complaint) in [
            (own.replace("pinned =", "pinnd ="), "no message pinned"),
            (own.replace("{ $title } bought it, too", "{ $tilte } bought it, too"), "$tilte"),
            (own.replace("pinned = Recommended by us", "pinned = {"), "line"),
        ] {
            let found = read("en", &text, Path::new("en.ftl")).err().expect(complaint).to_string();
            assert!(found.contains(complaint), "{complaint}: {found}");
        }
    }
}
