//! Name constraints (RFC 5280, section 4.2.1.10): which names a CA may certify.
//!
//! DNS names, IP addresses, directory names, mailboxes and URIs are judged. A constraint that cannot be read, or on a
//! form of name that is not judged, refuses every name of that form.

use super::{budget::PathBudget, path_error::PathError};
use crate::certificate::{Certificate, GeneralName, NameConstraints, printable};

/// One name of a certificate, or the base of a subtree.
enum Name<'n> {
    Dns(&'n str),
    Ip(&'n [u8]),
    Email(&'n str),
    Uri(&'n str),
    /// In the form in which names are compared.
    Directory(Vec<u8>),
    /// A form that is not judged, by its number in GeneralName.
    Other(u32),
}

impl<'n> Name<'n> {
    fn of(name: &'n GeneralName) -> Self {
        match name {
            GeneralName::Dns(text) => Self::Dns(text),
            GeneralName::Ip(bytes) => Self::Ip(bytes),
            GeneralName::Email(text) => Self::Email(text),
            GeneralName::Uri(text) => Self::Uri(text),
            GeneralName::Directory(name) => Self::Directory(name.canonical()),
            other => Self::Other(other.form()),
        }
    }

    /// The number of the form in GeneralName.
    fn form(&self) -> u32 {
        match self {
            Self::Email(_) => 1,
            Self::Dns(_) => 2,
            Self::Directory(_) => 4,
            Self::Uri(_) => 6,
            Self::Ip(_) => 7,
            Self::Other(form) => *form,
        }
    }
}

/// Whether a name lies in a subtree.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Match {
    Inside,
    Outside,
    /// Some hosts that a wildcard stands for lie inside.
    Partly,
    /// The name or the subtree cannot be judged.
    Unclear,
}

/// Holds the names of `below` against the constraints of a CA above it. Every comparison is charged.
pub(super) fn check(
    constraints: &NameConstraints,
    below: &Certificate,
    budget: &mut PathBudget<'_>,
) -> Result<(), PathError> {
    let total = constraints.permitted.len() + constraints.excluded.len();
    let directory = (!below.subject_name.is_empty())
        .then(|| (Name::Directory(below.subject_name.clone()), below.subject.clone()));
    let mailboxes = below.mailboxes.iter().map(|text| (Name::Email(text), printable(text)));
    let alternative = below.general_names.iter().map(|name| (Name::of(name), name.to_string()));
    for (name, text) in directory.into_iter().chain(mailboxes).chain(alternative) {
        budget.charge_comparisons(total)?;
        check_name(constraints, &name).map_err(|what| PathError::Name { name: text, what })?;
    }
    Ok(())
}

fn check_name(constraints: &NameConstraints, name: &Name<'_>) -> Result<(), &'static str> {
    for base in constraints.excluded.iter().map(Name::of) {
        if base.form() == name.form() {
            match matches(name, &base) {
                Match::Outside => {}
                Match::Inside | Match::Partly => return Err("excludes"),
                Match::Unclear => return Err("constrains in a way that cannot be judged"),
            }
        }
    }
    let mut constrained = false;
    for base in constraints.permitted.iter().map(Name::of) {
        if base.form() == name.form() {
            match matches(name, &base) {
                Match::Inside => return Ok(()),
                Match::Outside | Match::Partly => constrained = true,
                Match::Unclear => return Err("constrains in a way that cannot be judged"),
            }
        }
    }
    if constrained { Err("does not permit") } else { Ok(()) }
}

fn matches(name: &Name<'_>, base: &Name<'_>) -> Match {
    match (name, base) {
        (Name::Dns(name), Name::Dns(base)) => dns(name, base),
        (Name::Ip(name), Name::Ip(base)) => ip(name, base),
        (Name::Email(name), Name::Email(base)) => email(name, base),
        (Name::Uri(name), Name::Uri(base)) => uri(name, base),
        (Name::Directory(name), Name::Directory(base)) => within(name.starts_with(base)),
        _ => Match::Unclear,
    }
}

fn within(inside: bool) -> Match {
    if inside { Match::Inside } else { Match::Outside }
}

/// Whether `host` is `base`, or one or more labels are added to its left.
fn is_below(host: &str, base: &str) -> bool {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    host.strip_suffix(base.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Labels of letters, digits, hyphen and underscore, none empty.
fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// A leading dot in the constraint, which RFC 5280 does not have, asks for at least one label more, as OpenSSL and
/// rustls-webpki take it.
fn dns(name: &str, base: &str) -> Match {
    let (base, strictly) = match base.strip_prefix('.') {
        Some(rest) => (rest, true),
        None => (base, false),
    };
    if base.is_empty() && !strictly {
        return Match::Inside;
    }
    let (host, wildcard) = match name.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    if !is_host(host) || !is_host(base) {
        return Match::Unclear;
    }
    if wildcard {
        // It stands for hosts one label longer than `host`.
        if is_below(host, base) {
            return Match::Inside;
        }
        let parent = base.split_once('.').map(|(_, parent)| parent);
        let partly = !strictly && parent.is_some_and(|parent| parent.eq_ignore_ascii_case(host));
        return if partly { Match::Partly } else { Match::Outside };
    }
    within(is_below(host, base) && !(strictly && host.eq_ignore_ascii_case(base)))
}

/// Address and mask, each of 4 or 16 bytes; the mask is a run of ones (RFC 4632).
fn ip(address: &[u8], base: &[u8]) -> Match {
    if !matches!(address.len(), 4 | 16) || !matches!(base.len(), 8 | 32) {
        return Match::Unclear;
    }
    let (network, mask) = base.split_at(base.len() / 2);
    let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let leading = mask.iter().take_while(|byte| **byte == 0xff).count();
    let run =
        leading * 8 + mask.get(leading).map_or(0, |byte| usize::try_from(byte.leading_ones()).unwrap_or(0));
    if usize::try_from(ones) != Ok(run) {
        return Match::Unclear;
    }
    if address.len() != network.len() {
        return Match::Outside;
    }
    within(address.iter().zip(network).zip(mask).all(|((a, n), m)| a & m == n & m))
}

/// A mailbox, a host, or a domain with a dot before it. No character stands for others.
fn email(name: &str, base: &str) -> Match {
    let Some((local, host)) = mailbox(name) else {
        return Match::Unclear;
    };
    if base.contains('@') {
        return match mailbox(base) {
            Some((wanted, at)) => within(local == wanted && host.eq_ignore_ascii_case(at)),
            None => Match::Unclear,
        };
    }
    domain(host, base)
}

/// Local part and host; a quoted local part may hold an at sign.
fn mailbox(text: &str) -> Option<(&str, &str)> {
    let (local, host) = text.rsplit_once('@')?;
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    (!local.is_empty() && (quoted || !local.contains('@')) && is_host(host)).then_some((local, host))
}

/// A host, or with a dot before it all hosts below.
fn domain(host: &str, base: &str) -> Match {
    match base.strip_prefix('.') {
        Some(parent) if is_host(parent) => {
            within(is_below(host, parent) && !host.eq_ignore_ascii_case(parent))
        }
        None if is_host(base) => within(host.eq_ignore_ascii_case(base)),
        _ => Match::Unclear,
    }
}

/// The constraint is on the host alone. A URI without one, or with an address, cannot be judged.
fn uri(name: &str, base: &str) -> Match {
    let host = name
        .split_once("://")
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest))
        .map(|authority| authority.rsplit_once('@').map_or(authority, |(_, host)| host))
        .map(|host| host.split_once(':').map_or(host, |(host, _)| host));
    match host {
        Some(host) if is_host(host) && host.parse::<std::net::Ipv4Addr>().is_err() => domain(host, base),
        _ => Match::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_all(judge: fn(&str, &str) -> Match, cases: &[(&str, &str, Match)]) {
        for (name, base, expected) in cases {
            assert!(judge(name, base) == *expected, "{name} in {base}");
        }
    }

    #[test]
    fn dns_names_lie_in_a_domain_or_below() {
        use Match::{Inside, Outside, Partly, Unclear};
        check_all(
            dns,
            &[
                ("example.com", "example.com", Inside),
                ("a.b.EXAMPLE.com", "example.com", Inside),
                ("myexample.com", "example.com", Outside),
                ("com", "example.com", Outside),
                ("anything", "", Inside),
                ("a.example.com", ".example.com", Inside),
                ("example.com", ".example.com", Outside),
                ("*.example.com", "example.com", Inside),
                ("*.example.com", ".example.com", Inside),
                ("*.example.com", "bar.example.com", Partly),
                ("*.example.com", ".bar.example.com", Outside),
                ("*.example.com", "a.bar.example.com", Outside),
                (".example.com", "example.com", Unclear),
                ("example.com.", "example.com", Unclear),
                ("f*.example.com", "example.com", Unclear),
                ("foo.example.com", "*.example.com", Unclear),
                ("foo.example.com", ".", Unclear),
            ],
        );
    }

    #[test]
    fn mailboxes_are_compared_as_they_stand() {
        use Match::{Inside, Outside, Unclear};
        check_all(
            email,
            &[
                ("a@example.com", "a@EXAMPLE.com", Inside),
                ("A@example.com", "a@example.com", Outside),
                ("a@example.com", "example.com", Inside),
                ("a@mail.example.com", "example.com", Outside),
                ("a@mail.example.com", ".example.com", Inside),
                ("a@example.com", ".example.com", Outside),
                ("user@example.com", "*@example.com", Outside),
                ("\"a@b\"@example.com", "example.com", Inside),
                ("a@b@example.com", "example.com", Unclear),
                ("a@example.com", "x@y@example.com", Unclear),
                ("example.com", "example.com", Unclear),
            ],
        );
    }

    #[test]
    fn uris_are_judged_by_their_host() {
        use Match::{Inside, Outside, Unclear};
        check_all(
            uri,
            &[
                ("http://user@host.test:80/x?y#z", "host.test", Inside),
                ("http://a.host.test/", ".host.test", Inside),
                ("http://a.host.test/", "host.test", Outside),
                ("http://host.test", ".host.test", Outside),
                ("http://10.0.0.1/", "host.test", Unclear),
                ("urn:isbn:1", "host.test", Unclear),
            ],
        );
    }

    #[test]
    fn addresses_are_compared_under_a_mask_that_is_a_run_of_ones() {
        let net = [192, 0, 2, 0, 255, 255, 255, 0];
        assert!(ip(&[192, 0, 2, 9], &net) == Match::Inside);
        assert!(ip(&[192, 0, 3, 9], &net) == Match::Outside);
        assert!(ip(&[0; 16], &net) == Match::Outside);
        assert!(ip(&[192, 0, 2], &net) == Match::Unclear);
        assert!(ip(&[192, 0, 2, 9], &[192, 0, 2, 0, 255, 0, 255, 0]) == Match::Unclear);
        assert!(ip(&[192, 0, 2, 9], &[192, 0, 2, 0]) == Match::Unclear);
        assert!(ip(&[192, 0, 2, 9], &[192, 0, 2, 0, 255, 255, 255, 1]) == Match::Unclear);
        assert!(ip(&[9, 9, 9, 9], &[0; 8]) == Match::Inside);
        let mut six = [0; 32];
        six[16..20].fill(0xff);
        six[19] = 0xfe;
        assert!(ip(&[0; 16], &six) == Match::Inside);
        assert!(ip(&[1; 16], &six) == Match::Outside);
    }
}
