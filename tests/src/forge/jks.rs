//! Keystores of Java, good ones and hostile ones: a second implementation of what the engine reads.

use sha1::{Digest as _, Sha1};

use super::der::{octets, oid, sequence};

/// A keystore in the making.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Jks {
    password: String,
    /// `FEEDFEED`, or `CECECECE` for JCEKS.
    pub magic: [u8; 4],
    /// 2, or 1.
    pub version: u32,
    /// The number of entries, in place of the honest one.
    pub count: Option<u32>,
    entries: Vec<Vec<u8>>,
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// Bytes behind their length in four.
#[must_use]
pub fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// Text behind its length in two bytes.
#[must_use]
pub fn text(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// The beginning of an entry: kind, alias, time.
#[must_use]
pub fn head(kind: u32, alias: &str) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &text(alias.as_bytes()), &[0; 8]].concat()
}

/// A certificate of version 2.
#[must_use]
pub fn certificate(der: &[u8]) -> Vec<u8> {
    [text(b"X.509"), sized(der)].concat()
}

/// A private key as Java's own protector has it.
#[must_use]
pub fn protect(pkcs8: &[u8], password: &str) -> Vec<u8> {
    let password = utf16(password);
    let salt = [7_u8; 20];
    let mut stream = Vec::new();
    let mut block = salt.to_vec();
    while stream.len() < pkcs8.len() {
        block = Sha1::digest([password.as_slice(), &block].concat()).to_vec();
        stream.extend_from_slice(&block);
    }
    let body: Vec<u8> = pkcs8.iter().zip(&stream).map(|(byte, key)| byte ^ key).collect();
    let check = Sha1::digest([password.as_slice(), pkcs8].concat());
    let kind = sequence(&[oid("1.3.6.1.4.1.42.2.17.1.1"), vec![5, 0]]);
    sequence(&[kind, octets(&[&salt[..], &body, &check].concat())])
}

impl Jks {
    /// An empty keystore.
    #[must_use]
    pub fn new(password: &str) -> Self {
        let password = password.to_owned();
        Self { password, magic: [0xfe, 0xed, 0xfe, 0xed], version: 2, count: None, entries: Vec::new() }
    }

    /// Adds an entry, or any bytes.
    #[must_use]
    pub fn entry(mut self, bytes: Vec<u8>) -> Self {
        self.entries.push(bytes);
        self
    }

    /// Adds a private key, protected already, with its chain.
    #[must_use]
    pub fn key(self, alias: &str, encrypted: &[u8], chain: &[&[u8]]) -> Self {
        let count = u32::try_from(chain.len()).unwrap().to_be_bytes().to_vec();
        let chain: Vec<u8> = chain.iter().flat_map(|der| certificate(der)).collect();
        self.entry([head(1, alias), sized(encrypted), count, chain].concat())
    }

    /// Adds a trusted certificate.
    #[must_use]
    pub fn trusted(self, alias: &str, der: &[u8]) -> Self {
        self.entry([head(2, alias), certificate(der)].concat())
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let count = self.count.unwrap_or_else(|| u32::try_from(self.entries.len()).unwrap());
        let head = [&self.magic[..], &self.version.to_be_bytes(), &count.to_be_bytes()].concat();
        let mut file = [head, self.entries.concat()].concat();
        let digest =
            Sha1::digest([utf16(&self.password), b"Mighty Aphrodite".to_vec(), file.clone()].concat());
        file.extend_from_slice(&digest);
        file
    }
}
