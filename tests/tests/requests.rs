//! Keys made by us: self-signed certificates, certificate signing requests, and the replies to them.

#[path = "requests/command.rs"]
mod command;
#[path = "requests/damaged.rs"]
mod damaged;
#[path = "requests/kept.rs"]
mod kept;

use strongroom::{
    Alias, Error, Keystore, Password, UnlockKey,
    certificate::Certificate,
    issuance::{CertificateTemplate, IssuanceError, KeyKind, MAX_DAYS},
    keystore::{FilesRequest, GenerateRequest, ImportReport, PendingRequest, RequestOptions, SourceFile},
};
use strongroom_tests::authority::{TestCa, ca_params, leaf_params, now, root};

/// A store with a CA in it.
struct Desk {
    keystore: Keystore,
    ca: TestCa,
    unlock: UnlockKey,
    folder: tempfile::TempDir,
}

fn alias(name: &str) -> Alias {
    name.parse().unwrap()
}

fn template(names: &[&str]) -> CertificateTemplate {
    CertificateTemplate::new(names.iter().map(|name| name.parse().unwrap()).collect())
}

fn codes(report: &ImportReport) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code.as_str()).collect()
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let unlock = UnlockKey::generate().unwrap();
        let keystore = Keystore::create(folder.path().join("keystore.db"), &unlock, now()).unwrap();
        let ca = root("Request CA");
        keystore.import_authority(&alias("ca"), ca.file(), now()).unwrap();
        Self { keystore, ca, unlock, folder }
    }

    fn request(&self, name: &str) -> PendingRequest {
        let template = template(&[&format!("{name}.test")]);
        self.keystore.request(&alias(name), &template, RequestOptions::new(now())).unwrap()
    }

    /// What the CA makes of a request, with that name in it.
    fn answer(&self, pending: &PendingRequest, host: &str) -> Certificate {
        self.ca.answer(&pending.request, &leaf_params(host))
    }

    fn install(&self, name: &str, reply: &Certificate) -> Result<ImportReport, Error> {
        self.keystore.install(&alias(name), reply.der(), now())
    }
}

fn issuance(error: &Error) -> &IssuanceError {
    match error {
        Error::Issuance(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_reply_becomes_a_new_entry_with_the_key_that_waited() {
    let desk = Desk::new();
    let pending = desk.request("www");
    assert!(!pending.beside_entry);
    assert!(desk.keystore.entry(&alias("www"), now()).is_err(), "nobody serves it");
    let reply = desk.answer(&pending, "www.test");
    let report = desk.install("WWW", &reply).unwrap();
    assert_eq!((report.outcome.as_str(), codes(&report)), ("imported", vec![]));
    assert_eq!(report.chain.len(), 2);
    let entry = desk.keystore.entry(&alias("www"), now()).unwrap();
    assert_eq!(entry.certificate.fingerprint(), reply.fingerprint());
    // Unsealing proves that the key is the certificate's.
    desk.keystore.credential(&alias("www"), now()).unwrap();
    assert!(desk.keystore.pending_requests().unwrap().is_empty());
    let log = desk.keystore.log(0, 100).unwrap();
    let rows: Vec<String> =
        log.iter().skip(2).map(|row| format!("{} {} {}", row.action, row.alias, row.outcome)).collect();
    assert_eq!(rows, ["csr www requested", "csr-install WWW imported"]);
    // The same reply again has nothing to answer, and is there.
    assert_eq!(desk.install("www", &reply).unwrap().outcome.as_str(), "already_present");
}

#[test]
fn a_reply_beside_an_entry_becomes_its_next_version_and_the_former_stays() {
    let desk = Desk::new();
    desk.keystore.generate(GenerateRequest::new(alias("www"), template(&["www.test"]), now())).unwrap();
    let first = desk.keystore.entry(&alias("www"), now()).unwrap().certificate.spki_fingerprint();
    let pending = desk.request("www");
    assert!(pending.beside_entry);
    assert_eq!(desk.keystore.credential(&alias("www"), now()).unwrap().chain()[0].spki_fingerprint(), first);
    let report = desk.install("www", &desk.answer(&pending, "www.test")).unwrap();
    assert_eq!(report.outcome.as_str(), "replaced");
    let entry = desk.keystore.entry(&alias("www"), now()).unwrap();
    assert_eq!(
        (entry.version, entry.certificate.spki_fingerprint()),
        (2, pending.request.spki_fingerprint())
    );
    desk.keystore.undo(&alias("www"), now()).unwrap();
    assert_eq!(desk.keystore.credential(&alias("www"), now()).unwrap().chain()[0].spki_fingerprint(), first);
}

#[test]
fn a_reply_is_taken_in_every_form_and_order_and_only_without_a_key() {
    let desk = Desk::new();
    let between = desk.ca.issue_ca(ca_params("Between"));
    let pending = desk.request("www");
    let leaf = between.answer(&pending.request, &leaf_params("www.test"));
    let files = [
        SourceFile::new("root.der", desk.ca.file()),
        SourceFile::new("between.der", between.file()),
        SourceFile::new("leaf.der", leaf.der()),
    ];
    let password = Password::new("").unwrap();
    let mut request = FilesRequest::new(alias("www"), &files, &password, now());
    request.options.dry_run = true;
    let (report, _) = desk.keystore.install_files(request).unwrap();
    assert!(report.dry_run && desk.keystore.pending_request(&alias("www")).unwrap().is_some());
    let (report, sources) =
        desk.keystore.install_files(FilesRequest::new(alias("www"), &files, &password, now())).unwrap();
    assert_eq!(report.chain.len(), 3);
    assert_eq!(report.imported[1].as_str(), "www_intermediate");
    assert!(sources.iter().any(|source| source.file == "the pending request of 2026-11-23"), "{sources:?}");

    let again = desk.request("again");
    let error = desk.keystore.install(&alias("again"), again.request.pem().as_bytes(), now()).unwrap_err();
    assert_eq!(error.code(), "not_a_certificate");
    assert_eq!(
        error.to_string(),
        "the reply holds a certificate request: it goes to the CA, and what comes back is a certificate"
    );
    let key = std::fs::read("../fixtures/other/pyca-48.0.0.p256.key-and-certificate.pem").unwrap();
    let error = desk.keystore.install(&alias("again"), &key, now()).unwrap_err();
    assert_eq!(error.code(), "reply_with_key");
    assert_eq!(desk.keystore.pending_requests().unwrap().len(), 1, "the request waits on");
}

#[test]
fn a_reply_that_is_for_nobody_says_which_requests_there_are() {
    let desk = Desk::new();
    let (www, shop) = (desk.request("www"), desk.request("shop"));
    let reply = desk.answer(&shop, "shop.test");
    for name in ["www", "nobody"] {
        let error = desk.install(name, &reply).unwrap_err();
        let expected = IssuanceError::WrongRequest { alias: alias(name), of: alias("shop") };
        assert_eq!(issuance(&error), &expected);
    }
    let digits = |pending: &PendingRequest| -> String {
        pending.request.spki_fingerprint().to_string().chars().take(16).collect()
    };
    let stranger = desk.ca.issue(&leaf_params("x.test"), &[]).leaf().clone();
    let strange: String = stranger.spki_fingerprint().to_string().chars().take(16).collect();
    let error = desk.install("www", &stranger).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "no certificate is for the key of \"www\", which has the public key {}: CN=x.test has {strange}; pending requests: shop (P-256 {})",
            digits(&www),
            digits(&shop)
        )
    );
    let error = desk.install("nobody", &stranger).unwrap_err();
    assert_eq!((error.code(), error.kind()), ("request_not_found", strongroom::error::ErrorKind::NotFound));
    assert!(error.to_string().contains("pending requests: shop (P-256 "), "{error}");
    // What was refused is in the log, and both wait on.
    let log = desk.keystore.log(0, 100).unwrap();
    assert_eq!(log.iter().filter(|row| row.action == "csr-install").count(), 4);
    desk.install("shop", &reply).unwrap();
    desk.install("www", &desk.answer(&www, "www.test")).unwrap();
}

#[test]
fn a_certificate_that_validation_refuses_leaves_the_request_waiting() {
    let desk = Desk::new();
    let pending = desk.request("www");
    let reply = root("Stranger").answer(&pending.request, &leaf_params("www.test"));
    assert_eq!(desk.install("www", &reply).unwrap_err().code(), "no_anchor");
    assert!(desk.keystore.entry(&alias("www"), now()).is_err());
    desk.install("www", &desk.answer(&pending, "www.test")).unwrap();
}

#[test]
fn other_names_than_were_asked_for_are_named() {
    let desk = Desk::new();
    let pending = desk
        .keystore
        .request(&alias("www"), &template(&["A.test", "b.test", "10.0.0.1"]), RequestOptions::new(now()))
        .unwrap();
    let mut params = leaf_params("a.test");
    params.subject_alt_names.push(rcgen::SanType::DnsName("www.a.test".try_into().unwrap()));
    let report = desk.install("www", &desk.ca.answer(&pending.request, &params)).unwrap();
    let finding = report.findings.iter().find(|finding| finding.code.as_str() == "names_differ").unwrap();
    assert_eq!(
        finding.message,
        "of the names that were asked for the certificate lacks b.test, 10.0.0.1, and also has www.a.test"
    );
}

#[test]
fn an_import_without_a_key_takes_that_of_the_pending_request_of_its_alias() {
    let desk = Desk::new();
    let password = Password::new("").unwrap();
    let import = |name: &str, reply: &Certificate, replace: bool| {
        let files = [SourceFile::new("reply.der", reply.der())];
        let mut request = FilesRequest::new(alias(name), &files, &password, now());
        request.options.replace = replace;
        desk.keystore.import_files(request)
    };
    let pending = desk.request("www");
    let reply = desk.answer(&pending, "www.test");
    let error = import("other", &reply, false).unwrap_err();
    assert_eq!(issuance(&error), &IssuanceError::WrongRequest { alias: alias("other"), of: alias("www") });
    let (report, _) = import("www", &reply, false).unwrap();
    assert_eq!(codes(&report), ["request_answered"]);
    assert!(desk.keystore.pending_requests().unwrap().is_empty());
    // Beside an entry, an import replaces only if it is asked to.
    let pending = desk.request("www");
    let reply = desk.answer(&pending, "www.test");
    assert_eq!(import("www", &reply, false).unwrap_err().code(), "alias_taken");
    assert_eq!(import("www", &reply, true).unwrap().0.outcome.as_str(), "replaced");
    // A certificate of another key is told so, where a request waits; elsewhere its key is what is missing.
    desk.request("www");
    let stranger = desk.ca.issue(&leaf_params("x.test"), &[]).leaf().clone();
    assert_eq!(import("www", &stranger, false).unwrap_err().code(), "key_mismatch");
    assert_eq!(import("new", &stranger, false).unwrap_err().code(), "no_private_key");
}

#[test]
fn one_request_waits_for_an_alias_and_another_takes_its_place_only_by_name() {
    let desk = Desk::new();
    let first = desk.request("www");
    let again = |replace| {
        let mut options = RequestOptions::new(now());
        options.replace = replace;
        desk.keystore.request(&alias("WWW"), &template(&["www.test"]), options)
    };
    let error = again(false).unwrap_err();
    let expected = IssuanceError::Pending { alias: alias("www"), day: "2026-11-23".to_owned() };
    assert_eq!(issuance(&error), &expected);
    let second = again(true).unwrap();
    assert_eq!(desk.install("www", &desk.answer(&first, "www.test")).unwrap_err().code(), "key_mismatch");
    desk.install("www", &desk.answer(&second, "www.test")).unwrap();
    let error = desk.keystore.request(&alias("ca"), &template(&["a.test"]), RequestOptions::new(now()));
    assert_eq!(error.unwrap_err().code(), "alias_taken", "a CA certificate has the alias");
    let gone = desk.request("gone");
    desk.keystore.remove_request(&alias("GONE"), now()).unwrap();
    assert_eq!(desk.keystore.remove_request(&alias("gone"), now()).unwrap_err().code(), "request_not_found");
    assert_eq!(
        desk.install("gone", &desk.answer(&gone, "gone.test")).unwrap_err().code(),
        "request_not_found"
    );
}

#[test]
fn a_request_with_the_key_of_an_entry_is_answered_by_a_certificate_for_that_key() {
    let desk = Desk::new();
    desk.keystore.generate(GenerateRequest::new(alias("www"), template(&["www.test"]), now())).unwrap();
    let spki = desk.keystore.entry(&alias("www"), now()).unwrap().certificate.spki_fingerprint();
    // Nothing is kept of it.
    let before = desk.keystore.generation().unwrap();
    let request = desk.keystore.signing_request(&alias("www")).unwrap();
    assert_eq!((request.spki_fingerprint(), request.subject()), (spki, "CN=www.test"));
    assert_eq!(desk.keystore.generation().unwrap(), before);
    let reply = desk.ca.answer(&request, &leaf_params("www.test"));
    assert_eq!(desk.install("www", &reply).unwrap().outcome.as_str(), "replaced");

    // One that is kept is found by its key even when the entry has another by then.
    let mut options = RequestOptions::new(now());
    options.key = None;
    let kept = desk.keystore.request(&alias("www"), &template(&["www.test"]), options).unwrap();
    assert_eq!(kept.request.spki_fingerprint(), spki);
    let mut other = GenerateRequest::new(alias("www"), template(&["www.test"]), now());
    other.options.replace = true;
    desk.keystore.generate(other).unwrap();
    let report = desk.install("www", &desk.answer(&kept, "www.test")).unwrap();
    assert_eq!(report.outcome.as_str(), "replaced");
    assert_eq!(desk.keystore.entry(&alias("www"), now()).unwrap().certificate.spki_fingerprint(), spki);
    let none = desk.keystore.request(&alias("nobody"), &template(&["a.test"]), options);
    assert_eq!(none.unwrap_err().code(), "not_found");
    // A request that waits is given again, where there is no entry.
    let pending = desk.request("new");
    assert_eq!(desk.keystore.signing_request(&alias("new")).unwrap().der(), pending.request.der());
    assert_eq!(desk.keystore.signing_request(&alias("nobody")).unwrap_err().code(), "not_found");
}

#[test]
fn a_self_signed_certificate_is_stored_as_an_import() {
    let desk = Desk::new();
    let generate = |name: &str, replace: bool, dry_run: bool| {
        let mut request = GenerateRequest::new(alias(name), template(&["www.test", "10.0.0.1"]), now());
        request.key = KeyKind::Rsa2048;
        (request.options.replace, request.options.dry_run) = (replace, dry_run);
        desk.keystore.generate(request)
    };
    let before = desk.keystore.generation().unwrap();
    assert!(generate("www", false, true).unwrap().dry_run);
    assert_eq!(desk.keystore.generation().unwrap(), before, "who only asks leaves no trace");
    let report = generate("www", false, false).unwrap();
    assert_eq!((report.outcome.as_str(), codes(&report)), ("imported", vec!["self_signed"]));
    assert_eq!(generate("www", false, false).unwrap_err().code(), "alias_taken");
    assert_eq!(
        generate("ca", true, false).unwrap_err().code(),
        "alias_taken",
        "a CA certificate is not replaced"
    );
    assert_eq!(generate("www", true, false).unwrap().outcome.as_str(), "replaced");
    let entry = desk.keystore.entry(&alias("www"), now()).unwrap();
    assert_eq!((entry.version, entry.chain_state.as_str()), (2, "self_signed"));
    assert_eq!(entry.certificate.not_after() - entry.certificate.not_before(), 365 * 86_400 + 3_600);
    assert_eq!(desk.keystore.credential(&alias("www"), now()).unwrap().chain().len(), 1);
    let mut long = GenerateRequest::new(alias("long"), template(&["www.test"]), now());
    long.days = MAX_DAYS + 1;
    let error = desk.keystore.generate(long).unwrap_err();
    assert_eq!((error.code(), error.stage()), ("invalid_validity", "request"));
    let rows: Vec<String> = desk
        .keystore
        .log(2, 100)
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row.action, row.alias, row.outcome))
        .collect();
    assert_eq!(
        rows,
        [
            "generate www imported",
            "generate www alias_taken",
            "generate ca alias_taken",
            "generate www replaced",
            "generate long invalid_validity"
        ]
    );
}
