//! Opens a PKCS #12 file, without any store: `cargo run --example open_pfx -- FILE < PASSWORD`.
//!
//! Says whose certificate it is and until when, or which step refused the file and what to do about it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints what it found")]

use std::{error::Error, process::ExitCode};

use strongroom::{Password, instant::rfc3339, open_pfx};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("FILE is missing")?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let password = Password::new(line.trim_end_matches(['\r', '\n']))?;

    match open_pfx(&std::fs::read(path)?, &password) {
        Ok(credential) => {
            let leaf = credential.leaf();
            println!("{} with a key {}, until {}", leaf.subject(), leaf.key(), rfc3339(leaf.not_after()));
            for other in credential.others() {
                println!("  beside it {}", other.subject());
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(refused) => {
            println!("refused at the stage {}: {refused} [{}]", refused.stage(), refused.code());
            if let Some(help) = refused.help() {
                println!("  {help}");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}
