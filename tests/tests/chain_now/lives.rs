//! Machines that live: entries come with and without their chain, CAs are renewed, imported and removed, and time passes.
//! What is listed, what is verified and what is sent never disagree, and rustls-webpki, which has nothing of the
//! store's judgement, accepts what a server sends where the store does.

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use strongroom::{
    Keystore, UnixTime,
    certificate::{Certificate, ServerCredential},
    diagnostic::DiagnosticCode,
    keystore::{ChainState, CredentialRequest},
    secret::PrivateKey,
    validate::Policy,
};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root, valid},
    scratch::Scratch,
};

use super::{alias, in_days};

const MACHINES: u64 = 3;
const ENTRIES: usize = 300;
/// One in so many entries is unsealed in each round.
const OPENED: usize = 25;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % limit
    }
}

/// A CA with all its certificates, the newest last.
struct Line {
    certificates: Vec<TestCa>,
}

struct Machine {
    scratch: Scratch,
    random: Random,
    roots: Vec<TestCa>,
    lines: Vec<Line>,
    /// In days from the beginning.
    day: u64,
    entries: usize,
    authorities: usize,
}

fn lasting(mut params: CertificateParams, from: u64, days: usize) -> CertificateParams {
    let from = i64::try_from(from).unwrap();
    valid(&mut params, from - 1, from + i64::try_from(days).unwrap());
    params
}

impl Machine {
    fn new(seed: u64) -> Self {
        let roots = vec![root("Root A"), root("Root B")];
        let lines = (0..4).map(|_| Line { certificates: Vec::new() }).collect();
        let random = Random(seed);
        let scratch = Scratch::new(now());
        let mut machine = Self { scratch, random, roots, lines, day: 0, entries: 0, authorities: 0 };
        (0..4).for_each(|line| machine.renew(line));
        machine
    }

    fn at(&self) -> UnixTime {
        in_days(self.day)
    }

    /// A CA gets a certificate, under its own key or another one, by one of the roots.
    fn renew(&mut self, line: usize) {
        let params = lasting(ca_params(&format!("Issuing {line}")), self.day, 20 + self.random.below(300));
        let key = match self.lines[line].certificates.last() {
            Some(former) if self.random.below(2) == 0 => former.key(),
            _ => KeyPair::generate().unwrap(),
        };
        let issuer = &self.roots[self.random.below(2)];
        self.lines[line].certificates.push(issuer.issue_ca_for(params, key));
    }

    fn import(&mut self) {
        let line = self.random.below(self.lines.len());
        let all = &self.lines[line].certificates;
        let issuer = &all[all.len() - 1 - self.random.below(all.len().min(2))];
        let host = format!("host-{}.test", self.entries);
        let params = lasting(leaf_params(&host), self.day, 40 + self.random.below(300));
        let key = KeyPair::generate().unwrap();
        let leaf = issuer.issue_leaf_for(&params, &key);
        let mut others: Vec<Certificate> = match self.random.below(3) {
            0 => Vec::new(),
            1 => vec![issuer.certificate.clone()],
            _ => all.iter().map(|ca| ca.certificate.clone()).collect(),
        };
        others.insert(0, leaf);
        let credential =
            ServerCredential::pair(PrivateKey::from_pkcs8_der(key.serialize_der()), others).unwrap();
        let mut request =
            CredentialRequest::new(alias(&format!("entry-{}", self.entries)), credential, self.at());
        request.options.policy.allow = vec![DiagnosticCode::NoAnchor];
        match self.scratch.keystore.import_credential(request) {
            Ok(_) => self.entries += 1,
            // The issuer may have ended.
            Err(error) => assert_eq!(error.code(), "path_expired"),
        }
    }

    fn import_authority(&mut self) {
        let line = self.random.below(self.lines.len() + 2);
        let file = match self.lines.get(line) {
            Some(line) => line.certificates[self.random.below(line.certificates.len())].file(),
            None => self.roots[line - self.lines.len()].file(),
        };
        let name = alias(&format!("ca-{}", self.authorities));
        self.scratch.keystore.import_authority(&name, file, in_days(self.day)).unwrap();
        self.authorities += 1;
    }

    fn remove_authority(&mut self) {
        let at = self.at();
        let name = alias(&format!("ca-{}", self.random.below(self.authorities.max(1))));
        let keystore = &self.scratch.keystore;
        if keystore.entry(&name, at).is_err() {
            return;
        }
        let states = |keystore: &Keystore| -> Vec<_> {
            let entries = keystore.page(None, 10_000, at).unwrap().into_iter();
            let servers = entries.filter(|entry| entry.kind == strongroom::keystore::EntryKind::Server);
            servers.map(|entry| (entry.alias, entry.chain_state)).collect()
        };
        let before = states(keystore);
        let said = keystore.dependents(&name, at).unwrap();
        assert_eq!(keystore.remove(&name, true, at).unwrap(), said);
        let after = states(keystore);
        let changed = before.iter().zip(&after).filter(|(before, after)| before != after);
        let changed: Vec<_> = changed.map(|(before, _)| before.0.clone()).collect();
        assert_eq!(changed, said, "without {name}");
    }

    /// The same file again, with every certificate of its CA.
    fn import_again(&mut self) {
        if self.entries == 0 {
            return;
        }
        let name = alias(&format!("entry-{}", self.random.below(self.entries)));
        let at = self.at();
        let opened = self.scratch.keystore.credential(&name, at).unwrap();
        let mut all = vec![opened.chain()[0].clone()];
        let line = self.lines.iter().flat_map(|line| &line.certificates);
        all.extend(line.map(|ca| ca.certificate.clone()));
        let credential =
            ServerCredential::pair(PrivateKey::from_pkcs8_der(opened.key().expose_pkcs8_der().to_vec()), all)
                .unwrap();
        let request = CredentialRequest::new(name, credential, at);
        let report = self.scratch.keystore.import_credential(request).unwrap();
        assert_eq!(report.outcome, strongroom::keystore::Outcome::AlreadyPresent);
    }

    /// Everything that is said of the entries at this instant is the same; gives how many are whole.
    fn check(&mut self, fresh: &Keystore) -> usize {
        let at = self.at();
        let keystore = &self.scratch.keystore;
        let entries = keystore.page(None, 10_000, at).unwrap();
        let others = fresh.page(None, 10_000, at).unwrap();
        let mut whole = 0;
        for (n, (entry, other)) in entries.iter().zip(&others).enumerate() {
            if entry.kind != strongroom::keystore::EntryKind::Server {
                continue;
            }
            let context = format!("{} on day {}", entry.alias, self.day);
            let path: Vec<_> = entry.chain.iter().map(|one| one.certificate.fingerprint()).collect();
            let same: Vec<_> = other.chain.iter().map(|one| one.certificate.fingerprint()).collect();
            assert_eq!((entry.chain_state, &path), (other.chain_state, &same), "{context}");
            let policy = {
                let mut policy = Policy::default();
                policy.allow = vec![DiagnosticCode::Expired];
                policy
            };
            match keystore.verify(&entry.alias, &policy, at) {
                Ok(chain) => {
                    let verified: Vec<_> =
                        chain.path().iter().map(|one| one.certificate.fingerprint()).collect();
                    assert_eq!(verified, path, "{context}");
                    assert!(!entry.chain_state.is_broken(), "{context}");
                }
                Err(error) => assert_eq!(error.code(), entry.chain_state.as_str(), "{context}"),
            }
            if n % OPENED == self.random.below(OPENED) {
                let served = keystore.credential(&entry.alias, at).unwrap().chain().to_vec();
                let sent: Vec<_> = served.iter().map(|one| one.fingerprint()).collect();
                assert_eq!(sent, path[..sent.len()], "{context}");
                let anchor = entry.chain.last().unwrap();
                let valid = (entry.certificate.not_before()..=entry.certificate.not_after())
                    .contains(&i64::try_from(at.as_secs()).unwrap());
                if valid && !entry.chain_state.is_broken() {
                    accepted_by_webpki(&served, &anchor.certificate, at, &context);
                }
            }
            whole += usize::from(matches!(entry.chain_state, ChainState::Complete));
        }
        whole
    }
}

/// A client that trusts `anchor`, and gets `served` from a server.
#[track_caller]
fn accepted_by_webpki(served: &[Certificate], anchor: &Certificate, at: UnixTime, context: &str) {
    let anchors = [webpki::anchor_from_trusted_cert(anchor.der()).unwrap()];
    let between: Vec<CertificateDer<'_>> = served.iter().skip(1).map(|one| one.der().clone()).collect();
    let leaf = webpki::EndEntityCert::try_from(served[0].der()).unwrap();
    let usage = webpki::KeyUsage::server_auth();
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, at, usage, None, None)
        .unwrap_or_else(|error| panic!("{context}: {error:?}"));
}

#[test]
fn what_is_verified_and_what_is_sent_never_disagree() {
    let mut counts = (0, 0);
    for seed in 1..=MACHINES {
        let mut machine = Machine::new(seed * 7_919);
        let fresh = Keystore::open(machine.scratch.path(), &machine.scratch.unlock).unwrap();
        let mut done = 0;
        while machine.entries < ENTRIES {
            match machine.random.below(40) {
                0..=25 => machine.import(),
                26..=29 => machine.import_again(),
                30..=33 => machine.import_authority(),
                34 | 35 => machine.remove_authority(),
                36 => {
                    let line = machine.random.below(4);
                    machine.renew(line);
                }
                _ => machine.day += u64::try_from(machine.random.below(6)).unwrap(),
            }
            done += 1;
            if done % 40 == 0 {
                let whole = machine.check(&fresh);
                counts = (counts.0 + whole, counts.1 + machine.entries);
            }
        }
        assert_eq!(machine.scratch.keystore.verify_store().unwrap().problems, []);
    }
    // Neither all whole nor all broken, or nothing was tried.
    assert!(counts.0 * 10 > counts.1 && counts.0 < counts.1, "{counts:?}");
}
