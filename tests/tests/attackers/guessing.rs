//! Names and passwords, guessed.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use super::bystander::{SIGN_IN, Site, USER, scale, stranger};

#[test]
fn guessing_does_not_keep_an_administrator_from_working() {
    let (guessers, seconds) = scale((30, 60), (12, 5));
    let site = Site::open();
    let https = &site.https;
    let guesses = AtomicUsize::new(0);
    site.during(|_: &AtomicBool| {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for guesser in 0..guessers {
                let (over, guesses) = (&over, &guesses);
                scope.spawn(move || {
                    for n in 0_usize.. {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        // Every third guess is for the administrator's own name.
                        let name = if n % 3 == 0 { USER.to_owned() } else { format!("u{guesser}x{n}") };
                        let form = format!("username={name}&password=guess-{n}-guess&f=json");
                        if let Ok(reply) = https.post(stranger(guesser), SIGN_IN, &form) {
                            assert!(!reply.body.contains("\"token\""), "{}", reply.body);
                            guesses.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_secs(seconds));
            over.store(true, Ordering::Relaxed);
        });
    });
    println!("{} guesses", guesses.into_inner());
}
