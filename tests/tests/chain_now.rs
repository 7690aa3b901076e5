//! A chain is judged now: what is listed, shown, verified and sent follows from what the store holds, and from the instant.

#[path = "chain_now/command.rs"]
mod command;
#[path = "chain_now/lives.rs"]
mod lives;
#[path = "chain_now/served.rs"]
mod served;

use rcgen::KeyPair;
use strongroom::{
    Alias, Keystore, UnixTime,
    certificate::{Certificate, ServerCredential},
    diagnostic::DiagnosticCode,
    keystore::{ChainState, CredentialRequest, Outcome},
    validate::{PathCertificate, Policy},
};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root, self_signed, valid},
    scratch::Scratch,
};

const DAY: u64 = 86_400;

fn alias(name: &str) -> Alias {
    name.parse().unwrap()
}

fn in_days(days: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(now().as_secs() + days * DAY))
}

/// Imports a credential whose CAs may be missing.
fn import(
    keystore: &Keystore,
    name: &str,
    credential: ServerCredential,
) -> strongroom::keystore::ImportReport {
    let mut request = CredentialRequest::new(alias(name), credential, now());
    request.options.policy.allow = vec![DiagnosticCode::NoAnchor];
    keystore.import_credential(request).unwrap()
}

fn ca(keystore: &Keystore, name: &str, ca: &TestCa) {
    keystore.import_authority(&alias(name), ca.file(), now()).unwrap();
}

/// The state of an entry, the subjects of its chain, and those that are sent; the same by every way.
#[track_caller]
fn seen(keystore: &Keystore, name: &str, at: UnixTime) -> (String, Vec<String>, Vec<String>) {
    let subjects = |chain: &[PathCertificate]| -> Vec<String> {
        chain.iter().map(|one| one.certificate.subject().trim_start_matches("CN=").to_owned()).collect()
    };
    let entry = keystore.entry(&alias(name), at).unwrap();
    let shown = (entry.chain_state, subjects(&entry.chain), entry.chain_not_after);
    let listed = keystore.page(None, 1_000, at).unwrap();
    let listed = listed.iter().find(|entry| entry.alias == alias(name)).unwrap();
    assert_eq!((listed.chain_state, subjects(&listed.chain), listed.chain_not_after), shown);
    let listing = keystore.listing(None, 1_000, at).unwrap();
    let listing = listing.into_iter().find(|(listed, _)| *listed == alias(name)).unwrap().1.unwrap();
    assert_eq!((listing.chain_state, subjects(&listing.chain), listing.chain_not_after), shown);
    match keystore.verify(&alias(name), &Policy::default(), at) {
        Ok(chain) => {
            assert_eq!(subjects(chain.path()), shown.1);
            assert!(!entry.chain_state.is_broken());
        }
        Err(strongroom::Error::Validation(refused)) => {
            assert_eq!(refused.code(), entry.chain_state.as_str());
        }
        Err(other) => panic!("{other}"),
    }
    let served = keystore.credential(&alias(name), at).unwrap().chain().to_vec();
    let rootless = entry.chain.iter().enumerate();
    let rootless = rootless.filter(|(depth, one)| *depth == 0 || !one.certificate.is_self_issued());
    let rootless: Vec<_> = rootless.map(|(_, one)| one.certificate.fingerprint()).collect();
    assert_eq!(served.iter().map(|one| one.fingerprint()).collect::<Vec<_>>(), rootless);
    let served = served.iter().map(|one| one.subject().trim_start_matches("CN=").to_owned()).collect();
    (shown.0.as_str().to_owned(), shown.1, served)
}

#[track_caller]
fn check(keystore: &Keystore, name: &str, state: &str, chain: &[&str], served: &[&str]) {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(seen(keystore, name, now()), (state.to_owned(), owned(chain), owned(served)));
}

#[test]
fn a_ca_that_is_imported_afterwards_mends_the_chain_and_its_removal_breaks_it() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let report = import(keystore, "a", issuing.issue(&leaf_params("a.test"), &[]));
    assert_eq!(report.imported, [alias("a")]);
    check(keystore, "a", "no_anchor", &["a.test"], &["a.test"]);
    ca(keystore, "root", &root);
    check(keystore, "a", "no_anchor", &["a.test"], &["a.test"]);
    ca(keystore, "issuing", &issuing);
    let (whole, sent) = (["a.test", "Issuing", "Root"], ["a.test", "Issuing"]);
    check(keystore, "a", "complete", &whole, &sent);
    // What was true at the import stays in the history.
    let stored = keystore.entry_at(&alias("a"), 1).unwrap();
    assert_eq!((stored.chain_state, stored.chain.len()), (ChainState::NoAnchor, 1));

    // Another keystore on the same file, with nothing in memory.
    let other = Keystore::open(scratch.path(), &scratch.unlock).unwrap();
    check(&other, "a", "complete", &whole, &sent);

    let keystore = &scratch.keystore;
    assert_eq!(keystore.dependents(&alias("root"), now()).unwrap(), [alias("a")]);
    assert_eq!(keystore.remove(&alias("root"), false, now()).unwrap_err().code(), "in_use");
    assert_eq!(keystore.remove(&alias("root"), true, now()).unwrap(), [alias("a")]);
    // The intermediate was imported as an authority: it anchors by itself.
    check(keystore, "a", "intermediate", &["a.test", "Issuing"], &sent);
    assert_eq!(keystore.remove(&alias("issuing"), true, now()).unwrap(), [alias("a")]);
    check(keystore, "a", "no_anchor", &["a.test"], &["a.test"]);
    check(&other, "a", "no_anchor", &["a.test"], &["a.test"]);
    scratch.keystore.undo(&alias("root"), now()).unwrap();
    scratch.keystore.undo(&alias("issuing"), now()).unwrap();
    check(&scratch.keystore, "a", "complete", &whole, &sent);
}

#[test]
fn the_own_copy_of_an_intermediate_serves_where_the_store_lacks_it() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    import(keystore, "a", issuing.issue(&leaf_params("a.test"), &[&issuing.certificate]));
    check(keystore, "a", "no_anchor", &["a.test", "Issuing"], &["a.test", "Issuing"]);
    // Nothing is lost with the store's copy: the entry has its own.
    assert_eq!(keystore.remove(&alias("a_intermediate"), false, now()).unwrap(), []);
    ca(keystore, "root", &root);
    check(keystore, "a", "complete", &["a.test", "Issuing", "Root"], &["a.test", "Issuing"]);
    assert_eq!(keystore.dependents(&alias("root"), now()).unwrap(), [alias("a")]);
}

#[test]
fn a_renewed_intermediate_with_another_key_is_told_from_the_former() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let root = root("Root");
    let former = root.issue_ca(ca_params("Issuing"));
    let renewed = root.issue_ca(ca_params("Issuing"));
    ca(keystore, "root", &root);
    ca(keystore, "former", &former);
    import(keystore, "a", former.issue(&leaf_params("a.test"), &[]));
    import(keystore, "b", renewed.issue(&leaf_params("b.test"), &[]));
    check(keystore, "b", "no_anchor", &["b.test"], &["b.test"]);
    ca(keystore, "renewed", &renewed);
    for (name, by) in [("a", &former), ("b", &renewed)] {
        let host = format!("{name}.test");
        check(keystore, name, "complete", &[&host, "Issuing", "Root"], &[&host, "Issuing"]);
        let sent = keystore.credential(&alias(name), now()).unwrap().chain().to_vec();
        assert_eq!(sent[1].fingerprint(), by.certificate.fingerprint());
    }
    assert_eq!(keystore.dependents(&alias("renewed"), now()).unwrap(), [alias("b")]);
}

#[test]
fn of_an_ended_intermediate_and_its_successor_the_valid_one_is_sent() {
    let scratch = Scratch::new(now());
    let root = root("Root");
    let mut params = ca_params("Issuing");
    valid(&mut params, -400, 100);
    let key = KeyPair::generate().unwrap();
    let copy = || KeyPair::try_from(key.serialize_der()).unwrap();
    let former = root.issue_ca_for(params, copy());
    let renewed = root.issue_ca_for(ca_params("Issuing"), copy());
    ca(&scratch.keystore, "root", &root);
    // It came with the entry, and its path is bound to the key.
    import(&scratch.keystore, "a", former.issue(&leaf_params("a.test"), &[&former.certificate]));
    let sent = |keystore: &Keystore, at| {
        let entry = keystore.entry(&alias("a"), at).unwrap();
        (keystore.credential(&alias("a"), at).unwrap().chain()[1].fingerprint(), entry.chain_not_after)
    };
    let ends = |ca: &TestCa| Some(ca.certificate.not_after());
    assert_eq!(sent(&scratch.keystore, now()), (former.certificate.fingerprint(), ends(&former)));
    // The same process sees it end, without a change of the store.
    let (state, ..) = seen(&scratch.keystore, "a", in_days(101));
    assert_eq!(state, "path_expired");
    assert_eq!(sent(&scratch.keystore, in_days(101)).0, former.certificate.fingerprint());
    assert_eq!(seen(&scratch.keystore, "a", in_days(99)).0, "complete", "and back");
    ca(&scratch.keystore, "renewed", &renewed);
    for days in [0, 99, 101] {
        let (state, chain, _) = seen(&scratch.keystore, "a", in_days(days));
        assert_eq!((state.as_str(), chain.len()), ("complete", 3), "{days}");
        assert_eq!(
            sent(&scratch.keystore, in_days(days)),
            (renewed.certificate.fingerprint(), ends(&renewed)),
            "{days}"
        );
    }
}

#[test]
fn a_cross_signed_ca_leads_to_the_root_that_is_trusted() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let (old, new) = (root("Old"), root("New"));
    let crossed = old.issue_ca_for(ca_params("New"), new.key());
    let issuing = new.issue_ca(ca_params("Issuing"));
    import(
        keystore,
        "a",
        issuing.issue(&leaf_params("a.test"), &[&crossed.certificate, &issuing.certificate]),
    );
    check(keystore, "a", "no_anchor", &["a.test", "Issuing", "New"], &["a.test", "Issuing", "New"]);
    ca(keystore, "old", &old);
    check(keystore, "a", "complete", &["a.test", "Issuing", "New", "Old"], &["a.test", "Issuing", "New"]);
    ca(keystore, "new", &new);
    check(keystore, "a", "complete", &["a.test", "Issuing", "New"], &["a.test", "Issuing"]);
    assert_eq!(keystore.dependents(&alias("old"), now()).unwrap(), [], "the other root does");
    assert_eq!(keystore.dependents(&alias("new"), now()).unwrap(), [], "the other root does");
    keystore.remove(&alias("new"), false, now()).unwrap();
    assert_eq!(keystore.dependents(&alias("old"), now()).unwrap(), [alias("a")]);
}

#[test]
fn the_same_file_with_a_better_chain_stores_what_is_new() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let root = root("Root");
    let issuing = root.issue_ca(ca_params("Issuing"));
    let stranger = self::root("Stranger").issue_ca(ca_params("Stranger below"));
    let key = KeyPair::generate().unwrap();
    let leaf = issuing.issue_leaf_for(&leaf_params("a.test"), &key);
    let with = |others: &[&Certificate]| {
        let all = std::iter::once(&leaf).chain(others.iter().copied()).cloned().collect();
        ServerCredential::pair(strongroom::secret::PrivateKey::from_pkcs8_der(key.serialize_der()), all)
            .unwrap()
    };
    import(keystore, "a", with(&[]));
    let bare = |keystore: &Keystore, credential| {
        keystore.import_credential(CredentialRequest::new(alias("a"), credential, now())).unwrap()
    };
    let report = bare(keystore, with(&[]));
    assert_eq!(
        (report.outcome, report.imported.len(), report.findings.len()),
        (Outcome::AlreadyPresent, 0, 0)
    );

    // Where the chain is not asked for, nothing is stored; and nothing by a dry run.
    let better = || with(&[&stranger.certificate, &root.certificate, &issuing.certificate]);
    let mut without = CredentialRequest::new(alias("a"), better(), now());
    without.options.policy.use_embedded = false;
    assert_eq!(keystore.import_credential(without).unwrap().imported, []);
    let mut plan = CredentialRequest::new(alias("a"), with(&[&issuing.certificate]), now());
    plan.options.dry_run = true;
    let plan = keystore.import_credential(plan).unwrap();
    assert_eq!((plan.imported, plan.dry_run), (vec![alias("a_intermediate")], true));
    check(keystore, "a", "no_anchor", &["a.test"], &["a.test"]);

    let report = bare(keystore, with(&[&stranger.certificate, &issuing.certificate]));
    assert_eq!((report.outcome, &report.imported), (Outcome::AlreadyPresent, &vec![alias("a_intermediate")]));
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].code, DiagnosticCode::ChainStored);
    assert_eq!(
        report.findings[0].message,
        "the entry was there; of the chain that came with the file, 1 was stored: a_intermediate"
    );
    check(keystore, "a", "no_anchor", &["a.test", "Issuing"], &["a.test", "Issuing"]);
    assert_eq!(keystore.entry(&alias("a"), now()).unwrap().version, 1, "the entry itself is as it was");
    assert_eq!(bare(keystore, with(&[&issuing.certificate])).imported, [], "once");
    ca(keystore, "root", &root);
    check(keystore, "a", "complete", &["a.test", "Issuing", "Root"], &["a.test", "Issuing"]);

    // The same where the embedded root is to be trusted.
    keystore.remove(&alias("root"), true, now()).unwrap();
    keystore.remove(&alias("a_intermediate"), true, now()).unwrap();
    let mut request = CredentialRequest::new(alias("a"), better(), now());
    request.options.trust_embedded_root = true;
    let report = keystore.import_credential(request).unwrap();
    assert_eq!(report.imported, [alias("a_intermediate"), alias("a_root")]);
    check(keystore, "a", "complete", &["a.test", "Issuing", "Root"], &["a.test", "Issuing"]);
    assert_eq!(keystore.verify_store().unwrap().problems, []);
}

#[test]
fn what_a_ca_says_of_the_leaf_below_it_is_judged_for_each_leaf() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let mut params = ca_params("Root");
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("good.test".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let root = self_signed(params, KeyPair::generate().unwrap());
    for host in ["a.good.test", "b.bad.test", "c.good.test"] {
        import(keystore, &host[..1], root.issue(&leaf_params(host), &[]));
    }
    ca(keystore, "root", &root);
    check(keystore, "a", "complete", &["a.good.test", "Root"], &["a.good.test"]);
    check(keystore, "b", "name_not_permitted", &["b.bad.test", "Root"], &["b.bad.test"]);
    check(keystore, "c", "complete", &["c.good.test", "Root"], &["c.good.test"]);
    assert_eq!(keystore.dependents(&alias("root"), now()).unwrap(), [alias("a"), alias("c")]);
}

#[test]
fn a_forged_signature_under_a_shared_issuer_is_seen() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let root = root("Root");
    // The same name and key identifier, and another key.
    let mut params = ca_params("Root");
    params.key_identifier_method =
        rcgen::KeyIdMethod::PreSpecified(root.certificate.subject_key_id().unwrap().to_vec());
    let forger = self_signed(params, KeyPair::generate().unwrap());
    import(keystore, "a", root.issue(&leaf_params("a.test"), &[]));
    import(keystore, "b", forger.issue(&leaf_params("b.test"), &[]));
    import(keystore, "c", root.issue(&leaf_params("c.test"), &[]));
    ca(keystore, "root", &root);
    check(keystore, "a", "complete", &["a.test", "Root"], &["a.test"]);
    check(keystore, "b", "bad_signature", &["b.test"], &["b.test"]);
    check(keystore, "c", "complete", &["c.test", "Root"], &["c.test"]);
}

#[test]
fn a_self_signed_entry_stands_alone_and_a_self_issued_one_does_not() {
    let scratch = Scratch::new(now());
    let keystore = &scratch.keystore;
    let key = KeyPair::generate().unwrap();
    let own = Certificate::from_der(leaf_params("a.test").self_signed(&key).unwrap().der()).unwrap();
    let private = strongroom::secret::PrivateKey::from_pkcs8_der(key.serialize_der());
    import(keystore, "a", ServerCredential::pair(private, vec![own]).unwrap());
    check(keystore, "a", "self_signed", &["a.test"], &["a.test"]);
    // Its issuer only bears its name.
    let namesake = self_signed(ca_params("b.test"), KeyPair::generate().unwrap());
    import(keystore, "b", namesake.issue(&leaf_params("b.test"), &[]));
    check(keystore, "b", "no_anchor", &["b.test"], &["b.test"]);
    ca(keystore, "namesake", &namesake);
    check(keystore, "b", "complete", &["b.test", "b.test"], &["b.test"]);
}
