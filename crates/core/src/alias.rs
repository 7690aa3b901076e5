//! The name of one entry.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// The longest alias, in characters.
const MAX_LEN: usize = 128;
/// The longest that is made of a name; a number may follow.
const MAX_DERIVED: usize = 112;

/// Names that no entry can have, in lower case: those of the operations of the administrator API. An entry of such a name
/// could not be told from the operation in an address, and lists of clients would break on it.
pub const RESERVED: [&str; 13] = [
    "delete",
    "export",
    "exportpkcs12",
    "generate",
    "generatecertificate",
    "generatecsr",
    "importcasignedcertificate",
    "importexistingservercertificate",
    "importexistingservercertificates",
    "importrootorintermediate",
    "importsignedcertificate",
    "rollback",
    "update",
];

/// The name of one entry in the store.
///
/// 1 to 128 characters from `[A-Za-z0-9._-]`, the first a letter or a digit. The case is kept as given;
/// two aliases that differ in case alone are the same (ASCII only, so that no locale can change it). None is [`RESERVED`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Alias(String);

impl Alias {
    /// The alias as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form under which aliases are compared and looked up: ASCII lower case.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Its bytes as they are compared.
    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }

    /// `<alias>_<suffix>`, the name of a chain certificate; the alias is cut where the whole would be too long.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        let keep = MAX_LEN.saturating_sub(suffix.len() + 1);
        let stem: String = self.0.chars().take(keep).collect();
        Self(format!("{stem}_{suffix}"))
    }
}

impl Alias {
    /// An alias made of a name: in lower case, with a hyphen for whatever an alias cannot have, marks on letters dropped.
    /// `None` if nothing is left.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut text = String::new();
        // A hyphen is written only before the next character that stays.
        let mut gap = false;
        for c in name.nfkd().filter(|c| !is_combining_mark(*c)) {
            let c = c.to_ascii_lowercase();
            if !is_alias_char(c) || (text.is_empty() && !c.is_ascii_alphanumeric()) {
                gap = true;
                continue;
            }
            if text.len() + 2 > MAX_DERIVED {
                break;
            }
            let separated = text.is_empty() || text.ends_with(['-', '.', '_']);
            if std::mem::take(&mut gap) && !separated && c != '-' {
                text.push('-');
            }
            if c != '-' || !separated {
                text.push(c);
            }
        }
        let kept = text.trim_end_matches(['-', '.', '_']);
        match kept.parse::<Self>() {
            Err(InvalidAlias::Reserved { .. }) => Some(Self(format!("{kept}-1"))),
            made => made.ok(),
        }
    }

    /// `<alias>-<number>`.
    #[must_use]
    pub(crate) fn with_number(&self, number: u32) -> Self {
        Self(format!("{}-{number}", self.0.chars().take(MAX_DERIVED).collect::<String>()))
    }
}

impl FromStr for Alias {
    type Err = InvalidAlias;

    fn from_str(input: &str) -> Result<Self, Self::Err> {
        let Some(first) = input.chars().next() else {
            return Err(InvalidAlias::Empty);
        };
        if let Some(found) = input.chars().find(|c| !is_alias_char(*c)) {
            return Err(InvalidAlias::Character { found });
        }
        if !first.is_ascii_alphanumeric() {
            return Err(InvalidAlias::First { found: first });
        }
        if input.len() > MAX_LEN {
            return Err(InvalidAlias::TooLong { found: input.len(), limit: MAX_LEN });
        }
        if let Some(name) = RESERVED.iter().find(|name| name.eq_ignore_ascii_case(input)) {
            return Err(InvalidAlias::Reserved { name });
        }
        Ok(Self(input.to_owned()))
    }
}

impl TryFrom<String> for Alias {
    type Error = InvalidAlias;

    fn try_from(value: String) -> Result<Self, Self::Error> {
        value.parse()
    }
}

impl From<Alias> for String {
    fn from(value: Alias) -> Self {
        value.0
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for Alias {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Alias {}

impl Hash for Alias {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.0.len());
        self.folded().for_each(|byte| state.write_u8(byte));
    }
}

/// The order in which entries are listed: by the lower-case form.
impl Ord for Alias {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl PartialOrd for Alias {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AsRef<str> for Alias {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn is_alias_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Why a text cannot be an alias.
#[derive(Clone, Debug, Error, Eq, PartialEq)]
#[non_exhaustive]
pub enum InvalidAlias {
    /// No character at all.
    #[error("the alias is empty")]
    Empty,
    /// A character outside `[A-Za-z0-9._-]`.
    #[error("the alias has the character {found:?}; use letters, digits, '.', '_' and '-'")]
    Character {
        /// The first such character.
        found: char,
    },
    /// The first character is not a letter or a digit.
    #[error("the alias begins with {found:?}; begin with a letter or a digit")]
    First {
        /// The first character.
        found: char,
    },
    /// More than 128 characters.
    #[error("the alias has {found} characters; the limit is {limit}")]
    TooLong {
        /// The number of characters.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// One of [`RESERVED`].
    #[error(
        "\"{name}\" cannot be an alias: it is the name of an operation of the administrator API; choose another"
    )]
    Reserved {
        /// The name, in lower case.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Result<&str, InvalidAlias>) {
        let got = input.parse::<Alias>();
        assert_eq!(got.as_ref().map(Alias::as_str), expected.as_ref().copied(), "{input:?}");
    }

    #[test]
    fn aliases_are_made_of_names() {
        for (name, expected) in [
            ("ISRG Root X1", Some("isrg-root-x1")),
            ("Chunghwa Telecom Co., Ltd.", Some("chunghwa-telecom-co.ltd")),
            ("AC RAIZ FNMT-RCM", Some("ac-raiz-fnmt-rcm")),
            ("  (c) Example -- Root_CA 2.0. ", Some("c-example-root_ca-2.0")),
            (
                "NetLock Arany (Class Gold) F\u{151}tan\u{fa}s\u{ed}tv\u{e1}ny",
                Some("netlock-arany-class-gold-fotanusitvany"),
            ),
            ("\u{4f60}\u{597d}", None),
            ("Update", Some("update-1")),
            ("...", None),
            ("", None),
        ] {
            let alias = Alias::from_name(name);
            assert_eq!(alias.as_ref().map(Alias::as_str), expected, "{name}");
        }
        let long = Alias::from_name(&"x y".repeat(200)).unwrap();
        assert!(long.as_str().len() <= MAX_DERIVED && long.with_number(u32::MAX).as_str().len() <= MAX_LEN);
    }

    #[test]
    fn alias_keeps_its_case_and_refuses_what_is_not_a_name() {
        check("Web-2026_a.b", Ok("Web-2026_a.b"));
        check("", Err(InvalidAlias::Empty));
        check("a/b", Err(InvalidAlias::Character { found: '/' }));
        check("..", Err(InvalidAlias::First { found: '.' }));
        check("adm\u{131}n", Err(InvalidAlias::Character { found: '\u{131}' }));
        check("\u{212a}", Err(InvalidAlias::Character { found: '\u{212a}' }));
        check(" www", Err(InvalidAlias::Character { found: ' ' }));
        check("Update", Err(InvalidAlias::Reserved { name: "update" }));
        check("importExistingServerCertificate", Err(InvalidAlias::Reserved { name: RESERVED[7] }));
        check("update2", Ok("update2"));
        check(&"x".repeat(128), Ok(&"x".repeat(128)));
        check(&"x".repeat(129), Err(InvalidAlias::TooLong { found: 129, limit: 128 }));
    }

    #[test]
    fn aliases_that_differ_in_case_are_equal() {
        let one: Alias = "WWW".parse().unwrap();
        let other: Alias = "www".parse().unwrap();
        assert_eq!(one, other);
        assert_eq!(one.key(), "www");
        assert_eq!(one.cmp(&other), Ordering::Equal);
        let state = std::hash::RandomState::new();
        let of = |alias: &Alias| std::hash::BuildHasher::hash_one(&state, alias);
        assert_eq!(of(&one), of(&other));
    }

    #[test]
    fn aliases_are_in_the_order_of_their_lower_case() {
        let mut aliases: Vec<Alias> = ["b", "C", "a.b", "A", "a-b", "a_b", "10", "9"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        aliases.sort();
        let mut keys: Vec<String> = aliases.iter().map(Alias::key).collect();
        let sorted: Vec<&str> = aliases.iter().map(Alias::as_str).collect();
        assert_eq!(sorted, ["10", "9", "A", "a-b", "a.b", "a_b", "b", "C"]);
        keys.dedup();
        assert!(keys.is_sorted() && keys.len() == 8);
    }

    #[test]
    fn suffixed_alias_stays_within_the_limit() {
        let long: Alias = "x".repeat(128).parse().unwrap();
        let suffixed = long.with_suffix("intermediate2");
        assert_eq!(suffixed.as_str().len(), 128);
        assert_eq!(suffixed.as_str().parse::<Alias>().unwrap(), suffixed);
    }
}
