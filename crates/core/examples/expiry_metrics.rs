//! Prints for each entry how many seconds its certificate is still valid, as Prometheus reads it:
//! `cargo run --example expiry_metrics -- STORE KEY_FILE`. No private key is opened.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it found")]

use std::{error::Error, path::Path};

use strongroom::{Keystore, UnixTime, UnlockKey, instant::seconds};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(store), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("STORE and KEY_FILE are needed".into());
    };
    let keystore = Keystore::open_read_only(store, &UnlockKey::read_file(Path::new(&key))?)?;
    let now = UnixTime::now();
    println!("# TYPE strongroom_seconds_until_expiry gauge");
    for entry in keystore.entries(now) {
        let entry = entry?;
        let left = entry.certificate.not_after().saturating_sub(seconds(now));
        println!("strongroom_seconds_until_expiry{{alias=\"{}\"}} {left}", entry.alias);
    }
    Ok(())
}
