//! The served API under attack by strangers at 127.0.0.2 and up, while an administrator at 127.0.0.1 goes on working;
//! and under the load of those who may.
//!
//! Short by default; `STRONGROOM_ATTACKERS=full` takes the numbers that the server is meant for, some minutes.
#![cfg(target_os = "linux")]

mod attackers {
    mod bodies;
    pub(crate) mod bystander;
    mod guessing;
    mod load;
    mod manners;
    mod proxy;
    mod service;
    mod silent;
}
