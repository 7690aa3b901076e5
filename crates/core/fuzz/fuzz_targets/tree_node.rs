//! Rows of the tree of the store: one content has one form.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| strongroom::fuzz::check_node(bytes));
