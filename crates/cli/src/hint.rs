//! A password that is wrong, and would fit without what an editor or a shell put around it. It is said, never used.

use strongroom::{
    Password,
    inspect::{InspectRequest, Passwords, inspect},
    limits::Limits,
    remedy::Remedy,
};

use crate::{clock, failure::Failure};

/// Takes off what stands around a password by mistake, and says what to do about it.
type Mistake = (fn(&str) -> &str, &'static str);

const MISTAKES: [Mistake; 4] = [
    (
        |text| text.strip_prefix('\u{feff}').unwrap_or(text),
        "it would fit without the byte order mark before it: save the password without one",
    ),
    (
        |text| text.trim_end_matches(['\r', '\n']),
        "it would fit without the line ends after it: only one is taken off, so save the password with one or none",
    ),
    (
        |text| text.trim_matches([' ', '\t']),
        "it would fit without the spaces around it: save the password without them",
    ),
    (
        |text| text.trim_matches(|c: char| c == '\u{feff}' || c.is_whitespace()),
        "it would fit without the byte order mark, spaces and line ends around it: save the password without them",
    ),
];

/// What to do if `password` is wrong, and `fits` takes one that differs only in what surrounds it.
pub(crate) fn mistake(password: &Password, mut fits: impl FnMut(&Password) -> bool) -> Option<Remedy> {
    // EXPOSE: compared with itself, without what surrounds it.
    let text = password.expose();
    let mut tried = vec![text];
    for (without, advice) in MISTAKES {
        let other = without(text);
        if tried.contains(&other) {
            continue;
        }
        tried.push(other);
        if Password::new(other).is_ok_and(|other| fits(&other)) {
            return Some(Remedy::Advice(advice));
        }
    }
    None
}

/// Adds to the refusal of a password of `file` what is wrong with the password.
pub(crate) fn explain(failure: Failure, password: &Password, file: &[u8], limits: Limits) -> Failure {
    if failure.code != "wrong_password" {
        return failure;
    }
    let at = clock::now();
    let hint = mistake(password, |other| {
        let mut request = InspectRequest::new(file, Passwords::new(other), at);
        request.limits = limits;
        inspect(request).is_ok_and(|(report, _)| !report.keys.is_empty() || !report.certificates.is_empty())
    });
    match hint {
        Some(remedy) => failure.with(remedy),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_password_is_told_apart() {
        for (given, told) in [
            ("\u{feff}secret", "byte order mark before"),
            ("secret\n", "line ends after"),
            ("secret\r\n\r\n", "line ends after"),
            (" secret", "spaces around"),
            ("\u{feff}secret \n", "byte order mark, spaces"),
        ] {
            let given = Password::new(given).unwrap();
            let Some(Remedy::Advice(text)) = mistake(&given, |other| other.expose() == "secret") else {
                panic!("{told}");
            };
            assert!(text.contains(told), "{text}");
        }
        let plain = Password::new("secrets").unwrap();
        assert_eq!(mistake(&plain, |_| true), None, "nothing surrounds it, and nothing is tried");
    }
}
