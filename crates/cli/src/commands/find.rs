//! `find`, and what `ls` can be narrowed down to.

use schemars::JsonSchema;
use serde::Serialize;
use sha1::{Digest as _, Sha1};
use strongroom::{
    Entry, UnixTime,
    hexadecimal::hex,
    instant::seconds,
    keystore::{EntryKind, Expiry, ExpiryState, ExpiryWindow},
    select::{host_name, wildcard_of},
};

use super::{
    list::{SOON, each, expires},
    now, open_read_only,
};
use crate::{
    args::{Arguments, Find, Ls},
    failure::{Exit, Failure},
    render::{EntryFacts, Printer},
};

/// Fewer hexadecimal digits are no serial number and no beginning of a fingerprint that anybody looks for.
const FEWEST_DIGITS: usize = 6;

/// Which entries a listing shows.
pub(super) struct Filter<'c> {
    within: Option<ExpiryWindow>,
    issuer: Option<String>,
    name: Option<&'c str>,
    at: UnixTime,
}

impl<'c> Filter<'c> {
    pub(super) fn of(command: &'c Ls, at: UnixTime) -> Self {
        Self {
            within: command.within,
            issuer: command.issuer.as_deref().map(str::to_lowercase),
            name: command.name.as_deref(),
            at,
        }
    }

    /// Whether every entry is shown.
    pub(super) fn is_all(&self) -> bool {
        self.within.is_none() && self.issuer.is_none() && self.name.is_none()
    }

    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let certificate = &entry.certificate;
        let ends = |window| {
            let state = Expiry::of(entry, window, self.at).state;
            matches!(state, ExpiryState::Expiring | ExpiryState::Expired)
        };
        let issued = |text: &String| certificate.issuer().to_lowercase().contains(text);
        let named = |pattern| certificate.hosts().any(|host| is_like(pattern, host));
        self.within.is_none_or(ends) && self.issuer.as_ref().is_none_or(issued) && self.name.is_none_or(named)
    }
}

/// Whether a name is like a pattern, in which `*` stands for any text; upper and lower case are the same.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (host_name(pattern), host_name(name));
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in between {
        let Some((_, behind)) = rest.split_once(part) else {
            return false;
        };
        rest = behind;
    }
    rest.ends_with(last)
}

#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct FoundView {
    #[serde(flatten)]
    entry: EntryFacts,
    /// What the text was found in: `alias`, `name`, `serial`, `sha256`, `sha1`, `spki_sha256`, `subject` or `issuer`.
    found_in: Vec<&'static str>,
}

pub(super) fn run(arguments: &Arguments, command: &Find, printer: &Printer) -> Result<(), Failure> {
    let keystore = open_read_only(arguments, printer)?;
    let (instant, wanted) = (now(), Wanted::of(&command.text));
    let mut views = Vec::new();
    let mut table = printer.table(&["ALIAS", "KIND", "FOUND", "EXPIRES"]).fit(&[0, 2], &[1]);
    each(&keystore, printer, instant, |entry| {
        let found = wanted.in_entry(&entry);
        if found.is_empty() {
            return;
        }
        let told: Vec<String> = found.iter().map(|(place, value)| format!("{place} {value}")).collect();
        table.row(vec![
            entry.alias.to_string().into(),
            if entry.kind == EntryKind::Server { "server" } else { "ca" }.into(),
            told.first().cloned().unwrap_or_default().into(),
            expires(&entry.certificate, seconds(instant), SOON),
        ]);
        let found_in = found.iter().map(|(place, _)| *place).collect();
        views.push(FoundView { entry: EntryFacts::of(&entry), found_in });
    })?;
    if views.is_empty() {
        let message = format!("no entry has \"{}\" in its names, numbers or fingerprints", command.text);
        return Err(Failure::new(Exit::NotFound, "nothing_found", "store", message));
    }
    let mut list = printer.list("entries");
    list.page(&views, || table.take_text());
    list.end("");
    Ok(())
}

/// What is looked for.
struct Wanted {
    /// In lower case.
    text: String,
    /// The text as hexadecimal digits, if it is that.
    digits: Option<String>,
    /// The text as a host name, and the wildcard that covers it.
    host: (String, Option<String>),
}

impl Wanted {
    fn of(text: &str) -> Self {
        let bare: String =
            text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_lowercase();
        let bare = bare.strip_prefix("0x").unwrap_or(&bare);
        let is_hex = bare.len() >= FEWEST_DIGITS && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        let host = host_name(text);
        Self {
            text: text.to_lowercase(),
            digits: is_hex.then(|| bare.to_owned()),
            host: (host.clone(), wildcard_of(&host)),
        }
    }

    /// Where the text is, and what stands there.
    fn in_entry(&self, entry: &Entry) -> Vec<(&'static str, String)> {
        let certificate = &entry.certificate;
        let mut found = Vec::new();
        let has = |value: &str| value.to_lowercase().contains(&self.text);
        if has(entry.alias.as_str()) {
            found.push(("alias", entry.alias.to_string()));
        }
        let named = |host: &&str| has(host) || self.host.1.as_deref() == Some(host_name(host).as_str());
        // The name itself before others that have it as a part.
        let exact = certificate.hosts().find(|host| host_name(host) == self.host.0);
        if let Some(host) = exact.or_else(|| certificate.hosts().find(named)) {
            found.push(("name", host.to_owned()));
        }
        if let Some(digits) = &self.digits {
            let serial = certificate.serial();
            if serial == digits.trim_start_matches('0') {
                found.push(("serial", serial.to_owned()));
            }
            let sha1 = hex(Sha1::digest(certificate.der().as_ref()));
            let hashes = [
                ("sha256", certificate.fingerprint().to_string()),
                ("sha1", sha1),
                ("spki_sha256", certificate.spki_fingerprint().to_string()),
            ];
            found.extend(hashes.into_iter().filter(|(_, hash)| hash.starts_with(digits.as_str())));
        }
        for (place, value) in [("subject", certificate.subject()), ("issuer", certificate.issuer())] {
            if has(value) {
                found.push((place, value.to_owned()));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name) in [
            ("www.example.test", "WWW.example.test"),
            ("*.example.test", "a.b.example.test"),
            ("*.example.test", "*.example.test"),
            ("www.*", "www.x"),
            ("*exam*", "www.example.test"),
            ("*", ""),
            ("a*b*c", "axbxc"),
            ("www.example.test.", "www.example.test"),
        ] {
            assert!(is_like(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("www", "www.x"),
            ("*.example.test", "example.test"),
            ("a*b*c", "axcxb"),
            ("a*a", "a"),
            ("", "x"),
        ] {
            assert!(!is_like(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn digits_are_read_in_all_their_writings() {
        let digits = |text: &str| Wanted::of(text).digits;
        assert_eq!(digits("AB:CD:EF"), Some("abcdef".to_owned()));
        assert_eq!(digits("0xabcdef"), Some("abcdef".to_owned()));
        assert_eq!(digits("ab cd ef 01"), Some("abcdef01".to_owned()));
        assert_eq!((digits("abcde"), digits("www.example")), (None, None));
    }
}
