//! Makes the first inputs of every target out of the fixtures: `seeds FIXTURES CORPUS`.
//!
//! Built without `cfg(strongroom_fuzzing)`, so that files are really decrypted. Each PKCS #12 file is written as it is and once
//! more with plaintext in place of ciphertext, which is what the targets take; the parts go to the inner targets.

use std::{
    collections::hash_map::DefaultHasher,
    error::Error,
    fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use strongroom::{
    Keystore, Password, ServerCertificateRequest, UnixTime, UnlockKey,
    engine::{Engine as _, MemoryEngine, Table},
    limits::Limits,
};
use strongroom_fuzz::{Bag, bag, data, open, pfx, shrouded_key, tlv};

const BAG: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01";
const OCTET_STRING: u8 = 0x04;
const IMPLICIT_0: u8 = 0x80;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(fixtures), Some(corpus)) = (arguments.next(), arguments.next()) else {
        return Err("usage: seeds FIXTURES CORPUS".into());
    };
    let mut roots = Vec::new();
    for file in fs::read_dir(fixtures.join("chains"))? {
        roots.extend(pem(&fs::read(file?.path())?));
    }
    let seeds = Seeds { corpus, roots };
    for alias in ["www", "Web-2026_a.b", "0", "portal.example.com", "x_intermediate12"] {
        seeds.add(&["alias"], alias.as_bytes())?;
    }
    seeds.store(&fs::read(fixtures.join("pkcs12/www.p12"))?)?;
    let manifest: toml::Table = fs::read_to_string(fixtures.join("manifest.toml"))?.parse()?;
    for row in manifest.get("fixture").and_then(|rows| rows.as_array()).into_iter().flatten() {
        let text = |name| row.get(name).and_then(toml::Value::as_str).unwrap_or_default();
        let bytes = fs::read(fixtures.join(text("file")))?;
        seeds.add(&["pfx", "inspect", "pkcs7", "certificate_file"], &bytes)?;
        seeds.take_apart(&bytes, &Password::new(text("password"))?)?;
    }
    for folder in ["chains", "other"] {
        for file in fs::read_dir(fixtures.join(folder))? {
            let path = file?.path();
            let bytes = fs::read(&path)?;
            seeds.add(&["pfx", "inspect", "pkcs7", "certificate_file"], &bytes)?;
            if bytes.starts_with(b"\xfe\xed\xfe\xed") {
                seeds.add(&["jks"], &bytes)?;
                seeds.add(&["jks"], bytes.get(8..bytes.len() - 20).unwrap_or_default())?;
            }
            let certificates = pem(&bytes);
            for der in &certificates {
                seeds.add(&["certificate", "inspect", "certificate_file"], der)?;
            }
        }
    }
    Ok(())
}

/// The DER of the blocks in a PEM file.
fn pem(bytes: &[u8]) -> Vec<Vec<u8>> {
    use rustls_pki_types::{CertificateDer, pem::PemObject as _};
    CertificateDer::pem_slice_iter(bytes).flatten().map(|der| der.to_vec()).collect()
}

/// Where seeds go.
struct Seeds {
    corpus: PathBuf,
    /// Certificates that may anchor a path.
    roots: Vec<Vec<u8>>,
}

impl Seeds {
    /// Writes a seed for each of `targets`; the name comes from the content, so that the same seed is written once.
    fn add(&self, targets: &[&str], bytes: &[u8]) -> std::io::Result<()> {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        for target in targets {
            let folder = self.corpus.join(target);
            fs::create_dir_all(&folder)?;
            fs::write(Path::new(&folder).join(format!("seed-{:016x}", hasher.finish())), bytes)?;
        }
        Ok(())
    }

    /// Writes the rows of a store with CA certificates, a server and its former version.
    fn store(&self, file: &[u8]) -> Result<(), Box<dyn Error>> {
        let (engine, at) = (MemoryEngine::new(false), UnixTime::now());
        let keystore = Keystore::create_on_engine(Box::new(engine.clone()), &UnlockKey::generate()?, at)?;
        for (n, root) in self.roots.iter().enumerate() {
            keystore.import_authority(&format!("ca-{n}").parse()?, root, at)?;
        }
        let password = Password::new("changeit")?;
        let (www, web) = ("www".parse()?, "web".parse()?);
        keystore.import_server_certificate(ServerCertificateRequest::new(www, file, &password, at))?;
        keystore.rename(&"www".parse()?, &web, at)?;
        keystore.remove(&web, false, at)?;
        keystore.undo(&web, at)?;
        let rows =
            |table| -> Result<_, Box<dyn Error>> { Ok(engine.view()?.range(table, &[], None, usize::MAX)?) };
        for (_, value) in rows(Table::Record)?.into_iter().chain(rows(Table::Blob)?) {
            self.add(&["record"], &value)?;
        }
        for (path, body) in rows(Table::Node)? {
            let length = u8::try_from(path.len())?;
            self.add(&["tree_node"], &[&[length], path.as_slice(), &body].concat())?;
        }
        Ok(())
    }

    /// Writes the file with plaintext in place of ciphertext, and its parts.
    fn take_apart(&self, bytes: &[u8], password: &Password) -> std::io::Result<()> {
        let mut limits = Limits::default();
        limits.max_work = u64::MAX;
        if let Ok(contents) = open(bytes, password, &limits) {
            for bag in &contents.keys {
                self.add(&["pkcs8"], bag.key.expose_pkcs8_der())?;
            }
            for bag in &contents.certificates {
                self.add(&["certificate"], &bag.der)?;
            }
            // Leaf first, the rest as it came; the last stands for an imported authority.
            let chain: Vec<&[u8]> = contents.certificates.iter().map(|bag| bag.der.as_slice()).collect();
            self.add(&["path"], &chain.concat())?;
            for root in &self.roots {
                self.add(&["path"], &[chain.concat(), root.clone()].concat())?;
            }
        }
        // Indefinite lengths and files that are cut off are left as they are.
        let Some(file) = children(bytes).and_then(|values| values.first().copied()) else {
            return Ok(());
        };
        if let Some([.., mac]) = children(file.content).as_deref()
            && mac.tag == SEQUENCE
        {
            self.add(&["parameters"], mac.content)?;
        }
        let plain = self.rewrite(file, password)?;
        self.add(&["pfx", "inspect", "credential", "differential"], &plain)
    }

    /// `value` with every ciphertext in it replaced by what it decrypts to.
    fn rewrite(&self, value: Value<'_>, password: &Password) -> std::io::Result<Vec<u8>> {
        let Some(parts) = value.parts() else {
            return Ok(value.raw.to_vec());
        };
        let mut content = Vec::new();
        let mut before: Option<Value<'_>> = None;
        for part in parts {
            let plain = before.and_then(|algorithm| decrypt(algorithm, part, password));
            if let (Some(plain), Some(algorithm)) = (plain, before) {
                self.add(&["parameters"], algorithm.raw)?;
                for inner in children(&plain).iter().flatten() {
                    content.extend(tlv(part.tag, &[&self.rewrite(*inner, password)?]));
                }
            } else {
                content.extend(self.rewrite(part, password)?);
            }
            before = Some(part);
        }
        let whole = tlv(value.tag, &[&content]);
        self.add_part(&whole)?;
        Ok(whole)
    }

    /// SafeContents and bagAttributes go to their own targets.
    fn add_part(&self, whole: &[u8]) -> std::io::Result<()> {
        let values = children(whole).unwrap_or_default();
        let parts = values.first().and_then(Value::parts).unwrap_or_default();
        if let [first, ..] = parts.as_slice()
            && first.content.starts_with(BAG)
            && first.tag == SEQUENCE
        {
            self.add(&["safe_contents", "differential"], whole)?;
        }
        if let [id, _, attributes] = parts.as_slice()
            && id.raw.starts_with(BAG)
            && attributes.tag == SET
        {
            self.add(&["attributes"], attributes.content)?;
        }
        Ok(())
    }
}

/// Decrypts by the engine itself: a SEQUENCE in a pkcs8ShroudedKeyBag passes for a key, whatever it holds.
fn decrypt(algorithm: Value<'_>, encrypted: Value<'_>, password: &Password) -> Option<Vec<u8>> {
    if algorithm.tag != SEQUENCE || ![OCTET_STRING, IMPLICIT_0].contains(&encrypted.tag) {
        return None;
    }
    let key = bag(Bag::ShroudedKey, &shrouded_key(algorithm.raw, encrypted.content), &[]);
    let contents = open(&pfx(&data(&tlv(SEQUENCE, &[&key])), &[]), password, &Limits::default()).ok()?;
    Some(contents.keys.first()?.key.expose_pkcs8_der().to_vec())
}

/// A value with a definite length.
#[derive(Clone, Copy)]
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// The values inside: of a constructed one, and of a string that is one SEQUENCE.
    fn parts(&self) -> Option<Vec<Value<'a>>> {
        let parts = children(self.content)?;
        let one_sequence = matches!(parts.as_slice(), [only] if only.tag == SEQUENCE);
        (self.tag & 0x20 != 0 || (self.tag == OCTET_STRING && one_sequence)).then_some(parts)
    }
}

/// Splits `input`, all of it, into values of definite length.
fn children(mut input: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut found = Vec::new();
    while let [tag, first, rest @ ..] = input {
        let digits = usize::from(first.checked_sub(0x80).unwrap_or(0));
        if digits > 4 || *first == 0x80 {
            return None;
        }
        let (length, body) = rest.split_at_checked(digits)?;
        let length = match digits {
            0 => usize::from(*first),
            _ => length.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)),
        };
        let (content, next) = body.split_at_checked(length)?;
        found.push(Value { tag: *tag, content, raw: &input[..input.len() - next.len()] });
        input = next;
    }
    (input.is_empty() && !found.is_empty()).then_some(found)
}
