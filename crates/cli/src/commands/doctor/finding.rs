//! What `doctor` found: the list that it prints.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use schemars::JsonSchema;
use serde::Serialize;
use strongroom::{Alias, certificate::printable};

/// How many findings of one code are listed; of the others it is said how many they are.
const MOST_OF_ONE: u64 = 1_000;
/// How many entries one finding names.
const MOST_NAMED: usize = 10;

/// How much a finding weighs, the heaviest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Clients are refused, or soon locked out, or the store cannot be opened.
    Error,
    /// It will be one, or is one for some.
    Warning,
    /// It could be better.
    Note,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Error => "31",
            Self::Warning => "33",
            Self::Note => "36",
        }
    }
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    /// The entries that it is about, the first ten.
    pub(super) aliases: Vec<String>,
    /// How many further entries it is about.
    pub(super) more_aliases: u64,
    pub(super) message: String,
    /// What mends it: as a rule one command.
    pub(super) help: Option<String>,
}

/// Something that was mended.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct Fixed {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// Findings of one code that are not listed.
#[derive(Debug, JsonSchema, Serialize)]
struct Unlisted {
    code: &'static str,
    count: u64,
}

#[derive(Debug, Default, JsonSchema, Serialize)]
pub(super) struct Counts {
    error_count: u64,
    warning_count: u64,
    note_count: u64,
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    /// How many there are of each code, those that are not listed included.
    of_code: BTreeMap<&'static str, u64>,
    /// Where a finding stands that is about several entries.
    alike: HashMap<(&'static str, String), usize>,
    pub(super) fixed: Vec<Fixed>,
    counts: Counts,
}

/// The answer.
#[derive(JsonSchema, Serialize)]
pub(in crate::commands) struct DoctorView<'a> {
    findings: &'a [Finding],
    counts: &'a Counts,
    /// Codes of which there are more findings than are listed.
    unlisted: Vec<Unlisted>,
    fixed: &'a [Fixed],
}

impl Findings {
    /// A finding about the store, or about one entry.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        alias: Option<&Alias>,
        message: String,
        help: Option<String>,
    ) {
        let aliases = alias.map(ToString::to_string).into_iter().collect();
        self.push(Finding { severity, code, aliases, more_aliases: 0, message, help });
    }

    pub(super) fn push(&mut self, finding: Finding) -> bool {
        let of_code = self.of_code.entry(finding.code).or_default();
        *of_code += 1;
        *match finding.severity {
            Severity::Error => &mut self.counts.error_count,
            Severity::Warning => &mut self.counts.warning_count,
            Severity::Note => &mut self.counts.note_count,
        } += 1;
        let listed = *of_code <= MOST_OF_ONE;
        if listed {
            self.list.push(finding);
        }
        listed
    }

    /// A finding that is the same for every entry that has it.
    pub(super) fn add_alike(&mut self, finding: Finding) {
        let key = (finding.code, finding.message.clone());
        let Some(known) = self.alike.get(&key).and_then(|at| self.list.get_mut(*at)) else {
            let at = self.list.len();
            if self.push(finding) {
                self.alike.insert(key, at);
            }
            return;
        };
        known.severity = known.severity.min(finding.severity);
        for alias in finding.aliases {
            if known.aliases.len() < MOST_NAMED {
                known.aliases.push(alias);
            } else {
                known.more_aliases += 1;
            }
        }
    }

    pub(super) fn has_errors(&self) -> bool {
        self.counts.error_count > 0
    }

    /// The heaviest first; of one weight, as they were found.
    pub(super) fn sort(&mut self) {
        self.list.sort_by_key(|finding| finding.severity);
        self.alike.clear();
    }

    pub(super) fn view(&self) -> DoctorView<'_> {
        DoctorView {
            findings: &self.list,
            counts: &self.counts,
            unlisted: self
                .of_code
                .iter()
                .filter_map(|(code, count)| {
                    let count = count.checked_sub(MOST_OF_ONE).filter(|count| *count > 0)?;
                    Some(Unlisted { code, count })
                })
                .collect(),
            fixed: &self.fixed,
        }
    }
}

impl Finding {
    fn subject(&self) -> String {
        let more =
            if self.more_aliases > 0 { format!(" and {} more", self.more_aliases) } else { String::new() };
        if self.aliases.is_empty() { String::new() } else { format!("{}{more}: ", self.aliases.join(", ")) }
    }
}

impl DoctorView<'_> {
    /// A line a finding, with what mends it below, and the sum. `paint` colours a word.
    pub(super) fn text(&self, paint: impl Fn(&str, &str) -> String) -> String {
        let mut text = String::new();
        for fixed in self.fixed {
            let _ = writeln!(text, "fixed[{}] {}", fixed.code, printable(&fixed.message));
        }
        for finding in self.findings {
            let label =
                paint(finding.severity.colour(), &format!("{}[{}]", finding.severity.word(), finding.code));
            let _ = writeln!(text, "{label} {}{}", finding.subject(), printable(&finding.message));
            if let Some(help) = &finding.help {
                let _ = writeln!(text, "  {} {help}", paint("36", "help:"));
            }
        }
        for Unlisted { code, count } in &self.unlisted {
            let _ = writeln!(text, "{count} more of {code} are not listed");
        }
        let Counts { error_count, warning_count, note_count } = *self.counts;
        let parts: Vec<String> = [(error_count, "error"), (warning_count, "warning"), (note_count, "note")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" }))
            .collect();
        match parts.is_empty() {
            true => text.push_str("nothing is wrong\n"),
            false => {
                let _ = writeln!(text, "{}", parts.join(", "));
            }
        }
        text
    }
}
