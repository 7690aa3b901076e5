//! A pending request is kept by whatever keeps a store, and its key with it.

use strongroom::{
    Keystore,
    keystore::{Backup, GenerateRequest, KeptSlot, RestoreOptions},
    seal::UnlockSource,
};
use strongroom_tests::authority::now;

use super::{Desk, alias, template};

#[test]
fn it_is_there_after_another_opening_a_re_key_and_a_new_name() {
    let desk = Desk::new();
    desk.keystore.generate(GenerateRequest::new(alias("old"), template(&["old.test"]), now())).unwrap();
    let (pending, beside) = (desk.request("www"), desk.request("old"));
    let keep = [KeptSlot::new(0, UnlockSource::KeyFile(String::new()), &desk.unlock)];
    desk.keystore.rekey(&keep, now()).unwrap();
    desk.keystore.rename(&alias("old"), &alias("new"), now()).unwrap();
    let again = Keystore::open(desk.folder.path().join("keystore.db"), &desk.unlock).unwrap();
    let report = again.verify_store().unwrap();
    assert_eq!((report.problems.len(), report.requests, report.keys), (0, 2, 3));
    let names: Vec<String> =
        again.pending_requests().unwrap().iter().map(|request| request.alias.to_string()).collect();
    assert_eq!(names, ["new", "www"]);
    let desk = Desk { keystore: again, ..desk };
    desk.install("www", &desk.answer(&pending, "www.test")).unwrap();
    desk.install("new", &desk.answer(&beside, "old.test")).unwrap();
    assert_eq!(desk.keystore.entry(&alias("new"), now()).unwrap().version, 2);
}

#[test]
fn an_entry_does_not_take_the_name_under_which_another_request_waits() {
    let desk = Desk::new();
    desk.keystore.generate(GenerateRequest::new(alias("one"), template(&["one.test"]), now())).unwrap();
    desk.request("one");
    desk.request("two");
    let error = desk.keystore.rename(&alias("one"), &alias("two"), now()).unwrap_err();
    assert_eq!(error.code(), "request_pending");
    // The case of its own name can change.
    desk.keystore.rename(&alias("one"), &alias("ONE"), now()).unwrap();
    assert_eq!(desk.keystore.pending_requests().unwrap()[0].alias.as_str(), "ONE");
}

#[test]
fn a_backup_has_it_and_a_restore_says_which_come_back_and_which_go() {
    let desk = Desk::new();
    let (kept, anew) = (desk.request("kept"), desk.request("anew"));
    let back = desk.request("back");
    let file = desk.folder.path().join("backup.db");
    desk.keystore.backup(&file, now()).unwrap();
    desk.keystore.remove_request(&alias("back"), now()).unwrap();
    desk.keystore.remove_request(&alias("anew"), now()).unwrap();
    desk.request("anew");
    desk.request("late");
    let store = desk.folder.path().join("keystore.db");
    let backup = Backup::open(&file, &store, &desk.unlock).unwrap();
    let options = RestoreOptions::default();
    let plan = desk.keystore.plan_restore(&backup, options).unwrap();
    assert_eq!(plan.requests_back, [alias("anew"), alias("back")]);
    assert_eq!(plan.requests_gone, [alias("anew"), alias("late")]);
    let report = desk.keystore.restore(&backup, None, options, now()).unwrap();
    assert_eq!((report.problems.len(), report.requests), (0, 3));
    for (name, request) in [("kept", kept), ("anew", anew), ("back", back)] {
        desk.install(name, &desk.answer(&request, &format!("{name}.test"))).unwrap();
    }
    assert_eq!(desk.keystore.verify_store().unwrap().problems, []);
}

#[test]
fn a_salvaged_copy_has_it() {
    let desk = Desk::new();
    let pending = desk.request("www");
    let file = desk.folder.path().join("salvaged.db");
    let (report, lost) = desk.keystore.salvage(&file, now()).unwrap();
    assert_eq!((report.requests, lost.len()), (1, 0));
    let keystore = Keystore::open(&file, &desk.unlock).unwrap();
    let desk = Desk { keystore, ..desk };
    desk.install("www", &desk.answer(&pending, "www.test")).unwrap();
}
