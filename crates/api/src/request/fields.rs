//! The fields of a request, wherever they came from. Values are bytes and are wiped: a password may be among them.

use strongroom::certificate::printable;
use zeroize::Zeroizing;

use crate::{
    error::ApiError,
    wire::{boolean, field::Names, percent_decode},
};

/// The most fields of one query or urlencoded body.
const MAX_PAIRS: usize = 64;
/// How much of a field's name is repeated in a message, in characters.
const SHOWN: usize = 64;

/// Where a field came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FieldSource {
    Body,
    Query,
}

#[derive(Default)]
pub(crate) struct Fields {
    fields: Vec<Field>,
}

struct Field {
    /// In lower case.
    name: String,
    value: Zeroizing<Vec<u8>>,
    source: FieldSource,
}

impl Fields {
    /// Adds a field. One that is there already is refused, unless query and body say the same.
    pub(super) fn push(
        &mut self,
        name: &str,
        value: Zeroizing<Vec<u8>>,
        source: FieldSource,
    ) -> Result<(), ApiError> {
        let name = name.to_ascii_lowercase();
        match self.fields.iter().find(|known| known.name == name) {
            Some(known) if known.source != source && *known.value == *value => Ok(()),
            Some(_) => Err(given_twice(&name)),
            None => {
                self.fields.push(Field { name, value, source });
                Ok(())
            }
        }
    }

    /// Adds the pairs of `application/x-www-form-urlencoded` text.
    ///
    /// Not by a library for forms: those replace what is not UTF-8, and a password must not be changed silently.
    pub(super) fn push_urlencoded(&mut self, text: &[u8], source: FieldSource) -> Result<(), ApiError> {
        let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for (n, pair) in pairs.enumerate() {
            if n >= MAX_PAIRS {
                return Err(ApiError::bad_request(format!("The request has more than {MAX_PAIRS} fields")));
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = percent_decode(halves.next().unwrap_or_default(), true);
            let value = Zeroizing::new(percent_decode(halves.next().unwrap_or_default(), true));
            self.push(&String::from_utf8_lossy(&name), value, source)?;
        }
        Ok(())
    }

    fn find(&self, names: Names) -> Result<Option<&Field>, ApiError> {
        let mut found =
            self.fields.iter().filter(|field| names.iter().any(|name| field.name.eq_ignore_ascii_case(name)));
        let first = found.next();
        match found.next() {
            Some(second) => Err(given_twice(&second.name)),
            None => Ok(first),
        }
    }

    /// The value as it was sent. It leaves the request.
    pub(crate) fn take(&mut self, names: Names) -> Result<Option<Zeroizing<Vec<u8>>>, ApiError> {
        self.find(names)?;
        let at = self
            .fields
            .iter()
            .position(|field| names.iter().any(|name| field.name.eq_ignore_ascii_case(name)));
        Ok(at.map(|at| self.fields.swap_remove(at).value))
    }

    /// The value as text; an empty one counts as absent.
    pub(crate) fn text(&self, names: Names) -> Result<Option<&str>, ApiError> {
        let Some(field) = self.find(names)? else {
            return Ok(None);
        };
        match std::str::from_utf8(&field.value) {
            Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            Err(_) => Err(ApiError::bad_request(format!("The field '{}' is not UTF-8", shown(&field.name)))),
        }
    }

    /// The value as a boolean.
    pub(crate) fn boolean(&self, names: Names) -> Result<Option<bool>, ApiError> {
        let Some(word) = self.text(names)? else {
            return Ok(None);
        };
        match boolean(word) {
            Some(value) => Ok(Some(value)),
            None => {
                let name = names.first().copied().unwrap_or_default();
                Err(ApiError::bad_request(format!("The field '{name}' must be true or false")))
            }
        }
    }

    /// Every field, with its name in lower case.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|field| (field.name.as_str(), field.value.as_slice()))
    }

    /// Whether the box of that name was ticked in a form.
    pub(crate) fn is_ticked(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name) && *field.value == *b"true")
    }

    /// Whether the field was sent, if only as an empty one.
    pub(crate) fn has(&self, names: Names) -> bool {
        self.find(names).ok().flatten().is_some()
    }

    /// The value as bytes.
    pub(crate) fn bytes(&self, names: Names) -> &[u8] {
        self.find(names).ok().flatten().map(|field| field.value.as_slice()).unwrap_or_default()
    }

    /// Whether the field stands in the address, where proxies and browsers remember it.
    pub(crate) fn is_in_query(&self, names: Names) -> bool {
        self.find(names).ok().flatten().is_some_and(|field| field.source == FieldSource::Query)
    }
}

fn given_twice(name: &str) -> ApiError {
    ApiError::bad_request(format!("The field '{}' is given twice", shown(name)))
}

fn shown(name: &str) -> String {
    printable(&name.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::field;

    fn parsed(query: &str, body: &str) -> Result<Fields, String> {
        let mut fields = Fields::default();
        fields.push_urlencoded(query.as_bytes(), FieldSource::Query).map_err(|error| error.message)?;
        fields.push_urlencoded(body.as_bytes(), FieldSource::Body).map_err(|error| error.message)?;
        Ok(fields)
    }

    #[test]
    fn password_comes_through_urlencoding_to_the_byte() {
        let mut fields = parsed("", "f=json&certPassword=p%40ss+w%C3%B6rd%26%2B%25%21%23").unwrap();
        assert_eq!(*fields.take(field::PASSWORD).unwrap().unwrap(), "p@ss wörd&+%!#".as_bytes());
        assert!(fields.take(field::PASSWORD).unwrap().is_none());
        let mut fields = parsed("", "password=%ff").unwrap();
        assert_eq!(*fields.take(field::PASSWORD).unwrap().unwrap(), [0xff]);
    }

    #[test]
    fn same_field_twice_is_refused_unless_query_and_body_agree() {
        assert_eq!(parsed("", "a=1&A=1").err().unwrap(), "The field 'a' is given twice");
        assert_eq!(parsed("f=json", "f=html").err().unwrap(), "The field 'f' is given twice");
        assert_eq!(parsed("f=json", "f=json").unwrap().text(field::FORMAT).unwrap(), Some("json"));
        let mut both = parsed("", "file=a&certFile=b").unwrap();
        assert_eq!(both.take(field::FILE).err().unwrap().message, "The field 'certfile' is given twice");
    }

    #[test]
    fn names_are_found_in_any_case() {
        let fields = parsed("", "IMPORTCERTIFICATECHAIN=False&alias=").unwrap();
        assert_eq!(fields.boolean(field::CHAIN).unwrap(), Some(false));
        assert_eq!(fields.text(field::ALIAS).unwrap(), None);
        let fields = parsed("", "importCertificateChain=maybe").unwrap();
        let refused = fields.boolean(field::CHAIN).unwrap_err();
        assert_eq!(refused.message, "The field 'importCertificateChain' must be true or false");
    }
}
