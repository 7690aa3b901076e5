//! Path validation on cases of others, if `STRONGROOM_CORPUS` says where they are: one test a case.
//!
//! Each verdict must be as expected, or stand in `limbo-exceptions.toml`; an exception that is none fails as well. The
//! verdict on each case must be the same in 20 other orders of its certificates.

use std::{collections::BTreeMap, fs, path::PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde::Deserialize;
use strongroom_tests::limbo::{Case, Verdict, cases};

const ORDERS: u32 = 20;

#[derive(Deserialize)]
struct Exceptions {
    exception: Vec<Exception>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    id: String,
    actual: String,
    reason: String,
}

#[expect(clippy::disallowed_methods, reason = "the place of the corpus comes from the environment")]
fn main() {
    let arguments = Arguments::from_args();
    let Some(corpus) = std::env::var_os("STRONGROOM_CORPUS").map(PathBuf::from) else {
        let skipped =
            Trial::test("skipped_because_STRONGROOM_CORPUS_is_not_set", || Ok(())).with_ignored_flag(true);
        libtest_mimic::run(&arguments, vec![skipped]).exit();
    };
    let listed = fs::read_to_string("limbo-exceptions.toml").expect("the exceptions are committed");
    let listed: Exceptions = toml::from_str(&listed).expect("a list of exceptions");
    let mut exceptions: BTreeMap<String, Exception> =
        listed.exception.into_iter().map(|exception| (exception.id.clone(), exception)).collect();
    let cases = cases(&corpus);
    let all = cases.clone();
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|case| {
            let exception = exceptions.remove(&case.id);
            Trial::test(case.id.clone(), move || check(&case, exception.as_ref()))
        })
        .collect();
    let orphans: Vec<String> = exceptions.into_keys().collect();
    trials.push(Trial::test("exceptions::name_cases", move || {
        if orphans.is_empty() { Ok(()) } else { Err(format!("no such cases: {orphans:?}").into()) }
    }));
    trials.push(Trial::test("cost::is_bounded", move || cost(&all)));
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(case: &Case, exception: Option<&Exception>) -> Result<(), Failed> {
    let verdict = case.judge();
    let expected = exception.map_or(case.expected_result.as_str(), |exception| exception.actual.as_str());
    if verdict.as_str() != expected {
        return Err(format!("{}, expected {expected}: {}", verdict.as_str(), verdict.reason()).into());
    }
    if let Some(exception) = exception {
        if exception.actual == case.expected_result {
            return Err("this is no exception".into());
        }
        if exception.reason.len() < 20 || case.gate {
            return Err("an exception wants a reason, and none is for a case on which all agree".into());
        }
    }
    let mut state = 0x9e37_79b9_u32;
    let (mut trusted, mut untrusted) = (case.trusted_certs.clone(), case.untrusted_intermediates.clone());
    for _ in 0..ORDERS {
        shuffle(&mut trusted, &mut state);
        shuffle(&mut untrusted, &mut state);
        let again = case.judge_in_order(&trusted, &untrusted);
        if outcome(&again) != outcome(&verdict) {
            let (before, after) = (verdict.reason(), again.reason());
            return Err(format!("another order changes the verdict: {before}; {after}").into());
        }
    }
    Ok(())
}

/// What must not depend on the order: the path, or the code.
fn outcome(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Accepted(chain) => {
            chain.path().iter().map(|link| link.certificate.fingerprint().to_string()).collect()
        }
        Verdict::Refused(error) => vec![error.code().to_owned()],
        _ => Vec::new(),
    }
}

/// Fisher and Yates, over a linear congruential generator: the same orders each time.
fn shuffle(list: &mut [String], state: &mut u32) {
    for n in (1..list.len()).rev() {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let other = usize::try_from(*state >> 8).unwrap_or(0) % (n + 1);
        list.swap(n, other);
    }
}

/// Signature checks: the dearest case costs at most ten times the median of the gate cases that need any.
fn cost(cases: &[Case]) -> Result<(), Failed> {
    let mut gate: Vec<u32> =
        cases.iter().filter(|case| case.gate).map(|case| case.judge().signatures()).collect();
    gate.retain(|count| *count > 0);
    gate.sort_unstable();
    let median = gate[gate.len() / 2];
    for case in cases {
        let count = case.judge().signatures();
        if count > 100.min(10 * median) {
            return Err(format!("{} costs {count} signatures; the median is {median}", case.id).into());
        }
    }
    Ok(())
}
