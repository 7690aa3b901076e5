//! What the web server of the store shows and offers: one record.

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder},
    key::{self, Tag},
    read::RECORD,
    records::EntryHead,
};
use crate::{
    alias::Alias,
    web_server::{TlsOption, WebServer},
};

/// The most versions or suites that a record has.
const MOST: usize = 64;

fn record_key() -> Vec<u8> {
    key::text(Tag::WebServer, "")
}

fn encode_list<T: TlsOption>(encoder: &mut Encoder, chosen: Option<&[T]>) {
    // Nothing chosen is another thing than an empty list, which there is not.
    let chosen = chosen.unwrap_or_default();
    encoder.list(chosen.len());
    for option in chosen {
        encoder.text(option.as_str());
    }
}

fn decode_list<T: TlsOption>(decoder: &mut Decoder<'_>) -> Result<Option<Vec<T>>, StoreError> {
    let count = decoder.list()?;
    if count > MOST {
        return Err(RECORD);
    }
    let mut chosen: Vec<T> = Vec::new();
    for _ in 0..count {
        let name = decoder.text()?;
        let option = T::ALL.iter().copied().find(|option| option.as_str() == name).ok_or(RECORD)?;
        if chosen.contains(&option) {
            return Err(RECORD);
        }
        chosen.push(option);
    }
    Ok((!chosen.is_empty()).then_some(chosen))
}

pub(super) fn to_record(web_server: &WebServer) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.optional_text(web_server.alias.as_ref().map(Alias::as_str));
    encoder.optional_text(web_server.former.as_ref().map(Alias::as_str));
    encode_list(&mut encoder, web_server.versions.as_deref());
    encode_list(&mut encoder, web_server.suites.as_deref());
    encoder.integer(i64::from(web_server.hsts));
    encoder.done()
}

pub(super) fn from_record(record: &[u8]) -> Result<WebServer, StoreError> {
    let mut decoder = Decoder::new(record)?;
    let mut alias = || decoder.optional_text()?.map(|text| text.parse().map_err(|_| RECORD)).transpose();
    let (alias, former) = (alias()?, alias()?);
    let (versions, suites) = (decode_list(&mut decoder)?, decode_list(&mut decoder)?);
    let hsts = match decoder.integer()? {
        0 => false,
        1 => true,
        _ => return Err(RECORD),
    };
    decoder.end()?;
    Ok(WebServer { alias, former, versions, suites, hsts })
}

impl Read<'_> {
    /// What was chosen; the default if nothing was.
    pub(crate) fn web_server(&self) -> Result<WebServer, StoreError> {
        let record = self.get(&record_key())?;
        record.map_or_else(|| Ok(WebServer::default()), |record| from_record(&record))
    }
}

impl Write<'_> {
    pub(crate) fn put_web_server(&self, web_server: &WebServer) {
        if *web_server == WebServer::default() {
            self.delete(record_key());
        } else {
            self.put(record_key(), to_record(web_server));
        }
    }

    /// The choice of an entry goes with it to its new alias.
    pub(super) fn show_renamed(&self, head: &EntryHead, alias: &Alias) -> Result<(), StoreError> {
        let mut web_server = self.as_read().web_server()?;
        let renamed = |shown: &mut Option<Alias>| {
            let is_it = shown.as_ref() == Some(&head.alias);
            if is_it {
                *shown = Some(alias.clone());
            }
            is_it
        };
        if renamed(&mut web_server.alias) | renamed(&mut web_server.former) {
            self.put_web_server(&web_server);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web_server::{CipherSuite, TlsVersion};

    #[test]
    fn no_two_byte_strings_are_one_record() {
        let web_server = WebServer {
            alias: Some("www".parse().unwrap()),
            former: None,
            versions: Some(vec![TlsVersion::Tls13]),
            suites: Some(vec![CipherSuite::Aes128GcmSha256, CipherSuite::Aes256GcmSha384]),
            hsts: true,
        };
        let record = to_record(&web_server);
        assert_eq!(from_record(&record).unwrap(), web_server);
        assert_eq!(from_record(&to_record(&WebServer::default())).unwrap(), WebServer::default());
        for length in 0..record.len() {
            assert!(from_record(&record[..length]).is_err(), "cut at {length}");
        }
        for at in 0..record.len() {
            for value in 0..=255_u8 {
                let mut other = record.clone();
                other[at] = value;
                if let Ok(read) = from_record(&other) {
                    assert_eq!(to_record(&read), other, "{at} {value}");
                }
            }
        }
        assert!(from_record(&[record.as_slice(), &[0]].concat()).is_err());
    }
}
