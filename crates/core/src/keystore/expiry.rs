//! What ends of an entry, and when: its certificate, one above it, or the chain.

use std::{fmt, str::FromStr};

use rustls_pki_types::UnixTime;

use super::request::{Entry, EntryKind};
use crate::{
    alias::Alias,
    certificate::Certificate,
    diagnostic::DiagnosticCode,
    instant::seconds,
    validate::{Role, Trust},
};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long before its end a certificate counts as expiring. As people type it: `30d`, `12h`, `90m`, or `33%` of the
/// certificate's lifetime; `0` is no time at all.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExpiryWindow {
    /// 30 days, but a third of the lifetime where that is shorter: a certificate of 47 days would warn all its life long.
    #[default]
    Usual,
    /// 7 days, but a twelfth of the lifetime where that is shorter: by then a renewal has failed for some time.
    Urgent,
    /// So many seconds.
    Seconds(u32),
    /// So many hundredths of the lifetime, up to 100.
    Percent(u8),
}

impl ExpiryWindow {
    /// The window of one certificate, in seconds.
    #[must_use]
    pub fn of(self, certificate: &Certificate) -> i64 {
        let lifetime = certificate.not_after().saturating_sub(certificate.not_before()).max(0);
        match self {
            Self::Usual => (30 * DAY).min(lifetime / 3),
            Self::Urgent => (7 * DAY).min(lifetime / 12),
            Self::Seconds(seconds) => seconds.into(),
            Self::Percent(percent) => lifetime / 100 * i64::from(percent),
        }
    }
}

/// The text is not a window of time.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a time is a number of days, hours or minutes, or a part of the lifetime: 30d, 12h, 90m, 33%")]
#[non_exhaustive]
pub struct InvalidWindow;

impl FromStr for ExpiryWindow {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "0" {
            return Ok(Self::Seconds(0));
        }
        let unit = text.chars().next_back().ok_or(InvalidWindow)?;
        let number =
            text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        let number: u32 = number.and_then(|digits| digits.parse().ok()).ok_or(InvalidWindow)?;
        let seconds = match unit {
            '%' => {
                let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100);
                return percent.map(Self::Percent).ok_or(InvalidWindow);
            }
            'd' => DAY,
            'h' => HOUR,
            'm' => MINUTE,
            _ => return Err(InvalidWindow),
        };
        let total = i64::from(number).checked_mul(seconds).and_then(|total| u32::try_from(total).ok());
        total.map(Self::Seconds).ok_or(InvalidWindow)
    }
}

impl fmt::Display for ExpiryWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Usual => f.write_str("30 days, or a third of the lifetime where that is shorter"),
            Self::Urgent => f.write_str("7 days, or a twelfth of the lifetime where that is shorter"),
            Self::Percent(percent) => write!(f, "{percent}% of the lifetime"),
            Self::Seconds(seconds) => {
                let seconds = i64::from(seconds);
                let (count, unit) = match seconds {
                    _ if seconds % DAY == 0 => (seconds / DAY, "day"),
                    _ if seconds % HOUR == 0 => (seconds / HOUR, "hour"),
                    _ => (seconds / MINUTE, "minute"),
                };
                write!(f, "{count} {unit}{}", if count == 1 { "" } else { "s" })
            }
        }
    }
}

/// How an entry stands, the worst last.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ExpiryState {
    /// Nothing of it ends within the window.
    Ok,
    /// Something does.
    Expiring,
    /// A certificate is not valid yet.
    NotYetValid,
    /// Its chain leads to no imported authority, or is refused, and nobody allowed that at the import.
    Broken,
    /// A certificate has ended.
    Expired,
}

impl ExpiryState {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Expiring => "expiring",
            Self::NotYetValid => "not_yet_valid",
            Self::Broken => "broken",
            Self::Expired => "expired",
        }
    }

    /// Whether clients refuse the entry now.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::NotYetValid | Self::Broken | Self::Expired)
    }
}

/// Which part of an entry its state comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ExpiryCause {
    /// The server certificate itself.
    Leaf,
    /// A certificate between it and the anchor; or an imported CA certificate that anchors nothing.
    Intermediate,
    /// The imported authority at which the path ends.
    Anchor,
    /// The chain as a whole.
    Chain,
}

impl ExpiryCause {
    /// The word used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Intermediate => "intermediate",
            Self::Anchor => "anchor",
            Self::Chain => "chain",
        }
    }
}

/// How an entry stands at an instant, and what ends first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Expiry {
    /// The entry.
    pub alias: Alias,
    /// How it stands.
    pub state: ExpiryState,
    /// What that comes from: where nothing is wrong, what ends first.
    pub cause: ExpiryCause,
    /// The certificate meant by `cause`; of a chain the leaf.
    pub certificate: Certificate,
    /// Why the chain is broken: also where that was allowed at the import, and `state` does not count it.
    pub finding: Option<DiagnosticCode>,
}

impl Expiry {
    /// Judges an entry that was read for the instant `at`. No private key is opened.
    #[must_use]
    pub fn of(entry: &Entry, window: ExpiryWindow, at: UnixTime) -> Self {
        let at = seconds(at);
        let finding = entry.chain_state.finding();
        let allowed = finding.is_some_and(|code| entry.allowed.contains(&code));
        let made = |state, cause, certificate: &Certificate| Self {
            alias: entry.alias.clone(),
            state,
            cause,
            certificate: certificate.clone(),
            finding,
        };
        let judged: Vec<_> = certificates(entry)
            .map(|(certificate, cause)| (state_of(certificate, window, at), cause, certificate))
            .collect();
        // The leaf comes first, and stays first among equals.
        let of_state = |wanted: ExpiryState| {
            let all = judged.iter().filter(|(state, ..)| *state == wanted);
            all.min_by_key(|(_, _, certificate)| certificate.not_after())
        };
        for state in [ExpiryState::Expired, ExpiryState::NotYetValid] {
            if let Some((state, cause, certificate)) = of_state(state) {
                return made(*state, *cause, certificate);
            }
        }
        if finding.is_some() && !allowed {
            return made(ExpiryState::Broken, ExpiryCause::Chain, &entry.certificate);
        }
        match of_state(ExpiryState::Expiring).or_else(|| of_state(ExpiryState::Ok)) {
            Some((state, cause, certificate)) => made(*state, *cause, certificate),
            None => made(ExpiryState::Ok, ExpiryCause::Leaf, &entry.certificate),
        }
    }

    /// Seconds until the certificate ends; negative after that.
    #[must_use]
    pub fn seconds_left(&self, at: UnixTime) -> i64 {
        self.certificate.not_after().saturating_sub(seconds(at))
    }
}

/// The certificates of an entry, each with what it is there.
pub(super) fn certificates(entry: &Entry) -> impl Iterator<Item = (&Certificate, ExpiryCause)> {
    let own = match entry.kind {
        EntryKind::Server => ExpiryCause::Leaf,
        EntryKind::Authority { trust: Trust::Anchor } => ExpiryCause::Anchor,
        EntryKind::Authority { .. } => ExpiryCause::Intermediate,
    };
    let above = entry.chain.iter().skip(1).map(|above| match above.role {
        Role::Anchor => (&above.certificate, ExpiryCause::Anchor),
        _ => (&above.certificate, ExpiryCause::Intermediate),
    });
    std::iter::once((&entry.certificate, own)).chain(above)
}

fn state_of(certificate: &Certificate, window: ExpiryWindow, at: i64) -> ExpiryState {
    // notAfter itself is still within (RFC 5280, section 4.1.2.5).
    let left = certificate.not_after().saturating_sub(at);
    match left {
        _ if left < 0 => ExpiryState::Expired,
        _ if certificate.not_before() > at => ExpiryState::NotYetValid,
        _ if left < window.of(certificate) => ExpiryState::Expiring,
        _ => ExpiryState::Ok,
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};

    use super::*;

    #[test]
    fn windows_are_read_as_people_type_them() {
        for (text, window, shown) in [
            ("0", ExpiryWindow::Seconds(0), "0 days"),
            ("30d", ExpiryWindow::Seconds(2_592_000), "30 days"),
            ("1d", ExpiryWindow::Seconds(86_400), "1 day"),
            ("12h", ExpiryWindow::Seconds(43_200), "12 hours"),
            ("90m", ExpiryWindow::Seconds(5_400), "90 minutes"),
            ("33%", ExpiryWindow::Percent(33), "33% of the lifetime"),
        ] {
            assert_eq!(text.parse(), Ok(window), "{text}");
            assert_eq!(window.to_string(), shown);
        }
        for text in
            ["", "d", "30", "-1d", "+1d", "101%", "99999999999d", "4294967295d", "30w", "3 0d", "\u{661}d"]
        {
            assert_eq!(text.parse::<ExpiryWindow>(), Err(InvalidWindow), "{text:?}");
        }
    }

    fn certificate(name: &str) -> Certificate {
        let path = format!("{}/../../fixtures/chains/{name}.pem", env!("CARGO_MANIFEST_DIR"));
        let pem = std::fs::read(path).unwrap();
        let der = CertificateDer::from_pem_slice(&pem).unwrap();
        Certificate::from_der(&der).unwrap()
    }

    #[test]
    fn the_usual_window_is_no_longer_than_a_third_of_the_lifetime() {
        let mut certificate = certificate("root-rsa");
        (certificate.not_before, certificate.not_after) = (0, 47 * DAY);
        assert_eq!(ExpiryWindow::Usual.of(&certificate), 47 * DAY / 3);
        assert_eq!(ExpiryWindow::Percent(50).of(&certificate), 47 * DAY / 100 * 50);
        assert_eq!(ExpiryWindow::Urgent.of(&certificate), 47 * DAY / 12);
        certificate.not_after = 398 * DAY;
        assert_eq!(ExpiryWindow::Usual.of(&certificate), 30 * DAY);
        // The last second is still valid; a window of nothing warns of nothing.
        let none = ExpiryWindow::Seconds(0);
        assert_eq!(state_of(&certificate, none, 398 * DAY), ExpiryState::Ok);
        assert_eq!(state_of(&certificate, none, 398 * DAY + 1), ExpiryState::Expired);
        assert_eq!(state_of(&certificate, none, -1), ExpiryState::NotYetValid);
        assert_eq!(state_of(&certificate, ExpiryWindow::Usual, 368 * DAY), ExpiryState::Ok);
        assert_eq!(state_of(&certificate, ExpiryWindow::Usual, 368 * DAY + 1), ExpiryState::Expiring);
    }
}
