//! Random entries, out of one store and into another.

use super::LONG;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use strongroom::{
    Password,
    certificate::Certificate,
    export::{Export, ExportFormat, ExportedChain, KeyForm, Profile},
    keystore::{FilesRequest, SourceFile},
};
use strongroom_tests::{
    authority::{TestCa, ca_params, leaf_params, now, root},
    scratch::Scratch,
};

/// Numbers that look random, the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// Random entries out and in again: keys of four kinds, chains of one to four, passwords of any characters, every form
/// and form of key, the usual iterations and others.
/// `STRONGROOM_ROUNDS` says how many.
#[test]
#[expect(clippy::disallowed_methods, reason = "the number of rounds may be given")]
fn random_entries_come_back_as_they_went() {
    let rounds =
        std::env::var("STRONGROOM_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12_usize);
    let mut numbers = Numbers(0x5eed_1234_abcd_0001);
    let words = ["changeit", "pässwörd€", "żółw", "🔑 and more text", "a", "", "with spaces  ", "\"quoted\""];
    let rsa = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    for round in 0..rounds {
        let scratch = Scratch::new(now());
        let root = root("Root");
        let mut issuer: Option<TestCa> = None;
        let mut between = Vec::new();
        for n in 0..numbers.below(3) {
            let params = ca_params(&format!("CA {n} Ä"));
            let next = issuer.as_ref().unwrap_or(&root).issue_ca(params);
            between.push(next.file().to_vec());
            issuer = Some(next);
        }
        let kinds = [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519];
        let kind = numbers.below(4);
        // An RSA key takes long to make, and is the same each time.
        let key = kinds.get(kind).map(|kind| KeyPair::generate_for(kind).unwrap());
        let key = key.as_ref().unwrap_or(&rsa);
        let leaf = issuer.as_ref().unwrap_or(&root).issue_leaf_for(&leaf_params("www.test"), key);
        let alias: strongroom::Alias = format!("entry-{round}").parse().unwrap();
        scratch.keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
        let (der, pkcs8) = (leaf.der().to_vec(), key.serialize_der());
        let chain: Vec<u8> = between.concat();
        let mut files = vec![SourceFile::new("leaf", &der), SourceFile::new("key", &pkcs8)];
        if !chain.is_empty() {
            files.push(SourceFile::new("chain", &chain));
        }
        let none = Password::new("").unwrap();
        scratch.keystore.import_files(FilesRequest::new(alias.clone(), &files, &none, now())).unwrap();

        let word = words[numbers.below(words.len())];
        let (mut password, key_password) = (Password::new(word).unwrap(), Password::new(word).unwrap());
        let profile = Profile::ALL[numbers.below(5)];
        let format = [
            ExportFormat::Pkcs12(profile),
            ExportFormat::Pkcs12(Profile::Modern),
            ExportFormat::Pem,
            ExportFormat::Certbot,
            ExportFormat::Kubernetes,
        ][numbers.below(5)];
        if format == ExportFormat::Pkcs12(Profile::Fips) && word.len() < 14 {
            let mut export = Export::new(format);
            export.password = Some(&password);
            assert_eq!(scratch.keystore.export(&alias, &export, now()).unwrap_err().code(), "short_password");
            password = Password::new(LONG).unwrap();
        }
        let mut export = Export::new(format);
        export.password = Some(&password);
        export.key_password = Some(&key_password).filter(|_| !word.is_empty() && numbers.below(2) == 0);
        if export.key_password.is_none() && kind != 2 {
            export.key_form = KeyForm::ALL[numbers.below(2)];
        }
        export.iterations = [None, Some(1_000), Some(5_000)][numbers.below(3)];
        export.chain = [None, Some(ExportedChain::Served), Some(ExportedChain::Full)][numbers.below(3)];
        let exported = scratch.keystore.export(&alias, &export, now());
        let exported = exported.unwrap_or_else(|error| panic!("{round} {format:?} {word:?}: {error}"));
        let back = Scratch::new(now());
        back.keystore.import_authority(&"root".parse().unwrap(), root.file(), now()).unwrap();
        let files: Vec<SourceFile<'_>> = exported
            .files
            .iter()
            .filter(|file| !file.bytes.is_empty())
            .map(|file| SourceFile::new(file.name, &file.bytes))
            .collect();
        let request = FilesRequest::new(alias.clone(), &files, &password, now());
        back.keystore
            .import_files(request)
            .unwrap_or_else(|error| panic!("{round} {format:?} {word:?}: {error}"));
        let [first, second] =
            [&scratch.keystore, &back.keystore].map(|one| one.credential(&alias, now()).unwrap());
        // The other form of a key says less: that it is the key of its leaf is proved whenever it is opened.
        if export.key_form == KeyForm::Pkcs8 {
            assert_eq!(first.key().expose_pkcs8_der(), second.key().expose_pkcs8_der(), "{round}");
        }
        let prints = |credential: &strongroom::keystore::OpenedCredential| {
            credential.chain().iter().map(Certificate::fingerprint).collect::<Vec<_>>()
        };
        assert_eq!(prints(&first), prints(&second), "{round} {format:?}");
    }
}
