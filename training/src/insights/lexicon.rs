//! Words that praise and words that blame, in English and Chinese, for the short texts that customers leave; and the terms of a text.
//!
//! A text's tone is the number of praising words less that of blaming ones; a word of negation just before one turns it around. That is coarse: irony
//! and comparisons are beyond it, and words that are not in the lists say nothing.

#[rustfmt::skip]
const PRAISE: &[&str] = &[
    "good", "great", "excellent", "amazing", "awesome", "love", "loved", "loves", "lovely", "like", "liked", "nice", "best", "perfect", "perfectly",
    "happy", "pleased", "satisfied", "friendly", "helpful", "kind", "polite", "fast", "quick", "quickly", "easy", "easily", "fresh", "tasty",
    "delicious", "cheap", "affordable", "fair", "recommend", "recommended", "wonderful", "fantastic", "superb", "brilliant", "reliable", "smooth",
    "convenient", "clean", "thanks", "thank", "enjoy", "enjoyed", "favourite", "favorite", "impressed", "beautiful", "comfortable", "punctual",
    "professional", "outstanding", "glad", "better", "improved", "bargain", "quality", "worth", "prompt", "courteous", "efficient", "pleasant",
];
#[rustfmt::skip]
const BLAME: &[&str] = &[
    "bad", "poor", "terrible", "awful", "horrible", "hate", "hated", "worst", "worse", "slow", "late", "delayed", "delay", "broken", "damaged",
    "defective", "faulty", "expensive", "overpriced", "rude", "unfriendly", "unhelpful", "dirty", "stale", "rotten", "mouldy", "moldy", "expired",
    "missing", "wrong", "never", "disappointed", "disappointing", "disappointment", "unhappy", "angry", "annoyed", "annoying", "problem", "problems",
    "issue", "issues", "complaint", "complain", "refund", "cancel", "cancelled", "canceled", "useless", "waste", "scam", "fraud", "fake", "cheated",
    "confusing", "difficult", "hard", "fail", "failed", "fails", "failure", "error", "crash", "ignored", "unacceptable", "unreliable", "misleading",
    "spoiled", "leaking", "cracked", "lost", "dissatisfied", "ridiculous", "mess", "messy", "lied", "sick", "unavailable", "inconvenient",
];
#[rustfmt::skip]
const NEGATION: &[&str] = &["not", "no", "never", "isn't", "wasn't", "don't", "didn't", "doesn't", "won't", "can't", "cannot", "couldn't", "aren't", "weren't", "hardly", "without", "nothing"];
#[rustfmt::skip]
const PRAISE_CHINESE: &[&str] = &[
    "满意", "喜欢", "很好", "非常好", "不错", "好吃", "好用", "好看", "漂亮", "优秀", "完美", "推荐", "方便", "快捷", "很快", "迅速", "及时", "热情", "周到", "耐心",
    "新鲜", "便宜", "实惠", "划算", "值得", "质量好", "舒服", "舒适", "干净", "整洁", "专业", "感谢", "谢谢", "开心", "高兴", "惊喜", "点赞", "好评", "给力", "放心",
    "贴心", "友好", "精致", "美味", "超值", "顺利", "可靠", "赞", "棒",
];
#[rustfmt::skip]
const BLAME_CHINESE: &[&str] = &[
    "失望", "不满", "不满意", "差评", "很差", "太差", "糟糕", "垃圾", "难吃", "难用", "难看", "很慢", "太慢", "延迟", "迟到", "破损", "损坏", "坏了", "坏的", "缺货",
    "过期", "变质", "发霉", "腐烂", "不新鲜", "太贵", "很贵", "偏贵", "不值", "假货", "欺骗", "骗人", "忽悠", "态度差", "恶劣", "不耐烦", "投诉", "退款", "退货", "麻烦",
    "不方便", "脏", "异味", "瑕疵", "错误", "漏发", "发错", "少发", "失败", "问题", "生气", "后悔", "上当", "不推荐", "不好", "不喜欢", "敷衍",
];
const NEGATION_CHINESE: [char; 4] = ['不', '没', '无', '别'];

#[rustfmt::skip]
const EMPTY: &[&str] = &[
    "the", "and", "a", "an", "of", "to", "in", "is", "it", "i", "was", "for", "on", "with", "this", "that", "my", "we", "they", "you", "at", "be", "as", "are",
    "were", "have", "has", "had", "but", "so", "very", "from", "by", "or", "its", "it's", "our", "your", "their", "me", "them", "there", "been", "would", "will",
    "all", "just", "too", "also", "when", "which", "what", "out", "up", "if", "do", "did", "does", "than", "then", "only", "get", "got", "one", "again", "more",
    "some", "any", "us", "i'm", "i've", "about", "because", "after", "before", "he", "she", "his", "her", "really", "much", "could", "can", "into", "over",
    "not", "no", "don't", "didn't", "isn't", "wasn't",
];
const EMPTY_CHINESE: &str = "的了是我你他她它们这那就都也很在有和与及还又但而着过吧吗呢啊哦呀个一不没太非常给把被让对从到为之其";

fn is_chinese(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

/// Lower-case words of other scripts than Chinese.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|letter: char| !(letter.is_alphanumeric() || letter == '\'' || letter == '’') || is_chinese(letter));
    parts.filter(|word| !word.is_empty()).map(|word| word.to_lowercase().replace('’', "'"))
}

/// Stretches of Chinese.
fn stretches(text: &str) -> impl Iterator<Item = Vec<char>> + '_ {
    text.split(|letter: char| !is_chinese(letter)).filter(|stretch| !stretch.is_empty()).map(|stretch| stretch.chars().collect())
}

/// Praising less blaming words; none where the text holds neither.
pub(super) fn tone(text: &str) -> Option<i32> {
    let (mut sum, mut found) = (0, false);
    let mut add = |value: i32| {
        sum += value;
        found = true;
    };
    let words: Vec<String> = words(text).collect();
    for (at, word) in words.iter().enumerate() {
        let negated = words[at.saturating_sub(2)..at].iter().any(|before| NEGATION.contains(&before.as_str()));
        let value = i32::from(PRAISE.contains(&word.as_str())) - i32::from(BLAME.contains(&word.as_str()));
        match value {
            0 => {}
            value if negated => add(-value),
            value => add(value),
        }
    }
    for stretch in stretches(text) {
        let mut at = 0;
        while at < stretch.len() {
            // the longest word that begins here
            let longest = (1..=4.min(stretch.len() - at)).rev().find_map(|length| {
                let word: String = stretch[at..at + length].iter().collect();
                let value = i32::from(PRAISE_CHINESE.contains(&word.as_str())) - i32::from(BLAME_CHINESE.contains(&word.as_str()));
                (value != 0).then_some((length, value))
            });
            if let Some((length, value)) = longest {
                let negated = stretch[at.saturating_sub(2)..at].iter().any(|before| NEGATION_CHINESE.contains(before));
                add(if negated { -value } else { value });
                at += length;
            } else {
                at += 1;
            }
        }
    }
    found.then_some(sum)
}

/// The different terms of a text: words, and in Chinese pairs of letters, without those that say nothing by themselves.
pub(super) fn terms(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = words(text)
        .filter(|word| word.chars().count() > 2 && !EMPTY.contains(&word.as_str()) && !word.chars().all(|letter| letter.is_numeric()))
        .collect();
    for stretch in stretches(text) {
        let pairs = stretch.windows(2).filter(|pair| !pair.iter().any(|&letter| EMPTY_CHINESE.contains(letter)));
        terms.extend(pairs.map(|pair| pair.iter().collect::<String>()));
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn praise_and_blame_are_told_apart_in_both_languages() {
        let tones = |texts: &[&str]| texts.iter().map(|text| tone(text).map(i32::signum)).collect::<Vec<_>>();
        assert_eq!(
            tones(&["Great service, friendly staff!", "not good at all", "Delivery was late and the box broken", "It is a box"]),
            [Some(1), Some(-1), Some(-1), None]
        );
        assert_eq!(
            tones(&["非常满意，送货很快", "不满意", "没有问题", "东西破损，态度差", "不错", "盒子"]),
            [Some(1), Some(-1), Some(1), Some(-1), Some(1), None]
        );
        assert_eq!(tones(&["good but late", ""]), [Some(0), None]);
    }

    #[test]
    fn terms_are_words_and_pairs_of_letters() {
        assert_eq!(terms("The delivery was late, the DELIVERY 2024!"), ["delivery", "late"]);
        assert_eq!(terms("送货很快"), ["送货"]);
        assert!(terms("ok").is_empty());
    }
}
