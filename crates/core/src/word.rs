//! Words of a closed list, which people type.

use thiserror::Error;

/// A word that is not one of its list.
///
/// ```
/// use strongroom::store::Journal;
///
/// assert_eq!("rollback".parse(), Ok(Journal::Rollback));
/// let refused = "off".parse::<Journal>().unwrap_err();
/// assert_eq!(refused.to_string(), "expected wal or rollback");
/// ```
#[derive(Clone, Copy, Debug, Error, Eq, PartialEq)]
#[error("expected {expected}")]
#[non_exhaustive]
pub struct UnknownWord {
    /// The words that there are.
    pub expected: &'static str,
}

/// `FromStr` and `Display` for an enumeration that has `ALL` and `as_str`.
macro_rules! words {
    ($type:ty, $expected:literal) => {
        impl std::str::FromStr for $type {
            type Err = $crate::word::UnknownWord;

            fn from_str(input: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.into_iter().find(|known| known.as_str() == input);
                known.ok_or($crate::word::UnknownWord { expected: $expected })
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
mod tests {
    use crate::{export::Profile, store::Journal, validate::Purpose};

    #[test]
    fn every_word_is_read_as_it_is_written_and_the_refusal_names_it() {
        macro_rules! check {
            ($($type:ty),*) => {$({
                let refused = "x".parse::<$type>().unwrap_err().to_string();
                for word in <$type>::ALL {
                    assert_eq!(word.to_string().parse(), Ok(word));
                    assert!(refused.contains(word.as_str()), "{refused}");
                }
            })*};
        }
        check!(Profile, Journal, Purpose);
    }
}
