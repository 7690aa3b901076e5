//! Administrators. Their password hashes are sealed: who can read the file cannot guess at them.

use std::net::IpAddr;

use super::{
    Read, StoreError, Write,
    codec::{Decoder, Encoder, MALFORMED},
    key::{self, Tag},
    read::RECORD,
};
use crate::{
    account::{AccountHash, AccountName, SignIn, TokenStamp, network_of},
    instant::{self, seconds},
    privilege::Privileges,
    seal::Ledger,
};

/// The most administrators that are listed.
const MOST: usize = 100_000;

/// The most networks of which an administrator's last sign-in is kept.
const MOST_SIGN_INS: usize = 16;

/// An administrator as stored.
#[derive(Clone)]
pub(crate) struct AccountRow {
    pub(crate) name: String,
    pub(crate) hash: AccountHash,
    pub(crate) created_at: i64,
    pub(crate) privileges: Privileges,
    /// What tokens are bound to.
    pub(crate) stamp: TokenStamp,
    /// When the stamp was drawn; 0 if that was at the beginning.
    pub(crate) tokens_not_before: i64,
    /// The last of each network, the latest first.
    pub(crate) sign_ins: Vec<SignIn>,
}

/// A name in lower case, and the administrator or why it cannot be shown.
pub(crate) type ListedAccount = (String, Result<AccountRow, StoreError>);

impl AccountRow {
    fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }

    fn to_record(&self, ledger: &Ledger) -> Result<Vec<u8>, StoreError> {
        let sealed = ledger.seal_account(&self.key(), self.hash.as_str())?;
        let mut encoder = Encoder::new();
        encoder.text(&self.name).integer(self.created_at).bytes(&sealed);
        encoder.integer(self.privileges.to_bits().into()).bytes(self.stamp.as_bytes());
        encoder.integer(self.tokens_not_before).list(self.sign_ins.len());
        for sign_in in &self.sign_ins {
            encoder.text(&sign_in.address.to_string()).integer(seconds(sign_in.at));
        }
        Ok(encoder.done())
    }

    fn from_record(key: &str, record: &[u8], ledger: &Ledger) -> Result<Self, StoreError> {
        let mut decoder = Decoder::new(record)?;
        let (name, created_at) = (decoder.text()?.to_owned(), decoder.integer()?);
        let hash = AccountHash::from_stored(ledger.open_account(key, decoder.bytes()?)?);
        let mut row = Self {
            name,
            hash,
            created_at,
            privileges: Privileges::ALL,
            stamp: TokenStamp::default(),
            tokens_not_before: 0,
            sign_ins: Vec::new(),
        };
        // One that was stored before there were privileges ends here, and may do everything.
        if !decoder.is_at_end() {
            let bits = u8::try_from(decoder.integer()?).map_err(|_| MALFORMED)?;
            row.privileges = Privileges::from_bits(bits).ok_or(MALFORMED)?;
            row.stamp = TokenStamp::from_bytes(decoder.fixed()?);
            row.tokens_not_before = decoder.integer()?;
            let sign_ins = (0..decoder.list()?).map(|_| sign_in(&mut decoder));
            row.sign_ins = sign_ins.collect::<Result<_, _>>()?;
        }
        decoder.end()?;
        if row.key() == key { Ok(row) } else { Err(RECORD) }
    }

    /// Notes a sign-in, in place of the former one of the same network.
    pub(crate) fn signed_in(&mut self, address: IpAddr, at: i64) {
        let network = network_of(address);
        self.sign_ins.retain(|former| network_of(former.address) != network);
        self.sign_ins.insert(0, SignIn { address, at: instant::at(at) });
        self.sign_ins.truncate(MOST_SIGN_INS);
    }
}

fn sign_in(decoder: &mut Decoder<'_>) -> Result<SignIn, StoreError> {
    let text = decoder.text()?;
    let address: IpAddr = text.parse().map_err(|_| MALFORMED)?;
    // One address, one text.
    if address.to_string() != text {
        return Err(MALFORMED);
    }
    Ok(SignIn { address, at: instant::at(decoder.integer()?) })
}

impl Read<'_> {
    /// All administrators by name.
    pub(crate) fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.listed_accounts()?.into_iter().map(|(_, row)| row).collect()
    }

    /// The same with what is damaged in its place, by its name in lower case.
    pub(crate) fn listed_accounts(&self) -> Result<Vec<ListedAccount>, StoreError> {
        let listed = self.list(&[Tag::Administrator.byte()], &[], MOST)?;
        let rows = listed.into_iter().map(|(key, record)| {
            let name =
                key.get(1..key.len().saturating_sub(1)).and_then(|name| std::str::from_utf8(name).ok());
            let name = name.ok_or(RECORD)?.to_owned();
            let row = record.and_then(|record| AccountRow::from_record(&name, &record, self.ledger));
            Ok((name, row))
        });
        rows.collect()
    }

    /// The administrator of a name, whatever its case.
    pub(crate) fn account(&self, name: &AccountName) -> Result<Option<AccountRow>, StoreError> {
        let record = self.get(&key::text(Tag::Administrator, &name.key()))?;
        record.map(|record| AccountRow::from_record(&name.key(), &record, self.ledger)).transpose()
    }
}

impl Write<'_> {
    /// Adds an administrator; [`StoreError::UserExists`] if there is one of that name.
    pub(crate) fn insert_account(&self, row: &AccountRow) -> Result<(), StoreError> {
        if self.as_read().get(&key::text(Tag::Administrator, &row.key()))?.is_some() {
            return Err(StoreError::UserExists { name: row.name.clone() });
        }
        self.put_account(row)
    }

    /// Changes an administrator; [`StoreError::NoSuchUser`] if there is none of that name.
    pub(crate) fn change_account(
        &self,
        name: &AccountName,
        change: impl FnOnce(&mut AccountRow),
    ) -> Result<AccountRow, StoreError> {
        let row = self.as_read().account(name)?;
        let mut row = row.ok_or_else(|| StoreError::NoSuchUser { name: name.as_str().to_owned() })?;
        change(&mut row);
        self.put_account(&row)?;
        Ok(row)
    }

    pub(super) fn put_account(&self, row: &AccountRow) -> Result<(), StoreError> {
        let record = row.to_record(self.ledger())?;
        self.put(key::text(Tag::Administrator, &row.key()), record);
        Ok(())
    }

    /// Removes an administrator; [`StoreError::NoSuchUser`] if there is none of that name.
    pub(crate) fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        let key = key::text(Tag::Administrator, &name.key());
        match self.as_read().get(&key) {
            // One that is damaged goes as well: its name is proved.
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => {
                self.delete(key);
                Ok(())
            }
            Ok(None) => Err(StoreError::NoSuchUser { name: name.as_str().to_owned() }),
            Err(other) => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::RootKey;

    fn row() -> AccountRow {
        AccountRow {
            name: "Alice".to_owned(),
            hash: AccountHash::from_stored("$argon2id$".to_owned()),
            created_at: 1,
            privileges: Privileges::NONE,
            stamp: TokenStamp::from_bytes([5; 16]),
            tokens_not_before: 7,
            sign_ins: Vec::new(),
        }
    }

    #[test]
    fn record_comes_back_and_an_old_one_may_do_everything() {
        let ledger = RootKey::generate([3; 16], 1).unwrap().ledger();
        let mut alice = row();
        alice.signed_in("192.0.2.1".parse().unwrap(), 8);
        alice.signed_in("2001:db8::1".parse().unwrap(), 9);
        let record = alice.to_record(&ledger).unwrap();
        let read = AccountRow::from_record("alice", &record, &ledger).unwrap();
        assert_eq!((read.privileges, read.stamp, read.tokens_not_before), (Privileges::NONE, alice.stamp, 7));
        assert_eq!(read.sign_ins, alice.sign_ins);
        assert!(AccountRow::from_record("bob", &record, &ledger).is_err());

        let sealed = ledger.seal_account("alice", "$argon2id$").unwrap();
        let old = Encoder::new().text("Alice").integer(1).bytes(&sealed).done();
        let read = AccountRow::from_record("alice", &old, &ledger).unwrap();
        assert_eq!((read.privileges, read.tokens_not_before), (Privileges::ALL, 0));
        for length in (old.len() + 1)..record.len() {
            assert!(AccountRow::from_record("alice", &record[..length], &ledger).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn last_sign_in_of_each_network_is_kept_and_no_more_than_sixteen() {
        let mut alice = row();
        for host in 0..40_u8 {
            alice.signed_in(IpAddr::from([192, 0, 2, host]), i64::from(host));
        }
        assert_eq!(alice.sign_ins.len(), MOST_SIGN_INS);
        assert_eq!(alice.sign_ins[0], SignIn { address: IpAddr::from([192, 0, 2, 39]), at: instant::at(39) });
        alice.signed_in(IpAddr::from([192, 0, 2, 30]), 50);
        assert_eq!(alice.sign_ins[0].at, instant::at(50));
        alice.signed_in("2001:db8::1".parse().unwrap(), 51);
        alice.signed_in("2001:db8::2".parse().unwrap(), 52);
        assert_eq!(alice.sign_ins[1].at, instant::at(50), "one network of IPv6, one sign-in");
    }
}
