//! The description of a file of any kind.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use strongroom::{
    Password, UnixTime,
    inspect::{InspectRequest, Passwords, inspect},
};
use strongroom_fuzz::assert_printable;

fuzz_target!(|bytes: &[u8]| {
    let password = Password::new("changeit").expect("a short password");
    let request = InspectRequest::new(
        bytes,
        Passwords::new(&password),
        UnixTime::since_unix_epoch(Duration::from_secs(1_795_435_200)),
    );
    let Ok((report, remarks)) = inspect(request) else {
        return;
    };
    for certificate in &report.certificates {
        [&certificate.subject, &certificate.issuer, &certificate.key]
            .into_iter()
            .flatten()
            .for_each(|s| assert_printable(s));
        certificate.names.iter().for_each(|name| assert_printable(name));
    }
    report.skipped.iter().for_each(|text| assert_printable(text));
    for remark in &remarks {
        assert_printable(&remark.message);
    }
});
