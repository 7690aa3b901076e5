//! Attacks on copies of a store, and what is seen of them.

use std::collections::BTreeMap;

use strongroom::engine::MemoryEngine;

use crate::victim::{Answers, Victim, answers};

/// What came of attacks of one kind.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) tried: usize,
    pub(crate) refused: usize,
    pub(crate) unseen: usize,
}

pub(crate) struct Trial {
    pub(crate) victim: Victim,
    pub(crate) truth: Answers,
    pub(crate) tally: BTreeMap<String, Tally>,
}

impl Trial {
    /// Lets an attack loose on a copy, and asks everything: of who opens the store then, and of who had it open before.
    pub(crate) fn attack(&mut self, kind: &str, attack: impl Fn(&MemoryEngine)) {
        self.judge(kind, true, attack);
    }

    /// The same where the state itself is an old one. Who opens the store only then, and without a guard, cannot know;
    /// who had it open does.
    pub(crate) fn attack_state(&mut self, kind: &str, attack: impl Fn(&MemoryEngine)) {
        self.judge(kind, false, attack);
    }

    fn judge(&mut self, kind: &str, fresh: bool, attack: impl Fn(&MemoryEngine)) {
        let copy = self.victim.engine.copy();
        let running = self.victim.open(&copy).unwrap();
        running.page(None, 1, strongroom_tests::authority::now()).unwrap();
        attack(&copy);
        let tally = self.tally.entry(kind.to_owned()).or_default();
        tally.tried += 1;
        let mut refused = false;
        let opened = match self.victim.open(&copy) {
            Ok(_) if !fresh => {
                assert_eq!(
                    running.page(None, 1, strongroom_tests::authority::now()).unwrap_err().code(),
                    "store_rolled_back",
                    "{kind}"
                );
                None
            }
            Ok(opened) => {
                let report = opened.verify_store();
                let whole = report.is_ok_and(|report| report.problems.is_empty());
                tally.unseen += usize::from(whole);
                Some(opened)
            }
            Err(_) => {
                refused = true;
                None
            }
        };
        for keystore in opened.into_iter().chain([running]) {
            for (question, answer) in answers(&keystore) {
                match answer {
                    Ok(answer) => {
                        let truth = self.truth[&question].as_ref();
                        assert_eq!(Ok(&answer), truth, "{kind}: {question} shows other content");
                    }
                    Err(code) if self.truth[&question] == Err(code) => {}
                    Err("not_found") => panic!("{kind}: {question} hides what is there"),
                    Err(code) => {
                        assert!(
                            ["store_corrupt", "store_rolled_back", "store_rekeyed"].contains(&code),
                            "{code}"
                        );
                        refused = true;
                    }
                }
            }
        }
        tally.refused += usize::from(refused);
    }
}
