//! Opens PKCS #12 files with OpenSSL, and says what that took: for each line of standard input, "TIMES PASSWORD PATH", one line
//! with the nanoseconds of the processor and of the clock for each time, or "failed" and why.

use std::{
    error::Error,
    fs, io,
    time::{Duration, Instant},
};

use nix::time::{ClockId, clock_gettime};
use openssl::{pkcs12::Pkcs12, provider::Provider};

fn main() -> Result<(), Box<dyn Error>> {
    // RC2 is in none but this one.
    let _legacy = Provider::try_load(None, "legacy", true);
    for line in io::stdin().lines() {
        match measured(&line?) {
            Ok((processor, clock)) => println!("{} {}", processor.as_nanos(), clock.as_nanos()),
            Err(error) => println!("failed {}", error.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}

fn measured(line: &str) -> Result<(Duration, Duration), Box<dyn Error>> {
    let mut words = line.splitn(3, ' ');
    let mut word = || words.next().ok_or("TIMES PASSWORD PATH");
    let (times, password, path): (u32, _, _) = (word()?.parse()?, word()?, word()?);
    let file = fs::read(path)?;
    let used = || clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from);
    let (processor, clock) = (used()?, Instant::now());
    for _ in 0..times {
        let opened = Pkcs12::from_der(&file)?.parse2(password)?;
        if opened.pkey.is_none() || opened.cert.is_none() {
            return Err("no key, or no certificate".into());
        }
    }
    Ok(((used()? - processor) / times, clock.elapsed() / times))
}
