//! Entries: what ends, what no longer leads to a CA, and what clients refuse. No private key is opened.

use std::collections::{BTreeSet, HashSet};

use strongroom::{
    Alias, Entry, Error, Keystore, UnixTime,
    certificate::{Certificate, Fingerprint, KeyAlgorithm},
    diagnostic::{Diagnostic, DiagnosticCode, Severity as Weight},
    instant::{day, seconds},
    keystore::{EntryKind, Expiry, ExpiryCause, ExpiryState, ExpiryWindow},
    remedy::shell_word,
    validate::{Policy, Role},
};

use super::{
    command,
    finding::{Finding, Findings, Severity},
};
use crate::{
    failure::Failure,
    render::{Printer, time_left},
};

/// RSA keys below this many bits are weak (NIST SP 800-131A).
const MIN_RSA_BITS: usize = 2048;
/// Names that a command for a new self-signed certificate repeats.
const MOST_NAMES: usize = 20;

/// What the first look at all entries leaves for later.
#[derive(Default)]
pub(super) struct Seen {
    /// Public keys that may be those of several entries.
    pub(super) repeated_keys: BTreeSet<Fingerprint>,
    keys: HashSet<[u8; 8]>,
    servers: u64,
    /// CA certificates that stand above an entry.
    used: HashSet<Fingerprint>,
    authorities: Vec<(Alias, Fingerprint)>,
    /// Aliases with a pending request, as they are compared.
    pending: HashSet<String>,
}

/// What all entries are judged by.
struct Look<'a> {
    keystore: &'a Keystore,
    policy: Policy,
    at: UnixTime,
    printer: &'a Printer,
}

pub(super) fn examine(
    keystore: &Keystore,
    at: UnixTime,
    printer: &Printer,
    found: &mut Findings,
) -> Result<Seen, Failure> {
    let mut policy = Policy::default();
    // What was allowed is weighed here.
    let overridable = DiagnosticCode::ALL.iter().filter(|code| code.severity() == Weight::Overridable);
    policy.allow = overridable.copied().collect();
    let look = Look { keystore, policy, at, printer };
    let pending = keystore.listed_requests()?.into_iter().map(|(alias, _)| alias.to_lowercase());
    let mut seen = Seen { pending: pending.collect(), ..Seen::default() };
    for listed in keystore.listed_entries(at) {
        match listed? {
            (_, Ok(entry)) if entry.kind == EntryKind::Server => look.server(&entry, &mut seen, found)?,
            (_, Ok(entry)) => look.authority(&entry, &mut seen, found),
            (alias, Err(error)) => {
                let help = printer.help(&error.remedies());
                found.add(Severity::Error, error.code(), Some(&alias), error.to_string(), help);
            }
        }
    }
    look.unused(&seen, found);
    Ok(seen)
}

impl Look<'_> {
    fn server(&self, entry: &Entry, seen: &mut Seen, found: &mut Findings) -> Result<(), Failure> {
        seen.servers += 1;
        let key = entry.certificate.spki_fingerprint();
        let short = key.as_bytes().first_chunk().copied().unwrap_or_default();
        if !seen.keys.insert(short) {
            seen.repeated_keys.insert(key);
        }
        let expiry = Expiry::of(entry, ExpiryWindow::Usual, self.at);
        self.state(entry, &expiry, seen, found);
        self.above(entry, seen, found);
        let judged = match self.keystore.verify(&entry.alias, &self.policy, self.at) {
            Ok(chain) => chain.findings().to_vec(),
            Err(Error::Validation(refused)) => refused.findings,
            Err(other) => return Err(other.into()),
        };
        for diagnostic in judged {
            // These are told of above.
            let told = match diagnostic.code {
                DiagnosticCode::Expired
                | DiagnosticCode::NotYetValid
                | DiagnosticCode::ExpiresSoon
                | DiagnosticCode::NoAnchor => true,
                DiagnosticCode::PathExpired => expiry.state == ExpiryState::Expired,
                code => expiry.state == ExpiryState::Broken && expiry.finding == Some(code),
            };
            if !told {
                self.judged(entry, diagnostic, found);
            }
        }
        Ok(())
    }

    /// How the entry itself stands.
    fn state(&self, entry: &Entry, expiry: &Expiry, seen: &Seen, found: &mut Findings) {
        let (alias, now) = (Some(&entry.alias), seconds(self.at));
        let leaf = &entry.certificate;
        let ends = |certificate: &Certificate| {
            let not_after = certificate.not_after();
            format!("{}, {}", day(not_after), time_left(not_after, now).replace("expired ", ""))
        };
        match expiry.state {
            ExpiryState::Expired if expiry.cause == ExpiryCause::Leaf => {
                let message = format!("its certificate ended on {}", ends(leaf));
                found.add(Severity::Error, "expired", alias, message, self.renewal(entry, seen));
            }
            ExpiryState::Expired => {
                let ca = &expiry.certificate;
                let message = format!("a CA certificate above it ended on {}: {}", ends(ca), ca.subject());
                found.add_alike(self.about(entry, Severity::Error, "expired", message, NEW_CA));
            }
            ExpiryState::NotYetValid => {
                let begins = day(expiry.certificate.not_before());
                let message = format!("not valid before {begins}: {}", expiry.certificate.subject());
                let help = command(self.printer, &format!("show {}", entry.alias));
                found.add(Severity::Error, "not_yet_valid", alias, message, help);
            }
            _ => self.chain(entry, expiry, found),
        }
        let left = leaf.not_after().saturating_sub(now);
        if left >= 0 && left < ExpiryWindow::Usual.of(leaf) {
            let message = format!("its certificate ends on {}", ends(leaf));
            found.add(Severity::Warning, "expires_soon", alias, message, self.renewal(entry, seen));
        }
    }

    fn chain(&self, entry: &Entry, expiry: &Expiry, found: &mut Findings) {
        let Some(finding) = expiry.finding else {
            return;
        };
        let (severity, allowed) = match expiry.state {
            ExpiryState::Broken => (Severity::Error, ""),
            _ => (Severity::Warning, ", as was allowed at the import"),
        };
        let (code, message) = match finding {
            DiagnosticCode::NoAnchor => {
                let issuer = entry.chain.last().map_or(&entry.certificate, |last| &last.certificate).issuer();
                let message = format!("its chain leads to no imported CA{allowed}; missing: {issuer}");
                ("chain_incomplete", message)
            }
            other => (other.as_str(), format!("its chain is refused{allowed}")),
        };
        let help = command(self.printer, &format!("chain {}", entry.alias));
        found.add(severity, code, Some(&entry.alias), message, help);
    }

    /// The CA certificates above an entry: which of them end, and whether before the entry does.
    fn above(&self, entry: &Entry, seen: &mut Seen, found: &mut Findings) {
        let now = seconds(self.at);
        for link in entry.chain.iter().skip(1) {
            let ca = &link.certificate;
            seen.used.insert(ca.fingerprint());
            let left = ca.not_after().saturating_sub(now);
            let soon = left < ExpiryWindow::Usual.of(ca);
            let first = ca.not_after() < entry.certificate.not_after();
            let when = format!("{}, {}", day(ca.not_after()), time_left(ca.not_after(), now));
            let subject = ca.subject();
            match link.role {
                _ if left < 0 => {}
                Role::Anchor if soon => {
                    let message =
                        format!("the CA at which the chain ends has its own end on {when}: {subject}");
                    let about = self.about(entry, Severity::Warning, "anchor_expires_soon", message, NEW_CA);
                    found.add_alike(about);
                }
                _ if first => {
                    let message = format!(
                        "a CA certificate ends before the certificate below it, on {when}: {subject}"
                    );
                    let code = "intermediate_expires_first";
                    found.add_alike(self.about(entry, Severity::Warning, code, message, NEW_CA));
                }
                _ => {}
            }
        }
    }

    fn about(
        &self,
        entry: &Entry,
        severity: Severity,
        code: &'static str,
        message: String,
        help: &str,
    ) -> Finding {
        let aliases = vec![entry.alias.to_string()];
        Finding { severity, code, aliases, more_aliases: 0, message, help: command(self.printer, help) }
    }

    /// What validation says of it, and with that which clients refuse it.
    fn judged(&self, entry: &Entry, diagnostic: Diagnostic, found: &mut Findings) {
        let severity = match (diagnostic.severity, diagnostic.code) {
            (Weight::Warning, DiagnosticCode::SelfSigned)
            | (Weight::Warning, DiagnosticCode::MissingSki)
            | (Weight::Warning, DiagnosticCode::NoEku)
            | (Weight::Warning, DiagnosticCode::VersionOneAnchor)
            | (Weight::Warning, DiagnosticCode::AnchoredAtIntermediate) => Severity::Note,
            (Weight::Warning, _) => Severity::Warning,
            (_, code) if entry.allowed.contains(&code) => Severity::Warning,
            _ => Severity::Error,
        };
        // The others say what an import would take.
        let help =
            diagnostic.remedies.first().and_then(|first| self.printer.help(std::slice::from_ref(first)));
        found.add_alike(Finding {
            severity,
            code: diagnostic.code.as_str(),
            aliases: vec![entry.alias.to_string()],
            more_aliases: 0,
            message: diagnostic.message,
            help,
        });
    }

    fn authority(&self, entry: &Entry, seen: &mut Seen, found: &mut Findings) {
        seen.authorities.push((entry.alias.clone(), entry.certificate.fingerprint()));
        if let KeyAlgorithm::Rsa { bits } | KeyAlgorithm::RsaPss { bits } = *entry.certificate.key()
            && (1..MIN_RSA_BITS).contains(&bits)
        {
            let message = format!("the CA has an RSA key of {bits} bits, which current clients refuse");
            found.add(
                Severity::Warning,
                "weak_key",
                Some(&entry.alias),
                message,
                command(self.printer, NEW_CA),
            );
        }
    }

    /// CA certificates that no entry needs. Where there are no entries yet, they may be about to come.
    fn unused(&self, seen: &Seen, found: &mut Findings) {
        if seen.servers == 0 {
            return;
        }
        let unused = seen.authorities.iter().filter(|(_, fingerprint)| !seen.used.contains(fingerprint));
        for (alias, _) in unused {
            found.add_alike(Finding {
                severity: Severity::Note,
                code: "unused_authority",
                aliases: vec![alias.to_string()],
                more_aliases: 0,
                message: "no entry leads to this CA; one that nobody needs is better not trusted".to_owned(),
                help: command(self.printer, &format!("ca rm {alias}")),
            });
        }
    }

    /// The command that renews an entry.
    fn renewal(&self, entry: &Entry, seen: &Seen) -> Option<String> {
        let (alias, certificate) = (&entry.alias, &entry.certificate);
        if seen.pending.contains(&alias.as_str().to_lowercase()) {
            return command(self.printer, &format!("csr show {alias}"));
        }
        if certificate.is_self_signed() {
            let names: Vec<String> =
                certificate.hosts().map(|host| format!(" --name {}", shell_word(host))).collect();
            if (1..=MOST_NAMES).contains(&names.len()) {
                return command(self.printer, &format!("generate {alias}{} --replace", names.concat()));
            }
        }
        command(self.printer, &format!("csr {alias} --like {alias} -o {alias}.csr"))
    }
}

/// Takes the place of a CA certificate.
const NEW_CA: &str = "ca import ALIAS FILE";
