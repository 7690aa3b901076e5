//! The command line of `watch`.

use std::{ffi::OsString, time::Duration};

use clap::{ArgGroup, Args};
use strongroom::Alias;

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("task").args(["exec", "program"])),
    override_usage = "strongroom watch [OPTIONS] [ALIAS]...\n       strongroom watch [OPTIONS] [ALIAS]... --exec CMD\n       strongroom watch [OPTIONS] [ALIAS]... -- PROGRAM [ARGUMENT]...",
    after_long_help = ENVIRONMENT
)]
pub(crate) struct Watch {
    /// The entries, CA certificates too [default: every server certificate, also one that comes later]
    #[arg(value_name = "ALIAS")]
    pub(crate) aliases: Vec<Alias>,
    /// Run this line of shell (sh -c) for each entry, at the start and when it changes; variables say what changed
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: Option<OsString>,
    /// Run this program in the same way, without a shell
    #[arg(last = true, value_names = ["PROGRAM", "ARGUMENT"])]
    pub(crate) program: Vec<OsString>,
    /// Begin with the next change: nothing is said and nothing is run for what is there at the start
    #[arg(long)]
    pub(crate) no_initial: bool,
    /// Run it also when an entry was removed
    #[arg(long, requires = "task")]
    pub(crate) on_removal: bool,
    /// How long an entry has to rest after a change before the command is run for it
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = pause, requires = "task")]
    pub(crate) debounce: Duration,
    /// How long a run may take before it is ended and counts as failed; 0 for as long as it wants
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = pause, requires = "task")]
    pub(crate) timeout: Duration,
}

/// What `--help` says of runs.
const ENVIRONMENT: &str = "Variables of a run:
  STRONGROOM_ALIAS      the entry
  STRONGROOM_EVENT      present (at the start), added, replaced, chain_changed, removed
  STRONGROOM_VERSION, STRONGROOM_SHA256, STRONGROOM_NOT_AFTER
                        of the certificate; of a removed entry what it was last
  STRONGROOM_FORMER_ALIAS, STRONGROOM_NEW_ALIAS
                        of an entry that was renamed, where it was added or removed
  STRONGROOM_ATTEMPT    1, and more where runs before failed
  STRONGROOM_STORE, STRONGROOM_KEY_FILE, STRONGROOM_UNLOCK, STRONGROOM_ROLLBACK_GUARD
                        as this command was given them, so that strongroom export finds the same store

One run at a time. A run that fails is said and tried again, after 2 seconds at first and up to 5 minutes later;
exit code 9 (export --if-changed had nothing to write) is none. Changes during a run lead to another one behind it.";

/// A time as people type it: `500ms`, `2s`, `10m`, `1h`, or `0`.
fn pause(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is a number with its unit: 500ms, 2s, 10m, 1h; or 0".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let number = Some(digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number: u32 = number.and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let seconds = |factor: u64| Ok(Duration::from_secs(u64::from(number).saturating_mul(factor)));
    match unit {
        "ms" => Ok(Duration::from_millis(number.into())),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3_600),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, millis) in [("0", 0), ("500ms", 500), ("2s", 2_000), ("10m", 600_000), ("1h", 3_600_000)] {
            assert_eq!(pause(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "s", "-1s", "1.5s", "1d", "9999999999s", "1 s", "+1s"] {
            assert!(pause(text).is_err(), "{text}");
        }
    }
}
