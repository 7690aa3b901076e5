//! What a request says beside the fields of its operation: what must not be passed over is refused, the rest is named.

use strongroom::certificate::printable;

use super::Answer;
use crate::{
    error::ApiError,
    request::Request,
    wire::{
        boolean,
        field::{self, Names},
        object::Object,
    },
};

/// What clients send to every operation.
const EVERYWHERE: [Names; 3] = [field::FORMAT, field::TOKEN, field::CSRF];
/// How many unknown fields a message names.
const MOST_NAMED: usize = 8;
/// How much of a name a message repeats, in characters.
const MOST_SHOWN: usize = 128;

/// The fields that are not known to the operation.
pub(super) struct Unknown(Vec<String>);

impl Unknown {
    /// Looks at what is not known to the operation, before anything is changed.
    ///
    /// # Errors
    ///
    /// [`ApiError`] for a dry run that the operation does not have, and for an alias beside another one in the address.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        same_alias(request)?;
        let known = request.address.row.fields.iter().map(|field| field.names).chain(EVERYWHERE);
        let known: Vec<&str> = known.flatten().copied().collect();
        // Beside the address it says the same once more.
        let again = request.address.name.as_ref().map_or(&[][..], |_| field::ALIAS);
        let is_known = |name: &str| known.iter().chain(again).any(|known| known.eq_ignore_ascii_case(name));
        let mut unknown = Vec::new();
        for (name, value) in request.fields.all().filter(|(name, _)| !is_known(name)) {
            let name = shown(name);
            let is_false =
                value.is_empty() || std::str::from_utf8(value).ok().and_then(boolean) == Some(false);
            if is_dry_run(&name) && !is_false {
                return Err(no_dry_run(request, &name));
            }
            unknown.push(name);
        }
        // A form of our own pages has fields of its own.
        if request.fields.text(field::FORM)?.is_some() {
            unknown.clear();
        }
        Ok(Self(unknown))
    }

    /// Names them in the answer of a success.
    pub(super) fn told(&self, answer: Answer) -> Answer {
        let message = match self.0.as_slice() {
            [] => return answer,
            [one] => {
                format!("unknown_field: the field '{one}' is not known to this operation and was not used")
            }
            several => {
                let names: Vec<String> =
                    several.iter().take(MOST_NAMED).map(|name| format!("'{name}'")).collect();
                let more = several.len().saturating_sub(MOST_NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let names = names.join(", ");
                format!(
                    "unknown_field: the fields {names}{more} are not known to this operation and were not used"
                )
            }
        };
        match answer {
            Answer::Object(Object::Success(success)) => Answer::Object(Object::Success(success.and(message))),
            other => other,
        }
    }
}

fn shown(name: &str) -> String {
    printable(&name.chars().take(MOST_SHOWN).collect::<String>())
}

/// Whether somebody who writes so asks for a dry run: `dry_run`, `isDryRun`.
fn is_dry_run(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphabetic).collect();
    letters.to_ascii_lowercase().contains("dryrun")
}

fn no_dry_run(request: &Request, name: &str) -> ApiError {
    let has_one = request.address.row.fields.iter().any(|field| field.names == field::DRY_RUN);
    let (message, help) = match has_one {
        true => (
            format!("The field '{name}' is not known; a dry run is asked for with 'dryRun'"),
            "send dryRun=true",
        ),
        false => (
            format!(
                "This operation has no dry run, and the field '{name}' asks for one; nothing was changed"
            ),
            "send the request without that field to make the change",
        ),
    };
    ApiError::new(400, message, vec![help.to_owned(), "code: no_dry_run".to_owned()])
}

/// An alias in the body is that of the address, or one of them is a mistake.
fn same_alias(request: &Request) -> Result<(), ApiError> {
    let (Some(address), Some(sent)) = (&request.address.name, request.fields.text(field::ALIAS)?) else {
        return Ok(());
    };
    if address.eq_ignore_ascii_case(sent) {
        return Ok(());
    }
    let message = format!(
        "The field 'alias' names '{}', and the address '{}'; nothing was changed",
        shown(sent),
        shown(address)
    );
    let help =
        "send the request to the address of the certificate that is meant, and no other alias".to_owned();
    Err(ApiError::new(400, message, vec![help, "code: several_aliases".to_owned()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_a_dry_run_is_understood_however_it_is_written() {
        for name in ["dryRun", "dryrun", "dry_run", "DRY-RUN", "isDryRun"] {
            assert!(is_dry_run(name), "{name}");
        }
        for name in ["norestart", "run", "dry", "country"] {
            assert!(!is_dry_run(name), "{name}");
        }
    }
}
