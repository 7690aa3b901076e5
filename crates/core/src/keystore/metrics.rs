//! The dates of the certificates of one store or of several in OpenMetrics' text format, for Prometheus and its kin.
//!
//! Names and labels are those of x509-certificate-exporter, so that the rules and dashboards that exist for it work.

use std::fmt::Write as _;

use rustls_pki_types::UnixTime;

use super::{
    expiry::certificates,
    request::{Entry, EntryKind},
};
use crate::{certificate::Certificate, instant::seconds};

/// What is measured of a certificate: the name, and what `HELP` says of it.
type Family = (&'static str, &'static str);

const NOT_AFTER: Family = ("x509_cert_not_after", "When the certificate ends, in seconds since 1970.");
const NOT_BEFORE: Family = ("x509_cert_not_before", "When the certificate begins, in seconds since 1970.");
const EXPIRED: Family = ("x509_cert_expired", "1 if the certificate has ended.");
const EXPIRES_IN: Family = ("x509_cert_expires_in_seconds", "Seconds until the certificate ends.");
const COMPLETE: Family = (
    "strongroom_chain_complete",
    "1 if the chain of the entry leads to an imported authority, or needs none.",
);
const ENTRIES: Family = ("strongroom_entries", "Entries that were read, by kind.");
const UNREADABLE: Family = ("x509_read_errors", "Entries that could not be read.");
const SERVED: Family = ("strongroom_served", "1 if the server sends what the store has, 0 if not.");
const PROVED: Family = (
    "strongroom_proved",
    "1 if the store was opened with its unlock key, 0 if whoever can write its file can have written this.",
);
const CHECKED: Family = ("strongroom_check_timestamp_seconds", "When this was said, in seconds since 1970.");

/// A text in OpenMetrics' format out of the entries that are given to it.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let unlock = strongroom::UnlockKey::generate()?;
/// # let now = strongroom::UnixTime::now();
/// # let keystore = strongroom::Keystore::create(folder.path().join("keystore.db"), &unlock, now)?;
/// # let root = std::fs::read("../../fixtures/chains/root-rsa.pem")?;
/// # keystore.import_authority(&"root".parse()?, &root, now)?;
/// let mut metrics = strongroom::keystore::Metrics::new(now);
/// for entry in keystore.entries(now) {
///     match entry {
///         Ok(entry) => metrics.add(&entry),
///         Err(_) => metrics.add_unreadable(),
///     }
/// }
/// let text = metrics.into_text();
/// assert!(text.contains("x509_cert_expired{alias=\"root\",role=\"anchor\","));
/// assert!(text.ends_with("# EOF\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Metrics {
    at: i64,
    not_after: String,
    not_before: String,
    expired: String,
    expires_in: Option<String>,
    complete: String,
    served: String,
    entries: String,
    unreadable: String,
    /// Whose entries are added, as a label; empty for the one store of a text.
    machine: String,
    totals: Totals,
    /// Whether a keystore gave all of it.
    proved: bool,
    /// Families that others added.
    others: String,
}

/// How many entries of the present store there are.
#[derive(Debug, Default)]
struct Totals {
    servers: u64,
    authorities: u64,
    unreadable: u64,
}

impl Metrics {
    /// For the instant `at`, with which the entries were read.
    #[must_use]
    pub fn new(at: UnixTime) -> Self {
        let text = String::new;
        Self {
            at: seconds(at),
            not_after: text(),
            not_before: text(),
            expired: text(),
            expires_in: None,
            complete: text(),
            served: text(),
            entries: text(),
            unreadable: text(),
            machine: text(),
            totals: Totals::default(),
            proved: true,
            others: text(),
        }
    }

    /// Says of what is added from now on that it is of this machine, for a text over several stores.
    pub fn begin_machine(&mut self, name: &str) {
        if !self.machine.is_empty() {
            self.close_store();
        }
        self.machine = format!("machine=\"{}\"", label(name));
    }

    /// Adds a counter of something else, with a sample for each value of its label.
    pub fn add_counter(&mut self, name: &str, help: &str, of: &str, counts: &[(&str, u64)]) {
        let _ = writeln!(self.others, "# HELP {name} {help}\n# TYPE {name} counter");
        for (value, count) in counts {
            let _ = writeln!(self.others, "{name}_total{{{of}=\"{}\"}} {count}", label(value));
        }
    }

    /// Adds a gauge of something else.
    pub fn add_gauge(&mut self, name: &str, help: &str, value: u64) {
        let _ = writeln!(self.others, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }

    /// Says that what is added is proved by nothing.
    pub fn set_unproved(&mut self) {
        self.proved = false;
    }

    /// Says also how many seconds are left, for programs that cannot subtract.
    #[must_use]
    pub fn relative(mut self) -> Self {
        self.expires_in = Some(String::new());
        self
    }

    /// Adds an entry: its certificate and those above it.
    pub fn add(&mut self, entry: &Entry) {
        match entry.kind {
            EntryKind::Server => {
                self.totals.servers += 1;
                let complete = u8::from(!entry.chain_state.is_broken());
                let labels = self.labels(&format!("alias=\"{}\"", entry.alias));
                let _ = writeln!(self.complete, "{}{labels} {complete}", COMPLETE.0);
            }
            EntryKind::Authority { .. } => self.totals.authorities += 1,
        }
        for (certificate, cause) in certificates(entry) {
            self.add_certificate(entry, certificate, cause.as_str());
        }
    }

    /// Adds whether a server sends what the store has of an entry.
    pub fn add_served(&mut self, alias: &str, host: &str, port: u16, served: bool) {
        let own = format!("alias=\"{}\",host=\"{}\",port=\"{port}\"", label(alias), label(host));
        let labels = self.labels(&own);
        let _ = writeln!(self.served, "{}{labels} {}", SERVED.0, u8::from(served));
    }

    /// Counts an entry that cannot be read.
    pub fn add_unreadable(&mut self) {
        self.totals.unreadable += 1;
    }

    /// Labels in their braces, behind that of the machine.
    fn labels(&self, own: &str) -> String {
        match (self.machine.as_str(), own) {
            ("", "") => String::new(),
            ("", one) | (one, "") => format!("{{{one}}}"),
            (machine, own) => format!("{{{machine},{own}}}"),
        }
    }

    /// Writes down how many entries the store has.
    fn close_store(&mut self) {
        let totals = std::mem::take(&mut self.totals);
        for (kind, count) in [("server", totals.servers), ("ca", totals.authorities)] {
            let labels = self.labels(&format!("kind=\"{kind}\""));
            let _ = writeln!(self.entries, "{}{labels} {count}", ENTRIES.0);
        }
        let labels = self.labels("");
        let _ = writeln!(self.unreadable, "{}{labels} {}", UNREADABLE.0, totals.unreadable);
    }

    fn add_certificate(&mut self, entry: &Entry, certificate: &Certificate, role: &str) {
        let labels = self.labels(&format!(
            "alias=\"{}\",role=\"{role}\",subject_CN=\"{}\",issuer_CN=\"{}\",serial_number=\"{}\"",
            entry.alias,
            label(&certificate.short_name().unwrap_or_default()),
            label(&certificate.issuer_short_name().unwrap_or_default()),
            certificate.serial(),
        ));
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let line = |text: &mut String, family: Family, value: i64| {
            let _ = writeln!(text, "{}{labels} {value}", family.0);
        };
        line(&mut self.not_after, NOT_AFTER, not_after);
        line(&mut self.not_before, NOT_BEFORE, not_before);
        line(&mut self.expired, EXPIRED, i64::from(not_after < self.at));
        if let Some(text) = &mut self.expires_in {
            line(text, EXPIRES_IN, not_after.saturating_sub(self.at));
        }
    }

    /// The whole text, up to `# EOF`. Times are absolute: what does not change is stored well.
    #[must_use]
    pub fn into_text(mut self) -> String {
        self.close_store();
        let mut text = String::new();
        let mut family = |(name, help): Family, samples: &str| {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{samples}");
        };
        family(NOT_AFTER, &self.not_after);
        family(NOT_BEFORE, &self.not_before);
        family(EXPIRED, &self.expired);
        if let Some(samples) = &self.expires_in {
            family(EXPIRES_IN, samples);
        }
        family(COMPLETE, &self.complete);
        if !self.served.is_empty() {
            family(SERVED, &self.served);
        }
        family(ENTRIES, &self.entries);
        family(UNREADABLE, &self.unreadable);
        family(PROVED, &format!("{} {}\n", PROVED.0, u8::from(self.proved)));
        family(CHECKED, &format!("{} {}\n", CHECKED.0, self.at));
        text.push_str(&self.others);
        text.push_str("# EOF\n");
        text
    }
}

/// A label's value, escaped as OpenMetrics says; other control characters end no line there, and are taken out.
fn label(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_where_its_quotes_do() {
        assert_eq!(label("a \"b\" \\ c\nd\re"), "a \\\"b\\\" \\\\ c\\nd\u{fffd}e");
    }
}
